"""A consumer of a queue in the bus file."""

from __future__ import annotations

import itertools
import logging
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from shared.bus.embedded.bells import Bells
from shared.bus.embedded.queues import Claimed
from shared.bus.embedded.seat import NotDeclared, Place, Seat
from shared.bus.embedded.store import Store
from shared.bus.embedded.sweeping import now
from shared.bus.protocol import Delivery
from shared.bus.topology import REPAIR
from shared.metrics import CONSUMERS

log = logging.getLogger(__name__)

LOOK_EVERY = 1.0  # a knock is not heard for sure; looking by ourselves is the safety net
SETTLE_WITHIN = 0.05  # quick acknowledgements share a transaction, slow ones do not wait for it


class EmbeddedSubscription:
    """Claims messages under a lease that every `receive` renews; safe to use from any thread."""

    def __init__(self, store: Store, bells: Bells, place: Place) -> None:
        self._store = store
        self._prefetch = place.prefetch
        self._name = place.queue
        self._seat = Seat(store, bells, place)
        self._lock = threading.RLock()  # what we hold; never kept while we wait
        self._receiving = threading.Lock()
        self._closed = False
        self._hearing = False
        self._healthy = True
        self._problem = ""
        self._settle_at = 0.0
        self._tags = itertools.count(1)
        self._unacknowledged: dict[object, int] = {}
        self._handled: list[int] = []
        with self._surviving():
            self._seat.keep(busy=False)  # so that the queue is there, and bound, from now on

    def receive(self, timeout: float) -> list[Delivery]:
        """Wait up to `timeout` seconds for deliveries, oldest first."""
        deadline, gaps = now() + timeout, self.gaps
        with self._receiving:
            while not self._closed:
                deliveries = self._take()
                left = deadline - now()
                if deliveries or left <= 0 or self.gaps != gaps:
                    return deliveries
                self._seat.bell.wait(min(left, LOOK_EVERY))
        return []

    def ack(self, delivery: Delivery) -> None:
        """Let go of the message; written at once, or with others that follow within a moment."""
        with self._lock:
            seq = self._unacknowledged.pop(delivery.tag, None)
            if seq is None:
                return
            self._handled.append(seq)
            if not self._unacknowledged or now() >= self._settle_at:
                self._settle()

    def release(self, delivery: Delivery) -> None:
        """Give the message back to the head of the queue."""
        with self._lock:
            seq = self._unacknowledged.pop(delivery.tag, None)
            if seq is not None:
                with self._surviving():
                    self._seat.hand_back(seq)

    def healthy(self) -> bool:
        """Whether the last look into the file went well, and found all that we want to hear."""
        return not self.problem()

    def problem(self) -> str:
        """Why messages, or some of them, do not reach us."""
        if self._closed or not self._healthy:
            return "closed" if self._closed else self._problem
        missing = self._seat.unbound
        return f"no binding for {', '.join(missing)}: {REPAIR}" if missing else ""

    @property
    def gaps(self) -> int:
        """How often messages may have passed us by."""
        return len(self._seat.holes)

    def missed(self, since: int) -> frozenset[str]:
        """Of which types, in all gaps but the first ones; empty if of any."""
        return self._seat.holes.types(since)

    def close(self) -> None:
        """Give back what is not acknowledged, wake whoever waits in `receive`, and leave."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._settle()
            self._unacknowledged.clear()
            with self._surviving():
                self._seat.leave()
            self._seat.bell.ring()
        with self._receiving:
            self._seat.bell.close()
            self._store.close()

    def _take(self) -> list[Delivery]:
        """Claim what waits, if we may hold more; whatever goes wrong is tried again later."""
        claimed: list[Claimed] = []
        with self._lock:
            if self._closed:
                return []
            with self._surviving():
                self._keep_seat()
                room = self._prefetch - len(self._unacknowledged)
                claimed = self._seat.claim(room, self._handled)
                self._handled.clear()
                self._healthy = True
            return [self._delivery_of(one) for one in claimed]

    def _keep_seat(self) -> None:
        """On another seat nothing that we held is ours any more: it is delivered again."""
        before = self._seat.session
        self._seat.keep(busy=bool(self._unacknowledged))
        if self._seat.session != before:
            self._unacknowledged.clear()
            self._handled.clear()

    def _delivery_of(self, claimed: Claimed) -> Delivery:
        tag = next(self._tags)
        self._unacknowledged[tag] = claimed.seq
        return Delivery(claimed.message, tag, claimed.returns > 0, claimed.returns)

    def _settle(self) -> None:
        if self._handled and self._seat.session:
            with self._surviving():
                self._seat.settle(self._handled)
                self._handled.clear()
                self._settle_at = now() + SETTLE_WITHIN

    def _count_ourselves(self) -> None:
        hearing = bool(self._seat.session) and not self._closed
        if hearing != self._hearing:
            CONSUMERS.inc(1 if hearing else -1)
        self._hearing = hearing

    @contextmanager
    def _surviving(self) -> Iterator[None]:
        """Whatever happens to the file, we try again, and what we held is delivered again."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            if self._healthy:
                log.warning("queue %s cannot be used: %s", self._name, error)
            self._problem = f"the bus file cannot be used: {error}"
            if isinstance(error, NotDeclared):
                self._problem = str(error)
            self._healthy = False
            self._seat.give_up()
        self._count_ourselves()
