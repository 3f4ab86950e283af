"""From a placed order to a settled one, whatever answers come, late, twice or never."""

from __future__ import annotations

import pytest

from shared.ids import new_id
from shared.service import Service
from shared.testing import RecordedClock, sent_by
from shop_service.usecases import payments
from shop_service.usecases.checkout import cancel_what_waits_too_long
from tests.shop_service import builders as b


def test_goods_set_aside_and_a_good_card_make_a_confirmed_order(service: Service) -> None:
    order_id = b.a_placed_order(service, mug=2)

    b.hold(service, order_id)
    b.pay(service)

    seen = b.look_at(service, order_id)
    assert seen.axes == ("confirmed", "captured", "unfulfilled")
    assert (seen.step, seen.captured, seen.books) == ("done", 2500, "captured")
    assert b.types_sent(service) == ["order.placed.v1", "order.paid.v1", "order.confirmed.v1"]
    assert b.wrongs(service) == []


def test_every_event_of_an_order_carries_a_version_of_its_own(service: Service) -> None:
    order_id = b.a_confirmed_order(service)

    versions = [each.version for each in sent_by(service)]

    assert versions == sorted(set(versions))
    assert versions[-1] == b.look_at(service, order_id).version


@pytest.mark.parametrize(
    ("card", "code"),
    [(b.DECLINED, "payment-declined"), (b.POOR, "insufficient-funds")],
)
def test_a_card_that_is_refused_cancels_the_order_and_says_why(
    service: Service, card: str, code: str
) -> None:
    order_id = b.a_placed_order(service, card)

    b.hold(service, order_id)
    b.pay(service)

    seen = b.look_at(service, order_id)
    assert (*seen.axes, seen.code) == ("cancelled", "declined", "cancelled", code)
    assert b.types_sent(service) == ["order.placed.v1", "order.cancelled.v1"]
    assert sent_by(service)[-1].data["reason"].endswith("Nothing was charged.")


def test_goods_that_are_gone_cancel_the_order_without_asking_the_provider(
    service: Service,
) -> None:
    order_id = b.a_placed_order(service)

    b.refuse(service, order_id)
    b.pay(service)

    seen = b.look_at(service, order_id)
    assert (*seen.axes, seen.code) == ("cancelled", "voided", "cancelled", "out-of-stock")
    assert seen.books == ""


def test_no_word_from_the_catalog_cancels_the_order_in_time(
    service: Service, time: RecordedClock
) -> None:
    order_id = b.a_placed_order(service)

    time.forward(minutes=14, seconds=59)
    early = cancel_what_waits_too_long(service.transactions)
    time.forward(seconds=2)
    cancel_what_waits_too_long(service.transactions)

    seen = b.look_at(service, order_id)
    assert early == 0
    assert (seen.status, seen.code, seen.step) == ("cancelled", "stock-timeout", "done")


def test_an_answer_that_was_late_turns_out_to_be_yes(service: Service, time: RecordedClock) -> None:
    order_id = b.a_placed_order(service, b.LATE)
    b.hold(service, order_id)

    b.pay(service)
    unsure = b.look_at(service, order_id)
    time.forward(seconds=1)
    b.pay(service)

    assert (unsure.status, unsure.books) == ("placed", "authorised")
    assert b.look_at(service, order_id).axes == ("confirmed", "captured", "unfulfilled")
    assert b.wrongs(service) == []


def test_a_provider_that_never_answers_is_given_up_and_called_off(
    service: Service, time: RecordedClock
) -> None:
    order_id = b.a_placed_order(service, b.SILENT)
    b.hold(service, order_id)

    for _ in range(25):
        b.pay(service)
        time.forward(seconds=1)
        if b.look_at(service, order_id).status == "cancelled":
            break
    b.pay(service)

    seen = b.look_at(service, order_id)
    assert (*seen.axes, seen.code) == ("cancelled", "voided", "cancelled", "payment-timeout")
    assert (seen.step, seen.books) == ("done", "voided")
    assert b.types_sent(service).count("order.cancelled.v1") == 1


def test_dying_between_the_providers_answer_and_our_note_takes_the_money_once(
    service: Service, time: RecordedClock
) -> None:
    order_id = b.a_placed_order(service)
    b.hold(service, order_id)
    till = b.till_of(service)

    with service.transactions.begin() as work:
        errand = payments.take_errand(work, order_id, 0, till.pace)
    assert errand is not None
    payments.ask(till.provider, errand)  # and here the process dies
    nobody_else = b.pay(service)
    time.forward(seconds=6)
    b.pay(service)

    seen = b.look_at(service, order_id)
    assert nobody_else == 0
    assert (seen.status, seen.captured, seen.books) == ("confirmed", 1250, "captured")
    assert b.wrongs(service) == []


