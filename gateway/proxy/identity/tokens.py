"""From the browser's opaque cookie to a short token that one service can verify for itself.

The answer of auth is kept until shortly before the token expires, or until an event says that the
session has ended. Requests that need the same token at the same time ask once. That auth is away
is never mistaken for nobody being signed in.
"""

from __future__ import annotations

import asyncio
import json
from base64 import urlsafe_b64decode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gateway.proxy.upstream.fetch import FetchFailed, fetch
from gateway.proxy.upstream.pool import Pool

Key = tuple[bytes, str]  # session key, audience

LONGEST_SESSION_KEY = 256


class IdentityUnavailable(Exception):
    """Auth did not say who this is."""


@dataclass(frozen=True, slots=True)
class CacheLimits:
    """How much is kept, and for how long."""

    entries: int = 20_000
    nobody_seconds: float = 3.0  # how long an unknown session stays unknown
    early_seconds: float = 15.0  # a token is renewed this long before it expires


@dataclass(frozen=True, slots=True)
class Known:
    """What auth said about a session. `authorization` is None when it knows no such session."""

    authorization: bytes | None
    until: float
    subjects: tuple[str, ...]


class SessionTokens:
    """Internal tokens by session and audience."""

    def __init__(
        self, auth: Pool, limits: CacheLimits, now: Callable[[], float], *, seconds: float = 5.0
    ) -> None:
        self._auth = auth
        self._limits = limits
        self._now = now
        self._seconds = seconds
        self._known: dict[Key, Known] = {}
        self._about: dict[str, set[Key]] = {}  # session id or user id → what we know through it
        self._asking: dict[Key, asyncio.Task[Known]] = {}
        self._evictions = 0

    def at_hand(self, key: Key) -> Known | None:
        """What is known and still good."""
        known = self._known.get(key)
        return known if known is not None and known.until > self._now() else None

    async def ask(self, key: Key) -> Known:
        """What auth says; raises IdentityUnavailable. Many callers, one question."""
        asking = self._asking.get(key)
        if asking is None:
            asking = asyncio.get_running_loop().create_task(self._ask(key))
            self._asking[key] = asking
            asking.add_done_callback(lambda _: self._asking.pop(key, None))
        # Shielded: a client that leaves must not take the answer away from the others.
        return await asyncio.shield(asking)

    def evict(self, subject: str) -> None:
        """Forget all we know through this session id or user id."""
        self._evictions += 1
        for key in self._about.pop(subject, ()):
            self._drop(key)

    def evict_session(self, session: bytes, audiences: tuple[str, ...]) -> None:
        """Forget a session by the key in its cookie."""
        self._evictions += 1
        for audience in audiences:
            self._drop((session, audience))

    def evict_all(self) -> None:
        """Forget everything: we may have missed an event."""
        self._evictions += 1
        self._known.clear()
        self._about.clear()

    def __len__(self) -> int:
        return len(self._known)

    async def _ask(self, key: Key) -> Known:
        evictions = self._evictions
        session, audience = key
        body = json.dumps({"session": session.decode("latin-1"), "audience": audience}).encode()
        try:
            answer = await fetch(
                self._auth,
                "/internal/v1/session-tokens",
                method="POST",
                body=body,
                seconds=self._seconds,
            )
            known = self._understand(answer.status, answer.body)
        except (FetchFailed, ValueError, KeyError, TypeError) as error:
            raise IdentityUnavailable(str(error)) from error
        # An eviction that came while we asked may have been about this very session.
        if evictions == self._evictions:
            self._keep(key, known)
        return known

    def _understand(self, status: int, body: bytes) -> Known:
        if status == 404:
            return Known(None, self._now() + self._limits.nobody_seconds, ())
        if status != 200:
            raise ValueError(f"auth answered {status}")
        said = json.loads(body)
        token = str(said["access_token"])
        lives = float(said["expires_in"])
        early = min(self._limits.early_seconds, lives / 2)
        claims = _claims(token)
        subjects = tuple(str(claims[name]) for name in ("sid", "sub") if claims.get(name))
        return Known(b"Bearer " + token.encode("ascii"), self._now() + lives - early, subjects)

    def _keep(self, key: Key, known: Known) -> None:
        self._drop(key)
        while len(self._known) >= self._limits.entries:
            self._drop(next(iter(self._known)))
        self._known[key] = known
        for subject in known.subjects:
            self._about.setdefault(subject, set()).add(key)

    def _drop(self, key: Key) -> None:
        known = self._known.pop(key, None)
        for subject in known.subjects if known else ():
            keys = self._about.get(subject)
            if keys is not None:
                keys.discard(key)
                if not keys:
                    del self._about[subject]


def _claims(token: str) -> dict[str, Any]:
    """What the token says, unverified: we index by it, the service verifies and believes it."""
    _, payload, _ = token.split(".")
    claims: dict[str, Any] = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims
