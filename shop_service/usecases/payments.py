"""Errands to the payment provider: never inside a transaction, and never lost half-way.

An errand is taken by a conditional UPDATE that gives one process some seconds (the lease). If it
dies, the time ends and the next one asks again with the same key, which gets the same answer.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, or_, select, update

from shared import context
from shared.database import database_now
from shared.failpoints import reached
from shared.logging import get
from shared.money import Money
from shared.work import Transactions, Work
from shop_service.db.models import UNDER_WAY
from shop_service.db.writing import changed
from shop_service.domain.checkout import ERRANDS, Pace, Step
from shop_service.providers.payment import (
    Authorised,
    Declined,
    PaymentProvider,
    PaymentUnknown,
)
from shop_service.usecases import outcomes
from shop_service.usecases.moves import CHECKOUTS, ORDERS, PAYMENTS

log = get(__name__)

# We never push a due time beyond the horizon: one that lies there shows a clock set back since.
IS_DUE = or_(
    CHECKOUTS.c.due_at <= bindparam("of_now"), CHECKOUTS.c.due_at > bindparam("of_horizon")
)
DUE = (
    select(CHECKOUTS.c.order_id, CHECKOUTS.c.attempts)
    .where(UNDER_WAY, CHECKOUTS.c.step.in_(ERRANDS), IS_DUE)
    .order_by(CHECKOUTS.c.due_at)
    .limit(bindparam("of_limit"))
)
TAKE = (
    update(CHECKOUTS)
    .where(
        CHECKOUTS.c.order_id == bindparam("of_order"),
        CHECKOUTS.c.attempts == bindparam("of_attempts"),
        CHECKOUTS.c.step.in_(ERRANDS),
        IS_DUE,
    )
    .values(version=CHECKOUTS.c.version + 1)
)
ERRAND = (
    select(
        CHECKOUTS.c.step,
        CHECKOUTS.c.attempts,
        ORDERS.c.total_amount,
        ORDERS.c.currency,
        PAYMENTS.c.token,
        CHECKOUTS.c.correlation,
        CHECKOUTS.c.traceparent,
        CHECKOUTS.c.causation,
    )
    .join_from(CHECKOUTS, ORDERS, ORDERS.c.id == CHECKOUTS.c.order_id)
    .join(PAYMENTS, PAYMENTS.c.order_id == ORDERS.c.id)
    .where(CHECKOUTS.c.order_id == bindparam("of_order"))
)
ALARMING = 10  # attempts without an answer, after which somebody should look


@dataclass(frozen=True, slots=True)
class Errand:
    """One thing to ask the provider."""

    order_id: UUID
    step: Step
    attempt: int
    amount: Money
    token: str
    cause: context.Context

    @property
    def key(self) -> str:
        """Under which the provider knows this payment, however often we ask."""
        return str(self.order_id)


@dataclass(frozen=True, slots=True)
class Till:
    """Where payments are made: a provider, and the patience that we have with it."""

    provider: PaymentProvider
    pace: Pace
    threads: int = 4


def run_errands(transactions: Transactions, till: Till) -> int:
    """Take what is due, ask the provider, note what it says. How many there were."""
    with transactions.read() as work:
        due = _due(work, till.pace, till.threads)
    if not due:
        return 0
    with transactions.begin() as work:
        errands = [errand for each in due if (errand := take_errand(work, *each, till.pace))]
    if len(errands) == 1:
        run_errand(transactions, till, errands[0])
    elif errands:
        with ThreadPoolExecutor(len(errands)) as pool:
            list(pool.map(lambda errand: run_errand(transactions, till, errand), errands))
    return len(errands)


def take_errand(work: Work, order_id: UUID, attempts: int, pace: Pace) -> Errand | None:
    """Make one errand ours until the lease ends; None when somebody else was faster."""
    whose = {"of_order": order_id, "of_attempts": attempts, **_now(work, pace)}
    lease_ends = database_now(work.session) + pace.lease
    taken = changed(work, TAKE, **whose, attempts=attempts + 1, due_at=lease_ends)
    return errand_of(work, order_id) if taken else None


def errand_of(work: Work, order_id: UUID) -> Errand:
    """What the checkout has to ask the provider now."""
    row = work.session.execute(ERRAND, {"of_order": order_id}).one()
    amount = Money(row.total_amount, row.currency)
    cause = context.resumed(row.correlation, row.traceparent, row.causation)
    return Errand(order_id, Step(row.step), row.attempts, amount, row.token, cause)


def run_errand(transactions: Transactions, till: Till, errand: Errand) -> None:
    """Ask, note the answer; a promise of the money is followed by taking it, in one go."""
    with context.entered(errand.cause):
        _run(transactions, till, errand)


def _run(transactions: Transactions, till: Till, errand: Errand) -> None:
    try:
        answer = ask(till.provider, errand)
    except PaymentUnknown as unknown:
        with transactions.begin() as work:
            outcomes.note_unknown(work, errand.order_id, errand.step, errand.attempt, till.pace)
        say = log.error if errand.attempt >= ALARMING else log.info
        say("no answer from the provider", order_id=errand.key, step=errand.step, why=str(unknown))
        return
    reached("saga.after_reply")
    with transactions.begin() as work:
        follows = note_answer(work, errand, answer, till.pace)
    if follows:
        run_errand(transactions, till, follows)


def ask(provider: PaymentProvider, errand: Errand) -> Authorised | Declined | None:
    """Do the errand. Not in a transaction: it may take seconds. Raises PaymentUnknown."""
    if errand.step is Step.PAYING:
        return provider.authorise(errand.key, errand.amount, errand.token)
    if errand.step is Step.CAPTURING:
        return provider.capture(errand.key)
    if errand.step is Step.REFUNDING:
        provider.refund(errand.key, errand.amount, f"{errand.key}/refund")
        return None
    provider.void(errand.key)
    reached("saga.mid_compensation")
    charge = provider.lookup(errand.key)
    if charge is not None and charge.refunded < charge.captured:
        # Nobody takes money for a cancelled order, but if it was taken, it goes back.
        provider.refund(errand.key, charge.captured, f"{errand.key}/undo")
        return Authorised(charge.reference)
    return None


def note_answer(
    work: Work, errand: Errand, answer: Authorised | Declined | None, pace: Pace
) -> Errand | None:
    """Write down what the provider said; returns the errand that follows at once, if any."""
    order_id, step = errand.order_id, errand.step
    if step is Step.UNDOING:
        outcomes.settle(work, order_id, gave_back=answer is not None)
    elif step is Step.REFUNDING:
        outcomes.note_refund(work, order_id)
    elif isinstance(answer, Declined):
        outcomes.note_declined(work, order_id, step, answer.code, answer.sentence)
    elif isinstance(answer, Authorised) and step is Step.PAYING:
        if outcomes.note_authorised(work, order_id, answer.reference, pace):
            return errand_of(work, order_id)
    elif isinstance(answer, Authorised):
        outcomes.note_captured(work, order_id)
    return None


def _due(work: Work, pace: Pace, limit: int) -> list[tuple[UUID, int]]:
    rows = work.session.execute(DUE, {**_now(work, pace), "of_limit": limit})
    return [(row.order_id, row.attempts) for row in rows]


def _now(work: Work, pace: Pace) -> dict[str, datetime]:
    now = database_now(work.session)
    return {"of_now": now, "of_horizon": now + pace.longest_pause}
