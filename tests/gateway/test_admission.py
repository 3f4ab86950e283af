"""Who is let in to a service: everybody in good times, the important first in bad ones."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from gateway.proxy.edge.headers import Head
from gateway.proxy.flight import Flight
from gateway.proxy.resilience.admission import Admission, AdmissionRules, Gates, Outcome
from gateway.proxy.resilience.breaker import BreakerRules, State
from gateway.proxy.resilience.concurrency import LimitRules
from gateway.proxy.routing.route import Route
from gateway.refusals import Refused

NARROW = AdmissionRules(
    breaker=BreakerRules(volume=4, open_seconds=2.0, probes=1),
    limit=LimitRules(least=1, first=2, most=2),
    queue=2,
    queue_seconds=0.5,
)
PLAIN = Route("/", "shop")
CACHED = Route("/products", "shop", cache=True)
ADMIN = Route("/admin/shop", "shop", admin=True)


class Nobody:
    """A client that is never answered here."""

    left = full = False


def a_flight(method: str = "GET", route: Route = PLAIN) -> Flight:
    nobody: Any = Nobody()
    flight = Flight(Head(method, b"/", "127.0.0.1", []), nobody, keep_alive=True)
    flight.route = route
    return flight


class Gate:
    """A gate and a clock to turn."""

    def __init__(self, rules: AdmissionRules = NARROW) -> None:
        self.now = 0.0
        self.admission = Admission("shop", rules, lambda: self.now)

    def fill(self) -> list[Flight]:
        """Let in as many as there is room for."""
        flights = []
        while self.admission.in_flight < self.admission.ceiling:
            flights.append(a_flight())
            assert self.admission.enter(flights[-1])
        return flights

    def fail(self, times: int) -> None:
        """So many exchanges that failed."""
        for _ in range(times):
            flight = a_flight()
            assert self.admission.enter(flight)
            self.admission.leave(flight, Outcome.BAD)


def run(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(story, 30))


async def come(gate: Gate, flight: Flight) -> asyncio.Task[None]:
    """Join the line."""
    assert not gate.admission.enter(flight)
    waiting = asyncio.ensure_future(gate.admission.wait(flight))
    await asyncio.sleep(0)
    return waiting


def test_in_good_times_everybody_is_let_in() -> None:
    gate = Gate(AdmissionRules())
    flights = [a_flight() for _ in range(100)]

    assert all(gate.admission.enter(flight) for flight in flights)
    for flight in flights:
        gate.admission.leave(flight, Outcome.GOOD, 0.01)

    assert gate.admission.in_flight == 0
    assert gate.admission.meter.good == 100


def test_whoever_comes_to_a_full_house_is_let_in_when_somebody_leaves() -> None:
    async def story() -> None:
        gate = Gate()
        inside = gate.fill()
        waiting = await come(gate, a_flight())

        gate.admission.leave(inside[0], Outcome.GOOD)
        await waiting

        assert gate.admission.in_flight == 2

    run(story())


def test_nobody_waits_longer_than_the_queue_allows() -> None:
    async def story() -> None:
        gate = Gate()
        gate.fill()
        waiting = await come(gate, a_flight())

        gate.now = 0.6
        gate.admission.tick()

        with pytest.raises(Refused) as refused:
            await waiting
        assert refused.value.status == 503
        assert (b"retry-after", b"1") in refused.value.headers
        assert refused.value.proxy_error == "connection_limit_reached"
        assert gate.admission.in_flight == 2

    run(story())


def test_what_can_be_cached_is_turned_away_before_a_change_or_an_operator() -> None:
    async def story() -> None:
        gate = Gate()
        inside = gate.fill()
        cached = [await come(gate, a_flight(route=CACHED)) for _ in range(2)]

        order = await come(gate, a_flight("POST"))
        operator = await come(gate, a_flight(route=ADMIN))
        with pytest.raises(Refused):
            await gate.admission.wait(a_flight(route=CACHED))
        for each in cached:
            with pytest.raises(Refused):
                await each

        for flight in inside:
            gate.admission.leave(flight, Outcome.GOOD)
        await asyncio.gather(order, operator)

    run(story())


def test_the_important_are_let_in_first() -> None:
    async def story() -> None:
        gate = Gate()
        inside = gate.fill()
        reader = await come(gate, a_flight())
        order = await come(gate, a_flight("POST"))

        gate.admission.leave(inside[0], Outcome.GOOD)
        await asyncio.sleep(0)

        assert order.done()
        assert not reader.done()
        reader.cancel()

    run(story())


@pytest.mark.parametrize("at_that_moment", [True, False])
def test_whoever_leaves_the_line_leaves_nothing_behind(at_that_moment: bool) -> None:
    async def story() -> None:
        gate = Gate()
        inside = gate.fill()
        waiting = await come(gate, a_flight())
        if at_that_moment:
            gate.admission.leave(inside.pop(), Outcome.GOOD)

        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        for flight in inside:
            gate.admission.leave(flight, Outcome.GOOD)

        assert gate.admission.in_flight == 0
        gate.fill()

    run(story())


def test_a_service_that_fails_is_left_alone_with_a_time_to_come_back() -> None:
    gate = Gate()
    gate.fail(4)

    with pytest.raises(Refused) as refused:
        gate.admission.enter(a_flight("POST"))

    assert refused.value.status == 503
    assert refused.value.proxy_error == "destination_unavailable"
    assert (b"retry-after", b"2") in refused.value.headers


@pytest.mark.parametrize("outcome", [Outcome.GOOD, Outcome.NEITHER])
def test_what_the_service_cannot_help_never_opens_the_breaker(outcome: Outcome) -> None:
    gate = Gate()
    for _ in range(100):
        flight = a_flight()
        gate.admission.enter(flight)
        gate.admission.leave(flight, outcome)

    assert gate.admission.breaker.state is State.CLOSED


def test_a_probe_that_is_answered_lets_everybody_in_again() -> None:
    gate = Gate()
    gate.fail(4)
    gate.now = 2.0
    probe = a_flight()

    assert gate.admission.enter(probe)
    with pytest.raises(Refused):
        gate.admission.enter(a_flight())
    gate.admission.leave(probe, Outcome.GOOD)

    assert gate.admission.breaker.state is State.CLOSED
    assert len(gate.fill()) == 2


def test_what_was_under_way_when_it_opened_is_no_probe() -> None:
    gate = Gate()
    early = a_flight()
    gate.admission.enter(early)
    gate.fail(4)
    gate.now = 2.0
    probe = a_flight()
    gate.admission.enter(probe)

    gate.admission.leave(early, Outcome.GOOD)

    assert gate.admission.breaker.state is State.HALF_OPEN


def test_whoever_waits_is_sent_home_when_it_opens() -> None:
    async def story() -> None:
        gate = Gate()
        inside = gate.fill()
        waiting = await come(gate, a_flight())
        for _ in range(4):
            gate.admission.failed_try(inside[0])

        with pytest.raises(Refused) as refused:
            await waiting
        assert refused.value.proxy_error == "destination_unavailable"

    run(story())


def test_nothing_is_tried_again_while_it_is_open() -> None:
    gate = Gate()
    may = gate.admission.may_retry()
    gate.fail(4)

    assert may
    assert not gate.admission.may_retry()


def test_each_part_can_be_switched_off() -> None:
    gate = Gate(AdmissionRules(breaking=False, limiting=False))
    gate.fail(1000)

    assert all(gate.admission.enter(a_flight()) for _ in range(5000))


def test_every_service_has_a_gate_of_its_own_and_figures() -> None:
    gates = Gates(NARROW, lambda: 0.0)
    gates["shop"].failed_try(a_flight())
    gates["catalog"].tick()
    gates.tick()

    assert gates["shop"] is not gates["catalog"]
    told = {(name, labels["service"]): value for name, _, _, labels, value in gates.samples()}
    assert told["admission_limit", "shop"] == 2
    assert told["breaker_state", "catalog"] == 0
