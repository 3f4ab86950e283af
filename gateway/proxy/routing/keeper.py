"""Keeps the table in force: looks whether the file has changed, and swaps the whole at once.

A bad file is told and not taken; the routes in force stay. Requests under way keep the route that
they have. Services that join over the bus add routes of their own name to those of the file.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from gateway.proxy.routing.file import Defaults, FileRefused, Loaded, Problem, load
from gateway.proxy.routing.route import Route
from gateway.proxy.routing.table import Table
from shared import clock
from shared.logging import get

LOOK_EVERY = 1.0  # seconds
Sample = tuple[str, str, str, dict[str, str], float]

log = get("gateway.routes")


class Keeper:
    """Holds the routes. `find` is the table's own; hold on to the keeper, not to `find`.

    Raises FileRefused when made of a bad file: without routes there is nothing to serve.
    """

    def __init__(self, path: Path, defaults: Defaults, now: Callable[[], float]) -> None:
        self.problems: tuple[Problem, ...] = ()  # of the file as it is now
        self.swapped: list[Callable[[Loaded], None]] = []  # called with every file taken
        self.compiled: list[Callable[[], None]] = []  # called when other routes are in force
        self.taken = 0  # files, since we started
        self.refused = 0
        self.refused_at: datetime | None = None
        self.path = path
        self._defaults = defaults
        self._now = now
        self._since = 0.0
        self._joined: dict[str, tuple[Route, ...]] = {}
        self._watching: asyncio.Task[None] | None = None
        self._mark = _mark_of(path)
        self._take(load(path, defaults))

    def look(self) -> bool:
        """Read the file again if it is another than before; whether its routes are in force."""
        mark = _mark_of(self.path)
        if mark == self._mark:
            return not self.problems
        self._mark = mark
        return self.reload()

    def reload(self) -> bool:
        """Read the file again; whether it is in force. What is wrong is told in the log."""
        try:
            self._take(load(self.path, self._defaults))
        except FileRefused as refused:
            self.refused += 1
            self.refused_at = clock.now()
            self.problems = refused.problems
            for line, reason in refused.problems:
                log.error("routes refused", file=str(self.path), line=line, reason=reason)
            return False
        log.info("routes loaded", file=str(self.path), routes=len(self.loaded.routes))
        return True

    def join(self, service: str, routes: Sequence[Route]) -> bool:
        """Have these routes of a service that no file knows; whether that is news."""
        if self._joined.get(service, ()) == tuple(routes):
            return False
        self._joined[service] = tuple(routes)
        self._compile()
        return True

    def taken_addresses(self, but: str) -> frozenset[str]:
        """What is spoken for, by the file or by services other than `but`."""
        joined = (each for name, some in self._joined.items() if name != but for each in some)
        return frozenset(route.prefix for route in (*self.loaded.routes, *joined))

    def start(self) -> None:
        """Begin to watch, on the running loop. SIGHUP makes us look at once."""
        loop = asyncio.get_running_loop()
        self._since = self._now()
        self._watching = loop.create_task(self._watch(), name="gateway-routes")
        # Only the main thread of a process may say what a signal does.
        with suppress(RuntimeError, ValueError, AttributeError, NotImplementedError):
            loop.add_signal_handler(signal.SIGHUP, self.reload)

    async def stop(self) -> None:
        """Stop watching."""
        if self._watching is not None:
            self._watching.cancel()
            with suppress(asyncio.CancelledError):
                await self._watching

    def samples(self) -> Iterator[Sample]:
        """Figures for Prometheus."""
        yield "routes_loaded_total", "counter", "Routes files taken.", {}, self.taken
        yield "routes_refused_total", "counter", "Routes files refused.", {}, self.refused
        yield "routes", "gauge", "Routes in force.", {}, len(self.table.routes)
        age = self._now() - self._since
        yield "routes_age_seconds", "gauge", "How long these routes are in force.", {}, age

    def described(self) -> dict[str, Any]:
        """The routes in force, for people and programs."""
        return {
            "file": str(self.path),
            "age_seconds": round(self._now() - self._since, 1),
            "loaded": self.taken,
            "refused": self.refused,
            "problems": [{"line": line, "reason": reason} for line, reason in self.problems],
            "routes": [_described(route) for route in self.table.routes],
        }

    def _take(self, loaded: Loaded) -> None:
        self.loaded = loaded
        self.problems = ()
        self.taken += 1
        self.taken_at = clock.now()
        self._since = self._now()
        free = {route.prefix for route in loaded.routes}
        for service in [*self._joined]:
            known = service in loaded.services
            left = [each for each in self._joined[service] if each.prefix not in free and not known]
            self._joined[service] = tuple(left)
        for call in self.swapped:
            call(loaded)
        self._compile()

    def _compile(self) -> None:
        limits = tuple(self.loaded.spec.discovery.limits)
        joined = [
            replace(route, limits=limits) for routes in self._joined.values() for route in routes
        ]
        self.table = Table([*self.loaded.routes, *joined])
        self.find = self.table.find
        for call in self.compiled:
            call()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY)
            try:
                self.look()
            except Exception:
                log.exception("bug while reading routes")


def _mark_of(path: Path) -> tuple[int, int, int]:
    """What changes when a file does; the inode, because editors and mounts replace files."""
    try:
        found = path.stat()
    except OSError:
        return 0, 0, 0
    return found.st_mtime_ns, found.st_size, found.st_ino


def _described(route: Route) -> dict[str, Any]:
    return {
        "name": route.name,
        "address": route.prefix,
        "exact": route.exact,
        "service": route.service,
        "hosts": list(route.hosts),
        "methods": sorted(route.methods),
        "headers": {name.decode(): value.decode() for name, value in route.headers},
        "splits": {split.service: split.weight for split in route.splits},
        "timeouts": {
            "connect": route.timeouts.connect,
            "read": route.timeouts.read,
            "total": route.timeouts.total,
        },
        "body": route.body,
        "limits": list(route.limits),
        "cors": route.cors,
        "cache": route.cache,
        "admin": route.admin,
        "retries": route.retries,
    }
