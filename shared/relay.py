"""Outbox → bus: oldest first, confirmed, at most one unconfirmed event per aggregate.

Rows are chosen by state, never by "id greater than the last one": commit order is not id order.
A crash between the bus's confirm and our mark sends an event twice, with the same id.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import delete, select, update

from shared import clock
from shared.bus.protocol import Bus, Message, Outcome, Publisher
from shared.lease import Lease
from shared.logging import get
from shared.service import Service
from shared.work import Work

log = get(__name__)

BATCH = 200
LOOK_ANYWAY = 3.0  # seconds between looks when nobody rings
LONGEST_BACKOFF = 15.0
PURGE_BATCH = 1000


class Waiting(NamedTuple):
    """An outbox row that is to be sent."""

    seq: int
    id: str
    type: str
    aggregate: str
    body: str
    attempts: int = 0


class Relay:
    """Sends what one service has said. Only one relay per database is active at a time."""

    def __init__(self, service: Service, bus: Bus) -> None:
        self._service = service
        self._outbox = service.tables.outbox
        # Built once: building a statement costs more than running this one.
        self._what_waits = (
            select(*(getattr(self._outbox, name) for name in Waiting._fields))
            .where(self._outbox.published_at.is_(None))
            .order_by(self._outbox.seq)
            .limit(BATCH)
        )
        self._publisher: Publisher = bus.publisher()
        self.caught_up = threading.Event()  # what waited when we started has been sent
        self._lease = Lease(service.database, f"{service.name}-relay")

    def run(self, stop: threading.Event) -> None:
        """Send until told to stop; a bus or database that is away is waited for."""
        rang, bell = self._service.bell.listener(), self._service.bell
        backoff = 0.0
        while not stop.is_set():
            rang.clear()
            try:
                bell.answered_here = self._lease.held()
                sent = self.send_waiting() if bell.answered_here else 0
                backoff = 0.0 if sent is not None else min(backoff * 2 + 0.2, LONGEST_BACKOFF)
            except Exception:
                log.exception("relay failed")
                backoff = min(backoff * 2 + 0.2, LONGEST_BACKOFF)
            if backoff:
                stop.wait(backoff)
            elif not sent:
                self.caught_up.set()
                rang.wait(LOOK_ANYWAY)
        self._lease.release()
        self._publisher.close()

    def send_waiting(self) -> int | None:
        """Send one batch; how many went, or None if the bus did not take one of them."""
        with self._service.transactions.read() as work:
            rows = work.session.execute(self._what_waits).all()
        waiting = [Waiting(*row) for row in rows]
        for wave in waves(waiting):
            if not self._send(wave):
                return None
        return len(waiting)

    def purge(self) -> int:
        """Forget sent events that are older than the replay horizon, a small batch at a time."""
        horizon = clock.now() - timedelta(days=self._service.settings.outbox_keep_days)
        with self._service.transactions.begin() as work:
            old = (
                select(self._outbox.seq)
                .where(self._outbox.published_at < horizon)
                .limit(PURGE_BATCH)
            )
            done = work.session.execute(delete(self._outbox).where(self._outbox.seq.in_(old)))
        return int(done.rowcount)  # type: ignore[attr-defined]  # CursorResult for DML

    def _send(self, wave: Sequence[Waiting]) -> bool:
        messages = [Message(row.id, row.type, row.body.encode()) for row in wave]
        outcomes = self._publisher.publish(messages)
        sent = [row for row, said in zip(wave, outcomes, strict=True) if _arrived(said)]
        failed = [row for row, said in zip(wave, outcomes, strict=True) if not _arrived(said)]
        with self._service.transactions.begin() as work:
            self._mark(work, sent)
            if failed:
                work.session.execute(
                    update(self._outbox)
                    .where(self._outbox.seq.in_([row.seq for row in failed]))
                    .values(attempts=self._outbox.attempts + 1)
                )
                log.warning("the bus did not take events", count=len(failed), first=failed[0].type)
        return not failed

    def _mark(self, work: Work, sent: Sequence[Waiting]) -> None:
        """Note what the bus has; what was asked for again while we sent it goes once more."""
        for attempts in {row.attempts for row in sent}:
            seqs = [row.seq for row in sent if row.attempts == attempts]
            work.session.execute(
                update(self._outbox)
                .where(self._outbox.seq.in_(seqs), self._outbox.attempts == attempts)
                .values(published_at=clock.now())
            )


def waves(waiting: Sequence[Waiting]) -> Iterator[list[Waiting]]:
    """Split a batch so that no wave holds two events of one aggregate."""
    rest = list(waiting)
    while rest:
        wave: list[Waiting] = []
        later: list[Waiting] = []
        seen: set[str] = set()
        for row in rest:
            (later if row.aggregate in seen else wave).append(row)
            seen.add(row.aggregate)
        yield wave
        rest = later


def _arrived(outcome: Outcome) -> bool:
    return outcome is Outcome.CONFIRMED
