"""How many are left, and how many of those are already promised."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from catalog_service.domain.errors import CountStale, QuantityInvalid, StillHeld

MOST_ON_A_SHELF = 1_000_000_000


class Cause(StrEnum):
    """Why a shelf changed."""

    RECEIVED = "received"
    ADJUSTED = "adjusted"
    HELD = "held"
    RELEASED = "released"
    COMMITTED = "committed"
    RETURNED = "returned"


@dataclass(frozen=True, slots=True)
class Shift:
    """A change of one shelf: so many more (or fewer) on hand, so many more (or fewer) held."""

    on_hand: int = 0
    held: int = 0

    def __add__(self, other: Shift) -> Shift:
        return Shift(self.on_hand + other.on_hand, self.held + other.held)


@dataclass(frozen=True, slots=True)
class Shelf:
    """The shelf of one product: what stands on it, what of that is spoken for."""

    on_hand: int = 0
    held: int = 0
    version: int = 0
    on_sale: bool = True

    @property
    def free(self) -> int:
        """What stands there and is promised to nobody."""
        return self.on_hand - self.held

    @property
    def available(self) -> int:
        """What can still be bought."""
        return self.free if self.on_sale else 0

    def after(self, shift: Shift) -> Shelf:
        """The shelf as it will be after a change."""
        return replace(self, on_hand=self.on_hand + shift.on_hand, held=self.held + shift.held)

    def receive(self, quantity: int) -> Shift:
        """Goods have come in."""
        if not 1 <= quantity <= MOST_ON_A_SHELF - self.on_hand:
            raise QuantityInvalid(
                "This many cannot come in.",
                fields={"received": f"is between 1 and {MOST_ON_A_SHELF - self.on_hand:,}"},
            )
        return Shift(on_hand=quantity)

    def count(self, counted: int, *, seen: int) -> Shift:
        """Somebody counted; `seen` is the number they believed in before they did."""
        if seen != self.on_hand:
            raise CountStale(
                f"The shelf changed meanwhile: it now says {self.on_hand}, you saw {seen}. "
                "Count again.",
                fields={"seen": f"is {self.on_hand} by now"},
            )
        if not 0 <= counted <= MOST_ON_A_SHELF:
            raise QuantityInvalid(
                "This many cannot stand there.",
                fields={"counted": f"is between 0 and {MOST_ON_A_SHELF:,}"},
            )
        if counted < self.held:
            raise StillHeld(
                f"{self.held} are promised to orders, so {counted} cannot be all there is. "
                "Cancel orders first.",
                fields={"counted": f"is at least {self.held}"},
            )
        return Shift(on_hand=counted - self.on_hand)


@dataclass(frozen=True, slots=True)
class ShortLine:
    """A line of an order that we cannot fill."""

    sku: str
    wanted: int
    available: int


def summed(lines: Iterable[tuple[str, int]]) -> dict[str, int]:
    """The demand per SKU, sorted: the same SKU on two lines is one demand."""
    total: dict[str, int] = {}
    for sku, quantity in lines:
        total[sku] = total.get(sku, 0) + quantity
    return dict(sorted(total.items()))


def short_lines(wanted: Mapping[str, int], shelves: Mapping[str, Shelf]) -> list[ShortLine]:
    """The lines that these shelves cannot fill; none when all can be."""
    available = {sku: shelves.get(sku, Shelf()).available for sku in wanted}
    return [
        ShortLine(sku, quantity, available[sku])
        for sku, quantity in wanted.items()
        if quantity > available[sku]
    ]


def why_short(short: Iterable[ShortLine], names: Mapping[str, str]) -> str:
    """Tell people which goods are missing; a product without a name is called by its SKU."""
    words = [
        f"{names.get(line.sku, line.sku)} is sold out"
        if line.available <= 0
        else f"only {line.available} of {names.get(line.sku, line.sku)} are left"
        for line in short
    ]
    return f"Not everything is there any more: {', '.join(words)}."
