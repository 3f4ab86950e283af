"""The consumer's loop: one thread leads, and hands the lead on when an event holds it up.

The leader receives and handles. While all is quick there is no second thread in play, and a backlog
is one transaction. When a handler has been running for `SLOW` seconds, the watch makes another
thread the leader: the slow event goes on alone, in a lane, and those that shared its transaction
are taken away from it and handled again at once.
"""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Callable

from shared.bus.protocol import Subscription
from shared.consuming.hand import Hand, Item
from shared.consuming.handling import DatabaseAway, Handling
from shared.consuming.heard import Heard
from shared.consuming.lanes import Lane, Lanes, acknowledge
from shared.logging import get

log = get(__name__)

PATIENCE = 1.0  # seconds one receive waits; stopping takes at most this long
LONGEST_BACKOFF = 5.0
SUSPICIOUS = 2  # returns: it may be what ended our process; from then on every try is written down
SLOW = 0.25
TICK = 0.2
DRAIN_SECONDS = 18.0


class Loop:
    """Handles what a subscription brings. `run` returns when told to stop and all is given back."""

    def __init__(
        self,
        handling: Handling,
        subscription: Subscription,
        lanes: Lanes,
        *,
        fill_holes: Callable[[bool], None],
        stop: threading.Event,
    ) -> None:
        self._handling = handling
        self._subscription = subscription
        self._lanes = lanes
        self._fill_holes = fill_holes  # told whether something came since it was called last
        self._stop = stop
        self._todo: deque[Item] = deque()
        self._received = False
        self._one_by_one = False
        self._hand: Hand | None = None
        self._turn = threading.Lock()  # who leads, and what is in hand
        self._term = 0
        self._leader = threading.Thread()
        self._failures = 0

    def run(self, *, with_lanes: bool) -> None:
        """Lead, or watch over those who lead."""
        if with_lanes:
            self._new_leader()
            while not self._stop.wait(TICK):
                self._watch()
            deadline = time.monotonic() + DRAIN_SECONDS
            self._leader.join(DRAIN_SECONDS)
            self._lanes.join(max(0.0, deadline - time.monotonic()))
        else:
            self._lead(self._term)
        self._give_back()

    def _new_leader(self) -> None:
        self._term += 1
        self._hand = None
        self._leader = threading.Thread(
            target=self._lead, args=(self._term,), name="consumer-leader", daemon=True
        )
        self._leader.start()

    def _lead(self, term: int) -> None:
        while term == self._term and not self._stop.is_set():
            try:
                if self._lanes.gave_back.is_set():
                    self._start_over()
                if not self._todo:
                    self._one_by_one = False
                    self._fill_holes(self._received)
                    self._todo.extend(map(Item.of, self._subscription.receive(PATIENCE)))
                    self._received = bool(self._todo)
                elif len(self._todo) > 1 and not self._one_by_one:
                    self._handle_crowd()
                else:
                    self._handle_first()
                self._failures = 0
            except DatabaseAway as error:
                log.error("database unavailable; events left in their queue", reason=str(error))
                self._wait_for_better_times(term)
            except Exception:
                log.exception("the consumer stumbled; what it had in hand comes again")
                self._wait_for_better_times(term)

    def _start_over(self) -> None:
        """A lane gave events back: what we have in hand of its aggregate comes after them."""
        with self._turn:
            self._lanes.gave_back.clear()
            self._give_back()

    def _wait_for_better_times(self, term: int) -> None:
        with self._turn:
            if term != self._term:
                return
            self._give_back()
            self._failures += 1
            bound = min(0.1 * 2**self._failures, LONGEST_BACKOFF)
        self._stop.wait(bound * random.uniform(0.5, 1))

    def _give_back(self) -> None:
        while self._todo:  # in order, and all of them, or they would be overtaken
            self._subscription.release(self._todo.popleft().delivery)

    def _handle_crowd(self) -> None:
        """Handle a backlog in one transaction; what has to go alone is left to do."""
        self._one_by_one = True
        hand = Hand(self._fit_for_a_crowd())
        if len(hand.items) < 2 or self._lanes.gave_back.is_set():
            return
        with self._turn:
            self._hand = hand
        try:
            lines = self._handling.together(hand)
        except Exception as error:
            if not hand.taken:
                log.info("events are handled one by one", count=len(hand.items), reason=repr(error))
            return
        finally:
            self._finish(hand)
        done = {item for item in hand.items if item.aggregate not in lines}
        for item in hand.items:
            if item in done:
                acknowledge(self._subscription, item)
        self._todo = deque(item for item in self._todo if item not in done)

    def _fit_for_a_crowd(self) -> list[Item]:
        fit: list[Item] = []
        apart: set[str] = set()  # aggregates whose later events must not pass an earlier one
        for item in self._todo:
            if item.heard is None or not self._handling.reads(item.heard.envelope.type):
                continue
            alone = item.delivery.returns >= SUSPICIOUS or self._lanes.is_busy(item.aggregate)
            if alone or item.aggregate in apart:
                apart.add(item.aggregate)
            else:
                fit.append(item)
        return fit

    def _handle_first(self) -> None:
        item = self._todo[0]
        heard = item.heard
        if heard is None or not self._handling.reads(heard.envelope.type):
            self._pass_by(item)
        elif item.delivery.returns >= SUSPICIOUS:
            why = f"came back {item.delivery.returns} times; it is tried with care"
            self._handling.set_aside(heard, why)
            acknowledge(self._subscription, item)
        elif not self._lanes.line_up(item, heard):
            if not self._lanes.gave_back.is_set():
                self._handle_alone(heard, item)
            return
        self._todo.popleft()

    def _pass_by(self, item: Item) -> None:
        if item.error is not None:
            self._handling.bury(item.raw, item.error)
        elif item.heard is not None:
            self._handling.pass_by(item.heard)
        acknowledge(self._subscription, item)

    def _handle_alone(self, heard: Heard, item: Item) -> None:
        hand = Hand([item])
        with self._turn:
            self._todo.popleft()
            self._hand = hand
        try:
            applied = self._handling.alone(heard, hand)
            lane = self._finish(hand)
            if lane is None:
                acknowledge(self._subscription, item)
            else:
                self._lanes.done(lane, applied=applied)
        except DatabaseAway:
            lane = self._finish(hand)
            if lane is None:
                self._todo.appendleft(item)
                raise
        if lane is not None:
            self._lanes.close(lane)

    def _finish(self, hand: Hand) -> Lane | None:
        """It is no longer in hand; the lane that it became meanwhile, if it took that long."""
        with self._turn:
            if self._hand is hand:
                self._hand = None
            return hand.lane

    def _watch(self) -> None:
        """See whether the leader is held up, and let another lead then."""
        with self._turn:
            hand = self._hand
            if not self._leader.is_alive():
                log.error("the leader of the consumer fell; another takes over")
                self._new_leader()
            elif hand is not None and hand.seconds() > SLOW and self._lanes.has_room():
                self._relieve(hand)

    def _relieve(self, hand: Hand) -> None:
        slow = hand.busy_with
        if len(hand.items) == 1:
            hand.lane = self._lanes.open(hand.items[0].aggregate, hand.items)
        elif slow is not None and hand.take():
            aggregate = slow.envelope.aggregate
            mine = [item for item in hand.items if item.aggregate == aggregate]
            self._todo = deque(item for item in self._todo if item not in mine)
            self._one_by_one = False
            self._lanes.start(self._lanes.open(aggregate, mine), hand)
        else:
            return
        self._lanes.remember(self._leader)
        self._new_leader()
