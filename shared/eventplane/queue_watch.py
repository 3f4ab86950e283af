"""Looking at our queue from a process that holds no connection to the bus.

A process that answers HTTP must not feel the bus: the look happens on a thread of its own, at most
one at a time, over a connection that is closed again; who asks meanwhile gets what we last saw.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from shared.bus import connect
from shared.bus.protocol import Bus
from shared.eventplane.overview import NO_QUEUE
from shared.eventplane.shapes import QueueSeen
from shared.logging import get

if TYPE_CHECKING:
    from shared.service import Service

log = get(__name__)

FRESH = 2.0
PATIENCE = 2.0
NOT_YET = QueueSeen(problem="the bus has not answered yet")


class QueueWatch:
    """What we last saw of one service's queue."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._lock = threading.Lock()
        self._seen = NOT_YET
        self._seen_at = 0.0
        self._looking: threading.Thread | None = None

    def look(self) -> QueueSeen:
        """The queue as it is, or was when the bus last answered; takes PATIENCE seconds at most."""
        with self._lock:
            if time.monotonic() - self._seen_at < FRESH and self._seen_at:
                return self._seen
            if self._looking is None or not self._looking.is_alive():
                self._looking = threading.Thread(
                    target=self._look,
                    name=f"look at the queue of {self._service.name}",
                    daemon=True,
                )
                self._looking.start()
            looking = self._looking
        looking.join(PATIENCE)
        return NOT_YET if looking.is_alive() else self._seen

    def _look(self) -> None:
        bus = connect(self._service.settings.bus_url, client=f"{self._service.name}-look")
        try:
            self._seen = queue_of(self._service, bus)
        finally:
            self._seen_at = time.monotonic()
            bus.close()


def queue_of(service: Service, bus: Bus) -> QueueSeen:
    """The service's queue, seen over a bus that is at hand."""
    try:
        state = bus.inspect(service.name)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what the operator must read
        log.info("the queue cannot be seen", reason=repr(error))
        return QueueSeen(problem=str(error) or type(error).__name__)
    if not state.exists:
        return QueueSeen(problem=NO_QUEUE)
    return QueueSeen(
        messages=state.messages,
        unacked=state.unacked,
        consumers=state.consumers,
        dead=state.dead,
    )
