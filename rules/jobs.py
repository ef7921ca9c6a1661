"""Jobs of the tables: pull numbers from the platforms, check, answer in rule rows, fill the boards."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from itertools import count
from typing import Any

import sqlalchemy as sa
import structlog

from bitable_sync.cells import EMPTY, CellValue, Person
from bitable_sync.platforms.gateways import Gathered, newest_of
from bitable_sync.platforms.orders import Level
from rules import store
from rules.cockpit import days
from rules.cockpit.figures import stock_days
from rules.connection import Connections
from rules.dashboards import totals_work
from rules.deps import Worker
from rules.dryrun import said_of
from rules.effects import pull_work
from rules.freshness import note_table
from rules.missing import Sorted, keep_doubted, load_doubted, sort_out
from rules.model import Action, Alert, State, Task
from rules.rulebook import Entry, load_entry, verdicts
from rules.settings_telling import SETTINGS, SettingsTelling
from rules.sources import (
    Values,
    changed_rows,
    lost_plans,
    named,
    plan_rows,
    shop_rows,
    stock_rows,
    unlisted_plans,
)
from rules.specs import (
    ALERTS,
    ALLOWANCES,
    DATA_TABLES,
    DUTY,
    GONE,
    PLANS,
    RULES,
    SHOPS,
    SILENCES,
    STOCK,
    TASKS,
)
from rules.tables import alert_tasks, alerts
from rules.wording import STATE_ZH, limit_text, metric_text, reason_text, state_words
from runtime.errors import ChorusError
from runtime.jobrun import JobRun
from runtime.work import Work

BOARD_ROWS = 500
JUST_READ = timedelta(minutes=10)
"""A table read this lately is not read again to find lost events."""
EDITED = (RULES, ALLOWANCES, SILENCES, DUTY, *DATA_TABLES)
"""The tables people edit and rules are judged by: the mirror must hold all of their rows."""

_log = structlog.get_logger("rules.jobs")


@dataclass(frozen=True, slots=True)
class Asked:
    """What the connections of a table said.

    Attributes:
        rows: of those that answered, by connection, in the order of the manifest.
        found: their troubles, too.
        cursors: the version to read each on from.
        late: rows of yesterday, where late orders of it are heard of.
        missing: what was made of objects that nobody listed.
    """

    rows: Mapping[str, list[Values]]
    found: Gathered[Any]
    cursors: Mapping[str, int] = field(default_factory=dict)
    late: Sequence[Values] = ()
    missing: Sorted = field(default_factory=Sorted)


class Tables:
    """The jobs ``rules.tick``, ``rules.pull``, ``rules.check``, ``rules.mark`` and ``rules.board``."""

    def __init__(self, deps: Worker) -> None:
        self.deps = deps

    def tick(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """A schedule's fire: the pull itself runs in the lane of its table.

        One that waits there will see what is now: where pulls take longer than their schedule, they would
        pile up in front of everything else of the table.
        """
        work = pull_work(str(args["table"]), str(run.id))
        with self.deps.db.begin() as conn:
            if not self.deps.queue.any_waiting(conn, work.lane, f"pull:{args['table']}:"):
                self.deps.queue.put(conn, work)

    def pull(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """Fetch numbers, write what changed into the table, judge the table at once.

        A source that fails is recorded and shown by the rules as *unknown*; it stops nothing else.
        """
        table = str(args["table"])
        try:
            run.attempt("pull", lambda: self.fetch(table, str(run.id)), tries=4)
        except ChorusError as error:
            _log.warning("table.not_pulled", table=table, error=str(error))
        self.deps.checker.scan(table)

    def fetch(self, table: str, cause: str) -> dict[str, int]:
        """Ask the platforms, write what changed into the table, note the pull; safe to repeat.

        What a connection could not say is noted as its error: its rows grow old, those of others do not.

        Raises:
            ChorusError: no connection answered, or the table could not be written.
        """
        started = self.deps.clock.now()
        asked = self._ask(table, started)
        try:
            asked.found.heard()
            return self._take_over(table, asked, started, cause)
        except ChorusError as error:
            with self.deps.db.begin() as conn:
                for name in self._connections(table):
                    why = str(asked.found.troubles.get(name, error))
                    store.note_pull(conn, f"{table}/{name}", started, error=why)
                store.note_pull(conn, table, started, error=str(error))
            raise

    def _take_over(self, table: str, asked: Asked, started: datetime, cause: str) -> dict[str, int]:
        key = self.deps.sync.specs.table(table).business_key[0]
        # Two connections that name one object: the first in the manifest counts, one row stays one row.
        told = [row for name, some in asked.rows.items() for row in named(some, name)]
        rows = list({row[key]: row for row in reversed(told)}.values())
        rows += [{key: each, "status": GONE} for each in sorted(asked.missing.gone)]
        standing = self.deps.sync.mirror.by_keys(table, {str(row[key]) for row in rows})
        known = {name: found[-1] for name, found in standing.items()}
        changed = changed_rows(rows, known, key)
        if changed:
            self.deps.sync.pusher.upsert(table, changed, cause=cause)
        day = days.one_day(started, self.deps.clock.now())
        counts = stock_days(days.stock_now(self.deps.sync.mirror), day) if day and table == STOCK else ()
        with self.deps.db.begin() as conn:
            self._note(conn, table, asked, started)
            if day is not None and self._connected(table):
                days.keep(conn, table, rows, day, started)
                days.settle(conn, table, asked.late, day - timedelta(days=1), started)
                days.settle_hours(conn, self._levels(table))
                days.keep_stock(conn, counts, started)
                self.deps.queue.put(conn, totals_work(started))
        return {"rows": len(rows), "changed": len(changed)}

    def _note(self, conn: sa.Connection, table: str, asked: Asked, at: datetime) -> None:
        """Write down how fresh every connection is now, and what is in doubt."""
        names, troubles = self._connections(table), asked.found.troubles
        for name in names:
            error, cursor = str(troubles.get(name, "")), asked.cursors.get(name, 0)
            store.note_pull(conn, f"{table}/{name}", at, cursor=cursor, error=error)
        note_table(conn, table, names, at, asked.found.sentence)
        keep_doubted(conn, table, asked.missing, at)

    def _connections(self, table: str) -> tuple[str, ...]:
        gateways = self.deps.gateways
        by_table: Mapping[str, Mapping[str, object]] = {PLANS: gateways.ads, STOCK: gateways.stock}
        return tuple(by_table.get(table, gateways.shops))

    def _connected(self, table: str) -> bool:
        """Whether a platform stands behind a table; what people fill in is no day's figure."""
        return bool(self._connections(table))

    def _ask(self, table: str, at: datetime) -> Asked:
        """What the connections say; a trouble of one is part of the answer."""
        if table == PLANS:
            return self._plans(at)
        if table == STOCK:
            return self._stock(at)
        gateways = self.deps.gateways
        found = gateways.all_sales(at)
        rows = {name: shop_rows(today, before, at) for name, (today, before) in found.rows.items()}
        late = [row for name in found.rows for row in shop_rows(gateways.shops[name].yesterday(), (), at)]
        return Asked(rows, found, late=late)

    def _levels(self, table: str) -> list[Level]:
        """How far shops were hour by hour, of the connections that answered just now."""
        books = self.deps.gateways.shops.values() if table == SHOPS else ()
        return [level for book in books if book.tally for level in book.tally.levels()]

    def _plans(self, at: datetime) -> Asked:
        found = self.deps.gateways.all_plans()
        plans = [plan for some in found.rows.values() for plan in some]
        unlisted = unlisted_plans(self.deps.sync.mirror.rows(PLANS), plans)
        lost = lost_plans(unlisted, found.rows, found.troubles, self.deps.gateways.answered(found))
        with self.deps.db.read() as conn:
            doubted = load_doubted(conn, PLANS)
        missing = sort_out(lost, unlisted, doubted, self.deps.mass_delete)
        return Asked({name: plan_rows(some, at) for name, some in found.rows.items()}, found, missing=missing)

    def _stock(self, at: datetime) -> Asked:
        gateways = self.deps.gateways
        with self.deps.db.read() as conn:
            since = {name: store.pull_cursor(conn, f"{STOCK}/{name}") for name in gateways.stock}
        found = gateways.all_stock(since)
        newest = {name: max(since[name], newest_of(some)) for name, some in found.rows.items()}
        return Asked({name: stock_rows(some, at) for name, some in found.rows.items()}, found, newest)

    def check(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """The regular check of every rule on every row.

        A table that was never read as a whole is read first: without that nobody could tell a deleted row
        from one that was never seen.
        """
        del args
        now, mirror = self.deps.clock.now(), self.deps.sync.mirror
        unread = [table for table in EDITED if mirror.age(table, now) is None]
        if unread:
            with self.deps.db.begin() as conn:
                self.deps.queue.put(conn, *(reread_work(table, str(run.id), first=True) for table in unread))
        self.deps.reviewer.tick()
        Connections(self.deps).look()

    def reconcile(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """Read the tables people edit again, in case an event was lost (the platform gives up after 6 h)."""
        del args
        with self.deps.db.begin() as conn:
            self.deps.queue.put(conn, *(reread_work(table, str(run.id)) for table in EDITED))

    def reread(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """Read one whole table of the base into the mirror and judge by what was found.

        A base that does not answer is logged; the next beat reads it. What was read just now is not read
        again: after a start the first reading and a missed reconciliation come together.
        """
        table, mirror = str(args["table"]), self.deps.sync.mirror
        age = mirror.age(table, self.deps.clock.now())
        if age is not None and (args.get("first") or age < JUST_READ):
            return
        try:
            run.attempt("read", lambda: self.deps.sync.puller.pull(table).rows, tries=4)
        except ChorusError as error:
            _log.warning("table.not_read", table=table, error=str(error))
            return
        if table == RULES:
            self.deps.reviewer.review()
        elif table in SETTINGS:
            SettingsTelling(self.deps).look()
        else:
            self.deps.checker.scan(table)

    def mark(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """Write 校验结果 and 最近检查 into a rule's row: always the newest sentence."""
        rule_id = str(args["rule_id"])

        def write() -> bool:
            with self.deps.db.read() as conn:
                sentence, at = verdicts(conn, [rule_id]).get(rule_id, ("", None))
                entry = load_entry(conn, rule_id, self.deps.sources.catalog)
                if entry is not None and not entry.problems:
                    sentence = said_of(conn, rule_id, sentence, entry.version)
            if self.deps.sync.mirror.get(RULES, rule_id) is None:
                return False  # deleted meanwhile
            values: dict[str, CellValue] = {"check_result": sentence, "checked_at": at or EMPTY}
            return self.deps.sync.pusher.write(RULES, rule_id, values)

        run.attempt("write", write)

    def board(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """Bring 预警看板 and 处理任务 to what is; takes everything that is due, some rows at a time."""
        del args
        for name, bring in (("alerts", self._board_alerts), ("tasks", self._board_tasks)):
            last = ""
            for part in count():
                last = run.attempt(f"{name}:{part}", partial(bring, str(run.id), last))
                if not last:
                    break

    def _board_alerts(self, cause: str, after: str) -> str:
        """Write the next alerts that are due, in the order of their ids; gives the last one's, "" at the end.

        By id, so that one pass ends also while alerts go on changing: they bring a work of their own.
        """
        a = alerts.c
        seen = sa.or_(a.fired_at.is_not(None), a.state == State.UNKNOWN, a.board_version > 0)
        query = sa.select(a.id).where(a.version > a.board_version, seen, a.id > after).order_by(a.id)
        with self.deps.db.read() as conn:
            found = list(conn.execute(query.limit(BOARD_ROWS)).scalars())
            due = store.load_many(conn, found)
            entries = {
                rule_id: load_entry(conn, rule_id, self.deps.sources.catalog)
                for rule_id in {alert.rule_id for alert in due}
            }
        if not due:
            return ""
        rows = [_alert_row(alert, entries[alert.rule_id]) for alert in due]
        self.deps.sync.pusher.upsert(ALERTS, rows, cause=cause)
        with self.deps.db.begin() as conn:
            for alert in due:
                shown = sa.update(alerts).where(a.id == alert.id, a.board_version < alert.version)
                conn.execute(shown.values(board_version=alert.version))
        return found[-1] if len(found) == BOARD_ROWS else ""

    def _board_tasks(self, cause: str, after: str) -> str:
        """As `_board_alerts`, for tasks."""
        k = alert_tasks.c
        query = sa.select(k.id).where(k.board_state != k.state, k.id > after).order_by(k.id)
        with self.deps.db.read() as conn:
            found = list(conn.execute(query.limit(BOARD_ROWS)).scalars())
            due = [task for task_id in found if (task := store.load_task(conn, task_id)) is not None]
        if not due:
            return ""
        self.deps.sync.pusher.upsert(TASKS, [_task_row(task) for task in due], cause=cause)
        with self.deps.db.begin() as conn:
            for task in due:
                shown = sa.update(alert_tasks).where(k.id == task.id, k.effect == task.effect)
                conn.execute(shown.values(board_state=task.state.value))
        return found[-1] if len(found) == BOARD_ROWS else ""


def reread_work(table: str, cause: str, *, first: bool = False) -> Work:
    """Read a whole table of the base; ``first``: only if it was never read. In line with its pulls."""
    return Work("rules.reread", f"reread:{table}:{cause}", f"table:{table}", {"table": table, "first": first})


def _alert_row(alert: Alert, entry: Entry | None) -> Values:
    rule = entry.rule if entry else None
    state = STATE_ZH[State.RESOLVED] if alert.state is State.OK else state_words(alert)[0]
    return {
        "alert_id": str(alert.id),
        "title": alert.title,
        "rule": entry.name if entry else "",
        "state": state,
        "severity": alert.severity.value,
        "value": metric_text(alert.value, rule.metric.unit) if rule else "",
        "limit": limit_text(rule, alert.limit) if rule and alert.limit is not None else "",
        "sentence": reason_text(alert)[0],
        "owner": alert.owners or EMPTY,
        "fired_at": alert.fired_at or EMPTY,
        "acked_by": (alert.acked_by,) if alert.acked_by else EMPTY,
        "resolved_at": alert.resolved_at or EMPTY,
        "episode": Decimal(alert.episode),
    }


def _task_row(task: Task) -> Values:
    def written(amount: Any) -> CellValue:
        if amount is None or task.kind is Action.PAUSE:
            return EMPTY
        return f"¥{amount:,f}" if task.kind is Action.ADJUST else f"{amount:f} 件"

    people: tuple[Person, ...] = (task.asked_by,)
    return {
        "task_id": str(task.id),
        "kind": task.kind.value,
        "title": task.title,
        "state": task.state.value,
        "amount": written(task.amount),
        "before": written(task.before),
        "after": written(task.after),
        "asked_by": people,
        "asked_at": task.asked_at,
        "done_at": task.done_at or EMPTY,
        "result": task.result or EMPTY,
        "effect": task.effect or EMPTY,
        "alert_id": str(task.alert_id),
    }
