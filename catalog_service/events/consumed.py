"""What the catalog hears: only the fields it reads."""

from __future__ import annotations

from uuid import UUID

from pydantic import BaseModel, Field

from shared.events import Event


class OrderLine(BaseModel):
    """So many of one product."""

    sku: str
    quantity: int = Field(gt=0)


class OrderPlaced(Event, type="shop.order.placed.v1", key="order_id"):
    """Somebody wants these goods."""

    order_id: UUID
    lines: list[OrderLine]


class OrderPaid(Event, type="shop.order.paid.v1", key="order_id"):
    """An order is paid for: its goods are sold."""

    order_id: UUID


class OrderCancelled(Event, type="shop.order.cancelled.v1", key="order_id"):
    """An order will not be filled: its goods are free again."""

    order_id: UUID
