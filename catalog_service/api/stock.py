"""Shelves, for staff: what stands there, what came in, what was counted."""

from __future__ import annotations

from fastapi import APIRouter, Response

from catalog_service.api.deps import MayChangeStock, MayViewStock
from catalog_service.api.schemas import MovementOut, StockChangeIn, StockOut, StockReport
from catalog_service.db.products import product_by_sku
from catalog_service.db.stock import recent_movements, shelf_of
from catalog_service.db.stock_models import StockMovement
from catalog_service.domain.stock import Shelf
from catalog_service.usecases.stock import count_stock, receive_stock
from shared.http.deps import KeyedDep, ReadDep, WorkDep

router = APIRouter(prefix="/v1/products/{sku}/stock", tags=["stock, for staff"])


@router.get("")
def read_stock(work: ReadDep, caller: MayViewStock, sku: str) -> StockReport:
    """Read a shelf and its latest changes. Needs `catalog.view_stock`."""
    product = product_by_sku(work, sku)
    stock = _stock(product.sku, shelf_of(work, sku))
    movements = [_movement(each) for each in recent_movements(work, sku)]
    return StockReport(**stock.model_dump(), movements=movements)


@router.post("", status_code=201, response_model=StockOut)
def change_stock(
    work: WorkDep, keyed: KeyedDep, caller: MayChangeStock, sku: str, change: StockChangeIn
) -> Response:
    """Receive goods, or say what was counted. Needs `catalog.change_stock`.

    A count states the number that was `seen` before: if the shelf has changed since, it is refused.
    """

    def act() -> StockOut:
        note, by = change.reason, caller.email
        if change.counted is not None and change.seen is not None:
            counted, seen = change.counted, change.seen
            return _stock(sku, count_stock(work, sku, counted, seen=seen, note=note, by=by))
        return _stock(sku, receive_stock(work, sku, change.received or 0, note=note, by=by))

    return keyed.once(work, str(caller.id), act)


def _stock(sku: str, shelf: Shelf) -> StockOut:
    return StockOut(
        sku=sku,
        on_hand=shelf.on_hand,
        held=shelf.held,
        available=shelf.free,
        version=shelf.version,
    )


def _movement(row: StockMovement) -> MovementOut:
    return MovementOut(
        cause=row.cause,
        on_hand_change=row.on_hand_change,
        held_change=row.held_change,
        order_id=str(row.order_id) if row.order_id else None,
        note=row.note,
        made_by=row.made_by,
        made_at=row.made_at,
    )
