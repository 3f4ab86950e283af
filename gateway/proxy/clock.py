"""One coarse clock for every deadline, so that no request needs a timer of its own.

A timer per request costs more than the rest of the bookkeeping. Instead each request in flight
carries the moment by which something must have happened, and ten times a second the clock looks
for those that are late: see `deadlines`. A request that is late is cancelled; so is one whose
client has left. There is just this one way to stop a request, whatever it is waiting for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from email.utils import formatdate

from gateway.proxy.deadlines import NEVER, Deadlines, Timed
from shared.logging import get

__all__ = ["NEVER", "Clock", "Work"]

log = get("gateway.clock")


class Work(Timed):
    """What must not wait longer than until `due` for what it is waiting for."""

    waiting_for = ""
    late = False

    def stop(self) -> None:
        """End the work, soon: it is late."""
        raise NotImplementedError


class Clock:
    """Ticks; holds the coarse time and the work in flight."""

    def __init__(self, tick: float = 0.1) -> None:
        self.now = 0.0
        self.date = _date()  # for answers: RFC 9110, section 6.6.1
        self.loop: asyncio.AbstractEventLoop | None = None
        self.tick = tick
        self.draining = False  # we are about to stop: what comes now is the last
        self.in_flight: Deadlines[Work] = Deadlines()
        self.on_tick: list[Callable[[], None]] = []
        self._ticking: asyncio.Task[None] | None = None

    def exactly(self) -> float:
        """The time now, for the few who cannot do with a tenth of a second; costs a call."""
        return self.now if self.loop is None else self.loop.time()

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
            self.date = _date()
            self._stop_late()
            for call in self.on_tick:
                try:
                    call()
                except Exception:  # all deadlines hang on this clock
                    log.exception("bug in what the clock calls")

    def _stop_late(self) -> None:
        for work in self.in_flight.late(self.now):
            work.due = NEVER
            work.late = True
            work.stop()


def _date() -> bytes:
    return formatdate(usegmt=True).encode()
