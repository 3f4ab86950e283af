"""How long to wait after wrong tries: a few are free, then each more doubles the wait.

What is counted is a pair of account and network address, so that nobody can lock an owner out
from elsewhere; and, far more patiently, the network address alone, against trying one password
on many accounts.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

LONGEST_WAIT = timedelta(minutes=15)
FORGOTTEN_AFTER = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Gate:
    """Something whose wrong tries are counted: `subject` names it without telling what it is."""

    subject: str
    free: int

    @classmethod
    def of(cls, *parts: str, free: int) -> Gate:
        """A gate by what it guards; only a digest is stored."""
        return cls(hashlib.sha256("\n".join(parts).encode()).hexdigest(), free)


@dataclass(frozen=True, slots=True)
class Tries:
    """How often it went wrong, and when last."""

    failures: int
    last_at: datetime

    def after_failure(self, now: datetime) -> Tries:
        """One more; old ones are forgiven."""
        before = 0 if now - self.last_at > FORGOTTEN_AFTER else self.failures
        return Tries(before + 1, now)

    def seconds_to_wait(self, free: int, now: datetime) -> int:
        """0 when another try is allowed now."""
        beyond = self.failures - free
        if beyond < 0:
            return 0
        wait = min(timedelta(seconds=2 ** min(beyond, 16)), LONGEST_WAIT)
        left = (self.last_at + wait - now).total_seconds()
        return max(0, -int(-left // 1))


def sign_in_gates(email: str, ip: str) -> tuple[Gate, Gate]:
    """What counts wrong passwords: this account from this address, and this address."""
    return Gate.of("sign-in", email, ip, free=5), Gate.of("sign-in", ip, free=100)


def registration_gates(ip: str) -> tuple[Gate]:
    """What counts registrations that met an address which is taken: they tell that it exists."""
    return (Gate.of("registration", ip, free=20),)
