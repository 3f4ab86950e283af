"""The services and what flows between them, as boxes and arrows with their state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import permutations

from shared.eventplane.shapes import Overview

CALM, BUSY, BAD, AWAY = "calm", "busy", "bad", "away"

# Where the boxes stand in a picture of 360 by 300, and how far arrows keep from their centres.
PLACES = {"auth": (180, 50), "catalog": (74, 238), "shop": (286, 238)}
HALF_WIDTH, HALF_HEIGHT, APART, BEFORE_EDGE = 66, 34, 10, 3
LABEL = 0.36  # so far along an arrow its label sits: clear of the one that goes back


@dataclass(frozen=True, slots=True)
class Box:
    """One service."""

    name: str
    x: int
    y: int
    state: str
    words: str


@dataclass(frozen=True, slots=True)
class Arrow:
    """What one service says and another hears; the label sits at (at_x, at_y)."""

    sender: str
    hearer: str
    types: tuple[str, ...]
    state: str
    line: tuple[float, float, float, float]
    at_x: float
    at_y: float


def boxes(seen: Mapping[str, Overview | None]) -> list[Box]:
    """A box for each service that has a place."""
    return [
        Box(name, x, y, state_of(seen[name]), _words(seen[name]))
        for name, (x, y) in PLACES.items()
        if name in seen
    ]


def arrows(seen: Mapping[str, Overview | None]) -> list[Arrow]:
    """An arrow for each pair of which one says what the other hears, as far as both told us."""
    return list(_arrows(seen))


def state_of(told: Overview | None) -> str:
    """How a service is: calm, busy, bad (somebody must look) or away."""
    if told is None:
        return AWAY
    if told.attention:
        return BAD
    busy = told.waiting.count or told.replaying.count or told.parked.count or told.queue.messages
    return BUSY if busy else CALM


def _arrows(seen: Mapping[str, Overview | None]) -> Iterator[Arrow]:
    for sender, hearer in permutations([name for name in PLACES if name in seen], 2):
        said, heard = seen[sender], seen[hearer]
        if said is None or heard is None:
            continue
        types = tuple(sorted(set(said.says) & set(heard.hears)))
        if types:
            line = _line(PLACES[sender], PLACES[hearer])
            x = round(line[0] + (line[2] - line[0]) * LABEL, 1)
            y = round(line[1] + (line[3] - line[1]) * LABEL, 1)
            yield Arrow(sender, hearer, types, _flow(said, heard, types), line, x, y)


def _flow(said: Overview, heard: Overview, types: tuple[str, ...]) -> str:
    stuck = said.stuck.count and set(types) & set(said.held_up)
    held_up = set(types) & set(heard.held_up)
    if stuck or (held_up and heard.dead.count) or not heard.queue.consumers:
        return BAD
    return BUSY if held_up or said.waiting.count or heard.queue.messages else CALM


def _line(start: tuple[int, int], end: tuple[int, int]) -> tuple[float, float, float, float]:
    """From the edge of a box to that of another, beside the arrow that goes back."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = (dx * dx + dy * dy) ** 0.5
    aside = (-dy / length * APART, dx / length * APART)
    x1, y1 = _at_edge(start, aside, (dx / length, dy / length))
    x2, y2 = _at_edge(end, aside, (-dx / length, -dy / length))
    return (round(x1, 1), round(y1, 1), round(x2, 1), round(y2, 1))


def _at_edge(
    centre: tuple[int, int], aside: tuple[float, float], way: tuple[float, float]
) -> tuple[float, float]:
    """Where a line that begins beside the centre leaves the box, and a little further."""
    ends = [
        (half * (1 if step > 0 else -1) - off) / step
        for half, off, step in zip((HALF_WIDTH, HALF_HEIGHT), aside, way, strict=True)
        if step
    ]
    far = min(ends) + BEFORE_EDGE
    return centre[0] + aside[0] + way[0] * far, centre[1] + aside[1] + way[1] * far


def _words(told: Overview | None) -> str:
    if told is None:
        return "no answer"
    if told.queue.problem:
        return "bus not seen"
    parts = [(told.stuck.count, "stuck"), (told.dead.count, "dead"), (told.parked.count, "parked")]
    worst = [f"{count} {word}" for count, word in parts if count]
    if worst:
        return ", ".join(worst[:2])
    if not told.queue.consumers:
        return "nobody listens"
    return f"{told.waiting.count} to send" if told.waiting.count else "all is well"
