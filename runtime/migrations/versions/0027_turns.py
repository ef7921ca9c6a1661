"""Red lines: the steps and crossings of watched metrics, kept for a month."""

import sqlalchemy as sa
from alembic import op

from runtime.db import Money, Utc

revision = "0027_turns"
down_revision = "0026_looks"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "metric_turns",
        sa.Column("object_id", sa.Text, primary_key=True),
        sa.Column("metric", sa.Text, primary_key=True),
        sa.Column("table", sa.Text, primary_key=True),
        sa.Column("at", Utc, primary_key=True),
        sa.Column("value", Money, nullable=False),
    )
    op.create_index("ix_metric_turns_at", "metric_turns", ["at"])


def downgrade() -> None:
    """Take it away."""
    op.drop_table("metric_turns")
