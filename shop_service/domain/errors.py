"""Everything that the shop refuses to do, and why."""

from __future__ import annotations

from collections.abc import Mapping

from shared.errors import Conflict, Invalid, NotFound, Unavailable
from shared.money import Money


class ProductUnknown(NotFound):
    """We do not sell anything under this SKU."""

    def __init__(self, sku: str) -> None:
        super().__init__("We do not know this product.", fields={"sku": f"{sku} is not known"})


class ProductWithdrawn(Conflict):
    """We used to sell this."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is no longer sold.", fields={"sku": "is no longer sold"})


class OutOfStock(Conflict):
    """There are not as many left as are wanted."""

    def __init__(self, name: str, left: int) -> None:
        words = f"Only {left} of {name} left." if left else f"{name} is sold out."
        super().__init__(words, fields={"quantity": f"at most {left}"})
        self.left = left


class LineFull(Conflict):
    """One line of a cart takes only so many."""


class CartFull(Conflict):
    """A cart takes only so many lines."""


class OtherCurrency(Conflict):
    """The cart is in one currency and this product in another."""


class LineNotFound(NotFound):
    """The cart has no such line."""

    def __init__(self) -> None:
        super().__init__("This product is not in your cart.")


class CartEmpty(Conflict):
    """There is nothing to order: the cart is empty, or was ordered a moment ago."""

    def __init__(self) -> None:
        super().__init__("Your cart is empty.")


class CartChanged(Conflict):
    """The cart changed while the order was being written."""

    def __init__(self) -> None:
        super().__init__("Your cart has just changed. Look at it again before you order.")


class LineUnavailable(Conflict):
    """Something in the cart cannot be bought any more."""


class TotalChanged(Conflict):
    """The total is not the one that the shopper saw."""

    def __init__(self, total: Money) -> None:
        super().__init__(
            f"Prices have changed: the total is now {total}.",
            fields={"expected_total": f"is now {total.amount} {total.currency} (minor units)"},
        )
        self.total = total


class EmailMissing(Invalid):
    """A guest must say where to write to."""

    def __init__(self) -> None:
        super().__init__(
            "Tell us your e-mail address, so that we can write to you about the order.",
            fields={"email": "is needed when you are not signed in"},
        )


class CardRefused(Invalid):
    """This cannot be the number of a card that we take."""

    def __init__(self, words: str) -> None:
        super().__init__(words, fields={"payment.card": words})


class OrderNotFound(NotFound):
    """There is no such order, or it is somebody else's."""

    def __init__(self) -> None:
        super().__init__("We do not know this order, or it belongs to somebody else.")


class MoveNotPossible(Conflict):
    """The order is not in a state that allows this."""

    def __init__(self, words: str, *, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(words, fields=fields)


class OrderChanged(Unavailable):
    """Somebody else moved the order at the same moment."""

    def __init__(self) -> None:
        super().__init__("This order is changing right now. Try again in a moment.", retry_after=1)
