"""Payslips: when a card was first tried, so that a doubt can be settled by looking."""

import sqlalchemy as sa
from alembic import op

from runtime.db import Utc

revision = "0019_slip_tries"
down_revision = "0017_previews"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add ``pay_slips.tried_at``."""
    with op.batch_alter_table("pay_slips") as table:
        table.add_column(sa.Column("tried_at", Utc))


def downgrade() -> None:
    """Drop it."""
    with op.batch_alter_table("pay_slips") as table:
        table.drop_column("tried_at")
