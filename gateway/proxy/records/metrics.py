"""Figures for Prometheus, counted in plain dictionaries: one event loop, no locks, no labels()."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping

from gateway.proxy.upstream.pool import Pool

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """What happened at the door since the process started."""

    def __init__(self) -> None:
        self.requests: dict[tuple[str, int], int] = {}
        self.failures: Counter[tuple[str, str]] = Counter()
        self._seconds: dict[str, list[int]] = {}
        self._sums: dict[str, float] = {}

    def count(self, route: str, service: str, status: int, seconds: float) -> None:
        """One request is over."""
        requests = self.requests
        key = (route, status)
        requests[key] = requests.get(key, 0) + 1
        buckets = self._seconds.get(service)
        if buckets is None:
            buckets = self._seconds[service] = [0] * (len(BOUNDS) + 1)
            self._sums[service] = 0.0
        buckets[bisect_left(BOUNDS, seconds)] += 1
        self._sums[service] += seconds

    def fail(self, service: str, reason: str) -> None:
        """A service let us down."""
        self.failures[service, reason] += 1

    def text(self, pools: Mapping[str, Pool], in_flight: int, sessions: int) -> str:
        """All figures in the Prometheus text format, version 0.0.4."""
        lines = [
            *_counter("requests_total", "Requests answered.", self._request_samples()),
            *_counter("upstream_errors_total", "Failed exchanges.", self._failure_samples()),
            "# HELP quintet_gateway_request_seconds Time from head to the end of the answer.",
            "# TYPE quintet_gateway_request_seconds histogram",
            *self._histogram(),
            *_gauge("in_flight", "Requests being served.", [("", in_flight)]),
            *_gauge("sessions_cached", "Tokens at hand.", [("", sessions)]),
            *_gauge("pool_connections", "Connections to services.", _pool_samples(pools)),
        ]
        return "\n".join(lines) + "\n"

    def _request_samples(self) -> Iterable[tuple[str, float]]:
        for (route, status), count in sorted(self.requests.items()):
            yield f'{{route="{route}",status="{status}"}}', count

    def _failure_samples(self) -> Iterable[tuple[str, float]]:
        for (service, reason), count in sorted(self.failures.items()):
            yield f'{{service="{service}",reason="{reason}"}}', count

    def _histogram(self) -> Iterable[str]:
        name = "quintet_gateway_request_seconds"
        for service, buckets in sorted(self._seconds.items()):
            total = 0
            for bound, count in zip((*map(str, BOUNDS), "+Inf"), buckets, strict=True):
                total += count
                yield f'{name}_bucket{{service="{service}",le="{bound}"}} {total}'
            yield f'{name}_sum{{service="{service}"}} {self._sums[service]:.6f}'
            yield f'{name}_count{{service="{service}"}} {total}'


def _pool_samples(pools: Mapping[str, Pool]) -> Iterable[tuple[str, float]]:
    for service, pool in sorted(pools.items()):
        idle = len(pool.idle)
        yield f'{{service="{service}",state="idle"}}', idle
        yield f'{{service="{service}",state="busy"}}', pool.opened - idle
        yield f'{{service="{service}",state="awaited"}}', len(pool.waiters)


def _counter(name: str, text: str, samples: Iterable[tuple[str, float]]) -> list[str]:
    return _family(name, text, "counter", samples)


def _gauge(name: str, text: str, samples: Iterable[tuple[str, float]]) -> list[str]:
    return _family(name, text, "gauge", samples)


def _family(name: str, text: str, kind: str, samples: Iterable[tuple[str, float]]) -> list[str]:
    full = f"quintet_gateway_{name}"
    head = [f"# HELP {full} {text}", f"# TYPE {full} {kind}"]
    return head + [f"{full}{labels} {value}" for labels, value in samples]
