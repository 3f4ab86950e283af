"""An ASGI application that is built when the first request comes.

Admin screens cost half a second and some 20 MB to import; most processes never show one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send


class LazyAdmin:
    """Builds the application once, off the event loop, and passes everything on to it."""

    def __init__(self, build: Callable[[], ASGIApp]) -> None:
        self._build = build
        self._lock = threading.Lock()
        self._app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if self._app is None:
            await run_in_threadpool(self._build_once)
        assert self._app is not None
        await self._app(scope, receive, send)

    def _build_once(self) -> None:
        with self._lock:
            if self._app is None:
                self._app = self._build()
