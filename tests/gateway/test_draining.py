"""The last moments of a gateway: it says so, still serves, and closes no request in the middle."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest

from gateway.proxy.resilience.farewell import between_events, farewell
from tests.gateway.conftest import Services
from tests.gateway.stage import (
    RunningGateway,
    Seen,
    connect,
    get,
    read_answer,
    status_of,
    tell,
    wait_until,
)

Open = Callable[..., RunningGateway]
ASK = b"GET /cart HTTP/1.1\r\nhost: a\r\n\r\n"


@contextmanager
def draining(gateway: RunningGateway) -> Iterator[None]:
    """As after SIGTERM, which only a main thread hears."""
    gateway.server.drain()
    yield
    gateway.close()


def test_while_it_drains_it_is_not_ready_but_alive(open_gateway: Open) -> None:
    gateway = open_gateway(drain_seconds=30)

    with draining(gateway):
        ready, alive = (get(f"{gateway.url}/{path}") for path in ("readyz", "healthz"))

    assert (ready.status_code, ready.json()["status"]) == (503, "draining")
    assert alive.status_code == 200


def test_while_it_drains_it_takes_requests_and_says_that_each_is_the_last_rfc_9112_9_6(
    open_gateway: Open,
) -> None:
    gateway = open_gateway(drain_seconds=30)

    with connect(gateway.port) as kept:
        kept.sendall(ASK)
        before = read_answer(kept)
        with draining(gateway):
            kept.sendall(ASK)
            after = read_answer(kept)
            end = kept.recv(100)
            new = get(f"{gateway.url}/cart")

    assert b"connection: close" not in before.lower()
    assert status_of(after) == 200
    assert b"connection: close" in after.lower()
    assert end == b""
    assert new.status_code == 200


def test_requests_that_were_pipelined_are_all_answered(open_gateway: Open) -> None:
    gateway = open_gateway(drain_seconds=30)

    with draining(gateway), connect(gateway.port) as client:
        client.sendall(ASK * 3)
        raw = b"".join(iter(lambda: client.recv(65536), b""))

    assert raw.count(b"HTTP/1.1 200") == 3
    assert raw.lower().count(b"connection: close") == 1


def test_after_that_it_stops_by_itself(open_gateway: Open) -> None:
    gateway = open_gateway(drain_seconds=0.2)
    gateway.server.drain()

    wait_until(lambda: not gateway.server.servers[0].is_serving())

    with pytest.raises(httpx.ConnectError):
        get(f"{gateway.url}/cart")


def test_idle_connections_are_closed_when_it_stops(open_gateway: Open) -> None:
    gateway = open_gateway()

    with connect(gateway.port) as idle:
        idle.sendall(ASK)
        read_answer(idle)
        gateway.close()

        assert idle.recv(100) == b""


def test_a_request_in_flight_is_finished(open_gateway: Open, services: Services) -> None:
    go_on = threading.Event()

    async def slow(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not go_on.is_set():
            await asyncio.sleep(0.01)
        await tell(seen, reader, writer)

    services.shop.on("/cart", slow)
    gateway = open_gateway(drain_seconds=0)

    with connect(gateway.port) as client:
        client.sendall(ASK)
        wait_until(lambda: services.shop.seen)
        gateway.server.drain()
        wait_until(lambda: not gateway.server.servers[0].is_serving())
        go_on.set()
        raw = read_answer(client)

    assert status_of(raw) == 200
    assert b"connection: close" in raw.lower()


def test_what_takes_longer_than_the_stop_timeout_is_told(
    open_gateway: Open, services: Services
) -> None:
    async def silent(_: Seen, reader: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
        await reader.read()

    services.shop.on("/cart", silent)
    gateway = open_gateway(stop_timeout=1)

    with connect(gateway.port) as client:
        client.sendall(ASK)
        wait_until(lambda: services.shop.seen)
        gateway.close()
        raw = read_answer(client)

    assert status_of(raw) == 503
    assert b"retry-after" in raw.lower()


def stream(services: Services, data: bytes) -> None:
    """Let the shop begin a stream of events and leave it open."""

    async def script(_: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n" + data)
        await reader.read()

    services.shop.on("/cart", script)


def follow(gateway: RunningGateway, data: bytes) -> bytes:
    """All that somebody hears who follows events while the gateway stops."""
    with connect(gateway.port) as client:
        client.sendall(ASK)
        heard = b""
        while data not in heard:
            heard += client.recv(1000)
        gateway.close()
        return heard + b"".join(iter(lambda: client.recv(1000), b""))


def test_streams_of_events_end_with_a_hint_when_to_come_back(
    open_gateway: Open, services: Services
) -> None:
    stream(services, b"data: x\n\n")
    gateway = open_gateway(stop_timeout=30)

    heard = follow(gateway, b"data: x\n\n")

    assert re.search(rb": restarting\nretry: \d+\n\n\r\n\Z", heard)
    wait_until(lambda: services.shop.open == 0)


def test_a_stream_in_the_middle_of_an_event_is_cut_instead(
    open_gateway: Open, services: Services
) -> None:
    stream(services, b"data: half")
    gateway = open_gateway(stop_timeout=30)

    heard = follow(gateway, b"data: half")

    assert b"retry" not in heard
    assert not heard.endswith(b"0\r\n\r\n")


def test_clients_are_told_to_come_back_at_different_times() -> None:
    assert len({farewell() for _ in range(20)}) > 10
    assert between_events(b"x\n\n")
    assert not between_events(b"ta: x")
