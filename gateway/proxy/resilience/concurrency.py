"""How many requests a service can work at together, found out by watching how long they take.

A service that gets more than it can do keeps all of them waiting, until every client has given up
on work that is still being done. So: compare how long answers take now with how long they take when
nothing is the matter. If that grows, allow fewer at a time; if it does not, allow a few more.
After Netflix' gradient limit and Envoy's adaptive concurrency filter.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt


@dataclass(frozen=True, slots=True)
class LimitRules:
    """Bounds of the limit, and what counts as slow; times in seconds.

    Nothing is slow that takes less than `good_enough`, nor less than `tolerance` times what is
    usual. `drift` is the share by which the notion of usual may grow per look.
    """

    least: int = 20
    first: int = 400
    most: int = 2000
    tolerance: float = 2.0
    good_enough: float = 0.1
    samples: int = 20
    smoothing: float = 0.3
    drift: float = 0.02


class AdaptiveLimit:
    """The limit of one service. `look` is called about once a second with what was measured."""

    def __init__(self, rules: LimitRules) -> None:
        self.limit = rules.first
        self.usual = 0.0  # seconds an answer takes when nothing is the matter; 0: not known yet
        self._rules = rules
        self._exact = float(rules.first)
        self._count = 0
        self._seconds = 0.0
        self._peak = 0

    def look(self, count: int, seconds: float, peak: int) -> None:
        """Adjust: `count` answers took `seconds` together, at most `peak` were asked for at once.

        Too few answers tell nothing: they are kept for the next look.
        """
        self._count += count
        self._seconds += seconds
        self._peak = max(self._peak, peak)
        if self._count < self._rules.samples:
            return
        now = self._seconds / self._count
        busy = self._peak * 2 >= self.limit
        self._count, self._seconds, self._peak = 0, 0.0, 0
        self._learn(now, busy=busy)
        if busy:  # else the limit had no part in how long it took
            self._adjust(now)

    def _learn(self, now: float, *, busy: bool) -> None:
        """Faster is believed at once; slower bit by bit, and only if it is not the crowd."""
        if not self.usual or now < self.usual:
            self.usual = now
        elif not busy:
            self.usual = min(now, self.usual * (1 + self._rules.drift))

    def _adjust(self, now: float) -> None:
        rules = self._rules
        fine = max(self.usual * rules.tolerance, rules.good_enough)
        gradient = max(0.5, min(1.0, fine / now)) if now else 1.0
        # The root leaves room to find out whether more would do: large limits move faster.
        wanted = self._exact * gradient + sqrt(self._exact)
        smooth = self._exact + (wanted - self._exact) * rules.smoothing
        self._exact = max(float(rules.least), min(float(rules.most), smooth))
        self.limit = int(self._exact)
