"""Bus → handler: each event takes effect once, in one transaction, and is acknowledged after it.

An event whose handler fails is parked in our own database and acknowledged: the queue moves on,
later events of the same aggregate line up behind it, and it is tried again with growing delays.
What cannot ever be read is kept as a dead letter.
"""

from __future__ import annotations

import threading
from datetime import timedelta

from sqlalchemy import bindparam, delete, exists, literal, select, update
from sqlalchemy.exc import DBAPIError

from shared import clock, context
from shared.bus.protocol import Bus, Delivery, Subscription
from shared.database import insert_if_absent
from shared.events import BadEnvelope, Envelope, read_as
from shared.ids import new_id
from shared.logging import get
from shared.replay import ReplayRequested, ask_for_what_we_missed, send_again
from shared.service import Service
from shared.work import Work

log = get(__name__)

QUICK_TRIES = 2
MOST_TRIES = 10
LONGEST_DELAY = 300.0
PATIENCE = 1.0  # seconds one receive waits; stopping takes at most this long


class Consumer:
    """Works one service's queue."""

    def __init__(self, service: Service, bus: Bus) -> None:
        self._service = service
        self._handlers = service.handlers
        self._inbox = service.tables.inbox
        self._parked = service.tables.parked
        self._inbox_table = service.tables.inbox.__table__
        parked = service.tables.parked
        self._waits_already = select(literal(1)).where(
            parked.aggregate == bindparam("aggregate"), parked.dead_at.is_(None)
        )
        earlier = select(parked.aggregate, parked.seq).where(parked.dead_at.is_(None)).subquery()
        behind = exists().where(earlier.c.aggregate == parked.aggregate, earlier.c.seq < parked.seq)
        self._due = (
            select(parked.seq, parked.body)
            .where(parked.dead_at.is_(None), parked.next_try_at <= bindparam("now"), ~behind)
            .order_by(parked.seq)
            .limit(50)
        )
        self._bus = bus
        self._subscription: Subscription | None = None

    def healthy(self) -> bool:
        """Whether events reach us."""
        return self._subscription is not None and self._subscription.healthy()

    def run(self, stop: threading.Event) -> None:
        """Handle events until told to stop; what is in hand is finished, the rest given back."""
        types = [*self._handlers.types, ReplayRequested.TYPE]
        subscription = self._subscription = self._bus.subscribe(self._service.name, types)
        while not (stop.is_set() or self._asked_for_what_we_missed()):
            stop.wait(1.0)
        while not stop.is_set():
            batch = subscription.receive(PATIENCE)
            done = len(batch) if self._take_together(batch) else 0
            for delivery in batch[:done]:
                subscription.ack(delivery)
            for at, delivery in enumerate(batch[done:], start=done):
                if stop.is_set() or not self._take(delivery):
                    # All that follow go back with it, or they would overtake it.
                    for each in batch[at:]:
                        subscription.release(each)
                    stop.wait(1.0)
                    break
                subscription.ack(delivery)
        subscription.close()

    def _asked_for_what_we_missed(self) -> bool:
        try:
            with self._service.transactions.begin() as work:
                ask_for_what_we_missed(work, self._inbox, self._service.name, self._handlers.types)
        except DBAPIError as error:
            log.error("database unavailable; nothing is heard yet", reason=str(error.orig))
            return False
        return True

    def _take_together(self, batch: list[Delivery]) -> bool:
        """Handle a backlog in one transaction; if anything in it fails, nothing has happened."""
        if len(batch) < 2:
            return False
        try:
            envelopes = [Envelope.from_json(each.message.body) for each in batch]
            with self._service.transactions.begin() as work:
                for envelope in envelopes:
                    if self._must_queue_up(work, envelope):
                        raise BadEnvelope("an earlier event is parked")
                    with context.entered(_caused_by(envelope)):
                        self._apply(work, envelope)
        except Exception as error:
            log.info("events are handled one by one", count=len(batch), reason=repr(error))
            return False
        return True

    def _take(self, delivery: Delivery) -> bool:
        try:
            self.handle(delivery.message.body)
        except DBAPIError as error:
            # Our database is away: that is no fault of the event, so it stays in its queue.
            log.error("database unavailable; events left in their queue", reason=str(error.orig))
            return False
        except Exception:
            log.exception("event could not even be parked; left in its queue")
            return False
        return True

    def handle(self, body: bytes) -> None:
        """Let one event take effect, once; or park it. Raises only when the database is away."""
        try:
            envelope = Envelope.from_json(body)
        except BadEnvelope as error:
            self._bury(body, str(error))
            return
        with context.entered(_caused_by(envelope)):
            self._handle(envelope, body)

    def _handle(self, envelope: Envelope, body: bytes) -> None:
        failure: Exception | None = None
        for _ in range(QUICK_TRIES):
            try:
                with self._service.transactions.begin() as work:
                    if self._must_queue_up(work, envelope):
                        self._park(work, envelope, body, "waits for an earlier event")
                    else:
                        self._apply(work, envelope)
                return
            except BadEnvelope as error:
                self._bury(body, str(error), envelope)
                return
            except Exception as error:
                if isinstance(error, DBAPIError) and not self._service.database.answers():
                    raise
                failure = error
        log.warning("event parked", type=envelope.type, event_id=envelope.id, exc_info=failure)
        with self._service.transactions.begin() as work:
            self._park(work, envelope, body, repr(failure))

    def _apply(self, work: Work, envelope: Envelope) -> None:
        if envelope.type not in self._handlers and envelope.type != ReplayRequested.TYPE:
            return
        row = {"event_id": envelope.id, "type": envelope.type, "received_at": clock.now()}
        if insert_if_absent(work.session, self._inbox_table, row):
            if envelope.type == ReplayRequested.TYPE:
                send_again(work, self._service.tables.outbox, read_as(envelope, ReplayRequested))
                work.after_commit(self._service.bell.ring)
            else:
                self._handlers.call(work, envelope)
        else:
            log.info("duplicate ignored", type=envelope.type, event_id=envelope.id)

    def retry_parked(self) -> int:
        """Try again what is due: the first parked event of each aggregate. How many were tried."""
        with self._service.transactions.read() as work:
            due = work.session.execute(self._due, {"now": clock.now()}).all()
        for row in due:
            self._try_again(row.seq, row.body.encode())
        return len(due)

    def _try_again(self, seq: int, body: bytes) -> None:
        envelope = Envelope.from_json(body)
        parked = self._parked
        with context.entered(_caused_by(envelope)):
            try:
                with self._service.transactions.begin() as work:
                    gone = work.session.execute(delete(parked).where(parked.seq == seq))
                    if gone.rowcount:  # type: ignore[attr-defined]  # CursorResult for DML
                        self._apply(work, envelope)
            except Exception as error:
                log.warning("parked event failed again", type=envelope.type, exc_info=error)
                with self._service.transactions.begin() as work:
                    self._postpone(work, seq, error)

    def _postpone(self, work: Work, seq: int, error: Exception) -> None:
        parked, now = self._parked, clock.now()
        tries = work.session.scalar(select(parked.attempts).where(parked.seq == seq)) or 0
        delay = timedelta(seconds=min(2.0**tries, LONGEST_DELAY))
        hopeless = isinstance(error, BadEnvelope) or tries + 1 >= MOST_TRIES
        work.session.execute(
            update(parked)
            .where(parked.seq == seq)
            .values(
                attempts=tries + 1,
                error=repr(error),
                next_try_at=now + delay,
                dead_at=now if hopeless else None,
            )
        )

    def _must_queue_up(self, work: Work, envelope: Envelope) -> bool:
        found = work.session.execute(self._waits_already, {"aggregate": envelope.aggregate})
        return found.first() is not None

    def _park(self, work: Work, envelope: Envelope, body: bytes, error: str) -> None:
        now = clock.now()
        insert_if_absent(
            work.session,
            self._parked.__table__,
            {
                "event_id": envelope.id,
                "type": envelope.type,
                "aggregate": envelope.aggregate,
                "body": body.decode(),
                "error": error,
                "attempts": 0,
                "parked_at": now,
                "next_try_at": now + timedelta(seconds=1),
            },
        )

    def _bury(self, body: bytes, error: str, envelope: Envelope | None = None) -> None:
        log.error("dead letter", reason=error)
        now = clock.now()
        with self._service.transactions.begin() as work:
            insert_if_absent(
                work.session,
                self._parked.__table__,
                {
                    "event_id": envelope.id if envelope else f"unreadable-{new_id()}",
                    "type": envelope.type if envelope else "",
                    "aggregate": envelope.aggregate if envelope else "",
                    "body": body.decode(errors="replace"),
                    "error": error,
                    "attempts": 1,
                    "parked_at": now,
                    "next_try_at": now,
                    "dead_at": now,
                },
            )


def _caused_by(envelope: Envelope) -> context.Context:
    return context.Context(
        correlation=envelope.correlation,
        traceparent=context.child_of(envelope.traceparent),
        causation=envelope.id,
    )
