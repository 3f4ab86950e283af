"""Two processes of one service try again what is parked, and keep out of each other's way."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from sqlalchemy import select, text

from shared.consuming.handling import LEASE, Handling
from shared.consuming.heard import Heard, Raw
from shared.consuming.parking import Parking
from shared.consuming.retrying import Retrying
from shared.events import Event
from shared.service import Service
from shared.testing import STACK, recorded_clock
from shared.work import Work
from tests.shared.conftest import ParkedRow
from tests.shared.test_consumer import bumped
from tests.shared.test_consumer_failures import altered
from tests.shared.test_consumer_lanes import eventually

pytestmark = pytest.mark.skipif(STACK != "real", reason="on SQLite one transaction at a time")

BLOCKED = text(
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


class Lingered(Event, type="elsewhere.thing.lingered.v1", key="name"):
    """Something that our handler takes long to do, and then cannot."""

    name: str


def test_a_slow_try_that_is_still_under_way_is_not_taken_for_one_that_never_came_back(
    service: Service,
) -> None:
    one, neighbour = (_process(service) for _ in range(2))
    looks: list[Future[int]] = []

    with recorded_clock() as time, ThreadPoolExecutor() as elsewhere:

        @service.handlers.on(Lingered)
        def linger(work: Work, event: Lingered) -> None:
            time.forward(seconds=LEASE + 1)
            looker = one if len(looks) % 2 else neighbour
            looks.append(elsewhere.submit(looker.try_what_is_due))
            assert eventually(lambda: looks[-1].done() or _somebody_is_blocked(service))
            raise RuntimeError("the third party does not answer")

        _set_aside(service)
        one.try_what_is_due()
        for look in looks:  # which may set off others
            look.result()

    (row,) = _parked(service)
    assert row.dead_at is None, row.error
    assert (row.attempts, len(looks)) == (1, 1)


def _process(service: Service) -> Retrying:
    parking = Parking(service)
    return Retrying(service, parking, Handling(service, parking))


def _set_aside(service: Service) -> None:
    heard = Heard.read(Raw(altered(bumped(1), type=Lingered.TYPE)))
    Handling(service, Parking(service)).set_aside(heard, "it waits")


def _parked(service: Service) -> list[ParkedRow]:
    with service.transactions.read() as work:
        return list(work.session.scalars(select(ParkedRow)))


def _somebody_is_blocked(service: Service) -> bool:
    with service.transactions.read() as work:
        return bool(work.session.scalar(BLOCKED))
