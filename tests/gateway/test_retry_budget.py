"""Retries are few by construction: simulated outages, whatever came before and however long."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.proxy.resilience.budget import RetryBudget
from gateway.proxy.resilience.meter import Meter
from gateway.proxy.resilience.retrying import (
    LONGEST_PAUSE,
    MOST_RETRIES,
    pause,
    repeatable,
    worth_repeating,
)


def outage(requests: int, per_second: float, budget: RetryBudget, now: float) -> float:
    """Every try fails; returns how many tries there were for each request."""
    tries = 0
    for n in range(requests):
        tries += 1
        for _ in range(MOST_RETRIES):
            if not budget.spend(now + n / per_second):
                break
            tries += 1
    return tries / requests


@pytest.mark.parametrize("requests", [20, 50, 1000])
@pytest.mark.parametrize("per_second", [1.0, 20.0, 1000.0])
def test_an_outage_from_the_start_is_amplified_by_less_than_a_fifth(
    per_second: float, requests: int
) -> None:
    budget = RetryBudget(Meter())

    assert outage(requests, per_second, budget, now=0.0) <= 1.2


@pytest.mark.parametrize("requests", [50, 500])
@pytest.mark.parametrize("good", [100, 10_000, 1_000_000])
def test_good_times_before_do_not_pay_for_a_storm(good: int, requests: int) -> None:
    meter = Meter()
    budget = RetryBudget(meter)
    meter.good += good

    assert outage(requests, 500.0, budget, now=0.0) <= 1.2


def test_the_longer_it_lasts_the_fewer_are_sent_again() -> None:
    budget = RetryBudget(Meter())

    parts = [outage(1000, 100.0, budget, now=10.0 * part) for part in range(5)]

    assert parts[0] > parts[1]
    assert max(parts[1:]) <= 1.002


def test_a_service_that_fails_now_and_then_has_every_failure_repeated() -> None:
    meter, random = Meter(), Random(1)
    budget = RetryBudget(meter)
    refused = 0
    for n in range(10_000):
        if random.random() < 0.1:
            refused += not budget.spend(n / 100)
        meter.good += 1

    assert refused == 0


def test_a_quiet_service_gets_a_few_back_with_time() -> None:
    budget = RetryBudget(Meter(), floor=10.0, per_second=0.1)
    while budget.spend(0.0):
        pass

    assert not budget.spend(5.0)
    assert budget.spend(10.1)
    assert budget.left(10_000.0) == 10.0


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 10)), max_size=300))
def test_retries_never_exceed_the_share_plus_what_the_purse_holds(
    story: list[tuple[bool, float]],
) -> None:
    meter = Meter()
    budget = RetryBudget(meter, share=0.2, most=50.0, floor=10.0, per_second=0.1)
    now = retries = 0.0
    for good, seconds in story:
        now += seconds
        if good:
            meter.good += 1
        else:
            retries += budget.spend(now)

    assert retries <= 10.0 + 0.2 * meter.good + 0.1 * now + 1e-6
    assert budget.left(now) <= 50.0


@pytest.mark.parametrize(
    ("method", "keyed", "may"),
    [
        ("GET", False, True),
        ("HEAD", False, True),
        ("OPTIONS", False, True),
        ("PUT", False, True),
        ("DELETE", False, True),
        ("POST", False, False),
        ("PATCH", False, False),
        ("POST", True, True),
        ("PATCH", True, True),
    ],
)
def test_only_what_can_be_done_twice_is_sent_twice_rfc_9110_9_2_2(
    method: str, keyed: bool, may: bool
) -> None:
    assert repeatable(method, keyed=keyed) is may


@pytest.mark.parametrize(
    ("status", "retry_after", "worth"),
    [
        (502, None, True),
        (503, None, True),
        (504, None, True),
        (503, b"0", True),
        (503, b"1", True),
        (503, b"2", False),
        (503, b"Wed, 21 Oct 2026 07:28:00 GMT", False),
        (500, None, False),
        (501, None, False),
        (429, b"1", False),
        (404, None, False),
        (200, None, False),
    ],
)
def test_only_answers_of_the_moment_are_asked_for_again_rfc_9110_10_2_3(
    status: int, retry_after: bytes | None, worth: bool
) -> None:
    assert worth_repeating(status, retry_after) is worth


def test_pauses_grow_differ_and_stay_short() -> None:
    random = Random(7)

    first = [pause(1, elsewhere=False, random=random) for _ in range(20)]
    later = [pause(9, elsewhere=False, random=random) for _ in range(20)]

    assert len(set(first)) > 10
    assert max(first) <= 0.025
    assert LONGEST_PAUSE / 2 <= min(later) <= max(later) <= LONGEST_PAUSE


def test_another_replica_is_asked_at_once_but_only_the_first_time() -> None:
    assert pause(1, elsewhere=True) == 0.0
    assert pause(2, elsewhere=True) > 0.0
