"""One coarse clock for every deadline, so that no request needs a timer of its own.

A timer per request costs more than the rest of the bookkeeping. Instead each request in flight
carries the moment by which something must have happened, and the clock looks at all of them ten
times a second. A request that is late is cancelled; so is one whose client has left. There is
just this one way to stop a request, whatever it is waiting for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

NEVER = float("inf")


class Timed:
    """Work that must not wait longer than until `due` for what it is waiting for."""

    __slots__ = ("due", "late", "task", "waiting_for")

    def __init__(self, task: asyncio.Task[None] | None) -> None:
        self.task = task
        self.due = NEVER
        self.waiting_for = ""
        self.late = False


class Clock:
    """Ticks; holds the coarse time and the work in flight."""

    def __init__(self, tick: float = 0.1) -> None:
        self.now = 0.0
        self.loop: asyncio.AbstractEventLoop | None = None
        self.tick = tick
        self.in_flight: set[Timed] = set()
        self.on_tick: list[Callable[[], None]] = []
        self._ticking: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to tick on the running loop."""
        loop = self.loop = asyncio.get_running_loop()
        self.now = loop.time()
        self._ticking = loop.create_task(self._run(loop), name="gateway-clock")

    async def stop(self) -> None:
        """Stop ticking."""
        if self._ticking is not None:
            self._ticking.cancel()
            with suppress(asyncio.CancelledError):
                await self._ticking

    async def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        while True:
            await asyncio.sleep(self.tick)
            self.now = loop.time()
            self._cancel_late()
            for call in self.on_tick:
                call()

    def _cancel_late(self) -> None:
        for timed in self.in_flight:
            if timed.due < self.now:
                timed.due = NEVER
                timed.late = True
                if timed.task is not None:
                    timed.task.cancel()
