"""Bearer tokens (RFC 6750), verified at the door: once per token, then by one look."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from gateway.proxy.identity.caller import Caller
from gateway.proxy.identity.claims import (
    Expected,
    NotAccepted,
    Unsigned,
    as_subject,
    caller_of,
    read,
    subjects_of,
)
from gateway.proxy.identity.denied import Denied, Token
from gateway.proxy.identity.keys import Keys
from shared.logging import get
from shared.token_profile import ALGORITHMS

Sample = tuple[str, str, str, dict[str, str], float]

REMEMBERED = 20_000
JUMP = 2.0  # seconds by which the wall clock may drift between two looks

log = get("gateway.bearer")


@dataclass(frozen=True, slots=True)
class Verified:
    """A token that we verified; `subjects` are what may end it."""

    caller: Caller
    until: float
    token: Token
    kid: str


class BearerTokens:
    """Tells good tokens from bad ones. Verified ones are remembered, bounded, until they expire.

    The memory is by the whole Authorization field; whatever ends a token takes it out, so that a
    remembered token needs no other check than its time. `now` never jumps, `wall` is the time in
    seconds since 1970.
    """

    def __init__(
        self,
        keys: Keys,
        denied: Denied,
        expected: Expected,
        now: Callable[[], float],
        wall: Callable[[], float],
    ) -> None:
        self.verified = 0
        self.refused: dict[str, int] = {}
        self._keys = keys
        self._denied = denied
        self._expected = expected
        self._now = now
        self._wall = wall
        self._offset: float | None = None  # between the two clocks, at the last look
        self._known: dict[bytes, Verified] = {}
        self._about: dict[str, set[bytes]] = {}  # session, user, token or key → what it can end
        self._not_before = denied.not_before
        keys.on_removed.append(self._forget_key)

    def at_hand(self, authorization: bytes) -> Caller | None:
        """Whoever this is, if we verified it before and it is still good."""
        known = self._known.get(authorization)
        return known.caller if known is not None and known.until > self._now() else None

    def verify(self, authorization: bytes) -> Caller | None:
        """Whoever this is; None if that takes asking for keys. Raises NotAccepted."""
        token, unsigned = self._read(authorization)
        key = self._keys.at_hand(unsigned.kid)
        if key is None:
            return None
        return self._verify(authorization, token, unsigned, key)

    async def ask(self, authorization: bytes) -> Caller:
        """Whoever this is, with the keys that auth has now. Raises NotAccepted, KeysUnavailable."""
        token, unsigned = self._read(authorization)
        key = await self._keys.ask(unsigned.kid)
        if key is None:
            raise self._refusal("unknown kid")
        return self._verify(authorization, token, unsigned, key)

    def evict(self, subject: str) -> None:
        """Forget every token of this session or user, or with this `jti`."""
        for authorization in self._about.pop(subject, ()):
            self._drop(authorization)

    def look_at_the_clock(self) -> None:
        """Forget all if the wall clock was set: what had expired may live, and the reverse."""
        offset = self._wall() - self._now()
        if self._offset is not None and abs(offset - self._offset) > JUMP:
            log.warning(
                "the clock was set; all tokens are verified again", by=offset - self._offset
            )
            self._known.clear()
            self._about.clear()
        self._offset = offset
        if self._denied.not_before > self._not_before:
            self._not_before = self._denied.not_before
            for authorization, known in list(self._known.items()):
                if known.token.issued <= self._not_before:
                    self._drop(authorization)

    def __len__(self) -> int:
        return len(self._known)

    def samples(self) -> Iterator[Sample]:
        """Our figures: name, kind, help, labels, value."""
        yield "bearer_cached", "gauge", "Verified tokens at hand.", {}, float(len(self._known))
        text = "Tokens verified."
        yield "bearer_verified_total", "counter", text, {}, float(self.verified)
        for why, count in sorted(self.refused.items()):
            text = "Tokens not accepted."
            yield "bearer_refused_total", "counter", text, {"reason": why}, float(count)

    def _read(self, authorization: bytes) -> tuple[bytes, Unsigned]:
        token = authorization[7:].strip()  # after `Bearer `
        try:
            return token, read(token, self._expected, self._wall())
        except NotAccepted as error:
            raise self._refusal(str(error)) from error

    def _verify(
        self, authorization: bytes, token: bytes, unsigned: Unsigned, key: RSAKey
    ) -> Caller:
        try:
            jws.deserialize_compact(token, key, algorithms=ALGORITHMS)
        except (JoseError, ValueError) as error:
            raise self._refusal("bad signature") from error
        about = Token(subjects_of(unsigned.claims), unsigned.issued)
        if self._denied.covers(about):
            raise self._refusal("revoked")
        self.verified += 1
        caller = caller_of(unsigned.claims, "bearer", authorization)
        until = self._now() + unsigned.expires - self._wall()
        if authorization in (b"Bearer " + token, b"bearer " + token):
            # Not what is written in some other way: one token must not fill the memory.
            self._keep(authorization, Verified(caller, until, about, unsigned.kid))
        return caller

    def _refusal(self, reason: str) -> NotAccepted:
        self.refused[reason] = self.refused.get(reason, 0) + 1
        return NotAccepted(reason)

    def _keep(self, authorization: bytes, verified: Verified) -> None:
        self._drop(authorization)
        while len(self._known) >= REMEMBERED:
            self._drop(next(iter(self._known)))
        self._known[authorization] = verified
        for subject in _subjects(verified):
            self._about.setdefault(subject, set()).add(authorization)

    def _drop(self, authorization: bytes) -> None:
        known = self._known.pop(authorization, None)
        for subject in _subjects(known) if known else ():
            same = self._about.get(subject)
            if same is not None:
                same.discard(authorization)
                if not same:
                    del self._about[subject]

    def _forget_key(self, kid: str) -> None:
        self.evict(as_subject(kid))


def _subjects(verified: Verified) -> tuple[str, ...]:
    return (*verified.token.subjects, as_subject(verified.kid))
