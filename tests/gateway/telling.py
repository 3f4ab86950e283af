"""What services tell of products and orders, for the tests of views."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx

from tests.gateway.conftest import Services
from tests.gateway.stage import Seen, Upstream, answer, says

JSON = "content-type: application/json"
EUR = {"amount": 2200, "currency": "EUR"}
ORDER = "/api/shop/v1/orders/Q7F3-K2MD-9"


def line(slug: str) -> dict[str, Any]:
    """A line of an order."""
    return {"sku": slug.upper(), "slug": slug, "name": slug, "image_url": "/m.svg", "quantity": 2,
            "unit_price": EUR, "total": {"amount": 4400, "currency": "EUR"}}  # fmt: skip


def product(slug: str, **more: Any) -> dict[str, Any]:
    """A product as the catalog tells it."""
    told: dict[str, Any] = {"slug": slug, "sku": slug.upper(), "name": f"{slug} today", "price": EUR, "was": None,
            "summary": "", "description": "", "available": 7, "image_url": None, "images": [],
            "attributes": {}, "category": {"slug": "mugs", "name": "Mugs"}, "version": 3}  # fmt: skip
    return told | more


def an_order(*slugs: str) -> dict[str, Any]:
    """An order of these products as the shop tells it."""
    shipped = {"seq": 2, "at": "2026-11-20T10:00:00Z", "what": "ship", "text": "On its way."}
    return {"number": "Q7F3-K2MD-9", "status": "confirmed", "payment_status": "captured",
            "fulfilment_status": "shipped", "reason": "", "total": EUR, "email": "a@b.example",
            "placed_at": "2026-11-19T10:00:00Z", "lines": [line(slug) for slug in slugs],
            "timeline": [shipped]}  # fmt: skip


def tells(service: Upstream, path: str, told: Any, *fields: str, status: str = "200 OK") -> None:
    """Let a service answer with this."""
    service.on(path, says(answer(json.dumps(told).encode(), JSON, *fields, status=status)))


def offers(services: Services, *slugs: str) -> None:
    """Let the catalog have these products."""
    for slug in slugs:
        tells(services.catalog, f"/api/catalog/v1/products/{slug}", product(slug))


async def never(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Say nothing until whoever asked gives up."""
    await reader.read(1)


def missing(response: httpx.Response) -> dict[str, str]:
    """The reason for each part that is missing."""
    return {each["part"]: each["reason"] for each in response.json()["missing"]}
