"""HTTP on a socket, ended in good order: told first, then kept up for a moment, then closed."""

from __future__ import annotations

import signal
import time
from socket import socket
from types import FrameType

import uvicorn

from shared.announcing import Announcer, announcer_of
from shared.logging import get
from shared.resting import RestingServer
from shared.service import Service

log = get(__name__)


class Server(RestingServer):
    """Announces itself when it serves, and again on SIGTERM.

    Then it goes on for `drain_seconds`, so that whoever sends us requests learns of it before we
    take none: `/readyz` says no at once. A second signal, or Ctrl+C, ends it without that.
    """

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service
        self._announcer: Announcer | None = None
        self._asked = False
        self._leave_at = 0.0

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Begin to listen, and say where."""
        await super().startup(sockets)
        if self.started and not self.should_exit:
            port = self.servers[0].sockets[0].getsockname()[1]
            self._announcer = announcer_of(self._service, port)
            if self._announcer is not None:
                self._announcer.start()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """SIGTERM begins the end; a second one, or Ctrl+C, does without the moment before it."""
        self.rouse()
        if sig != signal.SIGTERM or self._asked or not self.started:
            super().handle_exit(sig, frame)
        self._asked = True

    async def on_tick(self, counter: int) -> bool:
        """Look whether to begin to stop, and whether it is time to."""
        now = time.monotonic()
        if self._asked and not self._leave_at:
            self._leave_at = now + self._drain()
        if self._leave_at and now >= self._leave_at:
            self.should_exit = True
        return await super().on_tick(counter)

    def _drain(self) -> float:
        """Tell that we will stop; in how many seconds."""
        seconds = self._service.settings.drain_seconds
        self._service.checks["stopping"] = lambda: "takes no more requests soon"
        log.info("draining", seconds=seconds)
        if self._announcer is not None:
            self._announcer.drain()
        return seconds

    def leave(self) -> None:
        """Say that we are gone; to be called when the server has ended."""
        if self._announcer is not None:
            self._announcer.leave()


def serve_http(service: Service) -> None:
    """Answer HTTP until SIGTERM or SIGINT; requests in flight are finished first."""
    assert service.create_app is not None
    settings = service.settings
    config = uvicorn.Config(
        service.create_app(service),
        host=settings.host,
        port=settings.port,
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=10,
        backlog=1024,
    )
    # What comes after us is put in order too, whatever signal comes meanwhile.
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: None)
    server = Server(config, service)
    server.run()
    server.leave()
