"""Tables of the sync.

Bindings to Feishu tables and columns, findings for people, rows about to be created.
"""

import sqlalchemy as sa
from alembic import op

from runtime.db import Json, Utc

revision = "0003_bitable_sync"
down_revision = "0002_bot"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of bitable_sync."""
    op.create_table(
        "bitable_base",
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("app_token", sa.String(64), nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("at", Utc, nullable=False),
    )
    op.create_table(
        "bitable_tables",
        sa.Column("table_key", sa.String(64), primary_key=True),
        sa.Column("app_token", sa.String(64), nullable=False),
        sa.Column("table_id", sa.String(64), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("refreshed_at", Utc),
    )
    op.create_table(
        "bitable_fields",
        sa.Column("table_key", sa.String(64), primary_key=True),
        sa.Column("field_key", sa.String(64), primary_key=True),
        sa.Column("field_id", sa.String(64), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("type", sa.Integer, nullable=False),
        sa.Column("options", Json, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
    )
    op.create_table(
        "bitable_findings",
        sa.Column("table_key", sa.String(64), primary_key=True),
        sa.Column("kind", sa.String(32), primary_key=True),
        sa.Column("subject", sa.String(200), primary_key=True),
        sa.Column("sentence", sa.Text, nullable=False),
        sa.Column("since", Utc, nullable=False),
        sa.Column("told_at", Utc),
    )
    op.create_table(
        "bitable_pending",
        sa.Column("table_key", sa.String(64), primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("at", Utc, nullable=False),
    )


def downgrade() -> None:
    """Drop the tables of bitable_sync."""
    for name in ("bitable_pending", "bitable_findings", "bitable_fields", "bitable_tables", "bitable_base"):
        op.drop_table(name)
