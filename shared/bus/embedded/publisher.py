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
from shared.failpoints import reached

log = logging.getLogger(__name__)

SWEEP_EVERY = 5.0  # a publisher with no consumers about must still bury dead listeners


class EmbeddedPublisher:
    """Puts messages into every queue bound to their type, all of a call or none."""

    all_or_none = True

    def __init__(self, store: Store, bells: Bells) -> None:
        self._store = store
        self._bells = bells
        self._next_sweep = 0.0
        self._closed = False
        self._problem = ""

    def publish(self, messages: Sequence[Message], *, timeout: float = 10.0) -> list[Outcome]:
        """Write all in one transaction; a type nobody listens to is confirmed and gone."""
        if not messages or self._closed:
            return [Outcome.UNCONFIRMED] * len(messages)
        try:
            if now() >= self._next_sweep:
                self._next_sweep = now() + SWEEP_EVERY
                sweep(self._store, self._bells)
            with self._store.writing(patience=timeout) as db:
                queues_reached = _put_all(db, messages)
                reached("relay.after_publish")
        except (sqlite3.Error, OSError) as error:
            self._problem = f"the bus file could not be written: {error}"
            log.warning("%s", self._problem)
            return [Outcome.UNCONFIRMED] * len(messages)
        self._problem = ""
        self._bells.ring(queues_reached)
        return [Outcome.CONFIRMED] * len(messages)

    def problem(self) -> str:
        """Why the last publish failed; empty when it did not."""
        return "closed" if self._closed else self._problem

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
