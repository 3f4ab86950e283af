"""Bodies that fit into no memory: sent through, while somebody watches how much is kept."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from dataclasses import dataclass

from tests.benchmarks.crowds.rig import Rig

PIECE = b"x" * 262_144


@dataclass(frozen=True)
class Passage:
    """How a body of `size` bytes went through."""

    size: int
    seconds: float
    most_kept: int  # bytes by which the gateway's memory grew at most


async def upload(rig: Rig, size: int) -> Passage:
    """Send a body of that size to the service."""
    reader, writer = await asyncio.open_connection("127.0.0.1", rig.port)
    writer.write(b"POST /orders/upload HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n" % size)

    async def send() -> None:
        for _ in range(size // len(PIECE)):
            writer.write(PIECE)
            await writer.drain()
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 "), head
        writer.close()

    return await _watched(rig, size, send())


async def download(rig: Rig, size: int) -> Passage:
    """Get a body of that size from the service."""
    reader, writer = await asyncio.open_connection("127.0.0.1", rig.port, limit=1 << 20)
    writer.write(b"GET /orders/large?%d HTTP/1.1\r\nhost: a\r\n\r\n" % size)

    async def read() -> None:
        await reader.readuntil(b"\r\n\r\n")
        left = size
        while left:
            piece = await reader.read(1 << 20)
            assert piece, f"cut off {left} bytes before the end"
            left -= len(piece)
        writer.close()

    return await _watched(rig, size, read())


async def _watched(rig: Rig, size: int, work: Coroutine[object, None, None]) -> Passage:
    before, most = rig.rss(), 0
    began = time.perf_counter()
    task = asyncio.ensure_future(work)
    while not task.done():
        await asyncio.wait([task], timeout=0.05)
        most = max(most, rig.rss() - before)
    await task
    return Passage(size, time.perf_counter() - began, most)
