"""auth's public keys: kept while auth is away, gone the moment auth takes them back.

The set is fetched when first needed and then in the background. A failed refresh keeps the last
good set, for a while: a key that was removed while we could neither hear nor ask must die, too.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from gateway.proxy.identity.claims import LONGEST_KID
from gateway.proxy.upstream.fetch import Answer
from shared.logging import get
from shared.token_profile import ALGORITHMS

Sample = tuple[str, str, str, dict[str, str], float]

JWKS = "/oauth2/jwks"
MOST_KEYS = 50
FEWEST_BITS = 2048

log = get("gateway.keys")


class KeysUnavailable(Exception):
    """auth was never reached, or too long ago, to tell good tokens from bad ones."""


@dataclass(frozen=True, slots=True)
class KeyLimits:
    """When keys are fetched again, and how long they are good without; in seconds."""

    refresh: float = 300.0
    retry: float = 5.0  # after a failure, or deaf; the least between two fetches for unknown kids
    anxious: float = 0.5  # the same while there are no keys at all: nobody can be known
    oldest: float = 7200.0  # longer than any token lives, so that auth's absence ends nobody


class Keys:
    """The keys that verify, by kid. All of it runs on the event loop."""

    def __init__(
        self,
        fetch: Callable[[str], Awaitable[Answer]],
        now: Callable[[], float],
        limits: KeyLimits | None = None,
        *,
        hears: Callable[[], bool] = lambda: True,
    ) -> None:
        """`hears` says whether we would hear that a key was removed; else we ask more often."""
        self.on_removed: list[Callable[[str], object]] = []
        self.fetches = 0
        self.failures = 0
        self._fetch = fetch
        self._now = now
        self._limits = limits or KeyLimits()
        self._hears = hears
        self._keys: dict[str, RSAKey] = {}
        self._removed: dict[str, None] = {}  # those that verified once, in order
        self._good_until = 0.0  # by when the set is too old to be believed
        self._tried_at = -1e9
        # A little chance, so that many gateways do not ask at the same moment.
        self._refresh_after = self._limits.refresh * random.uniform(0.9, 1.0)  # noqa: S311
        self._changes = 0  # how often we heard that the set has changed
        self._fetching: asyncio.Task[bool] | None = None
        self._wake = asyncio.Event()
        self._keeping: asyncio.Task[None] | None = None
        self._needed = False

    def at_hand(self, kid: str) -> RSAKey | None:
        """The key, if we have it and may still believe in it."""
        return self._keys.get(kid) if self._now() < self._good_until else None

    def was_removed(self, kid: str) -> bool:
        """Whether auth has taken this key back."""
        return kid in self._removed

    async def ask(self, kid: str) -> RSAKey | None:
        """The key, fetched if need be; None if auth has none. Raises KeysUnavailable.

        However many unknown kids come, auth is asked once per `retry` seconds: nobody outside may
        make us flood it.
        """
        key = self.at_hand(kid)
        if key is not None:
            return key
        self._needed = True
        if self._fetching is not None or self._now() - self._tried_at >= self._patience():
            await asyncio.shield(self._refresh())
        if self._now() >= self._good_until:
            raise KeysUnavailable
        return self._keys.get(kid)

    def changed(self, kids: Collection[str]) -> None:
        """auth says which keys verify from now on: others die at once, new ones are fetched."""
        self._changes += 1
        for kid in [each for each in self._keys if each not in kids]:
            self._remove(kid)
        self.doubt()

    def doubt(self) -> None:
        """The set may have changed without our hearing of it: fetch it now, in the background."""
        self._needed = True
        self._wake.set()

    def start(self) -> None:
        """Begin to refresh in the background, on the running loop."""
        self._keeping = asyncio.get_running_loop().create_task(self._keep(), name="gateway-keys")

    async def stop(self) -> None:
        """Stop refreshing."""
        for task in (self._keeping, self._fetching):
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    def age(self) -> float | None:
        """Seconds since the keys were last fetched; None while there are none."""
        return self._now() + self._limits.oldest - self._good_until if self._keys else None

    def samples(self) -> Iterator[Sample]:
        """Our figures: name, kind, help, labels, value."""
        good = self._now() < self._good_until
        yield "keys", "gauge", "Keys that verify tokens.", {}, float(len(self._keys) if good else 0)
        yield "keys_age_seconds", "gauge", "Since they were last fetched.", {}, self.age() or 0.0
        yield "keys_fetches_total", "counter", "Times we asked auth.", {}, float(self.fetches)
        yield "keys_failures_total", "counter", "Times it did not tell.", {}, float(self.failures)

    async def _keep(self) -> None:
        fine = True
        while True:
            woken = self._wake.is_set()
            self._wake.clear()
            if woken or (self._needed and self._due(fine=fine)):
                fine = await self._refresh()
            self._let_old_ones_die()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._patience()):
                    await self._wake.wait()

    def _due(self, *, fine: bool) -> bool:
        since = self._now() - self._tried_at
        return since >= (self._refresh_after if fine and self._hears() else self._patience())

    def _patience(self) -> float:
        """Seconds between two questions."""
        limits = self._limits
        return limits.retry if self._now() < self._good_until else min(limits.retry, limits.anxious)

    def _let_old_ones_die(self) -> None:
        if self._keys and self._now() >= self._good_until:
            log.error("keys too old to be believed", kids=len(self._keys))
            for kid in list(self._keys):
                self._remove(kid)

    def _refresh(self) -> asyncio.Task[bool]:
        """The fetch that is under way, or a new one."""
        if self._fetching is None:
            self._fetching = asyncio.get_running_loop().create_task(self._fetch_all())
            self._fetching.add_done_callback(self._fetched)
        return self._fetching

    def _fetched(self, _: asyncio.Task[bool]) -> None:
        self._fetching = None

    async def _fetch_all(self) -> bool:
        """Ask until the answer is younger than the last change that we heard of."""
        while True:
            changes, self._tried_at = self._changes, self._now()
            self.fetches += 1
            try:
                found = _understood(await self._fetch(JWKS))
            except Exception as error:  # noqa: BLE001 - whatever it was, it must not cost us keys
                self.failures += 1
                log.warning("keys not refreshed; the last good ones stay", reason=repr(error))
                return False
            if changes == self._changes:
                self._take(found)
                return True

    def _take(self, found: dict[str, RSAKey]) -> None:
        before, self._keys = self._keys, found
        self._good_until = self._now() + self._limits.oldest
        for kid in found:
            self._removed.pop(kid, None)
        for kid, key in before.items():
            if kid not in found or found[kid].thumbprint() != key.thumbprint():
                self._tell_removed(kid)

    def _remove(self, kid: str) -> None:
        del self._keys[kid]
        self._tell_removed(kid)

    def _tell_removed(self, kid: str) -> None:
        if kid not in self._keys:
            self._removed[kid] = None
            while len(self._removed) > MOST_KEYS:
                del self._removed[next(iter(self._removed))]
        for call in self.on_removed:
            call(kid)


def _understood(answer: Answer) -> dict[str, RSAKey]:
    """The keys of a JWKS (RFC 7517) that we can use; a set without any is a failure."""
    if answer.status != 200:
        raise ValueError(f"auth answered {answer.status}")
    found: dict[str, RSAKey] = {}
    for each in json.loads(answer.body)["keys"][:MOST_KEYS]:
        key = _usable(each)
        if key is not None:
            found.setdefault(str(each["kid"]), key)
    if not found:
        raise ValueError("no key that we can use")
    return found


def _usable(jwk: Any) -> RSAKey | None:
    """An RSA public key for signatures, large enough; secrets and private halves are not taken."""
    if not isinstance(jwk, dict) or jwk.get("kty") != "RSA" or "d" in jwk:
        return None
    kid, modulus = jwk.get("kid"), jwk.get("n")
    if not isinstance(kid, str) or not 0 < len(kid) <= LONGEST_KID:
        return None
    if not isinstance(modulus, str) or len(modulus) * 6 < FEWEST_BITS:
        return None
    if jwk.get("use", "sig") != "sig" or jwk.get("alg", ALGORITHMS[0]) not in ALGORITHMS:
        return None
    try:
        key = RSAKey.import_key(jwk)
        return key if key.public_key.key_size >= FEWEST_BITS else None
    except (JoseError, ValueError, TypeError):
        return None
