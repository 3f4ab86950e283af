"""Count what went wrong, and make those wait who had too many tries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import delete, select

from auth_service.db.models import FailedTries
from auth_service.domain.errors import TooManyTries
from auth_service.domain.throttling import Gate, Tries
from shared import clock
from shared.database import insert_if_absent
from shared.errors import Refusal
from shared.work import Transactions, Work


def check_gates(work: Work, gates: Sequence[Gate], *, lock: bool = False) -> None:
    """Raise TooManyTries while one of the gates is closed."""
    free = {gate.subject: gate.free for gate in gates}
    query = select(FailedTries).where(FailedTries.subject.in_(free)).order_by(FailedTries.subject)
    now = clock.now()
    waits = [
        Tries(row.failures, row.last_at).seconds_to_wait(free[row.subject], now)
        for row in work.session.scalars(query.with_for_update() if lock else query)
    ]
    longest = max(waits, default=0)
    if longest:
        raise TooManyTries(longest)


def count_failure(work: Work, gates: Sequence[Gate]) -> None:
    """Remember one more wrong try.

    Raises TooManyTries if, among parallel tries, this one came too late: whether it was right or
    wrong is then told to nobody.
    """
    now = clock.now()
    for found in _kept(work, gates, now):
        after = Tries(found.failures, found.last_at).after_failure(now)
        found.failures, found.last_at = after.failures, after.last_at


def _kept(work: Work, gates: Sequence[Gate], now: datetime) -> list[FailedTries]:
    """The counts of these gates, made if needed, which nobody else changes until this work ends.

    One that was there may be forgiven before it is ours: then it begins anew.
    """
    while True:
        for gate in sorted(gates, key=lambda each: each.subject):
            row = {"subject": gate.subject, "failures": 0, "last_at": now}
            insert_if_absent(work.session, FailedTries.__table__, row)
        check_gates(work, gates, lock=True)
        found = [work.session.get(FailedTries, gate.subject) for gate in gates]
        kept = [each for each in found if each is not None]
        if len(kept) == len(gates):
            return kept


def forgive(work: Work, gate: Gate) -> None:
    """Forget the wrong tries: the right one came."""
    work.session.execute(delete(FailedTries).where(FailedTries.subject == gate.subject))


@contextmanager
def counted(
    transactions: Transactions, gates: Sequence[Gate], refusal: type[Refusal]
) -> Iterator[None]:
    """Let the block run unless the gates are closed; count when it is refused with `refusal`."""
    with transactions.read() as work:
        check_gates(work, gates)
    try:
        yield
    except refusal:
        with transactions.begin() as work:
            count_failure(work, gates)
        raise
