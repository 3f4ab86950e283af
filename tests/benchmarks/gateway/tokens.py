"""A key, and an access token that it signs: what a verified caller shows."""

from __future__ import annotations

import json
import time

from joserfc import jwt
from joserfc.jwk import RSAKey

from shared.token_profile import ALGORITHMS, TOKEN_TYPE

ISSUER = "http://127.0.0.1:8000"
SCOPE = "shop:read"
LIFE = 3000


class Key:
    """Signs as the auth service does."""

    def __init__(self) -> None:
        self._key = RSAKey.generate_key(2048, {"kid": "benchmark", "use": "sig"})

    def published(self) -> str:
        """The key set that the origin serves."""
        return json.dumps({"keys": [self._key.as_dict(private=False)]})

    def token(self) -> str:
        """A token for all services, that may read orders."""
        now = int(time.time())
        claims = {
            "iss": ISSUER, "sub": "0193b1c2-7d1e-7c3a-9f10-2b5a6c7d8e9f", "client_id": "benchmark",
            "aud": ["shop", "catalog", "auth"], "scope": SCOPE, "jti": "benchmark", "iat": now,
            "exp": now + LIFE,
        }  # fmt: skip
        header = {"alg": ALGORITHMS[0], "kid": "benchmark", "typ": TOKEN_TYPE}
        return jwt.encode(header, claims, self._key)
