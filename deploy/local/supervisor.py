"""Keeps every part running, and stops them in order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, repeat

from deploy.local.child import Child
from deploy.local.console import Console
from deploy.local.guard import Guard
from deploy.local.plan import Part
from deploy.local.readiness import readiness, until_ready
from deploy.local.refusal import CannotStart

PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
HEALTHY = 60.0  # seconds of running after which earlier trouble is forgotten
START_LIMIT = 90.0
STOP_LIMIT = 20.0
NEWS_EVERY = 5.0


class Supervisor:
    """All parts together."""

    def __init__(self, parts: Sequence[Part], console: Console, guard: Guard) -> None:
        self._console = console
        self._chatty = False  # while starting, progress is shown and not everybody's log
        self._began = time.monotonic()
        self._children = [Child(part, guard, self._hear) for part in parts]

    @property
    def elapsed(self) -> float:
        """Seconds since we began."""
        return time.monotonic() - self._began

    async def start(self) -> None:
        """Start all parts at once and wait until each is ready, telling who is."""
        for child in self._children:
            await child.start()
        failures = [asyncio.create_task(self._fails(child)) for child in self._children]
        news = asyncio.create_task(self._tell_what_we_wait_for())
        ready = asyncio.create_task(self._all_ready())
        try:
            first = asyncio.FIRST_COMPLETED
            done, _ = await asyncio.wait({ready, *failures}, timeout=START_LIMIT, return_when=first)
            for task in done:
                await task
            if not done:
                raise CannotStart(f"Not ready after {START_LIMIT:.0f} s: {await self._missing()}")
        finally:
            for task in (ready, news, *failures):
                task.cancel()

    async def keep_running(self) -> None:
        """Show what they write and start again whichever ends. Returns only when cancelled."""
        self._chatty = True
        await asyncio.gather(*(self._revive(child) for child in self._children))

    async def stop(self, on_each: Callable[[str], None]) -> None:
        """Stop from the entrance inwards, so that nobody is left with a half-served request."""
        self._chatty = True
        for child in reversed(self._children):
            gently = await child.stop(STOP_LIMIT)
            on_each(f"{child.part.name} stopped" + ("" if gently else " (had to be killed)"))

    def kill(self) -> None:
        """End everything at once."""
        for child in self._children:
            child.kill()

    async def _all_ready(self) -> None:
        for child in self._children:
            await until_ready(child.part)
            self._console.done(f"{child.part.name:<8}ready  {self.elapsed:4.1f} s")

    async def _fails(self, child: Child) -> None:
        code = await child.ended()
        for line in child.last_lines:
            self._console.log(child.part.name, line)
        raise CannotStart(
            f"{child.part.name} ended with code {code} before it was ready; see its lines above."
        )

    async def _tell_what_we_wait_for(self) -> None:
        while True:
            await asyncio.sleep(NEWS_EVERY)
            self._console.step(f"{self.elapsed:.0f} s: waiting for {await self._missing()}")

    async def _missing(self) -> str:
        answers = [(child.part.name, await readiness(child.part)) for child in self._children]
        missing = [f"{name} ({said})" for name, said in answers if not said.startswith("200")]
        return ", ".join(missing)[:300]

    async def _revive(self, child: Child) -> None:
        pauses = _growing()
        while True:
            code = await child.ended()
            if child.uptime > HEALTHY:
                pauses = _growing()
            pause = next(pauses)
            name = child.part.name
            self._console.warn(f"{name} ended with code {code}; starting it again in {pause:g} s")
            await asyncio.sleep(pause)
            await child.start()
            self._console.step(f"{name} started again")

    def _hear(self, name: str, line: str) -> None:
        if self._chatty:
            self._console.log(name, line)


def _growing() -> Iterator[float]:
    return chain(PAUSES, repeat(PAUSES[-1]))
