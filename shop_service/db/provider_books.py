"""The test provider's books, in tables of their own and transactions of their own."""

from __future__ import annotations

from sqlalchemy import bindparam, select, update

from shared import clock
from shared.database import insert_if_absent, table_of
from shared.money import Money
from shared.work import Transactions, Work
from shop_service.db.models import ProviderCharge, ProviderRefund
from shop_service.db.writing import changed
from shop_service.domain.books import BookState, Entry

CHARGES = table_of(ProviderCharge)
MINE = CHARGES.c.key == bindparam("of_key")
READ = select(
    CHARGES.c.reference,
    CHARGES.c.token,
    CHARGES.c.amount,
    CHARGES.c.currency,
    CHARGES.c.state,
    CHARGES.c.asked,
    CHARGES.c.refunded,
).where(MINE)
ASK_AGAIN = update(CHARGES).where(MINE).values(asked=CHARGES.c.asked + 1)
MOVE = update(CHARGES).where(MINE, CHARGES.c.state == bindparam("of_state"))


class ProviderBooks:
    """Stands in for a third party: what is written here survives whatever happens to the shop."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def open(self, entry: Entry) -> Entry:
        """Write the entry down unless its key has one; return what the key has, asked once more."""
        row = {
            "key": entry.key,
            "reference": entry.reference,
            "token": entry.token,
            "amount": entry.amount.amount,
            "currency": entry.amount.currency,
            "state": entry.state,
            "asked": 0,
            "refunded": 0,
            "opened_at": clock.now(),
        }
        with self._transactions.begin() as work:
            insert_if_absent(work.session, CHARGES, row)
            changed(work, ASK_AGAIN, of_key=entry.key)
            return _entry(work, entry.key) or entry

    def move(self, key: str, before: BookState, after: BookState) -> Entry | None:
        """Change a state, if it is still `before`; return the entry as it is then."""
        with self._transactions.begin() as work:
            changed(work, MOVE, of_key=key, of_state=before, state=after)
            return _entry(work, key)

    def find(self, key: str) -> Entry | None:
        """The entry of a key."""
        with self._transactions.read() as work:
            return _entry(work, key)

    def give_back(self, key: str, refund_key: str, amount: Money) -> None:
        """Book a refund, once for each `refund_key` and never more than was taken."""
        row = {
            "refund_key": refund_key,
            "charge_key": key,
            "amount": amount.amount,
            "booked_at": clock.now(),
        }
        statement = update(ProviderCharge).where(
            ProviderCharge.key == key,
            ProviderCharge.state == BookState.CAPTURED,
            ProviderCharge.refunded + amount.amount <= ProviderCharge.amount,
        )
        with self._transactions.begin() as work:
            if insert_if_absent(work.session, ProviderRefund.__table__, row) and not changed(
                work, statement.values(refunded=ProviderCharge.refunded + amount.amount)
            ):
                raise ValueError(f"A refund of {amount} is more than is left of charge {key}.")


def _entry(work: Work, key: str) -> Entry | None:
    row = work.session.execute(READ, {"of_key": key}).one_or_none()
    if row is None:
        return None
    return Entry(
        key=key,
        reference=row.reference,
        token=row.token,
        amount=Money(row.amount, row.currency),
        state=BookState(row.state),
        asked=row.asked,
        refunded=row.refunded,
    )
