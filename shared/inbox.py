"""What we have heard: which events took effect here, and which could not yet."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Index, String, Text, text
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from shared.database import RowNumber, UtcTime


class InboxMixin:
    """Columns of a service's `inbox`: one row per event that took effect, so that it does once."""

    __tablename__ = "inbox"

    event_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    type: Mapped[str] = mapped_column(String(120))
    aggregate: Mapped[str] = mapped_column(String(200), default="", server_default="")
    version: Mapped[int] = mapped_column(BigInteger, default=0, server_default=text("0"))
    correlation: Mapped[str] = mapped_column(String(64), default="", server_default="")
    received_at: Mapped[datetime] = mapped_column(UtcTime)

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> tuple[Index, ...]:
        return (
            Index("ix_inbox_correlation", "correlation"),
            Index("ix_inbox_received_at", "received_at"),
        )


class ParkedMixin:
    """Columns of a service's `parked_events`: they failed here and wait to be tried again.

    `dead_at` is set when we gave up: somebody has to look. Later events of the same aggregate
    queue up behind a waiting one, so that their order holds. `parked_at` is the first failure,
    `failed_at` the last. `settled_at`, `settled_by` and `settled_how` (redriven, dropped) are the
    record of who dealt with a dead letter; `headers` is JSON, what the broker said of it.
    """

    __tablename__ = "parked_events"

    seq: Mapped[int] = mapped_column(RowNumber, primary_key=True, autoincrement=True)
    event_id: Mapped[str] = mapped_column(String(64), unique=True)
    type: Mapped[str] = mapped_column(String(120))
    aggregate: Mapped[str] = mapped_column(String(200))
    version: Mapped[int] = mapped_column(BigInteger, default=0, server_default=text("0"))
    correlation: Mapped[str] = mapped_column(String(64), default="", server_default="")
    body: Mapped[str] = mapped_column(Text)
    headers: Mapped[str] = mapped_column(Text, default="{}", server_default="{}")
    error: Mapped[str] = mapped_column(Text, default="")
    attempts: Mapped[int] = mapped_column(default=0)
    parked_at: Mapped[datetime] = mapped_column(UtcTime)
    next_try_at: Mapped[datetime] = mapped_column(UtcTime)
    failed_at: Mapped[datetime | None] = mapped_column(UtcTime)
    dead_at: Mapped[datetime | None] = mapped_column(UtcTime)
    settled_at: Mapped[datetime | None] = mapped_column(UtcTime)
    settled_by: Mapped[str] = mapped_column(String(120), default="", server_default="")
    settled_how: Mapped[str] = mapped_column(String(20), default="", server_default="")

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> tuple[Index, ...]:
        return (
            Index("ix_parked_events_aggregate", "aggregate"),
            Index("ix_parked_events_due", "dead_at", "next_try_at"),
            Index("ix_parked_events_correlation", "correlation"),
        )
