"""Pay: structure, runs, sealed inputs and results, signatures, payslips, viewers, payout files."""

import sqlalchemy as sa
from alembic import op

from runtime.db import Json, Utc

revision = "0005_payslip"
down_revision = "0004_rules"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of ``payslip/tables.py``, and the columns people define (``bitable_columns``)."""
    _structure()
    _runs()
    _slips()
    _viewers()
    _payouts()


def _structure() -> None:
    op.create_table(
        "bitable_columns",
        sa.Column("table_key", sa.String(64), primary_key=True),
        sa.Column("field_key", sa.String(64), primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("formatter", sa.Text),
        sa.Column("formula", sa.Text),
        sa.Column("description", sa.Text, nullable=False, server_default=""),
        sa.Column("position", sa.Integer, nullable=False),
    )
    op.create_table(
        "pay_structure_rows",
        sa.Column("record_id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("component", Json),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("problem", sa.Text, nullable=False, server_default=""),
        sa.Column("verdict", sa.Text, nullable=False, server_default=""),
        sa.Column("at", Utc, nullable=False),
    )


def _runs() -> None:
    op.create_table(
        "pay_runs",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("month", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("replaces", sa.Text),
        sa.Column("scope", Json),
        sa.Column("pay_date", sa.Date, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("turn", sa.Integer, nullable=False, server_default="0"),
        sa.Column("starter", sa.Text, nullable=False),
        sa.Column("digest", sa.Text),
        sa.Column("headcount", sa.Integer, nullable=False, server_default="0"),
        sa.Column("sealed_books", sa.Text),
        sa.Column("note", sa.Text, nullable=False, server_default=""),
        sa.Column("push_at", Utc),
        sa.Column("opened_at", Utc, nullable=False),
        sa.Column("changed_at", Utc, nullable=False),
    )
    op.create_table(
        "pay_people",
        sa.Column("run_id", sa.Text, primary_key=True),
        sa.Column("employee_no", sa.Text, primary_key=True),
        sa.Column("open_id", sa.Text),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("department", sa.Text, nullable=False),
        sa.Column("supervisor", sa.Text),
        sa.Column("sealed_input", sa.Text),
        sa.Column("sealed_pay", sa.Text),
        sa.Column("input_digest", sa.Text),
        sa.Column("pay_digest", sa.Text),
        sa.Column("problem", sa.Text, nullable=False, server_default=""),
    )
    op.create_table(
        "pay_anomalies",
        sa.Column("run_id", sa.Text, primary_key=True),
        sa.Column("employee_no", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("sentence", sa.Text, nullable=False),
        sa.Column("settled_by", sa.Text),
        sa.Column("settled_at", Utc),
        sa.Column("reason", sa.Text),
    )
    op.create_table(
        "pay_cards",
        sa.Column("message_id", sa.Text, primary_key=True),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("open_id", sa.Text, nullable=False),
        sa.Column("shown_turn", sa.Integer, nullable=False),
    )
    op.create_index("ix_pay_cards_run_id", "pay_cards", ["run_id"])
    op.create_table(
        "pay_signatures",
        sa.Column("run_id", sa.Text, primary_key=True),
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("part", sa.Text, primary_key=True),
        sa.Column("uuid", sa.Text, nullable=False, unique=True),
        sa.Column("instance_code", sa.Text),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("asked", Json, nullable=False),
        sa.Column("signed", Json, nullable=False),
        sa.Column("reason", sa.Text, nullable=False, server_default=""),
        sa.Column("checked_at", Utc),
    )


def _slips() -> None:
    op.create_table(
        "pay_slips",
        sa.Column("run_id", sa.Text, primary_key=True),
        sa.Column("employee_no", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("month", sa.Text, nullable=False),
        sa.Column("open_id", sa.Text),
        sa.Column("token", sa.Text, nullable=False, unique=True),
        sa.Column("sealed_slip", sa.Text),
        sa.Column("slip_digest", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("message_id", sa.Text),
        sa.Column("sent_at", Utc),
        sa.Column("read_at", Utc),
        sa.Column("reminded_at", Utc),
        sa.Column("confirmed_at", Utc),
        sa.Column("evidence", Json),
        sa.Column("deadline", Utc),
    )
    op.create_index("ix_pay_slips_open_id", "pay_slips", ["open_id"])
    op.create_table(
        "pay_disputes",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("employee_no", sa.Text, nullable=False),
        sa.Column("open_id", sa.Text, nullable=False),
        sa.Column("line", sa.Text, nullable=False),
        sa.Column("sealed_text", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("sealed_answer", sa.Text),
        sa.Column("answered_by", sa.Text),
        sa.Column("at", Utc, nullable=False),
        sa.Column("answered_at", Utc),
    )


def _viewers() -> None:
    op.create_table(
        "pay_pins",
        sa.Column("open_id", sa.Text, primary_key=True),
        sa.Column("hash", sa.Text),
        sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
        sa.Column("locked_until", Utc),
        sa.Column("set_at", Utc),
        sa.Column("reset_by", sa.Text),
    )
    op.create_table(
        "pay_pin_failures",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("at", Utc, nullable=False),
    )
    op.create_index("ix_pay_pin_failures_address_at", "pay_pin_failures", ["address", "at"])
    op.create_table(
        "pay_sessions",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("open_id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("csrf", sa.Text, nullable=False),
        sa.Column("created_at", Utc, nullable=False),
        sa.Column("seen_at", Utc, nullable=False),
        sa.Column("pin_at", Utc),
        sa.Column("agent", sa.Text, nullable=False, server_default=""),
    )
    op.create_table(
        "pay_sign_ins",
        sa.Column("state", sa.Text, primary_key=True),
        sa.Column("verifier", sa.Text, nullable=False),
        sa.Column("goal", sa.Text, nullable=False),
        sa.Column("at", Utc, nullable=False),
    )


def _payouts() -> None:
    op.create_table(
        "pay_accounts",
        sa.Column("employee_no", sa.Text, primary_key=True),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("confirmed_by", sa.Text),
        sa.Column("at", Utc, nullable=False),
    )
    op.create_table(
        "pay_holds",
        sa.Column("run_id", sa.Text, primary_key=True),
        sa.Column("employee_no", sa.Text, primary_key=True),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("released_by", sa.Text),
        sa.Column("released_at", Utc),
    )
    op.create_table(
        "pay_payouts",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("template", sa.Text, nullable=False),
        sa.Column("file_name", sa.Text, nullable=False),
        sa.Column("rows", sa.Integer, nullable=False),
        sa.Column("sealed_file", sa.Text, nullable=False),
        sa.Column("at", Utc, nullable=False),
    )
