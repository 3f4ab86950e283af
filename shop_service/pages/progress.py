"""How far an order has come, as a shopper wants to read it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shop_service.db.models import Order, TimelineEntry
from shop_service.domain.order import Move, Payment, Status, is_final

# The way of an order: what happened, said before and after.
WAY = (
    ("place", "Order placed", "Order placed"),
    (Move.SET_ASIDE, "Setting your goods aside", "Goods set aside"),
    (Move.CAPTURE, "Waiting for your bank", "Payment received"),
    (Move.CONFIRM, "Confirmation", "Order confirmed"),
    (Move.SHIP, "Sending it to you", "On its way to you"),
)


@dataclass(frozen=True, slots=True)
class StepShown:
    """One step on the page: done, current, upcoming or failed."""

    title: str
    state: str
    at: datetime | None = None
    note: str = ""


def steps_of(order: Order) -> list[StepShown]:
    """The steps behind the order and those before it."""
    happened = {entry.what: entry for entry in order.timeline}
    steps = [
        StepShown(done, "done", happened[what].at) for what, _, done in WAY if what in happened
    ]
    return [*steps, *_ahead(order, happened), *_money_back(order, happened)]


def _ahead(order: Order, happened: dict[str, TimelineEntry]) -> list[StepShown]:
    if order.status == Status.CANCELLED:
        return [StepShown("Cancelled", "failed", order.timeline[-1].at, order.reason)]
    if order.payment_status == Payment.REFUNDED:
        return []
    ahead = [coming for what, coming, _ in WAY if what not in happened]
    first = "upcoming" if is_final(order.status) else "current"
    return [StepShown(title, first if at == 0 else "upcoming") for at, title in enumerate(ahead)]


def _money_back(order: Order, happened: dict[str, TimelineEntry]) -> list[StepShown]:
    if order.payment_status == Payment.REFUNDED:
        entry = happened.get(Move.REFUND) or happened.get(Move.GIVE_BACK)
        return [StepShown("Money sent back", "done", entry.at if entry else None)]
    if Move.ASK_REFUND in happened:
        return [StepShown("Sending your money back", "current")]
    return []
