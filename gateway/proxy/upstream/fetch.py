"""The gateway's own short questions to the services: tokens, health, contracts."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from gateway.proxy.upstream.connection import Connection, Fields, UpstreamDied
from gateway.proxy.upstream.pool import Pool, PoolFull

LONGEST_ANSWER = 8 * 1024 * 1024


class FetchFailed(Exception):
    """No usable answer came; the text says why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer."""

    status: int
    headers: Fields
    body: bytes


async def fetch(
    pool: Pool, path: str, *, method: str = "GET", body: bytes = b"", seconds: float = 5.0
) -> Answer:
    """Ask one service and read the whole answer; raises FetchFailed. May ask twice."""
    payload = (
        f"{method} {path} HTTP/1.1\r\nhost: {pool.service}.internal\r\n"
        "accept: application/json\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    ).encode() + body
    try:
        async with asyncio.timeout(seconds):
            connection = await pool.connection()
            try:
                return await _exchange(pool, connection, payload)
            except UpstreamDied:
                # Our questions change nothing, and the connection may have died of old age.
                pool.close_idle(float("inf"))
                return await _exchange(pool, await pool.connection(), payload)
    except (UpstreamDied, PoolFull, TimeoutError) as error:
        raise FetchFailed(f"{type(error).__name__}: {error}") from error


async def _exchange(pool: Pool, connection: Connection, payload: bytes) -> Answer:
    chunks, size = [], 0
    try:
        connection.begin(payload, head_only=False)
        await connection.answer()
        while chunk := await connection.chunk():
            chunks.append(chunk)
            size += len(chunk)
            if size > LONGEST_ANSWER:
                raise FetchFailed("The answer is too long.")
        return Answer(connection.status, connection.headers, b"".join(chunks))
    finally:
        pool.give_back(connection, asyncio.get_running_loop().time())
