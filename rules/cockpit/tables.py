"""The durable tables of the cockpit: days as they were last seen, who may look, who is signed in."""

from __future__ import annotations

import sqlalchemy as sa

from runtime.db import Fen, Json, Utc, metadata

days = sa.Table(
    "cockpit_days",
    metadata,
    sa.Column("kind", sa.Text, primary_key=True),  # plan | shop
    sa.Column("day", sa.Date, primary_key=True),  # in Shanghai
    sa.Column("object_id", sa.Text, primary_key=True),
    sa.Column("platform", sa.Text, nullable=False),
    sa.Column("shop", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False, server_default=""),
    sa.Column("gmv", Fen, nullable=False),
    sa.Column("spend", Fen),  # of plans
    sa.Column("budget", Fen),  # of plans
    sa.Column("base", Fen),  # of shops: the day before up to the same hour
    sa.Column("orders", sa.Integer, nullable=False),
    sa.Column("seen_at", Utc, nullable=False),
)
"""One row a shop or plan and day: the day's figures as the last pull of that day saw them."""

hours = sa.Table(
    "cockpit_hours",
    metadata,
    sa.Column("kind", sa.Text, primary_key=True),  # plan | shop
    sa.Column("day", sa.Date, primary_key=True),  # in Shanghai
    sa.Column("hour", sa.Integer, primary_key=True),
    sa.Column("object_id", sa.Text, primary_key=True),
    sa.Column("gmv", Fen, nullable=False),
    sa.Column("spend", Fen),  # of plans
    sa.Column("orders", sa.Integer, nullable=False),
    sa.Column("seen_at", Utc, nullable=False),
)
"""One row a shop or plan and hour: the day's figures so far as the hour's last pull saw them, for nine days.

Rules compare today with the same time of former days by them (``rules/history.py``).
"""

stock_days = sa.Table(
    "cockpit_stock_days",
    metadata,
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("shop", sa.Text, primary_key=True),
    sa.Column("skus", sa.Integer, nullable=False),
    sa.Column("low", sa.Integer, nullable=False),
    sa.Column("out", sa.Integer, nullable=False),
    sa.Column("unknown", sa.Integer, nullable=False),
    sa.Column("seen_at", Utc, nullable=False),
)
"""One row a shop and day: how many SKUs there are, and how many under safety stock, sold out, unreadable."""

due = sa.Table(
    "cockpit_due",
    metadata,
    sa.Column("day", sa.Date, primary_key=True),  # in Shanghai
    sa.Column("turn", sa.Integer, nullable=False),
    sa.Column("written", sa.Integer, nullable=False, server_default="0"),
)
"""Whose figures changed: a turn for every change, and the turn that 经营日汇总 and 经营时段 show."""

backfill_orders = sa.Table(
    "backfill_orders",
    metadata,
    sa.Column("connection", sa.Text, primary_key=True),
    sa.Column("span", sa.Text, primary_key=True),
    sa.Column("order_id", sa.Text, primary_key=True),
    sa.Column("shop_id", sa.Text, nullable=False),
    sa.Column("shop", sa.Text, nullable=False),
    sa.Column("amount", Fen, nullable=False),
    sa.Column("paid", Utc),
    sa.Column("modified", Utc, nullable=False),
    sa.Column("void", sa.Boolean, nullable=False),
)
"""Orders of former days while they are read again, each once in its newest state (``rules/backfill.py``)."""

backfill_done = sa.Table(
    "backfill_done",
    metadata,
    sa.Column("connection", sa.Text, primary_key=True),
    sa.Column("span", sa.Text, primary_key=True),
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("at", Utc, nullable=False),
)
"""Which days of a span were read of a connection; for shops: the orders last changed on that day."""

departments = sa.Table(
    "cockpit_departments",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),  # open_department_id, as in the manifest
    sa.Column("people", Json, nullable=False),  # open_ids, those of departments below included
    sa.Column("read_at", Utc),
    sa.Column("tried_at", Utc, nullable=False),
    sa.Column("error", sa.Text, nullable=False, server_default=""),
)
"""Who belongs to the departments that may look: read by the worker, because no page calls outside."""

sessions = sa.Table(
    "cockpit_sessions",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),  # SHA-256 of the cookie
    sa.Column("open_id", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("csrf", sa.Text, nullable=False),
    sa.Column("created_at", Utc, nullable=False),
    sa.Column("seen_at", Utc, nullable=False),
    sa.Column("agent", sa.Text, nullable=False),
)
"""Signed-in viewers; a session of pay is another table, cookie and page."""

sign_ins = sa.Table(
    "cockpit_sign_ins",
    metadata,
    sa.Column("state", sa.Text, primary_key=True),  # SHA-256 of the OAuth state and the browser
    sa.Column("verifier", sa.Text, nullable=False),
    sa.Column("goal", sa.Text, nullable=False),
    sa.Column("at", Utc, nullable=False),
)
"""Sign-ins under way; used once."""
