"""uvicorn's server, resting while nothing happens.

uvicorn looks ten times a second whether it is to stop. That is a good part of what an idle process
costs, and a signal can as well wake it.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

import uvicorn

SELDOM = 0.5  # seconds between looks; a multiple of OFTEN that a second is a multiple of
OFTEN = 0.1


class RestingServer(uvicorn.Server):
    """Looks seldom until it is roused, and from then on as often as uvicorn does."""

    _loop: asyncio.AbstractEventLoop | None = None
    _roused: asyncio.Event

    async def main_loop(self) -> None:
        """Tick until it is time to stop."""
        self._roused, self._loop = asyncio.Event(), asyncio.get_running_loop()
        counter = 0
        while not await self.on_tick(counter):
            with suppress(TimeoutError):
                await asyncio.wait_for(self._roused.wait(), SELDOM)
            if self._roused.is_set():
                await asyncio.sleep(OFTEN)
            counter = (counter + round(SELDOM / OFTEN)) % 864_000  # as if uvicorn had looked

    def rouse(self) -> None:
        """Stopping is near; from a signal's handler, too."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._roused.set)
