"""From the browser's opaque cookie to a short token that one service can verify for itself.

The answer of auth is kept until shortly before the token expires, or until an event says that the
session has ended. Requests that need the same token at the same time ask once. That auth is away
is never mistaken for nobody being signed in.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass

from gateway.proxy.identity.caller import NOBODY, Caller
from gateway.proxy.identity.claims import (
    NotAccepted,
    as_subject,
    caller_of,
    subjects_of,
    unverified,
)
from gateway.proxy.upstream.cluster import Cluster
from gateway.proxy.upstream.fetch import FetchFailed, fetch

Key = tuple[bytes, str]  # session key, audience

LONGEST_SESSION_KEY = 256


class IdentityUnavailable(Exception):
    """Auth did not say who this is."""


@dataclass(frozen=True, slots=True)
class CacheLimits:
    """How much is kept, and for how long."""

    entries: int = 20_000
    strangers: int = 2_000  # unknown sessions; apart, so that who makes them up ousts no real one
    nobody_seconds: float = 3.0  # how long an unknown session stays unknown
    early_seconds: float = 15.0  # a token is renewed this long before it expires


@dataclass(frozen=True, slots=True)
class Known:
    """What auth said about a session; of one that it does not know, that it is nobody's."""

    caller: Caller
    until: float
    subjects: tuple[str, ...] = ()
    asked: float = 0.0  # when

    @property
    def authorization(self) -> bytes | None:
        """What a service is told."""
        return self.caller.authorization


class SessionTokens:
    """Internal tokens by session and audience.

    `ended` tells whose session was revoked by now, or who was sent away since a moment; `removed`
    tells which keys were: no service takes what a
    removed key has signed, so we neither pass it on nor keep it.
    """

    def __init__(
        self,
        auth: Cluster,
        limits: CacheLimits,
        now: Callable[[], float],
        *,
        seconds: float = 5.0,
        ended: Callable[[Caller, float], bool] = lambda *_: False,
        removed: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._auth = auth
        self._limits = limits
        self._now = now
        self._seconds = seconds
        self._ended = ended
        self._removed = removed
        self._known: dict[Key, Known] = {}
        self._strangers: dict[Key, Known] = {}
        self._about: dict[str, set[Key]] = {}  # session id or user id → what we know through it
        self._asking: dict[Key, asyncio.Task[Known]] = {}
        self._evictions = 0

    def at_hand(self, key: Key) -> Known | None:
        """What is known and still good."""
        known = self._known.get(key) or self._strangers.get(key)
        return known if known is not None and known.until > self._now() else None

    def is_familiar(self, key: Key) -> bool:
        """Whether this session was good until a moment ago, or is being asked about already."""
        return key in self._known or key in self._asking

    async def ask(self, key: Key) -> Known:
        """What auth says; raises IdentityUnavailable. Many callers, one question."""
        asking = self._asking.get(key)
        if asking is None:
            asking = asyncio.get_running_loop().create_task(self._ask(key))
            self._asking[key] = asking
            asking.add_done_callback(lambda _: self._asking.pop(key, None))
        # Shielded: a client that leaves must not take the answer away from the others.
        known = await asyncio.shield(asking)
        if self._ended(known.caller, known.asked):
            # It was revoked after auth had looked at it: the event was faster than the answer.
            return Known(NOBODY, 0.0)
        return known

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

    def __len__(self) -> int:
        return len(self._known)

    async def _ask(self, key: Key) -> Known:
        evictions, asked = self._evictions, self._now()
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
            known = self._understand(answer.status, answer.body, asked)
        except (FetchFailed, NotAccepted, ValueError, KeyError, TypeError) as error:
            raise IdentityUnavailable(str(error)) from error
        # An eviction that came while we asked may have been about this very session.
        if evictions == self._evictions:
            self._keep(key, known)
        return known

    def _understand(self, status: int, body: bytes, asked: float) -> Known:
        if status == 404:
            return Known(NOBODY, self._now() + self._limits.nobody_seconds)
        if status != 200:
            raise ValueError(f"auth answered {status}")
        said = json.loads(body)
        token = str(said["access_token"])
        lives = float(said["expires_in"])
        early = min(self._limits.early_seconds, lives / 2)
        # Unverified: we index by it, the service verifies and believes it.
        kid, claims = unverified(token)
        if self._removed(kid):
            raise ValueError("auth signs with a key that it took back")
        subjects = (*subjects_of(claims), as_subject(kid))
        caller = caller_of(claims, "session", b"Bearer " + token.encode("ascii"))
        return Known(caller, self._now() + lives - early, subjects, asked)

    def _keep(self, key: Key, known: Known) -> None:
        self._drop(key)
        if known.caller is NOBODY:
            while len(self._strangers) >= self._limits.strangers:
                del self._strangers[next(iter(self._strangers))]
            self._strangers[key] = known
            return
        while len(self._known) >= self._limits.entries:
            self._drop(next(iter(self._known)))
        self._known[key] = known
        for subject in known.subjects:
            self._about.setdefault(subject, set()).add(key)

    def _drop(self, key: Key) -> None:
        self._strangers.pop(key, None)
        known = self._known.pop(key, None)
        for subject in known.subjects if known else ():
            keys = self._about.get(subject)
            if keys is not None:
                keys.discard(key)
                if not keys:
                    del self._about[subject]
