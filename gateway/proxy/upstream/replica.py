"""One running instance of a service, and what we think of it."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.proxy.upstream.pool import Address, Pool, PoolLimits

if TYPE_CHECKING:
    from gateway.proxy.records.counting import UpstreamCounts


@dataclass(frozen=True, slots=True)
class Judging:
    """When a replica is passed over, and for how long; times in seconds."""

    failures: int = 5  # in a row
    share: float = 0.5  # of bad answers, where there are enough to tell
    enough: int = 20
    eject_seconds: float = 5.0  # the first time; doubled each time after
    eject_most: float = 300.0
    slow_start: float = 10.0
    check_every: float = 3.0
    check_seconds: float = 2.0
    down_after: int = 2  # failed checks
    up_after: int = 1  # passed checks


LEAST_WARMTH = 0.1
FORGET_AFTER = 60.0  # seconds of good behaviour that make up for one ejection


class Replica:
    """An instance behind an address. `pool` leads to it.

    Two things speak against a replica: it failed requests (`ejected`), or a check (`down`). Two
    take it out in good order: it said that it is `draining`, or that it is `gone`.
    """

    def __init__(
        self,
        service: str,
        address: Address,
        limits: PoolLimits,
        judging: Judging,
        failed: Callable[[Replica], None],
    ) -> None:
        self.service = service
        self.address = address
        self.pool = Pool(service, address, limits)
        self.pool.replica = self
        # How records call it; short, because every request may note it.
        self.name = f"{address.host}:{address.port}"
        self.counts: UpstreamCounts | None = None  # what it was asked and how it answered
        self.steered = False  # an operator took it out
        self.configured = False  # named by settings or file; others come and go by themselves
        self.joined = False  # came by itself, whether or not somebody names it later
        self.instance = ""  # who is there, if it told us
        self.release = ""
        self.heard_at = 0.0
        self.heard_every = 0.0
        self.draining = False
        self.gone = False
        self.up = True  # as far as checks tell
        self.proven = True  # has passed a check, or need not
        self.checks = 0  # in a row with one outcome: positive passed, negative failed
        self.check_at = 0.0
        self.ejected_until = 0.0
        self.trusted_at = 0.0  # from when on a check that passes ends the ejection
        self.ejections = 0
        self.warm_at = 0.0
        self.good = 0  # answers since we last looked
        self.bad = 0
        self._failures = 0
        self._fine_since = 0.0
        self._judging = judging
        self._failed = failed

    def __repr__(self) -> str:
        return f"<{self.service} at {self.address.url}, {self.state}>"

    @property
    def state(self) -> str:
        """In a word, for people."""
        if self.steered:
            return "taken out"
        if self.gone:
            return "gone"
        if self.draining:
            return "draining"
        if not self.up:
            return "down" if self.proven else "unchecked"
        return "ejected" if self.ejected_until else "fit"

    @property
    def fit(self) -> bool:
        """Whether it should get requests."""
        return self.up and not (self.ejected_until or self.draining or self.gone or self.steered)

    @property
    def hopeful(self) -> bool:
        """Whether it may get requests when nobody is fit."""
        return self.proven and not (self.draining or self.gone or self.steered)

    def done(self, ok: bool) -> None:
        """An exchange is over: `ok` unless it broke, took too long or answered 5xx."""
        if ok:
            self.good += 1
            self._failures = 0
            return
        self.bad += 1
        self._failures += 1
        if self._failures >= self._judging.failures:
            self._failed(self)

    def eject(self, now: float) -> float:
        """Pass it over from now on; for how many seconds at most. Longer each time."""
        judging = self._judging
        seconds = min(judging.eject_seconds * 2.0**self.ejections, judging.eject_most)
        seconds *= random.uniform(0.9, 1.1)  # noqa: S311 - so that not all come back at once
        self.ejections = min(self.ejections + 1, 16)
        self.ejected_until = now + seconds
        # That somebody is there again is shown by a check; that the answers are good is not.
        self.trusted_at = now if self.pool.unreachable else now + seconds / 2
        self._failures = self.good = self.bad = 0
        return seconds

    def readmit(self, now: float) -> None:
        """Let it have requests again, few at first."""
        self.ejected_until = self.trusted_at = 0.0
        self._failures = self.good = self.bad = 0
        self._fine_since = now
        self.warm_up(now)

    def warm_up(self, now: float) -> None:
        """Begin with few requests: caches are cold, connections not yet open."""
        self.warm_at = now + self._judging.slow_start

    def warmth(self, now: float) -> float:
        """The share of its turns that it takes, up to 1."""
        if self.warm_at <= now:
            return 1.0
        return max(LEAST_WARMTH, 1.0 - (self.warm_at - now) / self._judging.slow_start)

    def checked(self, passed: bool) -> bool:
        """Note the outcome of a check; whether that changes our mind."""
        judging = self._judging
        self.checks = max(self.checks, 0) + 1 if passed else min(self.checks, 0) - 1
        was_up = self.up
        if self.checks >= judging.up_after:
            self.up = self.proven = True
        elif self.checks <= -judging.down_after:
            self.up = False
        return self.up != was_up

    @property
    def unlike_others(self) -> float:
        """The share of bad answers since we last looked; 0 where there are too few to tell."""
        total = self.good + self.bad
        return self.bad / total if total >= self._judging.enough else 0.0

    def forgive(self, now: float) -> None:
        """Good behaviour makes up for earlier ejections, one after the other."""
        if self.ejections and not self.ejected_until and now - self._fine_since > FORGET_AFTER:
            self.ejections -= 1
            self._fine_since = now
