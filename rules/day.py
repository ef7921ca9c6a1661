"""What red lines did in a day, and what of them nobody needs any more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bitable_sync.platforms import ledger
from bot.care_cards import Counts
from rules import tables as t
from rules import told
from rules.cockpit import tables as cockpit
from rules.freshness import load_states, stale_sources
from rules.model import TaskState
from rules.specs import TABLES
from runtime.erasing import Personal
from runtime.keeping import Kept


def counter(ages: Mapping[str, timedelta]) -> Callable[[Connection, datetime, datetime], Counts]:
    """What counts a span: alerts that began, cards that went out, tasks; data that is too old at its end.

    Args:
        ages: how old data may be, by table key.
    """
    return lambda conn, since, until: _count(conn, since, until, ages)


def _count(conn: Connection, since: datetime, until: datetime, ages: Mapping[str, timedelta]) -> Counts:
    names = {spec.key: spec.name for spec in TABLES}
    e, n, k = t.alert_episodes.c, t.alert_notices.c, t.alert_tasks.c

    def number(column: sa.ColumnElement[datetime], *only: sa.ColumnElement[bool]) -> int:
        query = sa.select(sa.func.count()).where(column >= since, column < until, *only)
        return int(conn.execute(query).scalar_one())

    stale = [
        f"{names[each.table]}（{each.connection}）" if each.connection else names[each.table]
        for each in stale_sources(load_states(conn), ages, until)
    ]
    return Counts(
        alerts=number(e.fired_at),
        cards=number(n.sent_at, n.state == told.SENT),
        tasks=number(k.asked_at),
        failed=number(k.asked_at, k.state == TaskState.FAILED),
        stale=tuple(sorted(stale)),
    )


def personal() -> list[Personal]:
    """What of red lines speaks of a person."""
    n, c, k = t.alert_notices, t.alert_cards, t.alert_tasks
    over = ~sa.exists().where(t.alerts.c.id == n.c.alert_id, t.alerts.c.resolved_at.is_(None))
    law = "who changed a budget or ordered goods belongs to the books (会计法 §23)"
    return [
        Personal("sessions of the cockpit", cockpit.sessions, lambda who: cockpit.sessions.c.open_id == who),
        Personal("notices of alerts that are over", n, lambda who: sa.and_(n.c.receiver == who, over)),
        Personal("previews of rules", t.rule_previews, _asked),
        Personal("cards of alerts", c, lambda who: c.c.receiver == who),
        Personal("tasks", k, lambda who: sa.cast(k.c.asked_by, sa.Text).contains(who, autoescape=True), law),
    ]


def _asked(who: str) -> sa.ColumnElement[bool]:
    p = t.rule_previews.c
    listed = sa.cast(p.receivers, sa.Text).contains(who, autoescape=True)
    return sa.or_(p.receiver == who, p.answered_by == who, listed)


def kept(days: int) -> list[Kept]:
    """Notices and copies of alerts that are over, and orders whose days are settled.

    Args:
        days: that notices and copies are kept.
    """
    n, c, a = t.alert_notices.c, t.alert_cards.c, t.alerts.c
    open_now = sa.exists().where(a.id == n.alert_id, a.episode == n.episode, a.resolved_at.is_(None))
    told_still = sa.exists().where(n.id == c.notice_id)
    return [
        Kept(t.alert_notices, lambda now: sa.and_(n.created_at < now - timedelta(days), ~open_now)),
        Kept(t.alert_cards, lambda now: sa.and_(c.sent_at < now - timedelta(days), ~told_still)),
        Kept(t.rule_previews, lambda now: t.rule_previews.c.at < now - timedelta(days)),
        Kept(t.alert_groups, lambda now: t.alert_groups.c.over_at < now - timedelta(days)),
        *ledger.kept(),
    ]
