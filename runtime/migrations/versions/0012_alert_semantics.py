"""Red lines: groups, silences, escalation, the second clock, outages of data sources."""

import sqlalchemy as sa
from alembic import op

from runtime.db import Json, Utc

revision = "0012_alert_semantics"
down_revision = "0011_hours"
branch_labels = None
depends_on = None

WAITING = """
    INSERT INTO alert_groups (id, receiver, opened_at, until)
    SELECT digest_id, receiver, min(created_at), min(created_at) FROM alert_notices
    WHERE digest_id IS NOT NULL AND state = 'queued' GROUP BY digest_id, receiver
"""
"""Summaries that were decided and not yet sent when the new version came."""


def upgrade() -> None:
    """Add what ``rules/tables.py`` has of them."""
    with op.batch_alter_table("alerts") as table:
        for column in _columns():
            table.add_column(column)
    op.create_index("ix_alert_notices_receiver", "alert_notices", ["receiver", "created_at"])
    op.create_table(
        "alert_groups",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("receiver", sa.Text, nullable=False),
        sa.Column("opened_at", Utc, nullable=False),
        sa.Column("until", Utc, nullable=False),
        sa.Column("page", sa.Integer, nullable=False, server_default="0"),
        sa.Column("sends", sa.Integer, nullable=False, server_default="0"),
        sa.Column("message_id", sa.Text),
        sa.Column("chat_id", sa.Text),
        sa.Column("shown", sa.Text, nullable=False, server_default=""),
        sa.Column("over_at", Utc),
    )
    op.create_index("ix_alert_groups_receiver", "alert_groups", ["receiver", "until"])
    op.execute(WAITING)
    op.create_table(
        "connection_cards",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("table", sa.Text, nullable=False),
        sa.Column("receiver", sa.Text, nullable=False),
        sa.Column("since", Utc, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("message_id", sa.Text),
        sa.Column("over_at", Utc),
        sa.UniqueConstraint("table", "receiver", "since"),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("connection_cards")
    op.drop_table("alert_groups")
    op.drop_index("ix_alert_notices_receiver", "alert_notices")
    with op.batch_alter_table("alerts") as table:
        for column in _columns():
            table.drop_column(column.name)


def _columns() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("raised", sa.Integer, nullable=False, server_default="0"),
        sa.Column("lapse", sa.Integer, nullable=False, server_default="0"),
        sa.Column("level", sa.Integer, nullable=False, server_default="0"),
        sa.Column("level_at", Utc),
        sa.Column("helpers", Json, nullable=False, server_default="[]"),
        sa.Column("clear_since", Utc),
        sa.Column("unseen", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("muted_until", Utc),
        sa.Column("muted_by", Json),
        sa.Column("handed_by", Json),
        sa.Column("shop", sa.Text, nullable=False, server_default=""),
    )
