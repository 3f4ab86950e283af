"""Enter products, change them, put them on sale and take them off."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError

from catalog_service.db.categories import category_by_slug
from catalog_service.db.models import PriceChange, Product
from catalog_service.db.products import lock_product, product_by_sku, sku_exists, slug_exists
from catalog_service.db.search import index_products
from catalog_service.db.stock_models import ShelfRow
from catalog_service.domain import products as rules
from catalog_service.domain.errors import SkuTaken, SlugTaken
from catalog_service.domain.products import ProductState
from catalog_service.events.published import ProductWithdrawn
from catalog_service.usecases.entering import NewProduct, price_row, product_row
from catalog_service.usecases.telling import tell_changed, tell_published
from shared import clock
from shared.database import insert_if_absent
from shared.identity import Principal
from shared.work import Work

_CHECKS: Mapping[str, Callable[[Any], Any]] = {
    "slug": rules.check_slug,
    "name": rules.check_name,
    "summary": rules.check_summary,
    "description": rules.check_description,
    "attributes": rules.check_attributes,
    "weight_grams": rules.check_weight,
    "featured": bool,
}


def create_product(work: Work, new: NewProduct, category: str, *, by: Principal) -> Product:
    """Enter a product as a draft, with an empty shelf. Nobody outside hears of it yet."""
    row = product_row(new, category_by_slug(work, category), state=ProductState.DRAFT)
    if not insert_if_absent(work.session, Product.__table__, row):
        raise SkuTaken(new.sku) if sku_exists(work, new.sku) else SlugTaken(row["slug"])
    work.session.execute(insert(ShelfRow), [{"sku": new.sku, "on_hand": 0, "held": 0}])
    work.session.execute(insert(PriceChange), [price_row(row, by.email)])
    index_products(work, [row["id"]])
    return product_by_sku(work, new.sku)


def edit_product(work: Work, sku: str, changes: Mapping[str, Any]) -> Product:
    """Change what is said of a product; `category` is a slug, all else are its columns."""
    product = lock_product(work, sku)
    checked = {name: _CHECKS[name](value) for name, value in changes.items() if name in _CHECKS}
    if "slug" in checked and checked["slug"] != product.slug and slug_exists(work, checked["slug"]):
        raise SlugTaken(checked["slug"])
    if "category" in changes:
        product.category = category_by_slug(work, changes["category"])
    for name, value in checked.items():
        setattr(product, name, value)
    product.sort_name = rules.sort_name(product.name)
    save_change(work, product)
    index_products(work, [product.id])
    tell_changed(work, product)
    return product


def publish_product(work: Work, sku: str) -> Product:
    """Put a product on sale. One that is on sale already stays as it is."""
    product = lock_product(work, sku)
    if product.state == ProductState.PUBLISHED:
        return product
    product.state = ProductState.PUBLISHED
    product.published_at = product.published_at or clock.now()
    save_change(work, product)
    tell_published(work, product)
    return product


def withdraw_product(work: Work, sku: str) -> Product:
    """Take a product off sale. What is held for orders stays held."""
    product = lock_product(work, sku)
    if product.state != ProductState.PUBLISHED:
        return product
    product.state = ProductState.WITHDRAWN
    save_change(work, product)
    work.publish(ProductWithdrawn(sku=product.sku, version=product.version))
    return product


def save_change(work: Work, product: Product) -> None:
    """Give the product its next version and write it down."""
    product.version += 1
    product.updated_at = clock.now()
    try:
        work.session.flush()
    except IntegrityError as error:  # a parallel twin took the slug after we looked
        raise SlugTaken(product.slug) from error