def test_dying_after_the_capture_confirms_the_order_all_the_same(
    service: Service, time: RecordedClock
) -> None:
    order_id = b.a_placed_order(service)
    b.hold(service, order_id)
    till = b.till_of(service)

    with service.transactions.begin() as work:
        errand = payments.take_errand(work, order_id, 0, till.pace)
    assert errand is not None
    with service.transactions.begin() as work:
        answer = payments.ask(till.provider, errand)
        follows = payments.note_answer(work, errand, answer, till.pace)
    assert follows is not None
    payments.ask(till.provider, follows)  # the money is taken, and the process dies
    time.forward(seconds=6)
    b.pay(service)

    assert b.look_at(service, order_id).axes == ("confirmed", "captured", "unfulfilled")
    assert b.types_sent(service).count("order.paid.v1") == 1


def test_a_promise_that_arrives_after_the_cancellation_is_let_go(service: Service) -> None:
    order_id = b.a_placed_order(service)
    b.hold(service, order_id)
    till = b.till_of(service)
    with service.transactions.begin() as work:
        errand = payments.take_errand(work, order_id, 0, till.pace)
    assert errand is not None

    b.release(service, order_id, "expired")
    answer = payments.ask(till.provider, errand)
    with service.transactions.begin() as work:
        follows = payments.note_answer(work, errand, answer, till.pace)
    b.pay(service)

    seen = b.look_at(service, order_id)
    assert follows is None
    assert (*seen.axes, seen.code) == ("cancelled", "voided", "cancelled", "hold-expired")
    assert (seen.step, seen.books) == ("done", "voided")
    assert b.wrongs(service) == []


def test_a_call_that_comes_after_it_was_called_off_is_declined(
    service: Service, time: RecordedClock
) -> None:
    order_id = b.a_placed_order(service)
    b.hold(service, order_id)
    till = b.till_of(service)
    with service.transactions.begin() as work:
        errand = payments.take_errand(work, order_id, 0, till.pace)
    assert errand is not None

    b.release(service, order_id, "expired")
    time.forward(seconds=6)
    b.pay(service)
    with service.transactions.begin() as work:
        answer = payments.ask(till.provider, errand)
        payments.note_answer(work, errand, answer, till.pace)
    b.pay(service)

    seen = b.look_at(service, order_id)
    assert (*seen.axes, seen.books) == ("cancelled", "voided", "cancelled", "voided")


def test_goods_that_lapsed_after_payment_send_the_money_back(service: Service) -> None:
    order_id = b.a_confirmed_order(service)

    b.release(service, order_id, "lapsed")
    between = b.look_at(service, order_id)
    b.pay(service)

    seen = b.look_at(service, order_id)
    assert (between.status, between.step) == ("confirmed", "refunding")
    assert (*seen.axes, seen.code) == ("cancelled", "refunded", "cancelled", "stock-lapsed")
    assert (seen.captured, seen.refunded) == (1250, 1250)
    assert b.types_sent(service)[-2:] == ["order.refunded.v1", "order.cancelled.v1"]
    assert b.wrongs(service) == []


def test_late_doubled_and_mixed_up_stock_news_changes_nothing(service: Service) -> None:
    confirmed, cancelled = b.a_confirmed_order(service), b.a_placed_order(service)
    b.refuse(service, cancelled)
    before = b.look_at(service, confirmed), b.look_at(service, cancelled)

    for order_id in (confirmed, cancelled):
        b.hold(service, order_id)
        b.refuse(service, order_id)
        b.release(service, order_id, "expired")
        b.release(service, order_id, "cancelled")
    b.release(service, cancelled, "lapsed")
    b.commit(service, cancelled)
    b.pay(service)

    assert (b.look_at(service, confirmed), b.look_at(service, cancelled)) == before


def test_the_same_news_twice_is_heard_once(service: Service) -> None:
    order_id = b.a_placed_order(service)

    event_id = b.hold(service, order_id)
    b.pay(service)
    b.hold(service, order_id, id=event_id)
    b.pay(service)

    assert b.types_sent(service).count("order.paid.v1") == 1


def test_a_clock_that_jumps_ahead_asks_the_provider_before_it_gives_up(
    service: Service, time: RecordedClock
) -> None:
    order_id = b.a_placed_order(service)
    b.hold(service, order_id)

    time.forward(hours=3)
    cancel_what_waits_too_long(service.transactions)
    b.pay(service)

    assert b.look_at(service, order_id).status == "confirmed"


def test_a_clock_that_jumps_back_does_not_freeze_a_payment(
    service: Service, time: RecordedClock
) -> None:
    order_id = b.a_placed_order(service, b.LATE)
    b.hold(service, order_id)
    b.pay(service)

    time.forward(hours=-3)
    b.pay(service)

    assert b.look_at(service, order_id).status == "confirmed"


def test_unknown_orders_in_the_catalogs_news_are_ignored(service: Service) -> None:
    stranger = new_id()

    b.hold(service, stranger)
    b.commit(service, stranger)
    b.release(service, stranger, "lapsed")

    with service.transactions.read() as work:
        assert work.session.query(service.tables.parked).count() == 0
