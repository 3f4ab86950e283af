"""Our seat at a queue: taken, kept by saying so in time, lost, and taken again."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from shared.bus.embedded import queues
from shared.bus.embedded.bells import Bell, Bells
from shared.bus.embedded.claimants import this_process
from shared.bus.embedded.store import Store
from shared.bus.embedded.sweeping import now, sweep

SWEEP_EVERY = 1.0


@dataclass(frozen=True, slots=True)
class Place:
    """Which queue, what it is bound to, and how it is consumed."""

    queue: str
    types: tuple[str, ...]
    prefetch: int
    lease: float
    fleeting: bool = False


class Seat:
    """A session in the bus file. Any method may raise when the file cannot be used."""

    def __init__(self, store: Store, bells: Bells, place: Place) -> None:
        self.session = 0  # 0: we have no seat
        self.bell = Bell(None)
        self._store = store
        self._bells = bells
        self._place = place
        self._queue = self._given_up = 0
        self._opened = -1
        self._renew_at = self._sweep_at = 0.0

    def keep(self, *, busy: bool) -> None:
        """Take a seat where we have none, renew it in time, take over from the dead."""
        with self._store.reading():
            if self._store.opened != self._opened:
                self.session = 0  # another file: our seat was in the old one
        if not self.session:
            self._sit_down()
        elif now() >= self._renew_at and (busy or self._place.fleeting):
            with self._writing() as db:
                self._renew(db)
        if now() >= self._sweep_at:
            self._sweep_at = now() + SWEEP_EVERY
            sweep(self._store, self._bells, queue=self._queue, session=self.session)

    def claim(self, room: int, handled: Sequence[int]) -> list[queues.Claimed]:
        """Let go of what is handled, and take what waits, in one transaction."""
        if not handled:
            with self._store.reading() as db:
                if room <= 0 or not queues.has_waiting(db, self._queue):
                    return []  # no write for nothing: an idle consumer costs next to nothing
        with self._writing() as db:
            if not self._renew(db):
                self.bell.ring()  # so that we sit down again at once
                return []
            queues.settle(db, self._queue, self.session, handled)
            return queues.claim(db, self._queue, self.session, room) if room > 0 else []

    def settle(self, handled: Sequence[int]) -> None:
        """Let go of what is handled."""
        with self._writing() as db:
            queues.settle(db, self._queue, self.session, handled)

    def hand_back(self, seq: int) -> None:
        """Give one message back, for whoever is quickest."""
        with self._writing() as db:
            queues.hand_back(db, self._queue, self.session, seq)
        self._bells.ring({self._queue})

    def give_up(self) -> None:
        """Something went wrong: whatever we claim shall be delivered again."""
        self._given_up = self.session or self._given_up
        self.session = 0

    def leave(self) -> None:
        """Give everything back and go."""
        self.give_up()
        if self._given_up:
            with self._writing() as db:
                queues.end_session(db, self._queue, self._given_up)
            self._bells.ring({self._queue})

    def _sit_down(self) -> None:
        place = self._place
        with self._store.writing() as db:
            if self._given_up and self._store.opened == self._opened:
                queues.end_session(db, self._queue, self._given_up)
            self._queue = queues.make_queue(db, place.queue, place.types, fleeting=place.fleeting)
            until = now() + place.lease
            session = queues.open_session(db, self._queue, this_process(), until)
        self.session, self._given_up, self._opened = session, 0, self._store.opened
        self._renew_at = now() + place.lease / 3
        self.bell.close()
        self.bell = self._bells.hang(self._queue)

    def _renew(self, db: sqlite3.Connection) -> bool:
        """Prolong the lease; when the others have given us up, our claims are theirs now."""
        self._renew_at = now() + self._place.lease / 3
        if queues.renew_session(db, self.session, now() + self._place.lease):
            return True
        self.session = 0
        return False

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction in the file where our seat is; in any other our numbers mean nothing."""
        with self._store.writing() as db:
            if self._store.opened != self._opened:
                raise sqlite3.DatabaseError("the bus file was replaced")
            yield db
