"""One connection to a service: writes rebuilt requests, parses answers, never holds too much.

The answer is handed on as soon as its head is there. There is one exception: a short answer of
known length is handed on whole, which saves messages and lets a service that dies in the middle
of it be reported properly.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

import httptools

if TYPE_CHECKING:
    from gateway.proxy.upstream.pool import Pool

Fields = list[tuple[bytes, bytes]]

SHORT = 64 * 1024  # answers up to this length are handed on whole
HIGH_WATER = 256 * 1024  # stop reading from the service while so much waits for the client

# Meant for the gateway only (RFC 9110, section 7.6.1), or said by the gateway itself.
_NOT_PASSED_ON = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-connection",
        b"proxy-authenticate",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"server",
        b"x-request-id",
    }
)
_WITH_MEANING = _NOT_PASSED_ON | {b"content-length", b"date"}


class UpstreamDied(Exception):
    """The connection ended before the answer did, or what came was no HTTP."""


class Connection(asyncio.Protocol):
    """An upstream connection. One request at a time; `pool` is told when it is gone."""

    # The hot path: parser callbacks run for every header of every answer.

    def __init__(self, pool: Pool, loop: asyncio.AbstractEventLoop) -> None:
        self.pool = pool
        self.address = ("", 0)
        self.idle_since = 0.0
        self.served = 0
        self.closed = False
        self._loop = loop
        self._transport: asyncio.Transport
        self._parser = httptools.HttpResponseParser(self)
        self._waiter: asyncio.Future[None] | None = None
        self._drained: asyncio.Future[None] | None = None
        self._paused_reading = False
        self._busy = False
        self._head_only = False
        self._reset()

    def _reset(self) -> None:
        self.status = 0
        self.headers: Fields = []
        self.length = -1
        self.dated = False
        self.received = False
        self.complete = False
        self._keep_alive = False
        self._head_done = False
        self._named: set[bytes] | None = None
        self._streaming = False
        self._chunked = False
        self._error: BaseException | None = None
        self._chunks: list[bytes] = []
        self._size = 0

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
        if self._drained is not None:
            await self._drained

    async def answer(self) -> None:
        """Wait until the head is there (and the body, if it is short); raises UpstreamDied."""
        if not self._ready():
            await self._wait()
            if self._error is not None:
                raise self._error
        self._streaming = True

    async def chunk(self) -> bytes:
        """The next piece of the body; empty at the end. Raises UpstreamDied if it breaks off."""
        if not self._chunks and not self.complete:
            await self._wait()
            # What came before the connection broke still counts; the error shows afterwards.
            if self._error is not None and not self._chunks:
                raise self._error
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
        self._wake()
        self.abort()

    def abort(self) -> None:
        """Close at once; what is not sent is dropped."""
        self._busy = False
        self.closed = True
        self._transport.abort()

    # What the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the way out."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Parse what came, then hand it on if there is enough."""
        if not self._busy:
            self.abort()  # nobody asked: a late or smuggled answer must not meet the next request
            return
        self.received = True
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.fail(UpstreamDied("The answer is no HTTP."))
            return
        if self._size > HIGH_WATER and not self._paused_reading and not self.complete:
            self._paused_reading = True
            self._transport.pause_reading()
        if self._waiter is not None and self._ready():
            self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """The end: of the answer, if its length was 'until I close'; else of our patience."""
        self.closed = True
        if self._busy and not self.complete:
            if exc is None and self._head_done and self.length < 0 and not self._chunked:
                self.complete = True
            elif self._error is None:
                self._error = UpstreamDied("The connection was closed.")
            self._wake()
        self.resume_writing()
        self.pool.lost(self)

    def pause_writing(self) -> None:
        """The service does not keep up with the body we send."""
        self._drained = self._loop.create_future()

    def resume_writing(self) -> None:
        """It has caught up, or is gone."""
        drained, self._drained = self._drained, None
        if drained is not None and not drained.done():
            drained.set_result(None)

    # What the parser calls

    def on_message_begin(self) -> None:
        """An answer begins; a second one to the same request ends the connection."""
        if self.complete:
            raise UpstreamDied("There was more than one answer.")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep what is meant for the client; read what is meant for us; drop trailers."""
        if self._head_done:
            return
        name = name.lower()
        if name in _WITH_MEANING and self._is_for_us(name, value):
            return
        self.headers.append((name, value))

    def _is_for_us(self, name: bytes, value: bytes) -> bool:
        if name == b"content-length":
            self.length = int(value)
            return False
        if name == b"date":
            self.dated = True
            return False
        if name == b"transfer-encoding":
            self._chunked = True
        elif name == b"connection" and value.lower() not in (b"keep-alive", b"close"):
            self._named = {token.strip().lower() for token in value.split(b",")}
        return True

    def on_headers_complete(self) -> None:
        """The head is there; an interim one (1xx) is forgotten when it ends."""
        status = self._parser.get_status_code()
        if status < 200:
            return
        self.status = status
        self._head_done = True
        self._keep_alive = self._parser.should_keep_alive()
        if self._named:
            self.headers = [field for field in self.headers if field[0] not in self._named]
        if self._chunked:
            self.length = -1
        if self._head_only:
            # The parser cannot know that no body follows; a fresh one serves the next answer.
            self.complete = True
            self._parser = httptools.HttpResponseParser(self)

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body until the client can take it."""
        self._chunks.append(body)
        self._size += len(body)

    def on_message_complete(self) -> None:
        """The answer is whole."""
        if self._head_done:
            self.complete = True
        else:
            self.headers = []

    # Waiting

    def _ready(self) -> bool:
        if self._streaming:
            return bool(self._chunks) or self.complete
        return self.complete or (self._head_done and not 0 <= self.length <= SHORT)

    async def _wait(self) -> None:
        if self._error is not None:
            raise self._error
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
