"""Dead letters: found with all that is known of them, redriven once, dropped on the record."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from shared import dead_letters
from shared.ids import new_id
from shared.service import Service
from shared.testing import RecordedClock, recorded_clock
from tests.shared.conftest import ParkedRow


@pytest.fixture
def time() -> Iterator[RecordedClock]:
    with recorded_clock() as found:
        yield found


def a_letter(service: Service, *, type: str = "elsewhere.thing.bumped.v1", **more: object) -> int:
    died = datetime(2026, 3, 14, 9, 0, tzinfo=UTC)
    row = ParkedRow(
        event_id=str(new_id()),
        type=type,
        aggregate="/elsewhere/sheep",
        body="{}",
        headers='{"x-from": "afar"}',
        error="RuntimeError: poison",
        attempts=10,
        parked_at=died,
        next_try_at=died,
        failed_at=died,
        dead_at=died,
    )
    for name, value in more.items():
        setattr(row, name, value)
    with service.transactions.begin() as work:
        work.session.add(row)
        work.session.flush()
        return row.seq


def test_dead_letters_are_found_by_type_and_apart_from_those_that_wait(service: Service) -> None:
    seq = a_letter(service)
    a_letter(service, type="elsewhere.thing.renamed.v1")
    waits = a_letter(service, dead_at=None)

    with service.transactions.read() as work:
        (letter,) = dead_letters.find(work, ParkedRow, type="elsewhere.thing.bumped.v1")
        (waiting,) = dead_letters.find_waiting(work, ParkedRow)

    assert (letter.seq, letter.headers, letter.attempts) == (seq, {"x-from": "afar"}, 10)
    assert waiting.seq == waits


def test_a_redriven_letter_is_tried_again_from_the_beginning_and_says_who_wanted_it(
    service: Service, time: RecordedClock
) -> None:
    seq = a_letter(service)

    with service.transactions.begin() as work:
        assert dead_letters.redrive(work, ParkedRow, seqs=[seq], by="ann") == 1
        assert dead_letters.redrive(work, ParkedRow, seqs=[seq], by="bob") == 0

    with service.transactions.read() as work:
        (letter,) = dead_letters.find_waiting(work, ParkedRow)
    assert (letter.attempts, letter.next_try_at) == (0, time.at)
    assert (letter.settled_by, letter.settled_how) == ("ann", "redriven")


def test_a_letter_older_than_the_inbox_remembers_is_redriven_only_by_force(
    service: Service, time: RecordedClock
) -> None:
    a_letter(service)
    time.forward(days=dead_letters.KEEP_DAYS + 1)

    with service.transactions.begin() as work:
        with pytest.raises(dead_letters.TooOld):
            dead_letters.redrive(work, ParkedRow, by="ann")
        assert dead_letters.redrive(work, ParkedRow, by="ann", keep_days=None) == 1


def test_a_dropped_letter_is_no_longer_found_and_stays_on_record(service: Service) -> None:
    seq = a_letter(service)

    with service.transactions.begin() as work:
        assert dead_letters.drop(work, ParkedRow, seqs=[seq], by="ann") == 1

    with service.transactions.read() as work:
        assert dead_letters.find(work, ParkedRow) == []
        kept = dead_letters.show(work, ParkedRow, seq)
    assert kept is not None
    assert (kept.settled_by, kept.settled_how) == ("ann", "dropped")
