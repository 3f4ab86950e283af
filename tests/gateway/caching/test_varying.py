"""Answers that vary: RFC 9111, section 4.1."""

from __future__ import annotations

import httpx
import pytest

from gateway.proxy.caching.cache import SharedCache
from tests.gateway.caching.conftest import Origin, status_of_cache


@pytest.mark.parametrize(
    ("vary", "first", "second", "same"),
    [
        ("foo", {"foo": "1"}, {"foo": "1"}, True),
        ("foo", {"foo": "1"}, {"foo": "2"}, False),
        ("foo", {"foo": "1"}, {}, False),
        ("foo", {}, {"foo": "1"}, False),
        ("foo", {}, {}, True),
        ("foo", {"bar": "1"}, {"bar": "2"}, True),
        ("FOO", {"foo": "1"}, {"foo": "2"}, False),
        ("foo, bar", {"foo": "1", "bar": "1"}, {"foo": "1", "bar": "2"}, False),
        ("foo, bar", {"foo": "1", "bar": "1"}, {"foo": "1", "bar": "1"}, True),
        (", foo,", {"foo": "1"}, {"foo": "2"}, False),
        ("foo", {"foo": "a, b"}, {"foo": "a,b"}, True),
        ("foo", {"foo": "a , b"}, {"foo": "a,  b"}, True),
        ("foo", {"foo": "a, b"}, {"foo": "b, a"}, False),
        ("foo", {"foo": "a"}, {"foo": "A"}, False),
        ("Accept-Language", {"accept-language": "en, de"}, {"accept-language": "EN,de"}, True),
        ("accept-encoding", {"accept-encoding": "gzip"}, {"accept-encoding": "GZIP"}, True),
        ("accept-encoding, foo", {}, {}, True),
        ("*", {}, {}, False),
        ("foo, *", {"foo": "1"}, {"foo": "1"}, False),
        ("cookie", {"cookie": "a=1"}, {"cookie": "a=2"}, False),
        ("cookie", {"cookie": "a=1"}, {"cookie": "a=1"}, True),
    ],
)
def test_an_answer_fits_requests_that_say_the_same_in_the_named_fields(
    visitor: httpx.Client, origin: Origin, vary: str, first: dict[str, str],
    second: dict[str, str], same: bool,
) -> None:  # fmt: skip
    origin.says("max-age=60", vary=vary)
    visitor.get("/a", headers=first)

    visitor.get("/a", headers=second)

    assert len(origin.seen) == (1 if same else 2)


def test_several_lines_of_vary_are_one(visitor: httpx.Client, origin: Origin) -> None:
    from tests.gateway.stage import answer, says

    origin.upstream.on(
        "/a", says(answer(b"x", "cache-control: max-age=60", "vary: foo", "vary: bar"))
    )
    for bar in "112":
        visitor.get("/a", headers={"foo": "1", "bar": bar})

    assert len(origin.seen) == 2


def test_several_variants_are_kept_side_by_side(visitor: httpx.Client, origin: Origin) -> None:
    for _ in range(3):
        origin.says("max-age=60", vary="foo")
    texts = [visitor.get("/a", headers={"foo": foo}).text for foo in "1231213"]

    assert texts == [f"answer {int(foo) - 1}" for foo in "1231213"]
    assert len(origin.seen) == 3


def test_another_variant_is_told_apart_from_another_address(
    visitor: httpx.Client, origin: Origin
) -> None:
    """RFC 9211, section 2.2."""
    origin.says("max-age=60", vary="foo")
    visitor.get("/a", headers={"foo": "1"})

    response = visitor.get("/a", headers={"foo": "2"})

    assert status_of_cache(response).startswith("quintet; fwd=vary-miss")


def test_the_newest_of_several_that_fit_is_used(visitor: httpx.Client, origin: Origin) -> None:
    """Section 4.1: by Date."""
    origin.says("max-age=60", vary="foo")
    origin.says("max-age=60")
    visitor.get("/a", headers={"foo": "1"})
    visitor.get("/a", headers={"foo": "2"})

    assert visitor.get("/a", headers={"foo": "1"}).text == "answer 1"


def test_hostile_variants_take_no_more_than_their_room(
    visitor: httpx.Client, origin: Origin, cache: SharedCache
) -> None:
    origin.says("max-age=60", vary="foo", path="/a")
    origin.says("max-age=60", path="/b")
    visitor.get("/b")

    for number in range(60):
        visitor.get("/a", headers={"foo": str(number)})

    bounds = cache.memory.store.bounds
    assert len(cache.memory.store) == bounds.variants + 1
    visitor.get("/b")
    assert len([seen for seen in origin.seen if seen.target == "/b"]) == 1


def test_an_answer_that_varies_by_too_much_is_not_kept(
    visitor: httpx.Client, origin: Origin, cache: SharedCache
) -> None:
    origin.says("max-age=60", vary=", ".join(f"field-{n}" for n in range(40)))

    visitor.get("/a")
    visitor.get("/a")

    assert len(origin.seen) == 2
    assert len(cache.memory.store) == 0
