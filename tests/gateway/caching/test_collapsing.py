"""One question for many requests at once: RFC 9111, section 4, "collapsed requests"."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import httpx
import pytest

from gateway.proxy.caching.cache import SharedCache
from tests.gateway.caching.conftest import Origin, Slow
from tests.gateway.conftest import Open
from tests.gateway.stage import RunningGateway, Seen, answer, connect, wait_until

CROWD = 12


@pytest.fixture
def crowd(visitor: httpx.Client) -> Iterator[Callable[..., list[Future[httpx.Response]]]]:
    """Starts many requests at once."""
    with ThreadPoolExecutor(CROWD) as pool:

        def start(count: int = CROWD, **headers: str) -> list[Future[httpx.Response]]:
            url = f"{visitor.base_url}/a"
            get = lambda: httpx.get(url, headers=headers, trust_env=False, timeout=30.0)  # noqa: E731
            return [pool.submit(get) for _ in range(count)]

        yield start


def under_way(cache: SharedCache) -> int:
    return sum(1 + len(fetch.followers) for fetch in cache.asking.fetching.under_way.values())


def test_a_crowd_costs_one_question(
    origin: Origin, cache: SharedCache, crowd: Callable[..., list[Future[httpx.Response]]]
) -> None:
    slow = Slow(origin, "cache-control: max-age=60")
    answers = crowd()
    wait_until(lambda: under_way(cache) == CROWD)
    slow.go_on.set()

    texts = [each.result().text for each in answers]
    statuses = [each.result().headers["cache-status"] for each in answers]

    assert texts == ["slow"] * CROWD
    assert len(origin.seen) == 1
    assert all("fwd=uri-miss" in each and "collapsed" in each for each in statuses)
    assert sum("stored" in each for each in statuses) == 1


@pytest.mark.parametrize(
    "fields", [["cache-control: no-store"], ["cache-control: private"], ["set-cookie: a=b"], []]
)
def test_nobody_gets_what_is_meant_for_another(
    origin: Origin, cache: SharedCache, fields: list[str],
    crowd: Callable[..., list[Future[httpx.Response]]],
) -> None:  # fmt: skip
    slow = Slow(origin, *fields)
    answers = crowd()
    wait_until(lambda: under_way(cache) == CROWD)
    slow.go_on.set()

    texts = [each.result().text for each in answers]

    assert texts == ["slow"] * CROWD
    assert len(origin.seen) == CROWD


def test_next_time_nobody_waits_for_an_answer_that_is_not_shared(
    origin: Origin, cache: SharedCache, crowd: Callable[..., list[Future[httpx.Response]]]
) -> None:
    slow = Slow(origin, "cache-control: private")
    first = crowd(1)
    slow.go_on.set()
    first[0].result()
    slow.go_on.clear()

    answers = crowd()
    slow.wait_for(1 + CROWD)
    slow.go_on.set()

    assert all(each.result().status_code == 200 for each in answers)


def test_a_client_that_leaves_takes_nothing_from_the_others(
    visitor: httpx.Client, origin: Origin, cache: SharedCache,
    crowd: Callable[..., list[Future[httpx.Response]]],
) -> None:  # fmt: skip
    slow = Slow(origin, "cache-control: max-age=60")
    port = visitor.base_url.port
    assert port is not None
    with connect(port) as leader:
        leader.sendall(b"GET /a HTTP/1.1\r\nhost: 127.0.0.1:%d\r\n\r\n" % port)
        slow.wait_for(1)
        answers = crowd()
        wait_until(lambda: under_way(cache) == 1 + CROWD)
    slow.go_on.set()

    assert [each.result().text for each in answers] == ["slow"] * CROWD
    assert len(origin.seen) == 1


def test_when_the_one_who_asks_fails_the_others_try_themselves(
    origin: Origin, cache: SharedCache, crowd: Callable[..., list[Future[httpx.Response]]]
) -> None:
    broken = threading.Event()

    async def break_once(
        seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if len(origin.seen) == 1:
            while not broken.is_set():
                await asyncio.sleep(0.005)
            writer.transport.abort()
        else:
            writer.write(answer(b"fine", "cache-control: max-age=60"))

    origin.upstream.on("/a", break_once)
    answers = crowd()
    wait_until(lambda: under_way(cache) == CROWD)
    broken.set()

    statuses = sorted(each.result().status_code for each in answers)

    assert statuses[: CROWD - 1] == [200] * (CROWD - 1)
    assert len(origin.seen) <= 4


def test_variants_are_asked_for_side_by_side(
    origin: Origin, cache: SharedCache, crowd: Callable[..., list[Future[httpx.Response]]]
) -> None:
    """What an answer varies by is known only when it is there."""
    slow = Slow(origin, "cache-control: max-age=60", "vary: foo")
    slow.go_on.set()
    crowd(1, foo="0")[0].result()
    slow.go_on.clear()

    answers = crowd(4, foo="1") + crowd(4, foo="2")
    slow.wait_for(3)
    wait_until(lambda: under_way(cache) == 8)
    slow.go_on.set()

    assert [each.result().text for each in answers] == ["slow"] * 8
    assert len(origin.seen) == 3


def test_whoever_waits_too_long_goes_alone(open_gateway: Open, origin: Origin) -> None:
    gateway: RunningGateway = open_gateway(cache_collapse_seconds=0.05)
    slow = Slow(origin, "cache-control: max-age=60")
    with ThreadPoolExecutor(3) as pool:
        get = lambda: httpx.get(f"{gateway.url}/a", trust_env=False, timeout=30.0)  # noqa: E731
        answers = [pool.submit(get) for _ in range(3)]
        slow.wait_for(3)
        slow.go_on.set()

        assert [each.result().text for each in answers] == ["slow"] * 3


def test_stored_answers_that_must_be_validated_are_asked_about_side_by_side(
    visitor: httpx.Client, origin: Origin, crowd: Callable[..., list[Future[httpx.Response]]]
) -> None:
    origin.says("no-cache", etag='"a"')
    visitor.get("/a")
    slow = Slow(origin, "cache-control: no-cache", 'etag: "a"', status="304 Not Modified")

    answers = crowd(5)
    slow.wait_for(6)
    slow.go_on.set()

    assert [each.result().text for each in answers] == ["answer 0"] * 5


@pytest.mark.parametrize("says", ["max-age=0", "no-store", "max-age=60"])
def test_clients_that_leave_at_any_moment_leave_nothing_behind(
    cached_gateway: RunningGateway, cache: SharedCache, origin: Origin, says: str
) -> None:
    async def soon(_: Seen, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(random.random() * 0.01)
        writer.write(answer(b"x" * 100_000, f"cache-control: {says}"))

    origin.upstream.on("/a", soon)
    app, fetching = cached_gateway.app, cache.asking.fetching
    for _ in range(60):
        with connect(cached_gateway.port) as client:
            client.sendall(b"GET /a HTTP/1.1\r\nhost: a\r\n\r\n")
            time.sleep(random.random() * 0.012)
        app.clock.loop.call_soon_threadsafe(lambda: cache.purge(everything=True))

    wait_until(lambda: not (app.clock.in_flight or fetching.under_way or fetching._tasks))
    assert httpx.get(f"{cached_gateway.url}/a", trust_env=False).content == b"x" * 100_000
    catalog = app.pools["catalog"]
    wait_until(lambda: catalog.opened == catalog.idle)
