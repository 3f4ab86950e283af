"""The unit of work: one session, what is said in it, and the only place that commits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from shared import clock, context
from shared.bell import Bell
from shared.database import Database
from shared.events import REFUSE_ABOVE, WARN_ABOVE, Envelope, Event, EventTooLarge
from shared.ids import new_id
from shared.logging import get

log = get(__name__)


class Work:
    """What one request, message or command does: all of it happens, or none."""

    def __init__(self, session: Session, source: str) -> None:
        self.session = session
        self.said: list[Event] = []
        self._source = source
        self._envelopes: list[Envelope] = []
        self._after_commit: list[Callable[[], None]] = []

    def publish(self, event: Event) -> None:
        """Say that this happened. It is stored with the change and sent after the commit.

        Raises EventTooLarge above 256 KiB: such things travel as a reference.
        """
        envelope = Envelope.around(
            event, id=str(new_id()), source=self._source, time=clock.now(), by=context.current()
        )
        self._envelopes.append(envelope)
        self.said.append(event)

    def after_commit(self, act: Callable[[], None]) -> None:
        """Do this once everything is durable; it is forgotten if the work fails."""
        self._after_commit.append(act)

    def rows_to_send(self) -> list[dict[str, Any]]:
        """The outbox rows of what was said."""
        return [_row(envelope) for envelope in self._envelopes]

    def finished(self) -> None:
        """Run what waited for the commit."""
        for act in self._after_commit:
            act()


class Transactions:
    """Opens units of work on one service's database."""

    def __init__(self, database: Database, *, source: str, outbox: Any, bell: Bell) -> None:
        self._database = database
        self._source = source
        self._outbox = outbox.__table__
        self._bell = bell

    @contextmanager
    def begin(self) -> Iterator[Work]:
        """Commit on a clean exit; roll back, and forget all that was said, on an exception."""
        with self._database.writer() as session:
            work = Work(session, self._source)
            yield work
            self._write_down(work)
            session.commit()
        if work.said:
            self._bell.ring()
        work.finished()

    @contextmanager
    def read(self) -> Iterator[Work]:
        """Look, and change nothing."""
        with self._database.reader() as session:
            yield Work(session, self._source)

    def _write_down(self, work: Work) -> None:
        rows = work.rows_to_send()
        if not rows:
            return
        work.session.flush()
        work.session.execute(insert(self._outbox), rows)
        if self._bell.channel:
            work.session.execute(text(f"NOTIFY {self._bell.channel}"))


def _row(envelope: Envelope) -> dict[str, Any]:
    body = envelope.to_json()
    if len(body) > REFUSE_ABOVE:
        raise EventTooLarge(f"{envelope.type} is {len(body)} bytes; at most {REFUSE_ABOVE} travel.")
    if len(body) > WARN_ABOVE:
        log.warning("large event", type=envelope.type, bytes=len(body))
    return {
        "id": envelope.id,
        "type": envelope.type,
        "aggregate": envelope.aggregate,
        "body": body.decode(),
        "created_at": envelope.time,
        "attempts": 0,
    }
