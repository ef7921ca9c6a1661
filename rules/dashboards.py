"""The tables dashboards are built on, 经营日汇总 and 经营时段: brought to what the pulls kept.

Every change of a day's figures gives the day a turn (``cockpit_due``, in the transaction of the facts). The
job writes the days whose turn the tables do not show yet, only cells that differ, and notes the turn then.
So a kill, a second worker or a base that does not answer costs a repeated look and never a lost change.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any, Final

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection

from bitable_sync.diff import differing
from bitable_sync.mirror import Row
from rules.cockpit import store as kept
from rules.cockpit import tables as t
from rules.cockpit import totals
from rules.cockpit.model import Scope
from rules.deps import Worker
from rules.sources import Values
from rules.specs import DAY_TOTALS, HOUR_TOTALS
from runtime.clock import day_of
from runtime.errors import ChorusError
from runtime.jobrun import JobRun
from runtime.work import Work

JOB: Final = "rules.totals"
BEAT: Final = timedelta(minutes=10)
"""The tables are written at most once in this time."""
IDLE: Final = timedelta(hours=1)
"""A new 数据时间 alone is worth a write after this time."""
DAYS_AT_ONCE: Final = 40

_OURS = re.compile(r"\d{4}-\d\d-\d\d ")
"""How every 编号 of ours begins."""

_log = structlog.get_logger("rules.dashboards")


def totals_work(now: datetime) -> Work:
    """Bring the tables of totals up to date: one work a beat, it begins when the beat is over."""
    beat = int(now.timestamp() // BEAT.total_seconds())
    return Work(JOB, f"totals:{beat}", f"table:{DAY_TOTALS}", {}, delay=BEAT)


class Dashboards:
    """The job ``rules.totals``."""

    def __init__(self, deps: Worker) -> None:
        self.deps = deps

    def write(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """Write every day that is due, the newest first.

        A base that does not answer, or that has not got the tables yet, is logged: the days stay due.
        """
        del args
        try:
            for part in count():
                written = run.attempt(f"write:{part}", lambda: self.bring_up(str(run.id)), tries=4)
                if written < DAYS_AT_ONCE:
                    return
        except ChorusError as error:
            _log.warning("totals.not_written", error=str(error))

    def bring_up(self, cause: str) -> int:
        """Write the newest days that are due, a few at a time; gives how many. Safe to repeat."""
        d, limits = t.due.c, self.deps.metrics
        query = sa.select(d.day, d.turn).where(d.turn > d.written).order_by(d.day.desc())
        with self.deps.db.read() as conn:
            turns = {row.day: row.turn for row in conn.execute(query.limit(DAYS_AT_ONCE))}
            rows = [row for day in turns for row in self._days(conn, day)]
            hours = [row for day in turns for row in self._hours(conn, day)]
        if self._upsert(DAY_TOTALS, rows, cause):
            self._trim(DAY_TOTALS, self._oldest(limits.days))
        if self._upsert(HOUR_TOTALS, hours, cause):
            self._trim(HOUR_TOTALS, self._oldest(limits.hour_days))
        with self.deps.db.begin() as conn:
            for day, turn in turns.items():
                shown = sa.update(t.due).where(d.day == day, d.written < turn)
                conn.execute(shown.values(written=turn))
        return len(turns)

    def _oldest(self, days: int) -> date:
        return day_of(self.deps.clock.now()) - timedelta(days=days - 1)

    def _days(self, conn: Connection, day: date) -> list[Values]:
        if day < self._oldest(self.deps.metrics.days):
            return []
        pulled = {table: at for table, (at, _) in kept.pulls(conn).items()}
        over = day < day_of(self.deps.clock.now())
        moments = totals.moments(conn, day, None if over else pulled)
        shops = kept.shop_days(conn, Scope(), day, day)
        return totals.day_rows(day, shops, kept.stock_counts(conn, day, until=day), moments)

    def _hours(self, conn: Connection, day: date) -> list[Values]:
        if day < self._oldest(self.deps.metrics.hour_days):
            return []
        return totals.hour_rows(day, totals.samples(conn, day))

    def _upsert(self, table: str, rows: Sequence[Values], cause: str) -> bool:
        """Write what is worth it; says whether there are rows that were not there before."""
        known = self.deps.sync.mirror.by_keys(table, [str(row["id"]) for row in rows])
        due = [row for row in rows if _worth(row, known.get(str(row["id"]), ()))]
        return bool(due) and bool(self.deps.sync.pusher.upsert(table, due, cause=cause).created)

    def _trim(self, table: str, oldest: date) -> None:
        """Remove our rows from before the oldest day the manifest wants kept; what people made stays."""
        ids = {row.record_id: str(row.values["id"]) for row in self.deps.sync.mirror.rows(table)}
        old = [record for record, said in ids.items() if _OURS.match(said) and said[:10] < str(oldest)]
        self.deps.sync.pusher.remove(table, old)


def _worth(row: Values, known: Sequence[Row]) -> bool:
    """Whether a row says something new; a new time alone does so after `IDLE`."""
    if not known:
        return True
    old, at = known[0].values, row["synced_at"]
    if differing(old, {key: value for key, value in row.items() if key != "synced_at"}):
        return True
    before = old["synced_at"]
    return isinstance(at, datetime) and not (isinstance(before, datetime) and at - before < IDLE)
