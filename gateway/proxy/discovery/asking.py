"""The one thing that the gateway says on the bus: tell me which replicas there are.

Asked when we begin to hear, and again when we may have missed something, since announcements are
minutes apart. A connection for each question: there are few, and none of them is in a hurry.
"""

from __future__ import annotations

import asyncio
from typing import Any

from gateway.events.consumed import AnyReplicaAnnounced
from shared import clock
from shared.bus import connect
from shared.bus.protocol import Message, Outcome
from shared.context import opened
from shared.events import Envelope
from shared.ids import new_id
from shared.logging import get
from shared.replay_requests import SnapshotRequested

TRIES = 5
PAUSE = 2.0  # seconds before the next try
CONFIRM_SECONDS = 5.0

log = get("gateway.discovery")


class Question:
    """Asks for all replicas; many occasions at once make one question."""

    def __init__(self, bus_url: str, *, declare: bool) -> None:
        self.asked = 0
        self._bus_url = bus_url
        self._declare = declare
        self._asking: asyncio.Task[None] | None = None

    def ask(self, missed: frozenset[str] = frozenset()) -> None:
        """Ask, if these are types that matter to us; empty means that any may be missing."""
        if missed and not any(each.endswith(AnyReplicaAnnounced.TYPE[1:]) for each in missed):
            return
        if self._asking is None or self._asking.done():
            self._asking = asyncio.get_running_loop().create_task(self._ask())

    async def stop(self) -> None:
        """Ask no more."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    async def _ask(self) -> None:
        for _ in range(TRIES):
            if await asyncio.to_thread(self._say):
                self.asked += 1
                return
            await asyncio.sleep(PAUSE)
        log.warning("could not ask which replicas there are; they will tell in time")

    def _say(self) -> bool:
        question = SnapshotRequested(service="gateway", types=[AnyReplicaAnnounced.TYPE])
        details: dict[str, Any] = {"source": "/gateway", "time": clock.now()}
        envelope = Envelope.around(question, id=str(new_id()), by=opened(None, None), **details)
        bus = connect(self._bus_url, client="gateway-asking", declare=self._declare)
        try:
            message = Message(envelope.id, envelope.type, envelope.to_json())
            outcomes = bus.publisher().publish([message], timeout=CONFIRM_SECONDS)
        except Exception as error:  # noqa: BLE001 - a bus in trouble is asked again
            log.warning("cannot ask on the bus", error=str(error))
            return False
        finally:
            bus.close()
        return outcomes == [Outcome.CONFIRMED]
