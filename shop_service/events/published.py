"""What the shop says. Every event of an order carries the order's version after the change."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from shared.events import Event
from shared.money import Money


class WantedLine(BaseModel):
    """So many of one product."""

    sku: str
    quantity: int


class SoldLine(WantedLine):
    """So many of one product, as it was called and priced."""

    name: str
    unit_price: Money


class OrderPlaced(Event, type="shop.order.placed.v1", key="order_id"):
    """Somebody ordered; the goods must be set aside before they pay."""

    order_id: UUID
    number: str
    user_id: UUID | None
    lines: list[WantedLine]
    total: Money
    placed_at: datetime


class OrderPaid(Event, type="shop.order.paid.v1", key="order_id"):
    """The money is ours: the goods can leave the shelf."""

    order_id: UUID
    number: str
    amount: Money
    payment_reference: str


class OrderConfirmed(Event, type="shop.order.confirmed.v1", key="order_id"):
    """The order stands."""

    order_id: UUID
    number: str
    user_id: UUID | None
    email: str
    name: str
    total: Money
    lines: list[SoldLine]


class OrderCancelled(Event, type="shop.order.cancelled.v1", key="order_id"):
    """The order is off; whatever was set aside for it is free again."""

    order_id: UUID
    number: str
    reason: str
    code: str


class OrderShipped(Event, type="shop.order.shipped.v1", key="order_id"):
    """The goods are on their way."""

    order_id: UUID
    number: str
    user_id: UUID | None
    email: str
    name: str


class OrderRefunded(Event, type="shop.order.refunded.v1", key="order_id"):
    """The money went back."""

    order_id: UUID
    number: str
    amount: Money


class PermissionsAnnounced(Event, type="shop.permissions.announced.v1", key="service"):
    """Which permissions the shop checks, and what each lets people do."""

    service: str
    permissions: dict[str, str]


PUBLISHED: tuple[type[Event], ...] = (
    OrderPlaced,
    OrderPaid,
    OrderConfirmed,
    OrderCancelled,
    OrderShipped,
    OrderRefunded,
    PermissionsAnnounced,
)
