"""Plots as SVG paths: computed here, drawn by the browser, readable without any script."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gateway.proxy.records.history import History, Passed, Slice

POINTS = 60  # of a small plot: each stands for three slices
Values = Sequence[float | None]
Point = tuple[Passed, float] | None
Read = Callable[[Passed, float], float | None]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a plot, broken where there is no data."""

    path: str
    area: str
    last: float | None


@dataclass(frozen=True, slots=True)
class Plot:
    """Lines over one axis of values, from nought to `top`."""

    width: int
    height: int
    top: float
    lines: tuple[Line, ...]


def plot(width: int, height: int, *values: Values, least: float = 0.0) -> Plot:
    """A plot of these values; its top is the greatest of them, or `least` if that is more."""
    top = max([least, *(each for line in values for each in line if each is not None)])
    return Plot(
        width, height, top, tuple(_line(each, width, height, top or 1.0) for each in values)
    )


def points(history: History, number: int, route: str | None = None) -> list[Point]:
    """What passed a route, or all, in as many equal parts of the whole span as are asked for.

    None where we did not run yet; nothing passed is a Passed of noughts.
    """
    found: list[Point] = []
    for group in _groups(history, number):
        passed = Passed()
        for each in group:
            some = each.total if route is None else each.routes.get(route)
            if some is not None:
                passed.add(some)
        found.append((passed, sum(each.seconds for each in group)) if group else None)
    return found


def series(some: Sequence[Point], read: Read) -> list[float | None]:
    """`read` of each point: what passed, and in how many seconds."""
    return [None if each is None else read(*each) for each in some]


def figures(
    history: History, number: int, name: str, *, per_second: bool = False
) -> list[float | None]:
    """One of the other figures, in as many parts: its worst value, or its growth per second."""
    found: list[float | None] = []
    for group in _groups(history, number):
        told = [each.figures[name] for each in group if name in each.figures]
        if not told:
            found.append(None)
        elif per_second:
            found.append(sum(told) / sum(each.seconds for each in group))
        else:
            found.append(max(told))
    return found


def shares(history: History, points: int, some: str, others: str) -> list[float | None]:
    """The share of `some` in both together, where there was anything."""
    pairs = zip(figures(history, points, some, per_second=True),
                figures(history, points, others, per_second=True), strict=True)  # fmt: skip
    return [a / (a + b) if a is not None and b is not None and a + b else None for a, b in pairs]


def _groups(history: History, number: int) -> list[list[Slice]]:
    """The slices in equal groups, the oldest first; empty ones for the time before we began."""
    kept = history.slices.maxlen or len(history.slices)
    slices: list[Slice | None] = [*[None] * (kept - len(history.slices)), *history.slices]
    step = max(1, kept // number)
    return [[each for each in slices[at : at + step] if each] for at in range(0, kept, step)]


def _line(values: Values, width: int, height: int, top: float) -> Line:
    step = width / max(1, len(values) - 1)
    strokes, area, run = [], [], list[tuple[float, float]]()
    for at, value in enumerate([*values, None]):
        if value is not None:
            run.append((at * step, height - 1 - (height - 2) * min(1.0, value / top)))
        elif run:
            points = run if len(run) > 1 else [(max(0.0, run[0][0] - 1), run[0][1]), run[0]]
            joined = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
            strokes.append(f"M{joined}")
            area.append(f"M{points[0][0]:.1f} {height}L{joined}L{points[-1][0]:.1f} {height}Z")
            run = []
    last = next((each for each in reversed(values) if each is not None), None)
    return Line("".join(strokes), "".join(area), last)
