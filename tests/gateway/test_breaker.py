"""The circuit breaker: opens when most fails, probes, closes, and stays open longer each time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.proxy.resilience.breaker import Breaker, BreakerRules, State
from gateway.proxy.resilience.meter import Meter

RULES = BreakerRules(share=0.5, volume=20, open_seconds=1.0, longest_seconds=8.0, probes=3)


def a_breaker(rules: BreakerRules = RULES) -> tuple[Breaker, Meter]:
    meter = Meter()
    return Breaker(rules, meter), meter


def fail(breaker: Breaker, meter: Meter, times: int, now: float = 0.0) -> None:
    for _ in range(times):
        meter.bad += 1
        breaker.judge(now)


def test_it_opens_when_half_of_enough_exchanges_failed() -> None:
    breaker, meter = a_breaker()
    meter.good += 10

    fail(breaker, meter, 9)
    before = breaker.state
    fail(breaker, meter, 1)

    assert before is State.CLOSED
    assert breaker.state is State.OPEN


def test_a_few_failures_tell_nothing() -> None:
    breaker, meter = a_breaker()

    fail(breaker, meter, 19)

    assert breaker.state is State.CLOSED


def test_failures_of_long_ago_do_not_count() -> None:
    breaker, meter = a_breaker()
    fail(breaker, meter, 15)
    for _ in range(10):
        meter.turn()

    fail(breaker, meter, 15)

    assert breaker.state is State.CLOSED


def test_open_lets_nobody_through_until_its_time_is_over() -> None:
    breaker, meter = a_breaker()
    fail(breaker, meter, 20, now=100.0)

    assert not breaker.probe(100.9)
    assert breaker.wait(100.2) == 1
    assert breaker.probe(101.0)
    assert breaker.state is State.HALF_OPEN


def test_few_probes_pass_at_once_and_close_it_when_they_are_answered() -> None:
    breaker, meter = a_breaker()
    fail(breaker, meter, 20)

    passed = [breaker.probe(1.0) for _ in range(5)]
    for _ in range(3):
        breaker.probe_passed(1.1)

    assert passed == [True, True, True, False, False]
    assert breaker.state is State.CLOSED
    assert meter.recent() == (0, 0)


def test_a_probe_that_fails_opens_it_for_twice_as_long_up_to_a_bound() -> None:
    breaker, meter = a_breaker()
    fail(breaker, meter, 20)

    lengths = []
    for _ in range(5):
        now = breaker.until
        assert breaker.probe(now)
        breaker.probe_failed(now)
        lengths.append(breaker.until - now)

    assert lengths == [2.0, 4.0, 8.0, 8.0, 8.0]


def test_after_a_calm_time_it_begins_with_short_openings_again() -> None:
    breaker, meter = a_breaker()
    fail(breaker, meter, 20)
    breaker.probe(1.0)
    breaker.probe_failed(1.0)
    for _ in range(3):
        breaker.probe(3.0)
    for _ in range(3):
        breaker.probe_passed(3.0)

    fail(breaker, meter, 20, now=100.0)

    assert breaker.until == 101.0


def test_a_probe_whose_client_left_makes_room_for_another() -> None:
    breaker, meter = a_breaker()
    fail(breaker, meter, 20)
    for _ in range(3):
        breaker.probe(1.0)

    breaker.probe_told_nothing()

    assert breaker.probe(1.0)


def tell(breaker: Breaker, result: str, now: float) -> None:
    """How a probe ended."""
    if result == "passed":
        breaker.probe_passed(now)
    elif result == "failed":
        breaker.probe_failed(now)
    else:
        breaker.probe_told_nothing()


@given(st.lists(st.sampled_from(["good", "bad", "probe", "passed", "failed", "left", "later"])))
def test_whatever_happens_there_are_never_more_probes_than_allowed(story: list[str]) -> None:
    breaker, meter = a_breaker()
    now, out = 0.0, 0
    for step in story:
        before = breaker.state
        if step == "good":
            meter.good += 1
        elif step == "bad":
            fail(breaker, meter, 10, now)
        elif step == "later":
            now += 2.0
        elif step == "probe":
            out = (0 if before is State.OPEN else out) + int(breaker.probe(now))
        elif out and before is State.HALF_OPEN:
            out -= step != "passed"
            tell(breaker, step, now)
        assert out <= RULES.probes
        assert breaker.until - now <= RULES.longest_seconds
