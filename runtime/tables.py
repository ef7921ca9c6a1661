"""The floor's own durable tables."""

import sqlalchemy as sa

from runtime.db import Json, Utc, metadata

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("at", Utc, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("detail", Json, nullable=False),
    sa.Index("ix_audit_subject_at", "subject", "at"),
)
"""Who did what to what, when and why. Rows are only ever added: triggers refuse to change or delete one."""

audit_chain = sa.Table(
    "audit_chain",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("audit_id", sa.Integer, nullable=False, unique=True),
    sa.Column("hash", sa.Text, nullable=False),
)
"""The order in which audit rows were committed, each entry's hash over its row and the hash before it."""

audit_cuts = sa.Table(
    "audit_cuts",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("hash", sa.Text, nullable=False),
    sa.Column("at", Utc, nullable=False),
)
"""Where the chain was cut after its keeping time: entries up to ``seq`` and their rows may be deleted."""

parked = sa.Table(
    "parked",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("job", sa.Text, nullable=False),
    sa.Column("lane", sa.Text, nullable=False),
    sa.Column("args", Json, nullable=False),
    sa.Column("error", sa.Text, nullable=False),
    sa.Column("at", Utc, nullable=False),
    sa.Column("state", sa.Text, nullable=False, server_default="waiting"),
    sa.Column("card", sa.Text),
)
"""Work that was given up, with the sentence saying why. State: waiting (for a person) or retried. ``card`` is
the work that told somebody of it."""

executors = sa.Table(
    "executors",
    metadata,
    sa.Column("instance", sa.Text, primary_key=True),
    sa.Column("started_at", Utc, nullable=False),
    sa.Column("seen_at", Utc, nullable=False),
)
"""One row a worker process, refreshed by its heartbeat."""

schema_stamp = sa.Table(
    "schema_stamp",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("stamp", sa.Text, nullable=False),
    sa.Column("revision", sa.Text),
    sa.Column("oldest", sa.Text),
)
"""One row: what the database was last prepared with (see `runtime.migrations.stamp`)."""

fires = sa.Table(
    "fires",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("at", Utc, nullable=False),
)
"""The last fire time of each schedule that was turned into work, so that a missed one is caught up once."""

restores = sa.Table(
    "restores",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("taken_at", Utc, nullable=False),
    sa.Column("at", Utc, nullable=False),
)
"""Restores: what was to be done when the backup was taken may have been done since, until ``at``."""

beats = sa.Table(
    "beats",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("at", Utc, nullable=False),
)
"""When a part was last heard of (`runtime.beats`)."""
