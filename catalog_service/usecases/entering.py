"""Enter products with all that belongs to them: one by one, or thousands in a few statements."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert

from catalog_service.db.models import Category, PriceChange, Product, ProductImage, ProductWord
from catalog_service.db.search import word_rows
from catalog_service.db.stock_models import ShelfRow, StockMovement
from catalog_service.domain import products as rules
from catalog_service.domain.pictures import picture_path
from catalog_service.domain.pricing import check_price
from catalog_service.domain.products import ProductState
from catalog_service.domain.stock import Cause, Shift
from catalog_service.events.published import ProductPublished, StockLevel
from catalog_service.usecases.ledger import Movement
from shared import clock
from shared.ids import new_id
from shared.money import Money
from shared.work import Work


@dataclass(frozen=True, slots=True)
class NewPicture:
    """A picture that is stored already, to be shown with a product."""

    key: str
    alt: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class NewProduct:
    """All that is said of a product when it is entered."""

    sku: str
    name: str
    price: Money
    slug: str = ""
    summary: str = ""
    description: str = ""
    attributes: dict[str, str] = field(default_factory=dict)
    weight_grams: int = 0
    featured: bool = False
    was_amount: int | None = None
    pictures: Sequence[NewPicture] = ()
    on_hand: int = 0
    since: datetime | None = None
    """On sale since then; since now if nothing is said."""


def product_row(new: NewProduct, category: Category, *, state: ProductState) -> dict[str, Any]:
    """The row of a new product, checked to the last column."""
    now = clock.now()
    since = new.since or now
    return {
        "id": new_id(),
        "sku": rules.check_sku(new.sku),
        "slug": rules.check_slug(new.slug or rules.slug_from(new.name) or rules.slug_from(new.sku)),
        "name": rules.check_name(new.name),
        "sort_name": rules.sort_name(new.name),
        "summary": rules.check_summary(new.summary),
        "description": rules.check_description(new.description),
        "price_amount": check_price(new.price).amount,
        "price_currency": new.price.currency,
        "was_amount": new.was_amount,
        "category_id": category.id,
        "attributes": rules.check_attributes(new.attributes),
        "weight_grams": rules.check_weight(new.weight_grams),
        "featured": new.featured,
        "cover": new.pictures[0].key if new.pictures else "",
        "state": str(state),
        "version": 1,
        "published_at": since if state is ProductState.PUBLISHED else None,
        "created_at": since,
        "updated_at": now,
    }


def price_row(product: dict[str, Any], by: str) -> dict[str, Any]:
    """The first entry of a product's price history."""
    return {
        "sku": product["sku"],
        "amount": product["price_amount"],
        "currency": product["price_currency"],
        "changed_at": product["created_at"],
        "changed_by": by,
    }


def enter_many(
    work: Work, products: Iterable[tuple[NewProduct, Category]], *, by: str
) -> list[str]:
    """Enter products that are on sale at once, with stock and pictures; returns their SKUs."""
    many = [
        (new, category, product_row(new, category, state=ProductState.PUBLISHED))
        for new, category in products
    ]
    rows: list[tuple[Any, list[dict[str, Any]]]] = [
        (Product, [row for _, _, row in many]),
        (ProductImage, [each for new, _, row in many for each in _picture_rows(new, row["id"])]),
        (ProductWord, [each for _, place, row in many for each in word_rows(row, place.name)]),
        (PriceChange, [price_row(row, by) for _, _, row in many]),
        (ShelfRow, [_shelf_row(new) for new, _, _ in many]),
        (StockMovement, [_movement_row(new, by) for new, _, _ in many if new.on_hand]),
    ]
    for table, values in rows:
        if values:
            work.session.execute(insert(table.__table__), values)
    for new, category, row in many:
        _tell(work, new, category, row)
    return [new.sku for new, _, _ in many]


def _picture_rows(new: NewProduct, product_id: UUID) -> list[dict[str, Any]]:
    return [
        {
            "id": new_id(),
            "product_id": product_id,
            "position": position,
            "key": picture.key,
            "alt": picture.alt,
            "width": picture.width,
            "height": picture.height,
        }
        for position, picture in enumerate(new.pictures)
    ]


def _shelf_row(new: NewProduct) -> dict[str, Any]:
    return {"sku": new.sku, "on_hand": new.on_hand, "held": 0, "version": 1 if new.on_hand else 0}


def _movement_row(new: NewProduct, by: str) -> dict[str, Any]:
    return Movement(new.sku, Cause.RECEIVED, Shift(on_hand=new.on_hand), made_by=by).row()


def _tell(work: Work, new: NewProduct, category: Category, row: dict[str, Any]) -> None:
    work.publish(
        ProductPublished(
            sku=new.sku,
            version=row["version"],
            slug=row["slug"],
            name=new.name,
            summary=new.summary,
            price=new.price,
            image_url=picture_path(row["cover"]),
            category=category.slug,
            available=new.on_hand,
        )
    )
    if new.on_hand:
        work.publish(StockLevel(sku=new.sku, version=1, available=new.on_hand))
