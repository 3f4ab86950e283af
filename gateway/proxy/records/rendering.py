"""Figures as text: the Prometheus format 0.0.4, or OpenMetrics 1.0 for whoever asks for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from shared.logging import get

PREFIX = "quintet_gateway_"
UNPREFIXED = ("process_", "python_")  # names that every Prometheus knows
TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

Labels = Mapping[str, str]
Sample = tuple[str, str, str, Labels, float]  # name without prefix, kind, help, labels, value

log = get("gateway.figures")


class Sampled(Protocol):
    """A part of the gateway that counts."""

    def samples(self) -> Iterable[Sample]:
        """What it has counted: (name without prefix, counter or gauge, help, labels, value)."""
        ...  # pragma: no cover - a protocol


@dataclass(slots=True)
class Family:
    """One figure with all its label sets; a point is (suffix, labels, value)."""

    name: str
    kind: str
    says: str
    points: list[tuple[str, Labels, float]] = field(default_factory=list)


def families(sources: Mapping[str, Sampled], more: Iterable[Family] = ()) -> list[Family]:
    """What all sources say, by name. One that fails is left out, and said to be."""
    found = {family.name: family for family in more}
    broken = Family("figures_unknown", "gauge", "1 for each part whose figures cannot be read.")
    for who, source in sources.items():
        unknown = 0
        try:
            _collect(found, source.samples())
        except Exception:  # noqa: BLE001 - figures of the others must still be seen
            log.exception("figures cannot be read", part=who)
            unknown = 1
        broken.points.append(("", {"part": who}, unknown))
    return [*found.values(), broken]


def _collect(found: dict[str, Family], samples: Iterable[Sample]) -> None:
    for name, kind, says, labels, value in samples:
        family = found.get(name)
        if family is None:
            family = found[name] = Family(name, kind, says)
        family.points.append(("", labels, value))


def render(figures: Iterable[Family], *, openmetrics: bool = False) -> str:
    """All of them, sorted by name."""
    lines: list[str] = []
    for family in sorted(figures, key=lambda each: each.name):
        lines += _lines(family, openmetrics=openmetrics)
    if openmetrics:
        lines.append("# EOF")
    return "\n".join(lines) + "\n"


def full_name(name: str) -> str:
    """The name under which Prometheus keeps a figure."""
    return name if name.startswith(UNPREFIXED) else PREFIX + name


def _lines(family: Family, *, openmetrics: bool) -> Iterator[str]:
    full = full_name(family.name)
    # OpenMetrics names a counter without its suffix; 0.0.4 with it.
    head = full.removesuffix("_total") if openmetrics else full
    yield f"# HELP {head} {_escaped(family.says)}"
    yield f"# TYPE {head} {family.kind}"
    for suffix, labels, value in family.points:
        yield f"{full}{suffix}{_labels(labels)} {_number(value)}"


def _labels(labels: Labels) -> str:
    if not labels:
        return ""
    inner = ",".join(f'{name}="{_escaped(value, quotes=True)}"' for name, value in labels.items())
    return f"{{{inner}}}"


def _escaped(text: str, *, quotes: bool = False) -> str:
    text = text.replace("\\", "\\\\").replace("\n", "\\n")
    return text.replace('"', '\\"') if quotes else text


def _number(value: float) -> str:
    if value == int(value) if value - value == 0 else False:
        return str(int(value))
    return {"inf": "+Inf", "-inf": "-Inf", "nan": "NaN"}.get(repr(value), repr(value))
