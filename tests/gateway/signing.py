"""Keys and tokens as auth makes them, and what else one could try."""

from __future__ import annotations

import asyncio
import functools
import json
import time
from typing import Any
from uuid import uuid4

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from tests.gateway.stage import Seen, Upstream, answer

ISSUER = "http://127.0.0.1:8000"
JWKS = "/oauth2/jwks"


@functools.cache
def key(kid: str = "first") -> RSAKey:
    """A signing key; the same for the same name."""
    return RSAKey.generate_key(2048, {"kid": kid, "alg": "RS256", "use": "sig"})


def jwks(*keys: RSAKey) -> dict[str, Any]:
    """The public halves, as auth publishes them."""
    return dict(KeySet(list(keys)).as_dict(private=False))


class Auth:
    """What auth publishes; how often it was asked."""

    def __init__(self, upstream: Upstream, *keys: RSAKey) -> None:
        self.keys = keys or (key(),)
        self.asked = 0
        self.seconds = 0.0
        self.down = False
        upstream.on(JWKS, self._tell)

    async def _tell(
        self, seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.asked += 1
        await asyncio.sleep(self.seconds)
        if self.down:
            writer.write(answer(b"", status="500 Internal Server Error"))
        else:
            writer.write(answer(json.dumps(jwks(*self.keys)).encode()))


def claims(**more: Any) -> dict[str, Any]:
    """What a good token says (RFC 9068, section 2.2); None leaves a claim out."""
    now = int(time.time())
    said = {
        "iss": ISSUER,
        "sub": str(uuid4()),
        "aud": ["auth", "catalog", "shop"],
        "client_id": "quintet-api",
        "iat": now,
        "exp": now + 300,
        "jti": str(uuid4()),
        "sid": str(uuid4()),
        "scope": "quintet",
        "permissions": [],
        **more,
    }
    return {name: value for name, value in said.items() if value is not None}


def token(by: RSAKey | None = None, *, header: dict[str, Any] | None = None, **said: Any) -> str:
    """A token that says this, signed; `header` replaces parts of its header."""
    by = by or key()
    head = {"alg": "RS256", "typ": "at+jwt", "kid": str(by.kid), **(header or {})}
    return jwt.encode(head, claims(**said), by)


def bearer(by: RSAKey | None = None, **said: Any) -> dict[str, str]:
    """The Authorization field of such a token."""
    return {"authorization": f"Bearer {token(by, **said)}"}
