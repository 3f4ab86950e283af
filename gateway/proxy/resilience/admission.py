"""Who may ask a service now: one object per service that knows its breaker, limit and purse.

A plain request that goes well costs a comparison and two additions here. All else happens when
something is the matter, or ten times a second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Protocol

from gateway.proxy.edge.guard import SAFE_METHODS
from gateway.proxy.resilience.breaker import Breaker, BreakerRules, State
from gateway.proxy.resilience.budget import RetryBudget
from gateway.proxy.resilience.concurrency import AdaptiveLimit, LimitRules
from gateway.proxy.resilience.meter import Meter
from gateway.proxy.resilience.queueing import Line
from gateway.proxy.resilience.refusing import crowded, resting

if TYPE_CHECKING:
    from gateway.proxy.edge.headers import Head
    from gateway.proxy.routing.route import Route

Sample = tuple[str, str, str, dict[str, str], float]

SLICE_SECONDS = 1.0
FIRST, USUAL, LAST = 0, 1, 2
_UNLIMITED = 1 << 30


class Outcome(IntEnum):
    """How an exchange ended, as far as it tells something about the service."""

    GOOD = 0  # there was an answer, be it 404 or 500: the service works
    BAD = 1  # no answer, a broken one, too late, or 502, 503, 504
    NEITHER = 2  # the client left, or asked for too much: the service cannot help it


class Visitor(Protocol):
    """Whoever wants in: a flight, or a question that the gateway asks for one."""

    @property
    def route(self) -> Route: ...  # noqa: D102
    @property
    def head(self) -> Head: ...  # noqa: D102


GOOD = Outcome.GOOD  # at hand: to find a member of an enumeration costs as much as all the rest


@dataclass(frozen=True, slots=True)
class AdmissionRules:
    """All the numbers. `queue` requests wait up to `queue_seconds` when the limit is reached."""

    breaker: BreakerRules = field(default_factory=BreakerRules)
    limit: LimitRules = field(default_factory=LimitRules)
    breaking: bool = True
    limiting: bool = True
    queue: int = 1000
    queue_seconds: float = 2.0
    retry_share: float = 0.2
    retry_most: float = 10.0
    retry_floor: float = 3.0


def rank(flight: Visitor) -> int:
    """How late somebody is turned away: changes and operators last, what can be cached first."""
    route = flight.route
    if route.admin or flight.head.method not in SAFE_METHODS:
        return FIRST
    return LAST if route.cache else USUAL


class Admission:
    """The gate before one service. Used on one event loop; `now` reads a monotonic clock."""

    __slots__ = (
        "_count",
        "_line",
        "_now",
        "_peak",
        "_probes",
        "_rules",
        "_seconds",
        "_slice_ends",
        "breaker",
        "budget",
        "ceiling",
        "in_flight",
        "limit",
        "meter",
        "service",
        "shed",
    )

    def __init__(self, service: str, rules: AdmissionRules, now: Callable[[], float]) -> None:
        self.service = service
        self.in_flight = 0
        self.shed = 0  # how many were turned away, for the figures
        self.meter = Meter()
        self.breaker = Breaker(rules.breaker, self.meter)
        self.limit = AdaptiveLimit(rules.limit)
        self.budget = RetryBudget(
            self.meter,
            share=rules.retry_share,
            most=rules.retry_most,
            floor=rules.retry_floor,
        )
        self._rules = rules
        self._now = now
        self._line = Line(rules.queue)
        self._probes: set[Any] = set()
        self._seconds = 0.0
        self._count = 0
        self._peak = 0
        self._slice_ends = 0.0
        self.ceiling = 0
        self._set_ceiling()

    # The good path

    def enter(self, flight: Visitor) -> bool:
        """True: go on, and `leave` afterwards. False: `wait` first. Raises Refused."""
        if self.in_flight < self.ceiling:
            self.in_flight += 1
            return True
        return self._enter_in_trouble(flight)

    def leave(self, flight: Visitor, outcome: Outcome, seconds: float = 0.0) -> None:
        """The exchange is over; `seconds` from sending to the head of the answer, 0: no telling."""
        self.in_flight -= 1
        if outcome is GOOD:
            self.meter.good += 1
            if seconds:
                self._seconds += seconds
                self._count += 1
        elif outcome is Outcome.BAD:
            self._note_failure()
        if self._probes:
            self._end_probe(flight, outcome)
        if self._line.waiting and self.in_flight < self.ceiling:
            self._let_in()

    # When something is the matter

    def failed_try(self, flight: Visitor) -> None:
        """One try of a request has failed; it is not over yet."""
        self._note_failure()
        if flight in self._probes:
            self._end_probe(flight, Outcome.BAD)

    def may_retry(self) -> bool:
        """Whether one more try may be made; pays for it."""
        return self.breaker.state is State.CLOSED and self.budget.spend(self._now())

    async def wait(self, flight: Visitor) -> None:
        """Wait in the line until there is room; raises Refused if there is none soon enough."""
        place = self._line.join(rank(flight), self._now() + self._rules.queue_seconds)
        if place is None:
            raise self._turn_away()
        try:
            let_in = await place.turn
        except BaseException:
            self._line.leave(place)
            if place.turn.done() and not place.turn.cancelled() and place.turn.result():
                self.in_flight -= 1  # let in at the very moment of leaving
                self._let_in()
            raise
        if not let_in:
            raise self._turn_away()

    def tick(self) -> None:
        """Ten times a second: send home who waited too long; once a second: learn."""
        now = self._now()
        if self._line:
            self._line.send_home_late(now)
        if self.in_flight > self._peak:
            self._peak = self.in_flight
        if now < self._slice_ends:
            return
        self._slice_ends = now + SLICE_SECONDS
        self.meter.turn()
        self.limit.look(self._count, self._seconds, self._peak)
        self._count, self._seconds, self._peak = 0, 0.0, self.in_flight
        self._set_ceiling()
        self._let_in()

    def samples(self) -> Iterator[Sample]:
        """What the figures say of this gate."""
        labels = {"service": self.service}
        state = list(State).index(self.breaker.state)
        yield "admission_in_flight", "gauge", "Exchanges with a service.", labels, self.in_flight
        yield "admission_limit", "gauge", "How many are let in at once.", labels, self.limit.limit
        yield "admission_waiting", "gauge", "Requests in the line.", labels, len(self._line)
        yield "shed_total", "counter", "Requests turned away.", labels, self.shed
        yield "breaker_state", "gauge", "0 closed, 1 half-open, 2 open.", labels, state
        yield "breaker_opened_total", "counter", "Openings.", labels, self.breaker.opened
        yield "retries_total", "counter", "Requests sent again.", labels, self.budget.spent
        text = "Retries that the budget did not allow."
        yield "retries_refused_total", "counter", text, labels, self.budget.refused

    def _enter_in_trouble(self, flight: Visitor) -> bool:
        if self.breaker.state is State.CLOSED:
            return False
        now = self._now()
        if not self.breaker.probe(now):
            self.shed += 1
            raise resting(self.service, self.breaker.wait(now))
        self._probes.add(flight)
        self.in_flight += 1
        return True

    def _note_failure(self) -> None:
        self.meter.bad += 1
        if self._rules.breaking and self.breaker.judge(self._now()):
            self._set_ceiling()
            self._line.send_all_home()

    def _end_probe(self, flight: Visitor, outcome: Outcome) -> None:
        if flight not in self._probes:
            return
        self._probes.discard(flight)
        if outcome is Outcome.GOOD:
            self.breaker.probe_passed(self._now())
        elif outcome is Outcome.BAD:
            self.breaker.probe_failed(self._now())
        else:
            self.breaker.probe_told_nothing()
        self._set_ceiling()

    def _set_ceiling(self) -> None:
        """The one number that the good path looks at."""
        if self.breaker.state is not State.CLOSED:
            self.ceiling = 0
        else:
            self.ceiling = self.limit.limit if self._rules.limiting else _UNLIMITED

    def _let_in(self) -> None:
        while self.in_flight < self.ceiling and self._line.next_in():
            self.in_flight += 1

    def _turn_away(self) -> Exception:
        self.shed += 1
        if self.breaker.state is not State.CLOSED:
            return resting(self.service, self.breaker.wait(self._now()))
        return crowded(self.service)


class Gates(dict[str, Admission]):
    """The gates by the names of their services; each is made when first looked for."""

    def __init__(self, rules: AdmissionRules, now: Callable[[], float]) -> None:
        super().__init__()
        self._rules = rules
        self._now = now

    def __missing__(self, service: str) -> Admission:
        gate = self[service] = Admission(service, self._rules, self._now)
        return gate

    def tick(self) -> None:
        """Let each of them look around; to be called ten times a second."""
        for gate in self.values():
            gate.tick()

    def samples(self) -> Iterator[Sample]:
        """What the figures say of all gates."""
        for gate in self.values():
            yield from gate.samples()
