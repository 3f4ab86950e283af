"""A process whose clock jumps by an hour neither fires a timeout early nor sleeps through one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from shared import clock
from shared.database import database_now
from shared.service import Service
from shared.testing import RecordedClock
from shop_service.db.models import Checkout
from shop_service.usecases.checkout import cancel_what_waits_too_long
from tests.shop_service import builders as b

JUMPS = [timedelta(hours=1), timedelta(hours=-1)]
both_ways = pytest.mark.parametrize("jump", JUMPS, ids=["ahead", "back"])


@both_ways
def test_an_order_does_not_time_out_because_a_clock_jumps(
    service: Service, jump: timedelta
) -> None:
    order_id = b.a_placed_order(service)

    with clock.wrong_by(jump):
        cancelled = cancel_what_waits_too_long(service.transactions)

    assert cancelled == 0
    assert b.look_at(service, order_id).status == "placed"


@both_ways
def test_an_order_placed_by_a_wrong_clock_times_out_when_the_others_say(
    service: Service, jump: timedelta, time: RecordedClock
) -> None:
    with clock.wrong_by(jump):
        order_id = b.a_placed_order(service)

    time.forward(minutes=14, seconds=59)
    early = cancel_what_waits_too_long(service.transactions)
    time.forward(seconds=2)
    cancel_what_waits_too_long(service.transactions)

    assert early == 0
    assert b.look_at(service, order_id).code == "stock-timeout"


@both_ways
def test_a_payment_is_made_at_once_by_a_process_whose_clock_is_wrong(
    service: Service, jump: timedelta
) -> None:
    order_id = b.a_placed_order(service)

    b.hold(service, order_id)
    with clock.wrong_by(jump):
        b.pay(service)

    assert b.look_at(service, order_id).axes == ("confirmed", "captured", "unfulfilled")


@both_ways
def test_an_errand_in_the_hands_of_one_process_is_not_taken_by_one_with_a_wrong_clock(
    service: Service, jump: timedelta, time: RecordedClock
) -> None:
    order_id = b.a_placed_order(service, b.SILENT)
    b.hold(service, order_id)
    b.pay(service)  # no answer: it is due again in half a second

    with clock.wrong_by(jump):
        b.pay(service)

    assert attempts(service, order_id) == 1
    time.forward(seconds=1)
    with clock.wrong_by(jump):
        b.pay(service)
    assert attempts(service, order_id) == 2


def test_what_the_database_says_does_not_depend_on_our_clock(service: Service) -> None:
    with clock.wrong_by(timedelta(hours=1)), service.transactions.read() as work:
        apart = clock.now() - database_now(work.session)

    assert timedelta(minutes=59) < apart < timedelta(minutes=61)


def attempts(service: Service, order_id: object) -> int | None:
    with service.transactions.read() as work:
        return work.session.scalar(select(Checkout.attempts).where(Checkout.order_id == order_id))
