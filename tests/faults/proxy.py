"""A bad network between us and one server: slow, deaf, cut, or cut at the worst moment.

Works on AMQP and on PostgreSQL. Frames are read just far enough to find a publish or a COMMIT.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

CHUNK = 65536
SWALLOW = 0.05  # seconds in which the server acts on what it got, and its answer is lost
GREETING = 8  # bytes: "AMQP" and a version
METHOD, BODY, FRAME_END = 1, 3, 8
BASIC_PUBLISH = struct.pack(">HH", 60, 40)

Spots = Callable[["Road", bytes], bool]


@dataclass
class Road:
    """One client's connection through the proxy."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    swallowing: bool = False
    waiting: bytes = b""  # the start of a frame whose rest has not come yet
    greeted: bool = False
    publishing: bool = False
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def reset(self) -> None:
        """Break the client's side at once; the server sees an ordinary end."""
        linger = struct.pack("ii", 1, 0)
        sock = self.client.get_extra_info("socket")
        with suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.client.transport.abort()
        self.server.close()


class Proxy:
    """Listens on a port of its own and carries to one server; its faults can be set at any time."""

    def __init__(self, port: int, spots: Spots | None = None) -> None:
        self._target = port
        self._spots = spots  # finds the moment at which `cut` cuts
        self.port = 0
        self.delay = 0.0  # seconds added to every chunk, each way
        self.deaf = False  # take everything, carry nothing
        self.refusing = False  # new connections are reset
        self.cuts = 0  # how many connections were cut so far
        self._cuts_left = 0
        self._before = False
        self._roads: list[Road] = []
        self._loop = asyncio.new_event_loop()
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(started,), daemon=True)
        self._thread.start()
        started.wait(5)

    def reset(self) -> None:
        """Break every connection."""

        def act() -> None:
            for road in list(self._roads):
                road.reset()

        self._call(act)

    def half_close(self) -> None:
        """Tell every client that the server says no more, while still taking what they say."""

        def act() -> None:
            for road in list(self._roads):
                road.swallowing = True
                with suppress(OSError, RuntimeError):
                    road.client.write_eof()

        self._call(act)

    def cut(self, times: int, *, before: bool = False) -> None:
        """Cut when that moment was carried and is not answered; or just before it is carried."""
        self._before, self._cuts_left = before, times

    def heal(self) -> None:
        """Be a good network again."""
        self.delay, self.deaf, self.refusing, self._cuts_left = 0.0, False, False, 0

    def close(self) -> None:
        """Stop listening and break what is open."""
        self.reset()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    def _call(self, act: Callable[[], object]) -> None:
        self._loop.call_soon_threadsafe(act)

    def _run(self, started: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            asyncio.start_server(self._welcome, "127.0.0.1", 0, limit=CHUNK)
        )
        self.port = server.sockets[0].getsockname()[1]
        started.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0.01))
        self._loop.close()

    async def _welcome(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        if self.refusing:
            client.transport.abort()
            return
        try:
            answers, server = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            client.transport.abort()
            return
        road = Road(client, server)
        self._roads.append(road)
        back = asyncio.ensure_future(self._carry_back(road, answers))
        try:
            await self._carry_there(road, reader)
        finally:
            back.cancel()
            self._roads.remove(road)
            client.close()
            server.close()

    async def _carry_there(self, road: Road, reader: asyncio.StreamReader) -> None:
        with suppress(OSError):
            while chunk := await reader.read(CHUNK):
                await self._pass_time()
                if self._must_cut(road, chunk):
                    await self._cut(road, chunk)
                    return
                road.server.write(chunk)
                await road.server.drain()

    async def _carry_back(self, road: Road, answers: asyncio.StreamReader) -> None:
        with suppress(OSError):
            while chunk := await answers.read(CHUNK):
                await self._pass_time()
                if not road.swallowing:
                    road.client.write(chunk)
                    await road.client.drain()
        with suppress(OSError, RuntimeError):
            road.client.write_eof()

    async def _pass_time(self) -> None:
        if self.delay:
            await asyncio.sleep(self.delay)
        while self.deaf:
            await asyncio.sleep(0.05)

    def _must_cut(self, road: Road, chunk: bytes) -> bool:
        # Looked at even if nothing is to be cut: a frame may begin in one chunk and end in another.
        if self._spots is None or not self._spots(road, chunk) or self._cuts_left <= 0:
            return False
        self._cuts_left -= 1
        self.cuts += 1
        return True

    async def _cut(self, road: Road, chunk: bytes) -> None:
        road.swallowing = True
        if not self._before:
            road.server.write(chunk)
            await road.server.drain()
            await asyncio.sleep(SWALLOW)
        road.reset()


def commit_spotted(_: Road, chunk: bytes) -> bool:
    """Whether the client asks PostgreSQL to commit."""
    return b"COMMIT" in chunk


def publish_spotted(road: Road, chunk: bytes) -> bool:
    """Whether a whole publish (method, header and body frames) has been said with this chunk."""
    data, found = road.waiting + chunk, False
    if not road.greeted and len(data) >= GREETING:
        data, road.greeted = data[GREETING:], True
    while road.greeted and len(data) >= 7:
        kind, _, size = struct.unpack(">BHL", data[:7])
        if len(data) < size + FRAME_END:
            break
        if kind == METHOD and data[7:11] == BASIC_PUBLISH:
            road.publishing = True
        elif kind == BODY and road.publishing:
            road.publishing, found = False, True
        data = data[size + FRAME_END :]
    road.waiting = data
    return found
