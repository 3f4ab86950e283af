"""The books of the test provider: what it wrote down about each charge."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from shared.money import Money


class BookState(StrEnum):
    """Where one charge stands."""

    OPENED = "opened"  # asked for, and never answered
    AUTHORISED = "authorised"
    DECLINED = "declined"
    CAPTURED = "captured"
    VOIDED = "voided"


@dataclass(frozen=True, slots=True)
class Entry:
    """One charge."""

    key: str
    reference: str
    token: str
    amount: Money
    state: BookState
    asked: int = 0
    refunded: int = 0


class Books(Protocol):
    """Where the entries are kept; each call is durable when it returns."""

    def open(self, entry: Entry) -> Entry:
        """Write the entry down unless its key has one; return what the key has, asked once more."""
        ...

    def move(self, key: str, before: BookState, after: BookState) -> Entry | None:
        """Change a state, if it is still `before`; return the entry as it is then."""
        ...

    def find(self, key: str) -> Entry | None:
        """The entry of a key."""
        ...

    def give_back(self, key: str, refund_key: str, amount: Money) -> None:
        """Book a refund, once for each `refund_key` and never more than was taken."""
        ...
