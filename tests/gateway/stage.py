"""The stage for the gateway's tests: real services on real sockets, scripted per address."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx

from gateway.server import create_server
from gateway.settings import GatewaySettings

T = TypeVar("T")
# What gateways ask by themselves, whenever it is time: no test shall count it by accident.
BY_THEMSELVES = ("/asyncapi.json", "/oauth2/jwks", "/internal/v1/ended-sessions")
PATIENCE = 30.0  # costs nothing when things go well


@dataclass
class Seen:
    """A request as a service received it."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes = b""

    def all(self, name: str) -> list[str]:
        """Every value of a header field."""
        return [value for key, value in self.headers if key == name.lower()]

    def one(self, name: str) -> str:
        """The value of a field that must be there exactly once."""
        (value,) = self.all(name)
        return value


Script = Callable[[Seen, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Loop:
    """An event loop in a thread, for the services."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Run `work` there and wait for it."""
        future: Future[T] = asyncio.run_coroutine_threadsafe(work, self.loop)
        return future.result(PATIENCE)

    def close(self) -> None:
        """End the loop and its thread."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(PATIENCE)
        self.loop.close()


class Upstream:
    """A service that answers what its script says; by default it tells what it saw."""

    def __init__(self, loop: Loop, name: str) -> None:
        self.name = name
        self.seen: list[Seen] = []
        self.scripts: dict[str, Script] = {}
        self.connections = 0
        self.open = 0
        self._loop = loop
        self._writers: set[asyncio.StreamWriter] = set()
        self._server = loop.do(asyncio.start_server(self._serve, "127.0.0.1", 0))
        # The kernel would hold many megabytes for a service that does not read.
        self._server.sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        self.port: int = self._server.sockets[0].getsockname()[1]

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def on(self, path: str, script: Script) -> None:
        """Answer `path` by `script` from now on."""
        self.scripts[path] = script

    def reset(self) -> None:
        """Forget scripts and requests; drop connections."""
        self.drop_connections()
        self.scripts.clear()
        self.seen.clear()
        self.connections = 0

    def drop_connections(self) -> None:
        """Close every connection, as a restarted service does."""
        self._loop.do(self._drop())

    async def _drop(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()
        while self.open:
            await asyncio.sleep(0.005)

    async def _close(self) -> None:
        self._server.close()
        await self._drop()

    def close(self) -> None:
        """Close the port and what came in by it."""
        self._loop.do(self._close())

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        self._writers.add(writer)
        try:
            while head := await _read_head(reader):
                path = head.target.partition("?")[0]
                if path in self.scripts or path not in BY_THEMSELVES:
                    self.seen.append(head)
                await self.scripts.get(path, tell)(head, reader, writer)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self.open -= 1
            self._writers.discard(writer)
            writer.close()


async def _read_head(reader: asyncio.StreamReader) -> Seen | None:
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = raw.decode("latin-1")[:-4].split("\r\n")
    method, target, _ = first.split(" ")
    pairs = (line.split(": ", 1) for line in lines)
    return Seen(method, target, [(name, value) for name, value in pairs])


async def read_body(seen: Seen, reader: asyncio.StreamReader) -> None:
    """Read the body that the head announces."""
    if seen.all("transfer-encoding"):
        while size := int(await reader.readline(), 16):
            seen.body += (await reader.readexactly(size + 2))[:-2]
        await reader.readline()
    elif lengths := seen.all("content-length"):
        seen.body = await reader.readexactly(int(lengths[0]))


async def tell(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer with what was seen."""
    await read_body(seen, reader)
    told = {"method": seen.method, "target": seen.target, "length": len(seen.body)}
    body = json.dumps(told | {"headers": seen.headers}).encode()
    writer.write(answer(body, "content-type: application/json"))


def answer(body: bytes = b"", *fields: str, status: str = "200 OK") -> bytes:
    """A plain answer of known length."""
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", *fields, "", ""]
    return "\r\n".join(lines).encode() + body


def says(raw: bytes) -> Script:
    """A script that sends these bytes, whatever is asked."""

    async def script(
        seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await read_body(seen, reader)
        writer.write(raw)

    return script


@dataclass
class RunningGateway:
    """A gateway that listens, and its insides for looking at."""

    settings: GatewaySettings
    server: Any = field(init=False)
    port: int = field(init=False)
    _thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self.server = create_server(self.settings)
        self._thread = threading.Thread(target=self.server.run, daemon=True)
        self._thread.start()
        wait_until(lambda: self.server.started)
        self.port = self.server.servers[0].sockets[0].getsockname()[1]

    @property
    def app(self) -> Any:
        """The application."""
        return self.server.config.app

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        """Stop it, and wait for the end."""
        self.server.should_exit = True
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()


def get(url: str, **headers: str) -> httpx.Response:
    """One request on a connection of its own."""
    return httpx.get(url, headers=headers, trust_env=False, verify=False, timeout=PATIENCE)


def wait_until(true: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait until something is true; fails when it does not become so."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


def connect(port: int) -> socket.socket:
    """A raw connection."""
    return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)


def talk(port: int, raw: bytes) -> bytes:
    """Send bytes as they are and read all that comes back until the end, or a whole answer."""
    with connect(port) as client:
        client.sendall(raw)
        return read_answer(client)


def read_answer(client: socket.socket) -> bytes:
    """Read one answer of known length, or until the connection ends."""
    got = b""
    while not _whole(got):
        piece = client.recv(65536)
        if not piece:
            break
        got += piece
    return got


def _whole(got: bytes) -> bool:
    head, found, body = got.partition(b"\r\n\r\n")
    lengths = [
        int(line.split(b":")[1])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length:")
    ]
    return bool(found) and bool(lengths) and len(body) >= lengths[0]


def status_of(raw: bytes) -> int:
    """The status of a raw answer; 0 if there was none."""
    return int(raw.split(b" ", 2)[1]) if raw.startswith(b"HTTP/") else 0
