"""Outbox → bus: oldest first, confirmed, at most one unconfirmed event per aggregate.

Rows are chosen by state, never by "id greater than the last one": commit order is not id order.
An event that the bus refuses holds back its own aggregate and nothing else; a bus that is away is
nobody's fault, and everything waits for it. A crash between the bus's confirm and our mark sends
an event twice, with the same id, and so does a relay that lost its lease and does not know it yet:
each sends in order, so what a consumer sees first is in order too.
"""

from __future__ import annotations

import math
import random
import threading
import time
from collections.abc import Sequence

from shared import outbox_upkeep
from shared.bus.protocol import Bus, Message, Outcome, Publisher
from shared.failpoints import reached
from shared.lease import Lease
from shared.logging import get
from shared.metrics import CONFIRM_SECONDS, PUBLISHED
from shared.relaying.desk import Desk
from shared.relaying.lane import Lane
from shared.relaying.lanes import WAVE, Lanes
from shared.relaying.pace import Pace
from shared.relaying.rows import Rows, Waiting
from shared.service import Service
from shared.telemetry.tracing import published

log = get(__name__)

MARK_WITHIN = 0.05  # seconds after the confirm, while more is sent
CONFIRM_WITHIN = 5.0
LOOK_ANYWAY = 3.0  # seconds between looks when nobody rings
LEASE_CHECK = 1.0
LONGEST_BACKOFF = 5.0


class Relay:
    """Sends what one service has said. Only one relay per database is active at a time."""

    def __init__(self, service: Service, bus: Bus, *, look_anyway: float = LOOK_ANYWAY) -> None:
        self._service = service
        self._desk = Desk(service.database)
        self._rows = Rows(service, self._desk)
        self._publisher: Publisher = bus.publisher()
        self._lanes = Lanes(
            Lane(self._rows, self._mark),
            Lane(Rows(service, self._desk, again=True), self._mark),
            Pace(service.settings.replay_per_second),
            # A bus that takes a whole call or nothing may have several events of an aggregate.
            all_or_none=getattr(self._publisher, "all_or_none", False),
        )
        self._sent: list[Waiting] = []  # confirmed, and not marked yet
        self._sent_since = 0.0
        self._look_anyway = look_anyway
        self._lease = Lease(service.database, f"{service.name}-relay", frozen_after=20)
        self._has_lease, self._lease_seen = False, -math.inf
        self._backoff = 0.0
        self.caught_up = threading.Event()  # what waited when we started has been sent

    def run(self, stop: threading.Event) -> None:
        """Send until told to stop; a bus or database that is away is waited for.

        What was said just before is sent still, if the bus takes it: a process that leaves says
        so last, and whoever waited for it to start again would hear it too late.
        """
        rang = self._service.bell.listener()
        news = True
        while not stop.is_set():
            rest = self._turn(news)
            if self._backoff:
                stop.wait(rest)
            elif rest:
                rang.wait(rest)
            news = rest > 0 or rang.is_set()
            if news:
                rang.clear()  # before we look, or what is committed meanwhile would be missed
        if self._has_lease and not self._backoff:
            self._turn(news=True)
        self._end()

    def send_waiting(self) -> int | None:
        """Send all that is due, outside `run`; how many events went, None if the bus is away."""
        self._lanes.look_from_start()
        total, news = 0, True
        try:
            while wave := self._lanes.next_wave(news=news):
                sent = self._send(wave)
                if sent is None:
                    return None
                total, news = total + sent, False
            self._mark()
        finally:
            self._desk.close()
        return total

    def purge(self) -> int:
        """Forget sent events that are older than the replay horizon, a small batch at a time."""
        days = self._service.settings.outbox_keep_days
        outbox = self._service.tables.outbox
        with self._service.transactions.begin() as work:
            return outbox_upkeep.purge(work, outbox, keep_days=days)

    def _turn(self, news: bool) -> float:
        """Send one wave. Seconds to rest before the next turn, unless somebody rings."""
        try:
            if not self._may_send():
                self.caught_up.set()  # another relay answers for what waits
                return self._idle()
            wave = self._lanes.next_wave(news=news)
            if wave and self._send(wave) is None:
                return self._back_off()
            self._backoff = 0.0
            if wave:
                return 0.0
            self._mark()
            self.caught_up.set()
            return self._lanes.rest(self._idle())
        except Exception:
            log.exception("relay failed")
            self._put_back()
            return self._back_off()

    def _may_send(self) -> bool:
        now = time.monotonic()
        if now - self._lease_seen >= LEASE_CHECK:
            had_it, self._lease_seen = self._has_lease, now
            # While we alone send, whoever speaks in this process need not tell others.
            self._has_lease = self._service.bell.answered_here = self._lease.held()
            if had_it and not self._has_lease:
                log.warning("another relay sends for this database now")
                self._put_back()
        return self._has_lease

    def _send(self, wave: Sequence[Waiting]) -> int | None:
        """How many the bus has now; None if it is away, and then no event is held to account."""
        reached("relay.after_claim")
        began = time.perf_counter()
        messages = [Message(row.id, row.type, row.body.encode()) for row in wave]
        outcomes = published(self._publisher.publish, messages, timeout=CONFIRM_WITHIN)
        reached("relay.after_publish")
        CONFIRM_SECONDS.observe(time.perf_counter() - began)
        _count(outcomes)
        if not any(outcome is not Outcome.UNCONFIRMED for outcome in outcomes):
            log.warning("the bus is away", waiting=len(wave), reason=self._publisher.problem())
            self._mark()
            self._put_back()
            return None
        reached("relay.after_confirm")
        return self._settle(list(zip(wave, outcomes, strict=True)))

    def _settle(self, results: list[tuple[Waiting, Outcome]]) -> int:
        refused: list[tuple[Waiting, Outcome]] = []
        held: set[str] = set()
        before = len(self._sent)
        for row, outcome in results:
            if outcome is Outcome.CONFIRMED:
                self._sent.append(row)
                self._lanes.sent(row)
            elif row.aggregate not in held:
                refused.append((row, outcome))
                held.add(row.aggregate)
                self._lanes.drop(row)
        sent = len(self._sent) - before
        if refused:
            self._mark()
            self._lanes.try_again_in(self._rows.hold_back(refused))
        elif self._must_mark(sent):
            self._mark()
        return sent

    def _must_mark(self, just_sent: int) -> bool:
        if len(self._sent) == just_sent:
            self._sent_since = time.monotonic()
        late = time.monotonic() - self._sent_since > MARK_WITHIN
        return self._lanes.empty or late or len(self._sent) >= WAVE

    def _mark(self) -> None:
        """Note what the bus confirmed. Forgetting to is harmless: it would go once more."""
        if self._sent:
            self._rows.mark(self._sent)
            self._sent.clear()

    def _put_back(self) -> None:
        self._lanes.put_back()
        self._sent.clear()

    def _idle(self) -> float:
        return self._look_anyway * random.uniform(0.75, 1.25)  # noqa: S311 - not all at once

    def _back_off(self) -> float:
        self._backoff = min(self._backoff * 2 + 0.2, LONGEST_BACKOFF)
        return self._backoff * random.uniform(0.5, 1.0)  # noqa: S311

    def _end(self) -> None:
        try:
            self._mark()
        except Exception:
            log.exception("what was sent last could not be marked; it will go once more")
        self._service.bell.answered_here = False
        self._desk.close()
        self._lease.release()
        self._publisher.close()


def _count(outcomes: Sequence[Outcome]) -> None:
    for outcome in set(outcomes):
        PUBLISHED.labels(outcome.value).inc(outcomes.count(outcome))
