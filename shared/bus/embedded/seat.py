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
from shared.bus.holes import Holes
from shared.bus.topology import REPAIR

SWEEP_EVERY = 1.0


@dataclass(frozen=True, slots=True)
class Place:
    """Which queue, what it is bound to, and how it is consumed."""

    queue: str
    types: tuple[str, ...]
    prefetch: int
    lease: float
    fleeting: bool = False
    declare: bool = True  # whether we make what is missing


class NotDeclared(OSError):
    """The queue is not there, and it is not ours to make."""


class Seat:
    """A session in the bus file. Any method may raise when the file cannot be used."""

    def __init__(self, store: Store, bells: Bells, place: Place) -> None:
        self.session = 0  # 0: we have no seat
        self.bell = Bell(None)
        self.holes = Holes()
        self.unbound: tuple[str, ...] = ()  # types that do not reach us
        self._store = store
        self._bells = bells
        self._place = place
        self._queue = self._given_up = 0
        self._opened = -1
        self._vanished = False
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
            self._look_after_bindings()
            sweep(self._store, self._bells, queue=self._queue, session=self.session)

    def claim(self, room: int, handled: Sequence[int]) -> list[queues.Claimed]:
        """Let go of what is handled, and take what waits, in one transaction.

        One consumer at a time takes anything, so that order holds; the others wait for its end.
        """
        if not handled:
            with self._store.reading() as db:
                if room <= 0 or not self._has_work(db):
                    return []  # no write for nothing: an idle consumer costs next to nothing
        with self._writing() as db:
            if not self._renew(db):
                self.bell.ring()  # so that we sit down again at once
                return []
            queues.settle(db, self._queue, self.session, handled)
            if room <= 0 or not queues.is_active(db, self._queue, self.session):
                return []
            return queues.claim(db, self._queue, self.session, room)

    def _has_work(self, db: sqlite3.Connection) -> bool:
        if not queues.is_there(db, self.session):
            self.session = 0  # we were silent for too long, and the others have given us up
            self.bell.ring()
            return False
        active = queues.is_active(db, self._queue, self.session)
        return active and queues.has_waiting(db, self._queue)

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
            self._queue = self._declared(db)
            until = now() + place.lease
            session = queues.open_session(db, self._queue, this_process(), until)
        self.session, self._given_up, self._opened = session, 0, self._store.opened
        self._renew_at = now() + place.lease / 3
        self.bell.close()
        self.bell = self._bells.hang(self._queue)

    def _declared(self, db: sqlite3.Connection) -> int:
        """The number of our queue, made and bound if it may be; what was missing is a gap."""
        place = self._place
        found = queues.find_queue(db, place.queue)
        missing = queues.unbound(db, found, place.types)
        if not found and not (place.declare or place.fleeting):
            self._vanished = True
            raise NotDeclared(f"queue {place.queue} is missing: {REPAIR}")
        was_there = not place.fleeting or self._opened == -1  # a listener's first queue is new
        if not was_there or (self._vanished and not place.fleeting):
            self.holes.add()
        elif missing and not place.fleeting:
            self.holes.add(missing if found else ())
        self._vanished = False
        if place.declare or place.fleeting:
            found = queues.make_queue(db, place.queue, place.types, fleeting=place.fleeting)
            missing = ()
        self.unbound = missing
        return found

    def _look_after_bindings(self) -> None:
        """See whether somebody took our queue or a binding away, and mend it if we may."""
        with self._store.reading() as db:
            gone = queues.find_queue(db, self._place.queue) != self._queue
            missing = queues.unbound(db, self._queue, self._place.types)
        if gone:
            self._vanished = True  # even if somebody has made it again
            self._given_up = self.session = 0
            self._sit_down()
        elif missing and self._place.declare:
            with self._writing() as db:
                queues.make_queue(db, self._place.queue, self._place.types)
            self.holes.add(missing)
        else:
            if self.unbound and not missing:
                self.holes.add(self.unbound)
            self.unbound = missing

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
