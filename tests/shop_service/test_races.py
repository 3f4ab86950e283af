"""Two want the same order at the same moment: exactly one gets it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from uuid import UUID

import pytest

from shared.errors import Refusal
from shared.identity import ANONYMOUS, Principal
from shared.ids import new_id
from shared.service import Service
from shared.testing import RecordedClock, after_the_first, crossing
from shop_service.usecases import orders, payments
from shop_service.usecases.checkout import cancel_what_waits_too_long
from shop_service.usecases.upkeep import expire_guest_carts
from tests.shop_service import builders as b

STAFF = Principal(new_id(), "Staff", staff=True, superuser=True)


def together(*acts: Callable[[], object]) -> None:
    """Run them all at the same moment."""
    gate = threading.Barrier(len(acts))

    def run(act: Callable[[], object]) -> None:
        gate.wait()
        act()

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def quietly(service: Service, act: Callable[..., object], *what: object) -> Callable[[], None]:
    """The use-case in a transaction of its own; a refusal is a fine answer."""

    def run() -> None:
        try:
            with service.transactions.begin() as work:
                act(work, *what)
        except Refusal:
            return

    return run


def test_a_cancellation_and_a_payment_have_one_winner(service: Service) -> None:
    till = b.till_of(service)
    order_ids = [b.a_placed_order(service) for _ in range(8)]

    for order_id in order_ids:
        b.hold(service, order_id)
        together(
            lambda: payments.run_errands(service.transactions, till),
            quietly(service, orders.cancel_order, order_id, ANONYMOUS),
        )
        with service.transactions.begin() as work:  # what waits for the lease need not wait here
            b.make_due(work, order_id)
        b.pay(service)

    for order_id in order_ids:
        seen = b.look_at(service, order_id)
        assert seen.step == "done"
        assert seen.axes in (
            ("confirmed", "captured", "unfulfilled"),
            ("cancelled", "voided", "cancelled"),
        )
        assert (seen.books == "captured") == (seen.status == "confirmed")
    assert b.wrongs(service) == []


def test_two_workers_take_the_money_once(service: Service) -> None:
    order_ids = [b.a_placed_order(service) for _ in range(5)]
    for order_id in order_ids:
        b.hold(service, order_id)
    till = b.till_of(service)

    def work_off() -> None:
        while payments.run_errands(service.transactions, till):
            pass

    together(work_off, work_off, work_off)

    assert {b.look_at(service, each).status for each in order_ids} == {"confirmed"}
    assert b.types_sent(service).count("order.paid.v1") == 5
    assert b.wrongs(service) == []


def test_shipping_and_refunding_have_one_winner_or_take_turns(service: Service) -> None:
    order_id = b.a_confirmed_order(service)

    together(
        quietly(service, orders.ship_order, order_id, STAFF),
        quietly(service, orders.refund_order, order_id, STAFF),
    )
    b.pay(service)

    seen = b.look_at(service, order_id)
    assert seen.payment == "refunded"
    assert seen.fulfilment in ("shipped", "cancelled")
    assert ("order.shipped.v1" in b.types_sent(service)) == (seen.fulfilment == "shipped")


def test_cancelling_twice_at_once_cancels_once(service: Service) -> None:
    order_id = b.a_placed_order(service)
    cancel = quietly(service, orders.cancel_order, order_id, ANONYMOUS)

    together(cancel, cancel, cancel)

    assert b.types_sent(service) == ["order.placed.v1", "order.cancelled.v1"]


def test_a_cart_never_expires_under_its_order(service: Service) -> None:
    for _ in range(5):
        shopper = b.a_shopper(service, mug=1)
        wish = orders.OrderWish(shopper, "a@example.com", "Ada", dict(b.ADDRESS), b.GOOD)

        together(
            quietly(service, orders.place_order, wish, b.till_of(service)),
            lambda: expire_guest_carts(service.transactions, -1),
        )

    placed = b.types_sent(service).count("order.placed.v1")
    assert placed == b.count_of(service, "orders") == b.count_of(service, "order_lines")


def test_goods_that_lapse_while_staff_refund_end_the_order_with_it(service: Service) -> None:
    order_id = b.a_confirmed_order(service)
    quietly(service, orders.refund_order, order_id, STAFF)()

    b.release(service, order_id, "lapsed")
    b.pay(service)

    assert_off_with_money_back(service, order_id)


@crossing
@pytest.mark.parametrize("moment", ["SELECT checkouts.step", "SELECT orders.id"])
def test_goods_that_lapse_at_the_moment_of_a_refund_end_the_order_with_it(
    service: Service, moment: str
) -> None:
    order_id = b.a_confirmed_order(service)
    refund = quietly(service, orders.refund_order, order_id, STAFF)

    with after_the_first(service, moment, refund):
        b.release(service, order_id, "lapsed")
    b.pay(service)

    assert_off_with_money_back(service, order_id)


@crossing
@pytest.mark.parametrize("moment", ["SELECT checkouts.ends_order", "UPDATE checkouts SET step"])
def test_goods_that_lapse_as_the_money_goes_back_end_the_order_with_it(
    service: Service, moment: str
) -> None:
    order_id = b.a_confirmed_order(service)
    quietly(service, orders.refund_order, order_id, STAFF)()
    till = b.till_of(service)
    with service.transactions.begin() as work:
        errand = payments.take_errand(work, order_id, 0, till.pace)
    assert errand is not None

    with after_the_first(service, moment, lambda: b.release(service, order_id, "lapsed")):
        payments.run_errand(service.transactions, till, errand)

    assert_off_with_money_back(service, order_id)


def assert_off_with_money_back(service: Service, order_id: UUID) -> None:
    seen = b.look_at(service, order_id)
    assert (*seen.axes, seen.code) == ("cancelled", "refunded", "cancelled", "stock-lapsed")
    assert (seen.step, seen.captured, seen.refunded) == ("done", 1250, 1250)
    assert b.types_sent(service)[-2:] == ["order.refunded.v1", "order.cancelled.v1"]
    assert b.wrongs(service) == []


@crossing
def test_an_answer_that_comes_as_its_time_is_up_is_not_called_off(
    service: Service, time: RecordedClock
) -> None:
    order_id = b.a_placed_order(service)
    time.forward(minutes=16)

    with after_the_first(service, "SELECT checkouts.order_id", lambda: b.hold(service, order_id)):
        cancel_what_waits_too_long(service.transactions)
    b.pay(service)

    assert b.look_at(service, order_id).axes == ("confirmed", "captured", "unfulfilled")


@crossing
def test_money_that_comes_in_while_it_is_counted_is_no_wrong(service: Service) -> None:
    b.a_confirmed_order(service)

    with after_the_first(service, "SELECT", lambda: b.a_confirmed_order(service)):
        assert b.wrongs(service) == []


@crossing
def test_money_that_goes_back_while_the_books_are_compared_is_no_wrong(service: Service) -> None:
    order_id = b.a_confirmed_order(service)

    def give_back() -> None:
        quietly(service, orders.refund_order, order_id, STAFF)()
        b.pay(service)

    with after_the_first(service, "SELECT orders.number, payments.order_id", give_back):
        assert b.wrongs(service) == []
    assert b.look_at(service, order_id).refunded == 1250
