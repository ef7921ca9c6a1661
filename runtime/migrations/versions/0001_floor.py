"""Tables of the floor: audit trail, parked work, worker heartbeats, last fire of each schedule."""

import sqlalchemy as sa
from alembic import op

from runtime.db import Json, Utc

revision = "0001_floor"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the floor's tables."""
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("at", Utc, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("detail", Json, nullable=False),
    )
    op.create_index("ix_audit_subject_at", "audit", ["subject", "at"])
    op.create_table(
        "parked",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("job", sa.Text, nullable=False),
        sa.Column("lane", sa.Text, nullable=False),
        sa.Column("args", Json, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("at", Utc, nullable=False),
        sa.Column("state", sa.Text, nullable=False, server_default="waiting"),
    )
    op.create_table(
        "executors",
        sa.Column("instance", sa.Text, primary_key=True),
        sa.Column("started_at", Utc, nullable=False),
        sa.Column("seen_at", Utc, nullable=False),
    )
    op.create_table(
        "fires",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("at", Utc, nullable=False),
    )
    op.create_table(
        "schema_stamp",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("stamp", sa.Text, nullable=False),
    )
    _create_feishu_tables()


def _create_feishu_tables() -> None:
    op.create_table(
        "feishu_pace",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("free_at", sa.Double, nullable=False),
        sa.Column("recent", Json, nullable=False),
    )
    op.create_index("ix_feishu_pace_free_at", "feishu_pace", ["free_at"])
    op.create_table(
        "feishu_gates",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("until", sa.Double, nullable=False),
    )
    op.create_table(
        "feishu_leases",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("until", sa.Double, nullable=False),
    )
    op.create_table(
        "feishu_calls",
        sa.Column("month", sa.Text, primary_key=True),
        sa.Column("endpoint", sa.Text, primary_key=True),
        sa.Column("calls", sa.Integer, nullable=False),
    )


def downgrade() -> None:
    """Drop the floor's tables."""
    feishu = ("feishu_calls", "feishu_leases", "feishu_gates", "feishu_pace")
    for name in (*feishu, "schema_stamp", "fires", "executors", "parked", "audit"):
        op.drop_table(name)
