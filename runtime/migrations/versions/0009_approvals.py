"""Red lines: which approval a large change waits for."""

import sqlalchemy as sa
from alembic import op

revision = "0009_approvals"
down_revision = "0008_cockpit"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column of ``rules/tables.py``."""
    with op.batch_alter_table("alert_tasks") as table:
        table.add_column(sa.Column("approval", sa.Text))
        table.create_index("ix_alert_tasks_approval", ["approval"])


def downgrade() -> None:
    """Drop it."""
    with op.batch_alter_table("alert_tasks") as table:
        table.drop_index("ix_alert_tasks_approval")
        table.drop_column("approval")
