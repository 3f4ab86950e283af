"""What keeps the receiving side small: heard events are forgotten, long after any replay."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import Select, delete, select

from shared.database import database_now, rows_changed
from shared.replay import MARK
from shared.service import Service
from shared.work import Work

PURGE_BATCH = 1000


def purge(service: Service, *, batch: int = PURGE_BATCH) -> int:
    """Forget one small batch of what nobody can send again; 0 when nothing is left.

    The marks that tell what we listen to stay, and so does the record of open dead letters.
    """
    inbox, parked = service.tables.inbox, service.tables.parked
    with service.transactions.begin() as work:
        horizon = database_now(work.session) - timedelta(days=service.settings.inbox_keep_days)
        heard = select(inbox.event_id).where(
            inbox.received_at < horizon, inbox.event_id.not_like(f"{MARK}%")
        )
        settled = select(parked.seq).where(parked.settled_at < horizon, parked.dead_at.is_not(None))
        done = _delete(work, inbox, inbox.event_id, heard.limit(batch))
        done += _delete(work, parked, parked.seq, settled.limit(batch))
    return done


def _delete(work: Work, rows: Any, key: Any, chosen: Select[Any]) -> int:
    return rows_changed(work.session, delete(rows).where(key.in_(chosen)))
