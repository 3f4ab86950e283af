"""Many deadlines, and few looks at them: who has time left rests until that time is nearly over.

Thousands of idle streams wait for minutes. To look at each of them ten times a second would cost
more than the streams do. So whoever is found to have time is put to rest, in a bucket of one
second, and looked at again when that second has come. Deadlines change all the time: a later one
is noticed at the next look, an earlier one wakes the work at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Generic, TypeVar

NEVER = float("inf")
NEAR = 2.0  # seconds before its deadline nobody rests any more
LONGEST_REST = 30.0  # seconds; deadlines that are further away can change without waking anybody


class Timed:
    """What must have got on by `due`. Whoever moves that to an earlier moment says so by `by`."""

    # Set late, in a dictionary they would make that a large one of its own.
    __slots__ = ("__dict__", "rests_until", "watch")

    due = NEVER
    watch: Deadlines[Any]  # who looks; there once it has been put to rest

    def __init__(self) -> None:
        self.rests_until = 0  # the second in which it is looked at again; 0: at every look

    def by(self, due: float) -> None:
        """Be late from `due` on."""
        self.due = due
        if due < self.rests_until:
            self.watch.wake(self)


T = TypeVar("T", bound=Timed)


class Deadlines(Generic[T]):
    """All that is under way, and who of it is late."""

    def __init__(self) -> None:
        self._awake: set[T] = set()
        self._resting: dict[int, set[T]] = {}  # by the second in which they are looked at again
        self.add = self._awake.add  # once for each request: no call of ours around it

    def discard(self, timed: T) -> None:
        """It is over."""
        if timed.rests_until:
            self._resting[timed.rests_until].discard(timed)
        else:
            self._awake.discard(timed)

    def late(self, now: float) -> list[T]:
        """Whose deadline has passed; to be asked again and again, with the time of a clock."""
        for second in [each for each in self._resting if each <= now]:
            for timed in self._resting.pop(second):
                self.wake(timed)
        found, rested = [], []
        near, longest = now + NEAR, now + LONGEST_REST
        for timed in self._awake:
            due = timed.due
            if due < now:
                found.append(timed)
            elif due > near:
                rested.append(timed)
        for timed in rested:
            self._rest(timed, int(min(timed.due, longest)))
        return found

    def wake(self, timed: T) -> None:
        """Look at it from now on."""
        resting = self._resting.get(timed.rests_until)
        if resting is not None:
            resting.discard(timed)
        timed.rests_until = 0
        self._awake.add(timed)

    def _rest(self, timed: T, second: int) -> None:
        self._awake.discard(timed)
        self._resting.setdefault(second, set()).add(timed)
        timed.watch, timed.rests_until = self, second

    def __len__(self) -> int:
        return len(self._awake) + sum(map(len, self._resting.values()))

    def __iter__(self) -> Iterator[T]:
        yield from self._awake
        for resting in self._resting.values():
            yield from resting
