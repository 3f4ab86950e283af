"""Tokens that a service accepts in tests, and a client that calls it in process."""

from __future__ import annotations

import functools
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from shared.ids import new_id
from shared.service import Service

if TYPE_CHECKING:
    from starlette.testclient import TestClient


@functools.cache
def signing_key() -> RSAKey:
    """The key that signs tokens in tests."""
    return RSAKey.generate_key(2048, {"kid": "test-key", "alg": "RS256", "use": "sig"})


def public_keys() -> dict[str, Any]:
    """The JWKS that holds the tests' key."""
    return dict(KeySet([signing_key()]).as_dict(private=False))


def token_for(service: Service, *, user_id: UUID | None = None, **claims: Any) -> str:
    """An access token that `service` accepts: `permissions=[…]`, `staff=True`, `superuser=True`."""
    now = datetime.now(UTC)
    body = {
        "iss": service.settings.public_url,
        "sub": str(user_id or new_id()),
        "aud": [service.name],
        "client_id": "quintet-tests",
        "iat": now,
        "exp": now + timedelta(minutes=5),
        "jti": str(new_id()),
        "sid": str(new_id()),
        "name": "Tess Tester",
        "email": "tess@quintet.example",
        **claims,
    }
    return jwt.encode({"alg": "RS256", "typ": "at+jwt", "kid": "test-key"}, body, signing_key())


def bearer(service: Service, **claims: Any) -> dict[str, str]:
    """The Authorization header of `token_for`."""
    return {"authorization": f"Bearer {token_for(service, **claims)}"}


def client_of(service: Service, **options: Any) -> TestClient:
    """A client of the whole service, in process; it follows no redirect by itself."""
    from starlette.testclient import TestClient

    assert service.create_app is not None
    options.setdefault("follow_redirects", False)
    options.setdefault("base_url", service.settings.public_url)
    return TestClient(service.create_app(service), raise_server_exceptions=False, **options)
