"""The answer of a service, on its way to the client: whole if it is short, else as it comes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from gateway.proxy.clock import NEVER
from gateway.proxy.edge.answers import SAID_INSIDE, take_off_inside
from gateway.proxy.edge.headers import field
from gateway.proxy.flight import Flight
from gateway.proxy.identity.challenges import signed_out
from gateway.proxy.identity.identify import Identifier
from gateway.proxy.tunnel import Tunnels
from gateway.proxy.upstream.connection import Connection, Fields, UpstreamDied
from gateway.refusals import upstream_broken

LONGEST_FOR_HTTP_1_0 = 8 * 1024 * 1024


class Responder:
    """Streams answers back, at the pace of the client."""

    def __init__(
        self,
        identifier: Identifier,
        tunnels: Tunnels,
        *,
        write_seconds: float = 60.0,
        event_seconds: float = 300.0,
    ) -> None:
        self._clock = tunnels.clock
        self._identifier = identifier
        self._tunnels = tunnels
        self._write_seconds = write_seconds
        self._event_seconds = event_seconds
        # What to do with a connection that may be busy for long; the forwarder does more.
        self.part: Callable[[Connection], None] = lambda each: each.pool.part_with(each)

    def respond(self, flight: Flight, connection: Connection) -> Awaitable[None] | None:
        """Send the answer whose head has come; returns what to await if that takes longer.

        That raises UpstreamDied if the answer breaks off.

        Raises Refused (401) instead of beginning what may stay open for days for somebody whose
        sign-in has ended since they asked.
        """
        fields = connection.headers
        if connection.said >= SAID_INSIDE and (flight.tap is None or connection.status == 101):
            take_off_inside(fields)  # where the cache looks on it does so itself, when it has read
        if connection.status == 101:
            _refuse_signed_out(flight)
            return self._tunnels.join(flight, connection)
        if not connection.dated:
            fields.append((b"date", self._clock.date))
        fields.append((b"x-request-id", flight.request_id))
        if flight.session is not None:
            self._identifier.notice(flight, fields)
        if not connection.complete:
            return self._pass_on(flight, connection)
        self._send_whole(flight, connection)
        return self._let_read(flight) if flight.client.full else None

    async def _let_read(self, flight: Flight) -> None:
        flight.wait_for("client", self._clock.now + self._write_seconds)
        await flight.client.room()

    async def _pass_on(self, flight: Flight, connection: Connection) -> None:
        """Send what comes bit by bit."""
        if _is_events(connection.headers):
            _refuse_signed_out(flight)
            with self._tunnels.lasting.one():
                await self._stream(flight, connection)
        elif flight.head.version == "1.0" and connection.length < 0:
            await self._collect(flight, connection)
        else:
            await self._stream(flight, connection)
        if flight.client.full:
            await self._let_read(flight)

    def _send_whole(self, flight: Flight, connection: Connection) -> None:
        body, status, fields = connection.take(), connection.status, connection.headers
        if status in (204, 304):
            # No body follows, whatever they say.
            fields = [each for each in fields if each[0] != b"content-length"]
        elif connection.length < 0 and flight.head.method != "HEAD":
            fields.append((b"content-length", b"%d" % len(body)))
        if flight.tap is None:
            flight.say(status, fields, body)
        else:
            self._say(flight, status, fields, body)

    def _say(self, flight: Flight, status: int, fields: Fields, body: bytes) -> None:
        tap = flight.tap
        if tap is not None:
            tap.head(status, fields)
            tap.piece(body)
            flight.tap = None
            tap.end(whole=True)
        flight.say(status, fields, body)

    async def _stream(self, flight: Flight, connection: Connection) -> None:
        """Send each piece as it comes; the next is read when the client has room for it."""
        clock, client = self._clock, flight.client
        patience = self._begin(flight, connection)
        more = True
        while more:
            if not flight.uploading:
                flight.wait_for("answer", clock.now + patience)
            piece = await connection.chunk()
            more = not connection.complete or connection.waiting
            _look_at(flight, piece)
            client.send(piece, last=not more)
            if client.full and more:
                if connection.pool.crowded:
                    self.part(connection)  # whoever reads slowly must not keep others waiting
                flight.wait_for("client", clock.now + self._write_seconds)
                await client.room()
        tap, flight.tap = flight.tap, None
        if tap is not None:
            tap.end(whole=True)

    def _begin(self, flight: Flight, connection: Connection) -> float:
        """Send the head; says for how long the service may then be silent, in seconds."""
        patience, status = flight.route.timeouts.read, connection.status
        fields = [*connection.headers, *flight.extra]
        if _is_events(fields):
            # Meant to stay open for as long as there may be news.
            flight.end, patience = NEVER, self._event_seconds
            self.part(connection)
            flight.lasting, flight.events = True, b"" if connection.length < 0 else None
        flight.status, flight.answering = status, True
        if flight.tap is not None:
            flight.tap.head(status, fields)
        flight.client.begin_answer(flight, status, fields, sized=connection.length >= 0)
        return patience

    async def _collect(self, flight: Flight, connection: Connection) -> None:
        """Find out the length of an answer for a client that knows no chunks."""
        pieces, size = [], 0
        while piece := await self._piece(connection):
            pieces.append(piece)
            size += len(piece)
            if size > LONGEST_FOR_HTTP_1_0:
                raise upstream_broken(connection.pool.service)
        fields = [*connection.headers, (b"content-length", b"%d" % size)]
        self._say(flight, connection.status, fields, b"".join(pieces))

    async def _piece(self, connection: Connection) -> bytes:
        try:
            return await connection.chunk()
        except UpstreamDied as error:
            raise upstream_broken(connection.pool.service) from error


def _refuse_signed_out(flight: Flight) -> None:
    if flight.signed_out:
        raise signed_out(flight.caller)


def _look_at(flight: Flight, piece: bytes) -> None:
    """Count a piece, and show it to whoever wants to see it."""
    flight.sent += len(piece)
    if flight.events is not None:
        flight.events = (flight.events + piece)[-4:]
    if flight.tap is not None:
        flight.tap.piece(piece)


def _is_events(fields: Fields) -> bool:
    return (field(fields, b"content-type") or b"").startswith(b"text/event-stream")
