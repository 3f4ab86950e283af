"""Money is whole minor units, and no unit is ever lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.money import AmountOutOfRange, CurrencyMismatch, Money

amounts = st.integers(-(10**12), 10**12)
weights = st.lists(st.integers(0, 10**6), min_size=1, max_size=20).filter(lambda w: sum(w) > 0)


@given(amount=amounts, weights=weights)
def test_what_is_split_adds_up_to_what_there_was(amount: int, weights: list[int]) -> None:
    shares = Money(amount, "EUR").split(weights)

    assert Money.total(shares, "EUR") == Money(amount, "EUR")


@given(amount=st.integers(0, 10**9), weights=weights)
def test_a_share_is_never_off_by_a_whole_unit(amount: int, weights: list[int]) -> None:
    shares = Money(amount, "EUR").split(weights)

    exact = [amount * weight / sum(weights) for weight in weights]
    assert all(abs(share.amount - want) < 1 for share, want in zip(shares, exact, strict=True))


@pytest.mark.parametrize(
    ("money", "text"),
    [
        (Money(1250, "EUR"), "€12.50"),
        (Money(-5, "USD"), "-$0.05"),
        (Money(1500, "JPY"), "¥1,500"),
        (Money(12345, "KWD"), "KWD 12.345"),
    ],
)
def test_money_reads_as_people_write_it(money: Money, text: str) -> None:
    assert str(money) == text


def test_two_currencies_are_never_put_together() -> None:
    with pytest.raises(CurrencyMismatch):
        Money(1, "EUR") + Money(1, "USD")


@pytest.mark.parametrize(
    ("amount", "currency"), [(2**53, "EUR"), (True, "EUR"), (1, "eur"), (1, "")]
)
def test_what_cannot_be_money_is_refused(amount: int, currency: str) -> None:
    with pytest.raises(AmountOutOfRange):
        Money(amount, currency)
