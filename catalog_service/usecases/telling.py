"""Tell others about products: always the full state, so that who missed something catches up."""

from __future__ import annotations

from typing import Any

from catalog_service.db.models import Product
from catalog_service.db.stock import shelf_of
from catalog_service.domain.pictures import picture_path
from catalog_service.domain.products import ProductState
from catalog_service.events.published import ProductChanged, ProductPublished
from shared.work import Work


def tell_published(work: Work, product: Product) -> None:
    """Say that a product is on sale from now on."""
    work.publish(ProductPublished(**full_state(work, product)))


def tell_changed(work: Work, product: Product) -> None:
    """Say what a product looks like now; nobody else knows of one that is not on sale."""
    if product.state == ProductState.PUBLISHED:
        work.publish(ProductChanged(**full_state(work, product)))


def full_state(work: Work, product: Product) -> dict[str, Any]:
    """All that others may show of a product."""
    return {
        "sku": product.sku,
        "version": product.version,
        "slug": product.slug,
        "name": product.name,
        "summary": product.summary,
        "price": product.price,
        "image_url": picture_path(product.cover),
        "category": product.category.slug,
        "available": shelf_of(work, product.sku).free,
    }
