"""Verify what auth signed: RFC 9068 access tokens. This module holds no key that could sign."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from shared import calling, deadline
from shared.errors import Unauthenticated, Unavailable
from shared.identity import Principal
from shared.logging import get
from shared.token_profile import ALGORITHMS, LEEWAY, is_access_token

log = get(__name__)

REFETCH_AFTER = 300.0
RETRY_AFTER = 5.0
REMEMBERED = 20_000

Keys = Mapping[str, Any]


class TokenRefused(Unauthenticated):
    """The access token is not one that we accept."""


class KeySource:
    """auth's public keys: fetched when first needed, refreshed, the last good set kept."""

    def __init__(self, fetch: Callable[[], Keys]) -> None:
        self._fetch = fetch
        self._lock = threading.Lock()
        self._keys: KeySet | None = None
        self._kids: set[str] = set()
        self._tried_at = 0.0
        self._fetched_at = 0.0

    @classmethod
    def at(cls, url: str) -> KeySource:
        """Keys published at a JWKS address."""

        def fetch() -> Keys:
            with deadline.lifted():  # the keys are for all
                answer = calling.get(url, timeout=3.0)
            answer.raise_for_status()
            keys: Keys = answer.json()
            return keys

        return cls(fetch)

    def keys_for(self, kid: str) -> KeySet:
        """A set that should hold `kid`; raises Unavailable while no key was ever fetched."""
        age = time.monotonic() - self._fetched_at
        if kid not in self._kids or age > REFETCH_AFTER:
            self._refresh()
        if self._keys is None:
            raise Unavailable("Sign-in keys cannot be fetched right now. Try again in a moment.")
        return self._keys

    def _refresh(self) -> None:
        with self._lock:
            # An unknown kid must not let strangers make us ask auth for every request.
            if time.monotonic() - self._tried_at < RETRY_AFTER and self._tried_at:
                return
            self._tried_at = time.monotonic()
            try:
                keys = self._fetch()
                self._keys = KeySet.import_key_set({"keys": list(keys["keys"])})
            except (calling.CallFailed, JoseError, KeyError, ValueError) as error:
                log.warning("keys not refreshed; the last good set stays", reason=repr(error))
                return
            self._kids = {str(key.kid) for key in self._keys.keys}
            self._fetched_at = time.monotonic()


class TokenVerifier:
    """Turns a bearer token into a Principal, or refuses it. Verified tokens are remembered."""

    def __init__(self, source: KeySource, *, issuer: str, audience: str) -> None:
        self._source = source
        self._claims = jwt.JWTClaimsRegistry(
            leeway=LEEWAY,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": audience},
            exp={"essential": True},
            sub={"essential": True},
        )
        self._known: OrderedDict[str, tuple[float, Principal]] = OrderedDict()
        self._lock = threading.Lock()

    def recall(self, token: str) -> Principal | None:
        """The principal of a token that we verified before and that still lives. Never blocks."""
        found = self._known.get(token)
        return found[1] if found and found[0] > time.time() else None

    def verify(self, token: str) -> Principal:
        """Check signature, type, issuer, audience and time (RFC 9068 §4); may fetch keys.

        Raises TokenRefused, which never says more than that the token is not accepted.
        """
        known = self.recall(token)
        if known is not None:
            return known
        try:
            claims = self._verified_claims(token)
            principal = Principal.of(claims)
        except (JoseError, ValueError, KeyError, TypeError) as error:
            log.info("token refused", reason=type(error).__name__)
            raise TokenRefused("The access token is expired or not valid. Sign in again.") from None
        self._remember(token, float(claims["exp"]) + LEEWAY, principal)
        return principal

    def forget_session(self, session_id: str) -> None:
        """Drop what was remembered of an ended session's tokens."""
        with self._lock:
            ended = [key for key, (_, who) in self._known.items() if who.session_id == session_id]
            for token in ended:
                del self._known[token]

    def _verified_claims(self, token: str) -> dict[str, Any]:
        kid = _header_of(token).get("kid")
        if not isinstance(kid, str):
            raise ValueError("no kid")
        decoded = jwt.decode(token, self._source.keys_for(kid), algorithms=ALGORITHMS)
        if not is_access_token(decoded.header.get("typ")):
            raise ValueError("wrong typ")
        self._claims.validate(decoded.claims)
        return dict(decoded.claims)

    def _remember(self, token: str, until: float, principal: Principal) -> None:
        with self._lock:
            self._known[token] = (until, principal)
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)


def _header_of(token: str) -> Mapping[str, Any]:
    from joserfc.jws import extract_compact

    return extract_compact(token.encode()).headers()
