"""Platforms: sealed credentials and tokens."""

import sqlalchemy as sa
from alembic import op

from runtime.db import Utc

revision = "0010_platforms"
down_revision = "0009_approvals"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of ``bitable_sync/platforms/tables.py``."""
    op.create_table(
        "platform_credentials",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("sealed_keys", sa.Text, nullable=False),
        sa.Column("sealed_tokens", sa.Text),
        sa.Column("refresh_at", Utc),
        sa.Column("expires_at", Utc),
        sa.Column("ends_at", Utc),
        sa.Column("problem", sa.Text, nullable=False, server_default=""),
        sa.Column("changed_at", Utc, nullable=False),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("platform_credentials")
