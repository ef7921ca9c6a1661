"""Durable tables of the sync.

Which Feishu table and column stands for which spec, and what people must know.
"""

from __future__ import annotations

import sqlalchemy as sa

from runtime.db import Json, Utc, metadata

BASE = sa.Table(
    "bitable_base",
    metadata,
    sa.Column("name", sa.String(32), primary_key=True),  # always "main": one base per installation
    sa.Column("app_token", sa.String(64), nullable=False),
    sa.Column("url", sa.Text, nullable=False, default=""),
    sa.Column("at", Utc, nullable=False),
)
BOUND_TABLES = sa.Table(
    "bitable_tables",
    metadata,
    sa.Column("table_key", sa.String(64), primary_key=True),
    sa.Column("app_token", sa.String(64), nullable=False),
    sa.Column("table_id", sa.String(64), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("refreshed_at", Utc),  # when its columns were last listed
)
BOUND_FIELDS = sa.Table(
    "bitable_fields",
    metadata,
    sa.Column("table_key", sa.String(64), primary_key=True),
    sa.Column("field_key", sa.String(64), primary_key=True),
    sa.Column("field_id", sa.String(64), nullable=False),
    sa.Column("name", sa.Text, nullable=False),  # what people call the column now
    sa.Column("type", sa.Integer, nullable=False),
    sa.Column("options", Json, nullable=False),  # names a select column offers now
    sa.Column("state", sa.String(16), nullable=False),  # ok | missing | retyped
)
COLUMNS = sa.Table(
    "bitable_columns",
    metadata,
    # Columns added to a table at run time (growing.py); those of code stand in the specs.
    sa.Column("table_key", sa.String(64), primary_key=True),
    sa.Column("field_key", sa.String(64), primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("formatter", sa.Text),
    sa.Column("formula", sa.Text),
    sa.Column("description", sa.Text, nullable=False, server_default=""),
    sa.Column("position", sa.Integer, nullable=False),
)
FINDINGS = sa.Table(
    "bitable_findings",
    metadata,
    sa.Column("table_key", sa.String(64), primary_key=True),
    sa.Column("kind", sa.String(32), primary_key=True),  # drift | conflict | mass_delete
    sa.Column("subject", sa.String(200), primary_key=True),  # field key, business key, …
    sa.Column("sentence", sa.Text, nullable=False),
    sa.Column("since", Utc, nullable=False),
    sa.Column("told_at", Utc),  # when it was written into the base for people to see
)
PENDING = sa.Table(
    "bitable_pending",
    metadata,
    # A row with this business key is about to be created, or was and we did not hear: look it up first.
    sa.Column("table_key", sa.String(64), primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("at", Utc, nullable=False),
)
