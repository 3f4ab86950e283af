"""The adaptive limit, on a simulated service and a recorded clock: it settles and stays settled."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.proxy.resilience.concurrency import AdaptiveLimit, LimitRules

RULES = LimitRules(least=20, first=400, most=2000, tolerance=2.0, good_enough=0.1, samples=20)


class Workshop:
    """A service with so many workers; each piece takes `seconds`, and waits for a free worker."""

    def __init__(self, workers: int, seconds: float, random: Random) -> None:
        self.workers, self.seconds, self._random = workers, seconds, random

    def a_second_with(self, at_once: int) -> tuple[int, float]:
        """How many pieces are done within a second, and how long they took together."""
        each = self.seconds * max(1.0, at_once / self.workers) * self._random.uniform(0.9, 1.1)
        done = max(1, int(at_once / each))
        return done, done * each


def run(limit: AdaptiveLimit, shop: Workshop, clients: int, seconds: int) -> list[int]:
    """The limit at the end of each second."""
    limits = []
    for _ in range(seconds):
        at_once = min(clients, limit.limit)
        limit.look(*shop.a_second_with(at_once), at_once)
        limits.append(limit.limit)
    return limits


def calm(limit: AdaptiveLimit, shop: Workshop) -> None:
    """Let it learn how long things take."""
    run(limit, shop, clients=5, seconds=10)


@pytest.mark.parametrize("workers", [20, 50, 200])
def test_under_overload_it_settles_near_what_the_service_can_do(workers: int) -> None:
    limit, shop = AdaptiveLimit(RULES), Workshop(workers, 0.1, Random(1))
    calm(limit, shop)

    settled = run(limit, shop, clients=5000, seconds=200)[100:]

    assert workers <= min(settled)
    assert max(settled) <= workers * 3.5


@pytest.mark.parametrize("workers", [20, 50, 200])
def test_it_does_not_oscillate(workers: int) -> None:
    limit, shop = AdaptiveLimit(RULES), Workshop(workers, 0.1, Random(2))
    calm(limit, shop)

    settled = run(limit, shop, clients=5000, seconds=300)[100:]
    middle = sum(settled) / len(settled)
    turns = sum(1 for a, b in zip(settled, settled[1:], strict=False) if abs(a - b) > middle * 0.1)

    assert max(settled) - min(settled) <= middle * 0.35
    assert turns == 0


def test_what_is_fast_enough_is_never_held_back() -> None:
    limit, shop = AdaptiveLimit(RULES), Workshop(4, 0.001, Random(3))
    calm(limit, shop)

    limits = run(limit, shop, clients=256, seconds=100)

    assert min(limits) >= 400


def test_a_service_that_slows_down_for_all_without_a_crowd_keeps_its_limit() -> None:
    limit, shop = AdaptiveLimit(RULES), Workshop(50, 0.1, Random(4))
    calm(limit, shop)
    shop.seconds = 1.0

    limits = run(limit, shop, clients=30, seconds=100)

    assert set(limits) == {400}
    assert limit.usual > 0.15  # and it learns that this is what things take now


def test_it_recovers_when_the_trouble_is_over() -> None:
    limit, shop = AdaptiveLimit(RULES), Workshop(50, 0.1, Random(5))
    calm(limit, shop)
    shop.workers = 10
    narrow = run(limit, shop, clients=1000, seconds=100)[-1]
    shop.workers = 200

    wide = run(limit, shop, clients=1000, seconds=100)[-1]

    assert narrow < 60
    assert wide > 200


@given(
    st.lists(st.tuples(st.integers(0, 500), st.floats(0, 100), st.integers(0, 3000)), max_size=100)
)
def test_whatever_is_measured_it_stays_within_its_bounds(
    measured: list[tuple[int, float, int]],
) -> None:
    limit = AdaptiveLimit(RULES)
    for count, seconds, peak in measured:
        limit.look(count, seconds, peak)
        assert RULES.least <= limit.limit <= RULES.most
