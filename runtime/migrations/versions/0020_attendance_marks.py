"""Pay: what was written into 考勤汇总, to know which rows people changed afterwards."""

import sqlalchemy as sa
from alembic import op

from runtime.db import Utc

revision = "0020_attendance_marks"
down_revision = "0019_slip_tries"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "pay_attendance_marks",
        sa.Column("employee_no", sa.Text, primary_key=True),
        sa.Column("month", sa.Text, primary_key=True),
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("at", Utc, nullable=False),
    )


def downgrade() -> None:
    """Take it away."""
    op.drop_table("pay_attendance_marks")
