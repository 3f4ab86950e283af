"""What is asked of shelves and holds, and how they change: each change is conditional."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BindParameter, Row, bindparam, func, insert, select, update

from catalog_service.db.models import Product
from catalog_service.db.stock_models import Hold, HoldLine, ShelfRow, StockMovement
from catalog_service.domain.holds import HoldState, Promise
from catalog_service.domain.products import SKU
from catalog_service.domain.stock import Shelf, Shift
from shared import clock
from shared.database import database_now, insert_if_absent, table_of
from shared.work import Work

Lines = dict[UUID, dict[str, int]]

# What runs for every order is built once, from tables: building a statement, and looking after
# objects that nobody has loaded, costs several times as much as running it.
_HOLDS, _HOLD_LINES = table_of(Hold), table_of(HoldLine)
_SHELVES, _MOVEMENTS, _PRODUCTS = table_of(ShelfRow), table_of(StockMovement), table_of(Product)
_SKUS: BindParameter[str] = bindparam("of_skus", expanding=True)
_ORDERS: BindParameter[UUID] = bindparam("of_orders", expanding=True)

_SHIFT = (
    update(_SHELVES)
    .where(
        _SHELVES.c.sku == bindparam("of_sku"),
        _SHELVES.c.held + bindparam("more_held") >= 0,
        _SHELVES.c.on_hand + bindparam("more_on_hand") >= _SHELVES.c.held + bindparam("more_held"),
    )
    .values(
        on_hand=_SHELVES.c.on_hand + bindparam("more_on_hand"),
        held=_SHELVES.c.held + bindparam("more_held"),
        version=_SHELVES.c.version + 1,
    )
    .returning(_SHELVES.c.on_hand, _SHELVES.c.held, _SHELVES.c.version)
)
_LOCKED_SHELVES = (
    select(
        _SHELVES.c.sku, _SHELVES.c.on_hand, _SHELVES.c.held, _SHELVES.c.version, _PRODUCTS.c.state
    )
    .join_from(_SHELVES, _PRODUCTS, _PRODUCTS.c.sku == _SHELVES.c.sku)
    .where(_SHELVES.c.sku.in_(_SKUS))
    .order_by(_SHELVES.c.sku)
    .with_for_update(of=_SHELVES)
)
_ENTER = insert(_MOVEMENTS)
_PROMISE = select(_HOLDS.c.order_id, _HOLDS.c.state, _HOLDS.c.reason, _HOLDS.c.version)
_LOCKED_HOLD = _PROMISE.where(_HOLDS.c.order_id == bindparam("of_order")).with_for_update()
_MOVE_HOLD = (
    update(_HOLDS)
    .where(_HOLDS.c.order_id == bindparam("of_order"), _HOLDS.c.version == bindparam("of_version"))
    .values(expires_at=None, version=_HOLDS.c.version + 1)
    .returning(_HOLDS.c.version)
)
_LINES = select(_HOLD_LINES.c.order_id, _HOLD_LINES.c.sku, _HOLD_LINES.c.quantity).where(
    _HOLD_LINES.c.order_id.in_(_ORDERS)
)
_WRITE_LINES = insert(_HOLD_LINES)
_IS_EXPIRED = (_HOLDS.c.state == str(HoldState.HELD), _HOLDS.c.expires_at <= bindparam("of_now"))
_EXPIRED = (
    _PROMISE.where(*_IS_EXPIRED)
    .order_by(_HOLDS.c.expires_at, _HOLDS.c.order_id)
    .limit(bindparam("of_limit"))
)
_ANY_EXPIRED = select(_HOLDS.c.order_id).where(*_IS_EXPIRED).limit(1)
_EXPIRED_NOW = _EXPIRED.with_for_update(skip_locked=True)
_TOUCHING = select(_HOLD_LINES.c.order_id).where(_HOLD_LINES.c.sku.in_(_SKUS))
_EXPIRED_IN_THE_WAY = _EXPIRED.where(_HOLDS.c.order_id.in_(_TOUCHING)).with_for_update()


class ChangedUnderneath(RuntimeError):
    """A row changed between decision and write. The whole message is tried again."""


def lock_shelves(work: Work, skus: Iterable[str]) -> dict[str, Shelf]:
    """The shelves of these products, which nobody else changes until this work ends.

    They are locked in the order of their SKU, so that two orders never wait for each other.
    """
    possible = [sku for sku in skus if SKU.match(sku)]
    rows = work.session.execute(_LOCKED_SHELVES, {"of_skus": possible})
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
        _SHIFT, {"of_sku": sku, "more_on_hand": by.on_hand, "more_held": by.held}
    ).first()
    if row is None:
        raise ChangedUnderneath(f"{sku} cannot change by {by.on_hand:+} on hand, {by.held:+} held.")
    return Shelf(row.on_hand, row.held, row.version)


def write_movements(work: Work, rows: Sequence[Mapping[str, Any]]) -> None:
    """Enter changes of shelves into the ledger."""
    if rows:
        work.session.execute(_ENTER, list(rows))


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
    return insert_if_absent(work.session, _HOLDS, row)


def lock_hold(work: Work, order_id: UUID) -> Promise | None:
    """The hold of an order, which nobody else changes until this work ends."""
    row = work.session.execute(_LOCKED_HOLD, {"of_order": order_id}).first()
    return _promise(row) if row else None


def lines_of(work: Work, order_ids: Iterable[UUID]) -> Lines:
    """What is held for these orders, by order and SKU."""
    rows = work.session.execute(_LINES, {"of_orders": list(order_ids)})
    lines: Lines = {}
    for order_id, sku, quantity in rows:
        lines.setdefault(order_id, {})[sku] = quantity
    return lines


def write_lines(work: Work, order_id: UUID, wanted: Mapping[str, int]) -> None:
    """Write down what is held for an order."""
    rows = [{"order_id": order_id, "sku": sku, "quantity": q} for sku, q in wanted.items()]
    if rows:
        work.session.execute(_WRITE_LINES, rows)


def move_hold(work: Work, promise: Promise, to: HoldState, *, reason: str = "") -> int:
    """Bring a hold into another state; its new version. Raises if somebody was faster."""
    whose = {"of_order": promise.order_id, "of_version": promise.version}
    values = {"state": str(to), "reason": reason, "updated_at": clock.now()}
    version: int | None = work.session.scalar(_MOVE_HOLD, whose | values)
    if version is None:
        raise ChangedUnderneath(f"The hold of order {promise.order_id} has moved meanwhile.")
    return version


def lock_expired_holds(
    work: Work, *, skus: Iterable[str] | None = None, limit: int = 100
) -> list[Promise]:
    """Holds whose time is over. A sweep leaves alone what is in other hands at the moment; a buyer
    of `skus` waits for those that stand in the way.
    """
    values: dict[str, Any] = {"of_now": database_now(work.session), "of_limit": limit}
    statement = _EXPIRED_NOW
    if skus is not None:
        statement = _EXPIRED_IN_THE_WAY
        values["of_skus"] = [sku for sku in skus if SKU.match(sku)]
    return [_promise(row) for row in work.session.execute(statement, values)]


def any_expired(work: Work) -> bool:
    """Whether a hold waits to be released; a look without locks."""
    values = {"of_now": database_now(work.session)}
    return work.session.execute(_ANY_EXPIRED, values).first() is not None


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
