"""The durable tables of pay. Columns called ``sealed*`` hold text of `runtime.vault`; no other holds pay."""

import sqlalchemy as sa

from runtime.db import Json, Utc, metadata

structure_rows = sa.Table(
    "pay_structure_rows",
    metadata,
    sa.Column("record_id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("component", Json),  # the last good version; null = there never was one
    sa.Column("enabled", sa.Boolean, nullable=False),
    sa.Column("problem", sa.Text, nullable=False, server_default=""),  # "" = the row is valid as it stands
    sa.Column("verdict", sa.Text, nullable=False, server_default=""),  # the sentence for 校验结果
    sa.Column("at", Utc, nullable=False),
)
"""What is known of each row of 薪资结构. Formulas hold no amounts of anybody, hence in clear."""

runs = sa.Table(
    "pay_runs",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("month", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("replaces", sa.Text),
    sa.Column("scope", Json),  # employee numbers of a correction; null = everyone
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
"""One row a run. ``turn`` grows with every decision, so that an old card decides nothing."""

people = sa.Table(
    "pay_people",
    metadata,
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
"""One row a person and run: frozen inputs and computed pay, both sealed; ``problem`` says in words, without
amounts, why there is no pay."""

anomalies = sa.Table(
    "pay_anomalies",
    metadata,
    sa.Column("run_id", sa.Text, primary_key=True),
    sa.Column("employee_no", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("sentence", sa.Text, nullable=False),
    sa.Column("settled_by", sa.Text),
    sa.Column("settled_at", Utc),
    sa.Column("reason", sa.Text),
)
"""What must be settled by a named person before anybody signs. Sentences hold no amounts."""

cards = sa.Table(
    "pay_cards",
    metadata,
    sa.Column("message_id", sa.Text, primary_key=True),
    sa.Column("run_id", sa.Text, nullable=False),
    sa.Column("open_id", sa.Text, nullable=False),
    sa.Column("shown_turn", sa.Integer, nullable=False),
    sa.Index("ix_pay_cards_run_id", "run_id"),
)
"""Messages that show a run's card, and which turn of the run they show."""

signatures = sa.Table(
    "pay_signatures",
    metadata,
    sa.Column("run_id", sa.Text, primary_key=True),
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("part", sa.Text, primary_key=True),  # a department, or "*" for the whole
    sa.Column("uuid", sa.Text, nullable=False, unique=True),
    sa.Column("instance_code", sa.Text),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("asked", Json, nullable=False),  # open_ids asked to sign, by node
    sa.Column("signed", Json, nullable=False),  # open_ids with PASS, as fetched
    sa.Column("reason", sa.Text, nullable=False, server_default=""),
    sa.Column("checked_at", Utc),
)
"""One Feishu approval of a run under one digest."""

slips = sa.Table(
    "pay_slips",
    metadata,
    sa.Column("run_id", sa.Text, primary_key=True),
    sa.Column("employee_no", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("month", sa.Text, nullable=False),
    sa.Column("open_id", sa.Text),
    sa.Column("token", sa.Text, nullable=False, unique=True),
    sa.Column("sealed_slip", sa.Text),  # null after a recall: the key is destroyed with it
    sa.Column("slip_digest", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("message_id", sa.Text),
    sa.Column("tried_at", Utc),  # a card left, or was about to; see `payslip.doubt`
    sa.Column("sent_at", Utc),
    sa.Column("read_at", Utc),
    sa.Column("reminded_at", Utc),
    sa.Column("confirmed_at", Utc),
    sa.Column("evidence", Json),
    sa.Column("deadline", Utc),
    sa.Index("ix_pay_slips_open_id", "open_id"),
)
"""One payslip version. ``token`` stands in links and proves nothing. States: `payslip.model.SlipState`."""

disputes = sa.Table(
    "pay_disputes",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("run_id", sa.Text, nullable=False),
    sa.Column("employee_no", sa.Text, nullable=False),
    sa.Column("open_id", sa.Text, nullable=False),
    sa.Column("line", sa.Text, nullable=False),
    sa.Column("sealed_text", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),  # open, answered, corrected
    sa.Column("sealed_answer", sa.Text),
    sa.Column("answered_by", sa.Text),
    sa.Column("at", Utc, nullable=False),
    sa.Column("answered_at", Utc),
)
"""A disputed line; what employee and HR wrote is sealed, for it may name amounts."""

pins = sa.Table(
    "pay_pins",
    metadata,
    sa.Column("open_id", sa.Text, primary_key=True),
    sa.Column("hash", sa.Text),  # null after a reset: the person chooses a new one
    sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
    sa.Column("locked_until", Utc),
    sa.Column("set_at", Utc),
    sa.Column("reset_by", sa.Text),
)
"""Personal PINs, Argon2id with a pepper that is not in the database."""

pin_failures = sa.Table(
    "pay_pin_failures",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("at", Utc, nullable=False),
    sa.Index("ix_pay_pin_failures_address_at", "address", "at"),
)
"""Wrong PINs by network address, for the limit that one person trying many accounts meets."""

sessions = sa.Table(
    "pay_sessions",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),  # SHA-256 of the cookie: a database dump opens no session
    sa.Column("open_id", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("csrf", sa.Text, nullable=False),
    sa.Column("created_at", Utc, nullable=False),
    sa.Column("seen_at", Utc, nullable=False),
    sa.Column("pin_at", Utc),
    sa.Column("agent", sa.Text, nullable=False, server_default=""),
)
"""Signed-in viewers; a session ends by itself."""

sign_ins = sa.Table(
    "pay_sign_ins",
    metadata,
    sa.Column("state", sa.Text, primary_key=True),  # SHA-256 of the OAuth state
    sa.Column("verifier", sa.Text, nullable=False),
    sa.Column("goal", sa.Text, nullable=False),
    sa.Column("at", Utc, nullable=False),
)
"""Sign-ins under way: OAuth state, PKCE verifier and where to go afterwards; used once."""

accounts = sa.Table(
    "pay_accounts",
    metadata,
    sa.Column("employee_no", sa.Text, primary_key=True),
    sa.Column("fingerprint", sa.Text, nullable=False),  # keyed digest of the account last paid to
    sa.Column("confirmed_by", sa.Text),
    sa.Column("at", Utc, nullable=False),
)
"""The account each employee was last paid to, as a keyed digest; a changed one waits for a second person."""

holds = sa.Table(
    "pay_holds",
    metadata,
    sa.Column("run_id", sa.Text, primary_key=True),
    sa.Column("employee_no", sa.Text, primary_key=True),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("released_by", sa.Text),
    sa.Column("released_at", Utc),
)
"""Payouts held because the account changed since it was last paid to."""

payouts = sa.Table(
    "pay_payouts",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("run_id", sa.Text, nullable=False),
    sa.Column("template", sa.Text, nullable=False),
    sa.Column("file_name", sa.Text, nullable=False),
    sa.Column("rows", sa.Integer, nullable=False),
    sa.Column("sealed_file", sa.Text, nullable=False),
    sa.Column("at", Utc, nullable=False),
)
"""Payout files, sealed; each download is an audit row."""

attendance_marks = sa.Table(
    "pay_attendance_marks",
    metadata,
    sa.Column("employee_no", sa.Text, primary_key=True),
    sa.Column("month", sa.Text, primary_key=True),
    sa.Column("digest", sa.Text, primary_key=True),  # keyed, of the figures we wrote into 考勤汇总
    sa.Column("at", Utc, nullable=False),
)
"""What we wrote into 考勤汇总: a row that is none of it was changed by a person and is left alone."""

uploads = sa.Table(
    "pay_uploads",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),  # the message the file stands in
    sa.Column("file_key", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("sender", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("turn", sa.Integer, nullable=False, server_default="0"),
    sa.Column("kind", sa.Text),
    sa.Column("month", sa.Text),
    sa.Column("digest", sa.Text),  # SHA-256 of the file the card speaks of; its content is never kept
    sa.Column("new", sa.Integer, nullable=False, server_default="0"),
    sa.Column("changed", sa.Integer, nullable=False, server_default="0"),
    sa.Column("unchanged", sa.Integer, nullable=False, server_default="0"),
    sa.Column("faults", Json, nullable=False),
    sa.Column("more", sa.Integer, nullable=False, server_default="0"),
    sa.Column("warnings", Json, nullable=False),
    sa.Column("card_id", sa.Text),
    sa.Column("at", Utc, nullable=False),
)
"""Files that HR sent to the bot. Faults and warnings are sentences without content of cells."""
