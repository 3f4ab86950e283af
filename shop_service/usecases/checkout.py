"""What brings a checkout on: answers of the catalog, cancellations, time that runs out."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import bindparam, case, select, update

from shared import context
from shared.database import database_now
from shared.failpoints import reached
from shared.work import Transactions, Work
from shop_service.db.models import UNDER_WAY, Checkout
from shop_service.db.writing import changed
from shop_service.domain.checkout import OPEN, REASONS, Code, Pace, Step
from shop_service.domain.order import CONFIRMED, MOVES, REFUNDED, Move, Payment, Status
from shop_service.events.published import OrderCancelled
from shop_service.usecases.moves import (
    CHECKOUTS,
    SHOP,
    advance,
    fresh_order,
    fresh_order_if_any,
    move_order,
    state_of,
    story,
    write_payment,
)

# A call to the provider that is in the air keeps its time to come back: due_at stays.
STOP = (
    update(CHECKOUTS)
    .where(
        CHECKOUTS.c.order_id == bindparam("of_order"),
        CHECKOUTS.c.step.in_(bindparam("of_steps", expanding=True)),
    )
    .values(
        step=case((CHECKOUTS.c.attempts > 0, Step.UNDOING), else_=Step.DONE),
        version=CHECKOUTS.c.version + 1,
    )
)
STORY = (CHECKOUTS.c.correlation, CHECKOUTS.c.traceparent, CHECKOUTS.c.causation)
STEP = select(CHECKOUTS.c.step).where(CHECKOUTS.c.order_id == bindparam("of_order"))
STEP_KEPT = STEP.with_for_update()
ALSO_END = (
    update(CHECKOUTS)
    .where(CHECKOUTS.c.order_id == bindparam("of_order"))
    .values(ends_order=True, version=CHECKOUTS.c.version + 1)
)


def start_paying(work: Work, order_id: UUID, pace: Pace) -> bool:
    """The goods are set aside: the payment is due now. False when the order no longer waits."""
    now = database_now(work.session)
    began = advance(
        work,
        order_id,
        Step.PAYING,
        when=[Step.AWAITING_STOCK],
        due_at=now,
        deadline=now + pace.payment,
    )
    reached("saga.after_reply")
    if began:
        move_order(work, order_id, Move.SET_ASIDE, "Your goods are set aside for you.")
    return began


def cancel(
    work: Work,
    order_id: UUID,
    code: Code,
    *,
    reason: str = "",
    actor: str = SHOP,
    when: Collection[Step] = OPEN,
) -> bool:
    """Call an order off, unless its payment has got too far. False when it has, or is off already.

    If the provider may have been asked, a last errand makes sure that it takes nothing.
    """
    if not changed(work, STOP, of_order=order_id, of_steps=list(when), **story()):
        return False
    reached("saga.mid_compensation")
    step = work.session.scalar(STEP, {"of_order": order_id})
    if step == Step.DONE:
        write_payment(work, order_id, Payment.VOIDED)
    move = Move.CANCEL if step == Step.DONE else Move.WITHDRAW
    say_cancelled(work, order_id, move, code, reason=reason, actor=actor)
    return True


def say_cancelled(
    work: Work, order_id: UUID, move: Move, code: str, *, reason: str = "", actor: str = SHOP
) -> None:
    """Make a move that ends the order badly, and tell everyone, so that the goods are freed."""
    words = reason or REASONS[Code(code)]
    order = move_order(work, order_id, move, words, actor=actor, code=code, reason=words)
    work.publish(
        OrderCancelled(
            order_id=order.id,
            version=order.version,
            number=order.number,
            reason=words,
            code=code,
        )
    )


def note_goods_left(work: Work, order_id: UUID) -> bool:
    """The catalog has taken the goods of a paid order off the shelf."""
    order = fresh_order_if_any(work, order_id)
    if order is None or order.status != Status.CONFIRMED:
        return False
    if state_of(order) not in MOVES[Move.TAKE_OFF_SHELF]:
        return False
    move_order(work, order_id, Move.TAKE_OFF_SHELF, "Your goods are off the shelf.", seen=order)
    return True


def give_money_back(work: Work, order_id: UUID) -> bool:
    """Paid for, but the goods are gone: send the money back, and call the order off with it.

    Staff may have sent it back already, or be about to: the order is off all the same.
    """
    step = work.session.scalar(STEP_KEPT, {"of_order": order_id})
    if step not in (Step.DONE, Step.REFUNDING):
        return False
    state = state_of(fresh_order(work, order_id))
    if state == REFUNDED:  # by staff, a moment ago
        say_cancelled(work, order_id, Move.LAPSE, Code.STOCK_LAPSED)
    if state != CONFIRMED:
        return False
    if step == Step.REFUNDING:  # the provider is being asked: its lease stays as it is
        return bool(changed(work, ALSO_END, of_order=order_id))
    return advance(work, order_id, Step.REFUNDING, when=[Step.DONE], attempts=0, ends_order=True)


def cancel_what_waits_too_long(transactions: Transactions, limit: int = 50) -> int:
    """Call off orders for which the catalog did not answer in time. How many there were."""
    with transactions.read() as work:
        over = Checkout.deadline <= database_now(work.session)
        late = work.session.execute(
            select(Checkout.order_id, *STORY)
            .where(UNDER_WAY, Checkout.step == Step.AWAITING_STOCK, over)
            .limit(limit)
        ).all()
    for order_id, *kept in late:
        with context.entered(context.resumed(*kept)), transactions.begin() as work:
            # The answer may have come since we looked.
            cancel(work, order_id, Code.STOCK_TIMEOUT, when=[Step.AWAITING_STOCK])
    return len(late)
