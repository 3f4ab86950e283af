"""What a token is good for right now, and the end of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from sqlalchemy import select

from auth_service.db.models import RefreshToken, UserSession
from auth_service.db.sessions import session_by_id
from auth_service.domain.permissions import VIEW_SESSION
from auth_service.domain.tokens import CLIENTS, SCOPE, digest
from auth_service.usecases.desk import Desk
from auth_service.usecases.keys import ALGORITHM
from auth_service.usecases.sessions import end_sessions
from shared import clock
from shared.identity import Principal
from shared.work import Work

INACTIVE: dict[str, Any] = {"active": False}


@dataclass(frozen=True, slots=True)
class Found:
    """A token of ours: its session, and what it says itself."""

    session_id: UUID
    says: dict[str, Any]


def describe(work: Work, desk: Desk, token: str, *, by: Principal) -> dict[str, Any]:
    """The token's metadata (RFC 7662 §2.2); `active: false` for all that `by` may not know."""
    found = _found(work, desk, token)
    if found is None or not (by.session_id == str(found.session_id) or by.may(VIEW_SESSION)):
        return INACTIVE
    session = session_by_id(work, found.session_id, desk.open_sessions())
    if session is None:
        return INACTIVE
    about = {
        "active": True,
        "sub": str(session.user_id),
        "username": session.user.email,
        "client_id": CLIENTS[session.kind],
        "iss": desk.policy.issuer,
        "scope": SCOPE,
    }
    return about | found.says


def revoke(work: Work, desk: Desk, token: str) -> None:
    """End the session that the token belongs to, if there is one (RFC 7009 §2.1).

    A refresh token will do although it is spent: its holder may not have got the successor yet.
    """
    of_refresh_token = select(RefreshToken.session_id).where(
        RefreshToken.token_hash == digest(token)
    )
    session_id = work.session.scalar(of_refresh_token)
    if session_id is None and (found := _found(work, desk, token)):
        session_id = found.session_id
    if session_id is not None:
        end_sessions(work, UserSession.id == session_id)


def _found(work: Work, desk: Desk, token: str) -> Found | None:
    row = work.session.scalar(
        select(RefreshToken).where(
            RefreshToken.token_hash == digest(token),
            RefreshToken.consumed_at.is_(None),
            RefreshToken.expires_at > clock.now(),
        )
    )
    if row is not None:
        times = {"iat": int(row.created_at.timestamp()), "exp": int(row.expires_at.timestamp())}
        return Found(row.session_id, times)
    return _read(desk, token) if token.count(".") == 2 else None


def _read(desk: Desk, token: str) -> Found | None:
    keys = KeySet.import_key_set({"keys": desk.keyring.public()["keys"]})
    try:
        claims = jwt.decode(token, keys, algorithms=[ALGORITHM]).claims
        if claims["iss"] != desk.policy.issuer or claims["exp"] <= clock.now().timestamp():
            return None
        says = {name: claims[name] for name in ("iat", "exp", "jti", "aud", "scope")}
        return Found(UUID(claims["sid"]), says | {"token_type": "Bearer"})
    except (JoseError, ValueError, KeyError, TypeError):
        return None
