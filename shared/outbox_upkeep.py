"""What people and clocks do to the outbox: look at what is stuck, try it again, give up, forget.

All functions take the work at hand, so the caller decides what belongs together.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, delete, select, update

from shared.database import database_now, rows_changed
from shared.logging import get
from shared.work import Work

log = get(__name__)

PURGE_BATCH = 1000


class Stuck(NamedTuple):
    """An event that the bus refused so often that somebody has to look."""

    seq: int
    id: str
    type: str
    aggregate: str
    correlation: str
    attempts: int
    error: str
    created_at: datetime
    stuck_at: datetime


def stuck_rows(work: Work, outbox: Any, limit: int = 100) -> list[Stuck]:
    """What is stuck, oldest first. Later events of the same aggregates wait behind it."""
    columns = (getattr(outbox, name) for name in Stuck._fields)
    found = select(*columns).where(outbox.stuck_at.is_not(None)).order_by(outbox.seq).limit(limit)
    return [Stuck(*row) for row in work.session.execute(found)]


def try_again(work: Work, outbox: Any, *, seqs: Sequence[int] | None = None) -> int:
    """Let the relay try these at once, as if for the first time; how many events that is.

    None means all that is stuck or held back. An event that waits for nothing is left alone.
    """
    work.wake_relay()
    held = outbox.stuck_at.is_not(None) | outbox.available_at.is_not(None)
    afresh = {"stuck_at": None, "available_at": None, "attempts": 0, "error": ""}
    return _change(work, outbox, [outbox.published_at.is_(None), held], seqs, afresh)


def give_up(work: Work, outbox: Any, *, seqs: Sequence[int], by: str) -> int:
    """Never send these stuck events; what waited behind them goes on. How many events that is.

    Nobody will hear of them, not even by a replay: consumers see a gap in the aggregate's versions.
    The rows stay until they are purged, with who decided it in `error`.
    """
    work.wake_relay()
    given_up = {
        "published_at": database_now(work.session),
        "stuck_at": None,
        "error": f"given up by {by}: " + outbox.error,
    }
    done = _change(work, outbox, [outbox.stuck_at.is_not(None)], seqs, given_up)
    log.warning("events were given up", count=done, by=by, seqs=list(seqs))
    return done


def purge(work: Work, outbox: Any, *, keep_days: int, batch: int = PURGE_BATCH) -> int:
    """Forget one small batch of what was sent before the replay horizon; 0 when nothing is left.

    What waits or is stuck has not been sent, and stays however old it is.
    """
    horizon = database_now(work.session) - timedelta(days=keep_days)
    old = select(outbox.seq).where(outbox.published_at < horizon).limit(batch)
    return rows_changed(work.session, delete(outbox).where(outbox.seq.in_(old)))


def _change(
    work: Work,
    outbox: Any,
    where: list[ColumnElement[bool]],
    seqs: Sequence[int] | None,
    values: dict[str, Any],
) -> int:
    if seqs is not None:
        where = [*where, outbox.seq.in_(list(seqs))]
    statement = update(outbox).where(*where).values(**values)
    return rows_changed(work.session, statement)
