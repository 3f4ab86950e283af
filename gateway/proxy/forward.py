"""The way of a request: judged, identified, rebuilt, sent on. And of its answer, back.

This is the hot path of the whole platform, written for few calls and few allocations: what a
plain request does not need (a cookie, a body, a new connection) costs it one comparison.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from gateway.proxy.bodies import Upload, check_length, first_piece
from gateway.proxy.clock import Clock
from gateway.proxy.edge.guard import REPEATABLE_METHODS
from gateway.proxy.edge.headers import Head, field
from gateway.proxy.edge.rebuild import Rebuilder
from gateway.proxy.flight import Flight
from gateway.proxy.identity.identify import Identifier
from gateway.proxy.respond import Responder
from gateway.proxy.upstream.connection import Connection, UpstreamDied
from gateway.proxy.upstream.pool import Pool, PoolFull
from gateway.refusals import upstream_broken, upstream_full, upstream_slow


@dataclass(frozen=True, slots=True)
class ForwardLimits:
    """How long things may take, in seconds, and how large bodies may be, in bytes."""

    queue_seconds: float = 5.0
    identity_seconds: float = 5.0
    read_seconds: float = 30.0
    body_seconds: float = 30.0
    total_seconds: float = 300.0
    api_body: int = 1024 * 1024
    page_body: int = 12 * 1024 * 1024

    def body(self, flight: Flight) -> int:
        """The longest body that a request may have: files may be larger than JSON."""
        kind = field(flight.scope["headers"], b"content-type") or b""
        files = not flight.route.for_programs or kind.startswith(b"multipart/")
        return self.page_body if files else self.api_body


class Forwarder:
    """Passes requests to services and their answers back to clients."""

    def __init__(
        self,
        pools: Mapping[str, Pool],
        rebuilder: Rebuilder,
        identifier: Identifier,
        responder: Responder,
        clock: Clock,
        limits: ForwardLimits,
    ) -> None:
        self._pools = pools
        self._rebuilder = rebuilder
        self._identifier = identifier
        self._responder = responder
        self._clock = clock
        self._limits = limits

    async def forward(self, flight: Flight, head: Head) -> None:
        """Answer the request with what the service says; raises Refused if it cannot be asked."""
        # Longer than other functions on purpose: this is the path of every request.
        scope, route, limits, now = flight.scope, flight.route, self._limits, self._clock.now
        flight.end = now + limits.total_seconds
        authorization = head.authorization
        if head.cookie is not None:
            flight.wait_for("identity", now + limits.identity_seconds)
            authorization = await self._identifier.authorization(flight, head, head.cookie)
        piece, whole = b"", True
        if head.length > 0 or head.chunked:
            check_length(head, limits.body(flight))
            flight.wait_for("body", self._clock.now + limits.body_seconds)
            piece, whole = await first_piece(flight, limits.body(flight))
            if whole:
                head.length, head.chunked = len(piece), False
        payload = self._rebuilder.payload(head, scope, authorization)
        pool = self._pools[route.service]
        if whole:
            connection = await self._ask(flight, pool, payload + piece if piece else payload)
            try:
                await self._responder.respond(flight, connection, pool)
            finally:
                pool.give_back(connection, self._clock.now)
        else:
            await self._ask_streaming(flight, pool, payload, piece)

    async def _ask(self, flight: Flight, pool: Pool, payload: bytes) -> Connection:
        """Send a request that is at hand whole; once more if the connection died of old age."""
        clock, seconds = self._clock, self._limits.read_seconds
        connection = pool.warm() or await self._connection(flight, pool)
        while True:
            flight.wait_for("answer", clock.now + seconds)
            try:
                connection.begin(payload, head_only=flight.scope["method"] == "HEAD")
                await connection.answer()
            except UpstreamDied as error:
                aged = connection.served > 1 and not connection.received
                pool.give_back(connection, clock.now)
                if not aged or not _repeatable(flight):
                    raise upstream_broken(pool.service) from error
            except BaseException:
                pool.give_back(connection, clock.now)
                raise
            else:
                return connection
            # The others in the pool are as old as that one was.
            pool.close_idle(float("inf"))
            connection = await self._connection(flight, pool)

    async def _ask_streaming(
        self, flight: Flight, pool: Pool, payload: bytes, piece: bytes
    ) -> None:
        """Pass the body on as it comes, and the answer back, even if it comes first."""
        connection = await self._connection(flight, pool)
        flight.uploading = True
        limit = self._limits.body(flight)
        upload = Upload(flight, self._clock, limit, self._limits.body_seconds)
        chunked = b"transfer-encoding: chunked\r\n" in payload
        try:
            connection.begin(payload, head_only=flight.scope["method"] == "HEAD")
            uploading = asyncio.create_task(upload.run(connection, piece, chunked=chunked))
            try:
                await connection.answer()
                await self._responder.respond(flight, connection, pool)
            except UpstreamDied as error:
                if flight.answering:
                    raise
                raise upstream_broken(pool.service) from error
            finally:
                uploading.cancel()
                with suppress(asyncio.CancelledError):
                    await uploading
        finally:
            if flight.uploading:
                connection.abort()  # it still waits for a body that nobody will send
            pool.give_back(connection, self._clock.now)

    async def _connection(self, flight: Flight, pool: Pool) -> Connection:
        flight.wait_for("connection", self._clock.now + self._limits.queue_seconds)
        try:
            return await pool.connection()
        except UpstreamDied as error:
            raise upstream_broken(pool.service) from error
        except TimeoutError as error:
            raise upstream_slow(pool.service) from error
        except PoolFull as error:
            raise upstream_full(pool.service) from error


def _repeatable(flight: Flight) -> bool:
    """Whether sending the request again cannot do a thing twice: RFC 9110, section 9.2.2."""
    scope = flight.scope
    return (
        scope["method"] in REPEATABLE_METHODS
        or field(scope["headers"], b"idempotency-key") is not None
    )
