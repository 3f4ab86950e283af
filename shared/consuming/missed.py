"""Asks for what this release should have heard and another release of ours let pass by.

During a rolling upgrade both share a queue, and the old one gets events that only the new one
reads. It notes that on the mark of the type (`shared.replay`); whoever reads the type looks at the
marks and asks for its past once more. Known events are ignored, so asking too often costs time,
never truth.
"""

from __future__ import annotations

import time

from sqlalchemy.exc import SQLAlchemyError

from shared import replay
from shared.logging import get
from shared.service import Service

log = get(__name__)

LOOK = 5.0  # seconds between two looks at the marks
LONGEST = 600.0  # while the other release still has the queue, each time twice as long up to this


class Missed:
    """What we listen to, and whether all of it reached us. For one thread at a time."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._looked_at = 0.0
        self._rest = LOOK

    def ask(self) -> bool:
        """Ask for the past of what is new to us or passed us by; false if the database is away."""
        inbox, service = self._service.tables.inbox, self._service
        self._looked_at = time.monotonic()
        try:
            with service.transactions.begin() as work:
                types = service.handlers.types
                asked = replay.ask_for_what_we_missed(work, inbox, service.name, types)
        except SQLAlchemyError as error:
            log.error("database unavailable; the past is asked for later", reason=str(error))
            return False
        self._rest = min(2 * self._rest, LONGEST) if asked else LOOK
        if asked:
            log.info("asked for the past", types=asked)
        return True

    def look(self, *, received: bool) -> None:
        """Ask if it is time to. Who receives has the queue: nothing more passes by elsewhere."""
        if received:
            self._rest = LOOK
        if time.monotonic() - self._looked_at >= self._rest:
            self.ask()
