"""What may be asked for a product, and what must be said when it gets cheaper."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from catalog_service.domain.errors import PriceInvalid
from shared.money import Money

MOST = 100_000_000_00
LOOK_BACK = timedelta(days=30)


def check_price(price: Money) -> Money:
    """A price that can be asked, or a refusal."""
    if price.amount < 0:
        raise PriceInvalid("cannot be negative")
    if price.amount > MOST:
        raise PriceInvalid(f"is at most {MOST} minor units")
    return price


def price_before(
    history: Sequence[tuple[datetime, Money]], now: datetime, new: Money
) -> Money | None:
    """The price to show as the former one when `new` is a reduction, else None.

    It is the lowest that was asked in the last 30 days (EU Directive 98/6, article 6a). `history`
    holds when each price began, oldest first.
    """
    start = now - LOOK_BACK
    in_force = [money for began, money in history if began <= start][-1:]
    asked = [*in_force, *(money for began, money in history if began > start)]
    same = [money.amount for money in asked if money.currency == new.currency]
    lowest = min(same, default=0)
    return Money(lowest, new.currency) if lowest > new.amount else None
