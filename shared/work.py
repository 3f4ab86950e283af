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
from shared.failpoints import reached
from shared.ids import new_id
from shared.logging import get
from shared.news import News

log = get(__name__)

LONGEST_AGGREGATE = 200  # what the outbox, the inbox and parked events have room for


class Work:
    """What one request, message or command does: all of it happens, or none."""

    def __init__(self, session: Session, source: str) -> None:
        self.session = session
        self.said: list[Event] = []
        self._source = source
        self._rows: list[dict[str, Any]] = []
        self.relay_has_news = False
        self.news: set[str] = set()
        self._after_commit: list[Callable[[], None]] = []

    def publish(self, event: Event, *, later: bool = False) -> None:
        """Say that this happened. It is stored with the change and sent after the commit.

        `later` sends it behind all that is live: for what is said again, not for what is new.
        Raises EventTooLarge above 256 KiB: such things travel as a reference (shared.claims).
        """
        envelope = Envelope.around(
            event, id=str(new_id()), source=self._source, time=clock.now(), by=context.current()
        )
        self._rows.append(_row(envelope, round_=1 if later else 0))
        self.said.append(event)
        self.relay_has_news = True

    def wake_relay(self) -> None:
        """Let the relay look as soon as this is committed, although nothing new was said."""
        self.relay_has_news = True

    def wake_who_awaits(self, name: str) -> None:
        """Let those of this process who wait for news of `name` look once this is committed."""
        self.news.add(name)

    def after_commit(self, act: Callable[[], None]) -> None:
        """Do this once everything is durable; it is forgotten if the work fails."""
        self._after_commit.append(act)

    def rows_to_send(self) -> list[dict[str, Any]]:
        """The outbox rows of what was said."""
        return self._rows

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
        self.news = News()

    @contextmanager
    def begin(self) -> Iterator[Work]:
        """Commit on a clean exit; roll back, and forget all that was said, on an exception."""
        with self._database.writer() as session:
            work = Work(session, self._source)
            yield work
            self._write_down(work)
            reached("work.before_commit")
            session.commit()
        reached("work.after_commit")
        if work.relay_has_news:
            self._bell.ring()
        if work.news:
            self.news.tell(work.news)
        work.finished()

    @contextmanager
    def read(self) -> Iterator[Work]:
        """Look, and change nothing."""
        with self._database.reader() as session:
            yield Work(session, self._source)

    def _write_down(self, work: Work) -> None:
        rows = work.rows_to_send()
        if rows:
            work.session.flush()
            work.session.execute(insert(self._outbox), rows)
        if work.relay_has_news and self._bell.channel:
            work.session.execute(text(f"NOTIFY {self._bell.channel}"))


def _row(envelope: Envelope, *, round_: int) -> dict[str, Any]:
    body = envelope.to_json()
    if len(body) > WARN_ABOVE:
        _object_to(envelope, len(body))
    if len(envelope.aggregate) > LONGEST_AGGREGATE:
        raise EventTooLarge(
            f"{envelope.type} is about {envelope.subject[:80]!r}…; the name of what an event is "
            f"about has at most {LONGEST_AGGREGATE} characters, its source included."
        )
    return {
        "id": envelope.id,
        "type": envelope.type,
        "aggregate": envelope.aggregate,
        "version": envelope.version,
        "correlation": envelope.correlation,
        "body": body.decode(),
        "created_at": envelope.time,
        "attempts": 0,
        "round": round_,
    }


def _object_to(envelope: Envelope, size: int) -> None:
    if size > REFUSE_ABOVE:
        raise EventTooLarge(
            f"{envelope.type} about {envelope.subject[:80]!r} has {size:,} bytes; at most "
            f"{REFUSE_ABOVE:,} travel. Keep what is large in the uploads and send a "
            "shared.claims.Claim of it, or split the event."
        )
    log.warning("large event", type=envelope.type, subject=envelope.subject[:80], bytes=size)
