"""Find orders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, bindparam, or_, select
from sqlalchemy.orm import joinedload, selectinload

from shared.work import Work
from shop_service.db.models import Order, TimelineEntry
from shop_service.db.writing import table_of
from shop_service.domain.errors import OrderNotFound
from shop_service.domain.numbers import read_number
from shop_service.domain.shoppers import Shopper

WHOLE = (
    selectinload(Order.lines),
    selectinload(Order.timeline),
    joinedload(Order.payment),
    joinedload(Order.checkout),
)

# Asked again and again by those who wait.
STATUS = select(table_of(Order).c.status).where(table_of(Order).c.id == bindparam("of_order"))
AFTER = (
    select(TimelineEntry)
    .where(TimelineEntry.order_id == bindparam("of_order"), TimelineEntry.seq > bindparam("of_seq"))
    .order_by(TimelineEntry.seq)
)


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


def order_by_id(work: Work, order_id: UUID) -> Order:
    """One order as it is now, with all that belongs to it."""
    query = select(Order).where(Order.id == order_id).options(*WHOLE)
    return work.session.scalars(query, execution_options={"populate_existing": True}).one()


def orders_of(work: Work, shopper: Shopper, *, before: UUID | None, limit: int) -> Sequence[Order]:
    """The shopper's orders, newest first (ids grow with time), one more than `limit`."""
    query = select(Order).where(placed_by(shopper)).options(selectinload(Order.lines))
    if before is not None:
        query = query.where(Order.id < before)
    return work.session.scalars(query.order_by(Order.id.desc()).limit(limit + 1)).all()


def status_of(work: Work, order_id: UUID) -> str:
    """Only how it stands: asked often, by those who wait."""
    return work.session.scalar(STATUS, {"of_order": order_id}) or ""


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
