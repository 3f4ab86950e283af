"""What the catalog does when something happens in the shop."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from catalog_service.usecases.products import withdraw_product
from shared.events import Event
from shared.service import Service
from shared.testing import recorded_clock, sent_by, tell
from tests.catalog_service.builders import (
    answers_to,
    cancelled,
    hold_state,
    paid,
    placed,
    products,
    shelf,
    types_for,
)


class OddOrder(Event, type="shop.order.placed.v1", key="order_id"):
    """An order as it should never come."""

    order_id: UUID
    lines: Any


def test_a_placed_order_gets_its_goods_held_until_its_time_is_over(service: Service) -> None:
    products(service, MUG=3, PEN=5)
    order = uuid4()

    with recorded_clock() as time:
        tell(service, placed(order, MUG=2, PEN=1))

    [(type_, said)] = answers_to(service, order)
    assert type_ == "catalog.stock.held.v1"
    assert said["version"] == 1
    assert said["expires_at"] == time.at.replace(minute=41).isoformat().replace("+00:00", "Z")
    assert (shelf(service), shelf(service, "PEN")) == ((3, 2), (5, 1))


def test_it_is_told_how_many_can_be_bought_whenever_that_changes(service: Service) -> None:
    products(service, MUG=3)
    order, other = uuid4(), uuid4()

    tell(service, placed(order, MUG=2))
    tell(service, paid(order))  # what was held is sold: to a buyer nothing has changed
    tell(service, placed(other, MUG=1))

    levels = [e.data for e in sent_by(service) if e.type == "catalog.stock.level.v1"]
    assert [(each["version"], each["available"]) for each in levels] == [(1, 3), (2, 1), (4, 0)]


def test_an_order_we_cannot_fill_holds_nothing_and_is_told_why(service: Service) -> None:
    products(service, MUG=9, PEN=1)
    order = uuid4()

    tell(service, placed(order, MUG=2, PEN=2, GONE=1))

    [(type_, said)] = answers_to(service, order)
    assert type_ == "catalog.stock.refused.v1"
    assert said["reason"] == (
        "Not everything is there any more: GONE is sold out, only 1 of Pen are left."
    )
    assert said["lines"] == [
        {"sku": "GONE", "wanted": 1, "available": 0},
        {"sku": "PEN", "wanted": 2, "available": 1},
    ]
    assert (shelf(service), shelf(service, "PEN")) == ((9, 0), (1, 0))


def test_two_lines_of_one_sku_are_one_demand(service: Service) -> None:
    products(service, MUG=3)
    order = uuid4()
    event = placed(order, MUG=2)

    tell(service, event.model_copy(update={"lines": event.lines * 2}))

    assert types_for(service, order) == ["refused"]
    assert shelf(service) == (3, 0)


def test_a_withdrawn_product_is_held_for_nobody(service: Service) -> None:
    products(service, MUG=3)
    with service.transactions.begin() as work:
        withdraw_product(work, "MUG")
    order = uuid4()

    tell(service, placed(order, MUG=1))

    assert types_for(service, order) == ["refused"]


def test_a_paid_order_takes_its_goods_off_the_shelf(service: Service) -> None:
    products(service, MUG=3)
    order = uuid4()

    tell(service, placed(order, MUG=2))
    tell(service, paid(order))

    assert types_for(service, order) == ["held", "committed"]
    assert shelf(service) == (1, 0)


def test_a_cancelled_order_gives_its_goods_back(service: Service) -> None:
    products(service, MUG=3)
    order = uuid4()

    tell(service, placed(order, MUG=2))
    tell(service, cancelled(order))

    assert types_for(service, order) == ["held", "released"]
    assert answers_to(service, order)[-1][1]["reason"] == "cancelled"
    assert shelf(service) == (3, 0)


def test_goods_of_an_order_that_is_cancelled_after_payment_come_back(service: Service) -> None:
    products(service, MUG=3)
    order = uuid4()

    for event in (placed(order, MUG=2), paid(order), cancelled(order)):
        tell(service, event)

    assert types_for(service, order) == ["held", "committed", "released"]
    assert shelf(service) == (3, 0)


def test_the_same_event_under_another_id_changes_nothing_more(service: Service) -> None:
    products(service, MUG=9)
    order = uuid4()

    for event in (placed(order, MUG=2), paid(order), cancelled(order)):
        tell(service, event)
        tell(service, event)

    assert types_for(service, order) == ["held", "committed", "released"]
    assert shelf(service) == (9, 0)


def test_the_same_event_under_the_same_id_takes_effect_once(service: Service) -> None:
    products(service, MUG=9)
    order = uuid4()

    event_id = tell(service, placed(order, MUG=2))
    tell(service, placed(order, MUG=2), id=event_id)

    assert types_for(service, order) == ["held"]


def test_an_order_that_was_cancelled_before_we_saw_it_holds_nothing(service: Service) -> None:
    products(service, MUG=3)
    order = uuid4()

    tell(service, cancelled(order))
    tell(service, placed(order, MUG=2))
    tell(service, paid(order))

    assert types_for(service, order) == []
    assert hold_state(service, order) == ("tombstone", "")
    assert shelf(service) == (3, 0)


def test_an_order_that_was_paid_before_we_saw_it_is_sold_when_we_do(service: Service) -> None:
    products(service, MUG=3)
    order = uuid4()

    tell(service, paid(order))
    tell(service, placed(order, MUG=2))

    assert types_for(service, order) == ["committed"]
    assert shelf(service) == (1, 0)


def test_an_order_paid_before_we_saw_it_lapses_when_the_goods_are_gone(service: Service) -> None:
    products(service, MUG=1)
    order = uuid4()

    tell(service, paid(order))
    tell(service, placed(order, MUG=2))

    assert answers_to(service, order)[0][1]["reason"] == "lapsed"
    assert shelf(service) == (1, 0)


def test_an_order_paid_and_cancelled_before_we_saw_it_holds_nothing(service: Service) -> None:
    products(service, MUG=3)
    order = uuid4()

    for event in (paid(order), cancelled(order), placed(order, MUG=2)):
        tell(service, event)

    assert types_for(service, order) == []
    assert shelf(service) == (3, 0)


@pytest.mark.parametrize("lines", [[{"sku": "MUG", "quantity": 0}], [{"sku": "MUG"}], "MUG", None])
def test_an_order_that_makes_no_sense_becomes_a_dead_letter(service: Service, lines: Any) -> None:
    products(service, MUG=2)
    order = uuid4()

    tell(service, OddOrder(order_id=order, lines=lines))

    assert types_for(service, order) == []
    with service.transactions.read() as work:
        assert work.session.query(service.tables.parked.dead_at).all()[0].dead_at


def test_goods_that_cannot_exist_are_refused_like_any_other(service: Service) -> None:
    order = uuid4()

    tell(service, placed(order, **{"NUL\x00": 1, "": 2, "x" * 500: 3}))

    assert types_for(service, order) == ["refused"]


def test_a_demand_beyond_all_numbers_is_refused_like_any_other(service: Service) -> None:
    products(service, MUG=2)
    order = uuid4()

    tell(service, placed(order, MUG=10**30))

    assert types_for(service, order) == ["refused"]
