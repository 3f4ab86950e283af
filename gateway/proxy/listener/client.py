"""A connection from outside: requests are parsed straight into flights, answers written back.

uvicorn keeps the sockets, the signals and the graceful stop; this is its protocol class. There
is no ASGI on the way. RFC 9112, section by section: 6.3 and 7 bodies, 9.3 persistence and
pipelining, 9.6 the end of a connection; RFC 9110, section 10.1.1 Expect, section 7.8 Upgrade.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from uvicorn.config import Config
from uvicorn.server import ServerState

from gateway.proxy.edge.headers import LONGEST_HEAD, Head
from gateway.proxy.flight import Flight
from gateway.proxy.listener import lines, requests, writing
from gateway.proxy.listener.familiar import LONGEST, who
from gateway.proxy.listener.handover import Guest, HandedOver
from gateway.proxy.listener.inbox import HIGH_WATER
from gateway.proxy.listener.limits import Listening
from gateway.proxy.listener.troubles import Troubled
from gateway.proxy.listener.turns import Serves
from gateway.proxy.upstream.connection import Fields

METHODS = {
    name.encode(): name for name in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
}


class ClientConnection(Troubled):
    """One client."""

    __slots__ = (
        "_at", "_begun_head", "_between", "_data", "_declined", "_early", "_fields", "_framing",
        "_guest", "_head_before", "_head_size", "_in_head", "_parser", "_payload", "_registered",
        "_who",
    )  # fmt: skip

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        tasks = cast("set[object]", server_state.tasks)
        super().__init__(_loop or asyncio.get_running_loop(), tasks)
        self._registered = cast("set[object]", server_state.connections)
        self._parser = HttpRequestParser(self)
        # What follows a request that closes is ours to ignore, not an error of that request.
        self._parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self._fields: Fields = []
        self._declined: bytes | None = None  # how the body of a request with an offer is framed
        self._guest: Guest | None = None
        self._in_head = self._head_before = self._begun_head = False
        self._head_size = 0
        self._framing = self._payload = 0  # bytes of the body at hand, with and without framing
        self._data = b""  # what is being parsed
        self._at = lines.AT_ONCE  # where in it the next request line is
        self._early = b""  # the beginning of a head, if the rest is in other pieces
        self._who = ("unknown", "http")  # address and scheme, as the socket says
        self._between = True  # we are sure that the parser waits for the first byte of a request
        self._tail = b""  # the last byte that came

    # What the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, unless there are too many."""
        self._transport = cast(asyncio.Transport, transport)
        listening = self.listening
        self._registered.add(self)
        listening.connections.add(self)
        if len(listening.connections) > listening.most_connections:
            self._transport.abort()
            return
        self.by(listening.clock.now + listening.head_seconds)
        self._who = who(transport)

    def data_received(self, data: bytes) -> None:
        """Parse; then begin the request that came, or tell the one at work of its body."""
        if self._deaf and self._receiving is None:
            self._ignore(data)
            return
        if self._between and self.flight is None and len(data) <= LONGEST:
            known = self.listening.familiar.find(self._who, data)
            if known is not None:
                self._begin(Flight(known, self, keep_alive=True))
                return
        self._parse(data)

    def _parse(self, data: bytes) -> None:
        self._data, self._head_before = data, self._in_head
        self._between = False
        before = self._receiving
        torn = self._begun_head and not self._early  # a head behind another, in two pieces
        self._at = lines.SOMEWHERE if torn or before is not None else lines.AT_ONCE
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade as offer:
            self._offered(data[offer.args[0] :])
        except HttpParserError:
            self._rubbish()
            return
        finally:
            self._data = b""
        wrong = self._find_fault(before, data)
        if wrong is not None:
            self._rubbish(*wrong)
            return
        if self.flight is not None:
            self._tell_of_body(self.flight)
        elif (flight := self._next) is not None:
            self._next = None
            if flight.keep_alive and not (self._receiving or self._queue or self._target):
                self._between = self.listening.familiar.learn(self._who, data, flight.head)
            self._begin(flight)
        if self._target:
            self._still_in_head(len(data))

    def _find_fault(self, before: Flight | None, data: bytes) -> tuple[int, str] | None:
        """What the parser let pass and we do not: a status, and what to tell."""
        if (before is not None or len(data) > requests.MOST_FRAMING) and self._is_padded(
            before, data
        ):
            return 400, "The body of the request has more framing than content."
        if self._at == lines.AT_ONCE:
            early = self._early or lines.torn(self._tail, data)
            self._early = lines.gather(early, data)
            if lines.is_hopeless(self._early):
                return 400, "This is not a valid HTTP request."
        elif self._receiving is not None and self._at > 0:
            fields = self._receiving.head.fields
            if requests.is_chunked(fields) and requests.is_endless(data, self._at):
                return 413, "The body of this request has no end."
        self._tail = data[-1:]
        return None

    def _is_padded(self, before: Flight | None, data: bytes) -> bool:
        """Whether a chunked body hides endless extensions, sizes or trailers: RFC 9112, 7.1.1."""
        flight = self._receiving or before or self._next or self.flight
        if flight is None or not requests.is_chunked(flight.head.fields):
            return False
        head = 0 if before is not None else data.find(b"\r\n\r\n")
        self._framing += len(data) - head
        padded = requests.is_padded(self._framing, self._payload)
        if padded:
            self._receiving = flight
        return padded

    def _offered(self, rest: bytes) -> None:
        """Another protocol is offered. One that we may take waits; others are declined."""
        flight = self._receiving
        if flight is None or flight.head.upgrade is None:
            self._decline_upgrade(rest)
        else:
            self._leftover, self._declined, self._receiving = rest, None, None
            self._offers = True

    def _decline_upgrade(self, rest: bytes) -> None:
        """Go on as if no other protocol had been offered: RFC 9110, section 7.8."""
        framed, self._declined = self._declined or b"", None
        self._parser = requests.body_parser(self.on_body, self.on_message_complete, framed)
        try:
            self._parser.feed_data(rest)
        except HttpParserUpgrade:
            pass  # of a request that came after the last one we take
        except HttpParserError:
            self._rubbish()

    def eof_received(self) -> None:
        """The client will send no more: taken for a farewell."""

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone: so is its request."""
        self.left = True
        self._registered.discard(self)
        self.listening.connections.discard(self)
        self._queue.clear()
        self._next = None
        flight = self.flight
        if flight is not None:
            if flight.body is not None:
                flight.body.lose()
            flight.drive.cancel()
        self.resume_writing()

    def shutdown(self) -> None:
        """Take no further request; uvicorn calls this when it is asked to stop."""
        if self._guest is not None:
            self._guest.shutdown()
        elif self.flight is None and not self._queue:
            self._transport.close()
        else:
            self._take_no_more()

    def switch(self, fields: Fields, guest: Guest) -> tuple[asyncio.Transport, bytes]:
        """Say 101 with these fields and hand the connection over, with what already came.

        Only for a request whose `head.upgrade` is set. The connection lasts as long as the flight.
        """
        transport, self._guest = self._transport, guest
        self._begun, self._offers = True, False
        leftover, self._leftover = self._leftover, b""
        transport.write(writing.head(101, fields, b"connection: upgrade\r\n\r\n"))
        transport.set_protocol(HandedOver(self, guest))
        self._go_on()
        return transport, leftover

    # What the parser calls

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        self._begun_head = True

    def on_url(self, url: bytes) -> None:
        """A piece of the request target."""
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header field; trailers go nowhere: RFC 9110, section 6.5.1."""
        if self._receiving is None:
            self._fields.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """The head is whole."""
        parser = self._parser
        self._in_head = self._begun_head = False
        self._framing = self._payload = 0
        target, self._target = self._target, b""
        fields, self._fields = self._fields, []
        method = parser.get_method()
        head = Head(METHODS.get(method) or method.decode(), target, self._who[0], fields)
        head.scheme = self._who[1]
        version = parser.get_http_version()
        if version != "1.1":
            head.version = version
        line = b"%b %b HTTP/" % (method, target)
        if self._at or self._early or not self._data.startswith(line):
            self._look_for(line, head)
        else:
            self._at = len(line)
        head.large = self._head_before or len(self._data) > LONGEST_HEAD
        flight = self._receiving = Flight(head, self, keep_alive=parser.should_keep_alive())
        if parser.should_upgrade():
            self._declined = requests.framing(fields)
            flight.keep_alive = False
            if head.version == "1.1" and method == b"GET":
                head.upgrade = requests.offer(fields, self.listening.upgrades)
        if self._deaf:
            return
        if not flight.keep_alive:
            self._deaf = True
        if self.flight is None and self._next is None and not self._queue:
            self._next = flight
        else:
            self._enqueue(flight)

    def _look_for(self, line: bytes, head: Head) -> None:
        """Find a request line that is not simply the first that came, and refuse it if it lies."""
        data, at = self._data, self._at
        early = self._early or lines.torn(self._tail, data)
        found = lines.find(line, early + data, at)
        told = line + head.version.encode()
        if found < 0 and not (at and (self._head_before or lines.is_rest(data, told))):
            # The parser forgives blanks, and takes other protocols for HTTP/1.0.
            head.version = ""
        self._at = found + len(line) if found >= 0 and not early else lines.SOMEWHERE
        self._early = b""

    def on_body(self, body: bytes) -> None:
        """A piece of a body."""
        inbox = self._inbox
        if inbox is None:
            inbox = self._open_inbox()
        inbox.add(body)
        self._payload += len(body)
        if inbox.size > HIGH_WATER:
            self._hold()

    def on_message_complete(self) -> None:
        """The request is whole, unless the parser only thinks so because of an upgrade offer."""
        if self._declined is None:
            self._receiving = None
            if self._inbox is not None:
                self._inbox.finish()
                self._inbox = None


def listener(listening: Listening, door: Serves) -> type[ClientConnection]:
    """The protocol class for a server with these limits."""
    bound = {"listening": listening, "door": door, "__slots__": ()}
    return type("BoundClientConnection", (ClientConnection,), bound)
