"""What the catalog tells others."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from shared import announcing
from shared.events import Event
from shared.money import Money

Sku = Annotated[str, Field(examples=["MUG-BLUE"])]
Slug = Annotated[str, Field(examples=["blue-mug"])]
Name = Annotated[str, Field(examples=["Blue mug"])]
Summary = Annotated[str, Field(examples=["Holds a third of a litre."])]
Picture = Annotated[str, Field(examples=["/media/catalog/blue-mug.jpg"])]
Category = Annotated[str, Field(examples=["kitchen"])]
Why = Annotated[str, Field(examples=["expired"])]
Allowed = Annotated[dict[str, str], Field(examples=[{"catalog.change_product": "Change products"}])]


class ProductPublished(Event, type="catalog.product.published.v1", key="sku"):
    """A product can be bought from now on. Tells all that others may show of it."""

    sku: Sku
    slug: Slug
    name: Name
    summary: Summary
    price: Money
    image_url: Picture
    category: Category
    available: int


class ProductChanged(Event, type="catalog.product.changed.v1", key="sku"):
    """Something that others show of a published product is different now. Tells all of it."""

    sku: Sku
    slug: Slug
    name: Name
    summary: Summary
    price: Money
    image_url: Picture
    category: Category
    available: int


class ProductWithdrawn(Event, type="catalog.product.withdrawn.v1", key="sku"):
    """A product can no longer be bought."""

    sku: Sku


class PriceChanged(Event, type="catalog.price.changed.v1", key="sku"):
    """A published product costs something else now."""

    sku: Sku
    price: Money
    previous: Money


class StockLevel(Event, type="catalog.stock.level.v1", key="sku"):
    """So many can still be bought. `version` counts changes of the stock, not of the product."""

    sku: Sku
    available: int


class StockHeld(Event, type="catalog.stock.held.v1", key="order_id"):
    """All goods of an order are held for it until `expires_at`."""

    order_id: UUID
    expires_at: datetime


class StockRefusedLine(BaseModel):
    """A line that could not be filled."""

    sku: Sku
    wanted: int
    available: int


class StockRefused(Event, type="catalog.stock.refused.v1", key="order_id"):
    """Nothing is held for an order, because of these lines."""

    order_id: UUID
    reason: Annotated[
        str, Field(examples=["Not everything is there any more: only 1 of Blue mug are left."])
    ]
    lines: list[StockRefusedLine]


class StockCommitted(Event, type="catalog.stock.committed.v1", key="order_id"):
    """The goods of an order are sold."""

    order_id: UUID


class StockReleased(Event, type="catalog.stock.released.v1", key="order_id"):
    """Nothing is held for an order any more: cancelled, expired, or lapsed.

    `lapsed` means: it was paid for after its hold had expired, and the goods are gone.
    """

    order_id: UUID
    reason: Why


class PermissionsAnnounced(Event, type="catalog.permissions.announced.v1", key="service"):
    """The permissions that this service asks for, with what each allows."""

    service: Annotated[str, Field(examples=["catalog"])]
    permissions: Allowed


class ReplicaAnnounced(
    announcing.ReplicaAnnounced, type="catalog.replica.announced.v1", key="service"
):
    """A process of ours answers HTTP at `url`, will soon no longer, or is gone."""


PUBLISHED: tuple[type[Event], ...] = (
    ProductPublished,
    ProductChanged,
    ProductWithdrawn,
    PriceChanged,
    StockLevel,
    StockHeld,
    StockRefused,
    StockCommitted,
    StockReleased,
    PermissionsAnnounced,
    ReplicaAnnounced,
)
