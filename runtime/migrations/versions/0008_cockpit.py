"""Cockpit: daily figures, departments that may look, sessions."""

import sqlalchemy as sa
from alembic import op

from runtime.db import Json, Utc

revision = "0008_cockpit"
down_revision = "0007_creative"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of ``rules/cockpit/tables.py``."""
    _days()
    _viewers()


def downgrade() -> None:
    """Drop them."""
    for name in (
        "cockpit_sign_ins", "cockpit_sessions", "cockpit_departments", "cockpit_stock_days", "cockpit_days",
    ):  # fmt: skip
        op.drop_table(name)


def _days() -> None:
    op.create_table(
        "cockpit_days",
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("object_id", sa.Text, primary_key=True),
        sa.Column("platform", sa.Text, nullable=False),
        sa.Column("shop", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False, server_default=""),
        sa.Column("gmv", sa.BigInteger, nullable=False),
        sa.Column("spend", sa.BigInteger),
        sa.Column("budget", sa.BigInteger),
        sa.Column("base", sa.BigInteger),
        sa.Column("orders", sa.Integer, nullable=False),
        sa.Column("seen_at", Utc, nullable=False),
    )
    op.create_table(
        "cockpit_stock_days",
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("shop", sa.Text, primary_key=True),
        sa.Column("skus", sa.Integer, nullable=False),
        sa.Column("low", sa.Integer, nullable=False),
        sa.Column("out", sa.Integer, nullable=False),
        sa.Column("unknown", sa.Integer, nullable=False),
        sa.Column("seen_at", Utc, nullable=False),
    )


def _viewers() -> None:
    op.create_table(
        "cockpit_departments",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("people", Json, nullable=False),
        sa.Column("read_at", Utc),
        sa.Column("tried_at", Utc, nullable=False),
        sa.Column("error", sa.Text, nullable=False, server_default=""),
    )
    op.create_table(
        "cockpit_sessions",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("open_id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("csrf", sa.Text, nullable=False),
        sa.Column("created_at", Utc, nullable=False),
        sa.Column("seen_at", Utc, nullable=False),
        sa.Column("agent", sa.Text, nullable=False),
    )
    op.create_table(
        "cockpit_sign_ins",
        sa.Column("state", sa.Text, primary_key=True),
        sa.Column("verifier", sa.Text, nullable=False),
        sa.Column("goal", sa.Text, nullable=False),
        sa.Column("at", Utc, nullable=False),
    )
