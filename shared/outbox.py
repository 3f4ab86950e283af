"""What we have said and not yet sent: one row per event, written with the change it reports."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, String, Text, text
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from shared.database import RowNumber, UtcTime

# SQLite uses a partial index only for a query that repeats its condition in these words.
WAITS = "published_at IS NULL AND stuck_at IS NULL"
HOLDS_BACK = "published_at IS NULL AND (available_at IS NOT NULL OR stuck_at IS NOT NULL)"


class OutboxMixin:
    """Columns of a service's `outbox`. `body` is the CloudEvents JSON, exactly as sent.

    Waiting: `published_at` and `stuck_at` are empty; not to be tried before `available_at`.
    Kept: sent, and a source for replays until it is purged. Stuck: the bus refused it so often that
    somebody has to look; `error` says why, and what its aggregate said later waits behind it.
    Given up: `published_at` is set and `error` still says why it never went.
    `round` counts how often somebody asked for it again: such rows go behind all that is live.
    """

    __tablename__ = "outbox"

    seq: Mapped[int] = mapped_column(RowNumber, primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(String(36), unique=True)
    type: Mapped[str] = mapped_column(String(120))
    aggregate: Mapped[str] = mapped_column(String(200))
    version: Mapped[int] = mapped_column(BigInteger, default=0, server_default=text("0"))
    correlation: Mapped[str] = mapped_column(String(64), default="", server_default="")
    body: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    published_at: Mapped[datetime | None] = mapped_column(UtcTime)
    available_at: Mapped[datetime | None] = mapped_column(UtcTime)  # not to be tried before
    stuck_at: Mapped[datetime | None] = mapped_column(UtcTime)
    error: Mapped[str] = mapped_column(Text, default="", server_default="")
    attempts: Mapped[int] = mapped_column(default=0)
    round: Mapped[int] = mapped_column(default=0, server_default=text("0"))

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> tuple[Any, ...]:
        waiting = text(f"{WAITS} AND round = 0")
        again = text(f"{WAITS} AND round > 0")
        held, stuck = text(HOLDS_BACK), text("stuck_at IS NOT NULL")
        return (
            # What waits is few among many: the relay must find it without reading the rest.
            Index("ix_outbox_waiting", "seq", sqlite_where=waiting, postgresql_where=waiting),
            Index("ix_outbox_again", "seq", sqlite_where=again, postgresql_where=again),
            # Fewer still: what may stand in the way of the rest of its aggregate.
            Index("ix_outbox_held", "aggregate", "seq", sqlite_where=held, postgresql_where=held),
            Index("ix_outbox_stuck", "seq", sqlite_where=stuck, postgresql_where=stuck),
            Index("ix_outbox_published_at", "published_at"),
            Index("ix_outbox_aggregate_seq", "aggregate", "seq"),
            Index("ix_outbox_correlation", "correlation"),
        )
