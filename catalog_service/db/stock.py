"""What is asked of shelves and holds, and how they change: each change is conditional."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, bindparam, func, insert, select, update

from catalog_service.db.models import Product
from catalog_service.db.stock_models import Hold, HoldLine, ShelfRow, StockMovement
from catalog_service.domain.holds import HoldState, Promise
from catalog_service.domain.products import SKU
from catalog_service.domain.stock import Shelf, Shift
from shared import clock
from shared.database import insert_if_absent
from shared.work import Work

Lines = dict[UUID, dict[str, int]]

_SHIFT = (
    update(ShelfRow)
    .where(
        ShelfRow.sku == bindparam("at"),
        ShelfRow.held + bindparam("more_held") >= 0,
        ShelfRow.on_hand + bindparam("more_on_hand") >= ShelfRow.held + bindparam("more_held"),
    )
    .values(
        on_hand=ShelfRow.on_hand + bindparam("more_on_hand"),
        held=ShelfRow.held + bindparam("more_held"),
        version=ShelfRow.version + 1,
    )
    .returning(ShelfRow.on_hand, ShelfRow.held, ShelfRow.version)
    .execution_options(synchronize_session=False)
)


_PROMISE = select(Hold.order_id, Hold.state, Hold.reason, Hold.version)


class ChangedUnderneath(RuntimeError):
    """A row changed between decision and write. The whole message is tried again."""


def lock_shelves(work: Work, skus: Iterable[str]) -> dict[str, Shelf]:
    """The shelves of these products, which nobody else changes until this work ends.

    They are locked in the order of their SKU, so that two orders never wait for each other.
    """
    possible = [sku for sku in skus if SKU.match(sku)]
    rows = work.session.execute(
        select(ShelfRow.sku, ShelfRow.on_hand, ShelfRow.held, ShelfRow.version, Product.state)
        .join(Product, Product.sku == ShelfRow.sku)
        .where(ShelfRow.sku.in_(possible))
        .order_by(ShelfRow.sku)
        .with_for_update(of=ShelfRow)
    )
    return {
        sku: Shelf(on_hand, held, version, on_sale=state == "published")
        for sku, on_hand, held, version, state in rows
    }


def shelf_of(work: Work, sku: str) -> Shelf:
    """The shelf of one product, as it is now."""
    row = work.session.execute(
        select(ShelfRow.on_hand, ShelfRow.held, ShelfRow.version).where(ShelfRow.sku == sku)
    ).first()
    return Shelf(*row) if row else Shelf()


def shift_shelf(work: Work, sku: str, by: Shift) -> Shelf:
    """Change one shelf, if it can bear that; raises ChangedUnderneath if it cannot any more."""
    row = work.session.execute(
        _SHIFT, {"at": sku, "more_on_hand": by.on_hand, "more_held": by.held}
    ).first()
    if row is None:
        raise ChangedUnderneath(f"{sku} cannot change by {by.on_hand:+} on hand, {by.held:+} held.")
    return Shelf(row.on_hand, row.held, row.version)


def write_movements(work: Work, rows: Sequence[Mapping[str, Any]]) -> None:
    """Enter changes of shelves into the ledger."""
    if rows:
        work.session.execute(insert(StockMovement), list(rows))


def begin_hold(
    work: Work, order_id: UUID, state: HoldState, *, expires_at: datetime | None = None
) -> bool:
    """Write down a hold, unless the order has one; a parallel twin waits for this work to end."""
    now = clock.now()
    row = {
        "order_id": order_id,
        "state": str(state),
        "reason": "",
        "expires_at": expires_at,
        "version": 1,
        "created_at": now,
        "updated_at": now,
    }
    return insert_if_absent(work.session, Hold.__table__, row)


def lock_hold(work: Work, order_id: UUID) -> Promise | None:
    """The hold of an order, which nobody else changes until this work ends."""
    row = work.session.execute(_PROMISE.where(Hold.order_id == order_id).with_for_update()).first()
    return _promise(row) if row else None


def lines_of(work: Work, order_ids: Iterable[UUID]) -> Lines:
    """What is held for these orders, by order and SKU."""
    rows = work.session.execute(
        select(HoldLine.order_id, HoldLine.sku, HoldLine.quantity).where(
            HoldLine.order_id.in_(list(order_ids))
        )
    )
    lines: Lines = {}
    for order_id, sku, quantity in rows:
        lines.setdefault(order_id, {})[sku] = quantity
    return lines


def move_hold(work: Work, promise: Promise, to: HoldState, *, reason: str = "") -> int:
    """Bring a hold into another state; its new version. Raises if somebody was faster."""
    version: int | None = work.session.scalar(
        update(Hold)
        .where(Hold.order_id == promise.order_id, Hold.version == promise.version)
        .values(
            state=str(to),
            reason=reason,
            expires_at=None,
            version=Hold.version + 1,
            updated_at=clock.now(),
        )
        .returning(Hold.version)
    )
    if version is None:
        raise ChangedUnderneath(f"The hold of order {promise.order_id} has moved meanwhile.")
    return version


def lock_expired_holds(
    work: Work, *, skus: Iterable[str] | None = None, limit: int = 100
) -> list[Promise]:
    """Holds whose time is over. A sweep leaves alone what is in other hands at the moment; a buyer
    of `skus` waits for those that stand in the way.
    """
    due = _PROMISE.where(Hold.state == str(HoldState.HELD), Hold.expires_at <= clock.now())
    if skus is not None:
        possible = [sku for sku in skus if SKU.match(sku)]
        touching = select(HoldLine.order_id).where(HoldLine.sku.in_(possible))
        due = due.where(Hold.order_id.in_(touching))
    ordered = due.order_by(Hold.expires_at, Hold.order_id).limit(limit)
    rows = work.session.execute(ordered.with_for_update(skip_locked=skus is None))
    return [_promise(row) for row in rows]


def any_expired(work: Work) -> bool:
    """Whether a hold waits to be released; a look without locks."""
    due = select(Hold.order_id).where(
        Hold.state == str(HoldState.HELD), Hold.expires_at <= clock.now()
    )
    return work.session.execute(due.limit(1)).first() is not None


def totals_by_movements(work: Work) -> dict[str, tuple[int, int]]:
    """On hand and held of every SKU, as the ledger says."""
    rows = work.session.execute(
        select(
            StockMovement.sku,
            func.sum(StockMovement.on_hand_change),
            func.sum(StockMovement.held_change),
        ).group_by(StockMovement.sku)
    )
    return {sku: (int(on_hand), int(held)) for sku, on_hand, held in rows}


def totals_by_shelves(work: Work) -> dict[str, tuple[int, int]]:
    """On hand and held of every SKU, as the shelves say."""
    rows = work.session.execute(select(ShelfRow.sku, ShelfRow.on_hand, ShelfRow.held))
    return {sku: (on_hand, held) for sku, on_hand, held in rows}


def recent_movements(work: Work, sku: str, limit: int = 20) -> Sequence[StockMovement]:
    """The latest changes of one shelf, newest first."""
    return work.session.scalars(
        select(StockMovement)
        .where(StockMovement.sku == sku)
        .order_by(StockMovement.seq.desc())
        .limit(limit)
    ).all()


def _promise(row: Row[UUID, str, str, int]) -> Promise:
    return Promise(row.order_id, HoldState(row.state), row.reason, row.version)
