"""Side by side: everybody in turn, round after round, the same load on the same origin."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks.gateway import load
from tests.benchmarks.gateway.contestants import Contestant
from tests.benchmarks.whole import cpu

WARM_UP = 0.5


@dataclass
class Row:
    """What one contestant needed for one kind of request, each round."""

    name: str
    ours: bool
    rounds: list[dict[str, float]] = field(default_factory=list)

    def median(self, figure: str) -> float:
        """The middle round."""
        return statistics.median(each[figure] for each in self.rounds)


@dataclass(frozen=True)
class Entry:
    """A contestant and what is asked of it."""

    name: str
    start: Callable[[int, int, Path], Contestant | None]
    request: bytes
    ours: bool = False


@dataclass
class Race:
    """One number of connections."""

    entries: list[Entry]
    origin: int
    folder: Path
    seconds: float
    rounds: int

    def run(self, port: int, connections: int) -> list[Row]:
        """Everybody, `rounds` times."""
        rows = {each.name: Row(each.name, each.ours) for each in self.entries}
        for _ in range(self.rounds):
            for entry in self.entries:
                contestant = entry.start(port, self.origin, self.folder)
                if contestant is not None:
                    rows[entry.name].rounds.append(self._one(contestant, entry, port, connections))
        return [row for row in rows.values() if row.rounds]

    def _one(
        self, contestant: Contestant, entry: Entry, port: int, connections: int
    ) -> dict[str, float]:
        with contestant.running(port) as pids:
            load.run(port, entry.request, connections, WARM_UP)
            before = cpu.cpu_seconds(pids)
            found = load.run(port, entry.request, connections, self.seconds)
            spent = cpu.cpu_seconds(pids) - before
            memory, _ = cpu.resident_mb(pids)
        if found.errors:
            raise RuntimeError(f"{entry.name}: {found.errors} of {found.count} answers were bad.")
        return {
            "cpu_us": spent / found.count * 1e6,
            "per_s": found.count / found.seconds,
            "p50": found.p50,
            "p99": found.p99,
            "rss_mb": memory,
        }
