"""Whose numbers are too old to judge by: one connection's, never a whole table's because of it.

Each row of a data table names the connection its numbers came from (数据来源). A row that names none, because
a person typed it or it was written before connections were noted, stands and falls with the table: it is as
old as the oldest of the table's connections. Pure but for the functions that take a database connection.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bitable_sync.cells import EMPTY, CellValue
from rules import store
from rules import tables as t
from rules.model import Doubt, State
from rules.sources import source_of
from rules.specs import SOURCE
from rules.wording import clock_time


@dataclass(frozen=True, slots=True)
class SourceState:
    """How a source of numbers stands.

    Attributes:
        table: key of the data table.
        connection: its name; "" for the table as a whole.
        pulled_at: the last good pull (of a whole table: of the connection that is furthest behind).
        first_at: when it was first asked.
        error: what went wrong since the last good pull.
        connected: whether the last pull of the table asked it; not once it is taken out of the manifest.
    """

    table: str
    connection: str
    pulled_at: datetime | None
    first_at: datetime | None
    error: str
    connected: bool = True

    @property
    def since(self) -> datetime | None:
        """From when on there are no newer numbers; None for what nobody has asked yet."""
        return self.pulled_at or self.first_at

    def too_old(self, limit: timedelta | None, now: datetime) -> bool:
        """Whether nothing may be judged by its numbers. What never once answered grows old as well."""
        return limit is not None and self.since is not None and now - self.since > limit

    def sentence(self, name: str) -> str:
        """Why a row is not judged. ``name``: of the table."""
        of = f"的连接 {self.connection} " if self.connection else ""
        if not self.connected:
            return f"“{name}”{of}已不在配置里，它的数字不再更新，暂不判断"
        since = clock_time(self.since) if self.since else "开始"
        said = "起没有新数据" if self.pulled_at else "接入起从未取到数据"
        why = f"（{self.error}）" if self.error else ""
        return f"“{name}”{of}自 {since} {said}{why}，暂不判断"


@dataclass(frozen=True, slots=True)
class Freshness:
    """What of a table may not be judged now, as sentences; "" where nothing is in the way.

    Attributes:
        others: of rows that name no connection we know.
        by_source: of the rows of each connection.
        missing: of single objects that their platform stopped listing together with many others.
    """

    others: str = ""
    by_source: Mapping[str, str] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)

    @property
    def doubts(self) -> bool:
        """Whether any row may be in doubt; while none is, nobody looks at 数据来源."""
        return bool(self.others or self.missing or any(self.by_source.values()))

    def of_cell(self, cell: CellValue) -> str:
        """What is in the way of a row with this in 数据来源."""
        return self.by_source.get(source_of(cell), self.others)

    def of_row(self, object_id: str, values: Mapping[str, CellValue]) -> str:
        """What is in the way of a row."""
        if not self.doubts:
            return ""
        return self.missing.get(object_id) or self.of_cell(values.get(SOURCE, EMPTY))


FRESH = Freshness()
"""Nothing is in doubt."""


def freshness(
    states: Iterable[SourceState],
    missing: Mapping[str, str],
    name: str,
    limit: timedelta | None,
    now: datetime,
) -> Freshness:
    """What of a table may be judged. Pure.

    Args:
        states: of the table and of its connections.
        missing: objects in doubt → the connection that no longer lists them.
        name: the table's Chinese name.
        limit: how old numbers may be; None = any age.
        now: aware time.
    """
    said = {each.connection: each.sentence(name) if each.too_old(limit, now) else "" for each in states}
    others = said.pop("", "")
    return Freshness(others, said, {key: missing_sentence(source) for key, source in missing.items()})


def missing_sentence(connection: str) -> str:
    """Why an object that its platform no longer lists is not judged."""
    by = f"连接 {connection} " if connection else "平台"
    return f"{by}一次少了很多对象，这个也在其中；有人确认删除之前不当作已删除，也不判断"


def stale_sources(
    states: Iterable[SourceState], limits: Mapping[str, timedelta], now: datetime
) -> list[SourceState]:
    """The connected sources that are too old; a table itself where no connection of it is known. Pure."""
    known = [each for each in states if each.connected]
    named = {each.table for each in known if each.connection}
    return [
        each
        for each in known
        if each.too_old(limits.get(each.table), now) and (each.connection or each.table not in named)
    ]


def load_states(conn: Connection, table: str | None = None) -> list[SourceState]:
    """How every source stands, or those of one data table."""
    s = t.data_sources
    query = sa.select(s).order_by(s.c.table)
    if table is not None:
        query = query.where(sa.or_(s.c.table == table, s.c.table.startswith(f"{table}/", autoescape=True)))
    rows = conn.execute(query).all()
    last = {row.table: row.tried_at for row in rows}
    found = []
    for row in rows:
        key, _, connection = row.table.partition("/")
        asked = last.get(key)
        connected = asked is None or (row.tried_at is not None and row.tried_at >= asked)
        begun = row.first_at or row.tried_at
        found.append(SourceState(key, connection, row.pulled_at, begun, row.error, connected))
    return found


def load_freshness(
    conn: Connection, table: str, name: str, limit: timedelta | None, now: datetime
) -> Freshness:
    """What of a table may be judged now; see `freshness`."""
    return freshness(load_states(conn, table), load_missing(conn, table), name, limit, now)


def note_table(conn: Connection, table: str, connections: Collection[str], at: datetime, error: str) -> None:
    """Record a pull of a whole table, after those of its connections: it is as old as the oldest of them.

    While one of them never brought anything, the table keeps the time it had.
    """
    row: dict[str, Any] = {"table": table, "tried_at": at, "error": error[: store.ERROR_LENGTH]}
    s, names = t.data_sources.c, [f"{table}/{name}" for name in connections]
    known = list(conn.execute(sa.select(s.pulled_at).where(s.table.in_(names))).scalars())
    if len(known) == len(names) and None not in known:
        row["pulled_at"] = min(known, default=at)
    store.keep_source(conn, row)


def load_missing(conn: Connection, table: str) -> dict[str, str]:
    """Object id → the connection that stopped listing it; those a person has not confirmed."""
    m = t.missing_objects.c
    query = sa.select(m.object_id, m.connection).where(m.table == table, m.confirmed_at.is_(None))
    return {row.object_id: row.connection for row in conn.execute(query)}


def stale_objects(conn: Connection, table: str) -> list[str]:
    """The object of every alert of a table that cannot be judged because its numbers are too old."""
    a = t.alerts.c
    query = sa.select(a.object_id).where(a.table == table, a.state == State.UNKNOWN, a.doubt == Doubt.STALE)
    return list(conn.execute(query).scalars())
