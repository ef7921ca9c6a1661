"""Rolling deploys: which revision the database has, and the oldest whose code still works with it.

And an index of what waits in the inbox, which stays small however many events are kept.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016_rolling"
down_revision = "0014_operations"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; `write_stamp` fills them."""
    op.add_column("schema_stamp", sa.Column("revision", sa.Text))
    op.add_column("schema_stamp", sa.Column("oldest", sa.Text))
    new = sa.text("state = 'new'")
    columns = ["type", "received_at"]
    op.create_index("ix_inbox_new", "inbox", columns, sqlite_where=new, postgresql_where=new)


def downgrade() -> None:
    """Take them away."""
    op.drop_index("ix_inbox_new", "inbox")
    op.drop_column("schema_stamp", "oldest")
    op.drop_column("schema_stamp", "revision")
