"""All figures of the gateway: what the data path counts, and what every part tells of itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from gateway.proxy.records.counting import BOUNDS, CLASSES, Counts, Spread
from gateway.proxy.records.rendering import Family, Labels, Sampled, families, render

EDGES = (*map(str, BOUNDS), "+Inf")

ROUTE_SECONDS = ("request_seconds", "From the head of a request to the end of its answer.")
FIRST_SECONDS = ("upstream_first_byte_seconds", "From asking a replica to the head of its answer.")
UPSTREAM_SECONDS = ("upstream_seconds", "From asking a replica to the end of its answer.")


class Metrics:
    """Renders the counters and whatever `sources` say. Other parts join under a name."""

    def __init__(self, counts: Counts | None = None) -> None:
        self.counts = counts or Counts()
        self.sources: dict[str, Sampled] = {}
        self.failures: dict[tuple[str, str], int] = {}  # (service, our word for it)

    def join(self, part: str, source: Sampled) -> None:
        """From now on, show what this part says."""
        self.sources[part] = source

    def gauge(self, name: str, says: str, read: Callable[[], float]) -> None:
        """From now on, show one number that is read when somebody looks."""
        self.sources[name] = Gauge(name, says, read)

    def text(self, *, openmetrics: bool = False) -> str:
        """All figures as Prometheus reads them."""
        return render(self.families(), openmetrics=openmetrics)

    def families(self) -> list[Family]:
        """All figures."""
        return families(self.sources, [*_counted(self.counts), self._failures()])

    def _failures(self) -> Family:
        says = "Requests that failed for us, by service and reason."
        family = Family("failures_total", "counter", says)
        for (service, reason), number in self.failures.items():
            family.points.append(("", {"service": service, "reason": reason}, number))
        return family


class Gauge:
    """One number, read when somebody looks."""

    def __init__(self, name: str, says: str, read: Callable[[], float]) -> None:
        self._name, self._says, self._read = name, says, read

    def samples(self) -> Iterator[tuple[str, str, str, Labels, float]]:
        """The number as it is now."""
        yield self._name, "gauge", self._says, {}, self._read()


def _counted(counts: Counts) -> Iterator[Family]:
    yield from _routes(counts)
    yield from _upstreams(counts)


def _routes(counts: Counts) -> Iterator[Family]:
    requests = Family("requests_total", "counter", "Requests that are over.")
    sent = Family("sent_bytes_total", "counter", "Bytes of bodies sent to clients.")
    received = Family("received_bytes_total", "counter", "Bytes of bodies received from clients.")
    took = Family(ROUTE_SECONDS[0], "histogram", ROUTE_SECONDS[1])
    for route in counts.routes.values():
        labels = {"route": route.name, "service": route.service}
        for method, answered in route.answered.items():
            for status, number in _by_class(answered).items():
                requests.points.append(("", {**labels, "method": method, "status": status}, number))
        sent.points.append(("", labels, route.sent))
        received.points.append(("", labels, route.received))
        took.points += _histogram(labels, route.took)
    yield from (requests, sent, received, took)


def _upstreams(counts: Counts) -> Iterator[Family]:
    answers = Family("upstream_answers_total", "counter", "Answers of replicas, by status.")
    errors = Family("upstream_errors_total", "counter", "Tries that came to nothing, by reason.")
    first = Family(FIRST_SECONDS[0], "histogram", FIRST_SECONDS[1])
    took = Family(UPSTREAM_SECONDS[0], "histogram", UPSTREAM_SECONDS[1])
    for each in counts.upstreams.values():
        labels = {"service": each.service, "replica": each.name}
        for status, number in _by_class(each.answered).items():
            answers.points.append(("", {**labels, "status": status}, number))
        for reason, number in each.errors.items():
            errors.points.append(("", {**labels, "reason": reason}, number))
        first.points += _histogram(labels, each.first)
        took.points += _histogram(labels, each.took)
    yield from (answers, errors, first, took)


def _by_class(answered: list[int]) -> dict[str, int]:
    found: dict[str, int] = {}
    for name, number in zip(CLASSES, answered, strict=True):
        if number:
            found[name] = found.get(name, 0) + number
    return found


def _histogram(labels: Labels, spread: Spread) -> Iterator[tuple[str, Labels, float]]:
    total = 0
    for edge, number in zip(EDGES, spread.buckets, strict=True):
        total += number
        yield "_bucket", {**labels, "le": edge}, total
    yield "_sum", labels, round(spread.seconds, 6)
    yield "_count", labels, total
