"""Access tokens, and the refresh tokens that bring new ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from prometheus_client import Counter
from sqlalchemy import select, update

from auth_service.db.models import RefreshToken, UserSession
from auth_service.db.sessions import session_by_id
from auth_service.domain.errors import RefreshRefused
from auth_service.domain.tokens import GRACE, INTERNAL_LIFE, Bearer, claims_of, digest, successor_of
from auth_service.usecases.desk import Desk
from auth_service.usecases.sessions import (
    Opened,
    add_refresh_token,
    bearer_of,
    end_sessions,
    touch,
)
from shared import clock
from shared.logging import get
from shared.work import Work

log = get(__name__)

REUSED = Counter("auth_refresh_reused", "Spent refresh tokens that somebody tried again.")


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A signed token and the seconds it lives."""

    token: str
    expires_in: int


def access_token(desk: Desk, bearer: Bearer) -> AccessToken:
    """A token for an API client, good at every service."""
    return _signed(desk, bearer, desk.policy.audiences, desk.policy.access_life)


def internal_token(desk: Desk, bearer: Bearer, audience: str) -> AccessToken:
    """A short token for one service, which the gateway gets for a browser's session."""
    return _signed(desk, bearer, (audience,), INTERNAL_LIFE)


def refresh(work: Work, desk: Desk, token: str) -> Opened | RefreshRefused:
    """Exchange a refresh token for its successor, once.

    One conditional UPDATE decides who does it. Whoever comes second within GRACE (a racing tab,
    a lost answer) gets the same successor; later, the token must have been copied, and the whole
    session ends. A refusal is returned, not raised: what it ended must be committed.
    """
    session_id = work.session.scalar(
        select(RefreshToken.session_id).where(RefreshToken.token_hash == digest(token))
    )
    # Touching the session also makes parallel refreshes of one family take turns.
    when = desk.open_sessions()
    if session_id is None or not touch(work, session_id, when.holds()):
        return RefreshRefused()
    session = session_by_id(work, session_id, when)
    if session is None or not _claim(work, desk, token, session):
        return RefreshRefused()
    successor = successor_of(token, desk.refresh_secret)
    return Opened(bearer_of(work, session.user, session), successor, session.expires_at)


def _claim(work: Work, desk: Desk, token: str, session: UserSession) -> bool:
    now, successor = clock.now(), successor_of(token, desk.refresh_secret)
    claimed = work.session.execute(
        update(RefreshToken)
        .where(RefreshToken.token_hash == digest(token), RefreshToken.consumed_at.is_(None))
        .values(consumed_at=now, successor_hash=digest(successor))
        .returning(RefreshToken.token_hash)
    ).first()
    if claimed:
        add_refresh_token(work, session.id, successor, session.expires_at)
        return True
    consumed_at = work.session.scalar(
        select(RefreshToken.consumed_at).where(RefreshToken.token_hash == digest(token))
    )
    if consumed_at and now - consumed_at <= GRACE:
        return True
    REUSED.inc()
    log.warning("spent refresh credential used again; session ended", session_id=str(session.id))
    end_sessions(work, UserSession.id == session.id)
    return False


def _signed(desk: Desk, bearer: Bearer, audiences: Sequence[str], life: timedelta) -> AccessToken:
    now = clock.now()
    claims = claims_of(bearer, issuer=desk.policy.issuer, audiences=audiences, now=now, life=life)
    return AccessToken(desk.keyring.sign(claims), int(life.total_seconds()))
