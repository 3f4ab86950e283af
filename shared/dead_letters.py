"""Dead letters: events that we gave up on, kept with all we know, until somebody decides.

They lie in the service's `parked_events`, beside those that are still tried again:

    waiting   `dead_at` empty                          tried again by itself
    dead      `dead_at` set, `settled_at` empty        somebody has to look
    settled   both set                                 redriven and applied, or dropped: the record

A dead letter holds nobody up: later events of its aggregate went on without it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, select, update

from shared.database import database_now, rows_changed
from shared.errors import Conflict
from shared.logging import get
from shared.work import Work

log = get(__name__)

REDRIVEN, APPLIED, DROPPED = "redriven", "applied", "dropped"
KEEP_DAYS = 14  # how long the inbox remembers, unless the settings say otherwise


class TooOld(Conflict):
    """The inbox may have forgotten whether these events took effect by another way."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One parked event or dead letter; `error` holds type, message and the end of the trace."""

    seq: int
    event_id: str
    type: str
    aggregate: str
    correlation: str
    error: str
    attempts: int
    parked_at: datetime  # the first failure
    failed_at: datetime | None  # the last one
    dead_at: datetime | None
    headers: dict[str, Any]
    body: str
    next_try_at: datetime
    settled_at: datetime | None
    settled_by: str
    settled_how: str


def is_waiting(parked: Any) -> ColumnElement[bool]:
    """The rows that are tried again by themselves."""
    waiting: ColumnElement[bool] = parked.dead_at.is_(None)
    return waiting


def is_dead(parked: Any) -> ColumnElement[bool]:
    """The rows that somebody has to look at."""
    dead: ColumnElement[bool] = parked.dead_at.is_not(None) & parked.settled_at.is_(None)
    return dead


def find(
    work: Work,
    parked: Any,
    *,
    type: str | None = None,
    aggregate: str | None = None,
    limit: int = 100,
) -> list[Letter]:
    """The dead letters, oldest first."""
    rows = select(parked).where(is_dead(parked))
    return _letters(work, _of(rows, parked, type, aggregate).limit(limit))


def find_waiting(
    work: Work,
    parked: Any,
    *,
    type: str | None = None,
    aggregate: str | None = None,
    limit: int = 100,
) -> list[Letter]:
    """The events that failed and are tried again, or wait behind one that is; oldest first."""
    rows = select(parked).where(is_waiting(parked))
    return _letters(work, _of(rows, parked, type, aggregate).limit(limit))


def show(work: Work, parked: Any, seq: int) -> Letter | None:
    """One row of `parked_events`, whatever became of it."""
    return next(iter(_letters(work, select(parked).where(parked.seq == seq))), None)


def redrive(
    work: Work,
    parked: Any,
    *,
    seqs: Sequence[int] | None = None,
    type: str | None = None,
    by: str,
    keep_days: int | None = KEEP_DAYS,
) -> int:
    """Let dead letters be tried again, under the same id, with their counters reset; how many.

    Without `seqs` and `type`: all of them. The row stays as the record of it. It takes effect once,
    even if the same event arrives again meanwhile, as long as the inbox remembers: letters older
    than that (`keep_days`) are refused with TooOld. `keep_days=None` redrives whatever its age: for
    handlers to which a second effect is harmless, since they are guarded by version.
    """
    chosen = _chosen(parked, seqs, type)
    if keep_days is not None:
        _refuse_old(work, parked, chosen, keep_days)
    now = database_now(work.session)
    reset = {"attempts": 0, "dead_at": None, "failed_at": None, "next_try_at": now}
    settled = {"settled_at": now, "settled_by": by, "settled_how": REDRIVEN}
    count = rows_changed(work.session, update(parked).where(*chosen).values(**reset, **settled))
    log.warning("dead letters redriven", count=count, by=by, seqs=seqs, type=type)
    return count


def drop(work: Work, parked: Any, *, seqs: Sequence[int], by: str) -> int:
    """Give these dead letters up for good; how many. The rows stay as the record of it."""
    settled = {"settled_at": database_now(work.session), "settled_by": by, "settled_how": DROPPED}
    statement = update(parked).where(*_chosen(parked, seqs, None)).values(**settled)
    count = rows_changed(work.session, statement)
    log.warning("dead letters dropped", count=count, by=by, seqs=seqs)
    return count


def _chosen(parked: Any, seqs: Sequence[int] | None, type: str | None) -> list[Any]:
    chosen = [is_dead(parked)]
    if seqs is not None:
        chosen.append(parked.seq.in_(seqs))
    if type is not None:
        chosen.append(parked.type == type)
    return chosen


def _refuse_old(work: Work, parked: Any, chosen: list[Any], keep_days: int) -> None:
    horizon = database_now(work.session) - timedelta(days=keep_days)
    old = work.session.scalars(
        select(parked.seq).where(*chosen, parked.parked_at < horizon).order_by(parked.seq).limit(10)
    ).all()
    if old:
        raise TooOld(
            f"Older than the {keep_days} days that the inbox remembers: {', '.join(map(str, old))}."
        )


def _of(rows: Select[Any], parked: Any, type: str | None, aggregate: str | None) -> Select[Any]:
    if type is not None:
        rows = rows.where(parked.type == type)
    if aggregate is not None:
        rows = rows.where(parked.aggregate == aggregate)
    return rows.order_by(parked.seq)


def _letters(work: Work, rows: Select[Any]) -> list[Letter]:
    names = [field.name for field in fields(Letter) if field.name != "headers"]
    return [
        Letter(**{name: getattr(row, name) for name in names}, headers=json.loads(row.headers))
        for row in work.session.scalars(rows)
    ]
