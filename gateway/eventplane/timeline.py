"""One request's events, gathered from all services: said, sent, heard, held up, missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.eventplane.shapes import Heard, Held, Overview, Path, Said

SOON = timedelta(seconds=5)  # so long after it was sent nobody wonders yet


@dataclass(frozen=True, slots=True)
class Hop:
    """What became of an event at one listener: heard, parked, dead, settled, missing."""

    service: str
    state: str
    at: datetime | None
    words: str = ""
    seq: int = 0


@dataclass(slots=True)
class Step:
    """One event: who said it when, when the bus had it, and every listener's hop."""

    id: str
    type: str
    aggregate: str
    said: Said | None = None
    said_by: str = ""
    hops: list[Hop] = field(default_factory=list)

    @property
    def began(self) -> datetime:
        """When we first know of it."""
        times = [hop.at for hop in self.hops if hop.at]
        return self.said.said_at if self.said else min(times)

    @property
    def state(self) -> str:
        """The worst that happened to it: bad, busy or calm."""
        states = {hop.state for hop in self.hops}
        if (self.said and self.said.stuck_at) or states & {"dead", "missing"}:
            return "bad"
        return "busy" if (self.said and not self.said.sent_at) or "parked" in states else "calm"


def steps_of(paths: Iterable[Path], overviews: Mapping[str, Overview], now: datetime) -> list[Step]:
    """All events of these paths, in the order in which they were said."""
    steps: dict[str, Step] = {}
    for path in paths:
        for said in path.said:
            step = steps.setdefault(said.id, Step(said.id, said.type, said.aggregate))
            step.said, step.said_by = said, path.service
        there: list[Heard | Held] = [*path.heard, *path.held]
        for each in there:
            step = steps.setdefault(each.id, Step(each.id, each.type, each.aggregate))
            step.hops.append(_hop(path.service, each))
    for step in steps.values():
        step.hops = list(_settled(step.hops))
        step.hops += _missing(step, overviews, now)
        step.hops.sort(key=lambda hop: (hop.at or now, hop.service))
    return sorted(steps.values(), key=lambda step: (step.began, step.said.seq if step.said else 0))


def _hop(service: str, each: Heard | Held) -> Hop:
    if isinstance(each, Heard):
        return Hop(service, "heard", each.heard_at)
    words = next(iter(each.error.strip().splitlines()), "")
    if each.settled_how and each.dead_at:
        return Hop(service, each.settled_how, each.settled_at, f"by {each.settled_by}", each.seq)
    if each.dead_at:
        return Hop(service, "dead", each.dead_at, words, each.seq)
    return Hop(service, "parked", each.parked_at, f"try {each.attempts}: {words}", each.seq)


def _settled(hops: list[Hop]) -> Iterator[Hop]:
    """What was parked and then took effect is both; the record says how it got there."""
    for hop in hops:
        applied = hop.state == "applied" and any(
            other.state == "heard" and other.service == hop.service for other in hops
        )
        if not applied:
            yield hop


def _missing(step: Step, overviews: Mapping[str, Overview], now: datetime) -> Iterator[Hop]:
    """Who should have heard it by now, and told us that they have not."""
    sent = step.said.sent_at if step.said else None
    if sent is None:
        return
    reached = {hop.service for hop in step.hops}
    for service, told in overviews.items():
        if step.type in told.hears and service not in reached:
            late = now - sent > SOON
            yield Hop(service, "missing" if late else "on its way", None)
