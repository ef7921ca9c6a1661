"""What may be spent on generated pictures: sentences when an allowance would be exceeded.

Counted is what was paid, what may have been paid, and what is under way (``store.SPENT``).
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from creative import store
from creative.deps import Budget, Policy
from creative.intake import orientations
from creative.model import Brief, Call
from runtime.clock import SHANGHAI

OVER = "超出{what}的生成预算（¥{most:.2f}），先用本地绘制的底图"
LOCK = 4604711
"""Key of PostgreSQL's advisory lock: two lanes that check at once would both see room for one picture."""


def beyond_request(conn: Connection, policy: Policy, request_id: str, brief: Brief) -> str:
    """Why all backgrounds of a brief would surely exceed the request's allowance, or "".

    Asked before anything is sent; an estimate with the first model's price.
    """
    if not policy.profiles:
        return ""
    count = brief.variants * len(orientations(brief))
    estimate = policy.profiles[0].price * count
    spent = store.spent_on(conn, request_id)
    if spent + estimate <= policy.budget.request:
        return ""
    already = f"，之前已花 ¥{spent:.2f}" if spent else ""
    limit = f"超过每条需求 ¥{policy.budget.request:.2f} 的上限；请减少版数或尺寸"
    return f"要生成 {count} 张底图，预计 ¥{estimate:.2f}{already}，{limit}"


def beyond(conn: Connection, budget: Budget, call: Call, price: Decimal, now: datetime) -> str:
    """Which allowance one more picture would exceed, as a sentence, or ""; the day is Shanghai's.

    Args:
        conn: the transaction that then commits the call as sent; until it ends nobody else checks.
        budget: the allowances in yuan.
        call: the picture.
        price: yuan.
        now: the time.
    """
    if conn.dialect.name == "postgresql":  # SQLite has one writer anyway
        conn.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
    midnight = now.astimezone(SHANGHAI).replace(hour=0, minute=0, second=0, microsecond=0)
    checks = (
        ("这条需求", budget.request, store.spent_on(conn, call.version_id.rpartition(":")[0])),
        ("需求人今天", budget.requester_day, store.spent(conn, since=midnight, requester=call.requester)),
        ("公司今天", budget.day, store.spent(conn, since=midnight)),
    )
    for what, most, spent in checks:
        if spent + price > most:
            return OVER.format(what=what, most=most)
    return ""
