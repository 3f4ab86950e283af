"""Find carts and what is in them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, exists, select

from shared.database import table_of
from shared.money import Money
from shared.work import Work
from shop_service.db.known_products import OFFER, offer_from
from shop_service.db.models import Cart, CartItem, KnownProduct
from shop_service.domain.cart import CURRENCY_OF_NOTHING, CartLine
from shop_service.domain.cart import Cart as CartView
from shop_service.domain.shoppers import Shopper

CARTS, ITEMS, PRODUCTS = table_of(Cart), table_of(CartItem), table_of(KnownProduct)
LINES = (
    select(
        ITEMS.c.quantity,
        ITEMS.c.seen_amount,
        ITEMS.c.seen_currency,
        *(PRODUCTS.c[column.key] for column in OFFER),
    )
    .join_from(ITEMS, PRODUCTS, PRODUCTS.c.sku == ITEMS.c.sku)
    .where(ITEMS.c.cart_id == bindparam("of_cart"))
    .order_by(ITEMS.c.added_at, ITEMS.c.sku)
)
OPEN = select(CARTS.c.id, CARTS.c.version).where(CARTS.c.state == "open")
OF_USER = OPEN.where(CARTS.c.user_id == bindparam("of_user"))
OF_GUEST = OPEN.where(CARTS.c.token_hash == bindparam("of_guest"), CARTS.c.user_id.is_(None))
KNOWN = select(exists().where(CARTS.c.token_hash == bindparam("of_guest")))
FILLED = select(exists().where(ITEMS.c.cart_id == bindparam("of_cart")))


def open_cart_of(work: Work, shopper: Shopper) -> tuple[UUID, int] | None:
    """Id and version of the cart that the shopper is filling: the user's, else the guest's."""
    if shopper.user_id is not None:
        row = work.session.execute(OF_USER, {"of_user": shopper.user_id}).one_or_none()
    elif shopper.guest is not None:
        row = work.session.execute(OF_GUEST, {"of_guest": shopper.guest}).one_or_none()
    else:
        return None
    return (row.id, row.version) if row else None


def guest_exists(work: Work, guest: str) -> bool:
    """Whether we ever gave out this guest's token."""
    return bool(work.session.scalar(KNOWN, {"of_guest": guest}))


def is_filled(work: Work, cart_id: UUID) -> bool:
    """Whether there is anything in the cart."""
    return bool(work.session.scalar(FILLED, {"of_cart": cart_id}))


def cart_by_id(work: Work, cart_id: UUID, version: int) -> CartView:
    """The cart with its lines at today's prices."""
    rows = work.session.execute(LINES, {"of_cart": cart_id}).all()
    currency = _currency_of(rows)
    lines = (
        CartLine(
            offer=offer_from(row),
            quantity=row.quantity,
            seen=Money(row.seen_amount, row.seen_currency),
            currency=currency,
        )
        for row in rows
    )
    return CartView(tuple(lines), version)


def _currency_of(rows: Any) -> str:
    return str(rows[0].currency) if rows else CURRENCY_OF_NOTHING
