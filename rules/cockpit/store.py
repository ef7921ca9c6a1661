"""What the cockpit reads, all of it from our own tables. Every function works in the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rules import tables as rt
from rules.cockpit import tables as t
from rules.cockpit.days import PLAN, SHOP
from rules.cockpit.model import Episode, PlanDay, Scope, ShopDay, StockDay, Sums
from rules.effects import SYSTEM
from rules.model import Alert, Reason, Task
from rules.store import load_alert, load_task
from runtime import tables as floor
from runtime.db import Fen

TOUCHES = (Reason.ACKNOWLEDGED.value, Reason.ACTED.value, Reason.CLOSED_BY_PERSON.value)
"""What a person does about an alert."""
_CHUNK = 400


# --- days ---


def shop_days(conn: Connection, scope: Scope, since: date, until: date) -> list[ShopDay]:
    """The figures of each shop and day of a span, its ends included: the shops' own and their plans'."""
    d = t.days.c
    sums = [sa.func.sum(column, type_=Fen()).label(column.name) for column in (d.gmv, d.base, d.spend)]
    query = (
        sa.select(d.kind, d.day, d.platform, d.shop, *sums, sa.func.sum(d.orders).label("orders"))
        .where(d.day.between(since, until), *_inside(scope))
        .group_by(d.kind, d.day, d.platform, d.shop)
        .order_by(d.day, d.platform, d.shop)
    )
    found: dict[tuple[date, str, str], Sums] = {}
    for row in conn.execute(query):
        key = (row.day, row.platform, row.shop)
        old = found.get(key, Sums())
        if row.kind == SHOP:
            found[key] = Sums(row.gmv, row.base, int(row.orders), old.ad_gmv, old.spend)
        else:
            found[key] = Sums(old.gmv, old.base, old.orders, row.gmv, row.spend)
    return [ShopDay(day, platform, shop, sums) for (day, platform, shop), sums in found.items()]


def _inside(scope: Scope) -> list[sa.ColumnElement[bool]]:
    d = t.days.c
    wanted = ((d.platform, scope.platform), (d.shop, scope.shop))
    return [column == value for column, value in wanted if value]


def platforms(conn: Connection, since: date) -> list[str]:
    """The platforms seen since a day."""
    query = sa.select(t.days.c.platform).where(t.days.c.day >= since, t.days.c.platform != "")
    return sorted(conn.execute(query.distinct()).scalars())


def plans_on(conn: Connection, day: date, scope: Scope) -> list[PlanDay]:
    """The plans of a day, the largest spend first."""
    d = t.days.c
    query = sa.select(t.days).where(d.kind == PLAN, d.day == day, *_inside(scope))
    return [
        PlanDay(
            row.object_id, row.name, row.platform, row.shop, row.status, row.budget,
            Sums(orders=row.orders, ad_gmv=row.gmv, spend=row.spend), row.seen_at,
        )
        for row in conn.execute(query.order_by(d.spend.desc(), d.object_id))
    ]  # fmt: skip


def stock_counts(conn: Connection, since: date, shop: str = "", *, until: date = date.max) -> list[StockDay]:
    """The counts of SKUs of each shop and day of a span, its ends included."""
    s = t.stock_days.c
    query = sa.select(s.day, s.shop, s.skus, s.low, s.out, s.unknown).where(s.day.between(since, until))
    query = query.where(s.shop == shop) if shop else query
    return [StockDay(*row) for row in conn.execute(query.order_by(s.day, s.shop))]


# --- sources ---


def pulls(conn: Connection) -> Mapping[str, tuple[datetime | None, str]]:
    """Table key → (last good pull, error since then)."""
    rows = conn.execute(sa.select(rt.data_sources))
    return {row.table: (row.pulled_at, row.error) for row in rows}


def worker_seen(conn: Connection) -> datetime | None:
    """When a worker was last alive."""
    found: datetime | None = conn.execute(sa.select(sa.func.max(floor.executors.c.seen_at))).scalar()
    return found


# --- alerts and what was done ---


def episodes(conn: Connection, since: datetime) -> list[Episode]:
    """Every alert that fired since a moment, with what people did about it."""
    e, k = rt.alert_episodes.c, rt.alert_tasks.c
    rows = conn.execute(sa.select(rt.alert_episodes).where(e.fired_at >= since)).all()
    tasks = conn.execute(sa.select(k.alert_id, k.episode).where(k.asked_at >= since))
    acted = {(row.alert_id, row.episode) for row in tasks}
    touched = _touches(conn, sorted({row.alert_id for row in rows}), since)
    return [
        Episode(
            row.fired_at, row.resolved_at, row.reason or "", (row.alert_id, row.episode) in acted,
            touched.get((row.alert_id, row.episode)),
        )
        for row in rows
    ]  # fmt: skip


def _touches(conn: Connection, alerts: Sequence[str], since: datetime) -> dict[tuple[str, int], datetime]:
    """The first thing a person did in each episode; the audit remembers it, an alert only the last."""
    a, found = floor.audit.c, dict[tuple[str, int], datetime]()
    for start in range(0, len(alerts), _CHUNK):
        subjects = [f"alert:{alert}" for alert in alerts[start : start + _CHUNK]]
        query = sa.select(a.subject, a.at, a.detail).where(
            a.subject.in_(subjects), a.at >= since, a.action == "alert.change", a.reason.in_(TOUCHES),
            a.actor != SYSTEM,
        )  # fmt: skip
        for row in conn.execute(query.order_by(a.at)):
            key = (row.subject.removeprefix("alert:"), int(row.detail["episode"]))
            found.setdefault(key, row.at)
    return found


@dataclass(frozen=True, slots=True)
class Done:
    """A task with the alert it answered and the alert's episode as stored."""

    task: Task
    alert: Alert | None
    episode: Any


def done(conn: Connection, since: datetime, limit: int) -> list[Done]:
    """The newest actions since a moment."""
    k, e = rt.alert_tasks.c, rt.alert_episodes.c
    ids = sa.select(k.id).where(k.asked_at >= since).order_by(k.asked_at.desc(), k.id).limit(limit)
    tasks = [load_task(conn, task_id) for task_id in conn.execute(ids).scalars().all()]
    found = []
    for task in _there(tasks):
        query = sa.select(rt.alert_episodes).where(e.alert_id == task.alert_id, e.episode == task.episode)
        found.append(Done(task, load_alert(conn, task.alert_id), conn.execute(query).first()))
    return found


def _there(tasks: Iterable[Task | None]) -> Iterable[Task]:
    return (task for task in tasks if task is not None)
