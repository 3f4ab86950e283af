"""Parked events, tried again: in order per aggregate, ever more slowly, and not for ever."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from datetime import timedelta

from shared.consuming.failures import Fault, fault_of, told
from shared.consuming.figures import count, count_applied
from shared.consuming.handling import LEASE, MOST_CLASHES, Handling
from shared.consuming.heard import Heard, Raw
from shared.consuming.parking import Due, Parking
from shared.database import database_now
from shared.logging import get
from shared.service import Service

log = get(__name__)

MOST_TRIES = 10
MOST_KILLS = 3
LONGEST_DELAY = 300.0
LOOK_ANYWAY = 5.0
SHORTEST_REST = 0.05
NEVER_CAME_BACK = "This try has begun and not come back."


class Retrying:
    """Tries what is due. Every try is written down before it begins: a handler that ends the whole
    process is found out by the lines that it leaves behind.
    """

    def __init__(self, service: Service, parking: Parking, handling: Handling) -> None:
        self._service = service
        self._parking = parking
        self._handling = handling
        # Whether a lane handles an event of this aggregate: what is parked waits for that.
        self.is_in_hand: Callable[[str], bool] = lambda aggregate: False
        self._one_at_a_time = threading.Lock()
        self._interrupted: list[Due] = []  # begun when our database went away: they do not count

    def try_what_is_due(self) -> int:
        """Try the first parked event of each aggregate, if its time has come; how many."""
        with self._one_at_a_time:
            self._take_back_what_does_not_count()
            with self._service.transactions.read() as work:
                due = self._parking.due(work)
            tried = 0
            for each in due:
                if not self.is_in_hand(each.aggregate) and self._begin(each):
                    self._try(each._replace(attempts=each.attempts + 1))
                    tried += 1
        return tried

    def keep_trying(self, stop: threading.Event) -> None:
        """Try whatever becomes due, until told to stop; our database being away is waited for."""
        while not stop.is_set():
            try:
                rest = 0.0 if self.try_what_is_due() else self._rest()
            except Exception as error:
                log.warning("parked events cannot be tried", reason=str(error))
                rest = LOOK_ANYWAY
            self._parking.rang.wait(rest)
            self._parking.rang.clear()

    def _rest(self) -> float:
        with self._service.transactions.read() as work:
            due = self._parking.next_look(work)
            now = database_now(work.session)
        seconds = (due - now).total_seconds() if due else LOOK_ANYWAY
        return min(max(seconds, SHORTEST_REST), LOOK_ANYWAY)

    def _begin(self, due: Due) -> bool:
        """Write down that we try; false if another does, or if it has killed us too often."""
        kills = due.error.count(NEVER_CAME_BACK)
        with self._service.transactions.begin() as work:
            now = database_now(work.session)
            if kills >= MOST_KILLS:
                said = f"It ended our process {kills} times, so it was not tried again.\n"
                died = {"dead_at": now, "failed_at": now, "error": said + due.error}
                if self._parking.begin(work, due, **died):
                    log.error("dead letter", reason=said, id=due.event_id)
                return False
            begun = {
                "attempts": due.attempts + 1,
                "next_try_at": now + timedelta(seconds=LEASE),
                "error": f"{due.error}\n{NEVER_CAME_BACK}",
            }
            return self._parking.begin(work, due, **begun)

    def _try(self, due: Due) -> None:
        raw = Raw.kept(due.body, due.headers)
        try:
            heard = Heard.read(raw)
            with heard.at_hand():
                self._apply(due, heard)
        except Exception as error:
            fault = fault_of(error, self._service.database)
            if fault is Fault.DATABASE:
                self._interrupted.append(due)
                raise
            log.warning("parked event failed again", id=due.event_id, exc_info=error)
            self._postpone(due, error, hopeless=fault is Fault.EVENT)

    def _apply(self, due: Due, heard: Heard) -> None:
        for clashes in range(MOST_CLASHES):
            begun = time.perf_counter()
            try:
                with self._service.transactions.begin() as work:
                    applied = self._parking.settle(work, due) and self._handling.apply(work, heard)
                break
            except Exception as error:
                clash = fault_of(error, self._service.database) is Fault.CLASH
                if not clash or clashes == MOST_CLASHES - 1:
                    raise
                time.sleep(random.uniform(0, 0.01) * clashes)
        if applied:
            count_applied([heard], time.perf_counter() - begun)
        else:
            count("duplicate")

    def _postpone(self, due: Due, error: Exception, *, hopeless: bool) -> None:
        delay = timedelta(seconds=min(2.0**due.attempts, LONGEST_DELAY))
        with self._service.transactions.begin() as work:
            now = database_now(work.session)
            values = {"error": told(error), "failed_at": now, "next_try_at": now + delay}
            if hopeless or due.attempts >= MOST_TRIES:
                values |= {"dead_at": now, "settled_at": None, "settled_how": ""}
                count("dead")
                log.error("dead letter", reason=str(error), id=due.event_id)
            self._parking.change(work, due, **values)

    def _take_back_what_does_not_count(self) -> None:
        while self._interrupted:
            due = self._interrupted[-1]
            with self._service.transactions.begin() as work:
                now = database_now(work.session)
                before = {"attempts": due.attempts - 1, "error": due.error, "next_try_at": now}
                self._parking.change(work, due, **before)
            self._interrupted.pop()
