"""The answer of a service, on its way to the client: whole if it is short, else as it comes."""

from __future__ import annotations

from email.utils import formatdate

from gateway.proxy.clock import NEVER, Clock
from gateway.proxy.edge.headers import field
from gateway.proxy.flight import Flight
from gateway.proxy.identity.identify import Identifier
from gateway.proxy.routes import AUTH
from gateway.proxy.upstream.connection import Connection, UpstreamDied
from gateway.proxy.upstream.pool import Pool
from gateway.refusals import upstream_broken

LONGEST_FOR_HTTP_1_0 = 8 * 1024 * 1024


class Responder:
    """Streams answers back, at the pace of the client."""

    def __init__(
        self,
        clock: Clock,
        identifier: Identifier,
        *,
        read_seconds: float = 30.0,
        write_seconds: float = 60.0,
        event_seconds: float = 300.0,
    ) -> None:
        self._clock = clock
        self._identifier = identifier
        self._read_seconds = read_seconds
        self._write_seconds = write_seconds
        self._event_seconds = event_seconds

    async def respond(self, flight: Flight, connection: Connection, pool: Pool) -> None:
        """Send the answer whose head has come; raises UpstreamDied if it breaks off."""
        fields = connection.headers
        if not connection.dated:
            fields.append((b"date", formatdate(usegmt=True).encode()))
        fields.append((b"x-request-id", flight.request_id))
        if flight.session is not None and flight.route.service == AUTH:
            self._identifier.notice(flight.session, fields)
        if connection.complete:
            await self._send_whole(flight, connection)
        elif flight.scope["http_version"] == "1.0" and connection.length < 0:
            await self._collect(flight, connection, pool)
        else:
            await self._stream(flight, connection)

    async def _send_whole(self, flight: Flight, connection: Connection) -> None:
        body, status, fields = connection.take(), connection.status, connection.headers
        if status in (204, 304):
            # No body follows, whatever they say; uvicorn would wait for one.
            fields = [each for each in fields if each[0] != b"content-length"]
        elif connection.length < 0 and flight.scope["method"] != "HEAD":
            fields.append((b"content-length", b"%d" % len(body)))
        flight.status, flight.sent, flight.answering = status, len(body), True
        flight.wait_for("client", self._clock.now + self._write_seconds)
        send = flight.send
        await send({"type": "http.response.start", "status": status, "headers": fields})
        await send({"type": "http.response.body", "body": body})

    async def _stream(self, flight: Flight, connection: Connection) -> None:
        """Send each piece as it comes; the next is read when the client has room for it."""
        clock, send, patience = self._clock, flight.send, self._read_seconds
        kind = field(connection.headers, b"content-type") or b""
        if kind.startswith(b"text/event-stream"):
            # Meant to stay open for as long as there may be news.
            flight.end, patience = NEVER, self._event_seconds
        flight.status, flight.answering = connection.status, True
        start = {"status": connection.status, "headers": connection.headers}
        await send({"type": "http.response.start", **start})
        more = True
        while more:
            if not flight.uploading:
                flight.wait_for("answer", clock.now + patience)
            piece = await connection.chunk()
            more = not connection.complete or connection.waiting
            flight.sent += len(piece)
            flight.wait_for("client", clock.now + self._write_seconds)
            await send({"type": "http.response.body", "body": piece, "more_body": more})

    async def _collect(self, flight: Flight, connection: Connection, pool: Pool) -> None:
        """Find out the length of an answer for a client that knows no chunks."""
        pieces, size = [], 0
        while piece := await self._piece(connection, pool):
            pieces.append(piece)
            size += len(piece)
            if size > LONGEST_FOR_HTTP_1_0:
                raise upstream_broken(pool.service)
        fields = [*connection.headers, (b"content-length", b"%d" % size)]
        flight.status, flight.sent, flight.answering = connection.status, size, True
        await flight.send(
            {"type": "http.response.start", "status": connection.status, "headers": fields}
        )
        await flight.send({"type": "http.response.body", "body": b"".join(pieces)})

    async def _piece(self, connection: Connection, pool: Pool) -> bytes:
        try:
            return await connection.chunk()
        except UpstreamDied as error:
            raise upstream_broken(pool.service) from error
