"""The Luhn check, for any alphabet: it catches one mistyped character and most swapped pairs."""

from __future__ import annotations

from collections.abc import Sequence


def check_value(values: Sequence[int], base: int = 10) -> int:
    """The value to append, so that `is_valid` holds."""
    return -_sum(values, base, doubled=True) % base


def is_valid(values: Sequence[int], base: int = 10) -> bool:
    """Whether the last value is the check of those before it."""
    return _sum(values, base, doubled=False) % base == 0


def _sum(values: Sequence[int], base: int, *, doubled: bool) -> int:
    total = 0
    for value in reversed(values):
        total += sum(divmod(value * 2, base)) if doubled else value
        doubled = not doubled
    return total
