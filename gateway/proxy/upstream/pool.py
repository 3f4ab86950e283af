"""The connections to one service: kept open, bounded, the warmest first."""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from gateway.proxy.upstream.connection import Connection, UpstreamDied


class PoolFull(Exception):
    """Every connection is in use, and so is every place in the queue."""


class Unreachable(UpstreamDied):
    """No address of the service took a connection."""


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """How many connections to a service, how many may queue for one, and for how long."""

    connections: int = 200
    waiting: int = 1000
    connect_seconds: float = 2.0
    # Shorter than the services keep theirs open (uvicorn: 5 s), so that we rarely meet a dead one.
    idle_seconds: float = 4.0


class Pool:
    """Lends connections to one service, which may run as several instances."""

    def __init__(self, service: str, urls: Sequence[str], limits: PoolLimits) -> None:
        self.service = service
        self.opened = 0
        self.waiters: deque[asyncio.Future[Connection | None]] = deque()
        self.idle: list[Connection] = []  # the end is the warm one
        self._limits = limits
        self._tls = ssl.create_default_context() if urls[0].startswith("https:") else None
        self._in_use_at = {_address(url): 0 for url in urls}

    def warm(self) -> Connection | None:
        """An idle connection, if there is one: the one used last."""
        return self.idle.pop() if self.idle else None

    async def connection(self) -> Connection:
        """A connection: idle, new, or the next that is given back. Raises PoolFull, Unreachable."""
        while True:
            connection = self.warm()
            if connection is None and self.opened < self._limits.connections:
                connection = await self._dial()
            if connection is None:
                connection = await self._queue()
            if connection is not None:
                return connection

    def give_back(self, connection: Connection, now: float) -> None:
        """Take a connection back after an exchange; one that cannot serve again is closed."""
        if not connection.finish():
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
        self.opened -= 1
        self._in_use_at[connection.address] -= 1
        if connection in self.idle:
            self.idle.remove(connection)
        self._let_next_dial()

    def close_idle(self, before: float) -> None:
        """Close what has been idle since `before` or longer."""
        while self.idle and self.idle[0].idle_since <= before:
            self.idle.pop(0).abort()

    def expire(self, now: Callable[[], float]) -> None:
        """Close what has been idle for too long."""
        self.close_idle(now() - self._limits.idle_seconds)

    async def _dial(self) -> Connection:
        self.opened += 1
        try:
            connection = await self._dial_any()
        except BaseException:
            self.opened -= 1
            self._let_next_dial()
            raise
        return connection

    async def _dial_any(self) -> Connection:
        """Open a connection to the instance with the fewest; try the others if it is away."""
        loop = asyncio.get_running_loop()
        slow = False
        for address in sorted(self._in_use_at, key=self._in_use_at.__getitem__):
            try:
                async with asyncio.timeout(self._limits.connect_seconds):
                    _, connection = await loop.create_connection(
                        lambda: Connection(self, loop), *address, ssl=self._tls
                    )
            except TimeoutError:
                slow = True
            except OSError:
                continue
            else:
                connection.address = address
                self._in_use_at[address] += 1
                return connection
        if slow:
            raise TimeoutError
        raise Unreachable(f"The {self.service} service cannot be reached.")

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


def _address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/"):
        raise ValueError(f"{url!r} is not the address of a service (http://host:port).")
    return parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
