"""All that one order sets off belongs to one story, also what the shop does later by itself."""

from __future__ import annotations

from shared import clock, context
from shared.bus import connect
from shared.consuming import Consumer
from shared.events import Envelope, Event
from shared.ids import new_id
from shared.service import Service
from shared.testing import RecordedClock, sent_by
from shop_service.events import consumed
from shop_service.usecases.checkout import cancel_what_waits_too_long
from tests.shop_service import builders as b

REQUEST = "request-of-a-test"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


def test_a_payment_that_is_made_later_belongs_to_the_request_that_placed_the_order(
    service: Service,
) -> None:
    with context.entered(context.opened(REQUEST, PARENT)):
        order_id = b.a_placed_order(service)
    [placed] = sent_by(service)
    held = answered(service, placed, consumed.StockHeld(order_id=order_id, version=1))

    b.pay(service)  # a job: nothing of the request is left but what the order's row keeps

    events = sent_by(service)
    assert [each.type.split(".")[1:3] for each in events][-2:] == [
        ["order", "paid"],
        ["order", "confirmed"],
    ]
    assert {each.correlation for each in events} == {REQUEST}
    assert {trace_of(each) for each in events} == {TRACE}
    assert [each.causation for each in events] == [None, held.id, held.id]


def test_a_timeout_belongs_to_the_request_that_placed_the_order(
    service: Service, time: RecordedClock
) -> None:
    with context.entered(context.opened(REQUEST, PARENT)):
        b.a_placed_order(service)
    time.forward(minutes=16)

    cancel_what_waits_too_long(service.transactions)

    placed, cancelled = sent_by(service)
    assert cancelled.type == "shop.order.cancelled.v1"
    assert (cancelled.correlation, trace_of(cancelled)) == (REQUEST, TRACE)
    assert placed.traceparent != cancelled.traceparent


def answered(service: Service, asked: Envelope, event: Event) -> Envelope:
    """The catalog answers: its event is caused by ours."""
    cause = context.Context(asked.correlation, context.child_of(asked.traceparent), asked.id)
    envelope = Envelope.around(
        event, id=str(new_id()), source="/catalog", time=clock.now(), by=cause
    )
    bus = connect(f"embedded:{service.settings.var}/unused.db", client="tests")
    Consumer(service, bus).handle(envelope.to_json())
    bus.close()
    return envelope


def trace_of(envelope: Envelope) -> str:
    return envelope.traceparent.split("-")[1]
