"""The connections to one replica: kept open, bounded, the warmest first."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from gateway.proxy.upstream.connection import Connection, UpstreamDied
from gateway.proxy.upstream.shortage import is_ours

if TYPE_CHECKING:
    from gateway.proxy.upstream.replica import Replica

_URL = re.compile(
    r"(?P<scheme>https?)://(?:(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)"
    r"|\[(?P<six>[0-9A-Fa-f:.]+)\])(?::(?P<port>\d{1,5}))?/?"
)


class PoolFull(Exception):
    """Every connection is in use, and so is every place in the queue."""


class OutOfFiles(PoolFull):
    """This machine has no more files, ports or memory for us: nothing is said about the service."""


class Unreachable(UpstreamDied):
    """The replica took no connection."""

    proxy_error = "connection_refused"


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """How many connections to a replica, how many may queue for one, and for how long."""

    connections: int = 200
    waiting: int = 1000
    connect_seconds: float = 2.0
    # Shorter than the services keep theirs open (uvicorn: 5 s), so that we rarely meet a dead one.
    idle_seconds: float = 4.0


class Address(NamedTuple):
    """Where a replica answers; `secure_as` is the name that its certificate must have, if any."""

    host: str
    port: int
    secure_as: str = ""

    @property
    def url(self) -> str:
        """The address as people write it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.secure_as else 'http'}://{host}:{self.port}"


class Pool:
    """Lends connections to one replica of a service."""

    def __init__(self, service: str, address: Address, limits: PoolLimits) -> None:
        self.service = service
        self.address = address
        self.opened = 0
        self.streams = 0  # connections that carry a stream, beside those
        self.unreachable = False  # the last time that we dialled, nobody was there
        self.waiters: deque[asyncio.Future[Connection | None]] = deque()
        self.idle: list[Connection] = []  # the end is the warm one
        self.replica: Replica  # whose pool this is; it says so itself
        self._limits = limits
        self._retired = False

    @property
    def busy(self) -> int:
        """How many requests are at the replica, or wait for a connection to it."""
        return self.opened - len(self.idle) + len(self.waiters)

    def warm(self) -> Connection | None:
        """An idle connection, if there is one: the one used last."""
        return self.idle.pop() if self.idle else None

    async def connection(self, connect_seconds: float = 0.0) -> Connection:
        """A connection: idle, new, or the next that is given back. Raises PoolFull, UpstreamDied.

        Raises TimeoutError when nobody takes the connection in `connect_seconds` (0: as usual).
        """
        while True:
            connection = self.warm()
            if connection is None and self.opened < self._limits.connections:
                connection = await self._dial(connect_seconds)
            if connection is None:
                connection = await self._queue()
            if connection is not None:
                return connection

    def give_back(self, connection: Connection, now: float) -> None:
        """Take a connection back after an exchange; one that cannot serve again is closed."""
        if not connection.finish() or self._retired or connection.parted:
            connection.abort()
            return
        while self.waiters:
            waiter = self.waiters.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return
        connection.idle_since = now
        self.idle.append(connection)

    def lost(self, connection: Connection) -> None:
        """A connection is gone: forget it, and let somebody who waits open another."""
        if not connection.counted:
            return  # whoever dialled will hear of it, and knows that there is a place
        if connection.parted:
            self.streams -= 1
            return
        self.opened -= 1
        if connection in self.idle:
            self.idle.remove(connection)
        self._let_next_dial()

    @property
    def crowded(self) -> bool:
        """Whether slow clients should take no more of the places."""
        return 2 * self.opened > self._limits.connections

    def part_with(self, connection: Connection) -> None:
        """A stream that may last for hours takes no place that requests wait for."""
        if not (connection.parted or connection.closed):
            connection.parted = True
            self.streams += 1
            self.opened -= 1
            self._let_next_dial()

    def close_idle(self, before: float) -> None:
        """Close what has been idle since `before` or longer."""
        while self.idle and self.idle[0].idle_since <= before:
            self.idle.pop(0).abort()

    def expire(self, now: float) -> None:
        """Close what has been idle for too long."""
        if self.idle:
            self.close_idle(now - self._limits.idle_seconds)

    def retire(self) -> None:
        """It is over here: requests under way end, and their connections with them."""
        self._retired = True
        self.close_idle(float("inf"))

    async def _dial(self, connect_seconds: float) -> Connection:
        self.opened += 1
        try:
            connection = await self._open(connect_seconds or self._limits.connect_seconds)
            if connection.closed:
                raise UpstreamDied("The connection was closed as soon as it was open.")
        except BaseException:
            self.opened -= 1
            self._let_next_dial()
            raise
        self.unreachable = False
        connection.counted = True
        return connection

    async def _open(self, seconds: float) -> Connection:
        loop = asyncio.get_running_loop()
        host, port, name = self.address
        try:
            async with asyncio.timeout(seconds):
                _, connection = await loop.create_connection(
                    lambda: Connection(self, loop),
                    host,
                    port,
                    ssl=tls() if name else None,
                    server_hostname=name or None,
                )
        except TimeoutError:
            self.unreachable = True
            raise
        except OSError as error:
            if is_ours(error, self.address):
                raise OutOfFiles(self.service) from error
            self.unreachable = True
            raise Unreachable(f"The {self.service} service cannot be reached.") from error
        return connection

    async def _queue(self) -> Connection | None:
        """Wait for a connection that is given back; None means: there is room for a new one."""
        if len(self.waiters) >= self._limits.waiting:
            raise PoolFull(self.service)
        waiter: asyncio.Future[Connection | None] = asyncio.get_running_loop().create_future()
        self.waiters.append(waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            self._pass_on(waiter)
            raise

    def _pass_on(self, waiter: asyncio.Future[Connection | None]) -> None:
        """Whoever waited has left; what they were given in that moment goes to the next."""
        if waiter.cancelled():
            with suppress(ValueError):  # it has been called already
                self.waiters.remove(waiter)
            return
        connection = waiter.result()
        if connection is None:
            self._let_next_dial()
        elif not connection.closed:
            self.idle.append(connection)
            self._let_next_dial()

    def _let_next_dial(self) -> None:
        while self.waiters:
            waiter = self.waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return


def address_of(url: str) -> Address:
    """What a service's URL names; raises ValueError when it is more, or less, than an address."""
    parts = _URL.fullmatch(url)
    if parts is None or int(parts["port"] or 1) not in range(1, 65536):
        raise ValueError(f"{url!r} is not the address of a service (http://host:port).")
    host = (parts["name"] or parts["six"]).lower()
    if parts["scheme"] == "https":
        return Address(host, int(parts["port"] or 443), host)
    return Address(host, int(parts["port"] or 80))


_contexts: list[ssl.SSLContext] = []


def tls() -> ssl.SSLContext:
    """The one context for all services, made when first needed: reading the roots takes long."""
    if not _contexts:
        _contexts.append(ssl.create_default_context())
    return _contexts[0]
