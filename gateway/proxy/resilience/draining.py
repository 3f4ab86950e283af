"""The end of a gateway, in good order: told first, then kept up for a moment, then closed.

On SIGTERM `/readyz` says no and every answer says `Connection: close` (RFC 9112, section 9.6),
while we go on taking requests for `drain_seconds`: load balancers learn of it, and clients come
back by another connection, which leads to somebody else. Then we stop listening, end streams with
a hint, and give what is being answered `stop_timeout` seconds.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from socket import socket
from types import FrameType

import uvicorn

from gateway.proxy.clock import Clock
from gateway.proxy.resilience import takeover
from shared.logging import get
from shared.resting import RestingServer

PROBE_SECONDS = 0.2

log = get("gateway")


@dataclass
class Leaving:
    """How to leave. `on_leave` is called when we stop listening: end what would not end itself."""

    clock: Clock
    drain_seconds: float = 1.0
    shared_port: bool = False  # other gateways may listen on the same port
    on_leave: list[Callable[[], None]] = field(default_factory=list)
    peers: Callable[[], set[int]] = set  # the ports at which our clients' connections begin


class Server(RestingServer):
    """uvicorn's server with a better end."""

    def __init__(self, config: uvicorn.Config, leaving: Leaving) -> None:
        super().__init__(config)
        self._leaving = leaving
        self._leave_at = 0.0
        self._shared: socket | None = None

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Listen; on a port that others may have as well, if we are told so."""
        if sockets is None and self._leaving.shared_port:
            self._shared = takeover.shared_socket(self.config.host, self.config.port)
            sockets = [self._shared]
        await super().startup(sockets)
        if self._shared is not None:
            takeover.spread(self._shared)
        if self.started:
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            log.info("listening", address=f"http://{f'[{host}]' if ':' in host else host}:{port}")

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """SIGTERM begins the end; a second one, or Ctrl+C, does without the moment before it."""
        self.rouse()
        if sig != signal.SIGTERM or self._leave_at or not self.started:
            super().handle_exit(sig, frame)
            return
        self.drain()

    def drain(self) -> None:
        """Go on for a moment, and tell everybody that it is the last."""
        self.rouse()
        seconds = self._leaving.drain_seconds
        self._leave_at = time.monotonic() + seconds
        self._leaving.clock.draining = True
        log.info("draining", seconds=seconds)

    async def on_tick(self, counter: int) -> bool:
        """Look whether it is time to stop."""
        if self._leave_at and time.monotonic() >= self._leave_at:
            self.should_exit = True
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Stop listening, end streams, finish requests."""
        self._leaving.clock.draining = True
        if self._shared is not None:
            await self._hand_over(self._shared)
        for end in self._leaving.on_leave:
            end()
        await super().shutdown(sockets)

    async def _hand_over(self, listening: socket) -> None:
        """Let new connections go to another process, if there is one, and take what is promised.

        We do not know our number among those who listen: a connection of our own shows whether
        it was us.
        """
        for index in (1, 0):
            if not takeover.send_to(listening, index):
                return
            if not await self._comes_to_us(listening):
                return
        takeover.spread(listening)

    async def _comes_to_us(self, listening: socket) -> bool:
        host, port = listening.getsockname()[:2]
        if host in ("0.0.0.0", "::"):  # noqa: S104 - a name of ourselves, not where we listen
            host = "localhost" if host == "::" else "127.0.0.1"
        try:
            _, writer = await asyncio.open_connection(host, port)
        except OSError:
            return False
        probe = writer.get_extra_info("sockname")[1]
        await asyncio.sleep(PROBE_SECONDS)
        ours = probe in self._leaving.peers()
        writer.transport.abort()
        return ours
