"""What is asked of products when somebody wants to change them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import selectinload

from catalog_service.db.models import PriceChange, Product, ProductImage
from catalog_service.domain.errors import ProductNotFound
from catalog_service.domain.products import SKU
from shared.money import Money
from shared.work import Work


def product_by_sku(work: Work, sku: str) -> Product:
    """The product with this SKU, whatever its state."""
    return _found(work, select(Product).where(Product.sku == sku), sku)


def lock_product(work: Work, sku: str) -> Product:
    """The product with this SKU, which nobody else changes until this work ends.

    Its category is another look: joined, a product that moves while we wait for it is not found.
    """
    apart = select(Product).where(Product.sku == sku).options(selectinload(Product.category))
    locked = apart.with_for_update().execution_options(populate_existing=True)
    return _found(work, locked, sku)


def any_product(work: Work) -> bool:
    """Whether there is a product at all."""
    return work.session.execute(select(Product.id).limit(1)).first() is not None


def sku_exists(work: Work, sku: str) -> bool:
    """Whether a product has this SKU."""
    return work.session.execute(select(Product.id).where(Product.sku == sku)).first() is not None


def slug_exists(work: Work, slug: str) -> bool:
    """Whether a product has this slug."""
    return work.session.execute(select(Product.id).where(Product.slug == slug)).first() is not None


def names_of(work: Work, skus: Iterable[str]) -> dict[str, str]:
    """The names of these products, by SKU."""
    rows = work.session.execute(
        select(Product.sku, Product.name).where(
            Product.sku.in_([sku for sku in skus if SKU.match(sku)])
        )
    )
    return {sku: name for sku, name in rows}


def images_of(work: Work, product: Product) -> Sequence[ProductImage]:
    """The pictures of a product, first one first."""
    return work.session.scalars(
        select(ProductImage)
        .where(ProductImage.product_id == product.id)
        .order_by(ProductImage.position, ProductImage.id)
    ).all()


def price_history(work: Work, sku: str) -> list[tuple[datetime, Money]]:
    """When each price of a product began, oldest first."""
    rows = work.session.execute(
        select(PriceChange.changed_at, PriceChange.amount, PriceChange.currency)
        .where(PriceChange.sku == sku)
        .order_by(PriceChange.seq)
    )
    return [(at, Money(amount, currency)) for at, amount, currency in rows]


def _found(work: Work, statement: Select[Product], sku: str) -> Product:
    product = work.session.scalars(statement).first() if SKU.match(sku) else None
    if product is None:
        raise ProductNotFound(sku)
    return product
