"""The table of events that could not take effect yet, or never will: SQL only, no decisions."""

from __future__ import annotations

import threading
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import bindparam, delete, exists, func, literal, select, update

from shared.consuming.heard import Heard, Raw
from shared.database import database_now, insert_if_absent, rows_changed
from shared.dead_letters import APPLIED, REDRIVEN
from shared.service import Service
from shared.work import Work

FIRST_DELAY = 1.0
AT_ONCE = 50  # parked events that one look takes


class Due(NamedTuple):
    """A parked event whose turn it is."""

    seq: int
    event_id: str
    aggregate: str
    body: str
    headers: str
    attempts: int
    error: str
    settled_at: datetime | None
    settled_how: str


class Parking:
    """One service's `parked_events`. Statements are built once: building costs more than running.

    An aggregate's waiting events form a line by `seq`; only the first may be tried. Dead letters
    stand in no line.
    """

    def __init__(self, service: Service) -> None:
        self.rang = threading.Event()  # something was parked, or it is time to stop
        parked = self.rows = service.tables.parked
        self._table = parked.__table__
        waits = parked.dead_at.is_(None)
        self.one_waits = select(literal(1)).where(parked.aggregate == bindparam("aggregate"), waits)
        self._any_waits = select(literal(1)).where(waits).limit(1)
        self._which_wait = select(parked.aggregate).where(
            parked.aggregate.in_(bindparam("aggregates", expanding=True)), waits
        )
        earlier = select(parked.aggregate, parked.seq).where(waits).subquery()
        behind = exists().where(earlier.c.aggregate == parked.aggregate, earlier.c.seq < parked.seq)
        self._next = select(func.min(parked.next_try_at)).where(waits, ~behind)
        self._due = (
            select(*(getattr(parked, name) for name in Due._fields))
            .where(waits, parked.next_try_at <= bindparam("now"), ~behind)
            .order_by(parked.seq)
            .limit(AT_ONCE)
        )

    def next_look(self, work: Work) -> datetime | None:
        """When the next parked event is due; None if nothing waits."""
        found: datetime | None = work.session.scalar(self._next)
        return found

    def waits(self, work: Work, aggregate: str) -> bool:
        """Whether an event of this aggregate waits, so that later ones line up behind it."""
        found = work.session.execute(self.one_waits, {"aggregate": aggregate})
        return found.first() is not None

    def any_waits(self, work: Work) -> bool:
        """Whether anything waits."""
        return work.session.execute(self._any_waits).first() is not None

    def waiting_among(self, work: Work, aggregates: Collection[str]) -> set[str]:
        """Those of these aggregates that have a line."""
        asked = {"aggregates": sorted(aggregates)}
        return set(work.session.scalars(self._which_wait, asked)) if aggregates else set()

    def park(
        self, work: Work, heard: Heard, error: str, *, attempts: int, delay: float | None = None
    ) -> None:
        """Put the event at the end of its aggregate's line; no attempts: it only waits there."""
        row = self._row(work, heard) | {"error": error, "attempts": attempts}
        seconds = (FIRST_DELAY if attempts else 0) if delay is None else delay
        row["next_try_at"] = row["parked_at"] + timedelta(seconds=seconds)
        row["failed_at"] = row["parked_at"] if attempts else None
        if not insert_if_absent(work.session, self._table, row):
            self._note_again(work, heard.envelope.id, error, attempts)
        work.after_commit(self.rang.set)

    def bury(self, work: Work, raw: Raw, error: str, heard: Heard | None, attempts: int) -> None:
        """Keep the event as a dead letter. What waits in a line keeps its place in the table."""
        now = database_now(work.session)
        row = self._row(work, heard) if heard else _row_of_unreadable(work, raw)
        died = {"error": error, "attempts": attempts, "failed_at": now, "dead_at": now}
        if not insert_if_absent(work.session, self._table, row | died):
            self._note_again(work, row["event_id"], error, attempts)

    def forget(self, work: Work, event_id: str) -> None:
        """Take this event out of its line, if it stands in one."""
        parked = self.rows
        _hit(work, delete(parked).where(parked.event_id == event_id, parked.dead_at.is_(None)))
        work.after_commit(self.rang.set)

    def due(self, work: Work) -> list[Due]:
        """The first of each line, if its time has come."""
        return [
            Due(*row)
            for row in work.session.execute(self._due, {"now": database_now(work.session)})
        ]

    def change(self, work: Work, due: Due, **values: Any) -> bool:
        """Set these columns, unless another process has changed the row meanwhile."""
        return self._change(work, due, self.rows.seq == due.seq, values)

    def begin(self, work: Work, due: Due, **values: Any) -> bool:
        """Set these columns, unless another process tries it: who does holds the row meanwhile.

        Whoever waited for that would take a try that came back for one that never did.
        """
        parked = self.rows
        free = select(parked.seq).where(parked.seq == due.seq).with_for_update(skip_locked=True)
        return self._change(work, due, parked.seq.in_(free), values)

    def settle(self, work: Work, due: Due) -> bool:
        """It takes effect now: out of the line. One that was dead stays, as the record of it."""
        if due.settled_how == REDRIVEN:
            how = {
                "settled_how": APPLIED,
                "settled_at": database_now(work.session),
                "dead_at": due.settled_at,
            }
            return self.change(work, due, **how)
        parked = self.rows
        return _hit(work, delete(parked).where(parked.seq == due.seq, parked.dead_at.is_(None)))

    def _change(self, work: Work, due: Due, which: Any, values: dict[str, Any]) -> bool:
        parked = self.rows
        same = (which, parked.attempts == due.attempts, parked.dead_at.is_(None))
        return _hit(work, update(parked).where(*same).values(**values))

    def _note_again(self, work: Work, event_id: str, error: str, attempts: int) -> None:
        """It is here already. If it was settled and forgotten by the inbox, it is open again."""
        if not attempts:
            return
        parked = self.rows
        known = update(parked).where(parked.event_id == event_id)
        again = {"failed_at": database_now(work.session), "error": error}
        _hit(
            work,
            known.where(parked.dead_at.is_not(None), parked.settled_at.is_(None)).values(**again),
        )
        reopened = {"settled_at": None, "settled_how": ""}
        _hit(work, known.where(parked.settled_how == APPLIED).values(**again, **reopened))
        untried = (parked.dead_at.is_(None), parked.attempts == 0)
        _hit(work, known.where(*untried).values(**again, attempts=attempts))

    def _row(self, work: Work, heard: Heard) -> dict[str, Any]:
        envelope, now = heard.envelope, database_now(work.session)
        body, headers = heard.raw.as_text()
        return {
            "event_id": envelope.id,
            "type": envelope.type,
            "aggregate": envelope.aggregate,
            "version": envelope.version,
            "correlation": envelope.correlation,
            "body": body,
            "headers": headers,
            "parked_at": now,
            "next_try_at": now,
            "failed_at": None,
            "dead_at": None,
        }


def _row_of_unreadable(work: Work, raw: Raw) -> dict[str, Any]:
    body, headers = raw.as_text()
    now = database_now(work.session)
    return {
        "event_id": raw.name,
        "type": "",
        "aggregate": "",
        "body": body,
        "headers": headers,
        "parked_at": now,
        "next_try_at": now,
    }


def _hit(work: Work, statement: Any) -> bool:
    return rows_changed(work.session, statement) > 0
