"""Red lines: the greatest number that cards of an alert's version may show; `shown_value` is the least."""

import sqlalchemy as sa
from alembic import op

from runtime.db import Money

revision = "0031_shown_most"
down_revision = "0030_beats"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; None says that only `shown_value` is known."""
    op.add_column("alerts", sa.Column("shown_most", Money))


def downgrade() -> None:
    """Take it away."""
    op.drop_column("alerts", "shown_most")
