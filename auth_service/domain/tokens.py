"""What tokens say and how they follow each other; how they are signed is for `usecases/keys.py`."""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from auth_service.domain.permissions import for_audiences
from shared.ids import new_id

BROWSER = "browser"
API = "api"
CLIENTS = {BROWSER: "quintet-web", API: "quintet-api"}
INTERNAL_LIFE = timedelta(minutes=5)
GRACE = timedelta(seconds=10)
SCOPE = "quintet"


@dataclass(frozen=True, slots=True)
class Bearer:
    """Whom a token is about: a user in one session, and all that they may do anywhere."""

    user_id: UUID
    session_id: UUID
    kind: str
    name: str
    email: str
    staff: bool
    superuser: bool
    permissions: tuple[str, ...]


def claims_of(
    bearer: Bearer, *, issuer: str, audiences: Sequence[str], now: datetime, life: timedelta
) -> dict[str, Any]:
    """The claims of an access token (RFC 9068 §2.2) for these services."""
    return {
        "iss": issuer,
        "sub": str(bearer.user_id),
        "aud": list(audiences),
        "client_id": CLIENTS[bearer.kind],
        "iat": int(now.timestamp()),
        "exp": int((now + life).timestamp()),
        "jti": str(new_id()),
        "sid": str(bearer.session_id),
        "scope": SCOPE,
        "name": bearer.name,
        "email": bearer.email,
        "staff": bearer.staff,
        "superuser": bearer.superuser,
        "permissions": for_audiences(bearer.permissions, audiences),
    }


def digest(secret: str) -> str:
    """How a key or token of 256 random bits is stored: no salt needed, and found by equality."""
    return hashlib.sha256(secret.encode()).hexdigest()


def successor_of(token: str, secret: bytes) -> str:
    """The one refresh token that follows `token`.

    It is derived, not drawn: two requests that race with the same token get the same successor,
    and nothing needs to be stored in clear for the second one.
    """
    made = hmac.digest(secret, token.encode(), "sha256")
    return urlsafe_b64encode(made).rstrip(b"=").decode()
