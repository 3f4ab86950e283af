"""The consumer of one service: hears what others say, and deals with what failed."""

from __future__ import annotations

import threading

from sqlalchemy.exc import SQLAlchemyError

from shared import replay, replay_requests
from shared.bus.protocol import Bus, BusAway, Subscription
from shared.consuming.handling import Handling
from shared.consuming.heard import Heard, Raw
from shared.consuming.lanes import Lanes
from shared.consuming.loop import Loop
from shared.consuming.missed import Missed
from shared.consuming.parking import Parking
from shared.consuming.retrying import Retrying
from shared.events import BadEnvelope
from shared.logging import get
from shared.service import Service

log = get(__name__)


class Consumer:
    """Works one service's queue. What is not durable here is never acknowledged there."""

    def __init__(self, service: Service, bus: Bus) -> None:
        self._service = service
        self._bus = bus
        self._parking = parking = Parking(service)
        self._handling = Handling(service, parking)
        self._retrying = Retrying(service, parking, self._handling)
        self._subscription: Subscription | None = None
        self._missed = Missed(service)
        self._gaps = 0  # holes in what we heard that we have asked to be filled

    def healthy(self) -> bool:
        """Whether events reach us."""
        return self._subscription is not None and self._subscription.healthy()

    def problem(self) -> str:
        """Why events, or some of them, do not reach us; empty when they do."""
        return self._subscription.problem() if self._subscription else "not subscribed yet"

    def handle(self, body: bytes) -> None:
        """Let one event take effect, once; or park it. Raises only when the database is away."""
        raw = Raw(body)
        try:
            heard = Heard.read(raw)
        except BadEnvelope as error:
            self._handling.bury(raw, error)
            return
        if self._handling.concerns_us(heard.envelope.type):
            self._handling.alone(heard)

    def retry_parked(self) -> int:
        """Try again what is due: the first parked event of each aggregate. How many were tried."""
        return self._retrying.try_what_is_due()

    def keep_retrying(self, stop: threading.Event) -> None:
        """Try parked events again as they become due, until told to stop."""
        self._retrying.keep_trying(stop)

    def collect_dead(self) -> int:
        """Make letters of what the bus itself put aside, so that there is one place to look."""
        try:
            return self._bus.exhume(self._service.name, self._handling.bury_returned)
        except BusAway:
            return 0  # later, then

    def wake(self) -> None:
        """Look at once whether there is anything to try again, or whether to stop."""
        self._parking.rang.set()

    def run(self, stop: threading.Event) -> None:
        """Handle events until told to stop; what is in hand is finished, the rest given back.

        Lanes need a database that lets several transactions write at once. On SQLite a handler that
        is slow holds the only pen, and everybody waits for it: what takes long belongs in a job.
        """
        types = [*self._service.handlers.types, *replay_requests.TYPES]
        subscription = self._subscription = self._bus.subscribe(self._service.name, types)
        while not (stop.is_set() or self._missed.ask()):
            stop.wait(1.0)
        database = self._service.database
        lanes = Lanes(self._handling, subscription, database, rang=self.wake)
        self._retrying.is_in_hand = lanes.is_busy
        loop = Loop(self._handling, subscription, lanes, fill_holes=self._fill_holes, stop=stop)
        loop.run(with_lanes=database.on_postgresql)
        subscription.close()

    def _fill_holes(self, received: bool) -> None:
        self._fill_hole()
        self._missed.look(received=received)

    def _fill_hole(self) -> None:
        """Ask again for what may have passed us by; what is known is ignored."""
        gaps = self._subscription.gaps if self._subscription else 0
        if gaps == self._gaps or self._subscription is None:
            return
        service = self._service
        heard = [
            *service.handlers.types,
            *replay_requests.TYPES,
        ]  # requests may have been missed too
        missed = self._subscription.missed(since=self._gaps)
        types = [each for each in heard if each in missed] if missed else heard
        try:
            with service.transactions.begin() as work:
                if types:
                    replay.ask_again(work, service.name, types)
        except SQLAlchemyError as error:
            log.error("database unavailable; the hole is filled later", reason=str(error))
            return
        log.warning("events may have passed us by; asked for them again", holes=gaps - self._gaps)
        self._gaps = gaps
