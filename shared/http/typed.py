"""Amounts of money as people type them."""

from __future__ import annotations

import re
from decimal import Decimal

from shared.money import Money

# Short on purpose: turning 1e999999999 into a whole number would take for ever.
AMOUNT = re.compile(r"(-?)([0-9]{1,13})(?:[.,]([0-9]{1,3}))?")


def money_typed(typed: str, currency: str) -> Money:
    """12.50, 12,50 and € 12.5 as Money; ValueError for anything that is not exactly an amount."""
    found = AMOUNT.fullmatch(re.sub(r"[\s€$£¥]", "", typed))
    if found is None:
        raise ValueError(f"{typed!r} is not an amount.")
    minus, whole, decimals = found.groups(default="")
    exponent = Money.zero(currency).exponent
    if len(decimals) > exponent:
        raise ValueError(f"{currency} has {exponent} decimals.")
    return Money(int(f"{minus}{whole}{decimals.ljust(exponent, '0')}"), currency)


def money_to_type(money: Money) -> str:
    """The same amount without its sign, for the input it is changed in."""
    return str(Decimal(money.amount).scaleb(-money.exponent))
