"""Orders: what shops sold in the last days, which shops there are, how far each connection was read."""

import sqlalchemy as sa
from alembic import op

from runtime.db import Utc

revision = "0028_orders"
down_revision = "0027_turns"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create what ``bitable_sync/platforms/tables.py`` has of them."""
    op.create_table(
        "platform_orders",
        sa.Column("connection", sa.Text, primary_key=True),
        sa.Column("platform", sa.Text, primary_key=True),
        sa.Column("order_id", sa.Text, primary_key=True),
        sa.Column("shop_id", sa.Text, primary_key=True),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("paid", Utc),
        sa.Column("hour", sa.Integer),
        sa.Column("modified", Utc, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("void", sa.Boolean, nullable=False),
    )
    op.create_index("ix_platform_orders_connection_hour", "platform_orders", ["connection", "hour"])
    op.create_index("ix_platform_orders_modified", "platform_orders", ["modified"])
    op.create_table(
        "platform_shops",
        sa.Column("connection", sa.Text, primary_key=True),
        sa.Column("platform", sa.Text, primary_key=True),
        sa.Column("shop_id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("seen_at", Utc, nullable=False),
    )
    op.create_table(
        "platform_readings",
        sa.Column("connection", sa.Text, primary_key=True),
        sa.Column("platform", sa.Text, nullable=False),
        sa.Column("counts", sa.Text, nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("until", Utc, nullable=False),
        sa.Column("swept_at", Utc, nullable=False),
    )


def downgrade() -> None:
    """Drop them."""
    for name in ("platform_readings", "platform_shops", "platform_orders"):
        op.drop_table(name)
