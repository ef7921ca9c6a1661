"""Red lines: until when each table is known, so that time nobody saw does not count."""

import sqlalchemy as sa
from alembic import op

from runtime.db import Utc

revision = "0026_looks"
down_revision = "0022_freshness"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table and the column."""
    op.create_table(
        "table_looks",
        sa.Column("table", sa.Text, primary_key=True),
        sa.Column("upto", Utc, nullable=False),
    )
    op.add_column("alerts", sa.Column("known_at", Utc))


def downgrade() -> None:
    """Take them away."""
    op.drop_column("alerts", "known_at")
    op.drop_table("table_looks")
