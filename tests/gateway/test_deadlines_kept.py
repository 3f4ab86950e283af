"""Many deadlines and few looks: who is late is found in time, however the deadlines have moved."""

from __future__ import annotations

import random

import pytest

from gateway.proxy.deadlines import LONGEST_REST, NEAR, NEVER, Deadlines, Timed


class Looked(Timed):
    """Counts how often somebody looks at it."""

    def __init__(self, due: float) -> None:
        super().__init__()
        self.looks = 0
        self.until = due

    @property
    def due(self) -> float:
        self.looks += 1
        return self.until

    @due.setter
    def due(self, due: float) -> None:
        self.until = due


def ticks(since: float, until: float) -> list[float]:
    """Ten moments each second."""
    return [tenth / 10 for tenth in range(int(since * 10), int(until * 10) + 1)]


def first_late(deadlines: Deadlines[Timed], since: float, until: float) -> float | None:
    """The first moment at which somebody is late."""
    return next((now for now in ticks(since, until) if deadlines.late(now)), None)


@pytest.mark.parametrize("due", [5.0, 5.05, 7.3, 36.0, 300.95])
def test_it_is_late_at_the_first_look_after_its_deadline(due: float) -> None:
    deadlines: Deadlines[Timed] = Deadlines()
    timed = Timed()
    timed.by(due)
    deadlines.add(timed)

    found = first_late(deadlines, 5.0, 400.0)

    assert found is not None
    assert due < found <= due + 0.1001


@pytest.mark.parametrize("due", [20.0, 21.5, 30.0, 50.0, 120.0])
@pytest.mark.parametrize("before", [40.0, 90.0, NEVER])
def test_a_deadline_that_moves_while_it_rests_counts(due: float, before: float) -> None:
    deadlines: Deadlines[Timed] = Deadlines()
    timed = Timed()
    timed.by(before)
    deadlines.add(timed)
    assert first_late(deadlines, 10.0, 15.0) is None
    assert timed.rests_until

    timed.by(due)
    found = first_late(deadlines, 15.1, 200.0)

    assert found is not None
    assert due < found <= due + 0.1001


def test_a_deadline_that_was_put_off_is_kept_from_then_on() -> None:
    deadlines: Deadlines[Timed] = Deadlines()
    timed = Timed()
    timed.by(20.0)
    deadlines.add(timed)
    assert first_late(deadlines, 0.0, 15.0) is None

    timed.due = 80.0  # later moments need not be told

    found = first_late(deadlines, 15.1, 200.0)
    assert found is not None
    assert 80.0 < found <= 80.1001


def test_whoever_waits_without_end_is_hardly_ever_looked_at() -> None:
    deadlines: Deadlines[Looked] = Deadlines()
    patient = Looked(NEVER)
    deadlines.add(patient)

    for now in ticks(0.0, 10 * LONGEST_REST):
        assert not deadlines.late(now)

    assert patient.looks <= 2 * 10 + 4  # a look is two glances


def test_whoever_has_little_time_is_looked_at_each_time() -> None:
    deadlines: Deadlines[Looked] = Deadlines()
    hurried = Looked(100.0 + NEAR)
    deadlines.add(hurried)

    for now in ticks(100.0, 101.0):
        assert not deadlines.late(now)

    assert hurried.looks == 11


def test_what_is_over_is_forgotten_whether_it_rests_or_not() -> None:
    deadlines: Deadlines[Timed] = Deadlines()
    near, far = Timed(), Timed()
    near.by(1.0)
    far.by(100.0)
    for timed in (near, far):
        deadlines.add(timed)
    assert not deadlines.late(0.5)
    assert (len(deadlines), {*deadlines}) == (2, {near, far})

    for timed in (near, far):
        deadlines.discard(timed)
        deadlines.discard(timed)

    assert len(deadlines) == 0
    assert [*deadlines] == []
    assert first_late(deadlines, 0.6, 200.0) is None


def test_a_jump_of_the_clock_finds_all_that_are_late() -> None:
    deadlines: Deadlines[Timed] = Deadlines()
    several = [Timed() for _ in range(50)]
    for number, timed in enumerate(several):
        timed.by(10.0 + number)
        deadlines.add(timed)
    assert not deadlines.late(0.0)

    assert deadlines.late(1000.0) == [*deadlines]
    assert len(deadlines) == 50


def test_whatever_moves_whenever_nobody_is_late_too_early_or_too_late() -> None:
    chance = random.Random(7)
    deadlines: Deadlines[Timed] = Deadlines()
    several = [Timed() for _ in range(40)]
    for timed in several:
        deadlines.add(timed)
    for now in ticks(0.0, 300.0):
        late = {*deadlines.late(now)}
        assert late == {timed for timed in several if timed.due < now}
        for timed in late:
            timed.due = NEVER
        for timed in chance.sample(several, 4):
            timed.by(now + chance.choice([0.0, 0.3, 1.9, 2.1, 10.0, 29.9, 31.0, 75.0, NEVER]))
