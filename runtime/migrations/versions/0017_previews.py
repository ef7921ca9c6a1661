"""Red lines: notices held back at their sending, previews of rules switched on, dry runs over history."""

import sqlalchemy as sa
from alembic import op

from runtime.db import Json, Utc

revision = "0017_previews"
down_revision = "0016_rolling"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what ``rules/tables.py`` has of them."""
    op.add_column("alert_notices", sa.Column("holds", sa.Integer, nullable=False, server_default="0"))
    op.create_table(
        "rule_previews",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("rule_id", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("at", Utc, nullable=False),
        sa.Column("receivers", Json, nullable=False),
        sa.Column("receiver", sa.Text),
        sa.Column("hits", sa.Integer, nullable=False),
        sa.Column("people", sa.Integer, nullable=False),
        sa.Column("until", Utc),
        sa.Column("answer", sa.Text),
        sa.Column("answered_by", sa.Text),
        sa.Column("answered_at", Utc),
        sa.Column("message_id", sa.Text),
        sa.UniqueConstraint("rule_id", "version"),
    )
    op.create_table(
        "rule_dryruns",
        sa.Column("rule_id", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("at", Utc, nullable=False),
        sa.Column("body", Json),
    )


def downgrade() -> None:
    """Take it away."""
    op.drop_table("rule_dryruns")
    op.drop_table("rule_previews")
    op.drop_column("alert_notices", "holds")
