"""What one thread has in hand, so that another can see that it takes long and go on without it."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.bus.protocol import Delivery
from shared.consuming.heard import Heard, Raw
from shared.database import Database
from shared.events import BadEnvelope
from shared.work import Work

if TYPE_CHECKING:
    from shared.consuming.lanes import Lane


class TakenAway(Exception):
    """Another thread handles these events; whatever was done for them here is rolled back."""


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """A delivery, and the event in it; or why there is none."""

    delivery: Delivery
    raw: Raw
    heard: Heard | None
    error: BadEnvelope | None = None

    @classmethod
    def of(cls, delivery: Delivery) -> Item:
        """Open a delivery."""
        raw = Raw.of(delivery)
        try:
            return cls(delivery, raw, Heard.read(raw))
        except BadEnvelope as error:
            return cls(delivery, raw, None, error)

    @property
    def aggregate(self) -> str:
        """By what it keeps its order; empty for what cannot be read."""
        return self.heard.envelope.aggregate if self.heard else ""


class Hand:
    """The events of one transaction, and how it goes with it. Safe to ask from any thread."""

    def __init__(self, items: Sequence[Item]) -> None:
        self.items = items
        self.busy_with: Heard | None = None  # the one whose handler runs
        self.lane: Lane | None = None  # where it goes on, since it took too long to be waited for
        self._since = time.monotonic()
        self._lock = threading.Lock()
        self._over = False  # committing, or rolled back: too late to take anything away
        self._taken = False
        self._backend = 0

    def holds(self, work: Work, database: Database) -> None:
        """The transaction has begun."""
        if database.on_postgresql:
            raw = work.session.connection().connection.dbapi_connection
            self._backend = raw.info.backend_pid  # type: ignore[union-attr]

    def begins(self, heard: Heard) -> None:
        """The handler of this event begins."""
        self.busy_with, self._since = heard, time.monotonic()

    @property
    def had_turn(self) -> bool:
        """Whether no earlier events wait: a handler began, so none did, and a lane came of it.

        Slow alone says nothing: it may have taken long to stand in line.
        """
        return self.busy_with is not None and (self._taken or self.lane is not None)

    def seconds(self) -> float:
        """For how long the handler has been running."""
        return time.monotonic() - self._since

    def closes(self) -> None:
        """It is done and may be committed; raises TakenAway if it is another's by now."""
        with self._lock:
            if self._taken:
                raise TakenAway
            self._over = True

    def lets_go(self) -> None:
        """It failed; after this nobody may touch its connection, which serves others."""
        with self._lock:
            self._over = True

    @property
    def taken(self) -> bool:
        """Whether another thread has taken it over."""
        return self._taken

    def take(self) -> bool:
        """Take it over; false if it is too late for that."""
        with self._lock:
            if self._over or self._taken:
                return False
            self._taken = True
            return True

    def cut(self, database: Database) -> None:
        """End the transaction that was taken away, so that its locks hold up nobody."""
        with self._lock:
            if self._backend and not self._over:
                database.end_session(self._backend)
