"""Who says what to whom, as a drawing: speakers on the left, hearers on the right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WIDTH = 420
BOX = 112
ROW = 76
HEIGHT = 52
TOP = 34
LABEL_AT = 0.24
COLOURS = 6  # so many classes `tone-…` the style sheet has


@dataclass(frozen=True, slots=True)
class Box:
    """A service on one of the two sides."""

    name: str
    words: str
    x: int
    y: int
    tone: int


@dataclass(frozen=True, slots=True)
class Flow:
    """A line from a speaker to a hearer, as wide as there are event types on it."""

    speaker: str
    hearer: str
    count: int
    path: str
    head: str
    width: float
    label: tuple[float, float]
    tone: int


@dataclass(frozen=True, slots=True)
class Picture:
    """All that the template draws."""

    height: int
    boxes: Sequence[Box]
    flows: Sequence[Flow]


def draw(said: Mapping[str, int], flows: Mapping[tuple[str, str], int]) -> Picture:
    """Lay out the picture: `said` is how many event types each one says."""
    speakers = sorted(said, key=lambda each: -said[each])
    hearers = sorted({hearer for _, hearer in flows}, key=lambda each: _place(each, speakers))
    tones = {name: at % COLOURS for at, name in enumerate(sorted({*speakers, *hearers}))}
    heard = {name: sum(n for (_, to), n in flows.items() if to == name) for name in hearers}
    boxes = [
        *(_box(name, f"says {said[name]}", 0, at, tones) for at, name in enumerate(speakers)),
        *(_box(name, f"hears {heard[name]}", WIDTH - BOX, at, tones)
          for at, name in enumerate(hearers)),
    ]  # fmt: skip
    rows = max(len(speakers), len(hearers), 1)
    return Picture(
        TOP + rows * ROW - (ROW - HEIGHT) + 2, boxes, _flows(flows, speakers, hearers, tones)
    )


def _place(name: str, speakers: Sequence[str]) -> tuple[int, str]:
    return (speakers.index(name) if name in speakers else len(speakers), name)


def _box(name: str, words: str, x: int, row: int, tones: Mapping[str, int]) -> Box:
    return Box(name, words, x, TOP + row * ROW, tones[name])


def _flows(
    flows: Mapping[tuple[str, str], int],
    speakers: Sequence[str],
    hearers: Sequence[str],
    tones: Mapping[str, int],
) -> list[Flow]:
    found = []
    for (speaker, hearer), count in flows.items():
        out = sorted((hearers.index(b) for a, b in flows if a == speaker))
        into = sorted((speakers.index(a) for a, b in flows if b == hearer))
        start = _port(speakers.index(speaker), out.index(hearers.index(hearer)), len(out))
        end = _port(hearers.index(hearer), into.index(speakers.index(speaker)), len(into))
        found.append(_flow(speaker, hearer, count, (start, end), tones[speaker]))
    return found


def _port(row: int, at: int, of: int) -> float:
    """Where a line touches a box, so that several lines share its side."""
    return TOP + row * ROW + HEIGHT * (at + 1) / (of + 1)


def _flow(speaker: str, hearer: str, count: int, ends: tuple[float, float], tone: int) -> Flow:
    (start, end), left, right = ends, BOX, WIDTH - BOX - 9
    middle = (left + right) / 2
    curve = f"{middle:.1f} {start:.1f} {middle:.1f} {end:.1f} {right} {end:.1f}"
    head = f"{right - 1},{end - 6:.1f} {right + 9},{end:.1f} {right - 1},{end + 6:.1f}"
    label = _on_curve((left, middle, middle, right)), _on_curve((start, start, end, end))
    width = min(1.5 + count * 0.5, 7.0)
    return Flow(speaker, hearer, count, f"M{left} {start:.1f} C{curve}", head, width, label, tone)


def _on_curve(points: tuple[float, float, float, float]) -> float:
    """One coordinate of the place on a cubic curve where its label sits, near the speaker."""
    t, rest = LABEL_AT, 1 - LABEL_AT
    one, two, three, four = points
    return round(rest**3 * one + 3 * rest**2 * t * two + 3 * rest * t**2 * three + t**3 * four, 1)
