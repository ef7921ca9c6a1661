"""Cockpit: hourly figures, for rules that compare with the same time of former days."""

import sqlalchemy as sa
from alembic import op

from runtime.db import Utc

revision = "0011_hours"
down_revision = "0010_platforms"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table ``hours`` of ``rules/cockpit/tables.py``."""
    op.create_table(
        "cockpit_hours",
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("hour", sa.Integer, primary_key=True),
        sa.Column("object_id", sa.Text, primary_key=True),
        sa.Column("gmv", sa.BigInteger, nullable=False),
        sa.Column("spend", sa.BigInteger),
        sa.Column("orders", sa.Integer, nullable=False),
        sa.Column("seen_at", Utc, nullable=False),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("cockpit_hours")
