"""Move an order: the only place that writes its three axes, its version and its timeline."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.orm.attributes import set_committed_value

from shared import clock, context
from shared.database import database_now, table_of
from shared.work import Work
from shop_service.db.models import Checkout, Order, PaymentRow, TimelineEntry
from shop_service.db.writing import changed
from shop_service.domain.checkout import Step
from shop_service.domain.errors import OrderChanged
from shop_service.domain.order import Fulfilment, Move, Payment, State, Status, after, is_final

SHOP = "shop"  # the actor of what happens by itself

ORDERS, CHECKOUTS, PAYMENTS = table_of(Order), table_of(Checkout), table_of(PaymentRow)
FRESH = select(Order).where(Order.id == bindparam("of_order"))
MOVE = update(ORDERS).where(
    ORDERS.c.id == bindparam("of_order"), ORDERS.c.version == bindparam("of_version")
)
TELL = insert(table_of(TimelineEntry))
ADVANCE = (
    update(CHECKOUTS)
    .where(
        CHECKOUTS.c.order_id == bindparam("of_order"),
        CHECKOUTS.c.step.in_(bindparam("of_steps", expanding=True)),
    )
    .values(version=CHECKOUTS.c.version + 1)
)
PAY = update(PAYMENTS).where(PAYMENTS.c.order_id == bindparam("of_order"))


def state_of(order: Order) -> State:
    """Where the order is on its three axes."""
    return State(
        Status(order.status), Payment(order.payment_status), Fulfilment(order.fulfilment_status)
    )


def fresh_order(work: Work, order_id: UUID) -> Order:
    """The order as it is now, whatever this session read before."""
    order = fresh_order_if_any(work, order_id)
    assert order is not None  # orders are never deleted
    return order


def fresh_order_if_any(work: Work, order_id: UUID) -> Order | None:
    """The same for an id that somebody else says; None if there is no such order."""
    options = {"populate_existing": True}
    found = work.session.scalars(FRESH, {"of_order": order_id}, execution_options=options)
    return found.one_or_none()


def move_order(
    work: Work,
    order_id: UUID,
    move: Move,
    text: str,
    *,
    actor: str = SHOP,
    seen: Order | None = None,
    **more: Any,
) -> Order:
    """Make one move, and write it into the timeline under the version that it leads to.

    Who has `seen` the order in this work spares us another look. Raises MoveNotPossible where the
    table of moves has none, OrderChanged if somebody moved it between that look and our step.
    """
    order = seen or fresh_order(work, order_id)
    state = after(state_of(order), move)
    now, version = clock.now(), order.version + 1
    values: dict[str, Any] = {
        "status": state.status,
        "payment_status": state.payment,
        "fulfilment_status": state.fulfilment,
        "version": version,
        "updated_at": now,
        **more,
    }
    if not changed(work, MOVE, of_order=order_id, of_version=order.version, **values):
        raise OrderChanged
    for name, value in values.items():
        set_committed_value(order, name, value)
    entry = {"order_id": order_id, "seq": version, "at": now, "what": move, "text": text}
    work.session.execute(TELL, {**entry, "actor": actor})
    if is_final(state.status):
        work.wake_who_awaits(order.number)
    return order


def advance(work: Work, order_id: UUID, to: Step, *, when: Collection[Step], **more: Any) -> bool:
    """Take the checkout on to another step, if it is still in one of `when`.

    Every change of an order begins with this: of two that race, one is told no.
    """
    more.setdefault("due_at", database_now(work.session))
    more |= story()
    return changed(work, ADVANCE, of_order=order_id, of_steps=list(when), step=to, **more) == 1


def story() -> dict[str, str | None]:
    """What sets us off at this moment, as a checkout's columns keep it."""
    return asdict(context.current())


def write_payment(work: Work, order_id: UUID, state: Payment, **more: Any) -> None:
    """Note where the money is."""
    changed(work, PAY, of_order=order_id, state=state, updated_at=clock.now(), **more)
