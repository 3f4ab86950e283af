"""Rows of a service's outbox and parked events, as the shapes say them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, func, literal_column, select

from shared.eventplane.shapes import Heard, Held, Pile, Said
from shared.work import Work

MOST = 100

# SQLite uses a partial index only for a condition that is spelled like the index's own.
_LIVE: ColumnElement[int] = literal_column("0")


def is_unsent(outbox: Any) -> ColumnElement[bool]:
    """Written, and the bus does not have it."""
    return outbox.published_at.is_(None)  # type: ignore[no-any-return]


def is_waiting(outbox: Any) -> ColumnElement[bool]:
    """Said and not sent yet, and not given up."""
    return and_(_is_due(outbox), outbox.round == _LIVE)


def is_replaying(outbox: Any) -> ColumnElement[bool]:
    """Sent before, asked for again, and waiting behind all that is new."""
    return and_(_is_due(outbox), outbox.round > _LIVE)


def is_stuck(outbox: Any) -> ColumnElement[bool]:
    """Refused so often that somebody has to look."""
    return outbox.stuck_at.is_not(None)  # type: ignore[no-any-return]


def narrowed(
    rows: Any, condition: ColumnElement[bool], *, type: str = "", correlation: str = ""
) -> ColumnElement[bool]:
    """The condition, and only these rows of it."""
    if type:
        condition &= rows.type == type
    if correlation:
        condition &= rows.correlation == correlation
    return condition


def pile(work: Work, seq: Any, since: Any, condition: ColumnElement[bool]) -> Pile:
    """How many rows fulfil this, and how old the first of them is."""
    count = work.session.scalar(select(func.count(seq)).where(condition)) or 0
    if not count:
        return Pile(count=0)
    oldest = select(since).where(condition).order_by(seq).limit(1)
    return Pile(count=count, since=work.session.scalar(oldest))


def types(work: Work, rows: Any, condition: ColumnElement[bool]) -> list[str]:
    """Of which types these rows are."""
    return list(work.session.scalars(select(rows.type).where(condition).distinct().limit(MOST)))


def said(work: Work, outbox: Any, condition: ColumnElement[bool], limit: int) -> list[Said]:
    """What the outbox keeps, oldest first."""
    rows = _rows(work, outbox, condition, limit)
    return [
        Said(
            said_at=row.created_at,
            sent_at=row.published_at,
            **{name: getattr(row, name) for name in Said.model_fields if hasattr(row, name)},
        )
        for row in rows
    ]


def held(work: Work, parked: Any, condition: ColumnElement[bool], limit: int) -> list[Held]:
    """What failed here, oldest first."""
    return [
        Held(id=row.event_id, **{n: getattr(row, n) for n in Held.model_fields if hasattr(row, n)})
        for row in _rows(work, parked, condition, limit)
    ]


def heard(work: Work, inbox: Any, correlations: Sequence[str], limit: int) -> list[Heard]:
    """What took effect here, oldest first."""
    rows = work.session.execute(
        select(inbox.event_id, inbox.type, inbox.aggregate, inbox.version, inbox.received_at)
        .where(inbox.correlation.in_(correlations))
        .order_by(inbox.received_at)
        .limit(limit)
    )
    return [
        Heard(id=id_, type=type_, aggregate=aggregate, version=version, heard_at=at)
        for id_, type_, aggregate, version, at in rows
    ]


def _rows(work: Work, table: Any, condition: ColumnElement[bool], limit: int) -> Sequence[Any]:
    query = select(table).where(condition).order_by(table.seq).limit(limit)
    return work.session.scalars(query).all()


def _is_due(outbox: Any) -> ColumnElement[bool]:
    return outbox.published_at.is_(None) & outbox.stuck_at.is_(None)  # type: ignore[no-any-return]
