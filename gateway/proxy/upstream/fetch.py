"""The gateway's own short questions to the services: tokens, health, contracts."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from gateway.proxy.upstream.cluster import Cluster
from gateway.proxy.upstream.connection import Fields, UpstreamDied
from gateway.proxy.upstream.pool import Pool, PoolFull, Unreachable
from gateway.refusals import Refused

LONGEST_ANSWER = 8 * 1024 * 1024


class FetchFailed(Exception):
    """No usable answer came; the text says why."""


class _Aged(UpstreamDied):
    """The connection had been closed while nothing was asked."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer."""

    status: int
    headers: Fields
    body: bytes


async def fetch(
    cluster: Cluster,
    path: str,
    *,
    method: str = "GET",
    body: bytes = b"",
    seconds: float = 5.0,
    fields: Iterable[tuple[bytes, bytes]] = (),
) -> Answer:
    """Ask one service and read the whole answer; raises FetchFailed.

    What reached nobody is asked again, once: whoever fails is spared a second question.
    """
    said = b"".join(b"%b: %b\r\n" % each for each in fields)
    head = (
        f"{method} {path} HTTP/1.1\r\nhost: {cluster.service}.internal\r\n"
        "accept: application/json\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n"
    )
    payload = head.encode() + said + b"\r\n" + body
    try:
        async with asyncio.timeout(seconds):
            replica = cluster.pick()
            try:
                return await _exchange(replica.pool, payload)
            except (_Aged, Unreachable) as error:
                other = cluster.pick(None, {replica})
                if isinstance(error, _Aged):
                    replica.pool.close_idle(float("inf"))  # they are as old as that one was
                elif other is replica:
                    raise
                return await _exchange(other.pool, payload)
    except (UpstreamDied, PoolFull, TimeoutError, Refused) as error:
        raise FetchFailed(f"{type(error).__name__}: {error}") from error


async def _exchange(pool: Pool, payload: bytes) -> Answer:
    connection = await pool.connection()
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
    except UpstreamDied as error:
        if connection.served > 1 and not connection.received:
            raise _Aged(str(error)) from error
        raise
    finally:
        pool.give_back(connection, asyncio.get_running_loop().time())
