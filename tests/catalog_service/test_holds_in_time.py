"""Holds end: swept, taken over by a buyer, paid too late."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from shared import clock
from shared.service import Service
from shared.testing import recorded_clock, tell
from tests.catalog_service.builders import (
    answers_to,
    cancelled,
    hold_state,
    paid,
    placed,
    products,
    shelf,
    sweep,
    types_for,
)


def test_a_hold_whose_time_is_over_is_released_by_the_sweep(service: Service) -> None:
    products(service, MUG=3)
    order = uuid4()

    with recorded_clock() as time:
        tell(service, placed(order, MUG=2))
        time.forward(minutes=14, seconds=59)
        early = sweep(service)
        time.forward(seconds=1)
        due, again = sweep(service), sweep(service)

    assert (early, due, again) == (0, 1, 0)
    assert answers_to(service, order)[-1][1] == {
        "order_id": str(order), "version": 2, "reason": "expired",
    }  # fmt: skip
    assert shelf(service) == (3, 0)


def test_an_expired_hold_that_nobody_swept_does_not_block_a_buyer(service: Service) -> None:
    products(service, MUG=1, PEN=1)
    slow, quick = uuid4(), uuid4()

    with recorded_clock() as time:
        tell(service, placed(slow, MUG=1, PEN=1))
        time.forward(minutes=15)
        tell(service, placed(quick, MUG=1))

    assert types_for(service, slow) == ["held", "released"]
    assert types_for(service, quick) == ["held"]
    assert (shelf(service), shelf(service, "PEN")) == ((1, 1), (1, 0))


def test_a_payment_after_the_hold_expired_takes_the_goods_again(service: Service) -> None:
    products(service, MUG=3)
    order = uuid4()

    with recorded_clock() as time:
        tell(service, placed(order, MUG=2))
        time.forward(minutes=20)
        sweep(service)
        tell(service, paid(order))

    assert types_for(service, order) == ["held", "released", "committed"]
    assert shelf(service) == (1, 0)


def test_a_payment_lapses_when_its_hold_expired_and_the_goods_are_gone(service: Service) -> None:
    products(service, MUG=2)
    slow, quick = uuid4(), uuid4()

    with recorded_clock() as time:
        tell(service, placed(slow, MUG=2))
        time.forward(minutes=20)
        tell(service, placed(quick, MUG=1))
        tell(service, paid(slow))
        tell(service, paid(slow))

    assert [said.get("reason") for _, said in answers_to(service, slow)] == [
        None, "expired", "lapsed",
    ]  # fmt: skip
    assert shelf(service) == (2, 1)


def test_a_payment_in_time_is_served_even_if_the_sweep_is_late(service: Service) -> None:
    products(service, MUG=2)
    order = uuid4()

    with recorded_clock() as time:
        tell(service, placed(order, MUG=2))
        time.forward(hours=5)
        tell(service, paid(order))

    assert types_for(service, order) == ["held", "committed"]


def test_a_payment_after_expiry_and_cancellation_takes_nothing(service: Service) -> None:
    products(service, MUG=2)
    order = uuid4()

    with recorded_clock() as time:
        tell(service, placed(order, MUG=2))
        time.forward(minutes=20)
        sweep(service)
        tell(service, cancelled(order))
        tell(service, paid(order))

    assert types_for(service, order) == ["held", "released"]
    assert shelf(service) == (2, 0)


def test_a_clock_that_jumps_back_releases_nothing_early(service: Service) -> None:
    products(service, MUG=2)
    order = uuid4()

    with recorded_clock() as time:
        tell(service, placed(order, MUG=2))
        time.forward(days=-30)
        swept = sweep(service)

    assert swept == 0
    assert hold_state(service, order) == ("held", "")


@pytest.mark.parametrize("hours", [1, -1], ids=["ahead", "back"])
def test_a_clock_that_jumps_releases_no_hold_early(service: Service, hours: int) -> None:
    products(service, MUG=3)
    order = uuid4()

    with clock.wrong_by(timedelta(hours=hours)):
        tell(service, placed(order, MUG=2))
        swept_by_the_wrong_clock = sweep(service)

    assert (swept_by_the_wrong_clock, sweep(service)) == (0, 0)
    assert shelf(service) == (3, 2)
