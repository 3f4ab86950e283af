"""What we have said and not yet sent: one row per event, written with the change it reports."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, String, Text, text
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from shared.database import RowNumber, UtcTime


class OutboxMixin:
    """Columns of a service's `outbox`. `body` is the CloudEvents JSON, exactly as sent."""

    __tablename__ = "outbox"

    seq: Mapped[int] = mapped_column(RowNumber, primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(String(36), unique=True)
    type: Mapped[str] = mapped_column(String(120))
    aggregate: Mapped[str] = mapped_column(String(200))
    body: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    published_at: Mapped[datetime | None] = mapped_column(UtcTime)
    attempts: Mapped[int] = mapped_column(default=0)

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> tuple[Any, ...]:
        waiting = text("published_at IS NULL")
        return (
            # What waits is few among many: the relay must find it without reading the rest.
            Index("ix_outbox_waiting", "seq", sqlite_where=waiting, postgresql_where=waiting),
        )
