"""Bodies of any length pass through, in both directions, at the pace of the slower side."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import httpx

from tests.gateway.conftest import Services
from tests.gateway.stage import (
    PATIENCE,
    RunningGateway,
    Seen,
    answer,
    connect,
    read_answer,
    status_of,
    wait_until,
)

MIB = 1024 * 1024


def test_a_long_answer_arrives_whole(client: httpx.Client, services: Services) -> None:
    piece = bytes(range(256)) * 4096

    async def script(_: Seen, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (len(piece) * 20))
        for _n in range(20):
            writer.write(piece)
            await writer.drain()

    services.catalog.on("/media/catalog/film", script)

    response = client.get("/media/catalog/film")

    assert response.content == piece * 20


def test_a_long_chunked_answer_arrives_whole(client: httpx.Client, services: Services) -> None:
    async def script(_: Seen, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        for n in range(1, 200):
            writer.write(b"%x\r\n%b\r\n" % (n * 100, b"%d" % (n % 10) * (n * 100)))
            await writer.drain()
        writer.write(b"0\r\n\r\n")

    services.catalog.on("/feed", script)

    response = client.get("/feed")

    assert response.content == b"".join(b"%d" % (n % 10) * (n * 100) for n in range(1, 200))
    assert client.get("/").status_code == 200
    assert services.catalog.connections == 1


def test_a_slow_client_slows_the_service_down(gateway: RunningGateway, services: Services) -> None:
    sent = 0

    async def script(_: Seen, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (200 * MIB))
        for _n in range(200):
            writer.write(b"a" * MIB)
            await writer.drain()
            sent += MIB

    services.catalog.on("/big", script)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    with connect(gateway.port) as client:
        client.sendall(b"GET /big HTTP/1.1\r\nhost: a\r\n\r\n")
        client.recv(1000)
        time.sleep(0.5)

    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert sent < 30 * MIB
    assert grown < 40_000
    wait_until(lambda: services.catalog.open == 0)


def test_a_slow_service_slows_the_client_down(gateway: RunningGateway, services: Services) -> None:
    async def script(_: Seen, __: asyncio.StreamReader, ___: asyncio.StreamWriter) -> None:
        while not stalled.is_set():
            await asyncio.sleep(0.05)

    services.catalog.on("/admin/catalog/upload", script)

    # The kernel would take many megabytes for the gateway, which does not read any more.
    listening = socket.socket(fileno=os.dup(gateway.server.servers[0].sockets[0].fileno()))
    with listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)

    sent = 0
    stalled = threading.Event()
    with connect(gateway.port) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        client.sendall(
            b"POST /admin/catalog/upload HTTP/1.1\r\nhost: a\r\ncontent-length: 12000000\r\n\r\n"
        )
        client.settimeout(0.3)
        with suppress(TimeoutError):
            while sent < 12_000_000:
                sent += client.send(b"a" * 65536)
        stalled.set()

    assert sent < 12_000_000


def test_an_upload_is_passed_on_as_it_comes(gateway: RunningGateway, services: Services) -> None:
    got: list[bytes] = []

    async def script(
        seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        for _ in range(2):
            got.append(await reader.readexactly(5))
        writer.write(answer(b"ok"))

    services.shop.on("/api/shop/v1/x", script)

    with connect(gateway.port) as client:
        client.sendall(
            b"POST /api/shop/v1/x HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nfirst"
        )
        wait_until(lambda: got == [b"first"])
        client.sendall(b"again")
        raw = read_answer(client)

    assert got == [b"first", b"again"]
    assert status_of(raw) == 200


def test_chunked_uploads_stay_chunked(gateway: RunningGateway, services: Services) -> None:
    with connect(gateway.port) as client:
        client.sendall(
            b"POST /api/shop/v1/x HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n"
        )
        wait_until(lambda: services.shop.seen)
        client.sendall(b"5\r\nagain\r\n0\r\n\r\n")
        raw = read_answer(client)

    assert status_of(raw) == 200
    assert services.shop.seen[0].one("transfer-encoding") == "chunked"
    assert services.shop.seen[0].body == b"firstagain"


def test_an_early_answer_ends_the_upload(gateway: RunningGateway, services: Services) -> None:
    async def script(_: Seen, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(b"no", status="401 Unauthorized"))

    services.shop.on("/api/shop/v1/x", script)

    with connect(gateway.port) as client:
        client.sendall(
            b"POST /api/shop/v1/x HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\nfirst"
        )
        raw = read_answer(client)

    assert status_of(raw) == 401
    wait_until(lambda: services.shop.open == 0)


def test_events_pass_the_moment_they_are_sent(gateway: RunningGateway, services: Services) -> None:
    go_on = asyncio.Event()

    async def script(_: Seen, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        for n in range(3):
            writer.write(b"9\r\ndata: %d\n\n\r\n" % n)
            await writer.drain()
            await go_on.wait()
            go_on.clear()

    services.shop.on("/api/shop/v1/orders/1/events", script)

    with connect(gateway.port) as client:
        client.sendall(b"GET /api/shop/v1/orders/1/events HTTP/1.1\r\nhost: a\r\n\r\n")
        got = b""
        for n in range(3):
            while b"data: %d" % n not in got:
                got += client.recv(1000)
            assert b"data: %d" % (n + 1) not in got
            services.shop._loop.loop.call_soon_threadsafe(go_on.set)

    assert got.count(b"data:") == 3


def test_events_outlive_the_limit_on_whole_requests(
    open_gateway: Callable[..., RunningGateway], services: Services
) -> None:
    async def script(_: Seen, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n")
        for _n in range(10):
            writer.write(b"data: x\n\n")
            await asyncio.sleep(0.15)
        writer.close()

    services.shop.on("/api/shop/v1/orders/1/events", script)
    gateway = open_gateway(total_timeout=1.0, read_timeout=1.0)

    response = httpx.get(
        f"{gateway.url}/api/shop/v1/orders/1/events",
        trust_env=False,
        verify=False,
        timeout=PATIENCE,
    )

    assert response.text.count("data:") == 10


def test_a_client_that_leaves_takes_its_request_with_it(
    gateway: RunningGateway, services: Services
) -> None:
    async def script(_: Seen, reader: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
        await reader.read()

    services.shop.on("/orders", script)

    with connect(gateway.port) as client:
        client.sendall(b"GET /orders HTTP/1.1\r\nhost: a\r\n\r\n")
        wait_until(lambda: services.shop.seen)

    wait_until(lambda: services.shop.open == 0)
    wait_until(lambda: not gateway.app.clock.in_flight)


def test_a_client_that_leaves_a_stream_takes_it_with_it(
    gateway: RunningGateway, services: Services
) -> None:
    async def script(_: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: x\n\n")
        await reader.read()

    services.shop.on("/orders", script)

    with connect(gateway.port) as client:
        client.sendall(b"GET /orders HTTP/1.1\r\nhost: a\r\n\r\n")
        client.recv(1000)

    wait_until(lambda: services.shop.open == 0)
    wait_until(lambda: not gateway.app.clock.in_flight)


def test_a_client_that_leaves_in_the_middle_of_its_body_takes_it_with_it(
    gateway: RunningGateway, services: Services
) -> None:
    with connect(gateway.port) as client:
        client.sendall(b"POST /orders HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nfirst")
        wait_until(lambda: services.shop.seen)

    wait_until(lambda: services.shop.open == 0)
    wait_until(lambda: not gateway.app.clock.in_flight)
