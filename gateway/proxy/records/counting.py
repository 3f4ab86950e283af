"""What is counted of every request: plain numbers in objects that are found with one lookup.

One event loop, so no locks; one object per route and per replica, made when it is first met, so
no labels are put together while a request waits. Only names from the routes file and from the
list of replicas become keys: nothing a client sends can make these grow.
"""

from __future__ import annotations

from bisect import bisect_left

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
OTHER = "other"
LEFT = 499  # what we note of clients that did not wait for the answer
CUT = 0  # an answer that was begun and could not be ended, or none at all

# Where a status is counted: by its first digit; clients that left are nobody's error.
_LEFT_AT = 10
CLASSES = ("cut", "1xx", "2xx", "3xx", "4xx", "5xx", "other", "other", "other", "other", "left")
MOST_NAMES = 1000
TOO_MANY = "(others)"


class Spread:
    """How long things took: a histogram."""

    __slots__ = ("buckets", "seconds")

    def __init__(self) -> None:
        self.buckets = [0] * (len(BOUNDS) + 1)
        self.seconds = 0.0

    def add(self, seconds: float) -> None:
        """One more took so long."""
        self.buckets[bisect_left(BOUNDS, seconds)] += 1
        self.seconds += seconds


class RouteCounts:
    """What came in by one route since the process started."""

    __slots__ = ("answered", "name", "received", "sent", "service", "took")

    def __init__(self, name: str, service: str) -> None:
        self.name = name
        self.service = service
        self.answered = {method: [0] * len(CLASSES) for method in (*METHODS, OTHER)}
        self.took = Spread()
        self.sent = 0  # bytes of answers, without their heads
        self.received = 0  # bytes of request bodies

    def requests(self) -> int:
        """All of them."""
        return sum(map(sum, self.answered.values()))

    def failed(self) -> int:
        """Those that went wrong on our side: 5xx, and answers that were cut."""
        return sum(counts[CUT] + counts[5] for counts in self.answered.values())


class UpstreamCounts:
    """What one replica of a service was asked and how it answered."""

    __slots__ = ("answered", "errors", "first", "name", "service", "took")

    def __init__(self, name: str, service: str) -> None:
        self.name = name
        self.service = service
        self.answered = [0] * len(CLASSES)
        self.errors: dict[str, int] = {}
        self.first = Spread()  # until the head of the answer was here
        self.took = Spread()  # until all of it was passed on

    def answer(self, status: int, seconds: float, took: float | None) -> None:
        """The head of an answer came after so long, and all of it after `took`, if it ever did."""
        self.answered[status // 100 if status < 1000 else 0] += 1
        self.first.add(seconds)
        if took is not None:
            self.took.add(took)

    def fail(self, reason: str) -> None:
        """A try came to nothing. `reason` is one of our own words."""
        self.errors[reason] = self.errors.get(reason, 0) + 1


class Counts:
    """All counters, found by name."""

    def __init__(self) -> None:
        self.routes: dict[str, RouteCounts] = {}
        self.upstreams: dict[str, UpstreamCounts] = {}

    def count(  # noqa: PLR0913 - one call per request; an object to carry these would cost more
        self,
        route: str,
        service: str,
        method: str,
        status: int,
        seconds: float,
        sent: int,
        received: int = 0,
    ) -> None:
        """One request is over."""
        counts = self.routes.get(route)
        if counts is None:
            counts = self._open(route, service)
        answered = counts.answered.get(method)
        if answered is None:
            answered = counts.answered[OTHER]
        answered[_LEFT_AT if status == LEFT else status // 100] += 1
        took = counts.took
        took.buckets[bisect_left(BOUNDS, seconds)] += 1
        took.seconds += seconds
        counts.sent += sent
        counts.received += received

    def upstream(self, name: str, service: str) -> UpstreamCounts:
        """The counters of a replica, to be kept by whoever asks it."""
        counts = self.upstreams.get(name)
        if counts is None:
            name = name if len(self.upstreams) < MOST_NAMES else TOO_MANY
            counts = self.upstreams.setdefault(name, UpstreamCounts(name, service))
        return counts

    def _open(self, route: str, service: str) -> RouteCounts:
        name = route if len(self.routes) < MOST_NAMES else TOO_MANY
        return self.routes.setdefault(name, RouteCounts(name, service))
