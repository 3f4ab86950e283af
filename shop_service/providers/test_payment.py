"""The test provider: no money moves, but its books are kept as strictly as a bank's.

| card                | what happens                                                     |
|---------------------|------------------------------------------------------------------|
| 4242 4242 4242 4242 | succeeds                                                         |
| 4000 0000 0000 0002 | is declined                                                      |
| 4000 0000 0000 9995 | lacks funds                                                      |
| 4000 0000 0000 4087 | never gets an answer                                             |
| 4000 0000 0000 2024 | gets no answer the first time, and turns out to have succeeded   |
"""

from __future__ import annotations

import re
from enum import StrEnum

from shared.ids import new_id
from shared.money import Money
from shop_service.domain import luhn
from shop_service.domain.books import Books, BookState, Entry
from shop_service.domain.errors import CardRefused
from shop_service.providers.payment import Authorised, Card, Charge, Declined, PaymentUnknown


class Fate(StrEnum):
    """What a test card does; the token carries it."""

    SUCCEEDS = "succeeds"
    DECLINED = "declined"
    LACKS_FUNDS = "lacks-funds"
    NEVER_ANSWERS = "never-answers"
    ANSWERS_LATE = "answers-late"


FATES = {
    "4242424242424242": Fate.SUCCEEDS,
    "4000000000000002": Fate.DECLINED,
    "4000000000009995": Fate.LACKS_FUNDS,
    "4000000000004087": Fate.NEVER_ANSWERS,
    "4000000000002024": Fate.ANSWERS_LATE,
}
ENDS = {
    Fate.SUCCEEDS: BookState.AUTHORISED,
    Fate.DECLINED: BookState.DECLINED,
    Fate.LACKS_FUNDS: BookState.DECLINED,
    Fate.NEVER_ANSWERS: BookState.OPENED,
    Fate.ANSWERS_LATE: BookState.AUTHORISED,
}
NO = {
    Fate.DECLINED: Declined("payment-declined", "Your bank declined the payment."),
    Fate.LACKS_FUNDS: Declined("insufficient-funds", "There is not enough money on this card."),
}
VOIDED = Declined("payment-declined", "This payment was called off.")
TOKEN = "test-"  # noqa: S105 - a prefix, not a secret
SEPARATORS = re.compile(r"[ \-]")


class TestProvider:
    """A payment provider for trying things out."""

    __test__ = False  # pytest: this is no test, whatever its name begins with
    name = "test"

    def __init__(self, books: Books) -> None:
        self._books = books

    def tokenise(self, number: str) -> Card:
        """A token for one of the test cards; any other number is refused."""
        digits = SEPARATORS.sub("", number.strip())
        if not (digits.isascii() and digits.isdigit() and 12 <= len(digits) <= 19):
            raise CardRefused("A card number has 12 to 19 digits.")
        if not luhn.is_valid([int(digit) for digit in digits]):
            raise CardRefused("This is not a card number: please check its digits.")
        fate = FATES.get(digits)
        if fate is None:
            raise CardRefused("This shop takes test cards only, such as 4242 4242 4242 4242.")
        return Card(f"{TOKEN}{fate}", "Visa", digits[-4:])

    def authorise(self, key: str, amount: Money, token: str) -> Authorised | Declined:
        """Do what the card is for."""
        fate = Fate(token.removeprefix(TOKEN))
        entry = self._books.open(Entry(key, f"test_{new_id()}", token, amount, ENDS[fate]))
        if entry.state is BookState.OPENED or (fate is Fate.ANSWERS_LATE and entry.asked <= 1):
            raise PaymentUnknown("There is no answer.")
        if entry.state in (BookState.AUTHORISED, BookState.CAPTURED):
            return Authorised(entry.reference)
        return NO.get(fate, VOIDED)

    def capture(self, key: str) -> Authorised | Declined:
        """Take what was promised."""
        entry = self._books.move(key, BookState.AUTHORISED, BookState.CAPTURED)
        if entry is None or entry.state is not BookState.CAPTURED:
            return VOIDED
        return Authorised(entry.reference)

    def void(self, key: str) -> None:
        """Call it off, whether or not anything was asked for yet."""
        nothing = Money.zero("EUR")
        entry = self._books.open(Entry(key, f"test_{new_id()}", TOKEN, nothing, BookState.VOIDED))
        if entry.state in (BookState.OPENED, BookState.AUTHORISED):
            self._books.move(key, entry.state, BookState.VOIDED)

    def refund(self, key: str, amount: Money, refund_key: str) -> None:
        """Give money back."""
        self._books.give_back(key, refund_key, amount)

    def lookup(self, key: str) -> Charge | None:
        """What the books say."""
        entry = self._books.find(key)
        if entry is None:
            return None
        nothing = Money.zero(entry.amount.currency)
        captured = entry.amount if entry.state is BookState.CAPTURED else nothing
        promised = entry.state in (BookState.AUTHORISED, BookState.CAPTURED)
        return Charge(
            reference=entry.reference,
            authorised=entry.amount if promised else nothing,
            captured=captured,
            refunded=Money(entry.refunded, entry.amount.currency),
        )
