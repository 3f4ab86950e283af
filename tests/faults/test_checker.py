"""A checker that cannot fail proves nothing: here the books are falsified, and it must notice."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace

import pytest

from tests.faults.checker import Expected, Verdict, check
from tests.faults.facts import Facts, Parked, read_facts, subscriptions
from tests.faults.rig import Rig
from tests.faults.rounds import Scenario, play

QUIET = Scenario("nothing happens", (), lambda _: None, orders=25)
Falsify = Callable[[Facts], None]


@pytest.fixture(scope="module")
def honest(rig: Rig, tmp_path_factory: pytest.TempPathFactory) -> tuple[Facts, Expected]:
    """The books after some honest trade, and what is expected of them."""
    result = play(rig, QUIET, 5, tmp_path_factory.mktemp("history") / "history.jsonl")
    assert result.broken == []
    facts = read_facts(rig)
    numbers = {str(at): number for at, (_, number, *_) in enumerate(facts.orders)}
    return facts, Expected(subscriptions(rig), numbers, before=rig.said_before)


def _verdict(honest: tuple[Facts, Expected], falsify: Falsify) -> Verdict:
    facts = deepcopy(honest[0])
    falsify(facts)
    return check(facts, honest[1])


def _heard_by_shop(facts: Facts) -> int:
    return next(
        at for at, each in enumerate(facts.heard) if each.type == "catalog.stock.committed.v1"
    )


def _of_confirmed(facts: Facts) -> str:
    return str(next(order for order, _, status, *_ in facts.orders if status == "confirmed"))


def test_honest_books_pass(honest: tuple[Facts, Expected]) -> None:
    assert _verdict(honest, lambda _: None).broken == []


def test_a_lost_event_is_noticed(honest: tuple[Facts, Expected]) -> None:
    verdict = _verdict(honest, lambda facts: facts.heard.pop(_heard_by_shop(facts)) and None)

    assert verdict.lost == 1
    assert any("I1: shop never heard 1 events" in each for each in verdict.broken)


def test_an_event_that_nobody_said_is_noticed(honest: tuple[Facts, Expected]) -> None:
    def invent(facts: Facts) -> None:
        facts.heard.append(facts.heard[_heard_by_shop(facts)]._replace(id="never-said"))

    assert any("nobody said" in each for each in _verdict(honest, invent).broken)


def test_an_effect_that_happened_twice_is_noticed(honest: tuple[Facts, Expected]) -> None:
    def repeat(facts: Facts) -> None:
        facts.movements.append(next(each for each in facts.movements if each[1] == "committed"))

    verdict = _verdict(honest, repeat)

    assert verdict.double_applied >= 1
    assert any(each.startswith("I2") for each in verdict.broken)


def test_an_oversold_shelf_is_noticed(honest: tuple[Facts, Expected]) -> None:
    def oversell(facts: Facts) -> None:
        sku, on_hand, held = facts.shelves[0]
        facts.shelves[0] = (sku, -1, held)
        facts.movements.append((sku, "adjusted", -1 - on_hand, 0, ""))

    assert any("impossible" in each for each in _verdict(honest, oversell).broken)


def test_a_capture_without_an_order_is_noticed(honest: tuple[Facts, Expected]) -> None:
    verdict = _verdict(
        honest, lambda facts: facts.charges.append(("an-orphan", "captured", 990, 0))
    )

    assert any("do not exist" in each for each in verdict.broken)


def test_money_kept_for_a_cancelled_order_is_noticed(honest: tuple[Facts, Expected]) -> None:
    def cancel(facts: Facts) -> None:
        order = _of_confirmed(facts)
        facts.orders = [
            (id_, number, "cancelled" if id_ == order else status, payment, total)
            for id_, number, status, payment, total in facts.orders
        ]

    assert any(each.startswith("I4") for each in _verdict(honest, cancel).broken)


def test_an_acknowledged_order_that_is_gone_is_noticed(honest: tuple[Facts, Expected]) -> None:
    verdict = _verdict(honest, lambda facts: facts.orders.pop() and None)

    assert verdict.lost == 1
    assert any(each.startswith("I6") for each in verdict.broken)


def test_a_checkout_without_an_end_is_noticed(honest: tuple[Facts, Expected]) -> None:
    def reopen(facts: Facts) -> None:
        facts.steps[_of_confirmed(facts)] = "paying"

    assert any(each.startswith("I5") for each in _verdict(honest, reopen).broken)


def test_events_heard_out_of_order_are_noticed(honest: tuple[Facts, Expected]) -> None:
    def turn_time_around(facts: Facts) -> None:
        times = sorted({each.at for each in facts.heard})
        turned = dict(zip(times, reversed(times), strict=True))
        facts.heard = [each._replace(at=turned[each.at]) for each in facts.heard]

    assert any(each.startswith("I7") for each in _verdict(honest, turn_time_around).broken)


def test_what_was_not_sent_or_died_is_noticed(honest: tuple[Facts, Expected]) -> None:
    def spoil(facts: Facts) -> None:
        facts.said[0] = facts.said[0]._replace(sent=False)
        facts.parked.append(Parked("shop", "01-dead", True, "it broke"))

    broken = _verdict(honest, spoil).broken

    assert sum(each.startswith("I8") for each in broken) == 2


def test_a_copy_that_differs_is_noticed(honest: tuple[Facts, Expected]) -> None:
    def misprice(facts: Facts) -> None:
        sku, (name, price, *rest) = next(iter(facts.copies.items()))
        facts.copies[sku] = (name, price + 1, *rest)

    assert any(each.startswith("I9") for each in _verdict(honest, misprice).broken)


def test_messages_that_wait_and_listeners_that_left_are_noticed(
    honest: tuple[Facts, Expected],
) -> None:
    facts, expected = deepcopy(honest[0]), replace(honest[1], consumers={"shop": 1})
    facts.waiting["shop"], facts.consumers["shop"] = 3, 0

    assert sum(each.startswith("I10") for each in check(facts, expected).broken) == 2


def test_a_cause_that_does_not_exist_is_noticed(honest: tuple[Facts, Expected]) -> None:
    def orphan(facts: Facts) -> None:
        at = next(
            at
            for at, each in enumerate(facts.said)
            if each.causation and "replica" not in each.type
        )
        facts.said[at] = facts.said[at]._replace(causation="nobody")

    assert any(each.startswith("I12") for each in _verdict(honest, orphan).broken)
