"""Receive goods and count shelves."""

from __future__ import annotations

from catalog_service.db.stock import lock_shelves, shelf_of
from catalog_service.domain.errors import ProductNotFound
from catalog_service.domain.stock import Cause, Shelf
from catalog_service.usecases.ledger import Movement, make_movements
from shared.work import Work


def receive_stock(work: Work, sku: str, quantity: int, *, note: str, by: str) -> Shelf:
    """Goods have come in: so many more stand on the shelf."""
    shift = _locked_shelf(work, sku).receive(quantity)
    make_movements(work, [Movement(sku, Cause.RECEIVED, shift, note=note, made_by=by)])
    return shelf_of(work, sku)


def count_stock(work: Work, sku: str, counted: int, *, seen: int, note: str, by: str) -> Shelf:
    """Somebody counted: the shelf holds so many. Refused if it is not as they had `seen` it."""
    shift = _locked_shelf(work, sku).count(counted, seen=seen)
    make_movements(work, [Movement(sku, Cause.ADJUSTED, shift, note=note, made_by=by)])
    return shelf_of(work, sku)


def _locked_shelf(work: Work, sku: str) -> Shelf:
    shelves = lock_shelves(work, [sku])
    if sku not in shelves:
        raise ProductNotFound(sku)
    return shelves[sku]
