"""The figures of a process tell what its tables hold at that moment, and the window shows them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from prometheus_client import REGISTRY
from sqlalchemy import insert, text

from shared.database import database_now
from shared.service import Service
from shared.telemetry import gauges
from shared.telemetry.gauges import TableGauges
from shared.telemetry.window import Window
from shared.testing import RecordedClock, recorded_clock
from tests.shared.conftest import OutboxRow, ParkedRow, count_up


@pytest.fixture
def window(service: Service) -> Iterator[Window]:
    found = Window(service, "127.0.0.1", 0)
    yield found
    found.close()


@pytest.fixture
def time() -> Iterator[RecordedClock]:
    with recorded_clock() as found:
        yield found


def test_the_gauges_say_what_waits_and_for_how_long(service: Service, time: RecordedClock) -> None:
    with service.transactions.begin() as work:
        count_up(work, "apples", 1)
    time.forward(seconds=90)
    with service.transactions.begin() as work:
        count_up(work, "pears", 1)

    TableGauges(service).refresh()

    assert value("quintet_outbox_waiting") == 2
    assert value("quintet_outbox_oldest_seconds") == pytest.approx(90)


def test_what_is_stuck_parked_or_dead_is_counted_apart(service: Service) -> None:
    with service.transactions.begin() as work:
        now = database_now(work.session)
        work.session.execute(insert(OutboxRow), [an_unsent(1, stuck_at=now)])
        work.session.execute(
            insert(ParkedRow),
            [
                a_parked(1, now),
                a_parked(2, now),
                a_parked(3, now, dead_at=now),
                a_parked(4, now, dead_at=now, settled_at=now),
            ],
        )

    TableGauges(service).refresh()

    found = {name: value(f"quintet_{name}") for name in ("outbox_waiting", "outbox_stuck")}
    assert found == {"outbox_waiting": 0, "outbox_stuck": 1}
    assert (value("quintet_parked_events"), value("quintet_dead_letters")) == (2, 1)


def test_more_than_a_bound_is_not_counted(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gauges, "MOST", 3)
    with service.transactions.begin() as work:
        work.session.execute(insert(OutboxRow), [an_unsent(number) for number in range(5)])

    TableGauges(service).refresh()

    assert value("quintet_outbox_waiting") == 3


def test_figures_that_cannot_be_read_are_unknown(service: Service) -> None:
    with service.database.engine.begin() as connection:
        connection.execute(text("ALTER TABLE outbox RENAME TO gone"))

    TableGauges(service).refresh()

    assert math.isnan(value("quintet_outbox_waiting"))


def test_the_window_shows_health_readiness_and_figures(service: Service, window: Window) -> None:
    service.checks["bus"] = lambda: "cannot be reached"

    alive, ready, figures = (see(window, path) for path in ("healthz", "readyz", "metrics"))

    assert (alive.status_code, alive.json()["service"]) == (200, "tally")
    assert (ready.status_code, ready.json()["problems"]) == (503, {"bus": "cannot be reached"})
    assert "quintet_outbox_waiting 0.0" in figures.text
    assert see(window, "admin").status_code == 404


def test_a_closed_window_lets_its_port_go(service: Service) -> None:
    window = Window(service, "127.0.0.1", 0)

    window.close()

    with pytest.raises(httpx.TransportError):
        see(window, "healthz")


def see(window: Window, path: str) -> httpx.Response:
    return httpx.get(f"http://127.0.0.1:{window.port}/{path}")


def value(name: str) -> float:
    found = REGISTRY.get_sample_value(name)
    assert found is not None
    return found


def an_unsent(number: int, **more: Any) -> dict[str, Any]:
    with_time = {"created_at": NOON, "attempts": 0, "stuck_at": None}
    about = {"id": f"event-{number}", "type": "t", "aggregate": f"/a/{number}", "body": "{}"}
    return {**about, **with_time, **more}


def a_parked(number: int, now: Any, **more: Any) -> dict[str, Any]:
    times = {"parked_at": now, "next_try_at": now, "dead_at": None, "settled_at": None}
    return {"event_id": f"e{number}", "type": "t", "aggregate": "a", "body": "{}", **times, **more}


NOON = RecordedClock()()
