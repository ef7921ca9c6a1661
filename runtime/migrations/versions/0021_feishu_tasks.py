"""Red lines: which Feishu task stands for an action, and what it shows."""

import sqlalchemy as sa
from alembic import op

from runtime.db import Utc

revision = "0021_feishu_tasks"
down_revision = "0020_attendance_marks"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "alert_feishu_tasks",
        sa.Column("task_id", sa.Text, primary_key=True),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("tried_at", Utc, nullable=False),
        sa.Column("guid", sa.Text),
        sa.Column("shown", sa.Text, nullable=False, server_default=""),
        sa.Column("trouble", sa.Text, nullable=False, server_default=""),
        sa.Column("at", Utc),
        sa.Index("ix_alert_feishu_tasks_at", "at"),
    )


def downgrade() -> None:
    """Take it away."""
    op.drop_table("alert_feishu_tasks")
