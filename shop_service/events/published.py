"""What the shop says. Every event of an order carries the order's version after the change."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from shared import announcing
from shared.events import Event
from shared.money import Money

Number = Annotated[str, Field(examples=["Q7F3-K2MD-9"])]
Sku = Annotated[str, Field(examples=["MUG-BLUE"])]
Email = Annotated[str, Field(examples=["robin@shoppers.example"])]
Buyer = Annotated[str, Field(examples=["Robin"])]
Quantity = Annotated[int, Field(gt=0, examples=[2])]
Allowed = Annotated[dict[str, str], Field(examples=[{"shop.view_order": "See orders"}])]


class WantedLine(BaseModel):
    """So many of one product."""

    sku: Sku
    quantity: Quantity


class SoldLine(WantedLine):
    """So many of one product, as it was called and priced."""

    name: Annotated[str, Field(examples=["Blue mug"])]
    unit_price: Money


class OrderPlaced(Event, type="shop.order.placed.v1", key="order_id"):
    """Somebody ordered; the goods must be set aside before they pay."""

    order_id: UUID
    number: Number
    user_id: UUID | None
    lines: list[WantedLine]
    total: Money
    placed_at: datetime


class OrderPaid(Event, type="shop.order.paid.v1", key="order_id"):
    """The money is ours: the goods can leave the shelf."""

    order_id: UUID
    number: Number
    amount: Money
    payment_reference: Annotated[str, Field(examples=["test_4242"])]


class OrderConfirmed(Event, type="shop.order.confirmed.v1", key="order_id"):
    """The order stands."""

    order_id: UUID
    number: Number
    user_id: UUID | None
    email: Email
    name: Buyer
    total: Money
    lines: list[SoldLine]


class OrderCancelled(Event, type="shop.order.cancelled.v1", key="order_id"):
    """The order is off; whatever was set aside for it is free again."""

    order_id: UUID
    number: Number
    reason: Annotated[str, Field(examples=["The card was declined."])]
    code: Annotated[str, Field(examples=["payment-declined"])]


class OrderShipped(Event, type="shop.order.shipped.v1", key="order_id"):
    """The goods are on their way."""

    order_id: UUID
    number: Number
    user_id: UUID | None
    email: Email
    name: Buyer


class OrderRefunded(Event, type="shop.order.refunded.v1", key="order_id"):
    """The money went back."""

    order_id: UUID
    number: Number
    amount: Money


class PermissionsAnnounced(Event, type="shop.permissions.announced.v1", key="service"):
    """Which permissions the shop checks, and what each lets people do."""

    service: Annotated[str, Field(examples=["shop"])]
    permissions: Allowed


class ReplicaAnnounced(
    announcing.ReplicaAnnounced, type="shop.replica.announced.v1", key="service"
):
    """A process of ours answers HTTP at `url`, will soon no longer, or is gone."""


PUBLISHED: tuple[type[Event], ...] = (
    OrderPlaced,
    OrderPaid,
    OrderConfirmed,
    OrderCancelled,
    OrderShipped,
    OrderRefunded,
    PermissionsAnnounced,
    ReplicaAnnounced,
)
