"""Hold stock for orders, sell it, give it back. All or nothing, and never more than there is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from uuid import UUID

from catalog_service.db.products import names_of
from catalog_service.db.stock import (
    begin_hold,
    lines_of,
    lock_expired_holds,
    lock_hold,
    lock_shelves,
    move_hold,
    write_lines,
)
from catalog_service.domain.holds import (
    HoldState,
    OnPaid,
    Promise,
    Reason,
    on_cancelled,
    on_paid,
)
from catalog_service.domain.stock import Cause, Shelf, Shift, ShortLine, short_lines, why_short
from catalog_service.events.published import (
    StockCommitted,
    StockHeld,
    StockRefused,
    StockRefusedLine,
    StockReleased,
)
from catalog_service.usecases.ledger import Movement, make_movements
from shared.database import database_now
from shared.work import Work


def hold_stock(work: Work, order_id: UUID, wanted: Mapping[str, int], *, minutes: int) -> None:
    """Hold every line of an order, or none of them and say which are short.

    An order that we know already holds nothing more; one that was paid first is sold at once.
    """
    until = database_now(work.session) + timedelta(minutes=minutes)
    fresh = begin_hold(work, order_id, HoldState.HELD, expires_at=until)
    if not fresh:
        _sell_what_was_awaited(work, order_id, wanted)
        return
    short = _take(work, order_id, wanted, Cause.HELD)
    if short:
        _refuse(work, Promise(order_id, HoldState.HELD), short)
        return
    write_lines(work, order_id, wanted)
    work.publish(StockHeld(order_id=order_id, version=1, expires_at=until))


def commit_hold(work: Work, order_id: UUID) -> None:
    """The order is paid: sell what is held, or take it again if the hold has expired meanwhile."""
    if begin_hold(work, order_id, HoldState.AWAITED):
        return
    promise = _known(work, order_id)
    step = on_paid(promise)
    if step is OnPaid.LAPSE:
        _release(work, promise, Reason.LAPSED)
    elif step is OnPaid.TAKE_AGAIN:
        _take_and_sell(work, promise, lines_of(work, [order_id]).get(order_id, {}))
    elif step is OnPaid.COMMIT:
        lines = lines_of(work, [order_id]).get(order_id, {})
        make_movements(work, _movements(order_id, lines, Cause.COMMITTED, Shift(-1, -1)))
        _commit(work, promise)


def release_hold(work: Work, order_id: UUID) -> None:
    """The order is cancelled: what is held is free again, what was sold comes back."""
    if begin_hold(work, order_id, HoldState.TOMBSTONE):
        return
    promise = _known(work, order_id)
    to = on_cancelled(promise)
    if to is None:
        return
    gives_back = {
        HoldState.HELD: (Cause.RELEASED, Shift(held=-1)),
        HoldState.COMMITTED: (Cause.RETURNED, Shift(on_hand=1)),
    }.get(promise.state)
    if gives_back is None:
        move_hold(work, promise, to, reason=Reason.CANCELLED)
        return
    lines = lines_of(work, [order_id]).get(order_id, {})
    make_movements(work, _movements(order_id, lines, *gives_back))
    _release(work, promise, Reason.CANCELLED)


def expire_holds(work: Work, *, limit: int = 100) -> int:
    """Release the holds whose time is over; how many they were."""
    expired = lock_expired_holds(work, limit=limit)
    make_movements(work, _freed(work, expired))
    return len(expired)


def _sell_what_was_awaited(work: Work, order_id: UUID, wanted: Mapping[str, int]) -> None:
    promise = _known(work, order_id)
    if promise.state is HoldState.AWAITED and _take_and_sell(work, promise, wanted):
        write_lines(work, order_id, wanted)


def _take_and_sell(work: Work, promise: Promise, wanted: Mapping[str, int]) -> bool:
    if _take(work, promise.order_id, wanted, Cause.COMMITTED):
        _release(work, promise, Reason.LAPSED)
        return False
    _commit(work, promise)
    return True


def _take(work: Work, order_id: UUID, wanted: Mapping[str, int], cause: Cause) -> list[ShortLine]:
    """Take all from the shelves, or nothing and return what is short.

    Holds that have expired and were not swept yet must not stand in a buyer's way, so they are
    released in the same breath: all shelves are locked together, in the order of their SKU.
    """
    freed = _freed(work, lock_expired_holds(work, skus=wanted))
    found = lock_shelves(work, {*wanted, *(movement.sku for movement in freed)})
    shelves = _after(found, freed)
    short = short_lines(wanted, shelves)
    each = Shift(held=1) if cause is Cause.HELD else Shift(on_hand=-1)
    taken = [] if short else _movements(order_id, wanted, cause, each)
    make_movements(work, [*freed, *taken])
    return short


def _freed(work: Work, expired: Iterable[Promise]) -> list[Movement]:
    """Mark holds as expired and tell so; the movements that bring their goods back."""
    promises = list(expired)
    lines = lines_of(work, [promise.order_id for promise in promises]) if promises else {}
    movements = []
    for promise in promises:
        _release(work, promise, Reason.EXPIRED)
        back = lines.get(promise.order_id, {})
        movements += _movements(promise.order_id, back, Cause.RELEASED, Shift(held=-1))
    return movements


def _movements(
    order_id: UUID, lines: Mapping[str, int], cause: Cause, each: Shift
) -> list[Movement]:
    return [
        Movement(sku, cause, Shift(each.on_hand * quantity, each.held * quantity), order_id)
        for sku, quantity in lines.items()
    ]


def _after(shelves: Mapping[str, Shelf], movements: Iterable[Movement]) -> dict[str, Shelf]:
    after = dict(shelves)
    for movement in movements:
        after[movement.sku] = after[movement.sku].after(movement.shift)
    return after


def _known(work: Work, order_id: UUID) -> Promise:
    promise = lock_hold(work, order_id)
    assert promise is not None  # holds are never deleted, and one was there a moment ago
    return promise


def _refuse(work: Work, promise: Promise, short: list[ShortLine]) -> None:
    version = move_hold(work, promise, HoldState.REFUSED)
    lines = [
        StockRefusedLine(sku=line.sku, wanted=line.wanted, available=line.available)
        for line in short
    ]
    reason = why_short(short, names_of(work, [line.sku for line in short]))
    work.publish(
        StockRefused(order_id=promise.order_id, version=version, reason=reason, lines=lines)
    )


def _commit(work: Work, promise: Promise) -> None:
    version = move_hold(work, promise, HoldState.COMMITTED)
    work.publish(StockCommitted(order_id=promise.order_id, version=version))


def _release(work: Work, promise: Promise, reason: Reason) -> None:
    version = move_hold(work, promise, HoldState.RELEASED, reason=reason)
    work.publish(StockReleased(order_id=promise.order_id, version=version, reason=str(reason)))
