"""Work that is due by itself: deadlines, sweeps, steps of a saga."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from shared import context
from shared.logging import get

log = get(__name__)

LONGEST_REST = 30.0


@dataclass(frozen=True, slots=True)
class Job:
    """`run` does what is due and says how much it did; it is called again at once while > 0.

    Otherwise it rests `every` seconds; one with `woken` also runs when this service has committed
    something that was said.
    Several processes may run the same job: it takes what is due by a conditional UPDATE.
    """

    name: str
    run: Callable[[], int]
    every: float
    woken: bool = False


def keep_running(job: Job, bell: threading.Event, stop: threading.Event) -> None:
    """Run the job until `stop`; a failing job is logged and tried again, ever more slowly."""
    rest = job.every
    while not stop.is_set():
        bell.clear()
        try:
            with context.entered(context.opened(None, None)):
                done = job.run()
            rest = 0.0 if done else job.every
        except Exception:
            log.exception("job failed", job=job.name)
            rest = min(max(rest, 0.5) * 2, LONGEST_REST)
            stop.wait(rest)
            continue
        if rest:
            bell.wait(rest)


def hourly(job: Callable[[], int]) -> Callable[[], int]:
    """Wrap a clean-up so that it runs once an hour, until nothing is left to do."""
    last = 0.0

    def run() -> int:
        nonlocal last
        if time.monotonic() - last < 3600 and last:
            return 0
        done = job()
        if not done:
            last = time.monotonic()
        return done

    return run
