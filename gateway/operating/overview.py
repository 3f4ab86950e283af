"""Puts the overview together: what each part says, with the traffic of the last minutes."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from gateway.operating.advice import attention
from gateway.operating.parts import Parts, read
from gateway.operating.shapes import (
    Overview,
    ProcessSeen,
    ReplicaSeen,
    RouteSeen,
    ServiceSeen,
    Traffic,
)
from gateway.proxy.records.history import Passed, Window
from gateway.proxy.records.process import open_files, resident_memory

RECENT = 60.0  # seconds that "now" is taken over
DIGITS = 4


def overview(parts: Parts, seconds: float = RECENT) -> Overview:
    """How the gateway does, as far as each part tells."""
    window = parts.history.over(seconds)
    told = Overview(
        at=datetime.now(UTC),
        over_seconds=round(window.seconds, 1),
        traffic=traffic(window, window.all()),
        in_flight=parts.in_flight(),
        connections=read("connections", parts.connections, None),
        hears_events=read("hearing", parts.hears, None),
        services=tuple(_service(each, window) for each in read("services", parts.services, ())),
        routes=_routes(parts, window),
        routes_file=read("routes file", parts.routes_file, None),
        cache=_cache(parts, window),
        limits=_limits(parts, window),
        identity=read("identity", parts.identity, None),
        process=_process(parts, window),
    )
    return told.model_copy(update={"attention": tuple(attention(told))})


def twin(parts: Parts) -> dict[str, Any]:
    """The overview as JSON for programs; no number says more than four digits after the point."""
    told: dict[str, Any] = _rounded(overview(parts).model_dump(mode="json"))
    return told


def _rounded(told: Any) -> Any:
    if isinstance(told, float):
        return round(told, DIGITS)
    if isinstance(told, dict):
        return {name: _rounded(each) for name, each in told.items()}
    return [_rounded(each) for each in told] if isinstance(told, list) else told


def traffic(window: Window, passed: Passed) -> Traffic:
    """What passed, per second and in percentiles."""
    return Traffic(
        requests=passed.requests,
        per_second=round(window.rate(passed), 2),
        p50=passed.within(0.5),
        p95=passed.within(0.95),
        p99=passed.within(0.99),
        failing=round(passed.failing, 4),
    )


def _service(seen: ServiceSeen, window: Window) -> ServiceSeen:
    replicas = tuple(_replica(each, window) for each in seen.replicas)
    passed = Passed()
    for each in seen.replicas:
        passed.add(window.upstream(each.name))
    return seen.model_copy(update={"replicas": replicas, "traffic": traffic(window, passed)})


def _replica(seen: ReplicaSeen, window: Window) -> ReplicaSeen:
    return seen.model_copy(update={"traffic": traffic(window, window.upstream(seen.name))})


def _routes(parts: Parts, window: Window) -> tuple[RouteSeen, ...]:
    """Those in force; and those that answered lately and are in force no more."""
    seen = list(read("routes", parts.routes, ()))
    known = {each.name for each in seen}
    counts = parts.metrics.counts.routes
    gone: Iterable[RouteSeen] = (
        RouteSeen(name=name, prefix="", service=counts[name].service)
        for name in window.names()
        if name not in known and name in counts
    )
    return tuple(
        each.model_copy(update={"traffic": traffic(window, window.route(each.name))})
        for each in (*seen, *gone)
    )


def _cache(parts: Parts, window: Window) -> object:
    seen = read("cache", parts.cache, None)
    if seen is None:
        return None
    hits, misses = window.total("cache_hits"), window.total("cache_misses")
    ratio = hits / (hits + misses) if hits + misses else None
    return seen.model_copy(update={"hit_ratio": ratio})


def _limits(parts: Parts, window: Window) -> object:
    seen = read("limits", parts.limits, None)
    if seen is None:
        return None
    return seen.model_copy(update={"refused": window.total("limited")})


def _process(parts: Parts, window: Window) -> ProcessSeen:
    cpu = window.total("cpu_seconds") / window.seconds if window.seconds else None
    return ProcessSeen(
        version=parts.version,
        python=platform.python_version(),
        pid=os.getpid(),
        uptime=round(time.time() - parts.started, 1),
        memory=resident_memory(),
        files=open_files(),
        most_files=parts.most_files(),
        cpu=None if cpu is None else round(cpu, 4),
        loop_lag=round(parts.lag.recent(), 6),
        lines_dropped=parts.lines_dropped(),
    )
