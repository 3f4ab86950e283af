"""How the process itself does: memory, files, CPU, garbage, and whether the loop keeps time."""

from __future__ import annotations

import gc
import os
import resource
import time
from collections.abc import Iterator
from pathlib import Path

from gateway.proxy.records.rendering import Sample

_STATM, _FDS = Path("/proc/self/statm"), Path("/proc/self/fd")
REMEMBERED = 15.0  # seconds over which the worst delay is told


class Process:
    """Figures under the names every Prometheus knows; what a system does not tell is absent."""

    def __init__(self) -> None:
        self.started = time.time()

    def samples(self) -> Iterator[Sample]:
        """Read everything now."""
        used = resource.getrusage(resource.RUSAGE_SELF)
        yield "process_cpu_seconds_total", "counter", "CPU time used.", {}, time.process_time()
        yield "process_start_time_seconds", "gauge", "When it started (Unix).", {}, self.started
        memory = resident_memory()
        if memory is None:
            memory = used.ru_maxrss * 1024
        yield "process_resident_memory_bytes", "gauge", "Memory in use.", {}, memory
        files = open_files()
        if files is not None:
            yield "process_open_fds", "gauge", "Open files and sockets.", {}, files
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        yield "process_max_fds", "gauge", "Most of them.", {}, most
        for generation, stats in enumerate(gc.get_stats()):
            labels = {"generation": str(generation)}
            says = "Runs of the garbage collector."
            yield "python_gc_collections_total", "counter", says, labels, stats["collections"]


def resident_memory() -> int | None:
    """Bytes of memory in use; None where the system does not say."""
    try:
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None


def open_files() -> int | None:
    """How many files and sockets are open; None where the system does not say."""
    try:
        return sum(1 for _ in _FDS.iterdir())
    except OSError:
        return None


class LoopLag:
    """How late the event loop comes to what is due. Everybody waits that long for their turn.

    `tick` is called by the clock; what lies between two calls beyond the clock's own pause is
    time in which something held the loop.
    """

    def __init__(self, pause: float) -> None:
        self.total = 0.0
        self.worst = 0.0  # since `take_worst`
        self._pause = pause
        self._last: float | None = None
        self._recent: list[tuple[float, float]] = []  # falling delays with their time

    def tick(self, now: float) -> None:
        """The loop came round at `now`."""
        last, self._last = self._last, now
        if last is None:
            return
        late = max(0.0, now - last - self._pause)
        self.total += late
        self.worst = max(self.worst, late)
        recent = self._recent
        while recent and recent[-1][1] <= late:
            recent.pop()
        recent.append((now, late))
        while recent[0][0] < now - REMEMBERED:
            recent.pop(0)

    def recent(self) -> float:
        """The worst delay of the last seconds."""
        return self._recent[0][1] if self._recent else 0.0

    def take_worst(self) -> float:
        """The worst delay since this was last asked."""
        worst, self.worst = self.worst, 0.0
        return worst

    def samples(self) -> Iterator[Sample]:
        """The worst of late, and all of it."""
        says = f"Longest delay of the event loop in the last {REMEMBERED:g} seconds."
        yield "loop_lag_seconds", "gauge", says, {}, round(self.recent(), 6)
        says = "Time by which the event loop was late, added up."
        yield "loop_late_seconds_total", "counter", says, {}, round(self.total, 6)
