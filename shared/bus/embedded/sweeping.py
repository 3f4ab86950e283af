"""Taking over what the dead held: their claims go back, their fleeting queues go away."""

from __future__ import annotations

import time

from shared.bus.embedded import queues
from shared.bus.embedded.bells import Bells
from shared.bus.embedded.claimants import is_gone
from shared.bus.embedded.queues import Session
from shared.bus.embedded.store import Store


def now() -> float:
    """Seconds since this machine started: the same for all its processes, and never set back."""
    return time.monotonic()


def sweep(store: Store, bells: Bells, *, queue: int = 0, session: int = 0) -> None:
    """End the sessions of dead or silent consumers of `queue`, and of every dead listener."""
    with store.reading() as db:
        suspects = [s for s in queues.sessions_beside(db, queue, session) if _is_over(s)]
    if not suspects:
        return
    with store.writing() as db:
        # Looked at again under the write lock: one may have spoken up meanwhile.
        still_there = queues.sessions_beside(db, queue, session)
        over = [s for s in still_there if s.id in {x.id for x in suspects} and _is_over(s)]
        for one in over:
            queues.end_session(db, one.queue, one.id)
    bells.ring({one.queue for one in over})


def _is_over(session: Session) -> bool:
    return session.until < now() or is_gone(session.claimant)
