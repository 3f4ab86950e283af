"""Change shelves: every change is entered into the ledger, and told if buyers can see it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import update

from catalog_service.db.stock import (
    lock_shelves,
    shift_shelf,
    totals_by_movements,
    totals_by_shelves,
    write_movements,
)
from catalog_service.db.stock_models import ShelfRow
from catalog_service.domain.stock import Cause, Shift
from catalog_service.events.published import StockLevel
from shared import clock
from shared.work import Work


@dataclass(frozen=True, slots=True)
class Movement:
    """One entry of the ledger to be made."""

    sku: str
    cause: Cause
    shift: Shift
    order_id: UUID | None = None
    note: str = ""
    made_by: str = ""

    def row(self) -> dict[str, Any]:
        """The ledger row."""
        return {
            "sku": self.sku,
            "cause": str(self.cause),
            "on_hand_change": self.shift.on_hand,
            "held_change": self.shift.held,
            "order_id": self.order_id,
            "note": self.note,
            "made_by": self.made_by,
            "made_at": clock.now(),
        }


def make_movements(work: Work, movements: Iterable[Movement]) -> None:
    """Change the shelves as the movements say, in the order of their SKU, and tell new levels.

    What was held and is sold now changes nothing for a buyer, so nobody is told.
    Whoever calls has locked the shelves and decided; a shelf that cannot follow raises.
    """
    made = list(movements)
    shifts: dict[str, Shift] = defaultdict(Shift)
    for movement in made:
        shifts[movement.sku] += movement.shift
    for sku, shift in sorted(shifts.items()):
        shelf = shift_shelf(work, sku, shift)
        if shift.on_hand != shift.held:
            work.publish(StockLevel(sku=sku, version=shelf.version, available=shelf.free))
    write_movements(work, [movement.row() for movement in made])


def differing_shelves(work: Work) -> dict[str, tuple[tuple[int, int], tuple[int, int]]]:
    """The SKUs whose shelf and ledger disagree, with (on hand, held) of each.

    Goods move between the look at the shelves and the look at the ledger. What seems to differ is
    locked and looked at again, so what is returned is true and stays so until this work ends.
    """
    seem = _differing(work)
    if not seem:
        return {}
    locked = lock_shelves(work, seem)
    return {sku: both for sku, both in _differing(work).items() if sku in locked}


def rebuild_shelves(work: Work) -> int:
    """Make the shelves say what the ledger says; how many had to change."""
    differing = differing_shelves(work)
    for sku, (_, (on_hand, held)) in sorted(differing.items()):
        version = work.session.execute(
            update(ShelfRow)
            .where(ShelfRow.sku == sku)
            .values(on_hand=on_hand, held=held, version=ShelfRow.version + 1)
            .returning(ShelfRow.version)
        ).scalar_one()
        work.publish(StockLevel(sku=sku, version=version, available=on_hand - held))
    return len(differing)


def _differing(work: Work) -> dict[str, tuple[tuple[int, int], tuple[int, int]]]:
    shelves, ledger = totals_by_shelves(work), totals_by_movements(work)
    return {
        sku: (says, ledger.get(sku, (0, 0)))
        for sku, says in shelves.items()
        if says != ledger.get(sku, (0, 0))
    }
