"""Prove that the money is right: orders, payments and the provider's books say the same."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import func, select

from shared.database import database_now
from shared.work import Transactions, Work
from shop_service.db.models import UNDER_WAY, Checkout, Order, PaymentRow
from shop_service.domain.checkout import Step
from shop_service.domain.order import Payment, Status
from shop_service.providers.payment import PaymentProvider

GRACE = timedelta(minutes=1)  # for a worker that is just about to act
NET = PaymentRow.captured_amount - PaymentRow.refunded_amount


def find_wrongs(transactions: Transactions, provider: PaymentProvider) -> list[str]:
    """Everything that does not add up, one sentence each; empty when all does."""
    with transactions.read() as work:
        found = [*_sums(work), *_cancelled_with_capture(work), *_overdue(work)]
    return found + list(_books_that_differ(transactions, provider))


def _sums(work: Work) -> Iterator[str]:
    kept = _by_currency(work, select(PaymentRow.currency, func.sum(NET)), PaymentRow.currency)
    said = _by_currency(
        work,
        select(Order.currency, func.sum(Order.total_amount)).where(
            Order.status == Status.CONFIRMED, Order.payment_status == Payment.CAPTURED
        ),
        Order.currency,
    )
    for currency in sorted(kept.keys() | said.keys()):
        if kept.get(currency, 0) != said.get(currency, 0):
            yield (
                f"Captured − refunded is {kept.get(currency, 0)} {currency}, "
                f"but confirmed orders say {said.get(currency, 0)}."
            )


def _by_currency(work: Work, query: object, column: object) -> dict[str, int]:
    rows = work.session.execute(query.group_by(column)).all()  # type: ignore[attr-defined]
    return {currency: int(amount) for currency, amount in rows if amount}


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
        rows = work.session.execute(
            select(
                Order.number,
                PaymentRow.order_id,
                PaymentRow.captured_amount,
                PaymentRow.refunded_amount,
            )
            .join(Order, Order.id == PaymentRow.order_id)
            .join(Checkout, Checkout.order_id == Order.id)
            .where(Checkout.step == Step.DONE)
        ).all()
    for number, order_id, captured, refunded in rows:
        charge = provider.lookup(str(order_id))
        theirs = (charge.captured.amount, charge.refunded.amount) if charge else (0, 0)
        if theirs != (captured, refunded):
            yield (
                f"Order {number}: we say {captured} captured and {refunded} refunded, "
                f"{provider.name} says {theirs[0]} and {theirs[1]}."
            )
