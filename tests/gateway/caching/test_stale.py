"""Stale answers that may still be used: RFC 5861; RFC 9111, section 4.2.4."""

from __future__ import annotations

import asyncio
import threading

import httpx
import pytest

from gateway.proxy.caching.cache import SharedCache
from tests.gateway.caching.conftest import Origin, Watch, status_of_cache
from tests.gateway.stage import Seen, answer, wait_until


def test_a_stale_answer_is_given_while_a_newer_one_is_asked_for(
    visitor: httpx.Client, origin: Origin, watch: Watch
) -> None:
    """RFC 5861, section 3."""
    origin.says("max-age=60, stale-while-revalidate=30", etag='"a"')
    origin.says("max-age=60", etag='"b"')
    visitor.get("/a")
    watch.pass_by(70)

    second = visitor.get("/a")
    wait_until(lambda: len(origin.seen) == 2)
    wait_until(lambda: visitor.get("/a").text == "answer 1")

    assert second.text == "answer 0"
    assert int(status_of_cache(second).rpartition("=")[2]) < 0
    assert int(second.headers["age"]) >= 70
    assert origin.seen[1].one("if-none-match") == '"a"'


@pytest.mark.parametrize(
    ("cache_control", "later"),
    [
        ("max-age=60, stale-while-revalidate=30", 100),
        ("max-age=60, stale-while-revalidate=0", 70),
        ("max-age=60, stale-while-revalidate=30, must-revalidate", 70),
        ("max-age=60, stale-while-revalidate=30, proxy-revalidate", 70),
        ("s-maxage=60, stale-while-revalidate=30", 70),
        ("max-age=60, stale-while-revalidate=30, no-cache", 1),
        ("max-age=60, stale-while-revalidate=x", 70),
    ],
)
def test_outside_of_that_window_the_service_is_asked_first(
    visitor: httpx.Client, origin: Origin, watch: Watch, cache_control: str, later: int
) -> None:
    origin.says(cache_control, etag='"a"')
    origin.says("max-age=60", etag='"b"')
    visitor.get("/a")
    watch.pass_by(later)

    assert visitor.get("/a").text == "answer 1"


def test_many_stale_answers_cost_one_question(
    visitor: httpx.Client, origin: Origin, watch: Watch
) -> None:
    origin.says("max-age=60, stale-while-revalidate=30", etag='"a"')
    visitor.get("/a")
    watch.pass_by(70)

    go_on = threading.Event()

    async def wait(_: Seen, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not go_on.is_set():
            await asyncio.sleep(0.005)
        writer.write(answer(b"new", "cache-control: max-age=60"))

    origin.upstream.on("/a", wait)

    texts = {visitor.get("/a").text for _ in range(10)}

    wait_until(lambda: len(origin.seen) == 2)
    assert texts == {"answer 0"}
    assert len(origin.seen) == 2
    go_on.set()
    wait_until(lambda: visitor.get("/a").text == "new")


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_stale_answer_stands_in_for_an_error(
    visitor: httpx.Client, origin: Origin, watch: Watch, cache: SharedCache, status: int
) -> None:
    """RFC 5861, section 4."""
    origin.says("max-age=60, stale-if-error=600", etag='"a"')
    origin.says("", status=status)
    visitor.get("/a")
    watch.pass_by(100)

    response = visitor.get("/a")

    assert (response.status_code, response.text) == (200, "answer 0")
    assert int(response.headers["age"]) >= 100
    assert status_of_cache(response).startswith("quintet; fwd=stale")


def test_a_stale_answer_stands_in_for_a_service_that_is_gone(
    visitor: httpx.Client, origin: Origin, watch: Watch
) -> None:
    origin.says("max-age=60, stale-if-error=600")
    visitor.get("/a")
    watch.pass_by(100)

    async def hang_up(_: Seen, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    origin.upstream.on("/a", hang_up)

    assert visitor.get("/a").text == "answer 0"


@pytest.mark.parametrize(
    ("cache_control", "status"),
    [
        ("max-age=60, stale-if-error=10", 503),
        ("max-age=60", 503),
        ("s-maxage=60, stale-if-error=600", 503),
        ("max-age=60, stale-if-error=600", 404),
    ],
)
def test_nothing_stands_in_where_nobody_allows_it(
    visitor: httpx.Client, origin: Origin, watch: Watch, cache_control: str, status: int
) -> None:
    origin.says(cache_control, etag='"a"')
    origin.says("", status=status)
    visitor.get("/a")
    watch.pass_by(100)

    assert visitor.get("/a").status_code == status
