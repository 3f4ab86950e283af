"""What the cache keeps is whole, bounded, and counted exactly: RFC 9111, section 3.3."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import Callable

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.proxy.caching.cache import SharedCache
from gateway.proxy.caching.directives import NOTHING_SAID
from gateway.proxy.caching.freshness import Times
from gateway.proxy.caching.storable import Policy
from gateway.proxy.caching.store import Bounds, Store
from gateway.proxy.caching.stored import Answer, Stored
from tests.gateway.caching.conftest import Origin
from tests.gateway.conftest import Open
from tests.gateway.stage import Seen

Script = tuple[str, str]


def entry(key: str, size: int, *, at: float = 0.0, vary: str = "", groups: str = "") -> Stored:
    fields = [(b"vary", b"foo")] if vary else []
    if groups:
        fields.append((b"cache-groups", groups.encode()))
    answer = Answer(200, fields, b"x" * size, at, at)
    stored = Stored(
        key.encode(), answer, Policy(NOTHING_SAID, 60, False), Times(None, None, None, 0), 0
    )
    stored.values = (vary.encode(),) if vary else ()
    return stored


def honest(store: Store) -> None:
    """The books agree with what is there."""
    kept = [each for shelf in store.shelves.values() for each in shelf.all()]
    assert store.used == sum(each.size for each in kept) <= store.bounds.total
    assert len(store) == len(kept)
    assert set(store._by_group) == {group for each in kept for group in each.groups}


KEYS = st.sampled_from([f"http://a/{name}" for name in "abcde"])
STEPS = st.one_of(
    st.tuples(st.just("put"), KEYS, st.integers(0, 9000), st.sampled_from(["", "1", "2", "3"])),
    st.tuples(st.just("drop"), KEYS, st.just(0), st.just("")),
    st.tuples(st.just("group"), KEYS, st.just(0), st.just("")),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(STEPS, max_size=40))
def test_the_books_are_right_whatever_happens(steps: list[tuple[str, str, int, str]]) -> None:
    store = Store(Bounds(total=20_000, entry=8_000, variants=2))
    for at, (what, key, size, vary) in enumerate(steps):
        if what == "put":
            store.put(entry(key, size, at=at, vary=vary, groups=f'"{key[-1]}", "all"'))
        elif what == "drop":
            store.drop_key(key.encode())
        else:
            store.drop_group(key[-1].encode())
        honest(store)

    store.drop_group(b"all")
    assert (store.used, len(store)) == (0, 0)


def test_the_least_recently_used_goes_first(
    visitor: httpx.Client, origin: Origin, open_gateway: Open
) -> None:
    gateway = open_gateway(cache_bytes=60_000)
    for path in ("/a", "/b", "/c"):
        origin.says("max-age=60", path=path, body="x" * 20_000)
    for path in ("/a", "/b", "/a", "/c", "/a", "/b"):
        httpx.get(f"{gateway.url}{path}", trust_env=False)

    assert [seen.target for seen in origin.seen] == ["/a", "/b", "/c", "/b"]
    assert gateway.app.cache.memory.store.used <= 60_000


@pytest.mark.parametrize("chunked", [False, True])
def test_an_answer_that_is_too_long_streams_through(
    open_gateway: Open, origin: Origin, chunked: bool
) -> None:
    gateway = open_gateway(cache_entry_bytes=100_000)
    body = bytes(range(256)) * 2000

    async def long(_: Seen, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        framing = b"transfer-encoding: chunked" if chunked else b"content-length: %d" % len(body)
        writer.write(b"HTTP/1.1 200 OK\r\ncache-control: max-age=60\r\n" + framing + b"\r\n\r\n")
        for at in range(0, len(body), 50_000):
            piece = body[at : at + 50_000]
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
            await writer.drain()
        if chunked:
            writer.write(b"0\r\n\r\n")

    origin.upstream.on("/a", long)

    bodies = [httpx.get(f"{gateway.url}/a", trust_env=False).content for _ in range(2)]

    assert bodies == [body, body]
    assert len(origin.seen) == 2
    assert len(gateway.app.cache.memory.store) == 0


@pytest.mark.parametrize(
    "raw",
    [
        b"content-length: 100\r\n\r\nonly this",
        b"transfer-encoding: chunked\r\n\r\n9\r\nonly this\r\n",
    ],
)
def test_an_answer_that_breaks_off_is_not_kept(
    visitor: httpx.Client, origin: Origin, cache: SharedCache, raw: bytes
) -> None:
    async def break_off(_: Seen, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncache-control: max-age=60\r\n" + raw)
        await writer.drain()
        writer.transport.abort()

    origin.upstream.on("/a", break_off)

    assert visitor.get("/a").status_code == 502
    assert len(cache.memory.store) == 0


def test_an_answer_without_known_length_is_kept_with_its_length(
    visitor: httpx.Client, origin: Origin
) -> None:
    async def chunks(_: Seen, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(
            b"HTTP/1.1 200 OK\r\ncache-control: max-age=60\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        writer.write(b"5\r\nhello\r\n0\r\nx-trailer: 1\r\n\r\n")

    origin.upstream.on("/a", chunks)
    visitor.get("/a")

    response = visitor.get("/a")

    assert (response.text, response.headers["content-length"]) == ("hello", "5")
    assert "x-trailer" not in response.headers


def test_no_bytes_mean_no_cache(open_gateway: Open, origin: Origin) -> None:
    gateway = open_gateway(cache_bytes=0)
    origin.says("max-age=60")

    for _ in range(2):
        httpx.get(f"{gateway.url}/a", trust_env=False)

    assert gateway.app.cache is None
    assert len(origin.seen) == 2


def test_many_addresses_stay_within_the_limit(open_gateway: Open, origin: Origin) -> None:
    gateway = open_gateway(cache_bytes=50_000)
    origin.says("max-age=60")
    with httpx.Client(base_url=gateway.url, trust_env=False) as client:
        for number in range(100):
            client.get(f"/a?{number}")

    store = gateway.app.cache.memory.store
    assert 0 < store.used <= 50_000
    assert store.evicted == 100 - len(store)


def test_targets_that_are_not_shared_are_remembered_in_little_room(
    visitor: httpx.Client, origin: Origin, cache: SharedCache
) -> None:
    """However long they are: anybody may make them up."""
    origin.says("private")

    for number in range(20):
        visitor.get("/a", params={"q": f"{number}" + "x" * 6000})

    alone = cache.asking._alone
    assert len(alone) == 20
    assert all(len(repr(each)) < 64 for each in alone)


def test_what_is_counted_is_what_it_takes() -> None:
    """The limit is one of memory, not of bodies."""
    store = Store(Bounds())
    made = [answer_of(number) for number in range(600)]
    for each in made[:100]:
        store.put(each())
    tracemalloc.start()
    taken, used = tracemalloc.get_traced_memory()[0], store.used
    for each in made[100:]:
        store.put(each())
    taken, used = tracemalloc.get_traced_memory()[0] - taken, store.used - used
    tracemalloc.stop()

    assert 0.75 < used / taken < 1.5


def answer_of(number: int) -> Callable[[], Stored]:
    def make() -> Stored:
        fields = [(b"x-field-%d" % n, b"%040d" % (number + n)) for n in range(12)]
        fields.append((b"cache-groups", b'"product-%d", "all"' % number))
        answer = Answer(200, fields, bytes(1000), 0, 0)
        times = Times(None, None, None, 0)
        return Stored(b"http://a/%d" % number, answer, Policy(NOTHING_SAID, 60, False), times, 0)

    return make
