"""The body of a request: passed on as it arrives, never longer than allowed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from gateway.proxy.clock import Clock
from gateway.proxy.edge.headers import Head
from gateway.proxy.flight import Flight
from gateway.proxy.listener.inbox import ClientGone, Inbox
from gateway.proxy.upstream.connection import Connection, UpstreamDied
from gateway.refusals import Refused, body_too_large


async def first_piece(body: Inbox, limit: int) -> tuple[bytes, bool]:
    """What has arrived of the body, and whether that is all of it."""
    piece, more = await body.receive()
    if len(piece) > limit:
        raise body_too_large(limit)
    return piece, not more


def check_length(head: Head, limit: int) -> None:
    """Refuse a body that says it is too long, before any of it is read."""
    if head.length > limit:
        raise body_too_large(limit)


@dataclass(frozen=True, slots=True)
class Pace:
    """How slowly a body may come: seconds of silence, and bytes per second in the long run.

    Without the second, a client could hold a service for hours with a byte now and then. Time
    in which the service does not take what has come is not the client's.
    """

    seconds: float = 30.0
    rate: float = 500.0

    def left(self, size: int, waited: float) -> float:
        """How long to wait for the next piece after `size` bytes and `waited` seconds."""
        return min(self.seconds, self.seconds + size / self.rate - waited)


class Upload:
    """Passes the rest of a body on while the answer is already awaited."""

    def __init__(self, flight: Flight, clock: Clock, limit: int, pace: Pace) -> None:
        self._flight = flight
        self._clock = clock
        self._limit = limit
        self._pace = pace

    async def run(self, connection: Connection, piece: bytes, *, chunked: bool) -> None:
        """Pass on `piece` and all that follows; what goes wrong ends the exchange."""
        try:
            await self._pass_on(connection, piece, chunked=chunked)
        except (Refused, ClientGone, UpstreamDied) as error:
            connection.fail(error)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it was, the answer must not be awaited
            connection.fail(error)

    async def _pass_on(self, connection: Connection, piece: bytes, *, chunked: bool) -> None:
        flight, clock, pace = self._flight, self._clock, self._pace
        size, more, waited = 0, True, 0.0
        body = flight.body
        assert body is not None
        while True:
            size += len(piece)
            flight.received = size
            if size > self._limit:
                raise body_too_large(self._limit)
            if piece:
                flight.wait_for("answer", clock.now + pace.seconds)
                await connection.write(_frame(piece) if chunked else piece)
            if not more:
                break
            since = clock.now
            flight.wait_for("body", since + pace.left(size, waited))
            if connection.pool.crowded:
                connection.pool.part_with(connection)  # others need not wait for this client
            piece, more = await body.receive()
            waited += clock.now - since
        if chunked:
            await connection.write(b"0\r\n\r\n")
        flight.uploading = False
        flight.wait_for("answer", clock.now + pace.seconds)


def _frame(piece: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(piece), piece)
