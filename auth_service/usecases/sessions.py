"""Sessions: opened by signing in, seen, ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, insert, update

from auth_service.db.models import EndedSession, RefreshToken, User, UserSession
from auth_service.db.sessions import session_by_key
from auth_service.db.users import permissions_of
from auth_service.domain.errors import SessionNotFound
from auth_service.domain.tokens import API, BROWSER, Bearer, digest
from auth_service.domain.visits import Visit
from auth_service.events.published import SessionRevoked
from auth_service.usecases.desk import Desk
from shared import clock
from shared.identity import Principal
from shared.ids import new_id, new_secret
from shared.work import Work

SEEN_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Opened:
    """A session, and the secret that only its owner gets: a session key or a refresh token."""

    bearer: Bearer
    secret: str
    expires_at: datetime


def open_session(work: Work, desk: Desk, user: User, kind: str, visit: Visit) -> Opened:
    """Start a session of this user, always with a new secret."""
    now, secret = clock.now(), new_secret()
    session = UserSession(
        id=new_id(),
        user_id=user.id,
        key_hash=digest(secret) if kind == BROWSER else None,
        kind=kind,
        created_at=now,
        last_seen_at=now,
        expires_at=now + desk.policy.session_life,
        user_agent=visit.user_agent,
        ip=visit.ip,
    )
    work.session.add(session)
    work.session.flush()
    if kind == API:
        add_refresh_token(work, session.id, secret, session.expires_at)
    return Opened(bearer_of(work, user, session), secret, session.expires_at)


def add_refresh_token(work: Work, session_id: UUID, token: str, until: datetime) -> None:
    """Let this token be exchanged once."""
    work.session.add(
        RefreshToken(
            token_hash=digest(token),
            session_id=session_id,
            created_at=clock.now(),
            expires_at=until,
        )
    )


def bearer_of(work: Work, user: User, session: UserSession) -> Bearer:
    """What tokens of this session say."""
    return Bearer(
        user_id=user.id,
        session_id=session.id,
        kind=session.kind,
        name=user.name,
        email=user.email,
        staff=user.is_staff or user.is_superuser,
        superuser=user.is_superuser,
        permissions=permissions_of(work, user),
    )


def recognise(desk: Desk, key: str) -> Bearer | None:
    """Whose browser holds this session key; the session counts as seen."""
    when = desk.open_sessions()
    with desk.transactions.read() as work:
        session = session_by_key(work, digest(key), when)
        if session is None:
            return None
        bearer = bearer_of(work, session.user, session)
    if session.last_seen_at < when.now - SEEN_EVERY:
        with desk.transactions.begin() as work:
            touch(work, session.id, UserSession.last_seen_at < when.now - SEEN_EVERY)
    return bearer


def touch(work: Work, session_id: UUID, *only_if: ColumnElement[bool]) -> bool:
    """Note that an unended session was used just now; says whether it was one."""
    done = work.session.execute(
        update(UserSession)
        .where(UserSession.id == session_id, UserSession.ended_at.is_(None), *only_if)
        .values(last_seen_at=clock.now())
        .returning(UserSession.id)
    )
    return done.first() is not None


def end_own_session(work: Work, user_id: UUID, session_id: UUID) -> None:
    """Sign out here, or there. Raises SessionNotFound if it is not open, or somebody else's."""
    if not end_sessions(work, UserSession.id == session_id, UserSession.user_id == user_id):
        raise SessionNotFound


def end_other_sessions(work: Work, user_id: UUID, keep: str) -> int:
    """Sign out everywhere but in the session `keep`; says how many ended."""
    mine: list[ColumnElement[Any]] = [UserSession.user_id == user_id]
    if keep:
        mine.append(UserSession.id != UUID(keep))
    return end_sessions(work, *mine)


def end_sessions(work: Work, *which: ColumnElement[Any]) -> int:
    """End these sessions and say so, each once; says how many were open."""
    now = clock.now()
    ended = work.session.execute(
        update(UserSession)
        .where(UserSession.ended_at.is_(None), *which)
        .values(ended_at=now)
        .returning(UserSession.id, UserSession.user_id, UserSession.expires_at)
        .execution_options(synchronize_session=False)
    ).all()
    if ended:
        rows = [{"session_id": row.id, "ended_at": now} for row in ended]
        work.session.execute(insert(EndedSession), rows)
    for session_id, user_id, expires_at in ended:
        work.publish(
            SessionRevoked(session_id=session_id, user_id=user_id, expires_at=expires_at, version=1)
        )
    return len(ended)


def end_replaced_session(work: Work, caller: Principal) -> None:
    """End the browser session that a new sign-in in the same browser takes the place of."""
    if caller.signed_in:
        end_sessions(
            work,
            UserSession.id == UUID(caller.session_id),
            UserSession.user_id == caller.id,
            UserSession.kind == BROWSER,
        )
