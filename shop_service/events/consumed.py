"""What the shop hears, with only the fields that it reads."""

from __future__ import annotations

from uuid import UUID

from shared.events import Event
from shared.money import Money


class ProductPublished(Event, type="catalog.product.published.v1", key="sku"):
    """A product is for sale."""

    sku: str
    slug: str
    name: str
    price: Money
    image_url: str = ""
    available: int = 0


class ProductChanged(ProductPublished, type="catalog.product.changed.v1", key="sku"):
    """A product is called, shown or priced differently."""


class ProductWithdrawn(Event, type="catalog.product.withdrawn.v1", key="sku"):
    """A product is no longer for sale."""

    sku: str


class PriceChanged(Event, type="catalog.price.changed.v1", key="sku"):
    """A product costs something else."""

    sku: str
    price: Money


class StockLevel(Event, type="catalog.stock.level.v1", key="sku"):
    """How many can still be bought; counted in versions of its own."""

    sku: str
    available: int


class StockHeld(Event, type="catalog.stock.held.v1", key="order_id"):
    """The goods of an order are set aside."""

    order_id: UUID


class RefusedLine(Event):
    """What was wanted and is not there."""

    sku: str
    wanted: int = 0
    available: int = 0


class StockRefused(Event, type="catalog.stock.refused.v1", key="order_id"):
    """The goods of an order cannot be set aside."""

    order_id: UUID
    reason: str = ""
    lines: list[RefusedLine] = []


class StockCommitted(Event, type="catalog.stock.committed.v1", key="order_id"):
    """The goods of a paid order left the shelf."""

    order_id: UUID


class StockReleased(Event, type="catalog.stock.released.v1", key="order_id"):
    """The goods of an order are free again."""

    order_id: UUID
    reason: str


class UserErased(Event, type="auth.user.erased.v1", key="user_id"):
    """Somebody's personal data must go."""

    user_id: UUID
