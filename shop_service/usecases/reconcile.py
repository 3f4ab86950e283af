"""Prove that the money is right: orders, payments and the provider's books say the same."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, literal, select, union_all

from shared.database import database_now
from shared.work import Transactions, Work
from shop_service.db.models import UNDER_WAY, Checkout, Order, PaymentRow
from shop_service.domain.checkout import Step
from shop_service.domain.order import Payment, Status
from shop_service.providers.payment import PaymentProvider

GRACE = timedelta(minutes=1)  # for a worker that is just about to act
NET = PaymentRow.captured_amount - PaymentRow.refunded_amount
SUMS = union_all(
    select(literal("kept"), PaymentRow.currency, func.sum(NET)).group_by(PaymentRow.currency),
    select(literal("said"), Order.currency, func.sum(Order.total_amount))
    .where(Order.status == Status.CONFIRMED, Order.payment_status == Payment.CAPTURED)
    .group_by(Order.currency),
)
SETTLED = (
    select(
        Order.number,
        PaymentRow.order_id,
        PaymentRow.captured_amount,
        PaymentRow.refunded_amount,
    )
    .join(Order, Order.id == PaymentRow.order_id)
    .join(Checkout, Checkout.order_id == Order.id)
    .where(Checkout.step == Step.DONE)
)


def find_wrongs(transactions: Transactions, provider: PaymentProvider) -> list[str]:
    """Everything that does not add up, one sentence each; empty when all does."""
    with transactions.read() as work:
        found = [*_sums(work), *_cancelled_with_capture(work), *_overdue(work)]
    return found + list(_books_that_differ(transactions, provider))


def _sums(work: Work) -> Iterator[str]:
    kept: dict[str, int] = defaultdict(int)
    said: dict[str, int] = defaultdict(int)
    for side, currency, amount in work.session.execute(SUMS):  # one look: money moves meanwhile
        (kept if side == "kept" else said)[currency] = int(amount)
    for currency in sorted(kept.keys() | said.keys()):
        if kept[currency] != said[currency]:
            yield (
                f"Captured − refunded is {kept[currency]} {currency}, "
                f"but confirmed orders say {said[currency]}."
            )


def _cancelled_with_capture(work: Work) -> Iterator[str]:
    rows = work.session.execute(
        select(Order.number, NET.label("kept"), Order.currency)
        .join(PaymentRow, PaymentRow.order_id == Order.id)
        .where(Order.status == Status.CANCELLED, NET != 0)
    )
    for number, kept, currency in rows:
        yield f"Order {number} is cancelled and keeps {kept} {currency}."


def _overdue(work: Work) -> Iterator[str]:
    late = database_now(work.session) - GRACE
    rows = work.session.execute(
        select(Order.number, Checkout.step, Checkout.due_at)
        .join(Checkout, Checkout.order_id == Order.id)
        .where(UNDER_WAY, Checkout.due_at < late)
    )
    for number, step, due_at in rows:
        yield f"Order {number} is still {step}, although it was due at {due_at:%F %T} UTC."


def _books_that_differ(transactions: Transactions, provider: PaymentProvider) -> Iterator[str]:
    with transactions.read() as work:
        rows = work.session.execute(SETTLED).all()
    for number, order_id, captured, refunded in rows:
        theirs = _theirs(provider, order_id)
        if theirs == (captured, refunded):
            continue
        with transactions.read() as work:  # the money may have moved since we looked
            now = work.session.execute(SETTLED.where(Order.id == order_id)).one_or_none()
        if now is not None and theirs != (now.captured_amount, now.refunded_amount):
            yield (
                f"Order {number}: we say {now.captured_amount} captured and "
                f"{now.refunded_amount} refunded, {provider.name} says {theirs[0]} and {theirs[1]}."
            )


def _theirs(provider: PaymentProvider, order_id: UUID) -> tuple[int, int]:
    charge = provider.lookup(str(order_id))
    return (charge.captured.amount, charge.refunded.amount) if charge else (0, 0)
