"""What is sent a second time, to whom, and how often at most: seen from the services' side."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import httpx
import pytest

from tests.gateway.conftest import Services
from tests.gateway.stage import (
    Loop,
    RunningGateway,
    Script,
    Seen,
    Upstream,
    answer,
    connect,
    get,
    read_answer,
    says,
    status_of,
    tell,
)

Open = Callable[..., RunningGateway]
ORDERS = "/api/shop/v1/orders"


async def hang_up(_: Seen, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


def busy(*fields: str) -> Script:
    return says(answer(b"busy", *fields, status="503 Service Unavailable"))


def first(times: int, script: Script) -> Script:
    """Answer by `script` so often, then as usual."""
    left = iter(range(times))

    async def answer_(
        seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await (tell if next(left, None) is None else script)(seen, reader, writer)

    return answer_


@pytest.fixture
def other(loop: Loop) -> Iterator[Upstream]:
    """Another replica of the shop."""
    with closing(Upstream(loop, "shop")) as other:
        yield other


def asked(service: Upstream) -> list[Seen]:
    """What it was asked, beside how it is."""
    return [seen for seen in service.seen if seen.target != "/healthz"]


def both(services: Services, other: Upstream) -> str:
    return f"{services.shop.url},{other.url}"


@pytest.mark.parametrize("fault", [hang_up, busy()])
def test_what_can_be_repeated_is_sent_to_the_other_replica(
    open_gateway: Open, services: Services, other: Upstream, fault: Script
) -> None:
    services.shop.on("/cart", fault)
    gateway = open_gateway(shop_url=both(services, other), check_every=60)

    statuses = {get(f"{gateway.url}/cart").status_code for _ in range(6)}

    assert statuses == {200}
    assert asked(services.shop)
    assert len(asked(other)) == 6


def test_a_503_of_the_moment_is_asked_for_again(open_gateway: Open, services: Services) -> None:
    services.shop.on("/cart", first(2, busy("retry-after: 1")))
    gateway = open_gateway()

    assert get(f"{gateway.url}/cart").status_code == 200
    assert len(services.shop.seen) == 3


def test_the_only_replica_is_not_asked_again_what_it_has_answered(
    open_gateway: Open, services: Services
) -> None:
    services.shop.on("/cart", busy())
    gateway = open_gateway()

    assert get(f"{gateway.url}/cart").status_code == 503
    assert len(services.shop.seen) == 1


def test_a_service_that_asks_for_time_is_given_it_rfc_9110_10_2_3(
    open_gateway: Open, services: Services
) -> None:
    services.shop.on("/cart", busy("retry-after: 30"))
    gateway = open_gateway()

    response = get(f"{gateway.url}/cart")

    assert (response.status_code, response.text) == (503, "busy")
    assert response.headers["retry-after"] == "30"
    assert len(services.shop.seen) == 1


def test_the_last_answer_is_passed_on_as_it_is(open_gateway: Open, services: Services) -> None:
    services.shop.on("/cart", busy("retry-after: 0", "x-why: stock"))
    gateway = open_gateway()

    response = get(f"{gateway.url}/cart")

    assert (response.status_code, response.text) == (503, "busy")
    assert response.headers["x-why"] == "stock"
    assert len(services.shop.seen) == 3


@pytest.mark.parametrize("fault", [hang_up, busy()])
def test_an_order_without_a_key_is_never_sent_twice_rfc_9110_9_2_2(
    open_gateway: Open, services: Services, fault: Script
) -> None:
    services.shop.on(ORDERS, fault)
    gateway = open_gateway()

    httpx.post(f"{gateway.url}{ORDERS}", json={}, trust_env=False)

    assert len(services.shop.seen) == 1


def test_an_order_with_a_key_is_sent_again_with_the_same_body(
    open_gateway: Open, services: Services
) -> None:
    services.shop.on(ORDERS, first(1, busy("retry-after: 0")))
    gateway = open_gateway()
    key = {"Idempotency-Key": "order-1"}

    response = httpx.post(f"{gateway.url}{ORDERS}", json={"a": 1}, headers=key, trust_env=False)

    assert response.status_code == 200
    assert [seen.body for seen in services.shop.seen] == [b'{"a":1}'] * 2
    assert [seen.one("idempotency-key") for seen in services.shop.seen] == ["order-1"] * 2


def test_an_upload_that_has_begun_is_never_sent_twice(
    open_gateway: Open, services: Services
) -> None:
    async def read_some(
        _: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.read(10)
        writer.transport.abort()

    services.shop.on("/cart", read_some)
    gateway = open_gateway()

    with connect(gateway.port) as client:
        client.sendall(b"PUT /cart HTTP/1.1\r\nhost: a\r\ncontent-length: 500000\r\n\r\n")
        client.sendall(b"a" * 100_000)
        raw = read_answer(client)

    assert status_of(raw) == 502
    assert len(services.shop.seen) == 1


def test_whoever_takes_no_connection_was_asked_nothing_so_even_an_order_may_go_elsewhere(
    open_gateway: Open, services: Services
) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        away = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        gateway = open_gateway(shop_url=f"{away},{services.shop.url}", check_every=60)

        statuses = [
            httpx.post(f"{gateway.url}{ORDERS}", json={}, trust_env=False).status_code
            for _ in range(6)
        ]

    assert statuses == [200] * 6
    assert len(asked(services.shop)) == 6


def test_each_try_says_what_is_left_of_the_time(open_gateway: Open, services: Services) -> None:
    async def slow_and_busy(
        seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await asyncio.sleep(0.2)
        await busy("retry-after: 0")(seen, reader, writer)

    services.shop.on("/cart", slow_and_busy)
    gateway = open_gateway()

    get(f"{gateway.url}/cart", **{"x-request-timeout-ms": "5000"})

    left = [int(seen.one("x-request-timeout-ms")) for seen in services.shop.seen]
    assert len(left) == 3
    assert left[0] - left[1] >= 200
    assert left[1] - left[2] >= 200


def test_nothing_is_tried_again_when_the_time_is_over(
    open_gateway: Open, services: Services
) -> None:
    services.shop.on("/cart", busy())
    gateway = open_gateway()
    began = time.monotonic()

    response = get(f"{gateway.url}/cart", **{"x-request-timeout-ms": "10"})

    assert response.status_code in (503, 504)
    assert time.monotonic() - began < 20
    assert len(services.shop.seen) <= 2


@pytest.mark.parametrize("fault", [hang_up, busy()])
def test_an_outage_is_amplified_by_less_than_a_fifth(
    open_gateway: Open, services: Services, fault: Script
) -> None:
    gateway = open_gateway(breaker=False)
    with ThreadPoolExecutor(8) as clients:
        list(clients.map(get, [f"{gateway.url}/cart"] * 100))
        services.shop.seen.clear()
        services.shop.on("/cart", fault)

        responses = list(clients.map(get, [f"{gateway.url}/cart"] * 150))

    assert {each.status_code for each in responses} <= {502, 503}
    # Beside what is sent again, each of the eight connections may have died of old age once.
    assert len(services.shop.seen) <= 150 * 1.2 + 8


def test_retries_can_be_switched_off(open_gateway: Open, services: Services) -> None:
    services.shop.on("/cart", busy())
    gateway = open_gateway(retry_share=0)

    assert get(f"{gateway.url}/cart").status_code == 503
    assert len(services.shop.seen) == 1
