"""Durable tables of the door to Feishu: what several processes must agree on before they call.

Moments are seconds since 1970 (UTC) as floating point: they are compared and added thousands of times a
minute and nobody reads them.
"""

import sqlalchemy as sa

from runtime.db import Json, metadata

pace = sa.Table(
    "feishu_pace",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("free_at", sa.Double, nullable=False),
    sa.Column("recent", Json, nullable=False),
    sa.Index("ix_feishu_pace_free_at", "free_at"),
)
"""Per paced key: when its next slot begins, and how many slots each of the last 60 seconds gave away."""

gates = sa.Table(
    "feishu_gates",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("until", sa.Double, nullable=False),
)
"""Keys nobody may call before a moment, because the platform said so."""

leases = sa.Table(
    "feishu_leases",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("holder", sa.Text, nullable=False),
    sa.Column("until", sa.Double, nullable=False),
)
"""Lanes in which only one call may be under way; a holder that died is overtaken when its time is up."""

calls = sa.Table(
    "feishu_calls",
    metadata,
    sa.Column("month", sa.Text, primary_key=True),
    sa.Column("endpoint", sa.Text, primary_key=True),
    sa.Column("calls", sa.Integer, nullable=False),
)
"""HTTP attempts per month (`2026-11`, Asia/Shanghai) and endpoint, against the tenant's monthly quota."""
