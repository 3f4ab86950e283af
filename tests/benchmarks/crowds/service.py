"""A service with patience: event streams and WebSockets that stay open, and bodies without end."""

from __future__ import annotations

import asyncio
import sys
from base64 import b64encode
from hashlib import sha1
from typing import cast

import uvloop

PIECE = b"x" * 262_144
EVENTS = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    b"d\r\ndata: hello\n\n\r\n"
)
SMALL = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Service(asyncio.Protocol):
    """One connection of the gateway."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport
        self._head = b""
        self._left = 0  # bytes of a request's body still to come
        self._owed = 0  # bytes of an answer's body still to send
        self._talking = self._full = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A connection begins."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """A request, its body, or words of a WebSocket."""
        if self._talking:
            self._transport.write(b"\x81\x02hi")
        elif self._left:
            self._swallow(len(data))
        else:
            self._head += data
            head, found, rest = self._head.partition(b"\r\n\r\n")
            if found:
                self._head = b""
                self._answer(head, rest)

    def _answer(self, head: bytes, rest: bytes) -> None:
        path = head.split(b" ", 2)[1]
        fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
        if path.startswith(b"/orders/live"):
            self._talking = True
            proof = b64encode(sha1(fields[b"sec-websocket-key"] + GUID).digest())
            self._transport.write(
                b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
                b"sec-websocket-accept: " + proof + b"\r\n\r\n"
            )
        elif path.startswith(b"/orders/events"):
            self._transport.write(EVENTS)
        elif path.startswith(b"/orders/large"):
            self._owed = int(path.partition(b"?")[2])
            self._transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % self._owed)
            self._pay()
        elif int(fields.get(b"content-length", b"0")):
            self._left = int(fields[b"content-length"])
            self._swallow(len(rest))
        else:
            self._transport.write(SMALL)

    def _swallow(self, size: int) -> None:
        self._left -= size
        if not self._left:
            self._transport.write(SMALL)

    def _pay(self) -> None:
        while self._owed and not self._full:
            piece = PIECE[: self._owed]
            self._owed -= len(piece)
            self._transport.write(piece)

    def pause_writing(self) -> None:
        """The gateway does not keep up."""
        self._full = True

    def resume_writing(self) -> None:
        """It has caught up."""
        self._full = False
        self._pay()


async def serve() -> None:
    """Listen on a free port, which is printed, for ever."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Service, "127.0.0.1", 0, backlog=4096)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve())
