"""Questions to the bus file: what a queue holds, what is there, what is missing."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from shared.bus.embedded import queues
from shared.bus.embedded.store import Store
from shared.bus.protocol import BusAway, Message, QueueState
from shared.bus.topology import Difference


class EmbeddedTopologist:
    """Compares one queue and its bindings with what the file holds."""

    def __init__(self, store: Store, queue: str, types: Sequence[str]) -> None:
        self._store = store
        self._queue = queue
        self._types = tuple(types)

    def diff(self) -> list[Difference]:
        """The queue or the bindings that are not there."""
        with asking(), self._store.reading() as db:
            found = queues.find_queue(db, self._queue)
            unbound = queues.unbound(db, found, self._types)
        if not found:
            return [Difference(f"queue {self._queue}", "queue", "absent")]
        leads = f"leads to {self._queue}"
        return [Difference(f"binding of {type_}", leads, "absent") for type_ in unbound]

    def apply(self) -> list[Difference]:
        """Make what is absent; nothing can be otherwise in a file."""
        with asking(), self._store.writing() as db:
            queues.make_queue(db, self._queue, self._types)
        return self.diff()


def inspect(store: Store, queue: str) -> QueueState:
    """What the queue and its queue of the dead hold."""
    with asking(), store.reading() as db:
        found = queues.find_queue(db, queue)
        waiting, claimed, sessions = queues.counts(db, found)
        dead = queues.counts(db, queues.find_queue(db, f"{queue}.dead"))[0]
    return QueueState(waiting, claimed, sessions, dead, exists=bool(found))


def exhume(store: Store, queue: str, keep: Callable[[Message], None]) -> int:
    """Hand over what lies in the queue of the dead; it is removed once all of it is kept."""
    with asking(), store.reading() as db:
        grave = queues.find_queue(db, f"{queue}.dead")
        dead = queues.held(db, grave)
    for _, message in dead:
        keep(message)
    if dead:
        with asking(), store.writing() as db:
            queues.remove(db, grave, [seq for seq, _ in dead])
    return len(dead)


@contextmanager
def asking() -> Iterator[None]:
    """Whatever is wrong with the file raises BusAway."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise BusAway(f"the bus file cannot be used: {error}") from error
