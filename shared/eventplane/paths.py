"""What one request set off, as far as one service knows: said, sent, heard, held up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from shared.eventplane import finding
from shared.eventplane.shapes import Path
from shared.work import Work

if TYPE_CHECKING:
    from shared.service import Service

# From what an operator types to the correlations it stands for; empty if it is no such thing.
Resolve = Callable[[Work, str], Sequence[str]]

MOST = 500
MOST_CORRELATIONS = 20


def path_of(service: Service, work: Work, asked: str, resolve: Resolve | None = None) -> Path:
    """The path of the correlations in `asked` (several by commas), or of what `resolve` finds."""
    words = [word for word in asked.split(",") if word][:MOST_CORRELATIONS]
    found = list(resolve(work, asked)) if resolve is not None else []
    correlations = list(dict.fromkeys(found or words))[:MOST_CORRELATIONS]
    outbox, inbox, parked = service.tables.outbox, service.tables.inbox, service.tables.parked
    return Path(
        service=service.name,
        correlations=correlations,
        said=finding.said(work, outbox, outbox.correlation.in_(correlations), MOST),
        heard=finding.heard(work, inbox, correlations, MOST),
        held=finding.held(work, parked, parked.correlation.in_(correlations), MOST),
    )
