"""One connection to a service: writes rebuilt requests, parses answers, never holds too much.

The answer is handed on as soon as its head is there. There is one exception: a short answer of
known length is handed on whole, which saves messages and lets a service that dies in the middle
of it be reported properly.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from gateway.proxy.drive import Bell
from gateway.proxy.listener.handover import Guest, HandedOver
from gateway.proxy.upstream.reading import AnswerReader, Fields, UpstreamDied

if TYPE_CHECKING:
    from gateway.proxy.flight import Flight
    from gateway.proxy.upstream.pool import Pool

__all__ = ["Connection", "Fields", "UpstreamDied"]

SHORT = 64 * 1024  # answers up to this length are handed on whole
HIGH_WATER = 256 * 1024  # stop reading from the service while so much waits for the client


class Connection(AnswerReader, asyncio.Protocol):
    """An upstream connection. One request at a time; `pool` is told when it is gone."""

    def __init__(self, pool: Pool, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self.pool = pool
        self.idle_since = 0.0
        self.served = 0
        self.closed = False
        self._transport: asyncio.Transport
        self.flight: Flight | None = None  # whose answer this is, until the books are closed
        self.began = self.seconds = 0.0  # when the request was sent; from then to the head
        self.upload: asyncio.Task[None] | None = None  # passes the rest of a body on
        self.arrived = Bell(loop)
        self._drained = Bell(loop)
        self._paused_writing = False
        self._paused_reading = False
        self._busy = False
        self._switched = False
        self.counted = False  # among those that the pool has opened; not while it is dialled
        self.parted = False  # lasts beyond one exchange, and is no longer the pool's to lend

    # What the data path calls

    def begin(self, payload: bytes, *, head_only: bool) -> None:
        """Send the head of a request, with its body if that is at hand."""
        if self.served:
            self._reset()
        self.served += 1
        self._busy = True
        self._head_only = head_only
        if self.closed:
            self._error = UpstreamDied("The connection was closed while it was idle.")
        else:
            self._transport.write(payload)

    async def write(self, data: bytes) -> None:
        """Send a piece of the body; waits while the service does not keep up."""
        if self._error is not None:
            raise self._error
        self._transport.write(data)
        while self._paused_writing and self._error is None:
            await self._drained

    async def answer(self) -> None:
        """Wait until the head is there (and the body, if it is short); raises UpstreamDied."""
        while not self.is_answered():
            await self.arrived

    def is_answered(self) -> bool:
        """Whether `answer` need not wait; if it must, more will have `arrived`."""
        if self.complete or (self._head_done and not 0 <= self.length <= SHORT):
            self._streaming = True
            return True
        if self._error is not None:
            raise self._error
        return False

    async def chunk(self) -> bytes:
        """The next piece of the body; empty at the end. Raises UpstreamDied if it breaks off."""
        while not self._chunks and not self.complete:
            # What came before the connection broke still counts; the error shows afterwards.
            if self._error is not None:
                raise self._error
            await self.arrived
        return self.take()

    def take(self) -> bytes:
        """What of the body is here and not yet taken."""
        chunks = self._chunks
        if not chunks:
            return b""
        body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        self._chunks = []
        self._size = 0
        if self._paused_reading:
            self._paused_reading = False
            self._transport.resume_reading()
        return body

    def put_back(self, body: bytes) -> None:
        """Take back what was read of the body, so that somebody else can read it."""
        self._chunks.insert(0, body)
        self._size += len(body)

    @property
    def broken(self) -> bool:
        """Whether the service broke the answer off, or answered with something else than HTTP."""
        return isinstance(self._error, UpstreamDied)

    @property
    def waiting(self) -> bool:
        """Whether some of the body is here and not yet taken."""
        return bool(self._chunks)

    def finish(self) -> bool:
        """The exchange is over; says whether the connection can serve another."""
        self._busy = False
        return self._keep_alive and self.complete and not self.closed

    def fail(self, error: BaseException) -> None:
        """End the exchange with `error`, for whoever waits for the answer."""
        if self._error is None and not self.complete:
            self._error = error
        self.abort()
        self.arrived.ring()

    def abort(self) -> None:
        """Close at once; what is not sent is dropped. A connection handed over stays open."""
        self._busy = False
        self.closed = True
        if not self._switched:
            self._transport.abort()

    def switch(self, guest: Guest) -> tuple[asyncio.Transport, bytes]:
        """Hand the connection over after a 101, with what already came behind it."""
        self._switched = self.closed = True
        self._transport.set_protocol(HandedOver(self, guest))
        leftover, self._leftover = self._leftover, b""
        return self._transport, leftover

    # What the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the way out."""
        self._transport = cast(asyncio.Transport, transport)
        self.file = int(transport.get_extra_info("socket").fileno())

    def data_received(self, data: bytes) -> None:
        """Parse what came, then hand it on if there is enough."""
        if not self._busy:
            self.abort()  # nobody asked: a late or smuggled answer must not meet the next request
            return
        self.received = True
        try:
            self._feed(data)
        except UpstreamDied as error:
            self.fail(error)
            return
        if self._size > HIGH_WATER and not self._paused_reading and not self.complete:
            self._paused_reading = True
            self._transport.pause_reading()
        if self._ready():
            self.arrived.ring()

    def connection_lost(self, exc: Exception | None) -> None:
        """The end: of the answer, if its length was 'until I close'; else of our patience."""
        self.closed = True
        if self._busy and not self.complete:
            if exc is None and self._head_done and self.length < 0 and not self._chunked:
                self.complete = True
            elif self._error is None:
                cut = "http_response_incomplete" if self.received else ""
                self._error = UpstreamDied("The connection was closed.", cut)
        self.pool.lost(self)
        self.resume_writing()
        self.arrived.ring()

    def pause_writing(self) -> None:
        """The service does not keep up with the body we send."""
        self._paused_writing = True

    def resume_writing(self) -> None:
        """It has caught up, or is gone."""
        self._paused_writing = False
        self._drained.ring()

    # Waiting

    def _ready(self) -> bool:
        if self._streaming:
            return bool(self._chunks) or self.complete
        return self.complete or (self._head_done and not 0 <= self.length <= SHORT)
