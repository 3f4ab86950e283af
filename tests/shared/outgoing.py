"""An outbox to play with: say things, look at the rows, and let a relay run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from sqlalchemy import insert, select

from shared import clock
from shared.bus.protocol import Outcome
from shared.relay import Relay
from shared.service import Service
from tests.shared.conftest import Counted, OutboxRow, count_up
from tests.shared.wayward import WaywardBus


def say(service: Service, *names: str) -> None:
    with service.transactions.begin() as work:
        for name in names:
            count_up(work, name, 1)


def rows(service: Service) -> dict[str, list[OutboxRow]]:
    found: dict[str, list[OutboxRow]] = {}
    with service.transactions.read() as work:
        for row in work.session.scalars(select(OutboxRow).order_by(OutboxRow.seq)):
            found.setdefault(row.aggregate.rpartition("/")[2], []).append(row)
    return found


def waiting(service: Service) -> int:
    return sum(row.published_at is None for each in rows(service).values() for row in each)


@contextmanager
def running(service: Service, bus: WaywardBus, **options: float) -> Iterator[Relay]:
    relay, stop = Relay(service, bus, **options), threading.Event()
    thread = threading.Thread(target=relay.run, args=(stop,))
    thread.start()
    try:
        yield relay
    finally:
        stop.set()
        service.bell.ring()
        thread.join()


def never(subject: str) -> Outcome | None:
    return Outcome.REFUSED if subject == "bad" else None


def write_without_a_ring(service: Service, name: str, count: int) -> None:
    values = [
        {
            "id": f"{name} {number}"[:36],
            "type": Counted.TYPE,
            "aggregate": f"/tally/{name}",
            "version": number,
            "body": _body(name, number),
            "created_at": clock.now() - timedelta(seconds=1),
            "attempts": 0,
        }
        for number in range(1, count + 1)
    ]
    with service.database.engine.begin() as connection:
        connection.execute(insert(OutboxRow), values)


def _body(name: str, version: int) -> str:
    now = clock.now().isoformat()
    return (
        f'{{"specversion":"1.0","id":"{name} {version}","type":"{Counted.TYPE}",'
        f'"source":"/tally","subject":"{name}","time":"{now}","aggregateversion":{version},'
        f'"data":{{"name":"{name}","count":{version}}}}}'
    )


def until(true: Callable[[], bool], within: float = 10.0) -> None:
    deadline = time.monotonic() + within
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)
