"""An amount with its currency, in whole minor units. Never a float."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import WithJsonSchema

from shared.errors import Invalid

# ISO 4217 currencies whose minor unit is not a hundredth (exponent 0 or 3).
NO_DECIMALS = (
    "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG",
    "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF",
)  # fmt: skip
THREE_DECIMALS = ("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND")
EXPONENTS = {**dict.fromkeys(NO_DECIMALS, 0), **dict.fromkeys(THREE_DECIMALS, 3)}
SIGNS = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥"}
CURRENCY = re.compile(r"[A-Z]{3}\Z")
LARGEST = 2**53 - 1  # the largest integer that every JSON reader keeps exactly

# What contracts say of the two fields; the rules themselves are below.
WHOLE = {"type": "integer", "minimum": -LARGEST, "maximum": LARGEST, "examples": [1250]}
CODE = {"type": "string", "pattern": "^[A-Z]{3}$", "examples": ["EUR"]}


class CurrencyMismatch(Invalid):
    """Two amounts of different currencies were put together."""


class AmountOutOfRange(Invalid):
    """The amount or its currency cannot be money."""


@dataclass(frozen=True, slots=True)
class Money:
    """`amount` whole minor units of `currency` (ISO 4217): Money(1250, "EUR") is €12.50."""

    amount: Annotated[int, WithJsonSchema(WHOLE)]
    currency: Annotated[str, WithJsonSchema(CODE)]

    def __post_init__(self) -> None:
        if not CURRENCY.match(self.currency):
            raise AmountOutOfRange(f"{self.currency!r} is not an ISO 4217 currency code.")
        if isinstance(self.amount, bool) or not -LARGEST <= self.amount <= LARGEST:
            raise AmountOutOfRange("An amount is a whole number of minor units below 2**53.")

    @classmethod
    def zero(cls, currency: str) -> Money:
        """No money, in this currency."""
        return cls(0, currency)

    @classmethod
    def total(cls, amounts: Iterable[Money], currency: str) -> Money:
        """The sum of all; zero of `currency` when there are none."""
        return sum(amounts, start=cls.zero(currency))

    @property
    def exponent(self) -> int:
        """How many decimals the currency has."""
        return EXPONENTS.get(self.currency, 2)

    def __add__(self, other: Money) -> Money:
        return Money(self.amount + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.amount - self._same(other), self.currency)

    def __mul__(self, times: int) -> Money:
        return Money(self.amount * times, self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.amount < self._same(other)

    def __le__(self, other: Money) -> bool:
        return self.amount <= self._same(other)

    def __str__(self) -> str:
        whole, cents = divmod(abs(self.amount), 10**self.exponent)
        minus = "-" if self.amount < 0 else ""
        decimals = f".{cents:0{self.exponent}d}" if self.exponent else ""
        sign = SIGNS.get(self.currency, f"{self.currency} ")
        return f"{minus}{sign}{whole:,}{decimals}"

    def split(self, weights: Sequence[int]) -> list[Money]:
        """Share it out in proportion to `weights`, to the last minor unit (largest remainder)."""
        whole = sum(weights)
        if not weights or whole <= 0 or min(weights) < 0:
            raise AmountOutOfRange("Money is split by weights of which at least one is positive.")
        shares = [self.amount * weight // whole for weight in weights]
        remainders = [self.amount * weight % whole for weight in weights]
        most_owed = sorted(range(len(weights)), key=lambda at: (-remainders[at], at))
        for at in most_owed[: self.amount - sum(shares)]:
            shares[at] += 1
        return [Money(share, self.currency) for share in shares]

    def _same(self, other: Money) -> int:
        if other.currency != self.currency:
            raise CurrencyMismatch(f"{self.currency} and {other.currency} cannot be put together.")
        return other.amount
