"""Clients that leave, or have little time, while a question of the cache is under way."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import httpx
import pytest

from gateway.proxy.caching.cache import SharedCache
from gateway.proxy.caching.fetching import Fetching
from tests.gateway.caching.conftest import Origin, Slow
from tests.gateway.stage import RunningGateway, connect, wait_until


@pytest.fixture
def slow(origin: Origin) -> Iterator[Slow]:
    slow = Slow(origin, "cache-control: max-age=60")
    yield slow
    slow.go_on.set()


@pytest.fixture
def fetching(cache: SharedCache) -> Fetching:
    return cache.asking.fetching


def ask(gateway: RunningGateway, target: str = "/a") -> socket.socket:
    client = connect(gateway.port)
    host = f"127.0.0.1:{gateway.port}"
    client.sendall(f"GET {target} HTTP/1.1\r\nhost: {host}\r\n\r\n".encode())
    return client


def followers(fetching: Fetching) -> int:
    return sum(len(fetch.followers) for fetch in fetching.under_way.values())


def wait_until_nothing_is_busy(gateway: RunningGateway, fetching: Fetching) -> None:
    app = gateway.app
    gate, pool = app.gates["catalog"], app.pools["catalog"]
    wait_until(lambda: not (gate.in_flight or app.clock.in_flight or fetching.under_way))
    wait_until(lambda: pool.opened == pool.idle)


def test_questions_end_when_all_who_asked_have_left(
    cached_gateway: RunningGateway, fetching: Fetching, slow: Slow
) -> None:
    """Else whoever asks and leaves would keep a service busy for others."""
    with ExitStack() as clients:
        for number in range(8):
            clients.enter_context(ask(cached_gateway, f"/a?i={number}"))
        slow.wait_for(8)

    wait_until_nothing_is_busy(cached_gateway, fetching)


def test_a_question_ends_when_the_last_who_waited_with_others_has_left(
    cached_gateway: RunningGateway, fetching: Fetching, slow: Slow
) -> None:
    with ask(cached_gateway) as leader:
        slow.wait_for(1)
        with ask(cached_gateway), ask(cached_gateway):
            wait_until(lambda: followers(fetching) == 2)
            leader.close()
            with ask(cached_gateway):
                wait_until(lambda: followers(fetching) == 3)

    wait_until_nothing_is_busy(cached_gateway, fetching)
    assert len(slow.origin.seen) == 1


def test_whoever_comes_after_all_have_left_asks_anew(
    cached_gateway: RunningGateway, fetching: Fetching, visitor: httpx.Client, slow: Slow
) -> None:
    with ask(cached_gateway):
        slow.wait_for(1)
    wait_until(lambda: not fetching.under_way)
    slow.go_on.set()

    assert visitor.get("/a").text == "slow"
    assert len(slow.origin.seen) == 2


def test_a_question_has_the_time_that_its_client_has(
    cached_gateway: RunningGateway, fetching: Fetching, visitor: httpx.Client, slow: Slow
) -> None:
    response = visitor.get("/a", headers={"x-request-timeout-ms": "300"})

    assert response.status_code == 504
    assert response.json()["type"].endswith("deadline-spent")
    assert int(slow.origin.seen[0].one("x-request-timeout-ms")) <= 300
    wait_until_nothing_is_busy(cached_gateway, fetching)


def test_a_question_has_the_time_of_whoever_can_wait_longest(
    cached_gateway: RunningGateway, fetching: Fetching, visitor: httpx.Client, slow: Slow
) -> None:
    with ThreadPoolExecutor(2) as pool:
        hurried = pool.submit(visitor.get, "/a", headers={"x-request-timeout-ms": "2000"})
        slow.wait_for(1)
        patient = pool.submit(visitor.get, "/a")
        wait_until(lambda: followers(fetching) == 1)
        assert hurried.result().status_code == 504
        slow.go_on.set()

        assert patient.result().text == "slow"
    assert len(slow.origin.seen) == 1


def test_a_renewal_in_the_background_needs_nobody_to_wait_for_it(
    cached_gateway: RunningGateway, cache: SharedCache, origin: Origin, visitor: httpx.Client
) -> None:
    origin.says("max-age=0, stale-while-revalidate=60")
    visitor.get("/a")
    slow = Slow(origin, "cache-control: max-age=60")

    with ask(cached_gateway):
        slow.wait_for(2)
    slow.go_on.set()

    wait_until(lambda: visitor.get("/a").text == "slow")
    assert len(origin.seen) == 2
