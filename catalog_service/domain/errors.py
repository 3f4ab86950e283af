"""All that the catalog refuses to do, and how it says so."""

from __future__ import annotations

from shared.errors import Conflict, Invalid, NotFound


class ProductNotFound(NotFound):
    """There is no such product, or it is not for this caller."""

    def __init__(self, which: str) -> None:
        super().__init__(f"There is no product “{which}”.")


class CategoryNotFound(NotFound):
    """There is no such category."""

    def __init__(self, which: str) -> None:
        super().__init__(f"There is no category “{which}”.")


class PictureNotFound(NotFound):
    """There is no such picture."""


class MapNotFound(NotFound):
    """There is no such map of the shop."""


class SkuTaken(Conflict):
    """Another product has this SKU already."""

    def __init__(self, sku: str) -> None:
        super().__init__(f"The SKU {sku} belongs to another product.", fields={"sku": "is taken"})


class SlugTaken(Conflict):
    """This address belongs to something else already."""

    def __init__(self, slug: str) -> None:
        super().__init__(f"The address “{slug}” is taken.", fields={"slug": "is taken"})


class TextInvalid(Invalid):
    """A text is missing, too long, or of the wrong form."""

    def __init__(self, field: str, words: str) -> None:
        super().__init__(f"Please correct: {field} {words}.", fields={field: words})


class PriceInvalid(Invalid):
    """No product can cost this."""

    def __init__(self, words: str) -> None:
        super().__init__(f"A price {words}.", fields={"price": words})


class CategoryInUse(Conflict):
    """The category still holds products or categories."""


class CategoryInsideItself(Conflict):
    """A category cannot be moved below itself."""


class CountStale(Conflict):
    """The shelf holds another number than the one who counted it had seen."""


class StillHeld(Conflict):
    """Some of it is promised to orders and cannot be taken away."""


class QuantityInvalid(Invalid):
    """No shelf can change by this much."""


class PictureRefused(Invalid):
    """What was sent is no picture that we take."""

    def __init__(self, words: str) -> None:
        super().__init__(words, fields={"file": words})


class CursorInvalid(Invalid):
    """The cursor is not one that we handed out for this list."""

    def __init__(self) -> None:
        super().__init__(
            "The cursor is not one that we handed out for this list. Start again without it.",
            fields={"cursor": "is the `next` of the page before, in the same order"},
        )
