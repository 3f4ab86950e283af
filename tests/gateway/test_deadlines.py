"""One budget of time per request: said to services, shortened by clients, never lengthened."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import httpx
import pytest

from tests.gateway.conftest import Services
from tests.gateway.stage import RunningGateway, Seen, answer, connect, get, status_of, talk

Open = Callable[..., RunningGateway]
FIELD = "x-request-timeout-ms"


async def say_nothing(_: Seen, reader: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    await reader.read()


def said(services: Services) -> int:
    """What the last request told the service."""
    return int(services.shop.seen[-1].one(FIELD))


def test_every_request_says_how_much_time_is_left(client: httpx.Client, services: Services) -> None:
    client.get("/cart")

    assert 280_000 < said(services) <= 300_000


def test_the_setting_is_the_whole_of_it(open_gateway: Open, services: Services) -> None:
    gateway = open_gateway(total_timeout=70.0)

    get(f"{gateway.url}/cart")

    assert 50_000 < said(services) <= 70_000


def test_a_client_may_ask_for_less(client: httpx.Client, services: Services) -> None:
    client.get("/cart", headers={FIELD: "40000"})

    assert 20_000 < said(services) <= 40_000


@pytest.mark.parametrize("asked", ["400000", "soon", "-5", "1.5", "99999999999999999999"])
def test_nobody_can_ask_for_more_or_for_nonsense(
    client: httpx.Client, services: Services, asked: str
) -> None:
    response = client.get("/cart", headers={FIELD: asked})

    assert response.status_code == 200
    assert 280_000 < said(services) <= 300_000


def test_no_time_at_all_is_a_504_before_anybody_is_asked(
    client: httpx.Client, services: Services
) -> None:
    response = client.get("/cart", headers={FIELD: "0"})

    assert response.status_code == 504
    assert response.json()["type"].endswith("deadline-spent")
    assert "ratelimit" in response.headers  # it counts as any other
    assert services.shop.seen == []


def test_whoever_asks_for_less_gets_the_504_in_time(
    client: httpx.Client, services: Services
) -> None:
    services.shop.on("/cart", say_nothing)
    began = time.monotonic()

    response = client.get("/cart", headers={FIELD: "300"})

    assert response.status_code == 504
    assert response.json()["type"].endswith("deadline-spent")
    assert 0.25 < time.monotonic() - began < 20  # the service has half a minute


def test_time_spent_in_the_queue_is_gone(open_gateway: Open, services: Services) -> None:
    async def slow(_: Seen, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.3)
        writer.write(answer())

    services.shop.on("/cart", slow)
    gateway = open_gateway(pool_size=1)
    with connect(gateway.port) as first:
        first.sendall(b"GET /cart HTTP/1.1\r\nhost: a\r\n\r\n")
        while not services.shop.seen:
            time.sleep(0.005)

        get(f"{gateway.url}/cart", **{FIELD: "20000"})

    assert said(services) < 19_850


def test_a_stream_of_events_is_not_ended_by_the_clients_haste(
    gateway: RunningGateway, services: Services
) -> None:
    async def script(_: Seen, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n")
        await asyncio.sleep(0.5)
        writer.write(b"data: late\n\n")
        await writer.drain()
        writer.close()

    services.shop.on("/cart", script)

    ask = b"GET /cart HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx-request-timeout-ms: 300\r\n\r\n"
    raw = talk(gateway.port, ask)

    assert status_of(raw) == 200
    assert b"data: late" in raw
