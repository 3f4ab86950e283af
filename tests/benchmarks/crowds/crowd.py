"""Clients that stay: they ask once, hear the beginning of an answer, and then do nothing."""

from __future__ import annotations

import asyncio
import statistics
import time
from dataclasses import dataclass
from typing import cast

from tests.benchmarks.crowds.rig import Rig

EVENTS = b"GET /orders/events HTTP/1.1\r\nhost: a\r\n\r\n"
LIVE = (
    b"GET /orders/live HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
LARGE = b"GET /orders/large?1073741824 HTTP/1.1\r\nhost: a\r\n\r\n"
SMALL = b"GET /orders/small HTTP/1.1\r\nhost: a\r\n\r\n"
AT_ONCE = 50
SETTLE = 1.0


@dataclass(frozen=True)
class Cost:
    """What a crowd of `clients` costs."""

    clients: int
    kib_per_client: float
    idle_cpu: float  # share of one core while nobody does anything
    others: int  # requests of others answered well meanwhile
    others_failed: int
    p50: float  # milliseconds that those took
    p99: float
    left_open: int  # files of the gateway more than before, when the crowd has gone


TAKEN_IN = (b"HTTP/1.1 200", b"HTTP/1.1 101")


class Idler(asyncio.Protocol):
    """Asks, and is content when it has heard `until`. Reads no more if `deaf`."""

    def __init__(self, request: bytes, until: bytes, *, deaf: bool = False) -> None:
        self.content = asyncio.get_running_loop().create_future()
        self._request, self._until, self._deaf = request, until, deaf
        self._heard = b""
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Listen until what we wait for is there."""
        if self.content.done():
            return
        self._heard += data
        if len(self._heard) >= len(TAKEN_IN[0]) and not self._heard.startswith(TAKEN_IN):
            self.content.set_exception(ConnectionError(f"refused with {self._heard[:200]!r}"))
        elif self._until in self._heard:
            self._heard = b""
            self.content.set_result(None)
            if self._deaf:
                self.transport.pause_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """Turned away, or cut."""
        if not self.content.done():
            self.content.set_exception(exc or ConnectionError(f"cut after {self._heard[:200]!r}"))


async def gather_crowd(
    rig: Rig, clients: int, request: bytes, until: bytes, *, deaf: bool = False
) -> Cost:
    """Let so many come, measure, and send them home."""
    await _ask(rig, 50)
    files, before = rig.files(), rig.rss()
    crowd: list[Idler] = []
    while len(crowd) < clients:
        wanted = min(AT_ONCE, clients - len(crowd))
        crowd += await asyncio.gather(
            *(_come(rig, request, until, deaf=deaf) for _ in range(wanted))
        )
    await asyncio.sleep(SETTLE)
    memory = rig.rss() - before
    began, used = time.perf_counter(), rig.seconds()
    await asyncio.sleep(3 * SETTLE)
    idle = (rig.seconds() - used) / (time.perf_counter() - began)
    times, failed = await _ask(rig, 300)
    assert not any(each.transport.is_closing() for each in crowd), "somebody was sent away"
    for each in crowd:
        each.transport.abort()
    left = await _left_open(rig, files)
    p50, p99 = statistics.median(times), statistics.quantiles(times, n=100)[98]
    return Cost(clients, memory / 1024 / clients, idle, len(times), failed, p50, p99, left)


async def _come(rig: Rig, request: bytes, until: bytes, *, deaf: bool) -> Idler:
    loop = asyncio.get_running_loop()
    _, idler = await loop.create_connection(
        lambda: Idler(request, until, deaf=deaf), "127.0.0.1", rig.port
    )
    await asyncio.wait_for(idler.content, 60)
    return idler


async def _ask(rig: Rig, requests: int) -> tuple[list[float], int]:
    """Ask one after the other; the times of good answers in milliseconds, and how many failed."""
    times, failed = [], 0
    reader, writer = await asyncio.open_connection("127.0.0.1", rig.port)
    for _ in range(requests):
        began = time.perf_counter()
        writer.write(SMALL)
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)
        await reader.readexactly(2)
        if head.startswith(b"HTTP/1.1 200 "):
            times.append((time.perf_counter() - began) * 1000)
        else:
            failed += 1
    writer.close()
    return times, failed


async def _left_open(rig: Rig, before: int) -> int:
    """Files still open a while after the crowd has gone, beyond those from before."""
    left = 0
    for _ in range(100):
        left = rig.files() - before
        if left <= 0:
            return 0
        await asyncio.sleep(0.2)
    return left
