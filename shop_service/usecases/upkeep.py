"""Throw away what nobody needs any more."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, update

from shared import clock
from shared.work import Transactions, Work
from shop_service.db.models import Cart, KeyRow, Order
from shop_service.db.writing import changed

ERASED = "erased"


def expire_guest_carts(transactions: Transactions, days: int) -> int:
    """Delete guest carts that nobody touched for so long. One that was ordered stays."""
    untouched = clock.now() - timedelta(days=days)
    with transactions.begin() as work:
        return changed(
            work,
            delete(Cart).where(
                Cart.state.in_(["open", "merged"]),
                Cart.updated_at < untouched,
                Cart.user_id.is_(None),
            ),
        )


def purge_keys(transactions: Transactions, hours: int) -> int:
    """Forget answers to requests that nobody will repeat now."""
    with transactions.begin() as work:
        old = clock.now() - timedelta(hours=hours)
        return changed(work, delete(KeyRow).where(KeyRow.created_at < old))


def forget_user(work: Work, user_id: UUID) -> None:
    """Remove what says who somebody was. Sums and goods stay: the books need them."""
    changed(work, delete(Cart).where(Cart.user_id == user_id, Cart.state == "open"))
    changed(work, delete(KeyRow).where(KeyRow.caller == f"user:{user_id}"))
    gone = {"email": "", "name": ERASED, "shipping_address": {}}
    changed(work, update(Order).where(Order.user_id == user_id).values(user_id=None, **gone))
