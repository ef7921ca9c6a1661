"""Metrics: which days' totals are due, orders of former days being read again, effects of tasks."""

import sqlalchemy as sa
from alembic import op

from runtime.db import Money, Utc

revision = "0013_metrics"
down_revision = "0012_alert_semantics"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what ``rules/cockpit/tables.py`` and ``rules/tables.py`` have of them."""
    op.create_table(
        "cockpit_due",
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("turn", sa.Integer, nullable=False),
        sa.Column("written", sa.Integer, nullable=False, server_default="0"),
    )
    op.create_table(
        "backfill_orders",
        sa.Column("connection", sa.Text, primary_key=True),
        sa.Column("span", sa.Text, primary_key=True),
        sa.Column("order_id", sa.Text, primary_key=True),
        sa.Column("shop_id", sa.Text, nullable=False),
        sa.Column("shop", sa.Text, nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("paid", Utc),
        sa.Column("modified", Utc, nullable=False),
        sa.Column("void", sa.Boolean, nullable=False),
    )
    op.create_table(
        "backfill_done",
        sa.Column("connection", sa.Text, primary_key=True),
        sa.Column("span", sa.Text, primary_key=True),
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("at", Utc, nullable=False),
    )
    with op.batch_alter_table("alert_tasks") as table:
        for column in _columns():
            table.add_column(column)


def downgrade() -> None:
    """Drop them."""
    with op.batch_alter_table("alert_tasks") as table:
        for column in _columns():
            table.drop_column(column.name)
    for name in ("backfill_done", "backfill_orders", "cockpit_due"):
        op.drop_table(name)


def _columns() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("metric_before", Money),
        sa.Column("metric_after", Money),
        sa.Column("effect", sa.Text, nullable=False, server_default=""),
    )
