"""What one piece of work costs the process that does it."""

from __future__ import annotations

import resource
import time
from dataclasses import dataclass, field


@dataclass
class Meter:
    """User and system time of the whole process, all threads, and the time on the wall."""

    _cpu: float = field(default_factory=time.process_time)
    _wall: float = field(default_factory=time.perf_counter)

    def read(self, count: int) -> dict[str, float]:
        """Per message: microseconds of CPU; and messages per second."""
        cpu, wall = time.process_time() - self._cpu, time.perf_counter() - self._wall
        return {"cpu_us": cpu / count * 1e6, "per_s": count / wall, "rss_mb": peak_mb()}


def peak_mb() -> float:
    """The most memory that this process ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
