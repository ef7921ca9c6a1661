"""Pay: files that HR sends to the bot, to be imported into the input tables."""

import sqlalchemy as sa
from alembic import op

from runtime.db import Json, Utc

revision = "0006_pay_uploads"
down_revision = "0005_payslip"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create ``pay_uploads`` of ``payslip/tables.py``."""
    op.create_table(
        "pay_uploads",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("file_key", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("sender", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("turn", sa.Integer, nullable=False, server_default="0"),
        sa.Column("kind", sa.Text),
        sa.Column("month", sa.Text),
        sa.Column("digest", sa.Text),
        sa.Column("new", sa.Integer, nullable=False, server_default="0"),
        sa.Column("changed", sa.Integer, nullable=False, server_default="0"),
        sa.Column("unchanged", sa.Integer, nullable=False, server_default="0"),
        sa.Column("faults", Json, nullable=False),
        sa.Column("more", sa.Integer, nullable=False, server_default="0"),
        sa.Column("warnings", Json, nullable=False),
        sa.Column("card_id", sa.Text),
        sa.Column("at", Utc, nullable=False),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("pay_uploads")
