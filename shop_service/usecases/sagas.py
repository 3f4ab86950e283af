"""The orders on their way: at which step each is, how old, and when it acts next.

Each row of `checkouts` is one run of the checkout saga. Ages go by the database's clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from shared.database import database_now
from shared.metrics import SAGA_OLDEST, SAGA_OPEN
from shared.telemetry.gauges import age
from shared.work import Work
from shop_service.db.models import UNDER_WAY, Checkout, Order
from shop_service.domain.checkout import OPEN, Step

BY_STEP = (
    select(Checkout.step, func.count(), func.min(Checkout.started_at))
    .where(UNDER_WAY)
    .group_by(Checkout.step)
)
COLUMNS = ("order", "step", "version", "age s", "asked", "acts in s", "gives up in s")


@dataclass(frozen=True, slots=True)
class Saga:
    """One order on its way. What is past the pivot or undoes something never gives up."""

    order: str
    step: str
    version: int
    age: float
    attempts: int
    due_in: float
    gives_up_in: float | None

    def as_dict(self) -> dict[str, Any]:
        """For programs."""
        return asdict(self)


def under_way(work: Work, limit: int = 100) -> list[Saga]:
    """The orders on their way, oldest first."""
    now = database_now(work.session)
    rows = work.session.execute(
        select(
            Order.number,
            Checkout.step,
            Checkout.version,
            Checkout.started_at,
            Checkout.attempts,
            Checkout.due_at,
            Checkout.deadline,
        )
        .join(Order, Order.id == Checkout.order_id)
        .where(UNDER_WAY)
        .order_by(Checkout.started_at)
        .limit(limit)
    )
    return [
        Saga(
            number, step, version, age(started, now), attempts, _until(due_at, now),
            _until(deadline, now) if step in OPEN else None,
        )
        for number, step, version, started, attempts, due_at, deadline in rows
    ]  # fmt: skip


def show(work: Work) -> None:
    """Set the gauges: how many are at each step, and the age of the oldest."""
    now = database_now(work.session)
    found = {step: (count, since) for step, count, since in work.session.execute(BY_STEP)}
    for step in Step:
        if step is not Step.DONE:
            count, since = found.get(step, (0, None))
            SAGA_OPEN.labels(step).set(count)
            SAGA_OLDEST.labels(step).set(age(since, now))


def table_of(sagas: Sequence[Saga]) -> list[str]:
    """For people: one line each, in columns."""
    rows = [COLUMNS, *(_cells(saga) for saga in sagas)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(COLUMNS))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _cells(saga: Saga) -> tuple[str, ...]:
    gives_up = "never" if saga.gives_up_in is None else f"{saga.gives_up_in:.0f}"
    figures = (f"{saga.version}", f"{saga.age:.0f}", f"{saga.attempts}", f"{saga.due_in:.0f}")
    return (saga.order, saga.step, *figures, gives_up)


def _until(moment: datetime, now: datetime) -> float:
    return (moment - now).total_seconds()
