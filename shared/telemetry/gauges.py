"""Gauges that mirror tables: read when somebody looks at the figures, and only then.

Each look costs a few small indexed queries. What is counted is counted up to MOST, so that a look
stays cheap when something has gone badly wrong, which is when people look.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select, text
from sqlalchemy.exc import SQLAlchemyError

from shared.database import database_now
from shared.logging import get
from shared.metrics import DEAD, OUTBOX_OLDEST, OUTBOX_STUCK, OUTBOX_WAITING, PARKED
from shared.outbox import WAITS
from shared.service import Service
from shared.work import Work

log = get(__name__)

MOST = 100_000
FRESH_FOR = 1.0  # seconds; two who look at once cost one look

Read = Callable[[Work], None]


class TableGauges:
    """Keeps the gauges of one service as its tables are."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._turn = threading.Lock()
        self._read_at = -math.inf

    def refresh(self) -> None:
        """Read the tables again, unless that was a moment ago. Unknown is NaN, never stale."""
        with self._turn:
            if time.monotonic() - self._read_at < FRESH_FOR:
                return
            try:
                with self._service.transactions.read() as work:
                    self._read(work)
            except SQLAlchemyError as error:
                log.warning("figures of the tables are unknown", reason=str(error))
                for gauge in (OUTBOX_WAITING, OUTBOX_OLDEST, OUTBOX_STUCK, PARKED, DEAD):
                    gauge.set(math.nan)
            self._read_at = time.monotonic()

    def _read(self, work: Work) -> None:
        outbox, parked = self._service.tables.outbox, self._service.tables.parked
        now = database_now(work.session)
        waits, waiting = text(WAITS), parked.dead_at.is_(None)
        OUTBOX_WAITING.set(_count(work, outbox.seq, waits))
        oldest = select(outbox.created_at).where(waits).order_by(outbox.seq).limit(1)
        OUTBOX_OLDEST.set(age(work.session.scalar(oldest), now))
        OUTBOX_STUCK.set(_count(work, outbox.seq, outbox.stuck_at.is_not(None)))
        PARKED.set(_count(work, parked.seq, waiting))
        dead = parked.dead_at.is_not(None) & parked.settled_at.is_(None)
        DEAD.set(_count(work, parked.seq, dead))
        for read in self._service.gauges:
            read(work)


def age(since: datetime | None, now: datetime) -> float:
    """Seconds since then; nought if there is nothing, or a clock is ahead."""
    return max(0.0, (now - since).total_seconds()) if since else 0.0


def _count(work: Work, column: Any, condition: ColumnElement[bool] | Any) -> int:
    some = select(column).where(condition).limit(MOST).subquery()
    return work.session.scalar(select(func.count()).select_from(some)) or 0
