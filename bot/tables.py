"""The conversation's durable tables: what the platform told us, and what people did."""

import sqlalchemy as sa

from runtime.db import Json, Utc, metadata

inbox = sa.Table(
    "inbox",
    metadata,
    sa.Column("event_id", sa.Text, primary_key=True),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("dedupe_key", sa.Text, nullable=False, unique=True),
    sa.Column("created_at", Utc, nullable=False),
    sa.Column("received_at", Utc, nullable=False),
    # ASCII JSON text, not JSONB: a verified body with \u0000 in it must not make PostgreSQL refuse the event.
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False, server_default="new"),
    sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
    sa.Column("claimed_by", sa.Text),
    sa.Column("claimed_until", Utc),
    sa.Column("handled_at", Utc),
    sa.Column("error", sa.Text),
    sa.Index("ix_inbox_state_received_at", "state", "received_at"),
)
"""One row a verified event. ``state``: new, handled, unhandled (no handler) or failed (parked after five
tries).

A row in state ``new`` belongs to ``claimed_by`` until ``claimed_until``; before its next try it belongs to
nobody but stays out of reach until then.
"""

NEW = inbox.c.state == sa.literal_column("'new'")
"""What waits. A literal, because a database uses a partial index only where it can see the condition."""

sa.Index("ix_inbox_new", inbox.c.type, inbox.c.received_at, sqlite_where=NEW, postgresql_where=NEW)

taps = sa.Table(
    "taps",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("at", Utc, nullable=False),
    sa.Column("operator", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("answer", Json, nullable=False),
    sa.Index("ix_taps_at", "at"),
)
"""One row a tap or chat command, written with what it decided; its id makes a second one a replay."""
