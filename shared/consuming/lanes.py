"""Side roads for the slow: one event that takes long does not hold up other aggregates.

A lane is a thread that handles what was in hand of one aggregate when it turned out to be slow.
Later events of that aggregate are parked behind it, in the database, so that nothing piles up in
memory and the window of unacknowledged messages stays open for the others.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from shared.bus.protocol import Subscription
from shared.consuming.hand import Hand, Item
from shared.consuming.handling import DatabaseAway, Handling
from shared.consuming.heard import Heard
from shared.database import Database
from shared.failpoints import reached
from shared.logging import get

log = get(__name__)

MOST_LANES = 4


class Lane:
    """What is in hand of one aggregate, on its own thread."""

    def __init__(self, aggregate: str, items: Sequence[Item]) -> None:
        self.aggregate = aggregate
        self.left = list(items)
        self.lock = threading.Lock()  # held while the line behind us changes
        self.has_line = False
        self.over = False


class Lanes:
    """The lanes of one consumer; few, and none unless something is slow."""

    def __init__(
        self,
        handling: Handling,
        subscription: Subscription,
        database: Database,
        *,
        rang: Callable[[], None],
    ) -> None:
        self._handling = handling
        self._subscription = subscription
        self._database = database
        self._rang = rang
        self._busy: dict[str, Lane] = {}
        self._threads: list[threading.Thread] = []
        self.gave_back = threading.Event()  # a lane could not finish: its events come again

    def has_room(self) -> bool:
        """Whether one more may be opened."""
        return len(self._busy) < MOST_LANES

    def is_busy(self, aggregate: str) -> bool:
        """Whether something of this aggregate is in hand."""
        return aggregate in self._busy

    def open(self, aggregate: str, items: Sequence[Item]) -> Lane:
        """Make this aggregate's events a lane's."""
        lane = self._busy[aggregate] = Lane(aggregate, items)
        log.info("a slow event gets a lane of its own", aggregate=aggregate)
        return lane

    def start(self, lane: Lane, taken_from: Hand) -> None:
        """Handle the lane's events on a thread of its own, once the old transaction is ended."""
        thread = threading.Thread(
            target=self._drive, args=(lane, taken_from), name="consumer-lane", daemon=True
        )
        thread.start()
        self.remember(thread)

    def remember(self, thread: threading.Thread) -> None:
        """This thread has something in hand that stopping should wait for."""
        self._threads = [each for each in self._threads if each.is_alive()] + [thread]

    def line_up(self, item: Item, heard: Heard) -> bool:
        """Park it behind its aggregate's lane; false if that is over. Raises DatabaseAway."""
        lane = self._busy.get(heard.envelope.aggregate)
        if lane is None:
            return False
        with lane.lock:
            if lane.over:
                return False
            ahead = [] if lane.has_line else [each.heard for each in lane.left if each.heard]
            self._handling.line_up(ahead, heard)
            lane.has_line = True
        self._subscription.ack(item.delivery)
        return True

    def join(self, seconds: float) -> None:
        """Wait for the lanes; what they still hold then is delivered again."""
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def done(self, lane: Lane, *, applied: bool) -> None:
        """The first of the lane's events is handled, or parked."""
        with lane.lock:
            item = lane.left[0]
            if applied and lane.has_line and item.heard:
                self._handling.leave_line(item.heard)
            del lane.left[0]
            acknowledge(self._subscription, item)

    def close(self, lane: Lane) -> None:
        """No more in hand of this aggregate: its line may move, or its next event come."""
        with lane.lock:
            lane.over = True
            for item in lane.left:
                self._subscription.release(item.delivery)
            if lane.left:
                self.gave_back.set()  # before the aggregate is free, or its later events pass
            self._busy.pop(lane.aggregate, None)
        self._rang()

    def _drive(self, lane: Lane, taken_from: Hand) -> None:
        try:
            self._cut(taken_from)
            while lane.left:
                heard = lane.left[0].heard
                assert heard is not None  # a lane is an aggregate's, so it was readable
                applied = self._handling.alone(heard, taken_from)
                self.done(lane, applied=applied)
                if not applied:
                    self._park_the_rest(lane)
        except DatabaseAway as error:
            log.error("database unavailable; events left in their queue", reason=str(error))
        except Exception:
            log.exception("a lane stumbled; its events come again")
        finally:
            self.close(lane)

    def _park_the_rest(self, lane: Lane) -> None:
        while lane.left:
            heard = lane.left[0].heard
            assert heard is not None
            self.done(lane, applied=self._handling.alone(heard))

    def _cut(self, taken_from: Hand) -> None:
        try:
            taken_from.cut(self._database)
        except Exception as error:  # noqa: BLE001 - it ends by itself, only later
            log.warning("a slow transaction could not be ended", reason=str(error))


def acknowledge(subscription: Subscription, item: Item) -> None:
    """Its effect is durable: the bus may forget it."""
    reached("consumer.after_commit")
    subscription.ack(item.delivery)
    reached("consumer.after_ack")
