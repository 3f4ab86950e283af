"""What uvicorn leaves open: endless heads, clients that never finish one, trailers, 400 in text.

A subclass of uvicorn's protocol and the only place that knows its insides.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from gateway.proxy.clock import Clock
from gateway.proxy.flight import CLIENT, TASK

_FRAMING = (b"content-length", b"transfer-encoding")


@dataclass
class Listening:
    """The limits on client connections, and the connections that are being watched."""

    clock: Clock
    most_connections: int = 10_000
    longest_head: int = 64 * 1024
    head_seconds: float = 15.0
    reading: set[ClientConnection] = field(default_factory=set)

    def close_slow(self) -> None:
        """Close connections whose request head does not come to an end."""
        if self.reading:
            oldest = self.clock.now - self.head_seconds
            for client in [each for each in self.reading if each.head_since < oldest]:
                self.reading.discard(client)
                client.refuse(408, "The head of the request did not arrive in time.")


class ClientConnection(HttpToolsProtocol):
    """A connection from outside."""

    listening: Listening
    head_since = 0.0
    _head_size = 0
    _in_head = False
    _watched = False
    _declined: bytes | None = None  # how the body of a request with an upgrade offer is framed

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection, unless there are too many."""
        super().connection_made(transport)
        if len(self.connections) > self.listening.most_connections:
            transport.abort()
            return
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Read; a head that is not finished by now is on the clock and counted."""
        was_in_head = self._in_head
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except HttpParserUpgrade as offer:
            self._decline_upgrade(data[offer.args[0] :])
        except HttpParserError:
            self.refuse(400, "This is not a valid HTTP request.")
            return
        if self._in_head and not self.transport.is_closing():
            if was_in_head:
                self._head_size += len(data)
                if self._head_size > self.listening.longest_head:
                    self.refuse(431, "The header fields of this request are too long.")
            else:
                self._head_size = 0
                self._watch()
        elif self.timeout_keep_alive_task is None and self._between_requests():
            self._watch()  # blank lines, or the rest of a body that was refused

    def on_message_begin(self) -> None:
        """A request begins."""
        HttpToolsProtocol.on_message_begin(self)
        self._in_head = True
        scope: Any = self.scope
        scope[CLIENT] = self

    def on_headers_complete(self) -> None:
        """The head is whole. Trailers go nowhere: uvicorn would add them to the header fields."""
        self._in_head = False
        if self._watched:
            self._watched = False
            self.listening.reading.discard(self)
        fields = self.headers
        HttpToolsProtocol.on_headers_complete(self)  # super() would cost as much as all of this
        self.headers = []
        if self.parser.should_upgrade():
            self._declined = _framing(fields)
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        """The request is whole, unless the parser only thinks so because of an upgrade offer."""
        if self._declined is None:
            HttpToolsProtocol.on_message_complete(self)

    def _decline_upgrade(self, rest: bytes) -> None:
        """Go on as if no other protocol had been offered: RFC 9110, section 7.8.

        The parser takes what follows the head for the other protocol; a new one, told how the
        body is framed, takes it for the body. The connection serves no further request.
        """
        framing, self._declined = self._declined, None
        self.parser = HttpRequestParser(_BodyOnly(self))
        self.parser.feed_data(b"POST / HTTP/1.1\r\n%b\r\n\r\n" % (framing or b"content-length: 0"))
        if rest:
            self.data_received(rest)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone: so is its request."""
        self.listening.reading.discard(self)
        super().connection_lost(exc)
        if self.cycle is not None and self.cycle.disconnected:
            scope: Any = self.cycle.scope
            task: asyncio.Task[None] | None = scope.get(TASK)
            if task is not None:
                task.cancel()

    @property
    def left(self) -> bool:
        """Whether the client is gone."""
        return self.cycle is None or self.cycle.disconnected

    def cut(self, *, at_once: bool) -> None:
        """End the connection in the middle of an answer, so that nobody takes it for whole."""
        if self.cycle is not None:
            self.cycle.disconnected = True
        if at_once:
            self.transport.abort()
        else:
            self.transport.close()

    def refuse(self, status: int, detail: str) -> None:
        """Answer before there is a request that could be answered, and close."""
        if not self._may_refuse():
            return
        body = json.dumps({"type": "about:blank", "status": status, "detail": detail}).encode()
        self.transport.write(
            b"%bcontent-type: application/problem+json\r\ncontent-length: %d\r\n"
            b"connection: close\r\n\r\n%b" % (STATUS_LINE[status], len(body), body)
        )
        self.transport.close()

    def _may_refuse(self) -> bool:
        """Whether the next bytes on the wire can be a refusal; ends what would be in its way."""
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            return True
        if self.pipeline or not cycle.more_body:
            # Whole requests came before the bad bytes; the one at work is still answered.
            self.pipeline.clear()
            cycle.keep_alive = False
            return False
        if cycle.response_started:
            self.cut(at_once=False)
            return False
        cycle.disconnected = True
        return True

    def _between_requests(self) -> bool:
        return not self._watched and (self.cycle is None or self.cycle.response_complete)

    def _watch(self) -> None:
        self._watched = True
        self.head_since = self.listening.clock.now
        self.listening.reading.add(self)


class _BodyOnly:
    """Lets a connection hear of a body, but not of the head before it."""

    def __init__(self, client: ClientConnection) -> None:
        self.on_body = client.on_body
        self.on_message_complete = client.on_message_complete


def _framing(fields: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The field that says how long the body is."""
    lines = (b"%b: %b" % each for each in fields if each[0] in _FRAMING)
    return next(lines, b"content-length: 0")


def listener(listening: Listening) -> type[ClientConnection]:
    """The protocol class for a server with these limits."""
    return type("LimitedClientConnection", (ClientConnection,), {"listening": listening})
