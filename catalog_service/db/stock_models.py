"""The catalog's tables: how many are left, and for whom."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, backref, mapped_column, relationship

from catalog_service.db.models import Base, Product
from shared.database import RowNumber, UtcTime


class ShelfRow(Base):
    """The shelf of one product. The database itself refuses what cannot be."""

    __tablename__ = "shelves"
    __table_args__ = (
        CheckConstraint("on_hand >= 0", name="on_hand_not_negative"),
        CheckConstraint("held >= 0", name="held_not_negative"),
        CheckConstraint("held <= on_hand", name="held_is_on_hand"),
    )

    sku: Mapped[str] = mapped_column(ForeignKey("products.sku"), primary_key=True)
    on_hand: Mapped[int] = mapped_column(default=0)
    held: Mapped[int] = mapped_column(default=0)
    version: Mapped[int] = mapped_column(default=0)

    product: Mapped[Product] = relationship(
        viewonly=True, backref=backref("shelf", viewonly=True, uselist=False)
    )

    @property
    def free(self) -> int:
        """What can still be promised."""
        return self.on_hand - self.held


class StockMovement(Base):
    """One change of one shelf, with its cause. The shelves can be rebuilt from these rows."""

    __tablename__ = "stock_movements"
    __table_args__ = (
        Index("ix_stock_movements_sku", "sku", "seq"),
        Index("ix_stock_movements_order_id", "order_id"),
    )

    seq: Mapped[int] = mapped_column(RowNumber, primary_key=True, autoincrement=True)
    sku: Mapped[str] = mapped_column(String(64))
    cause: Mapped[str] = mapped_column(String(12))
    on_hand_change: Mapped[int]
    held_change: Mapped[int]
    order_id: Mapped[UUID | None]
    note: Mapped[str] = mapped_column(String(300), default="")
    made_by: Mapped[str] = mapped_column(String(200), default="")
    made_at: Mapped[datetime] = mapped_column(UtcTime)


class Hold(Base):
    """What is held for one order. `version` counts its states, and orders its events."""

    __tablename__ = "holds"
    __table_args__ = (
        # The sweeper looks only at what still holds something.
        Index(
            "ix_holds_due",
            "expires_at",
            sqlite_where=text("state = 'held'"),
            postgresql_where=text("state = 'held'"),
        ),
    )

    order_id: Mapped[UUID] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(String(12))
    reason: Mapped[str] = mapped_column(String(12), default="")
    expires_at: Mapped[datetime | None] = mapped_column(UtcTime)
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    updated_at: Mapped[datetime] = mapped_column(UtcTime)


class HoldLine(Base):
    """So many of one product, held for one order."""

    __tablename__ = "hold_lines"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity_positive"),
        Index("ix_hold_lines_sku", "sku"),
    )

    order_id: Mapped[UUID] = mapped_column(ForeignKey("holds.order_id"), primary_key=True)
    sku: Mapped[str] = mapped_column(String(64), primary_key=True)
    quantity: Mapped[int]
