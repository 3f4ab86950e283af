"""The last quarter of an hour, in slices of five seconds: enough for plots, bounded for ever.

A slice holds only the routes that had traffic in it, as differences of the counters; so memory
depends on the number of routes, and not on the number of requests.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from gateway.proxy.records.counting import BOUNDS, Counts, RouteCounts, UpstreamCounts
from gateway.proxy.records.quantiles import quantile

EVERY = 5.0
KEPT = 180  # slices: fifteen minutes

Values = tuple[int, ...]
Read = Callable[[], dict[str, float]]


@dataclass(slots=True)
class Passed:
    """What passed one route, or one replica, in some time."""

    requests: int = 0
    failed: int = 0
    seconds: float = 0.0
    buckets: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))

    def add(self, other: Passed) -> None:
        """Put both together."""
        self.requests += other.requests
        self.failed += other.failed
        self.seconds += other.seconds
        self.buckets = [a + b for a, b in zip(self.buckets, other.buckets, strict=True)]

    def within(self, share: float) -> float | None:
        """The time in which this share of the requests was answered; None without requests."""
        return quantile(share, self.buckets)

    @property
    def failing(self) -> float:
        """The share of failures."""
        return self.failed / self.requests if self.requests else 0.0


@dataclass(frozen=True, slots=True)
class Slice:
    """Five seconds, and what passed in them."""

    at: float
    seconds: float
    routes: dict[str, Passed]
    upstreams: dict[str, Passed]
    total: Passed  # all routes together
    figures: dict[str, float]  # what else is plotted: hits, misses, lag


class History:
    """A ring of slices, filled by the clock."""

    def __init__(
        self,
        counts: Counts,
        *,
        totals: Read = dict,
        levels: Read = dict,
        every: float = EVERY,
        kept: int = KEPT,
    ) -> None:
        self.slices: deque[Slice] = deque(maxlen=kept)
        self.every = every
        self._counts = counts
        self._totals = totals  # what only grows: a slice keeps by how much
        self._levels = levels  # what goes up and down: a slice keeps how it was
        self._totals_seen: dict[str, float] = {}
        self._seen: dict[tuple[str, str], Passed] = {}
        self._last: float | None = None

    def follow(self, *, totals: Read, levels: Read) -> None:
        """From the next slice on, keep these other figures too."""
        self._totals, self._levels = totals, levels

    def tick(self, now: float) -> None:
        """Close a slice if its time has come."""
        if self._last is None:
            self._last = now
            self._difference("route", self._counts.routes.values(), _of_route)
            self._difference("replica", self._counts.upstreams.values(), _of_upstream)
            self._growth()
        if now - self._last < self.every:
            return
        seconds, self._last = now - self._last, now
        routes = self._difference("route", self._counts.routes.values(), _of_route)
        upstreams = self._difference("replica", self._counts.upstreams.values(), _of_upstream)
        figures = {**self._growth(), **self._levels()}
        self.slices.append(Slice(now, seconds, routes, upstreams, _sum(routes.values()), figures))

    def frozen(self) -> History:
        """The history as it is now, for somebody who reads it in another thread."""
        copy = History(self._counts, every=self.every, kept=self.slices.maxlen or KEPT)
        copy.slices.extend(self.slices)
        return copy

    def over(self, seconds: float) -> Window:
        """What passed in the last seconds, by the closed slices."""
        wanted = max(1, round(seconds / self.every))
        return Window(list(self.slices)[-wanted:])

    def _growth(self) -> dict[str, float]:
        now, before = self._totals(), self._totals_seen
        self._totals_seen = now
        return {name: max(0.0, value - before.get(name, 0.0)) for name, value in now.items()}

    def _difference(
        self, kind: str, all_counts: Iterable[object], read: Callable[..., tuple[str, Passed]]
    ) -> dict[str, Passed]:
        found = {}
        for counts in all_counts:
            name, now = read(counts)
            before = self._seen.get((kind, name)) or Passed()
            self._seen[kind, name] = now
            if now.requests != before.requests or now.failed != before.failed:
                found[name] = _minus(now, before)
        return found


class Window:
    """Some slices put together."""

    def __init__(self, slices: list[Slice]) -> None:
        self.slices = slices
        self.seconds = sum(each.seconds for each in slices)

    def route(self, name: str) -> Passed:
        """What passed this route."""
        return _sum(each.routes.get(name) for each in self.slices)

    def upstream(self, name: str) -> Passed:
        """What this replica was asked."""
        return _sum(each.upstreams.get(name) for each in self.slices)

    def all(self) -> Passed:
        """What passed at all."""
        return _sum(each.total for each in self.slices)

    def rate(self, passed: Passed) -> float:
        """Requests per second."""
        return passed.requests / self.seconds if self.seconds else 0.0

    def names(self) -> list[str]:
        """The routes that had traffic."""
        return sorted({name for each in self.slices for name in each.routes})

    def line(self, name: str) -> Iterator[tuple[Slice, Passed | None]]:
        """The slices one by one, for a plot; None where nothing passed."""
        for each in self.slices:
            yield each, each.routes.get(name)

    def total(self, name: str) -> float:
        """By how much another figure grew."""
        return sum(each.figures.get(name, 0.0) for each in self.slices)

    def worst(self, name: str) -> float:
        """The most that another figure was."""
        return max((each.figures.get(name, 0.0) for each in self.slices), default=0.0)


def _of_route(counts: RouteCounts) -> tuple[str, Passed]:
    took = counts.took
    return counts.name, Passed(counts.requests(), counts.failed(), took.seconds, took.buckets[:])


def _of_upstream(counts: UpstreamCounts) -> tuple[str, Passed]:
    errors = sum(counts.errors.values())
    first = counts.first
    asked = sum(counts.answered) + errors
    failed = counts.answered[5] + errors
    return counts.name, Passed(asked, failed, first.seconds, first.buckets[:])


def _minus(now: Passed, before: Passed) -> Passed:
    return Passed(
        now.requests - before.requests,
        now.failed - before.failed,
        now.seconds - before.seconds,
        [a - b for a, b in zip(now.buckets, before.buckets, strict=True)],
    )


def _sum(some: Iterable[Passed | None]) -> Passed:
    total = Passed()
    for each in some:
        if each is not None:
            total.add(each)
    return total
