"""What is done by itself: releasing holds whose time is over, forgetting old answers."""

from __future__ import annotations

import time
from datetime import timedelta

from sqlalchemy import delete

from catalog_service.db.models import KeyRow
from catalog_service.db.stock import any_expired
from catalog_service.usecases.holds import expire_holds
from shared import clock
from shared.jobs import Job, hourly
from shared.service import Service

LOOK_EVERY = 5.0


def jobs_of(service: Service, *, keep_keys: timedelta) -> list[Job]:
    """The catalog's chores."""
    return [
        Job("expire-holds", Sweeper(service).run, every=LOOK_EVERY),
        Job("purge-keys", hourly(lambda: purge_keys(service, keep_keys)), every=60.0),
    ]


class Sweeper:
    """Releases expired holds; looks every few seconds at most, however often it is woken."""

    def __init__(self, service: Service) -> None:
        self._transactions = service.transactions
        self._looked = 0.0

    def run(self) -> int:
        """Release what is due, a batch at a time; how many they were."""
        if time.monotonic() - self._looked < LOOK_EVERY:
            return 0
        with self._transactions.read() as work:
            due = any_expired(work)
        if not due:
            self._looked = time.monotonic()
            return 0
        with self._transactions.begin() as work:
            return expire_holds(work)


def purge_keys(service: Service, older: timedelta) -> int:
    """Forget the answers to requests that nobody will repeat any more."""
    with service.transactions.begin() as work:
        gone = work.session.execute(
            delete(KeyRow).where(KeyRow.created_at < clock.now() - older).returning(KeyRow.key)
        ).all()
    return len(gone)
