"""The durable tables of the platforms: credentials, sealed (``sealed*`` hold ciphertext), and orders."""

from __future__ import annotations

import sqlalchemy as sa

from runtime.db import Fen, Utc, metadata

credentials = sa.Table(
    "platform_credentials",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("sealed_keys", sa.Text, nullable=False),
    sa.Column("sealed_tokens", sa.Text),
    sa.Column("refresh_at", Utc),  # from when on a new access token should be fetched
    sa.Column("expires_at", Utc),
    sa.Column("ends_at", Utc),  # when the refresh token dies; then a person must authorise anew
    sa.Column("problem", sa.Text, nullable=False, server_default=""),
    sa.Column("changed_at", Utc, nullable=False),
)
"""One row an authorisation; ``problem`` is why its tokens cannot be refreshed any more, in words."""

orders = sa.Table(
    "platform_orders",
    metadata,
    sa.Column("connection", sa.Text, primary_key=True),
    sa.Column("platform", sa.Text, primary_key=True),
    sa.Column("order_id", sa.Text, primary_key=True),
    sa.Column("shop_id", sa.Text, primary_key=True),
    sa.Column("amount", Fen, nullable=False),
    sa.Column("paid", Utc),
    sa.Column("hour", sa.Integer),  # in which it was paid, counted from 1970: sums are made by it
    sa.Column("modified", Utc, nullable=False),  # the platform's time of the last change
    sa.Column("status", sa.Text, nullable=False),  # as the platform calls it
    sa.Column("void", sa.Boolean, nullable=False),
)
"""Orders of the last days in their newest state, for sums only: nothing of the buyer (``ledger.py``)."""
sa.Index(None, orders.c.connection, orders.c.hour)
sa.Index(None, orders.c.modified)

shops = sa.Table(
    "platform_shops",
    metadata,
    sa.Column("connection", sa.Text, primary_key=True),
    sa.Column("platform", sa.Text, primary_key=True),
    sa.Column("shop_id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("seen_at", Utc, nullable=False),  # to the day
)
"""The shops a connection brought orders of: each has a row every day, sold or not."""

readings = sa.Table(
    "platform_readings",
    metadata,
    sa.Column("connection", sa.Text, primary_key=True),
    sa.Column("platform", sa.Text, nullable=False),
    sa.Column("counts", sa.Text, nullable=False),  # which amount the orders were kept with
    sa.Column("day", sa.Date, nullable=False),  # whose beginning was read from yesterday's midnight on
    sa.Column("until", Utc, nullable=False),
    sa.Column("swept_at", Utc, nullable=False),
)
"""How far the orders of a connection were read."""
