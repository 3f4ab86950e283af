"""A service that speaks WebSocket, by a library that knows nothing of us."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve

from tests.gateway.stage import Loop

Handler = Callable[[ServerConnection], Awaitable[None]]


async def echo(socket: ServerConnection) -> None:
    """Say what was said."""
    async for message in socket:
        await socket.send(message)


class Talker:
    """A WebSocket server in the loop of the services."""

    def __init__(self, loop: Loop, handler: Handler = echo, **options: Any) -> None:
        self._loop = loop
        self.handler = handler
        self.requests: list[Any] = []  # the handshakes
        self.closed: list[tuple[int | None, str | None]] = []  # how each ended, for us
        self._server: Server = loop.do(self._open(options))
        self.port: int = next(iter(self._server.sockets)).getsockname()[1]

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def reset(self, handler: Handler) -> None:
        """Begin anew."""
        self.handler = handler
        self.requests.clear()
        self.closed.clear()

    def close(self) -> None:
        """Hang up."""
        self._loop.do(self._close())

    async def _open(self, options: dict[str, Any]) -> Server:
        return await serve(self._handle, "127.0.0.1", 0, **({"max_size": None} | options))

    async def _handle(self, socket: ServerConnection) -> None:
        self.requests.append(socket.request)
        try:
            await self.handler(socket)
        finally:
            await asyncio.wait_for(socket.wait_closed(), 30)
            self.closed.append((socket.close_code, socket.close_reason))

    async def _close(self) -> None:
        self._server.close()
        await self._server.wait_closed()
