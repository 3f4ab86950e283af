"""Wait for something to become true without holding a thread or a transaction.

The one asynchronous corner of the services: a client that says `Prefer: wait=5` (RFC 7240 §4.3)
or follows a stream would otherwise keep a worker thread busy doing nothing.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from starlette.concurrency import run_in_threadpool

from shared.deadline import ON_THE_WAY_BACK, clip
from shared.news import News

T = TypeVar("T")

LONGEST = 30.0
FIRST_LOOK = 0.05
SLOWER = 1.6
SLOWEST_LOOK = 0.25
WAIT = re.compile(r"(?:^|[,;\s])wait=(\d{1,4})(?:$|[,;\s])", re.IGNORECASE)


def preferred_wait(prefer: str | None) -> float:
    """The seconds in `Prefer: wait=N`, at most LONGEST; 0 without that preference."""
    found = WAIT.search(prefer or "")
    return min(float(found.group(1)), LONGEST) if found else 0.0


async def until(
    look: Callable[[], T | None],
    *,
    seconds: float,
    news: News | None = None,
    of: str = "",
    at_once: bool = True,
) -> T | None:
    """Call `look` (in a thread) until it returns something, for at most `seconds`.

    It looks `at_once`, when there is news `of` what is waited for, and now and then, ever more
    seldom: what another process does is not told here. Whoever has a deadline gets an answer
    before it ends.
    """
    seconds = clip(seconds, margin=ON_THE_WAY_BACK)
    deadline, pause = time.monotonic() + seconds, FIRST_LOOK
    rest = 0.0 if at_once else min(FIRST_LOOK, seconds)
    loop, told = asyncio.get_running_loop(), asyncio.Event()
    with (news or News()).awaited(of, lambda: _set_soon(loop, told)):
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(told.wait(), rest)
            told.clear()  # before we look, or what comes meanwhile would be missed
            found = await run_in_threadpool(look)
            if found is not None or time.monotonic() + pause > deadline:
                return found
            rest, pause = pause, min(pause * SLOWER, SLOWEST_LOOK)


def _set_soon(loop: asyncio.AbstractEventLoop, told: asyncio.Event) -> None:
    with suppress(RuntimeError):  # the loop is closed: nobody waits any more
        loop.call_soon_threadsafe(told.set)
