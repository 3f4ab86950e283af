"""`bus status`, `outbox`, `parked`, `topology`: an operator sees what is, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from shared import clock
from shared.bus import connect
from shared.service import Service
from shared.worker import Worker
from tests.shared.bus.wires import eventually
from tests.shared.commanding.conftest import Shell, shell
from tests.shared.commanding.test_dead import a_letter
from tests.shared.conftest import OutboxRow, ParkedRow, count_up


@pytest.fixture
def working(service: Service) -> Iterator[Worker]:
    """The service's worker, which listens."""
    worker = Worker(service, connect(service.settings.bus_url, client="tally-work"))
    worker.start()
    assert eventually(lambda: not worker.problems())
    yield worker
    worker.stop()


def a_stuck_event(service: Service) -> int:
    with service.transactions.begin() as work:
        count_up(work, "sheep", 1)
    with service.transactions.begin() as work:
        stuck = {"stuck_at": clock.now(), "attempts": 9, "error": "returned: no queue"}
        work.session.execute(update(OutboxRow).values(**stuck))
    with service.transactions.read() as work:
        return int(work.session.query(OutboxRow.seq).scalar())


def test_a_quiet_service_is_well(run: Shell, working: Worker) -> None:
    said = run("status")

    assert said.exit_code == 0, said.output
    assert "All is well." in said.stdout
    assert "1 consumer" in said.stdout


def test_trouble_is_named_with_the_next_command_and_shows_in_the_exit_code(
    run: Shell, service: Service, working: Worker
) -> None:
    a_letter(service)

    said, told = run("status"), run.json("status")

    assert said.exit_code == 1
    assert "! 1 dead letter" in said.stdout
    assert "python -m tally_service bus dead list" in said.stdout
    assert (told["dead"]["count"], told["queue"]["consumers"]) == (1, 1)
    assert [each["do"] for each in told["attention"]] == ["python -m tally_service bus dead list"]


def test_that_nobody_listens_is_trouble(run: Shell, service: Service) -> None:
    run("topology", "apply")

    said = run("status")

    assert said.exit_code == 1
    assert "nobody takes events from the queue" in said.stdout
    assert "tally_service work" in said.stdout


def test_an_event_that_waits_long_is_trouble_and_a_fresh_one_is_not(
    run: Shell, service: Service
) -> None:
    run("topology", "apply")
    with service.transactions.begin() as work:
        count_up(work, "sheep", 1)

    fresh = run.json("status")["attention"]
    with service.transactions.begin() as work:
        work.session.execute(update(OutboxRow).values(created_at=clock.now() - timedelta(hours=2)))
    old = run.json("status")["attention"]

    assert not [each for each in fresh if "not sent" in each["what"]]
    assert [each for each in old if "the oldest for 2 h" in each["what"]]


def test_the_outbox_shows_what_waits_and_lets_stuck_events_go(run: Shell, service: Service) -> None:
    empty = run("outbox")
    seq = a_stuck_event(service)

    listed, stuck = run("outbox"), run.json("outbox", "--stuck")
    unsure, vague = run("unstick", str(seq)), run("unstick", "--yes")
    done, again = run("unstick", str(seq), "--yes"), run("unstick", str(seq), "--yes")

    assert "Nothing waits" in empty.stdout
    assert "stuck: returned: no queue" in listed.stdout
    assert "bus unstick" in listed.stdout
    assert [each["seq"] for each in stuck] == [seq]
    assert (unsure.exit_code, vague.exit_code) == (2, 2)
    assert (done.exit_code, again.exit_code) == (0, 1)
    assert "Nothing is stuck." in run("outbox", "--stuck").stdout


def test_an_event_that_can_never_be_sent_is_given_up_on_the_record(
    run: Shell, service: Service
) -> None:
    seq = a_stuck_event(service)

    unsure = run("give-up", str(seq))
    done = run("give-up", str(seq), "--yes", "--by", "ops@quintet.example")
    again = run("give-up", str(seq), "--yes")

    with service.transactions.read() as work:
        row = work.session.get_one(OutboxRow, seq)
    assert [each.exit_code for each in (unsure, done, again)] == [2, 0, 1]
    assert row.published_at is not None
    assert "given up by ops@quintet.example" in row.error


def test_the_outbox_is_narrowed_by_type_and_correlation(run: Shell, service: Service) -> None:
    a_stuck_event(service)
    (row,) = run.json("outbox")

    kept = run.json("outbox", "--type", row["type"], "--correlation", row["correlation"])
    others = run.json("outbox", "--correlation", "another")

    assert (kept, others) == ([row], [])


def test_parked_events_say_when_their_turn_comes_and_can_have_it_now(
    run: Shell, service: Service
) -> None:
    empty = run("parked")
    seq = a_letter(service, dead_at=None, next_try_at=clock.now() + timedelta(minutes=4, seconds=9))

    listed = run("parked")
    done, unknown = run("parked", "--now", str(seq)), run("parked", "--now", "999")

    assert "Nothing is parked" in empty.stdout
    assert "in 4 min" in listed.stdout
    assert (done.exit_code, unknown.exit_code) == (0, 1)
    with service.transactions.read() as work:
        assert work.session.get_one(ParkedRow, seq).next_try_at <= clock.now()


def test_a_missing_topology_is_listed_made_and_then_well(
    service: Service, untouched_bus: str
) -> None:
    settings = service.settings
    run = shell(database_url=settings.database_url, bus_url=untouched_bus, var=settings.var)

    before, listed = run("topology", "check"), run("topology", "diff")
    made, after = run("topology", "apply"), run("topology", "check")

    assert (before.exit_code, listed.exit_code) == (1, 1)
    assert "bus topology apply" in before.stderr
    assert "tally" in listed.stdout
    assert (made.exit_code, after.exit_code) == (0, 0)
    assert run.json("topology", "diff") == []


def test_a_database_that_is_away_is_named_without_its_password(tmp_path: Path) -> None:
    run = shell(database_url="postgresql+psycopg://me:hush@127.0.0.1:1/none", var=tmp_path)

    said = run("dead", "list")

    assert said.exit_code == 3
    assert "TALLY_DATABASE_URL" in said.stderr
    assert "hush" not in said.output


def test_a_database_without_tables_is_told_from_one_that_is_away(tmp_path: Path) -> None:
    said = shell(var=tmp_path)("outbox")

    assert said.exit_code == 3
    assert "python -m tally_service migrate" in said.stderr


@pytest.mark.parametrize("words", [("topology", "check"), ("tail",)])
@pytest.mark.parametrize("away", ["amqp://me:hush@127.0.0.1:1/", "embedded:/proc/nowhere/bus.db"])
def test_a_bus_that_is_away_is_told_with_what_happens_meanwhile(
    service: Service, words: tuple[str, ...], away: str
) -> None:
    settings = service.settings
    run = shell(database_url=settings.database_url, bus_url=away, var=settings.var)

    said = run(*words)

    assert said.exit_code == 3
    assert "events wait in the outbox" in said.stderr
    assert "hush" not in said.output


def test_status_tells_what_it_can_while_the_bus_is_away(service: Service) -> None:
    settings = service.settings
    away = "embedded:/proc/nowhere/bus.db"
    run = shell(database_url=settings.database_url, bus_url=away, var=settings.var)
    a_letter(service)

    said = run("status")

    assert said.exit_code == 1
    assert "the queue cannot be seen" in said.stdout
    assert "1 dead letter" in said.stdout
