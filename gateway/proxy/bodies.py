"""The body of a request: passed on as it arrives, never longer than allowed."""

from __future__ import annotations

import asyncio

from gateway.proxy.clock import Clock
from gateway.proxy.edge.headers import Head
from gateway.proxy.flight import Flight
from gateway.proxy.upstream.connection import Connection, UpstreamDied
from gateway.refusals import Refused, body_too_large


class ClientGone(Exception):
    """The client left before its request was whole."""


async def first_piece(flight: Flight, limit: int) -> tuple[bytes, bool]:
    """What has arrived of the body, and whether that is all of it."""
    message = await flight.receive()
    if message["type"] == "http.disconnect":
        raise ClientGone
    body: bytes = message.get("body", b"")
    if len(body) > limit:
        raise body_too_large(limit)
    return body, not message.get("more_body", False)


def check_length(head: Head, limit: int) -> None:
    """Refuse a body that says it is too long, before any of it is read."""
    if head.length <= limit:
        return
    refused = body_too_large(limit)
    if head.expects:
        # Nobody can tell whether the client will now send the body or the next request:
        # RFC 9110, section 10.1.1.
        refused.headers = ((b"connection", b"close"),)
    raise refused


class Upload:
    """Passes the rest of a body on while the answer is already awaited."""

    def __init__(self, flight: Flight, clock: Clock, limit: int, seconds: float) -> None:
        self._flight = flight
        self._clock = clock
        self._limit = limit
        self._seconds = seconds

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
        flight, size, more = self._flight, 0, True
        while True:
            size += len(piece)
            if size > self._limit:
                raise body_too_large(self._limit)
            if piece:
                flight.wait_for("answer", self._clock.now + self._seconds)
                await connection.write(_frame(piece) if chunked else piece)
            if not more:
                break
            flight.wait_for("body", self._clock.now + self._seconds)
            message = await flight.receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            piece, more = message.get("body", b""), message.get("more_body", False)
        if chunked:
            await connection.write(b"0\r\n\r\n")
        flight.uploading = False
        flight.wait_for("answer", self._clock.now + self._seconds)


def _frame(piece: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(piece), piece)
