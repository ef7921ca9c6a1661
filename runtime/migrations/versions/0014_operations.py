"""Operations: the audit trail chained and only ever added to; restores that were made."""

import sqlalchemy as sa
from alembic import op

from runtime import audit
from runtime.db import Utc

revision = "0014_operations"
down_revision = "0013_metrics"
branch_labels = None
depends_on = None

CUT = "(SELECT COALESCE(MAX(seq), 0) FROM audit_cuts)"
DELETABLE = {
    "audit": f"EXISTS (SELECT 1 FROM audit_chain c WHERE c.audit_id = OLD.id AND c.seq <= {CUT})",  # noqa: S608 - ours
    "audit_chain": f"OLD.seq <= {CUT}",
    "audit_cuts": "1 = 0",
}
"""When a row may be deleted: after its keeping time, and a cut of the chain says so."""

SAID = "The audit trail is only ever added to."


def upgrade() -> None:
    """Add the tables, chain the rows there are, and let triggers refuse every change."""
    op.create_table(
        "audit_chain",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("audit_id", sa.Integer, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.UniqueConstraint("audit_id"),
    )
    op.create_table(
        "audit_cuts",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("at", Utc, nullable=False),
    )
    op.create_table(
        "restores",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("taken_at", Utc, nullable=False),
        sa.Column("at", Utc, nullable=False),
    )
    op.add_column("parked", sa.Column("card", sa.Text))
    conn = op.get_bind()
    audit.extend(conn, list(conn.execute(sa.text("SELECT id FROM audit ORDER BY id")).scalars()))
    for table, condition in DELETABLE.items():
        for statement in _guards(conn.dialect.name, table, condition):
            conn.exec_driver_sql(statement)


def downgrade() -> None:
    """Take it away."""
    for table in DELETABLE:
        if op.get_bind().dialect.name == "sqlite":
            op.execute(f"DROP TRIGGER {table}_unchanged")
            op.execute(f"DROP TRIGGER {table}_kept")
        else:
            op.execute(f"DROP FUNCTION {table}_guard() CASCADE")
    op.drop_column("parked", "card")
    for table in ("restores", "audit_cuts", "audit_chain"):
        op.drop_table(table)


def _guards(dialect: str, table: str, deletable: str) -> list[str]:
    if dialect == "sqlite":
        refuse = f"BEGIN SELECT RAISE(ABORT, '{SAID}'); END"
        return [
            f"CREATE TRIGGER {table}_unchanged BEFORE UPDATE ON {table} {refuse}",
            f"CREATE TRIGGER {table}_kept BEFORE DELETE ON {table} WHEN NOT ({deletable}) {refuse}",
        ]
    make = f"CREATE FUNCTION {table}_guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
    judge = f"IF TG_OP = 'DELETE' THEN IF {deletable} THEN RETURN OLD; END IF; END IF; "
    refuse, call = f"RAISE EXCEPTION '{SAID}'; END $$", f"EXECUTE FUNCTION {table}_guard()"
    return [
        make + judge + refuse,
        f"CREATE TRIGGER {table}_kept BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW {call}",
        f"CREATE TRIGGER {table}_whole BEFORE TRUNCATE ON {table} FOR EACH STATEMENT {call}",
    ]
