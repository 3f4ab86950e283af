"""Find and write the shop's own copy of the catalog's offer."""

from __future__ import annotations

from typing import Any

from sqlalchemy import bindparam, select, update

from shared.database import insert_if_absent, table_of
from shared.money import Money
from shared.work import Work
from shop_service.db.models import KnownProduct
from shop_service.db.writing import changed
from shop_service.domain.cart import CURRENCY_OF_NOTHING, Offer, OfferState

OFFER = (
    KnownProduct.sku,
    KnownProduct.slug,
    KnownProduct.name,
    KnownProduct.image_url,
    KnownProduct.price_amount,
    KnownProduct.currency,
    KnownProduct.state,
    KnownProduct.available,
)


BY_SKU = select(*(table_of(KnownProduct).c[column.key] for column in OFFER)).where(
    table_of(KnownProduct).c.sku == bindparam("of_sku")
)


def offer_from(row: Any) -> Offer:
    """The offer in a row that selects OFFER."""
    return Offer(
        sku=row.sku,
        slug=row.slug,
        name=row.name or row.sku,
        image_url=row.image_url,
        price=Money(row.price_amount, row.currency),
        state=OfferState(row.state),
        available=max(row.available, 0),
    )


def offer_by_sku(work: Work, sku: str) -> Offer | None:
    """What we know about one product."""
    row = work.session.execute(BY_SKU, {"of_sku": sku}).one_or_none()
    return offer_from(row) if row else None


def offers_for_sale(work: Work) -> dict[str, Offer]:
    """All that we believe is for sale, by SKU."""
    known = table_of(KnownProduct)
    listed = select(*(known.c[column.key] for column in OFFER)).where(
        known.c.state == str(OfferState.LISTED)
    )
    return {row.sku: offer_from(row) for row in work.session.execute(listed)}


def forget_versions(work: Work) -> int:
    """Believe whatever is said next, and sell from what we know until then; how many products."""
    nothing = {"product_version": 0, "price_version": 0, "stock_version": 0}
    return changed(work, update(KnownProduct).values(**nothing))


def make_known(work: Work, sku: str) -> None:
    """Have a row for this SKU, so that news about any part of it has a place."""
    row: dict[str, Any] = {
        "sku": sku,
        "state": OfferState.UNHEARD,
        "slug": "",
        "name": "",
        "image_url": "",
        "product_version": 0,
        "price_amount": 0,
        "currency": CURRENCY_OF_NOTHING,
        "price_version": 0,
        "available": 0,
        "stock_version": 0,
    }
    insert_if_absent(work.session, KnownProduct.__table__, row)


def write_product(work: Work, sku: str, version: int, **what: Any) -> bool:
    """Replace what the product is, unless we know a newer version."""
    unless_newer = KnownProduct.product_version < version
    return _write(work, sku, unless_newer, product_version=version, **what)


def write_price(work: Work, sku: str, version: int, price: Money) -> bool:
    """Replace the price, unless we know a newer one."""
    values = {"price_amount": price.amount, "currency": price.currency, "price_version": version}
    return _write(work, sku, KnownProduct.price_version < version, **values)


def write_stock(work: Work, sku: str, version: int, available: int) -> bool:
    """Replace the stock, unless we know a newer level."""
    values = {"available": available, "stock_version": version}
    return _write(work, sku, KnownProduct.stock_version < version, **values)


def write_first_stock(work: Work, sku: str, available: int) -> bool:
    """Take the stock that came with a product, until we hear of a level by itself."""
    return _write(work, sku, KnownProduct.stock_version == 0, available=available)


def _write(work: Work, sku: str, unless_newer: Any, **values: Any) -> bool:
    statement = update(KnownProduct).where(KnownProduct.sku == sku, unless_newer).values(**values)
    return changed(work, statement) == 1
