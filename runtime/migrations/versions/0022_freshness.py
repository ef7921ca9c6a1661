"""Red lines: freshness by connection, plans that went missing at once, cards about a connection."""

import sqlalchemy as sa
from alembic import op

from runtime.db import Utc

revision = "0022_freshness"
down_revision = "0021_feishu_tasks"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what ``rules/tables.py`` has of them; stock is read whole once, so that its rows name a source."""
    op.add_column("data_sources", sa.Column("first_at", Utc))
    op.execute("UPDATE data_sources SET first_at = COALESCE(pulled_at, tried_at)")
    op.execute("UPDATE data_sources SET cursor = 0 WHERE \"table\" LIKE 'stock/%'")
    op.add_column("connection_cards", sa.Column("shown", sa.Text, nullable=False, server_default=""))
    op.add_column("connection_cards", sa.Column("answered_by", sa.Text))
    op.add_column("connection_cards", sa.Column("answered_at", Utc))
    op.create_table(
        "missing_objects",
        sa.Column("table", sa.Text, primary_key=True),
        sa.Column("object_id", sa.Text, primary_key=True),
        sa.Column("connection", sa.Text, nullable=False),
        sa.Column("since", Utc, nullable=False),
        sa.Column("confirmed_at", Utc),
    )


def downgrade() -> None:
    """Take it away."""
    op.drop_table("missing_objects")
    op.drop_column("connection_cards", "answered_at")
    op.drop_column("connection_cards", "answered_by")
    op.drop_column("connection_cards", "shown")
    op.drop_column("data_sources", "first_at")
