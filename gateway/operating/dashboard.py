"""What the page shows beside the overview: tiles, plots, and the rows of its tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gateway.operating import picture
from gateway.operating.plots import POINTS, Plot, Read, figures, plot, points, series, shares
from gateway.operating.shapes import BAD, BUSY, CALM, Overview, RouteSeen
from gateway.operating.wording import percent, rate, took
from gateway.proxy.records.history import History, Passed

FINE = 90  # points of a large plot: ten seconds each
SLOW = 1.0  # seconds: a 95th percentile that is worth a look
Row = tuple[RouteSeen, Plot, Plot]


@dataclass(frozen=True, slots=True)
class Tile:
    """One large number with its last quarter of an hour."""

    name: str
    value: str
    unit: str
    state: str
    plot: Plot
    kind: str = "rate"


@dataclass(frozen=True, slots=True)
class Chart:
    """One large plot; `lines` are (name, kind)."""

    title: str
    lines: tuple[tuple[str, str], ...]
    top: str
    plot: Plot
    words: str

    @property
    def kinds(self) -> tuple[str, ...]:
        """How each line is drawn."""
        return tuple(kind for _, kind in self.lines)


def dashboard(history: History, told: Overview) -> dict[str, Any]:
    """Everything the template needs beside who is looking. `history` must be a frozen one."""
    busy = rows(history, told)
    return {
        "told": told,
        "tiles": tiles(history, told),
        "wide": picture.wide(told),
        "tall": picture.tall(told),
        "charts": charts(history),
        "rows": busy,
        "silent": silent(told, busy),
    }


def tiles(history: History, told: Overview) -> list[Tile]:
    """The six numbers at the top."""
    all_of_it, process = told.traffic, told.process
    hits = told.cache.hit_ratio if told.cache else None

    passed = points(history, POINTS)

    def drawn(read: Read, least: float = 0.0) -> Plot:
        return plot(240, 40, series(passed, read), least=least)

    def figure(name: str, *, per_second: bool = False, least: float = 0.0) -> Plot:
        values = figures(history, POINTS, name, per_second=per_second)
        return plot(240, 40, values, least=least)

    hit_ratios = shares(history, POINTS, "cache_hits", "cache_misses")
    failing = BAD if all_of_it.failing >= 0.05 else BUSY if all_of_it.failing > 0 else CALM
    late = BAD if process.loop_lag > 0.25 else BUSY if process.loop_lag > 0.05 else CALM
    slow = BUSY if (all_of_it.p95 or 0) > SLOW else CALM
    return [
        Tile("Requests", rate(all_of_it.per_second), "per second", CALM, drawn(per_second, 1.0)),
        Tile("95 % within", took(all_of_it.p95), "", slow, drawn(p95, 0.01), "time"),
        Tile("Failing", percent(all_of_it.failing), "", failing, drawn(failed_share, 0.01), "bad"),
        Tile("In flight", str(told.in_flight), "requests", CALM, figure("in_flight", least=1.0)),
        Tile("Cache", percent(hits), "hits", CALM, plot(240, 40, hit_ratios, least=1.0)),
        Tile("Loop", took(process.loop_lag), "late", late, figure("loop_lag", least=0.01), "time"),
    ]


def charts(history: History) -> list[Chart]:
    """Requests with failures, and how long they took."""
    fine = points(history, FINE)
    passed = plot(600, 120, series(fine, per_second), series(fine, failures), least=1.0)
    times = plot(600, 120, *(series(fine, read) for read in (p50, p95, p99)), least=0.001)
    return [
        Chart(
            "Requests per second", (("all", "rate"), ("failed", "bad")), f"{rate(passed.top)}/s",
            passed, "Requests and failures per second over the last 15 minutes",
        ),
        Chart(
            "Time to answer", (("p50", "p50"), ("p95", "time"), ("p99", "p99")), took(times.top),
            times, "Percentiles of the time to answer over the last 15 minutes",
        ),
    ]  # fmt: skip


def rows(history: History, told: Overview) -> list[Row]:
    """The routes with traffic in the history: those that fail first, then the busy ones."""
    seen = {name for each in history.slices for name in each.routes}
    return [
        (each, *_sparks(history, each.name))
        for each in sorted(told.routes, key=_rank)
        if each.name in seen
    ]


def silent(told: Overview, busy: list[Row]) -> list[RouteSeen]:
    """The routes without, in the order of the file."""
    named = {route.name for route, _, _ in busy}
    return [each for each in told.routes if each.name not in named]


def _rank(route: RouteSeen) -> tuple[float, float, str]:
    return (-route.traffic.failing, -route.traffic.per_second, route.name)


def _sparks(history: History, name: str) -> tuple[Plot, Plot]:
    passed = points(history, POINTS, name)
    rates = plot(150, 30, series(passed, per_second), series(passed, failures), least=0.2)
    return rates, plot(150, 30, series(passed, p95), least=0.001)


def per_second(passed: Passed, seconds: float) -> float:
    """Requests per second."""
    return passed.requests / seconds if seconds else 0.0


def failures(passed: Passed, seconds: float) -> float:
    """Failures per second."""
    return passed.failed / seconds if seconds else 0.0


def failed_share(passed: Passed, seconds: float) -> float:
    """The share of failures."""
    return passed.failing


def p50(passed: Passed, seconds: float) -> float | None:
    """The median."""
    return passed.within(0.5)


def p95(passed: Passed, seconds: float) -> float | None:
    """What 95 of 100 stay below."""
    return passed.within(0.95)


def p99(passed: Passed, seconds: float) -> float | None:
    """What 99 of 100 stay below."""
    return passed.within(0.99)
