"""What the shop asks of a payment provider, whoever it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from shared.money import Money


class PaymentUnknown(Exception):
    """The provider did not answer: it may have acted or not. Ask again with the same key."""


@dataclass(frozen=True, slots=True)
class Card:
    """All that we keep of a card: never its number."""

    token: str
    brand: str
    last4: str


@dataclass(frozen=True, slots=True)
class Authorised:
    """The money is promised; `reference` names the charge at the provider."""

    reference: str


@dataclass(frozen=True, slots=True)
class Declined:
    """The provider says no. `sentence` is for the shopper."""

    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Charge:
    """What the provider's books say about one key. `refunded` is part of `captured`."""

    reference: str
    authorised: Money
    captured: Money
    refunded: Money


class PaymentProvider(Protocol):
    """A provider. Each call may be repeated with its key, and then does nothing new.

    `authorise`, `capture`, `void`, `refund` and `lookup` go over the network: never call them
    inside a transaction. All of them raise PaymentUnknown when no answer comes.
    """

    name: str

    def tokenise(self, number: str) -> Card:
        """Exchange a card number for a token; raises CardRefused. Local, keeps nothing."""
        ...

    def authorise(self, key: str, amount: Money, token: str) -> Authorised | Declined:
        """Promise us `amount` from this card."""
        ...

    def capture(self, key: str) -> Authorised | Declined:
        """Take what was promised under `key`."""
        ...

    def void(self, key: str) -> None:
        """Let go of the promise; one that arrives later under this key is declined."""
        ...

    def refund(self, key: str, amount: Money, refund_key: str) -> None:
        """Give back some of what was taken under `key`, once for each `refund_key`."""
        ...

    def lookup(self, key: str) -> Charge | None:
        """What the books say about `key`."""
        ...
