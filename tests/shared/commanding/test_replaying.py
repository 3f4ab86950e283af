"""`bus replay` and `bus catch-up`: the past once more, for whoever missed it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from shared import clock
from shared.bus import connect
from shared.commanding.replaying import moment_of
from shared.replay_requests import ReplayRequested, SnapshotRequested
from shared.service import Service
from shared.testing import recorded_clock, sent_by
from shared.worker import Worker
from tests.shared.bus.wires import eventually
from tests.shared.commanding.conftest import Shell
from tests.shared.conftest import Counted, OutboxRow, count_up


def sent_before(service: Service, *names: str) -> None:
    """Events that the bus has had for a day."""
    for name in names:
        with service.transactions.begin() as work:
            count_up(work, name, 1)
    long_ago = clock.now() - timedelta(days=1)
    with service.transactions.begin() as work:
        work.session.execute(update(OutboxRow).values(published_at=long_ago, created_at=long_ago))


def waiting(service: Service) -> set[str]:
    with service.transactions.read() as work:
        rows = work.session.query(OutboxRow.aggregate).filter(OutboxRow.published_at.is_(None))
        return {row.aggregate for row in rows}


def test_what_was_sent_is_sent_once_more_while_one_watches(run: Shell, service: Service) -> None:
    bus = connect(service.settings.bus_url, client="tests")
    other = bus.subscribe("other", [Counted.TYPE])
    sent_before(service, "sheep", "goat")
    worker = Worker(service, connect(service.settings.bus_url, client="tally-work"))
    worker.start()
    assert eventually(lambda: not worker.problems())

    done = run("replay", Counted.TYPE, "--yes")

    ids = {event.id for event in sent_by(service) if event.type == Counted.TYPE}
    heard: set[str] = set()

    def all_came() -> bool:
        heard.update(each.message.id for each in other.receive(1.0))
        return ids <= heard

    came = eventually(all_came)
    worker.stop()
    bus.close()
    assert done.exit_code == 0
    assert "2 events to send again." in done.stdout
    assert "still wait" not in done.stdout
    assert came


def test_only_one_thing_or_only_what_is_young_can_be_meant(run: Shell, service: Service) -> None:
    sent_before(service, "sheep", "goat")

    young = run("replay", Counted.TYPE, "--since", "2h", "--yes", "--wait", "0")
    about = run("replay", Counted.TYPE, "--about", "goat", "--since", "2d", "--yes", "--wait", "0")

    assert young.exit_code == 1
    assert "kept for" in young.stderr
    assert about.exit_code == 0
    assert waiting(service) == {"/tally/goat"}


def test_that_nobody_sends_is_told(run: Shell, service: Service) -> None:
    sent_before(service, "sheep")

    done = run("replay", Counted.TYPE, "--yes", "--wait", "0.1")

    assert done.exit_code == 0
    assert "1 still wait" in done.stdout
    assert "tally_service work" in done.stdout


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("replay", "tally.tally.lost.v1", "--yes"), "tally.tally.counted.v1"),
        (("catch-up", "tally.tally.counted.v1", "--yes"), "elsewhere.thing.bumped.v1"),
        (("replay", "tally.tally.counted.v1"), "--yes"),
        (("replay", "tally.tally.counted.v1", "--since", "noon", "--yes"), "90min"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_can(
    run: Shell, service: Service, words: tuple[str, ...], named: str
) -> None:
    sent_before(service, "sheep")

    refused = run(*words)

    assert refused.exit_code == 2
    assert named in refused.stderr
    assert waiting(service) == set()


@pytest.mark.parametrize(
    ("option", "asked"), [([], ReplayRequested.TYPE), (["--snapshot"], SnapshotRequested.TYPE)]
)
def test_the_service_asks_others_for_what_it_missed(
    run: Shell, service: Service, option: list[str], asked: str
) -> None:
    done = run("catch-up", *option, "--yes")

    (event,) = sent_by(service)
    assert done.exit_code == 0
    assert event.type == asked
    assert event.data["types"] == ["elsewhere.thing.bumped.v1"]


def test_a_moment_is_read_as_people_write_it() -> None:
    with recorded_clock() as time:
        assert moment_of("90min") == time.at - timedelta(minutes=90)
        assert moment_of("7d") == time.at - timedelta(days=7)
        assert moment_of("") is None
    assert moment_of("2026-03-14T09:26") == datetime(2026, 3, 14, 9, 26, tzinfo=UTC)
