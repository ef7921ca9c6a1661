"""When parts were last heard of: the long connection's last frame."""

import sqlalchemy as sa
from alembic import op

from runtime.db import Utc

revision = "0030_beats"
down_revision = "0028_orders"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "beats",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("at", Utc, nullable=False),
    )


def downgrade() -> None:
    """Take it away."""
    op.drop_table("beats")
