"""The unit of work: what is said is stored with what is done, or neither is."""

from __future__ import annotations

import threading
import time

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

from shared.events import Event, EventTooLarge
from shared.service import Service
from shared.testing import sent_by
from tests.shared.conftest import Counted, OutboxRow, Tally, count_of, count_up


class Remarked(Event, type="tally.thing.remarked.v1", key="name"):
    """Somebody had a lot to say."""

    name: str
    remark: str


def test_a_change_and_what_is_said_about_it_are_stored_together(service: Service) -> None:
    with service.transactions.begin() as work:
        count_up(work, "sheep", 3)

    said = sent_by(service)

    assert count_of(service, "sheep") == 3
    assert [(each.type, each.subject, each.data["count"]) for each in said] == [
        ("tally.tally.counted.v1", "sheep", 3)
    ]


def test_a_failure_leaves_neither_the_change_nor_the_event(service: Service) -> None:
    def fail_after_counting() -> None:
        with service.transactions.begin() as work:
            count_up(work, "sheep", 3)
            raise RuntimeError("the roof fell in")

    with pytest.raises(RuntimeError):
        fail_after_counting()

    assert count_of(service, "sheep") == 0
    assert sent_by(service) == []


def test_a_savepoint_that_was_released_rolls_back_with_the_rest(service: Service) -> None:
    def fail_after_a_savepoint() -> None:
        with service.transactions.begin() as work:
            with work.session.begin_nested():
                work.session.add(Tally(name="goats", count=7))
            raise RuntimeError("the roof fell in")

    with pytest.raises(RuntimeError):
        fail_after_a_savepoint()

    assert count_of(service, "goats") == 0


def test_a_commit_that_failed_leaves_nothing_that_others_would_wait_for(service: Service) -> None:
    with service.transactions.begin() as work:
        work.session.execute(text("CREATE TABLE pens (id INTEGER PRIMARY KEY)"))
        work.session.execute(
            text("CREATE TABLE pets (pen INTEGER REFERENCES pens DEFERRABLE INITIALLY DEFERRED)")
        )

    with pytest.raises(IntegrityError), service.transactions.begin() as work:
        work.session.execute(text("INSERT INTO pets (pen) VALUES (7)"))
    with service.transactions.begin() as work:
        count_up(work, "sheep", 1)

    assert count_of(service, "sheep") == 1


def test_writers_that_come_together_lose_no_update(service: Service) -> None:
    def add_ten() -> None:
        for _ in range(10):
            with service.transactions.begin() as work:
                tally = work.session.get(Tally, "sheep", with_for_update=True)
                assert tally is not None
                tally.count += 1

    with service.transactions.begin() as work:
        work.session.add(Tally(name="sheep", count=0))
    threads = [threading.Thread(target=add_ten) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert count_of(service, "sheep") == 80


def test_a_reader_does_not_wait_for_a_writer(service: Service) -> None:
    with service.transactions.begin() as writer:
        writer.session.add(Tally(name="slow", count=1))
        writer.session.flush()

        with service.transactions.read() as reader:
            seen = reader.session.scalar(select(func.count()).select_from(Tally))

    assert seen == 0


def test_an_event_that_is_too_large_is_refused_with_its_change(service: Service) -> None:
    def say_too_much() -> None:
        with service.transactions.begin() as work:
            work.session.add(Tally(name="whale", count=1))
            work.publish(Counted(name="w" * 300_000, count=1))

    with pytest.raises(EventTooLarge, match=r"counted.v1 about 'www.* has 600,\d+ .*claims.Claim"):
        say_too_much()

    assert count_of(service, "whale") == 0


def test_the_name_of_what_an_event_is_about_has_room_everywhere(service: Service) -> None:
    with pytest.raises(EventTooLarge, match="at most 200"), service.transactions.begin() as work:
        work.publish(Counted(name="n" * 200, count=1))


def test_a_large_event_is_sent_and_warned_about(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    with service.transactions.begin() as work:
        work.publish(Remarked(name="small", remark="s" * 50_000))
        work.publish(Remarked(name="large", remark="l" * 70_000))

    [warning] = [each.getMessage() for each in caplog.records if "large event" in each.getMessage()]
    assert "large" in warning
    assert "small" not in warning
    assert len(sent_by(service)) == 2


def test_what_waits_for_the_commit_runs_only_after_it(service: Service) -> None:
    seen: list[int] = []

    with service.transactions.begin() as work:
        work.session.add(Tally(name="late", count=5))
        work.after_commit(lambda: seen.append(count_of(service, "late")))
        assert seen == []

    assert seen == [5]


def test_the_relay_finds_what_waits_by_an_index_of_its_own(service: Service) -> None:
    names = {index.name for index in OutboxRow.__table__.indexes}  # type: ignore[attr-defined]

    assert "ix_outbox_waiting" in names


def test_one_connection_may_hold_two_transactions_one_after_the_other(service: Service) -> None:
    started = time.monotonic()

    with service.database.engine.connect() as connection:
        for _ in range(2):
            connection.execute(text("SELECT 1"))
            connection.commit()

    assert time.monotonic() - started < 5  # waiting for its own turn would take BUSY_SECONDS
