"""Find sessions. A session is open until it is ended, has lain idle too long, or expires."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import joinedload

from auth_service.db.models import EndedSession, User, UserSession
from shared.work import Work


@dataclass(frozen=True, slots=True)
class Openness:
    """When a session counts as open: seen since `idle_since`, and not expired `now`."""

    now: datetime
    idle_since: datetime

    def holds(self) -> ColumnElement[bool]:
        """The condition on the table."""
        return and_(
            UserSession.ended_at.is_(None),
            UserSession.expires_at > self.now,
            UserSession.last_seen_at > self.idle_since,
        )


def session_by_key(work: Work, key_hash: str, when: Openness) -> UserSession | None:
    """The open browser session with this key, and its active user."""
    return _open(work, UserSession.key_hash == key_hash, when)


def session_by_id(work: Work, session_id: UUID, when: Openness) -> UserSession | None:
    """The open session with this id, and its active user."""
    return _open(work, UserSession.id == session_id, when)


def sessions_of(work: Work, user_id: UUID, when: Openness) -> Sequence[UserSession]:
    """A user's open sessions, the last used first."""
    query = select(UserSession).where(UserSession.user_id == user_id, when.holds())
    return work.session.scalars(query.order_by(UserSession.last_seen_at.desc())).all()


def is_open(work: Work, session_id: str, user_id: UUID, when: Openness) -> bool:
    """Whether this user's session is open and the user active."""
    try:
        wanted = UUID(session_id)
    except ValueError:
        return False
    query = (
        select(UserSession.id)
        .join(User, User.id == UserSession.user_id)
        .where(UserSession.id == wanted, UserSession.user_id == user_id)
        .where(when.holds(), User.is_active)
    )
    return work.session.execute(query).first() is not None


def endings_since(
    work: Work, since: datetime, after: tuple[datetime, UUID] | None, limit: int
) -> Sequence[EndedSession]:
    """Sessions that ended since then, in order; `after` is the last one that is known already."""
    query = select(EndedSession).where(EndedSession.ended_at >= since)
    if after is not None:
        moment, session_id = after
        later = EndedSession.ended_at > moment
        beside = and_(EndedSession.ended_at == moment, EndedSession.session_id > session_id)
        query = query.where(or_(later, beside))
    order = (EndedSession.ended_at, EndedSession.session_id)
    return work.session.scalars(query.order_by(*order).limit(limit)).all()


def _open(work: Work, is_it: ColumnElement[Any], when: Openness) -> UserSession | None:
    query = (
        select(UserSession)
        .join(UserSession.user)
        .where(is_it, when.holds(), User.is_active)
        .options(joinedload(UserSession.user))
    )
    return work.session.scalar(query)
