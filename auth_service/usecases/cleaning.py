"""Throw away what nobody needs any more, a little at a time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from auth_service.db.keys import RETIRED
from auth_service.db.models import (
    EndedSession,
    FailedTries,
    KeyRow,
    RefreshToken,
    SigningKey,
    UserSession,
)
from shared import clock
from shared.work import Transactions, Work

BATCH = 500
KEEP_SESSIONS = timedelta(days=7)  # ended ones, for whoever asks what happened
KEEP_ENDINGS = timedelta(days=1)  # as with keys
KEEP_KEYS = timedelta(days=1)  # far longer than any token lives
KEEP_TRIES = timedelta(days=1)
KEEP_ANSWERS = timedelta(days=1)


def clean_up(transactions: Transactions) -> int:
    """Remove what is past its time, in small transactions; says how many rows went."""
    now, gone = clock.now(), 0
    for row, which in _past_their_time(now):
        while True:
            with transactions.begin() as work:
                removed = _remove_some(work, row, which)
            gone += removed
            if removed < BATCH:
                break
    return gone


def _past_their_time(
    now: datetime,
) -> list[tuple[InstrumentedAttribute[Any], ColumnElement[bool]]]:
    old_session = or_(
        UserSession.expires_at < now - KEEP_SESSIONS, UserSession.ended_at < now - KEEP_SESSIONS
    )
    old_key = SigningKey.retired_at < now - KEEP_KEYS
    return [
        (RefreshToken.token_hash, RefreshToken.expires_at < now),
        (UserSession.id, old_session),
        (EndedSession.session_id, EndedSession.ended_at < now - KEEP_ENDINGS),
        (KeyRow.key, KeyRow.created_at < now - KEEP_ANSWERS),
        (FailedTries.subject, FailedTries.last_at < now - KEEP_TRIES),
        (SigningKey.kid, (SigningKey.state == RETIRED) & old_key),
    ]


def _remove_some(work: Work, key: InstrumentedAttribute[Any], which: ColumnElement[bool]) -> int:
    some = select(key).where(which).limit(BATCH)
    removed = work.session.execute(
        delete(key.class_)
        .where(key.in_(some), which)
        .returning(key)
        .execution_options(synchronize_session=False)
    )
    return len(removed.all())
