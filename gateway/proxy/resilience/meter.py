"""How often things went well lately, for the price of one addition."""

from __future__ import annotations

from collections import deque


class Meter:
    """Counts that only grow, and marks of what they were: the difference is the recent past.

    Whoever counts adds 1 to `good` or `bad`. `turn` is called once per slice of time (a second);
    what `recent` tells covers the last `slices` of them and the one that is running.
    """

    __slots__ = ("_marks", "bad", "good")

    def __init__(self, slices: int = 10) -> None:
        self.good = 0
        self.bad = 0
        self._marks: deque[tuple[int, int]] = deque([(0, 0)], maxlen=slices)

    def turn(self) -> None:
        """A slice of time is over."""
        self._marks.append((self.good, self.bad))

    def recent(self) -> tuple[int, int]:
        """How many were good and how many bad within the window."""
        good, bad = self._marks[0]
        return self.good - good, self.bad - bad

    def forget(self) -> None:
        """Begin anew: what was before says nothing about what comes."""
        self._marks.clear()
        self._marks.append((self.good, self.bad))
