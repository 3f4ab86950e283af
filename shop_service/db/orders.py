"""Find orders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, bindparam, or_, select
from sqlalchemy.orm import joinedload, selectinload

from shared.database import table_of
from shared.money import Money
from shared.work import Work
from shop_service.db.models import (
    Checkout,
    Order,
    OrderLine,
    OutboxRow,
    PaymentRow,
    TimelineEntry,
)
from shop_service.domain.errors import OrderNotFound
from shop_service.domain.numbers import read_number
from shop_service.domain.order import PLACED
from shop_service.domain.shoppers import Shopper

WHOLE = (
    selectinload(Order.lines),
    selectinload(Order.timeline),
    joinedload(Order.payment),
    joinedload(Order.checkout),
)

BY_ID = select(Order).where(Order.id == bindparam("of_order")).options(*WHOLE)
# Asked again and again by those who wait.
ORDERS = table_of(Order)
STATUS = select(ORDERS.c.status).where(ORDERS.c.id == bindparam("of_order"))
FINAL = select(ORDERS.c.id).where(
    ORDERS.c.number == bindparam("of_number"), ORDERS.c.status != PLACED.status
)
PAYMENTS, LINES = table_of(PaymentRow), table_of(OrderLine)
REFERENCE = select(PAYMENTS.c.reference).where(PAYMENTS.c.order_id == bindparam("of_order"))
SOLD = (
    select(LINES.c.sku, LINES.c.quantity, LINES.c.name, LINES.c.unit_amount, LINES.c.currency)
    .where(LINES.c.order_id == bindparam("of_order"))
    .order_by(LINES.c.position)
)
AFTER = (
    select(TimelineEntry)
    .where(TimelineEntry.order_id == bindparam("of_order"), TimelineEntry.seq > bindparam("of_seq"))
    .order_by(TimelineEntry.seq)
)


class Sold(NamedTuple):
    """A line of an order, as others are told of it."""

    sku: str
    quantity: int
    name: str
    unit_price: Money


def placed_by(shopper: Shopper) -> ColumnElement[bool]:
    """The condition that this shopper placed the order."""
    return or_(
        Order.user_id == shopper.user_id if shopper.user_id else Order.id.is_(None),
        Order.guest_key_hash == shopper.guest if shopper.guest else Order.id.is_(None),
    )


def is_placed_by(order: Order, shopper: Shopper) -> bool:
    """Whether this shopper placed the order."""
    as_user = order.user_id is not None and order.user_id == shopper.user_id
    return as_user or (order.guest_key_hash is not None and order.guest_key_hash == shopper.guest)


def order_by_number(work: Work, number: str, shopper: Shopper | None) -> Order:
    """One order with all that belongs to it; None as shopper: whoever placed it.

    Raises OrderNotFound also when it is somebody else's: nobody learns which numbers exist.
    """
    query = select(Order).where(Order.number == _known_form(number)).options(*WHOLE)
    if shopper is not None:
        query = query.where(placed_by(shopper))
    order = work.session.scalars(query).one_or_none()
    if order is None:
        raise OrderNotFound
    return order


def order_id_by_number(work: Work, number: str, shopper: Shopper | None) -> UUID:
    """Only the id; otherwise as `order_by_number`."""
    query = select(Order.id).where(Order.number == _known_form(number))
    if shopper is not None:
        query = query.where(placed_by(shopper))
    found = work.session.scalar(query)
    if found is None:
        raise OrderNotFound
    return found


def correlations_of(work: Work, number: str) -> Sequence[str]:
    """Under which correlations this order was spoken of; none: there is no such order.

    The request that placed it has one, and so has each later one: shipped, refunded.
    """
    order_id = work.session.scalar(select(Order.id).where(Order.number == _known_form(number)))
    if order_id is None:
        return []
    spoken = (
        select(OutboxRow.correlation)
        .where(OutboxRow.aggregate == f"/shop/{order_id}", OutboxRow.correlation != "")
        .order_by(OutboxRow.seq)
    )
    placed = select(Checkout.correlation).where(Checkout.order_id == order_id)
    found = [*work.session.scalars(placed), *work.session.scalars(spoken)]
    return [each for each in dict.fromkeys(found) if each]


def order_by_id(work: Work, order_id: UUID) -> Order:
    """One order as it is now, with all that belongs to it."""
    options = {"populate_existing": True}
    return work.session.scalars(BY_ID, {"of_order": order_id}, execution_options=options).one()


def orders_of(work: Work, shopper: Shopper, *, before: UUID | None, limit: int) -> Sequence[Order]:
    """The shopper's orders, newest first (ids grow with time), one more than `limit`."""
    query = select(Order).where(placed_by(shopper)).options(selectinload(Order.lines))
    if before is not None:
        query = query.where(Order.id < before)
    return work.session.scalars(query.order_by(Order.id.desc()).limit(limit + 1)).all()


def status_of(work: Work, order_id: UUID) -> str:
    """Only how it stands: asked often, by those who wait."""
    return work.session.scalar(STATUS, {"of_order": order_id}) or ""


def final_order(work: Work, number: str) -> UUID | None:
    """The id of this order, if it is known how it ends."""
    return work.session.scalar(FINAL, {"of_number": number})


def reference_of(work: Work, order_id: UUID) -> str:
    """Under which reference the provider keeps the payment of an order."""
    return work.session.scalar(REFERENCE, {"of_order": order_id}) or ""


def sold_in(work: Work, order_id: UUID) -> list[Sold]:
    """What was sold in an order."""
    rows = work.session.execute(SOLD, {"of_order": order_id})
    return [
        Sold(sku, quantity, name, Money(amount, currency))
        for sku, quantity, name, amount, currency in rows
    ]


def timeline_after(work: Work, order_id: UUID, seq: int) -> Sequence[TimelineEntry]:
    """What has happened to an order since `seq`."""
    return work.session.scalars(AFTER, {"of_order": order_id, "of_seq": seq}).all()


def _known_form(number: str) -> str:
    return read_number(number) or ""


def last_address_of(work: Work, shopper: Shopper) -> dict[str, Any]:
    """Where the shopper had the last order sent; empty before the first."""
    if not shopper.known:
        return {}
    query = select(Order.shipping_address).where(placed_by(shopper))
    return work.session.scalar(query.order_by(Order.id.desc()).limit(1)) or {}
