"""A small window into a process that answers no HTTP otherwise: its health and its figures.

For Prometheus and the orchestrator, on an inner port of its own; off unless a port is set. It
shows `/healthz`, `/readyz` and `/metrics` as the services do, takes no other call, and costs an
idle process nothing: its thread sleeps until somebody knocks.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from shared.service import Service
from shared.telemetry.gauges import TableGauges
from shared.telemetry.readiness import problems_of

SLOWEST_CALLER = 5.0
JSON = "application/json"

Answer = tuple[int, str, bytes]


class Window:
    """Open from construction until `close`."""

    def __init__(self, service: Service, host: str, port: int) -> None:
        gauges = TableGauges(service)
        pages: dict[str, Callable[[], Answer]] = {
            "/healthz": lambda: _json(200, {"status": "ok", "service": service.name}),
            "/readyz": lambda: _readiness(service),
            "/metrics": lambda: _figures(gauges),
        }
        self._server = _Server((host, port), _handler(pages))
        self.port = int(self._server.server_address[1])
        self._address = (host, self.port)
        self._closed = False
        self._thread = threading.Thread(target=self._receive, name="window", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Take no more callers."""
        self._closed = True
        with suppress(OSError):  # knock, to wake the thread
            socket.create_connection(self._address, 1.0).close()
        self._thread.join(1.0)
        self._server.server_close()

    def _receive(self) -> None:
        while not self._closed:
            self._server.handle_request()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 16

    def handle_error(self, *_: Any) -> None:
        """A caller that went away is not worth a word."""


def _handler(pages: dict[str, Callable[[], Answer]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = SLOWEST_CALLER
        server_version, sys_version = "quintet", ""

        def do_GET(self) -> None:
            """Show what is asked for."""
            page = pages.get(self.path.partition("?")[0])
            status, kind, body = page() if page else _json(404, {"status": "not found"})
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Being looked at is no news."""

    return Handler


def _readiness(service: Service) -> Answer:
    problems = problems_of(service)
    said = {"status": "not ready" if problems else "ready", "service": service.name}
    return _json(503 if problems else 200, {**said, "problems": problems})


def _figures(gauges: TableGauges) -> Answer:
    gauges.refresh()
    return 200, CONTENT_TYPE_LATEST, generate_latest()


def _json(status: int, said: dict[str, Any]) -> Answer:
    return status, JSON, json.dumps(said).encode()
