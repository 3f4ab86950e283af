"""What the catalog tells others."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from shared.events import Event
from shared.money import Money


class ProductPublished(Event, type="catalog.product.published.v1", key="sku"):
    """A product can be bought from now on. Tells all that others may show of it."""

    sku: str
    slug: str
    name: str
    summary: str
    price: Money
    image_url: str
    category: str
    available: int


class ProductChanged(Event, type="catalog.product.changed.v1", key="sku"):
    """Something that others show of a published product is different now. Tells all of it."""

    sku: str
    slug: str
    name: str
    summary: str
    price: Money
    image_url: str
    category: str
    available: int


class ProductWithdrawn(Event, type="catalog.product.withdrawn.v1", key="sku"):
    """A product can no longer be bought."""

    sku: str


class PriceChanged(Event, type="catalog.price.changed.v1", key="sku"):
    """A published product costs something else now."""

    sku: str
    price: Money
    previous: Money


class StockLevel(Event, type="catalog.stock.level.v1", key="sku"):
    """So many can still be bought. `version` counts changes of the stock, not of the product."""

    sku: str
    available: int


class StockHeld(Event, type="catalog.stock.held.v1", key="order_id"):
    """All goods of an order are held for it until `expires_at`."""

    order_id: UUID
    expires_at: datetime


class StockRefusedLine(BaseModel):
    """A line that could not be filled."""

    sku: str
    wanted: int
    available: int


class StockRefused(Event, type="catalog.stock.refused.v1", key="order_id"):
    """Nothing is held for an order, because of these lines."""

    order_id: UUID
    reason: str
    lines: list[StockRefusedLine]


class StockCommitted(Event, type="catalog.stock.committed.v1", key="order_id"):
    """The goods of an order are sold."""

    order_id: UUID


class StockReleased(Event, type="catalog.stock.released.v1", key="order_id"):
    """Nothing is held for an order any more: cancelled, expired, or lapsed.

    `lapsed` means: it was paid for after its hold had expired, and the goods are gone.
    """

    order_id: UUID
    reason: str


class PermissionsAnnounced(Event, type="catalog.permissions.announced.v1", key="service"):
    """The permissions that this service asks for, with what each allows."""

    service: str
    permissions: dict[str, str]


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
)
