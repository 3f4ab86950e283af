"""The way back to a client: answers as bytes, at the pace at which they are read."""

from __future__ import annotations

import asyncio

from gateway.proxy.deadlines import NEVER
from gateway.proxy.drive import Bell
from gateway.proxy.flight import Flight
from gateway.proxy.listener import writing
from gateway.proxy.listener.inbox import Inbox
from gateway.proxy.listener.limits import Listening, Watched
from gateway.proxy.upstream.connection import Fields

MOST_DROPPED = 4 * 1024 * 1024  # from a client that we have hung up on
SMALL_REST = 64 * 1024  # a body that nobody wants is read to its end if no more is to come


class Answers(Watched, asyncio.Protocol):
    """The half of a client connection that writes.

    There may be ten thousand idle ones, and a dictionary in each would take more than a kilobyte.
    """

    __slots__ = (
        "_begun", "_chunked", "_deaf", "_dropped", "_ended", "_lingering", "_loop", "_read",
        "_receiving", "_silent", "_transport", "due", "flight", "full", "left",
    )  # fmt: skip

    listening: Listening
    _transport: asyncio.Transport

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self.flight: Flight | None = None  # the request at work
        self._receiving: Flight | None = None  # whose body is on the wire now
        self.left = False  # nobody reads what we write
        self.full = False  # the client reads more slowly than we write
        self.due = NEVER
        self._loop = loop
        self._read = Bell(loop)
        self._begun = False  # bytes of the answer to the request at work are sent
        self._ended = False  # all of them
        self._chunked = False
        self._silent = False  # the answer has no body: RFC 9110, section 9.3.2
        self._lingering = False
        self._deaf = False  # the last request that we take has come
        self._dropped = 0

    def answer(self, flight: Flight, status: int, fields: Fields, body: bytes) -> None:
        """Send an answer that is at hand whole; `fields` say its length."""
        if self.left:
            return
        self._whole(flight, [writing.STATUS_LINES[status]], fields, body)

    def answer_ready(self, flight: Flight, head: bytes, body: bytes) -> None:
        """Send an answer whose status line and fields are bytes already, all but our own."""
        if not self.left:
            pieces = [head, b"x-request-id: ", flight.request_id, b"\r\n"]
            self._whole(flight, pieces, flight.extra, body)

    def _whole(self, flight: Flight, pieces: list[bytes], fields: Fields, body: bytes) -> None:
        self._begun = self._ended = True
        for name, value in fields:
            pieces += (name, b": ", value, b"\r\n")
        pieces.append(self._end_of_head(flight))
        if flight.head.method != "HEAD":
            pieces.append(body)
        self._transport.write(b"".join(pieces))

    def begin_answer(self, flight: Flight, status: int, fields: Fields, *, sized: bool) -> None:
        """Send the head of an answer; `sized` if the fields say how long its body is."""
        if self.left:
            return
        self._begun = True
        self._silent = flight.head.method == "HEAD" or status in (204, 304)
        self._chunked = not sized and not self._silent and flight.head.version == "1.1"
        if self._chunked:
            fields = [*fields, (b"transfer-encoding", b"chunked")]
        elif not sized and not self._silent:
            flight.keep_alive = False  # the end of the connection is the end of the answer
        self._transport.write(writing.head(status, fields, self._end_of_head(flight)))

    def send(self, data: bytes, *, last: bool) -> None:
        """Send a piece of the body that was begun."""
        if self.left:
            return
        self._ended = last
        if self._chunked:
            data = writing.chunk(data, last=last)
        if data and not self._silent:
            self._transport.write(data)

    async def room(self) -> None:
        """Wait until the client has read enough for more to be sent."""
        while self.full:
            await self._read

    def cut(self, *, at_once: bool) -> None:
        """End the connection in the middle of an answer, so that nobody takes it for whole."""
        self.left = True
        if at_once:
            self._transport.abort()
        else:
            self._transport.close()

    @property
    def peer_port(self) -> int:
        """The port at the other end; 0 if it is gone."""
        peer = self._transport.get_extra_info("peername")
        return int(peer[1]) if peer and len(peer) > 1 else 0

    def pause_writing(self) -> None:
        """The client does not keep up."""
        self.full = True

    def resume_writing(self) -> None:
        """It has caught up, or is gone."""
        self.full = False
        self._read.ring()

    def _end_of_head(self, flight: Flight) -> bytes:
        """Whether the connection serves another request, said to the client: RFC 9112, 9.3."""
        body = flight.body
        if body is not None and not body.whole and not _worth_reading(flight, body):
            flight.keep_alive = False
        if self.listening.clock.draining and not self._more_to_answer():
            flight.keep_alive = False  # by its next connection the client finds somebody who stays
        if not flight.keep_alive:
            return b"connection: close\r\n\r\n"
        return b"\r\n" if flight.head.version == "1.1" else b"connection: keep-alive\r\n\r\n"

    def _more_to_answer(self) -> bool:
        """Whether requests came that wait for their turn."""
        return False

    def _hang_up(self, flight: Flight) -> None:
        """The last answer is sent; if the client still sends, it must get to read it.

        Nobody knows where a request ends that was refused as unclear.
        """
        unclear = flight.refused and flight.status < 500
        if unclear or (flight.body is not None and not flight.body.whole):
            self._linger()
        else:
            self._transport.close()

    def _linger(self) -> None:
        """Close our half, then drop what comes until the client closes: RFC 9112, section 9.6.

        To close at once with unread bytes would reset the connection, and the client might lose
        the answer.
        """
        self._deaf = self._lingering = True
        self._receiving = None
        if not self._transport.can_write_eof():
            self._transport.close()
            return
        self._transport.write_eof()
        if not self._transport.is_closing():
            self._transport.resume_reading()
        self.by(self.listening.clock.now + self.listening.linger_seconds)

    def _drop(self, data: bytes) -> None:
        """Ignore what comes after the end, for a while."""
        self._dropped += len(data)
        if self._dropped > MOST_DROPPED:
            self._transport.abort()


def _worth_reading(flight: Flight, body: Inbox) -> bool:
    """Whether the rest of a body is short, and sure to come."""
    return 0 <= body.left <= SMALL_REST and not flight.head.expects
