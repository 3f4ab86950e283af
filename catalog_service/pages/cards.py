"""Products as pages show them: words for people instead of columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from catalog_service.db.offers import OfferRow
from catalog_service.domain.pictures import picture_path
from shared.money import Money

FEW = 5


@dataclass(frozen=True, slots=True)
class Card:
    """A product in the shop window."""

    sku: str
    name: str
    summary: str
    path: str
    picture: str
    price: Money
    was: Money | None
    available: int
    category_slug: str
    category_name: str

    @property
    def sold_out(self) -> bool:
        """Whether nobody can buy it now."""
        return self.available <= 0

    @property
    def availability(self) -> str:
        """How many are left, in words."""
        if self.sold_out:
            return "Sold out"
        return f"Only {self.available} left" if self.available <= FEW else "In stock"

    @property
    def tone(self) -> str:
        """The colour of those words."""
        if self.sold_out:
            return "bad"
        return "warn" if self.available <= FEW else "good"

    @property
    def note(self) -> str:
        """What stands below its name in a grid."""
        return self.category_name

    @property
    def flag(self) -> str:
        """What must be said at once."""
        if self.sold_out or self.available <= FEW:
            return self.availability
        return "Reduced" if self.was else ""


def card_of(row: OfferRow) -> Card:
    """A row as a card."""
    currency, was = row.price_currency, row.was_amount
    return Card(
        sku=row.sku,
        name=row.name,
        summary=row.summary,
        path=f"/products/{row.slug}",
        picture=picture_path(row.cover),
        price=Money(row.price_amount, currency),
        was=None if was is None else Money(was, currency),
        available=row.available,
        category_slug=row.category_slug,
        category_name=row.category_name,
    )


def cards_of(rows: Iterable[OfferRow]) -> list[Card]:
    """Rows as cards."""
    return [card_of(row) for row in rows]


def details_of(attributes: Mapping[str, str], weight_grams: int) -> list[tuple[str, str]]:
    """The properties of a product, named for people."""
    details = [(name.replace("_", " ").capitalize(), value) for name, value in attributes.items()]
    if weight_grams:
        heavy = weight_grams >= 1000
        weight = f"{weight_grams / 1000:g} kg" if heavy else f"{weight_grams} g"
        details.append(("Weight", weight))
    return details


def described_for_machines(card: Card, description: str, url: str, image: str) -> dict[str, Any]:
    """The product in the words of schema.org."""
    exponent = card.price.exponent
    described: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "Product",
        "name": card.name,
        "sku": card.sku,
        "description": card.summary or description,
        "category": card.category_name,
        "url": url,
        "offers": {
            "@type": "Offer",
            "url": url,
            "price": f"{card.price.amount / 10**exponent:.{exponent}f}",
            "priceCurrency": card.price.currency,
            "availability": f"https://schema.org/{'OutOfStock' if card.sold_out else 'InStock'}",
            "itemCondition": "https://schema.org/NewCondition",
        },
    }
    return {**described, "image": image} if image else described
