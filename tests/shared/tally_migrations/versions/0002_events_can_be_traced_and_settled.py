"""events can be traced, held back, given up and settled"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

UNSENT = sa.text("published_at IS NULL")
WAITING = sa.text("published_at IS NULL AND stuck_at IS NULL AND round = 0")
AGAIN = sa.text("published_at IS NULL AND stuck_at IS NULL AND round > 0")
HELD = sa.text("published_at IS NULL AND (available_at IS NOT NULL OR stuck_at IS NOT NULL)")
STUCK = sa.text("stuck_at IS NOT NULL")


def _traced() -> list[sa.Column]:
    return [
        sa.Column("version", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
        sa.Column("correlation", sa.String(length=64), nullable=False, server_default=""),
    ]


def _moment(name: str) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=True)


def upgrade() -> None:
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        for column in (
            *_traced(),
            _moment("available_at"),
            _moment("stuck_at"),
            sa.Column("error", sa.Text(), nullable=False, server_default=""),
            sa.Column("round", sa.Integer(), nullable=False, server_default=sa.text("0")),
        ):
            batch_op.add_column(column)
        batch_op.drop_index("ix_outbox_waiting", sqlite_where=UNSENT, postgresql_where=UNSENT)
        batch_op.create_index(
            "ix_outbox_waiting", ["seq"], sqlite_where=WAITING, postgresql_where=WAITING
        )
        batch_op.create_index(
            "ix_outbox_again", ["seq"], sqlite_where=AGAIN, postgresql_where=AGAIN
        )
        batch_op.create_index(
            "ix_outbox_held", ["aggregate", "seq"], sqlite_where=HELD, postgresql_where=HELD
        )
        batch_op.create_index(
            "ix_outbox_stuck", ["seq"], sqlite_where=STUCK, postgresql_where=STUCK
        )
        batch_op.create_index("ix_outbox_published_at", ["published_at"])
        batch_op.create_index("ix_outbox_aggregate_seq", ["aggregate", "seq"])
        batch_op.create_index("ix_outbox_correlation", ["correlation"])

    with op.batch_alter_table("inbox", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("aggregate", sa.String(length=200), nullable=False, server_default="")
        )
        for column in _traced():
            batch_op.add_column(column)
        batch_op.create_index("ix_inbox_correlation", ["correlation"])
        batch_op.create_index("ix_inbox_received_at", ["received_at"])

    with op.batch_alter_table("parked_events", schema=None) as batch_op:
        for column in (
            *_traced(),
            sa.Column("headers", sa.Text(), nullable=False, server_default="{}"),
            _moment("failed_at"),
            _moment("settled_at"),
            sa.Column("settled_by", sa.String(length=120), nullable=False, server_default=""),
            sa.Column("settled_how", sa.String(length=20), nullable=False, server_default=""),
        ):
            batch_op.add_column(column)
        batch_op.create_index("ix_parked_events_correlation", ["correlation"])


def downgrade() -> None:
    with op.batch_alter_table("parked_events", schema=None) as batch_op:
        batch_op.drop_index("ix_parked_events_correlation")
        for name in (
            "settled_how",
            "settled_by",
            "settled_at",
            "failed_at",
            "headers",
            "correlation",
            "version",
        ):
            batch_op.drop_column(name)

    with op.batch_alter_table("inbox", schema=None) as batch_op:
        batch_op.drop_index("ix_inbox_received_at")
        batch_op.drop_index("ix_inbox_correlation")
        for name in ("correlation", "version", "aggregate"):
            batch_op.drop_column(name)

    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.drop_index("ix_outbox_correlation")
        batch_op.drop_index("ix_outbox_aggregate_seq")
        batch_op.drop_index("ix_outbox_published_at")
        batch_op.drop_index("ix_outbox_held", sqlite_where=HELD, postgresql_where=HELD)
        batch_op.drop_index("ix_outbox_again", sqlite_where=AGAIN, postgresql_where=AGAIN)
        batch_op.drop_index("ix_outbox_stuck", sqlite_where=STUCK, postgresql_where=STUCK)
        batch_op.drop_index("ix_outbox_waiting", sqlite_where=WAITING, postgresql_where=WAITING)
        batch_op.create_index(
            "ix_outbox_waiting", ["seq"], sqlite_where=UNSENT, postgresql_where=UNSENT
        )
        for name in ("round", "error", "stuck_at", "available_at", "correlation", "version"):
            batch_op.drop_column(name)
