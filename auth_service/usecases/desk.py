"""The desk where people are let in: what that takes besides the database."""

from __future__ import annotations

from dataclasses import dataclass

from auth_service.db.sessions import Openness
from auth_service.domain.policy import Policy
from auth_service.usecases.hashing import Hasher
from auth_service.usecases.keys import Keyring
from shared import clock
from shared.work import Transactions


@dataclass(frozen=True, slots=True)
class Desk:
    """Made once per process by `app.py`; every door has it at hand.

    Most use-cases get their unit of work from the door, as everywhere in the house. Those that
    hash a password get the desk instead and open their own: a hash takes longer than everything
    else together and must not hold a transaction, and a wrong try has to be remembered although
    the caller is refused.
    """

    policy: Policy
    transactions: Transactions
    hasher: Hasher
    keyring: Keyring
    refresh_secret: bytes
    fingerprint_secret: bytes

    def open_sessions(self) -> Openness:
        """What counts as an open session at this moment."""
        now = clock.now()
        return Openness(now, now - self.policy.session_idle)
