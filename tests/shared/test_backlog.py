"""Half a million events wait, and then the bus returns: bounded memory, an index, order, a rate.

`QUINTET_BACKLOG=20000` makes it smaller. Run with `-s` to see the figures.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from sqlalchemy import insert, text

from shared import clock
from shared.bus.protocol import Message, Outcome
from shared.relay import Relay
from shared.relaying.rows import _look
from shared.service import Service
from tests.shared.conftest import Counted, OutboxRow
from tests.shared.wayward import WaywardBus

pytestmark = pytest.mark.slow

BACKLOG = int(os.environ.get("QUINTET_BACKLOG", "500000"))
THINGS = max(BACKLOG // 40, 10)
CHAIN, HELD = BACKLOG // 50, BACKLOG // 50  # long lines of one aggregate each, at the very front
MORE_MEMORY = 40  # MiB


class CheckingBus(WaywardBus):
    """Keeps nothing but the last version of each thing, and what came out of order."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self.disorder: list[str] = []
        self._last: dict[str, int] = {}

    def publish(self, messages: Sequence[Message], *, timeout: float = 10.0) -> list[Outcome]:
        return [self._take(message.id) for message in messages]

    def _take(self, id_: str) -> Outcome:
        about, _, version = id_.rpartition(".")
        if about == "held":
            return Outcome.REFUSED
        if int(version) != self._last.get(about, 0) + 1:
            self.disorder.append(id_)
        self._last[about] = int(version)
        self.count += 1
        return Outcome.CONFIRMED


def test_a_backlog_is_drained_in_order_and_in_bounded_memory(service: Service) -> None:
    _fill(service)
    bus = CheckingBus()
    before, began, cpu = _resident(), time.perf_counter(), time.process_time()

    sent = Relay(service, bus).send_waiting() or 0

    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    grown = _resident() - before
    print(  # noqa: T201 - the figures are what this is for
        f"\n{sent:,} events in {took:.1f} s: {sent / took:,.0f}/s, {cpu / sent * 1e6:.0f} µs of CPU"
        f" each, {grown:+.1f} MiB resident"
    )
    assert sent == BACKLOG - HELD
    assert bus.disorder == []
    assert grown < MORE_MEMORY


def test_looks_use_the_index_of_what_waits_whether_or_not_statistics_are_fresh(
    service: Service,
) -> None:
    _fill(service)
    plans = [_plan(service)]
    with service.database.engine.begin() as connection:
        connection.execute(text("ANALYZE"))
    plans.append(_plan(service))

    for plan in plans:
        assert "ix_outbox_waiting" in plan, plan
        assert "ix_outbox_held" in plan, plan
        assert "Seq Scan" not in plan, plan
        assert "SCAN o\n" not in plan, plan


def _plan(service: Service) -> str:
    on_postgresql = service.database.on_postgresql
    statement = str(_look(False, "", on_postgresql)).replace(":after", "1000")
    statement = statement.replace(":now", "NULL" if on_postgresql else "'2026-01-01'")
    word = "EXPLAIN " if on_postgresql else "EXPLAIN QUERY PLAN "
    with service.database.engine.connect() as connection:
        rows = connection.exec_driver_sql(word + statement).all()
    return "\n".join(str(row[-1]) for row in rows) + "\n"


def _fill(service: Service) -> None:
    names = ["held"] * HELD + ["chain"] * CHAIN
    names += [f"thing {at % THINGS}" for at in range(BACKLOG - HELD - CHAIN)]
    said: dict[str, int] = {}
    values = []
    with service.database.engine.begin() as connection:
        for name in names:
            version = said[name] = said.get(name, 0) + 1
            values.append(_row(name, version))
            if len(values) == 5000:
                connection.execute(insert(OutboxRow), values)
                values.clear()
        if values:
            connection.execute(insert(OutboxRow), values)


def _row(name: str, version: int) -> dict[str, object]:
    return {
        "id": f"{name}.{version}",
        "type": Counted.TYPE,
        "aggregate": f"/tally/{name}",
        "version": version,
        "body": "{}" + " " * 600,
        "created_at": clock.now(),
        "attempts": 0,
    }


def _resident() -> float:
    """MiB of memory that this process has now (not at its peak: that was filling)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1024**2
