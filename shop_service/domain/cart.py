"""What a shopper wants to buy, at the prices of this moment."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from shared.money import Money
from shop_service.domain.errors import (
    CartEmpty,
    CartFull,
    LineFull,
    LineUnavailable,
    OtherCurrency,
    OutOfStock,
    ProductUnknown,
    ProductWithdrawn,
    TotalChanged,
)

SKU_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._\-]{0,63}$"
MOST_PER_LINE = 99
MOST_LINES = 100
CURRENCY_OF_NOTHING = "EUR"


def is_sku(text: str) -> bool:
    """Whether this can name a product at all."""
    return re.match(SKU_PATTERN, text, re.ASCII) is not None and not text.endswith("\n")


class OfferState(StrEnum):
    """Whether we sell it. Unheard: we know its stock or price, but not yet what it is."""

    UNHEARD = "unheard"
    LISTED = "listed"
    WITHDRAWN = "withdrawn"


class Trouble(StrEnum):
    """Why a line cannot be bought as it stands."""

    NONE = ""
    GONE = "gone"
    NOT_ENOUGH = "not-enough"
    OTHER_CURRENCY = "other-currency"


@dataclass(frozen=True, slots=True)
class Offer:
    """A product as the shop knows it."""

    sku: str
    slug: str
    name: str
    image_url: str
    price: Money
    state: OfferState
    available: int

    def must_be_sold(self) -> None:
        """Refuse what we do not sell, or no longer."""
        if self.state is OfferState.UNHEARD:
            raise ProductUnknown(self.sku)
        if self.state is OfferState.WITHDRAWN:
            raise ProductWithdrawn(self.name)

    def must_have(self, quantity: int) -> None:
        """Refuse more than one line takes, or than there are left."""
        if quantity > MOST_PER_LINE:
            raise LineFull(
                f"At most {MOST_PER_LINE} of one product fit in a cart.",
                fields={"quantity": f"at most {MOST_PER_LINE} in all"},
            )
        if quantity > self.available:
            raise OutOfStock(self.name, self.available)


@dataclass(frozen=True, slots=True)
class CartLine:
    """So many of one product; `seen` is the price it had when it was last put in or changed."""

    offer: Offer
    quantity: int
    seen: Money
    currency: str

    @property
    def trouble(self) -> Trouble:
        """What is wrong with it, if anything."""
        if self.offer.state is not OfferState.LISTED:
            return Trouble.GONE
        if self.offer.price.currency != self.currency:
            return Trouble.OTHER_CURRENCY
        return Trouble.NOT_ENOUGH if self.quantity > self.offer.available else Trouble.NONE

    @property
    def note(self) -> str:
        """What the shopper should know about this line, as a sentence; mostly nothing."""
        left = self.offer.available
        if self.trouble is Trouble.NOT_ENOUGH:
            return (
                f"Only {left} left. Please take fewer." if left else "Sold out. Please remove it."
            )
        if self.trouble is Trouble.OTHER_CURRENCY:
            return f"Sold in {self.offer.price.currency} only. Please order it by itself."
        if self.trouble is Trouble.GONE:
            return "No longer sold. Please remove it."
        return f"The price was {self.seen} before." if self.price_changed else ""

    @property
    def price_changed(self) -> bool:
        """Whether it costs something else than when the shopper put it in."""
        return self.seen != self.offer.price

    @property
    def total(self) -> Money:
        """What the line costs; nothing if it cannot be bought at all."""
        if self.trouble in (Trouble.GONE, Trouble.OTHER_CURRENCY):
            return Money.zero(self.currency)
        return self.offer.price * self.quantity


@dataclass(frozen=True, slots=True)
class Cart:
    """All lines, at the prices of this moment. Version 0: nobody has put anything in yet."""

    lines: tuple[CartLine, ...] = ()
    version: int = 0

    @property
    def currency(self) -> str:
        """The currency of the cart: that of its first line."""
        return self.lines[0].currency if self.lines else CURRENCY_OF_NOTHING

    @property
    def total(self) -> Money:
        """What it costs, all in all."""
        return Money.total((line.total for line in self.lines), self.currency)

    @property
    def count(self) -> int:
        """How many things are in it."""
        return sum(line.quantity for line in self.lines)

    @property
    def ready(self) -> bool:
        """Whether it can be ordered as it stands."""
        return bool(self.lines) and not any(line.trouble for line in self.lines)

    def quantity_of(self, sku: str) -> int:
        """How many of this product are in it."""
        return next((line.quantity for line in self.lines if line.offer.sku == sku), 0)

    def must_take(self, offer: Offer) -> None:
        """Refuse a further line where there is no room for it."""
        if len(self.lines) >= MOST_LINES:
            raise CartFull(f"A cart has room for {MOST_LINES} different products.")
        if self.lines and offer.price.currency != self.currency:
            raise OtherCurrency(
                f"Your cart is in {self.currency}; {offer.name} is sold in {offer.price.currency}."
            )

    def must_be_orderable(self, expected: Money | None) -> None:
        """Refuse to sell what we cannot, or for another total than the shopper saw."""
        if not self.lines:
            raise CartEmpty
        for line in self.lines:
            if line.trouble is Trouble.NOT_ENOUGH:
                raise OutOfStock(line.offer.name, line.offer.available)
            if line.trouble:
                raise LineUnavailable(
                    f"{line.offer.name}: {line.note}", fields={f"lines.{line.offer.sku}": line.note}
                )
        if expected is not None and expected != self.total:
            raise TotalChanged(self.total)
