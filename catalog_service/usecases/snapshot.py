"""Tell the whole offer as it is, page by page, so that a lost copy of it can be rebuilt.

Live events may overtake what is said here: each part carries its version, and old news never
replaces newer.
"""

from __future__ import annotations

from sqlalchemy import select

from catalog_service.db.models import Product
from catalog_service.db.stock import shelf_of
from catalog_service.domain.products import ProductState
from catalog_service.events.published import (
    PriceChanged,
    ProductChanged,
    ProductPublished,
    ProductWithdrawn,
    StockLevel,
)
from catalog_service.usecases.telling import full_state
from shared.replay import Snapshot
from shared.work import Work


def tell_offer(work: Work, after: str, limit: int) -> str:
    """Say the state of up to `limit` products behind the SKU `after`; the last SKU, or "" at the
    end. Drafts are nobody's business.
    """
    wanted = select(Product).where(Product.sku > after, Product.state != ProductState.DRAFT)
    page = work.session.scalars(wanted.order_by(Product.sku).limit(limit)).all()
    for product in page:
        _tell(work, product)
    return page[-1].sku if len(page) == limit else ""


def _tell(work: Work, product: Product) -> None:
    state = full_state(work, product)
    if product.state == ProductState.WITHDRAWN:
        # What carts and orders still show of it, and then that it is gone.
        work.publish(ProductChanged(**state | {"version": product.version - 1}), later=True)
        work.publish(ProductWithdrawn(sku=product.sku, version=product.version), later=True)
    else:
        work.publish(ProductChanged(**state), later=True)
    shelf = shelf_of(work, product.sku)
    level = StockLevel(sku=product.sku, version=shelf.version, available=shelf.free)
    work.publish(level, later=True)


OFFER = Snapshot(
    "offer",
    frozenset(
        event.TYPE
        for event in (ProductPublished, ProductChanged, ProductWithdrawn, PriceChanged, StockLevel)
    ),
    tell_offer,
)
