"""Connections to services: reused, replaced when they died of old age, bounded, never leaked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.gateway.conftest import Services
from tests.gateway.stage import RunningGateway, Seen, answer, connect, get, says, tell, wait_until

Open = Callable[..., RunningGateway]


async def hang_up(_: Seen, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def say_nothing(_: Seen, reader: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    await reader.read()


def test_bytes_that_nobody_asked_for_never_become_an_answer(
    client: httpx.Client, services: Services
) -> None:
    services.catalog.on("/evil", says(answer(b"first") + answer(b"smuggled")))

    client.get("/evil")
    time.sleep(0.05)
    second = client.get("/")

    assert second.text != "smuggled"
    assert services.catalog.connections == 2


def test_a_connection_that_died_of_old_age_is_replaced_unseen(
    client: httpx.Client, services: Services
) -> None:
    async def answer_once(
        seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if len(services.catalog.seen) == 2:
            writer.transport.abort()
        else:
            await tell(seen, reader, writer)

    services.catalog.on("/", answer_once)

    statuses = [client.get("/").status_code for _ in range(2)]

    assert statuses == [200, 200]
    assert len(services.catalog.seen) == 3


def test_a_new_connection_that_dies_is_not_tried_again(
    client: httpx.Client, services: Services
) -> None:
    services.catalog.on("/", hang_up)

    assert client.get("/").status_code == 502
    assert len(services.catalog.seen) == 1


@pytest.mark.parametrize(("headers", "times"), [({}, 1), ({"Idempotency-Key": "abc"}, 2)])
def test_a_change_is_sent_again_only_if_that_is_safe(
    client: httpx.Client, services: Services, headers: dict[str, str], times: int
) -> None:
    services.shop.on("/api/shop/v1/orders", hang_up)
    client.get("/cart")

    response = client.post("/api/shop/v1/orders", json={}, headers=headers)

    assert response.status_code == 502
    assert len([seen for seen in services.shop.seen if seen.method == "POST"]) == times


def test_a_restarted_service_is_found_again(client: httpx.Client, services: Services) -> None:
    client.get("/")
    services.catalog.drop_connections()

    assert client.get("/").status_code == 200


def test_idle_connections_are_closed_before_the_service_does(
    open_gateway: Open, services: Services
) -> None:
    gateway = open_gateway(idle_timeout=0.2)

    get(gateway.url)

    wait_until(lambda: services.catalog.connections == 1 and services.catalog.open == 0)
    wait_until(lambda: gateway.app.pools["catalog"].opened == 0)


def test_requests_queue_for_a_bounded_pool_and_then_are_told_it_is_busy(
    open_gateway: Open, services: Services
) -> None:
    async def slow(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.25)
        await tell(seen, reader, writer)

    services.shop.on("/cart", slow)
    gateway = open_gateway(pool_size=2, queue_timeout=0.35)

    with ThreadPoolExecutor(8) as clients:
        urls = [f"{gateway.url}/cart"] * 8
        responses = list(clients.map(get, urls))

    statuses = sorted(each.status_code for each in responses)
    assert services.shop.connections == 2
    assert statuses[:4] == [200] * 4
    assert statuses[-1] == 503
    assert {each.headers.get("retry-after") for each in responses} == {None, "1"}


def test_a_full_queue_is_told_at_once(open_gateway: Open, services: Services) -> None:
    services.shop.on("/cart", say_nothing)
    gateway = open_gateway(pool_size=1, pool_queue=0, read_timeout=1.0)

    with connect(gateway.port) as first:
        first.sendall(b"GET /cart HTTP/1.1\r\nhost: a\r\n\r\n")
        wait_until(lambda: services.shop.seen)
        response = get(f"{gateway.url}/cart")

    assert response.status_code == 503


def test_nothing_leaks_after_a_storm_of_leavers(
    gateway: RunningGateway, services: Services
) -> None:
    async def slow(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.02)
        await tell(seen, reader, writer)

    services.shop.on("/cart", slow)

    for n in range(100):
        with connect(gateway.port) as client:
            client.sendall(b"GET /cart HTTP/1.1\r\nhost: a\r\n\r\n")
            time.sleep(0.0005 * (n % 60))

    pool = gateway.app.pools["shop"]
    wait_until(lambda: not gateway.app.clock.in_flight)
    wait_until(lambda: pool.opened == len(pool.idle))
    assert not pool.waiters
