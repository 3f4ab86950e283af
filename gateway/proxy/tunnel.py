"""A WebSocket after its handshake: bytes pass both ways, and neither side can flood the other.

Both sockets leave the protocols that did the handshake for two ends of a tunnel. What an end
receives its peer writes; while the peer's socket is full, the end does not read. Frames are only
followed, so that our own farewell can be put between two of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

from gateway.proxy.clock import NEVER, Clock
from gateway.proxy.drive import Bell
from gateway.proxy.edge.handshake import is_accepted, key_of
from gateway.proxy.flight import Flight
from gateway.proxy.frames import GOING_AWAY, Frames, close_frame
from gateway.proxy.lasting import Lasting
from gateway.proxy.listener.handover import Guest
from gateway.proxy.upstream.connection import Connection
from gateway.refusals import upstream_broken

FAREWELL_SECONDS = 2.0  # for both sides to answer our goodbye
LINGER_SECONDS = 2.0  # for one side to hear the last words of the other, and to hang up

Sample = tuple[str, str, str, dict[str, str], float]


class Tunnels:
    """Opens tunnels, and knows those that are open."""

    def __init__(self, clock: Clock, lasting: Lasting, idle_seconds: float = 300.0) -> None:
        self.open: set[Tunnel] = set()
        self.opened = 0
        self.bytes = {"down": 0, "up": 0}
        self.clock = clock
        self.lasting = lasting
        self.idle_seconds = idle_seconds

    async def join(self, flight: Flight, connection: Connection) -> None:
        """Let both sides talk until one has gone, or nobody has said anything for too long.

        The service has agreed with 101; raises Refused (502) if the client did not ask for that,
        or if the service has not understood what it agreed to.
        """
        asked, fields = flight.head.fields, connection.headers
        offer = flight.head.upgrade
        wanted = offer is not None and connection.upgraded and connection.protocol == offer
        if not wanted or not is_accepted(key_of(asked), asked, fields):
            raise upstream_broken(connection.pool.service)
        with self.lasting.one():
            await self._join(flight, connection)

    async def _join(self, flight: Flight, connection: Connection) -> None:
        flight.status, flight.answering, flight.end = 101, True, NEVER
        connection.pool.part_with(connection)
        tunnel = Tunnel(self, flight)
        self.open.add(tunnel)
        self.opened += 1
        cut = True  # when the server ends, nobody is there who could wait for last words
        try:
            tunnel.start(flight, connection)
            await tunnel.over()
            cut = flight.late
        finally:
            self.open.discard(tunnel)
            tunnel.close(at_once=cut)

    def go_away(self, which: Callable[[Flight], bool]) -> int:
        """Say goodbye in those tunnels whose request is such a one; how many that are."""
        chosen = [tunnel for tunnel in self.open if which(tunnel.flight)]
        for tunnel in chosen:
            tunnel.go_away()
        return len(chosen)

    def samples(self) -> Iterator[Sample]:
        """Figures for Prometheus."""
        yield from self.lasting.samples()
        yield "websockets_opened_total", "counter", "WebSockets opened.", {}, self.opened
        yield "websockets_open", "gauge", "WebSockets open now.", {}, len(self.open)
        for direction, size in sorted(self.bytes.items()):
            labels = {"direction": direction}
            yield "websocket_bytes_total", "counter", "Bytes of WebSockets passed on.", labels, size


class Tunnel:
    """Two joined ends."""

    def __init__(self, tunnels: Tunnels, flight: Flight) -> None:
        self._tunnels = tunnels
        self.flight = flight
        self._bell = Bell(asyncio.get_running_loop())
        # To the client we are a server; to the service a client, who masks what it says.
        self.client = End(self, "up", close_frame(GOING_AWAY, masked=False))
        self.service = End(self, "down", close_frame(GOING_AWAY, masked=True))
        self.client.peer, self.service.peer = self.service, self.client

    def start(self, flight: Flight, connection: Connection) -> None:
        """Take both sockets over, and pass on what came with the handshake."""
        fields = [*connection.headers, (b"upgrade", b"websocket"), *flight.extra]
        fields.append((b"x-request-id", flight.request_id))
        self.service.socket, from_service = connection.switch(self.service)
        self.client.socket, from_client = flight.client.switch(fields, self.client)
        self.heard("down", 0)
        for end, early in ((self.client, from_client), (self.service, from_service)):
            if early:
                end.data_received(early)

    async def over(self) -> None:
        """Wait until both ends have gone."""
        while not (self.client.gone and self.service.gone):
            await self._bell

    def heard(self, direction: str, size: int) -> None:
        """Somebody has said something: the tunnel is not idle."""
        tunnels, flight = self._tunnels, self.flight
        tunnels.bytes[direction] += size
        if direction == "down":
            flight.sent += size
        else:
            flight.received += size
        flight.wait_for("traffic", tunnels.clock.now + tunnels.idle_seconds)

    def lost(self) -> None:
        """An end has gone."""
        self._bell.ring()

    def go_away(self) -> None:
        """Say goodbye to both sides, and close when they have answered: RFC 6455, 7.4.1."""
        self.client.go_away()
        self.service.go_away()
        self.flight.end = self._tunnels.clock.now + FAREWELL_SECONDS
        self.heard("down", 0)

    def close(self, *, at_once: bool) -> None:
        """Close what is still open; what is under way may still arrive, unless `at_once`."""
        self.client.close(at_once=at_once)
        self.service.close(at_once=at_once)


class End(Guest):
    """One end. What comes in here, its peer sends."""

    socket: asyncio.Transport
    peer: End

    def __init__(self, tunnel: Tunnel, direction: str, farewell: bytes) -> None:
        self.gone = False
        self._tunnel = tunnel
        self._direction = direction  # of what comes in here
        self._farewell = farewell
        self._sent = Frames()  # what the peer has heard for this side
        self._leaving = self._left = False  # we want to say goodbye; we have
        self._heard_all = self._said_all = False  # halves of the connection that are closed
        self.hanging_up = False  # nothing that is said here is passed on any more

    def data_received(self, data: bytes) -> None:
        """This side has said something."""
        if self.hanging_up:
            return
        self._tunnel.heard(self._direction, len(data))
        self.peer.send(data)

    def send(self, data: bytes) -> None:
        """Tell this side what the other has said."""
        if self.hanging_up:
            return
        end = self._sent.follow(data)
        if self._left:
            # After our goodbye nothing goes through. The other side's answer to ours comes here.
            if self._sent.closed:
                self.peer.close(at_once=False)
        elif not self._leaving:
            self.socket.write(data)
        else:
            self.socket.write(data[:end])
            if end < len(data) or self._sent.between:
                self._say_goodbye()

    def go_away(self) -> None:
        """Say goodbye to this side, now or when the frame under way is whole."""
        self._leaving = True
        if self._sent.between:
            self._say_goodbye()

    def _say_goodbye(self) -> None:
        self._left = True
        # They may have said goodbye to each other already, or the other side may have said all.
        if not (self._sent.closed or self._said_all):
            self.socket.write(self._farewell)

    def shutdown(self) -> None:
        """The server is asked to stop."""
        self._tunnel.go_away()

    def eof_received(self) -> bool:
        """This side has said all; the other may still speak."""
        self._heard_all = True
        self.peer.finish()
        return not self._said_all

    def finish(self) -> None:
        """The other side has said all."""
        if self._said_all:
            return
        self._said_all = True
        if self._heard_all or not self.socket.can_write_eof():
            self.socket.close()
        elif not self.socket.is_closing():
            self.socket.write_eof()

    def close(self, *, at_once: bool) -> None:
        """Close this side. Unless `at_once`, it may hear what is under way, and hang up itself.

        To close a socket with unread bytes would reset the connection, and the last words of the
        other side, its goodbye, might be lost: RFC 9112, section 9.6, holds here as well.
        """
        if at_once:
            self.socket.abort()
        if self.gone or self.hanging_up or at_once:
            return
        self.hanging_up = True
        asyncio.get_running_loop().call_later(LINGER_SECONDS, self.socket.abort)
        if self._heard_all or not self.socket.can_write_eof():
            self.socket.close()
        elif not self.socket.is_closing():
            self.finish()
            self.socket.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """This side has gone, so the other must."""
        self.gone = True
        self.peer.close(at_once=False)
        self._tunnel.lost()

    def pause_writing(self) -> None:
        """This side does not keep up: hear no more from the other."""
        if not self.peer.socket.is_closing() and not self.peer.hanging_up:
            self.peer.socket.pause_reading()

    def resume_writing(self) -> None:
        """It has caught up."""
        if not self.peer.socket.is_closing():
            self.peer.socket.resume_reading()
