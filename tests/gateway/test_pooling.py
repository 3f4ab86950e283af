"""Connections to services: reused, replaced when they died of old age, bounded, never leaked."""

from __future__ import annotations

import asyncio
import threading
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


def test_a_service_that_hangs_up_every_time_is_asked_three_times_and_no_more(
    open_gateway: Open, services: Services
) -> None:
    services.catalog.on("/", hang_up)

    assert get(open_gateway().url).status_code == 502
    assert len(services.catalog.seen) == 3


@pytest.mark.parametrize(("headers", "times"), [({}, 1), ({"Idempotency-Key": "abc"}, 4)])
def test_a_change_is_sent_again_only_if_that_is_safe(
    open_gateway: Open, services: Services, headers: dict[str, str], times: int
) -> None:
    services.shop.on("/api/shop/v1/orders", hang_up)
    url = open_gateway().url
    get(f"{url}/cart")

    response = httpx.post(f"{url}/api/shop/v1/orders", json={}, headers=headers, trust_env=False)

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


def test_a_connection_that_is_given_back_after_the_end_is_closed(
    open_gateway: Open, services: Services
) -> None:
    gateway = open_gateway()

    gateway.app.clock.loop.call_soon_threadsafe(gateway.app.reach.clusters.close_idle)

    assert get(gateway.url).status_code == 200
    wait_until(lambda: services.catalog.open == 0)


def test_requests_queue_for_a_bounded_pool_and_are_told_when_it_stays_busy(
    open_gateway: Open, services: Services
) -> None:
    go_on = threading.Event()

    async def slow(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not go_on.is_set():
            await asyncio.sleep(0.01)
        await tell(seen, reader, writer)

    services.shop.on("/cart", slow)
    gateway = open_gateway(pool_size=2, queue_timeout=0.3)

    with ThreadPoolExecutor(8) as clients:
        asking = [clients.submit(get, f"{gateway.url}/cart") for _ in range(8)]
        wait_until(lambda: sum(each.done() for each in asking) == 6)
        go_on.set()
        responses = [each.result() for each in asking]

    assert services.shop.connections == 2
    assert sorted(each.status_code for each in responses) == [200, 200, *[503] * 6]
    assert {each.headers.get("retry-after") for each in responses} == {None, "1"}


def test_whoever_queues_is_served_in_the_end(open_gateway: Open, services: Services) -> None:
    async def slow(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.02)
        await tell(seen, reader, writer)

    services.shop.on("/cart", slow)
    gateway = open_gateway(pool_size=2, queue_timeout=30)

    with ThreadPoolExecutor(8) as clients:
        responses = list(clients.map(get, [f"{gateway.url}/cart"] * 8))

    assert {each.status_code for each in responses} == {200}
    assert services.shop.connections == 2


def test_a_full_queue_is_told_at_once(open_gateway: Open, services: Services) -> None:
    services.shop.on("/cart", say_nothing)
    gateway = open_gateway(pool_size=1, pool_queue=0)

    with connect(gateway.port) as first:
        first.sendall(b"GET /cart HTTP/1.1\r\nhost: a\r\n\r\n")
        wait_until(lambda: services.shop.seen)
        response = get(f"{gateway.url}/cart")

    assert response.status_code == 503


def test_whoever_leaves_the_queue_leaves_a_place_in_it(
    open_gateway: Open, services: Services
) -> None:
    services.catalog.on("/api/catalog/x", say_nothing)
    gateway = open_gateway(pool_size=1, pool_queue=1)
    pool = gateway.app.pools["catalog"].replicas[0].pool
    ask = b"GET /api/catalog/x HTTP/1.1\r\nhost: a\r\n\r\n"
    with connect(gateway.port) as served:
        served.sendall(ask)
        wait_until(lambda: services.catalog.seen)
        with connect(gateway.port) as waiting:
            waiting.sendall(ask)
            wait_until(lambda: pool.waiters)

        wait_until(lambda: not pool.waiters)


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
    wait_until(lambda: pool.opened == pool.idle)
    assert not pool.waiting


def test_what_cannot_be_sent_twice_is_not_sent_to_where_nobody_listens_any_more(
    open_gateway: Open, services: Services
) -> None:
    gateway = open_gateway()
    for _ in range(20):
        get(f"{gateway.url}/cart")
        services.shop.drop_connections()
        posted = httpx.post(f"{gateway.url}/api/shop/v1/orders", json={}, trust_env=False)

        assert posted.status_code == 200
