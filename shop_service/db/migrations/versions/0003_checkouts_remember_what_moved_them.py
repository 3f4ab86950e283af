"""checkouts remember what moved them"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("checkouts", schema=None) as batch_op:
        for name, length in (("correlation", 64), ("traceparent", 55)):
            column = sa.Column(name, sa.String(length), nullable=False, server_default="")
            batch_op.add_column(column)
        batch_op.add_column(sa.Column("causation", sa.String(64), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("checkouts", schema=None) as batch_op:
        for name in ("causation", "traceparent", "correlation"):
            batch_op.drop_column(name)
