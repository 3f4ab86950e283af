"""What is written down when a request is over: counters, a line in the log, a span.

This runs for every request, so it is written for few calls. What a plain answer does not have (a
second try, a word of the cache, a refusal) costs it one comparison each.
"""

from __future__ import annotations

from functools import lru_cache
from time import perf_counter
from typing import TYPE_CHECKING

from gateway.proxy.records.accesslog import AccessLog
from gateway.proxy.records.metrics import Metrics
from gateway.proxy.records.spans import Spans, Story

if TYPE_CHECKING:
    from gateway.proxy.flight import Flight

More = tuple[tuple[str, str | int], ...]


class Records:
    """Where we note what happened. `access` and `spans` are None when nobody wants them."""

    __slots__ = ("_access", "_count", "metrics", "spans")

    def __init__(
        self, metrics: Metrics, access: AccessLog | None = None, spans: Spans | None = None
    ) -> None:
        self.metrics = metrics
        self.spans = spans
        self._access = access
        self._count = metrics.counts.count

    def note(self, flight: Flight, seconds: float) -> None:
        """A request is over, this long after its head was here."""
        route, head = flight.route, flight.head
        self._count(
            route.name or route.prefix,
            route.service,
            head.method,
            flight.status,
            seconds,
            flight.sent,
            flight.received,
        )
        if self._access is not None:
            self._access.add(
                head.method,
                head.path,
                flight.status,
                seconds,
                flight.sent,
                route.service,
                head.client or head.peer,
                flight.request_id.decode(),
                _more(flight.upstream, flight.tries, flight.cache, flight.refused),
            )
        if self.spans is not None:
            self.spans.tell(_story(flight, seconds))

    def fail(self, service: str, reason: str) -> None:
        """A service let us down, or we had to refuse in its stead."""
        failures = self.metrics.failures
        failures[service, reason] = failures.get((service, reason), 0) + 1


@lru_cache(maxsize=1024)
def _more(upstream: str, tries: int, cache: bytes, refused: str) -> More:
    """The rarer facts; they are the same again and again."""
    told: dict[str, str | int] = {
        "replica": upstream,
        "tries": tries if tries > 1 else 0,
        "cache": cache.decode(),
        "refused": refused,
    }
    return tuple((name, fact) for name, fact in told.items() if fact)


def _story(flight: Flight, seconds: float) -> Story:
    head, ended = flight.head, perf_counter()
    status = flight.status
    return Story(
        traceparent=head.traceparent or b"",
        parent=head.parent,
        method=head.method,
        route=flight.route.name or flight.route.prefix,
        path=head.path,
        scheme=head.scheme,
        host=head.host or b"",
        client=head.client or head.peer,
        version=head.version,
        status=status,
        error=flight.refused or (str(status) if status >= 500 else "" if status else "cut"),
        began=ended - seconds,
        ended=ended,
        tries=flight.asked or (),
    )
