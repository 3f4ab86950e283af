"""What clients see when a service is away, slow, or dies in the middle of something."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import httpx
import pytest

from tests.gateway.conftest import Services
from tests.gateway.stage import (
    Loop,
    RunningGateway,
    Seen,
    Upstream,
    connect,
    get,
    status_of,
    tell,
    wait_until,
)

Open = Callable[..., RunningGateway]


async def say_nothing(_: Seen, reader: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    await reader.read()


def unused_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def test_a_service_that_is_away_is_a_502_with_a_reason(open_gateway: Open) -> None:
    gateway = open_gateway(shop_url=f"http://127.0.0.1:{unused_port()}")

    response = get(f"{gateway.url}/api/shop/v1/cart")

    problem = response.json()
    assert response.status_code == 502
    assert response.headers["content-type"] == "application/problem+json"
    assert problem["request_id"] == response.headers["x-request-id"]
    assert problem["type"].endswith("upstream-unreachable")


def test_people_get_a_page_instead(open_gateway: Open) -> None:
    gateway = open_gateway(shop_url=f"http://127.0.0.1:{unused_port()}")

    response = get(f"{gateway.url}/cart", accept="text/html,*/*")

    assert response.status_code == 502
    assert response.headers["content-type"].startswith("text/html")
    assert response.headers["x-request-id"] in response.text
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert "http://" not in response.text


def test_an_instance_that_is_away_is_passed_over(open_gateway: Open, services: Services) -> None:
    gateway = open_gateway(shop_url=f"http://127.0.0.1:{unused_port()}, {services.shop.url}")

    statuses = [get(f"{gateway.url}/cart").status_code for _ in range(3)]

    assert statuses == [200, 200, 200]


def test_a_black_hole_is_a_504_in_bounded_time(open_gateway: Open, services: Services) -> None:
    services.shop.on("/cart", say_nothing)
    gateway = open_gateway(read_timeout=0.3)

    began = time.monotonic()
    response = get(f"{gateway.url}/cart")

    assert response.status_code == 504
    assert 0.25 < time.monotonic() - began < 20  # by default it would be half a minute
    wait_until(lambda: services.shop.open == 0)


def test_a_port_that_takes_no_connection_is_a_504(open_gateway: Open) -> None:
    with socket.socket() as deaf, socket.socket() as first, socket.socket() as second:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        for filler in (first, second):
            filler.setblocking(False)
            filler.connect_ex(deaf.getsockname())
        gateway = open_gateway(
            shop_url=f"http://127.0.0.1:{deaf.getsockname()[1]}", connect_timeout=0.3
        )

        response = get(f"{gateway.url}/cart")

    assert response.status_code == 504


def test_a_stream_that_falls_silent_is_cut(open_gateway: Open, services: Services) -> None:
    async def script(_: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n")
        await reader.read()

    services.shop.on("/cart", script)
    gateway = open_gateway(read_timeout=0.3)

    with pytest.raises(httpx.RemoteProtocolError):
        get(f"{gateway.url}/cart")


def test_a_body_that_stops_coming_is_a_408(open_gateway: Open, services: Services) -> None:
    gateway = open_gateway(body_timeout=0.3)

    with connect(gateway.port) as client:
        client.sendall(b"POST /cart HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nabc")
        raw = client.recv(1000)

    assert status_of(raw) == 408
    wait_until(lambda: services.shop.open == 0)


def test_a_client_that_does_not_read_is_let_go(open_gateway: Open, services: Services) -> None:
    async def script(_: Seen, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n")
        for _n in range(100):
            writer.write(b"a" * 1_000_000)
            await writer.drain()

    services.catalog.on("/big", script)
    gateway = open_gateway(write_timeout=0.3)

    with connect(gateway.port) as client:
        client.sendall(b"GET /big HTTP/1.1\r\nhost: a\r\n\r\n")
        wait_until(lambda: services.catalog.open == 1)
        wait_until(lambda: services.catalog.open == 0)


@pytest.mark.parametrize(
    "part",
    [
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 200000\r\n\r\nabc",
    ],
)
def test_an_answer_that_breaks_off_is_never_ended_as_if_whole(
    client: httpx.Client, services: Services, part: bytes
) -> None:
    async def script(_: Seen, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(part)
        await asyncio.sleep(0.05)
        writer.close()

    services.catalog.on("/", script)

    with pytest.raises(httpx.RemoteProtocolError):
        client.get("/")


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\ncontent-le",
        b"rubbish\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
    ],
)
def test_an_answer_that_is_no_answer_is_a_502(
    client: httpx.Client, services: Services, raw: bytes
) -> None:
    async def script(_: Seen, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()
        writer.close()

    services.catalog.on("/", script)

    assert client.get("/").status_code == 502


def test_stopping_lets_requests_in_flight_finish(loop: Loop, open_gateway: Open) -> None:
    with closing(Upstream(loop, "shop")) as shop, ThreadPoolExecutor(1) as clients:

        async def slow(
            seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            await asyncio.sleep(0.4)
            await tell(seen, reader, writer)

        shop.on("/cart", slow)
        gateway = open_gateway(shop_url=shop.url)

        answering = clients.submit(get, f"{gateway.url}/cart")
        wait_until(lambda: shop.seen)
        gateway.close()

        assert answering.result().status_code == 200
