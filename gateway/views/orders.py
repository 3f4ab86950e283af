"""An order with what its products are today, and how far it has come."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import quote

from fastapi import APIRouter
from pydantic import Field

from gateway.views.answers import NOT_FOUND, Money, Part, View
from gateway.views.parts import PartsDep

router = APIRouter()


class Product(Part):
    """A product as it is today."""

    slug: str
    name: str
    price: Money
    available: int
    image_url: str | None


class Line(Part):
    """What was ordered, as it was called and priced then; `product` as it is today."""

    sku: str
    slug: str
    name: str
    image_url: str
    quantity: int
    unit_price: Money
    total: Money
    product: Product | None = Field(None, description="Null when missing, or no longer sold.")


class Step(Part):
    """Something that happened to the order."""

    at: datetime
    what: str
    text: str


class Order(Part):
    """The order as the shop tells it."""

    number: str
    status: str
    payment_status: str
    fulfilment_status: str
    reason: str
    total: Money
    placed_at: datetime
    lines: list[Line]
    timeline: list[Step]


class Shipment(Part):
    """How far the order has come."""

    status: str = Field(examples=["unfulfilled", "shipped"])
    shipped_at: datetime | None
    follow: str = Field(description="Where progress is told as it happens (server-sent events).")


class OrderView(View):
    """An order, its products and its shipment."""

    order: Order
    shipment: Shipment


@router.get("/orders/{number}", responses={404: NOT_FOUND})
async def read_order(number: str, parts: PartsDep) -> OrderView:
    """One call for the page of an order: for the user or the guest who placed it."""
    path = f"/v1/orders/{quote(number, safe='')}"
    order = await parts.main("shop", path, Order)
    paths = {line.slug: f"/v1/products/{quote(line.slug, safe='')}" for line in order.lines}
    products = await parts.each("products", "catalog", paths, Product)
    for line in order.lines:
        line.product = products.get(line.slug)
    shipped = next((step.at for step in order.timeline if step.what == "ship"), None)
    shipment = Shipment(
        status=order.fulfilment_status, shipped_at=shipped, follow=f"/api/shop{path}/events"
    )
    return OrderView(order=order, shipment=shipment, missing=parts.missing)
