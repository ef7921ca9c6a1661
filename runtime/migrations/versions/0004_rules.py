"""Red lines: rules, alerts, what people were told, what they did."""

import sqlalchemy as sa
from alembic import op

from runtime.db import Json, Money, Utc

revision = "0004_rules"
down_revision = "0003_bitable_sync"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of ``rules/tables.py``."""
    _rules()
    _alerts()
    _notices()
    _tasks()


def _rules() -> None:
    op.create_table(
        "rule_rows",
        sa.Column("rule_id", sa.Text, primary_key=True),
        sa.Column("seen", Json),
        sa.Column("good", Json),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("problems", Json, nullable=False),
        sa.Column("verdict", sa.Text, nullable=False),
        sa.Column("marks", sa.Integer, nullable=False),
        sa.Column("marked_at", Utc),
        sa.Column("deleted_at", Utc),
    )
    op.create_table(
        "rule_versions",
        sa.Column("rule_id", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("at", Utc, nullable=False),
        sa.Column("body", Json, nullable=False),
    )
    op.create_table(
        "metric_points",
        sa.Column("table", sa.Text, primary_key=True),
        sa.Column("object_id", sa.Text, primary_key=True),
        sa.Column("metric", sa.Text, primary_key=True),
        sa.Column("at", Utc, primary_key=True),
        sa.Column("value", Money, nullable=False),
    )
    op.create_index("ix_metric_points_at", "metric_points", ["at"])
    op.create_table(
        "data_sources",
        sa.Column("table", sa.Text, primary_key=True),
        sa.Column("pulled_at", Utc),
        sa.Column("tried_at", Utc),
        sa.Column("cursor", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("error", sa.Text, nullable=False),
    )


def _alerts() -> None:
    op.create_table(
        "alerts",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("rule_id", sa.Text, nullable=False),
        sa.Column("object_id", sa.Text, nullable=False),
        sa.Column("table", sa.Text, nullable=False),
        sa.Column("record_id", sa.Text),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("severity", sa.Text, nullable=False),
        sa.Column("held", sa.Text),
        sa.Column("episode", sa.Integer, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("turn", sa.Integer, nullable=False),
        sa.Column("value", Money),
        sa.Column("limit", Money),
        sa.Column("recover_at", Money),
        sa.Column("shown_value", Money),
        sa.Column("pending_since", Utc),
        sa.Column("fired_at", Utc),
        sa.Column("acked_at", Utc),
        sa.Column("acked_by", Json),
        sa.Column("acked_until", Utc),
        sa.Column("ack_count", sa.Integer, nullable=False),
        sa.Column("unknown_since", Utc),
        sa.Column("doubt", sa.Text),
        sa.Column("resolved_at", Utc),
        sa.Column("reason", sa.Text),
        sa.Column("sentence", sa.Text, nullable=False),
        sa.Column("owners", Json, nullable=False),
        sa.Column("supervisors", Json, nullable=False),
        sa.Column("data_at", Utc),
        sa.Column("board_version", sa.Integer, nullable=False, server_default="0"),
        sa.UniqueConstraint("rule_id", "object_id"),
    )
    op.create_index("ix_alerts_state", "alerts", ["state"])
    op.create_table(
        "alert_episodes",
        sa.Column("alert_id", sa.Text, primary_key=True),
        sa.Column("episode", sa.Integer, primary_key=True),
        sa.Column("fired_at", Utc, nullable=False),
        sa.Column("fired_value", Money),
        sa.Column("resolved_at", Utc),
        sa.Column("resolved_value", Money),
        sa.Column("reason", sa.Text),
    )


def _notices() -> None:
    op.create_table(
        "alert_notices",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("alert_id", sa.Text, nullable=False),
        sa.Column("receiver", sa.Text, nullable=False),
        sa.Column("episode", sa.Integer, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("digest_id", sa.Text),
        sa.Column("created_at", Utc, nullable=False),
        sa.Column("sent_at", Utc),
        sa.Column("message_id", sa.Text),
        sa.UniqueConstraint("alert_id", "receiver", "episode", "key"),
    )
    op.create_index("ix_alert_notices_digest_id", "alert_notices", ["digest_id"])
    op.create_table(
        "alert_cards",
        sa.Column("message_id", sa.Text, primary_key=True),
        sa.Column("alert_id", sa.Text, nullable=False),
        sa.Column("receiver", sa.Text, nullable=False),
        sa.Column("chat_id", sa.Text, nullable=False),
        sa.Column("notice_id", sa.Text, nullable=False),
        sa.Column("shown_version", sa.Integer, nullable=False),
        sa.Column("shown_turn", sa.Integer, nullable=False),
        sa.Column("form", sa.Text),
        sa.Column("form_at", Utc),
        sa.Column("gone", sa.Text),
        sa.Column("sent_at", Utc, nullable=False),
    )
    op.create_index("ix_alert_cards_alert_id", "alert_cards", ["alert_id"])


def _tasks() -> None:
    op.create_table(
        "alert_tasks",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("alert_id", sa.Text, nullable=False),
        sa.Column("episode", sa.Integer, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("object_id", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("amount", Money, nullable=False),
        sa.Column("before", Money),
        sa.Column("after", Money),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("asked_by", Json, nullable=False),
        sa.Column("asked_at", Utc, nullable=False),
        sa.Column("done_at", Utc),
        sa.Column("result", sa.Text, nullable=False),
        sa.Column("detail", Json),
        sa.Column("board_state", sa.Text, nullable=False, server_default=""),
    )
    op.create_index("ix_alert_tasks_alert_id", "alert_tasks", ["alert_id"])
    op.create_index("ix_alert_tasks_object_id", "alert_tasks", ["object_id"])


def downgrade() -> None:
    """Drop them."""
    for name in (
        "data_sources",
        "metric_points",
        "alert_tasks",
        "alert_cards",
        "alert_notices",
        "alert_episodes",
        "alerts",
        "rule_versions",
        "rule_rows",
    ):
        op.drop_table(name)
