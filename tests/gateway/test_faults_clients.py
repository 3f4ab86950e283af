"""Clients that leave, at every point of a request: the service is told, and nothing is left."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import Callable

import pytest

from tests.gateway.conftest import Services
from tests.gateway.counting import held, nothing_left_behind
from tests.gateway.stage import RunningGateway, Script, Seen, connect, tell, wait_until

Open = Callable[..., RunningGateway]

GET = b"GET /cart HTTP/1.1\r\nhost: a\r\n\r\n"
POST = b"POST /cart HTTP/1.1\r\nhost: a\r\ncontent-length: 500000\r\n\r\n"


async def fall_silent(_: Seen, reader: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    await reader.read()


def begin_with(raw: bytes) -> Script:
    """Begin an answer and leave it there."""

    async def script(_: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()
        await reader.read()

    return script


async def never_end(_: Seen, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"10000\r\n" + b"a" * 65536 + b"\r\n")
        await writer.drain()


def goodbye(client: socket.socket) -> None:
    client.close()


def slam(client: socket.socket) -> None:
    """Leave by RST."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


PHASES: dict[str, tuple[bytes, Script, bool]] = {
    # What the client sends, how the service takes it, and whether it is asked at all.
    "before it says anything": (b"", tell, False),
    "in the middle of the head": (GET[:-6], tell, False),
    "in the middle of a short body": (
        b"POST /cart HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n", tell, False,
    ),
    "in the middle of an upload": (POST + b"a" * 100_000, fall_silent, True),
    "while it waits for the head of the answer": (GET, fall_silent, True),
    "after the head of the answer": (
        GET, begin_with(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"), True,
    ),
    "in the middle of an answer of known length": (
        GET, begin_with(b"HTTP/1.1 200 OK\r\ncontent-length: 900000\r\n\r\n" + b"a" * 10), True,
    ),
    "while it reads more slowly than it is sent": (GET, never_end, True),
    "while it follows events": (
        GET,
        begin_with(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: x\n\n"),
        True,
    ),
}  # fmt: skip


@pytest.mark.parametrize("leave", [goodbye, slam])
@pytest.mark.parametrize("phase", PHASES)
def test_a_client_leaves(
    open_gateway: Open,
    services: Services,
    phase: str,
    leave: Callable[[socket.socket], None],
) -> None:
    raw, script, is_asked = PHASES[phase]
    services.shop.on("/cart", script)
    gateway = open_gateway()

    with nothing_left_behind(gateway, services):
        client = connect(gateway.port)
        client.sendall(raw)
        if is_asked:
            wait_until(lambda: services.shop.seen)
        time.sleep(0.05)
        leave(client)
        wait_until(lambda: services.shop.open == 0)

    assert bool(services.shop.seen) is is_asked


def test_a_storm_of_clients_that_leave_leaves_nothing_behind(
    open_gateway: Open, services: Services
) -> None:
    gateway = open_gateway()

    with nothing_left_behind(gateway, services):
        for number in range(60):
            raw, script, _ = list(PHASES.values())[number % len(PHASES)]
            services.shop.on("/cart", script)
            client = connect(gateway.port)
            client.sendall(raw)
            time.sleep(0.001 * (number % 7))
            (slam if number % 2 else goodbye)(client)
        wait_until(lambda: not held(gateway).in_flight)


def test_a_client_that_leaves_while_it_waits_to_be_let_in(
    open_gateway: Open, services: Services
) -> None:
    services.shop.on("/cart", fall_silent)
    gateway = open_gateway(adaptive_least=1, adaptive_most=1, shed_timeout=30)

    with nothing_left_behind(gateway, services):
        with connect(gateway.port) as first, connect(gateway.port) as second:
            first.sendall(GET)
            wait_until(lambda: services.shop.seen)
            second.sendall(GET)
            wait_until(lambda: held(gateway).in_flight == 2)
        wait_until(lambda: not held(gateway).in_flight)

    assert len(services.shop.seen) == 1


def test_a_client_that_leaves_between_two_tries(open_gateway: Open, services: Services) -> None:
    async def hang_up(_: Seen, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    services.shop.on("/cart", hang_up)
    gateway = open_gateway()

    with nothing_left_behind(gateway, services):
        for pause in range(20):
            with connect(gateway.port) as client:
                client.sendall(GET)
                time.sleep(0.003 * pause)
        wait_until(lambda: not held(gateway).in_flight)
