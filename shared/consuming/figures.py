"""Counts what becomes of events here."""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import Histogram

from shared import clock
from shared.consuming.heard import Heard
from shared.logging import get
from shared.metrics import CONSUMED, HANDLER_SECONDS, LAG_SECONDS

log = get(__name__)

# Finding a labelled figure costs more than moving it.
_OUTCOMES = {
    name: CONSUMED.labels(name) for name in ("applied", "duplicate", "parked", "dead", "ignored")
}
_HANDLERS: dict[str, Histogram] = {}


def count(outcome: str, events: int = 1) -> None:
    """So many events came to this."""
    if events:
        _OUTCOMES[outcome].inc(events)
        if outcome == "duplicate":
            log.info("duplicates ignored", count=events)


def count_applied(events: Sequence[Heard], seconds: float) -> None:
    """These took effect in one transaction, which took so long."""
    now = clock.now()
    count("applied", len(events))
    for each in events:
        seconds_each = _HANDLERS.get(each.envelope.type)
        if seconds_each is None:
            seconds_each = _HANDLERS[each.envelope.type] = HANDLER_SECONDS.labels(
                each.envelope.type
            )
        seconds_each.observe(seconds / len(events))
        LAG_SECONDS.observe(max(0.0, (now - each.envelope.time).total_seconds()))
