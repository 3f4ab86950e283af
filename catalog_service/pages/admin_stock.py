"""The admin screens of the catalog: how many are left, and for whom."""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import Select
from sqlalchemy.orm import joinedload
from starlette.requests import Request

from catalog_service.db.stock_models import HoldLine, ShelfRow
from catalog_service.domain.errors import QuantityInvalid
from catalog_service.usecases.stock import count_stock, receive_stock
from shared.http.admin import (
    AdminView,
    Asked,
    DateTimeField,
    IntegerField,
    RowsBelow,
    StringField,
    row_action,
)
from shared.work import Work

VIEW, CHANGE = "catalog.view_stock", "catalog.change_stock"


class ShelfView(AdminView):
    """Shelves. They change by deliveries and counts only."""

    key = "shelf"
    menu_label = "Stock"
    icon = "fa fa-boxes-stacked"
    named_by: ClassVar[str] = "sku"
    fields = [
        StringField("sku", label="SKU"),
        StringField("name", label="Product", getter=lambda _, row: row.product.name),
        IntegerField("on_hand"),
        IntegerField("held", label="Held for orders"),
        IntegerField("free", label="Available", getter=lambda _, row: row.free),
        IntegerField("version", label="Changes so far"),
    ]
    searchable_fields = ["sku"]
    sortable_fields = ["sku", "on_hand", "held"]
    fields_default_sort = [("on_hand", False)]
    view_permission = VIEW

    def get_list_query(self, request: Request) -> Select[Any]:
        """Shelves with their products."""
        return super().get_list_query(request).options(joinedload(ShelfRow.product))

    @row_action(
        "Goods came in",
        permission=CHANGE,
        questions={"quantity": "How many came in?", "note": "With which delivery?"},
    )
    def receive(self, work: Work, ids: list[str], asked: Asked) -> str:
        """So many more stand there."""
        quantity, by = _number(asked.answers["quantity"]), asked.by.email
        shelf = receive_stock(work, ids[0], quantity, note=asked.answers["note"][:300], by=by)
        return f"{ids[0]}: {shelf.on_hand:,} on hand."

    @row_action(
        "Somebody counted",
        permission=CHANGE,
        questions={
            "seen": "How many does this page say are on hand?",
            "counted": "How many are really there?",
            "note": "Why do they differ?",
        },
    )
    def count_shelf(self, work: Work, ids: list[str], asked: Asked) -> str:
        """So many are really there."""
        seen, counted = _number(asked.answers["seen"]), _number(asked.answers["counted"])
        note, by = asked.answers["note"][:300], asked.by.email
        shelf = count_stock(work, ids[0], counted, seen=seen, note=note, by=by)
        return f"{ids[0]}: {shelf.on_hand:,} on hand."


class MovementView(AdminView):
    """The ledger: every change of every shelf. Nobody changes this."""

    key = "movement"
    menu_label = "Stock movements"
    icon = "fa fa-right-left"
    named_by: ClassVar[str] = "sku"
    fields = [
        DateTimeField("made_at", label="When"),
        StringField("sku", label="SKU"),
        StringField("cause"),
        IntegerField("on_hand_change", label="On hand"),
        IntegerField("held_change", label="Held"),
        StringField("order_id", label="Order"),
        StringField("note"),
        StringField("made_by", label="By"),
    ]
    searchable_fields = ["sku", "cause", "note", "made_by"]
    sortable_fields = ["made_at", "sku", "cause"]
    fields_default_sort = [("made_at", True)]
    view_permission = VIEW


class LinesBelow(RowsBelow):
    """What is held."""

    rows_of = HoldLine
    display_name = "Line"
    menu_label = "Lines"
    named_by: ClassVar[str] = "sku"
    fields = [StringField("sku", label="SKU"), IntegerField("quantity")]
    fk_attr = "order_id"


class HoldView(AdminView):
    """What is held for orders. It follows from what happens to them."""

    key = "hold"
    menu_label = "Holds"
    icon = "fa fa-hand"
    named_by: ClassVar[str] = "order_id"
    fields = [
        StringField("order_id", label="Order"),
        StringField("state"),
        StringField("reason"),
        DateTimeField("expires_at", label="Until"),
        DateTimeField("created_at", label="Since"),
        DateTimeField("updated_at", label="Last change"),
    ]
    inlines = [LinesBelow]
    searchable_fields = ["state", "reason"]
    sortable_fields = ["state", "expires_at", "created_at", "updated_at"]
    fields_default_sort = [("updated_at", True)]
    view_permission = VIEW


def _number(typed: str) -> int:
    if not typed.isascii() or not typed.isdigit() or len(typed) > 12:
        raise QuantityInvalid(f"“{typed[:20]}” is no number of things.")
    return int(typed)
