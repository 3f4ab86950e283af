"""Rebuild the shop's copy of the offer, and compare it with what the catalog shows."""

from __future__ import annotations

import time

from shared.replay import ask_for_snapshot
from shared.work import Transactions, Work
from shop_service.db.known_products import forget_versions, offers_for_sale
from shop_service.domain.cart import Offer
from shop_service.events.consumed import (
    PriceChanged,
    ProductChanged,
    ProductPublished,
    ProductWithdrawn,
    StockLevel,
)
from shop_service.providers.catalog import offers_at

OFFER_TYPES = [
    event.TYPE
    for event in (ProductPublished, ProductChanged, ProductWithdrawn, PriceChanged, StockLevel)
]
SETTLING = 2.0  # seconds after which news on its way has arrived


def ask_for_offer(work: Work) -> int:
    """Ask the catalog to tell everything anew, and believe it; how many products we know so far.

    Nothing is deleted: we sell from what we know until we know better. Events with new ids pass
    the inbox; from then on versions guard again, so live news is never replaced by older.
    """
    known = forget_versions(work)
    ask_for_snapshot(work, "shop", OFFER_TYPES)
    return known


def differences(transactions: Transactions, public_url: str) -> list[str]:
    """What of the catalog's public offer we know differently, in words.

    Looked at twice: what changed between the two looks was on its way.
    """
    first = _differing(transactions, public_url)
    if not first:
        return []
    time.sleep(SETTLING)
    second = _differing(transactions, public_url)
    return [line for sku, line in sorted(second.items()) if first.get(sku) == line]


def _differing(transactions: Transactions, public_url: str) -> dict[str, str]:
    theirs = offers_at(public_url)
    with transactions.read() as work:
        ours = offers_for_sale(work)
    skus = sorted(ours.keys() | theirs.keys())
    return {
        sku: f"{sku}: we know {_in_words(ours.get(sku))}, the catalog {_in_words(theirs.get(sku))}"
        for sku in skus
        if ours.get(sku) != theirs.get(sku)
    }


def _in_words(offer: Offer | None) -> str:
    if offer is None:
        return "nothing"
    return f"{offer.name!r} at {offer.price}, {offer.available} left ({offer.slug})"
