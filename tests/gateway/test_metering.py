"""Counting is exact: ITU-T I.371, annex A, against a model that anybody can check by hand."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.proxy.limits.meter import SECOND, Meter
from gateway.proxy.limits.policy import LimitPolicy

START = 7_000 * SECOND

policies = st.builds(
    lambda quota, window, burst, cost: LimitPolicy(
        "any", quota, window, burst, cost=min(cost, burst)
    ),
    st.integers(1, 50),
    st.integers(1, 100),
    st.integers(1, 20),
    st.integers(1, 4),
)
pauses = st.lists(
    st.one_of(st.just(0), st.integers(0, 3 * SECOND), st.integers(0, 200 * SECOND)), max_size=80
)


class Bucket:
    """Fills by one unit each interval up to `burst`, in fractions: the model."""

    def __init__(self, burst: int, interval: int) -> None:
        self.burst, self.interval = Fraction(burst), interval
        self.level, self.at = self.burst, START

    def take(self, now: int, cost: int) -> bool:
        self.level = min(self.burst, self.level + Fraction(now - self.at, self.interval))
        self.at = now
        if self.level < cost:
            return False
        self.level -= cost
        return True


def passes(meter: Meter, key: str, now: int) -> bool:
    left = meter.left(key, now)
    if left < 0:
        return False
    meter.take(key, now, left)
    return True


@settings(max_examples=150, deadline=None)
@given(policies, pauses)
def test_every_decision_is_that_of_a_bucket_counted_in_fractions(
    policy: LimitPolicy, waits: list[int]
) -> None:
    meter = Meter(policy)
    bucket = Bucket(policy.burst, meter.interval)
    now = START

    for wait in waits:
        now += wait
        room = meter.left("key", now)

        passed = bucket.take(now, policy.cost)

        assert (room >= 0) == passed
        if passed:
            meter.take("key", now, room)
            assert room // meter.interval == bucket.level // 1


@settings(max_examples=100, deadline=None)
@given(policies, pauses)
def test_a_refusal_tells_exactly_when_the_same_request_passes(
    policy: LimitPolicy, waits: list[int]
) -> None:
    meter, now = Meter(policy), START
    for wait in waits:
        now += wait
        passes(meter, "key", now)
    while passes(meter, "key", now):
        pass

    wait = -meter.left("key", now)

    assert meter.left("key", now + wait - 1) < 0 <= meter.left("key", now + wait)


def test_a_burst_passes_at_once_and_then_one_unit_each_interval() -> None:
    meter = Meter(LimitPolicy("calm", 60, 60, burst=5))

    at_once = sum(passes(meter, "key", START) for _ in range(20))
    later = sum(passes(meter, "key", START + n * SECOND // 10) for n in range(1, 101))

    assert (at_once, later) == (5, 10)


def test_a_clock_that_goes_back_costs_at_most_what_a_full_burst_costs() -> None:
    meter = Meter(LimitPolicy("calm", 10, 10))
    for _ in range(10):
        passes(meter, "key", START)
    earlier = START - 86_400 * SECOND

    refused = meter.left("key", earlier)

    assert refused == -SECOND
    assert passes(meter, "key", earlier + SECOND)


def test_a_clock_that_leaps_ahead_gives_one_burst_and_no_more() -> None:
    meter = Meter(LimitPolicy("calm", 10, 10))
    for _ in range(10):
        passes(meter, "key", START)

    later = START + 365 * 86_400 * SECOND

    assert sum(passes(meter, "key", later) for _ in range(100)) == 10


def test_who_owes_nothing_is_forgotten_and_nothing_changes() -> None:
    meter = Meter(LimitPolicy("calm", 10, 10))
    for number in range(1000):
        passes(meter, str(number), START + number)
    passes(meter, "late", START + 5 * SECOND)

    for _ in range(10):
        meter.sweep(START + 5 * SECOND)

    assert list(meter.due) == ["late"]


def test_a_flood_of_new_names_does_not_make_us_forget_who_is_over_the_limit() -> None:
    meter = Meter(LimitPolicy("sign-in", 10, 60), most=100)
    while passes(meter, "attacker", START):
        pass

    for number in range(5_000):
        passes(meter, f"made up {number}", START)

    assert len(meter) == 100
    assert meter.evicted == 4_901
    assert not passes(meter, "attacker", START)


def test_a_policy_that_became_smaller_takes_over_what_was_counted() -> None:
    before = Meter(LimitPolicy("calm", 100, 10))
    for _ in range(100):
        passes(before, "key", START)
    after = Meter(LimitPolicy("calm", 5, 10))

    after.take_over(before)

    assert after.left("key", START) < 0
    assert after.left("other", START) >= 0
