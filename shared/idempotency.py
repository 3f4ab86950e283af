"""Keys that make a repeated request harmless: the answer is kept with the change it reports."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Executable, String, Text, bindparam, select, update
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from shared import clock
from shared.database import UtcTime, insert_if_absent, rows_changed, table_of
from shared.errors import Invalid


class IdempotencyKeyReused(Invalid):
    """The key was used before, for a different request."""


class KeyMixin:
    """Columns of a service's `idempotency_keys`: who asked what, and what we answered."""

    __tablename__ = "idempotency_keys"

    caller: Mapped[str] = mapped_column(String(80), primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    status: Mapped[int] = mapped_column(default=0)
    location: Mapped[str] = mapped_column(String(500), default="")
    body: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime] = mapped_column(UtcTime)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request was answered: JSON text, its status, and where the new thing lives."""

    status: int
    body: str
    location: str = ""
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """A request that carries an Idempotency-Key; `fingerprint` is a digest of all it says."""

    caller: str
    key: str
    fingerprint: str


def claim(session: Session, table: Any, request: KeyedRequest) -> Answer | None:
    """Take the key for this transaction, or return the answer that it already has.

    A parallel twin waits for the first to end: SQLite by its write lock, PostgreSQL on the unique
    index. Raises IdempotencyKeyReused when the key belongs to another request.
    """
    row = {
        "caller": request.caller,
        "key": request.key,
        "fingerprint": request.fingerprint,
        "status": 0,
        "location": "",
        "body": "",
        "created_at": clock.now(),
    }
    mine = (table.caller == request.caller, table.key == request.key)
    answer = select(table.fingerprint, table.status, table.body, table.location).where(*mine)
    kept = None
    while kept is None:  # one that was there may be forgotten before we read it
        if insert_if_absent(session, table, row):
            return None
        kept = session.execute(answer).one_or_none()
    if kept.fingerprint != request.fingerprint:
        raise IdempotencyKeyReused(
            "This Idempotency-Key was used for a different request. Use a new key.",
            fields={"Idempotency-Key": "was used for a different request"},
        )
    return Answer(kept.status, kept.body, kept.location, replayed=True)


def keep(session: Session, table: Any, request: KeyedRequest, answer: Answer) -> None:
    """Store the answer beside the change, so that both are there or neither."""
    rows_changed(
        session,
        _keeping(table),
        {
            "of_caller": request.caller,
            "of_key": request.key,
            "status": answer.status,
            "body": answer.body,
            "location": answer.location,
        },
    )


@functools.cache
def _keeping(row: type[DeclarativeBase]) -> Executable:
    table = table_of(row)
    mine = (table.c.caller == bindparam("of_caller"), table.c.key == bindparam("of_key"))
    return update(table).where(*mine)
