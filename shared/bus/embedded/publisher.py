"""Publishing into the bus file: one transaction, durable before it is confirmed."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Sequence

from shared.bus.embedded import queues
from shared.bus.embedded.bells import Bells
from shared.bus.embedded.store import Store
from shared.bus.embedded.sweeping import now, sweep
from shared.bus.protocol import Message, Outcome

log = logging.getLogger(__name__)

SWEEP_EVERY = 5.0  # a publisher with no consumers about must still bury dead listeners


class EmbeddedPublisher:
    """Puts messages into every queue bound to their type, all of a call or none."""

    def __init__(self, store: Store, bells: Bells) -> None:
        self._store = store
        self._bells = bells
        self._next_sweep = 0.0
        self._closed = False

    def publish(self, messages: Sequence[Message], *, timeout: float = 10.0) -> list[Outcome]:
        """Write all in one transaction; a type nobody listens to is confirmed and gone."""
        if not messages or self._closed:
            return [Outcome.UNKNOWN] * len(messages)
        try:
            if now() >= self._next_sweep:
                self._next_sweep = now() + SWEEP_EVERY
                sweep(self._store, self._bells)
            with self._store.writing(patience=timeout) as db:
                reached = _put_all(db, messages)
        except (sqlite3.Error, OSError) as error:
            log.warning("the bus file could not be written: %s", error)
            return [Outcome.UNKNOWN] * len(messages)
        self._bells.ring(reached)
        return [Outcome.CONFIRMED] * len(messages)

    def close(self) -> None:
        """Let go of the file; nothing more is published."""
        self._closed = True
        self._store.close()


def _put_all(db: sqlite3.Connection, messages: Sequence[Message]) -> set[int]:
    """Put the messages where they belong; which queues that reached."""
    bound: dict[str, list[int]] = {}
    for message in messages:
        if message.type not in bound:
            bound[message.type] = queues.queues_bound_to(db, message.type)
        if bound[message.type]:
            queues.put(db, message, bound[message.type])
    return {queue for reached in bound.values() for queue in reached}
