"""The conversation: inbox of events and record of taps."""

import sqlalchemy as sa
from alembic import op

from runtime.db import Json, Utc

revision = "0002_bot"
down_revision = "0001_floor"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the two tables of ``bot/tables.py``."""
    op.create_table(
        "inbox",
        sa.Column("event_id", sa.Text, primary_key=True),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("dedupe_key", sa.Text, nullable=False, unique=True),
        sa.Column("created_at", Utc, nullable=False),
        sa.Column("received_at", Utc, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False, server_default="new"),
        sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
        sa.Column("claimed_by", sa.Text),
        sa.Column("claimed_until", Utc),
        sa.Column("handled_at", Utc),
        sa.Column("error", sa.Text),
    )
    op.create_index("ix_inbox_state_received_at", "inbox", ["state", "received_at"])
    op.create_table(
        "taps",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("at", Utc, nullable=False),
        sa.Column("operator", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("answer", Json, nullable=False),
    )
    op.create_index("ix_taps_at", "taps", ["at"])


def downgrade() -> None:
    """Drop the two tables."""
    op.drop_table("taps")
    op.drop_table("inbox")
