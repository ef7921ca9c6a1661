"""SQL of alerts, tasks and history. Every function works in the caller's transaction."""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Row

from rules import tables as t
from rules.model import Action, Alert, Reason, Severity, State, Task, TaskState
from rules.specs import SHOPS
from runtime.clock import FARTHEST, SHANGHAI
from runtime.ids import AlertId, RuleId, TaskId

HISTORY = timedelta(days=2)
TREND = 24  # points on a card
ERROR_LENGTH = 300  # characters of what a platform said that are kept
UNSEEN_MOST = 500
"""So many alerts at most that came and went unseen are listed, the newest of them."""
_ALERT = [field.name for field in fields(Alert)]
_COLUMNS = [t.alerts.c[name] for name in _ALERT]
"""Of an alert, in the order of its fields: rows become alerts by place, in half the time it takes by name."""
_TASK = [field.name for field in fields(Task)]
_CHUNK = 400


def short_id(prefix: str, *parts: object) -> str:
    """A stable id of ``prefix`` and 20 hex digits of the parts' digest."""
    text = "\x1f".join(str(part) for part in parts)
    return f"{prefix}{hashlib.sha256(text.encode()).hexdigest()[:20]}"


def alert_id(rule_id: RuleId, object_id: str) -> AlertId:
    """The id of the alert of one (rule, object)."""
    return AlertId(short_id("al_", rule_id, object_id))


def new_alert(rule_id: RuleId, object_id: str, table: str, severity: Severity) -> Alert:
    """The memory of an object that was never over the line."""
    return Alert(alert_id(rule_id, object_id), rule_id, object_id, table, None, object_id, State.OK, severity)


def upsert(conn: Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]], *, newest: str = "") -> None:
    """Insert rows or overwrite the given columns of those whose primary key exists.

    ``newest``: only where that column does not become smaller, whoever comes first; what stands further ahead
    than `FARTHEST` was written by a clock that was wrong and is overwritten.
    """
    if not rows:
        return
    keys = [column.name for column in table.primary_key]
    insert = sqlite.insert(table) if conn.dialect.name == "sqlite" else postgresql.insert(table)
    changed = {name: insert.excluded[name] for name in rows[0] if name not in keys}
    where: sa.ColumnElement[bool] | None = None
    if newest:
        stored, ahead = table.c[newest], max(row[newest] for row in rows) + FARTHEST
        where = sa.or_(insert.excluded[newest] >= stored, stored > ahead)
    conn.execute(insert.on_conflict_do_update(index_elements=keys, set_=changed, where=where), list(rows))


