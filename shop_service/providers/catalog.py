"""The catalog's public offer, read over HTTP: for checks by hand, never on the way to an order."""

from __future__ import annotations

from typing import Any

from shared import calling
from shared.money import Money
from shop_service.domain.cart import Offer, OfferState

PAGE = 100


def offers_at(public_url: str) -> dict[str, Offer]:
    """All that the catalog offers, by SKU; raises calling.CallFailed when it cannot be asked."""
    found: dict[str, Offer] = {}
    cursor: str | None = ""
    with calling.client(base_url=public_url, timeout=20) as client:
        while cursor is not None:
            page = client.get(
                "/api/catalog/v1/products",
                params={"limit": PAGE} | ({"cursor": cursor} if cursor else {}),
            )
            body = page.raise_for_status().json()
            found |= {item["sku"]: _offer(item) for item in body["items"]}
            cursor = body["next"]
    return found


def _offer(item: dict[str, Any]) -> Offer:
    return Offer(
        sku=item["sku"],
        slug=item["slug"],
        name=item["name"],
        image_url=item["image_url"] or "",
        price=Money(item["price"]["amount"], item["price"]["currency"]),
        state=OfferState.LISTED,
        available=item["available"],
    )
