"""One event, or a backlog of them, in one transaction with the rows that say it was heard."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import Executable, bindparam, literal, select
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from shared import clock, replay, replay_requests
from shared.bus.protocol import Message
from shared.consuming.failures import Fault, fault_of, told
from shared.consuming.figures import count, count_applied
from shared.consuming.hand import Hand
from shared.consuming.heard import Heard, Raw
from shared.consuming.parking import Parking
from shared.events import BadEnvelope
from shared.failpoints import reached
from shared.logging import get
from shared.service import Service
from shared.work import Work

log = get(__name__)

QUICK_TRIES = 2
MOST_CLASHES = 10
LEASE = 15.0  # seconds after which a try that never came back may be followed by another
IN_HAND = "is being handled, and others wait behind it"
COLUMNS = ("event_id", "type", "aggregate", "version", "correlation", "received_at")
WAITS_BEHIND = "waits for an earlier event"


class DatabaseAway(Exception):
    """Our database cannot be used: nothing happened, nothing counts, nothing is acknowledged."""


class ReturnedTooOften(Exception):
    """The bus put it aside."""


class Handling:
    """Lets events take effect, each once: the row in the inbox and the effect are one commit."""

    def __init__(self, service: Service, parking: Parking) -> None:
        self._service = service
        self._handlers = service.handlers
        self._parking = parking
        table = service.tables.inbox.__table__
        make = pg_insert if service.database.on_postgresql else sqlite_insert
        self._note: Executable = make(table).on_conflict_do_nothing().returning(table.c.event_id)
        columns = [table.c[name] for name in COLUMNS]
        row = select(*(bindparam(column.name, type_=column.type) for column in columns))
        self._note_if_its_turn: Executable = (
            make(table)
            .from_select(columns, row.where(~parking.one_waits.exists()), include_defaults=False)
            .on_conflict_do_nothing()
            .returning(literal(1))
        )

    def concerns_us(self, type_: str) -> bool:
        """Whether we do anything about this type; others pass by, for another release of ours."""
        return type_ in self._handlers or type_ in replay_requests.TYPES

    def reads(self, type_: str) -> bool:
        """Whether we read this very version of it."""
        return self._handlers.reads(type_) or type_ in replay_requests.TYPES

    def pass_by(self, heard: Heard) -> None:
        """Leave what we do not read to another release of ours. Raises DatabaseAway.

        A later version of what we read, which no release of ours has ever asked for, is a letter.
        """
        type_, inbox = heard.envelope.type, self._service.tables.inbox
        with self._or_away(), self._service.transactions.begin() as work:
            for_others = replay.note_passing_by(work, inbox, type_)
        if for_others or not self.concerns_us(type_):
            count("ignored")
        else:
            self.alone(heard)

    def together(self, hand: Hand) -> set[str]:
        """Handle these in one transaction; whatever fails fails all, and nothing has happened.

        Returns the aggregates whose events it left alone, because earlier ones wait.
        """
        backlog = [each.heard for each in hand.items if each.heard]
        begun = time.perf_counter()
        with self._service.transactions.begin() as work, self._in(hand, work):
            lines = self._lines(work, backlog)
            ours = [each for each in backlog if each.envelope.aggregate not in lines]
            fresh = self._note_heard(work, ours)
            applied = [each for each in ours if _taken(fresh, each.envelope.id)]
            for each in applied:
                hand.begins(each)
                with each.at_hand():
                    self._call(work, each)
        count("duplicate", len(ours) - len(applied))
        count_applied(applied, time.perf_counter() - begun)
        return lines

    def alone(self, heard: Heard, hand: Hand | None = None) -> bool:
        """Handle one event; what fails is parked, and then it is false. Raises DatabaseAway only.

        In a `hand` that had its turn it need not look for earlier events that wait: there are none.
        """
        tries = clashes = 0
        while True:
            try:
                with heard.at_hand():
                    return self._once(heard, hand)
            except Exception as error:
                fault = fault_of(error, self._service.database)
                if fault is Fault.DATABASE:
                    raise DatabaseAway(str(error)) from error
                if fault is Fault.CLASH and clashes < MOST_CLASHES:
                    clashes += 1
                    time.sleep(random.uniform(0, 0.01) * clashes)
                    continue
                tries += 1
                if fault is Fault.EVENT:
                    self.bury(heard.raw, error, heard, attempts=tries)
                    return False  # where it stands in a line, it dies there
                if tries == QUICK_TRIES:
                    self._park(heard, error)
                    return False

    def line_up(self, in_hand: Sequence[Heard], behind: Heard) -> None:
        """Park an event behind those that a lane has in hand. Raises DatabaseAway.

        They get their places in the line first; should our process end, they are tried from there.
        """
        with self._or_away(), self._service.transactions.begin() as work:
            for each in in_hand:
                self._parking.park(work, each, IN_HAND, attempts=0, delay=LEASE)
            self._parking.park(work, behind, WAITS_BEHIND, attempts=0)
        count("parked")

    def leave_line(self, heard: Heard) -> None:
        """It took effect while its successors waited behind it. Raises DatabaseAway."""
        with self._or_away(), self._service.transactions.begin() as work:
            self._parking.forget(work, heard.envelope.id)

    def apply(self, work: Work, heard: Heard) -> bool:
        """Let it take effect in this work; false if it has done so before."""
        if not self._note_heard(work, [heard]):
            return False
        self._call(work, heard)
        return True

    def set_aside(self, heard: Heard, why: str) -> None:
        """Park it untried: it may be what ended our process. Raises DatabaseAway."""
        with self._or_away(), self._service.transactions.begin() as work:
            self._parking.park(work, heard, why, attempts=0)
        log.warning("event set aside", id=heard.envelope.id, reason=why)
        count("parked")

    def bury(
        self, raw: Raw, error: Exception, heard: Heard | None = None, *, attempts: int = 1
    ) -> None:
        """Keep it as a dead letter. Raises DatabaseAway."""
        log.error("dead letter", reason=str(error), id=raw.id)
        with self._or_away(), self._service.transactions.begin() as work:
            self._parking.bury(work, raw, told(error), heard, attempts)
        count("dead")

    def bury_returned(self, message: Message) -> None:
        """Keep as a dead letter what the bus gave up on. Raises DatabaseAway."""
        raw = Raw.sent_as(message)
        try:
            heard: Heard | None = Heard.read(raw)
        except BadEnvelope:
            heard = None
        error = ReturnedTooOften("Its consumers went away with it so often that the bus gave up.")
        self.bury(raw, error, heard, attempts=0)

    def _once(self, heard: Heard, hand: Hand | None) -> bool:
        begun, has_turn = time.perf_counter(), hand is not None and hand.had_turn
        with self._service.transactions.begin() as work:
            applied = waits = False
            if not has_turn and self._note_alone(work, heard):
                applied = True
                if hand is not None:
                    hand.begins(heard)
                self._call(work, heard)
            elif not has_turn and self._parking.waits(work, heard.envelope.aggregate):
                waits = True
                self._parking.park(work, heard, WAITS_BEHIND, attempts=0)
            else:  # a line that was there may have ended since: only the inbox knows a duplicate
                applied = self.apply(work, heard)
        if applied:
            count_applied([heard], time.perf_counter() - begun)
        else:
            count("parked" if waits else "duplicate")
        return not waits

    @contextmanager
    def _in(self, hand: Hand, work: Work) -> Iterator[None]:
        """Until the commit, another thread may take these events over."""
        try:
            hand.holds(work, self._service.database)
            yield
            hand.closes()
        except BaseException:
            hand.lets_go()
            raise

    def _park(self, heard: Heard, error: Exception) -> None:
        envelope = heard.envelope
        log.warning("event parked", type=envelope.type, event_id=envelope.id, exc_info=error)
        with self._or_away(), self._service.transactions.begin() as work:
            self._parking.park(work, heard, told(error), attempts=1)
        count("parked")

    def _lines(self, work: Work, backlog: Sequence[Heard]) -> set[str]:
        if not self._parking.any_waits(work):
            return set()
        return self._parking.waiting_among(work, {each.envelope.aggregate for each in backlog})

    def _note_heard(self, work: Work, events: Sequence[Heard]) -> set[str]:
        """Write the inbox rows; the ids of those that were not there yet.

        On PostgreSQL a parallel twin waits here until the first has committed or rolled back. The
        rows go in by id, so that two backlogs with the same events cannot block each other.
        """
        now = _time_of_effect(work)  # one for all: by id is not the order of their effects
        rows = [_row(each, now) for each in sorted(events, key=lambda each: each.envelope.id)]
        return set(work.session.scalars(self._note, rows)) if rows else set()

    def _note_alone(self, work: Work, heard: Heard) -> bool:
        """Write one inbox row; false if it was there, or an earlier event of its aggregate waits.

        Asking for both at once saves every event a round trip to the database.
        """
        row = _row(heard, _time_of_effect(work))
        return work.session.execute(self._note_if_its_turn, row).first() is not None

    def _call(self, work: Work, heard: Heard) -> None:
        reached("consumer.after_inbox", heard.envelope.id)
        if heard.envelope.type in replay_requests.TYPES:
            replay.answer(work, self._service, heard.envelope)
        else:
            self._handlers.call(work, heard.envelope)

    @contextmanager
    def _or_away(self) -> Iterator[None]:
        """What cannot even be written down stays in its queue."""
        try:
            yield
        except Exception as error:
            raise DatabaseAway(str(error)) from error


def _time_of_effect(work: Work) -> datetime:
    """The time, once this work has begun: on SQLite that waits until all earlier ones are over."""
    work.session.connection()
    return clock.now()


def _row(heard: Heard, at: datetime) -> dict[str, object]:
    envelope = heard.envelope
    return {
        "event_id": envelope.id,
        "type": envelope.type,
        "aggregate": envelope.aggregate,
        "version": envelope.version,
        "correlation": envelope.correlation,
        "received_at": at,
    }


def _taken(ids: set[str], id_: str) -> bool:
    """Take the id out of the set: the second of two with the same id in one backlog is a twin."""
    if id_ not in ids:
        return False
    ids.remove(id_)
    return True