def insert_many(conn: Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> set[str]:
    """Insert rows of which some may exist (by any unique key); returns the first key column of the new."""
    if not rows:
        return set()
    insert = sqlite.insert(table) if conn.dialect.name == "sqlite" else postgresql.insert(table)
    key = next(iter(table.primary_key))
    done = conn.execute(insert.on_conflict_do_nothing().returning(key), list(rows))
    return set(done.scalars())


def insert_new(conn: Connection, table: sa.Table, row: Mapping[str, Any]) -> bool:
    """Insert a row unless a unique key of it exists; says whether it was new."""
    insert = sqlite.insert(table) if conn.dialect.name == "sqlite" else postgresql.insert(table)
    key = next(iter(table.primary_key))
    # RETURNING, because the number of inserted rows is not to be had from every driver.
    done = conn.execute(insert.values(**row).on_conflict_do_nothing().returning(key))
    return done.first() is not None


def _alert(row: Row[Any]) -> Alert:
    values: Iterable[Any] = row
    return Alert(*values)


def load_alert(conn: Connection, alert: str, *, lock: bool = False) -> Alert | None:
    """One alert.

    ``lock`` holds it until the transaction ends (on SQLite every write transaction holds all).
    """
    query = sa.select(*_COLUMNS).where(t.alerts.c.id == alert)
    row = conn.execute(query.with_for_update() if lock else query).first()
    return None if row is None else _alert(row)


def lock_object(conn: Connection, table: str, object_id: str) -> None:
    """Hold every alert of one object until the transaction ends.

    So that two rules' cards cannot act at once.
    """
    a = t.alerts
    query = sa.select(a.c.id).where(a.c.table == table, a.c.object_id == object_id).order_by(a.c.id)
    conn.execute(query.with_for_update()).all()


def load_alerts(
    conn: Connection, rule_id: RuleId, object_ids: Collection[str] | None = None, *, lock: bool = False
) -> dict[str, Alert]:
    """Alerts of a rule by object id; of the named objects only if given."""
    query = sa.select(*_COLUMNS).where(t.alerts.c.rule_id == rule_id).order_by(t.alerts.c.id)
    if lock:
        query = query.with_for_update()
    if object_ids is None:
        found = [_alert(row) for row in conn.execute(query)]
    else:
        found = []
        for chunk in chunks(sorted(object_ids)):
            found.extend(_alert(row) for row in conn.execute(query.where(t.alerts.c.object_id.in_(chunk))))
    return {alert.object_id: alert for alert in found}


def live_objects(
    conn: Connection, rule_ids: Collection[str], object_ids: Collection[str] | None = None
) -> dict[str, set[str]]:
    """Rule id → the objects whose alerts are in any state but quiet: every check must look at them.

    Of the named objects only if given.
    """
    a = t.alerts.c
    query = sa.select(a.rule_id, a.object_id).where(
        a.rule_id.in_(sorted(rule_ids)), a.state.not_in((State.OK, State.RESOLVED))
    )
    parts: Iterable[Sequence[str] | None] = [None] if object_ids is None else chunks(sorted(object_ids))
    found: dict[str, set[str]] = {}
    for chunk in parts:
        some = query if chunk is None else query.where(a.object_id.in_(chunk))
        for rule_id, object_id in conn.execute(some):
            found.setdefault(rule_id, set()).add(object_id)
    return found


def load_many(conn: Connection, alert_ids: Collection[str], *, lock: bool = False) -> list[Alert]:
    """Alerts by their ids; ``lock`` as for :func:`load_alert`."""
    found: list[Alert] = []
    for chunk in chunks(sorted(alert_ids)):
        query = sa.select(*_COLUMNS).where(t.alerts.c.id.in_(chunk)).order_by(t.alerts.c.id)
        found.extend(_alert(row) for row in conn.execute(query.with_for_update() if lock else query))
    return found


def alive_in(conn: Connection, table: str) -> list[Alert]:
    """The alerts of a data table's objects that are over their line now."""
    a = t.alerts
    query = sa.select(*_COLUMNS).where(a.c.table == table, a.c.state.in_((State.FIRING, State.ACKED)))
    return [_alert(row) for row in conn.execute(query.order_by(a.c.id))]


def alive_of(conn: Connection, rule_id: RuleId) -> list[Alert]:
    """The alerts of a rule's objects that are over its line now."""
    a = t.alerts
    query = sa.select(*_COLUMNS).where(a.c.rule_id == rule_id, a.c.state.in_((State.FIRING, State.ACKED)))
    return [_alert(row) for row in conn.execute(query.order_by(a.c.id))]


def alive_of_shop(conn: Connection, shop: str) -> int:
    """How many plans and SKUs of a shop are over their lines now."""
    a = t.alerts
    query = sa.select(sa.func.count()).where(
        a.c.shop == shop, a.c.table != SHOPS, a.c.state.in_((State.FIRING, State.ACKED))
    )
    return int(conn.execute(query).scalar_one())


def open_counts(conn: Connection, rule_ids: Collection[str]) -> dict[str, int]:
    """Rule id → how many objects are over its line now."""
    a = t.alerts
    query = sa.select(a.c.rule_id, sa.func.count().label("number")).where(
        a.c.rule_id.in_(sorted(rule_ids)), a.c.state.in_((State.FIRING, State.ACKED))
    )
    return {row.rule_id: row.number for row in conn.execute(query.group_by(a.c.rule_id))}


def save_alerts(conn: Connection, changed: Sequence[Alert]) -> None:
    """Write alerts as they are now."""
    upsert(conn, t.alerts, [{name: getattr(alert, name) for name in _ALERT} for alert in changed])


def note_episodes(conn: Connection, changed: Sequence[tuple[Alert, Reason | None]]) -> None:
    """Write the beginning and the end of episodes."""
    fired = [
        {
            "alert_id": alert.id,
            "episode": alert.episode,
            "fired_at": alert.fired_at,
            "fired_value": alert.value,
        }
        for alert, reason in changed
        if reason is Reason.FIRED
    ]
    upsert(conn, t.alert_episodes, fired)
    for alert, reason in changed:
        if alert.state is State.RESOLVED and reason is not None and reason is not Reason.SEEN:
            conn.execute(
                sa.update(t.alert_episodes)
                .where(t.alert_episodes.c.alert_id == alert.id, t.alert_episodes.c.episode == alert.episode)
                .values(resolved_at=alert.resolved_at, resolved_value=alert.value, reason=reason.value)
            )


def open_alerts(conn: Connection) -> list[Alert]:
    """Every alert people should know of: unknown first, then the worst and the oldest."""
    states = (State.FIRING, State.ACKED, State.UNKNOWN)
    rows = conn.execute(sa.select(*_COLUMNS).where(t.alerts.c.state.in_(states)))
    return sorted((_alert(row) for row in rows), key=urgency)


def listed_alerts(conn: Connection) -> list[Alert]:
    """Open alerts, unknown first, then the worst and the oldest; then what came and went unseen."""
    a = t.alerts
    query = sa.select(*_COLUMNS).where(a.c.unseen.is_(True)).order_by(a.c.resolved_at.desc(), a.c.id)
    gone = [_alert(row) for row in conn.execute(query.limit(UNSEEN_MOST))]
    return [*(alert for alert in open_alerts(conn) if alert.open), *gone]


def urgency(alert: Alert) -> tuple[bool, int, bool, float]:
    """Sort key: unknown at the top, then severity, then not yet acknowledged, then age."""
    since = alert.fired_at.timestamp() if alert.fired_at else 0.0
    return (alert.state is not State.UNKNOWN, -alert.severity.rank, alert.state is State.ACKED, since)


def load_task(conn: Connection, task_id: str) -> Task | None:
    """One task."""
    row = conn.execute(sa.select(t.alert_tasks).where(t.alert_tasks.c.id == task_id)).first()
    return None if row is None else _task(row)


def _task(row: Row[Any]) -> Task:
    return Task(**{name: getattr(row, "_mapping")[name] for name in _TASK})  # noqa: B009 - SQLAlchemy's public name


def save_task(conn: Connection, task: Task) -> None:
    """Write a task as it is now."""
    upsert(conn, t.alert_tasks, [{name: getattr(task, name) for name in _TASK}])


def last_task(conn: Connection, alert: Alert) -> Task | None:
    """The newest task of the alert's present episode."""
    query = (
        sa.select(t.alert_tasks)
        .where(t.alert_tasks.c.alert_id == alert.id, t.alert_tasks.c.episode == alert.episode)
        .order_by(t.alert_tasks.c.asked_at.desc(), t.alert_tasks.c.id.desc())
        .limit(1)
    )
    row = conn.execute(query).first()
    return None if row is None else _task(row)


def running_task(conn: Connection, object_id: str) -> Task | None:
    """A task on this object that is not finished, whichever alert it came from."""
    running = [state for state in TaskState if state.running]
    query = sa.select(t.alert_tasks).where(
        t.alert_tasks.c.object_id == object_id, t.alert_tasks.c.state.in_(running)
    )
    row = conn.execute(query.limit(1)).first()
    return None if row is None else _task(row)


def waiting_tasks(conn: Connection, codes: Collection[str] | None = None) -> list[Task]:
    """Tasks that wait for an approval; only those of some approvals if ``codes`` are given."""
    query = sa.select(t.alert_tasks).where(t.alert_tasks.c.state == TaskState.WAITING)
    if codes is not None:
        query = query.where(t.alert_tasks.c.approval.in_(sorted(codes)))
    return [_task(row) for row in conn.execute(query.order_by(t.alert_tasks.c.asked_at))]


def changes_today(conn: Connection, object_id: str, now: datetime) -> int:
    """How many changes of a plan's budget were made today (Shanghai), by the time they were made.

    What was made in the platform's own console, or failed without an answer, is not known here; the platform
    counts it and says so.
    """
    today = now.astimezone(SHANGHAI).replace(hour=0, minute=0, second=0, microsecond=0)
    query = sa.select(sa.func.count()).where(
        t.alert_tasks.c.object_id == object_id,
        t.alert_tasks.c.kind == Action.ADJUST,
        t.alert_tasks.c.done_at >= today,
        t.alert_tasks.c.state == TaskState.DONE,
    )
    return int(conn.execute(query).scalar_one())


def task_id(alert: Alert) -> TaskId:
    """The id of the task a submit on the alert's present turn makes: the same wish twice is one task."""
    return TaskId(short_id("tk_", alert.id, alert.episode, alert.turn))


# --- history of a metric ---


def keep_points(
    conn: Connection, table: str, metric: str, values: Mapping[str, Decimal], at: datetime, *,
    only: bool = False,
) -> int:  # fmt: skip
    """Keep the numbers that changed since their last point; returns how many were kept.

    ``only``: they are a few of the table's objects, so only their last points are looked up.
    """
    known: dict[str, Decimal] = {}
    for chunk in chunks(sorted(values)) if only else [None]:
        known |= _last_points(conn, table, metric, chunk)
    rows = [
        {"table": table, "metric": metric, "object_id": key, "at": at, "value": value}
        for key, value in values.items()
        if known.get(key) != value
    ]
    upsert(conn, t.metric_points, rows)
    return len(rows)


def _last_points(
    conn: Connection, table: str, metric: str, objects: Sequence[str] | None
) -> dict[str, Decimal]:
    p = t.metric_points
    newest = sa.select(p.c.object_id, sa.func.max(p.c.at).label("at")).where(
        p.c.table == table, p.c.metric == metric
    )
    if objects is not None:
        newest = newest.where(p.c.object_id.in_(objects))
    last = newest.group_by(p.c.object_id).subquery()
    query = sa.select(p.c.object_id, p.c.value).join(
        last, sa.and_(p.c.object_id == last.c.object_id, p.c.at == last.c.at)
    )
    found = conn.execute(query.where(p.c.table == table, p.c.metric == metric))
    return {row.object_id: row.value for row in found}


def load_points(conn: Connection, table: str, metric: str, object_id: str) -> list[tuple[datetime, Decimal]]:
    """The newest `TREND` points of one object's metric, oldest first."""
    p = t.metric_points
    query = sa.select(p.c.at, p.c.value).where(
        p.c.table == table, p.c.metric == metric, p.c.object_id == object_id
    )
    rows = conn.execute(query.order_by(p.c.at.desc()).limit(TREND)).all()
    return [(at, value) for at, value in reversed(rows)]


# --- freshness of a table's numbers ---


def note_look(conn: Connection, table: str, upto: datetime) -> None:
    """All rules of a table have looked at all of it, with data of this time."""
    upsert(conn, t.table_looks, [{"table": table, "upto": upto}], newest="upto")


def last_look(conn: Connection, table: str) -> datetime | None:
    """Of what time the data was at the last look at a whole table."""
    return conn.execute(sa.select(t.table_looks.c.upto).where(t.table_looks.c.table == table)).scalar()


def note_pull(conn: Connection, table: str, at: datetime, *, cursor: int = 0, error: str = "") -> None:
    """Record a pull from a platform: fresh numbers up to ``cursor``, or the sentence why there are none.

    Args:
        conn: a write transaction.
        table: a connection of a data table (``plans/jd``), or the table itself.
        at: when the platform was asked.
        cursor: the row version to read on from.
        error: why there are no fresh numbers.
    """
    row: dict[str, Any] = {"table": table, "tried_at": at, "error": error[:ERROR_LENGTH]}
    keep_source(conn, row if error else row | {"pulled_at": at, "cursor": cursor})


def keep_source(conn: Connection, row: Mapping[str, Any]) -> None:
    """Write what is known of a source, with its ``table`` and ``tried_at``; when it began stays."""
    sources = t.data_sources
    insert = sqlite.insert(sources) if conn.dialect.name == "sqlite" else postgresql.insert(sources)
    changed: dict[str, Any] = {name: insert.excluded[name] for name in row if name != "table"}
    changed["first_at"] = sa.func.coalesce(sources.c.first_at, insert.excluded.first_at)
    values = {**row, "first_at": row["tried_at"]}
    conn.execute(insert.on_conflict_do_update(index_elements=["table"], set_=changed), [values])


def pull_cursor(conn: Connection, table: str) -> int:
    """The row version from which the next pull asks; 0 for everything."""
    query = sa.select(t.data_sources.c.cursor).where(t.data_sources.c.table == table)
    return int(conn.execute(query).scalar_one_or_none() or 0)


def chunks(items: Sequence[str]) -> Iterable[Sequence[str]]:
    """The items in pieces that fit into one query."""
    for start in range(0, len(items), _CHUNK):
        yield items[start : start + _CHUNK]
