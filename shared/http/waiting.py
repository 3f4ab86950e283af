"""Wait for something to become true without holding a thread or a transaction.

The one asynchronous corner of the services: a client that says `Prefer: wait=5` (RFC 7240 §4.3)
or follows a stream would otherwise keep a worker thread busy doing nothing.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from typing import TypeVar

from starlette.concurrency import run_in_threadpool

T = TypeVar("T")

LONGEST = 30.0
FIRST_LOOK = 0.015
SLOWEST_LOOK = 0.25
WAIT = re.compile(r"(?:^|[,;\s])wait=(\d{1,4})(?:$|[,;\s])", re.IGNORECASE)


def preferred_wait(prefer: str | None) -> float:
    """The seconds in `Prefer: wait=N`, at most LONGEST; 0 without that preference."""
    found = WAIT.search(prefer or "")
    return min(float(found.group(1)), LONGEST) if found else 0.0


async def until(look: Callable[[], T | None], *, seconds: float) -> T | None:
    """Call `look` (in a thread) until it returns something, for at most `seconds`."""
    deadline, pause = time.monotonic() + seconds, FIRST_LOOK
    while True:
        found = await run_in_threadpool(look)
        if found is not None or time.monotonic() + pause > deadline:
            return found
        await asyncio.sleep(pause)
        pause = min(pause * 1.4, SLOWEST_LOOK)
