"""What an answer of the payment provider means for the order. Answers may come late or twice."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select, update

from shared.database import database_now
from shared.work import Work
from shop_service.db.models import Checkout, Order
from shop_service.db.orders import Sold, reference_of, sold_in
from shop_service.db.writing import changed
from shop_service.domain.checkout import PIVOT, Code, Pace, Step
from shop_service.domain.order import Move, Payment, Status
from shop_service.events.published import OrderConfirmed, OrderPaid, OrderRefunded, SoldLine
from shop_service.usecases.checkout import cancel, say_cancelled
from shop_service.usecases.moves import advance, fresh_order, move_order, write_payment


def note_authorised(work: Work, order_id: UUID, reference: str, pace: Pace) -> bool:
    """The money is promised. From here on the shopper cannot cancel, and we take it.

    False when the answer came too late; a cancelled order then sees to it that it is let go.
    """
    lease_ends = database_now(work.session) + pace.lease
    if not advance(work, order_id, PIVOT, when=[Step.PAYING], due_at=lease_ends):
        _undo_if_cancelled(work, order_id)
        return False
    order = move_order(work, order_id, Move.AUTHORISE, "Your bank has promised the payment.")
    write_payment(
        work,
        order_id,
        Payment.AUTHORISED,
        reference=reference,
        authorised_amount=order.total_amount,
    )
    return True


def note_captured(work: Work, order_id: UUID) -> None:
    """The money is ours: the order stands."""
    if not advance(work, order_id, Step.DONE, when=[Step.CAPTURING]):
        return
    order = move_order(work, order_id, Move.CAPTURE, "We have received your payment.")
    write_payment(work, order_id, Payment.CAPTURED, captured_amount=order.total_amount)
    work.publish(
        OrderPaid(
            order_id=order_id,
            version=order.version,
            number=order.number,
            amount=order.total,
            payment_reference=reference_of(work, order_id),
        )
    )
    order = move_order(work, order_id, Move.CONFIRM, "Your order is confirmed.", seen=order)
    work.publish(_confirmed(order, sold_in(work, order_id)))


def note_declined(work: Work, order_id: UUID, step: Step, code: str, sentence: str) -> None:
    """The provider will not pay: the order is off."""
    if advance(work, order_id, Step.DONE, when=[step]):
        say_cancelled(work, order_id, Move.DECLINE, code, reason=f"{sentence} Nothing was charged.")
        write_payment(work, order_id, Payment.DECLINED, authorised_amount=0)


def note_unknown(work: Work, order_id: UUID, step: Step, attempt: int, pace: Pace) -> None:
    """There was no answer: ask again a little later, or give up paying when time has run out.

    What follows the pivot or undoes something is asked without end.
    """
    now = database_now(work.session)
    mine = (Checkout.order_id == order_id, Checkout.step == step, Checkout.attempts == attempt)
    deadline = work.session.scalar(select(Checkout.deadline).where(*mine))
    if deadline is None:
        return  # somebody else has gone on with it
    again_at = now + pace.pause(attempt)
    if step is Step.PAYING and now < deadline:
        again_at = min(again_at, deadline)
    elif step is Step.PAYING:
        again_at = now  # to call off the payment
        cancel(work, order_id, Code.PAYMENT_TIMEOUT)
    changed(work, update(Checkout).where(Checkout.order_id == order_id).values(due_at=again_at))


def settle(work: Work, order_id: UUID, *, gave_back: bool) -> None:
    """A cancelled order's open call is settled: nothing is kept."""
    if not advance(work, order_id, Step.DONE, when=[Step.UNDOING]):
        return
    order = fresh_order(work, order_id)
    if order.payment_status != Payment.PENDING:
        return
    if gave_back:
        move_order(work, order_id, Move.GIVE_BACK, "Your money is on its way back to you.")
        taken = {"captured_amount": order.total_amount, "refunded_amount": order.total_amount}
        write_payment(work, order_id, Payment.REFUNDED, **taken)
    else:
        move_order(work, order_id, Move.VOID, "The payment was called off; nothing was taken.")
        write_payment(work, order_id, Payment.VOIDED, authorised_amount=0)


def note_refund(work: Work, order_id: UUID) -> None:
    """The money went back; where the goods were gone, the order is off with it."""
    if not advance(work, order_id, Step.DONE, when=[Step.REFUNDING]):
        return
    mine = Checkout.order_id == order_id  # asked only now: until it was ours, the goods might go
    ends_order = work.session.scalar(select(Checkout.ends_order).where(mine))
    order = move_order(work, order_id, Move.REFUND, "Your money is on its way back to you.")
    write_payment(work, order_id, Payment.REFUNDED, refunded_amount=order.total_amount)
    work.publish(
        OrderRefunded(
            order_id=order_id, version=order.version, number=order.number, amount=order.total
        )
    )
    if ends_order:
        say_cancelled(work, order_id, Move.LAPSE, Code.STOCK_LAPSED)


def _undo_if_cancelled(work: Work, order_id: UUID) -> None:
    status = work.session.scalar(select(Order.status).where(Order.id == order_id))
    if status == Status.CANCELLED:
        advance(work, order_id, Step.UNDOING, when=[Step.UNDOING, Step.DONE])


def _confirmed(order: Order, sold: Sequence[Sold]) -> OrderConfirmed:
    lines = [
        SoldLine(sku=line.sku, quantity=line.quantity, name=line.name, unit_price=line.unit_price)
        for line in sold
    ]
    return OrderConfirmed(
        order_id=order.id,
        version=order.version,
        number=order.number,
        user_id=order.user_id,
        email=order.email,
        name=order.name,
        total=order.total,
        lines=lines,
    )
