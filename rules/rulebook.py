"""The rules in force: the rows of 预警规则, read, checked and versioned. SQL in the caller's transaction.

A row that becomes invalid keeps its last good version in force; its 启用 box is obeyed all the same, so that
a person can always stop a rule, whatever else is wrong with it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bitable_sync.mirror import Row
from bitable_sync.tables import BOUND_FIELDS
from rules import tables as t
from rules.metrics import Catalog
from rules.model import Problem, Rule
from rules.parse import RuleText, parse, read_row
from rules.store import insert_many, upsert
from runtime.ids import RuleId


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the rule table as Chorus understands it.

    Attributes:
        rule: the version in force (``enabled`` as the row says now), or None if it never was valid.
        problems: what is wrong with the row now; empty when valid.
        version: number of the last good version; 0 if there never was one.
        deleted: the row is gone.
    """

    rule_id: RuleId
    rule: Rule | None
    problems: tuple[Problem, ...]
    version: int
    deleted: bool = False
    name: str = ""


Renamed = Mapping[str, Mapping[str, str]]
"""Name of a data table → (name people gave a column → field key)."""


def renamed_columns(conn: Connection, catalog: Catalog) -> Renamed:
    """The columns of the data tables that people call otherwise than setup did."""
    f, found = BOUND_FIELDS, dict[str, dict[str, str]]()
    for table, words in catalog.tables.items():
        first = {field.key: field.name for field in words.spec.fields}
        query = sa.select(f.c.field_key, f.c.name).where(f.c.table_key == words.spec.key)
        rows = conn.execute(query)
        found[table] = {row.name: row.field_key for row in rows if first.get(row.field_key) != row.name}
    return found


def read_entry(
    row: Row, before: Entry | None, good: RuleText | None, catalog: Catalog, renamed: Renamed | None = None
) -> tuple[Entry, RuleText | None]:
    """Read one row (pure): the entry now and the text that is in force."""
    rule_id = RuleId(row.record_id)
    version = before.version if before else 0
    text = read_row(row.values)
    if isinstance(text, list):
        rule = _in_force(rule_id, good, row.values.get("enabled") is True, catalog)
        return Entry(rule_id, rule, tuple(text), version, name=good.name if good else ""), good
    text = text.calling((renamed or {}).get(text.table, {}))
    parsed = parse(rule_id, text, catalog)
    if isinstance(parsed, Rule):
        newer = version + (text != good)
        return Entry(rule_id, parsed, (), newer, name=text.name), text
    rule = _in_force(rule_id, good, text.enabled, catalog)
    return Entry(rule_id, rule, tuple(parsed), version, name=text.name), good


def _in_force(rule_id: RuleId, good: RuleText | None, enabled: bool, catalog: Catalog) -> Rule | None:
    if good is None:
        return None
    parsed = parse(rule_id, replace(good, enabled=enabled), catalog)
    return parsed if isinstance(parsed, Rule) else None


def blank(row: Row) -> bool:
    """Whether nobody has written anything into the row yet."""
    text = read_row(row.values)
    return text == RuleText(enabled=text.enabled) if isinstance(text, RuleText) else False


def load_entries(conn: Connection, catalog: Catalog) -> dict[RuleId, tuple[Entry, RuleText | None]]:
    """All rules known, with the text in force; deleted ones left out."""
    rows = conn.execute(sa.select(t.rule_rows).where(t.rule_rows.c.deleted_at.is_(None)))
    return {RuleId(row.rule_id): _entry(row, catalog) for row in rows}


def load_entry(conn: Connection, rule_id: str, catalog: Catalog) -> Entry | None:
    """One rule, also a deleted one (its cards still need its words)."""
    row = conn.execute(sa.select(t.rule_rows).where(t.rule_rows.c.rule_id == rule_id)).first()
    return None if row is None else _entry(row, catalog)[0]


def _entry(row: Any, catalog: Catalog) -> tuple[Entry, RuleText | None]:
    good = None if row.good is None else RuleText.from_json(row.good)
    rule = _in_force(RuleId(row.rule_id), good, row.enabled, catalog)
    problems = tuple(Problem(column, sentence) for column, sentence in row.problems)
    name = good.name if good else ""
    return Entry(RuleId(row.rule_id), rule, problems, row.version, row.deleted_at is not None, name), good


def save_entry(conn: Connection, entry: Entry, good: RuleText | None, at: datetime, *, newer: bool) -> None:
    """Write a rule as it is understood now; ``newer`` adds its text to the versions.

    The sentence of 校验结果 is left as it stands: another check may have decided it since the entry was read.
    """
    r = t.rule_rows
    row: dict[str, Any] = {
        "good": None if good is None else good.to_json(),
        "version": entry.version,
        "enabled": entry.rule.enabled if entry.rule else False,
        "problems": [[problem.column, problem.sentence] for problem in entry.problems],
        "deleted_at": at if entry.deleted else None,
    }
    insert_many(conn, r, [{"rule_id": entry.rule_id, **row, "verdict": "", "marks": 0}])
    conn.execute(sa.update(r).where(r.c.rule_id == entry.rule_id).values(**row))
    if newer and good is not None:
        upsert(
            conn,
            t.rule_versions,
            [{"rule_id": entry.rule_id, "version": entry.version, "at": at, "body": good.to_json()}],
        )


def next_mark(conn: Connection, rule_id: RuleId, verdict: str | None, at: datetime) -> int:
    """Decide a new sentence for 校验结果; returns its number, so that writing it is a work of its own.

    ``verdict``: None leaves the sentence to whoever decided it, also in a transaction that goes on now.
    """
    r = t.rule_rows
    said = {} if verdict is None else {"verdict": verdict}
    conn.execute(sa.update(r).where(r.c.rule_id == rule_id).values(marks=r.c.marks + 1, marked_at=at, **said))
    return int(conn.execute(sa.select(r.c.marks).where(r.c.rule_id == rule_id)).scalar_one())


def verdicts(conn: Connection, rule_ids: Sequence[str]) -> Mapping[str, tuple[str, datetime | None]]:
    """Rule id → (sentence decided for 校验结果, when)."""
    r = t.rule_rows
    rows = conn.execute(sa.select(r.c.rule_id, r.c.verdict, r.c.marked_at).where(r.c.rule_id.in_(rule_ids)))
    return {row.rule_id: (row.verdict, row.marked_at) for row in rows}


def in_words(problems: Iterable[Problem], *, kept: bool) -> str:
    """What is wrong with a row, for 校验结果; says whether the last good version stays in force."""
    said = "；".join(f"【{problem.column}】{problem.sentence}" for problem in problems)
    tail = "。上一个有效版本继续生效" if kept else "。这条规则还没有生效"
    return f"无效：{said}{tail}"
