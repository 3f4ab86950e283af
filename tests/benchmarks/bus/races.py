"""Side by side: each contestant in turn, round after round, on the same broker and database."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text

from shared.service import Service
from tests.benchmarks.bus import ground as place
from tests.benchmarks.bus import ours, teller
from tests.benchmarks.bus.ground import Ground

PEERS = {"by_aio_pika": "aio-pika", "by_kombu": "kombu", "by_faststream": "FastStream"}
ONE_BATCH = 200  # the first batch of a relay warms up and is not counted


@dataclass
class Row:
    """What one contestant needed, each round."""

    name: str
    ours: bool
    rounds: list[dict[str, float]] = field(default_factory=list)

    def median(self, figure: str) -> float:
        """The middle round."""
        return statistics.median(each[figure] for each in self.rounds)


@dataclass
class Race:
    """One piece of work for everybody."""

    service: Service
    ground: Ground
    rounds: int

    def publish(self, count: int) -> list[Row]:
        """Publish from memory, with confirms."""

        def run(by: str, _: str) -> dict[str, float]:
            place.empty(self.ground.amqp)
            found = cell(by, "publish", self.ground, count=count)
            held = place.held(self.ground.amqp)
            assert held >= count, f"{by} lost messages: {held} of {count}"
            return found

        return self._all(run, ("",), ("",))

    def relay(self, count: int) -> list[Row]:
        """From the outbox to the broker, confirmed and marked."""

        def run(by: str, _: str) -> dict[str, float]:
            place.empty(self.ground.amqp)
            teller.forget(self.service)
            teller.say(self.service, count + ONE_BATCH, aggregates=1000)
            found = cell(by, "relay", self.ground, count=count)
            held = place.held(self.ground.amqp)
            assert held == count + ONE_BATCH, f"{by} sent {held} of {count + ONE_BATCH}"
            return found

        return self._all(run, ("",), ("",))

    def consume(self, count: int) -> list[Row]:
        """From the queue to an inbox row and an effect, then acknowledged."""

        def run(by: str, driver: str) -> dict[str, float]:
            place.empty(self.ground.amqp)
            teller.forget(self.service)
            ours.fill(self.ground, count)
            found = cell(by, "consume", self.ground, count=count, driver=driver)
            with self.service.transactions.read() as work:
                heard = work.session.scalar(text("SELECT count(*) FROM inbox"))
                effects = work.session.scalar(text("SELECT sum(count) FROM tallies"))
            assert effects == count <= heard, f"{by}: {heard} heard, {effects} effects of {count}"
            return found

        return self._all(run, ("as it is", "one by one"), ("psycopg", "SQLAlchemy"))

    def _all(
        self,
        run: Callable[[str, str], dict[str, float]],
        our_ways: tuple[str, ...],
        their_ways: tuple[str, ...],
    ) -> list[Row]:
        rows: dict[str, Row] = {}
        for _ in range(self.rounds):
            for name, by, way in _entries(our_ways, their_ways):
                row = rows.setdefault(name, Row(name, by == "ours"))
                row.rounds.append(run(by, way))
        return list(rows.values())


def cell(by: str, work: str, ground: Ground, *, limit: float = 60, **more: Any) -> dict[str, float]:
    """Let one contestant do one piece of work, alone in a process."""
    asked = {"work": work, "by": by, "ground": ground.as_dict(), "with": more}
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.bus.cell", json.dumps(asked)],
        capture_output=True, text=True, timeout=limit, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{work} by {by}:\n{done.stderr[-3000:]}"
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _entries(
    our_ways: tuple[str, ...], their_ways: tuple[str, ...]
) -> Iterator[tuple[str, str, str]]:
    for way in our_ways:
        yield f"Quintet{', ' + way if way else ''}", "ours", way
    for by, name in PEERS.items():
        for way in their_ways:
            yield f"{name}{' with ' + way if way else ''}", by, way
