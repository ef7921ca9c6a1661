"""Schema drift: people rename, delete and retype columns.

A pure comparison, and the list of what to tell them.

A rename is no problem (columns are bound by id). A deleted or retyped column is told in words and left
alone by writes; every other column goes on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from bitable_sync.spec import TableSpec
from bitable_sync.tables import FINDINGS
from bitable_sync.wire_fields import TYPE, compatible, option_names, words
from runtime.db import Database

State = Literal["ok", "missing", "retyped"]
KINDS = ("drift", "conflict", "mass_delete")


@dataclass(frozen=True, slots=True)
class BoundField:
    """A column as it stands in Feishu now.

    ``name`` is what people call it today, ``type`` the wire number.
    """

    key: str
    field_id: str
    name: str
    type: int
    options: tuple[str, ...] = ()
    state: State = "ok"


@dataclass(frozen=True, slots=True)
class DriftFinding:
    """Something about a table that people should know; ``field`` is the subject within the table."""

    table: str
    field: str
    sentence: str
    kind: str = "drift"


def compare(
    spec: TableSpec, table_name: str, bound: Mapping[str, BoundField], live: Sequence[Mapping[str, Any]]
) -> tuple[dict[str, BoundField], list[DriftFinding]]:
    """Bring the bindings up to date with the live columns.

    Args:
        spec: what the table should be.
        table_name: what people call the table.
        bound: the bindings so far, by field key.
        live: items of the field list (``field_id``, ``field_name``, ``type``, ``property``).

    Returns:
        The new bindings, and a finding for each column that is gone, has another type, or was never bound.
    """
    by_id = {str(item["field_id"]): item for item in live}
    fresh: dict[str, BoundField] = {}
    findings: list[DriftFinding] = []
    for field in spec.fields:
        old = bound.get(field.key)
        item = by_id.get(old.field_id) if old else None
        if old is None or item is None:
            findings.append(
                DriftFinding(spec.key, field.key, _missing(table_name, old.name if old else field.name))
            )
            if old is not None:
                fresh[field.key] = replace(old, state="missing")
            continue
        now = BoundField(
            field.key, old.field_id, str(item["field_name"]), int(item["type"]), tuple(option_names(item))
        )
        if not compatible(field.kind, now.type):
            now = replace(now, state="retyped")
            findings.append(
                DriftFinding(spec.key, field.key, _retyped(table_name, now, words(TYPE[field.kind])))
            )
        fresh[field.key] = now
    return fresh, findings


def _missing(table: str, name: str) -> str:
    return f"表「{table}」缺少列「{name}」：请从回收站恢复它，或运行 chorus setup 重新创建；其他列照常同步"


def _retyped(table: str, field: BoundField, wanted: str) -> str:
    return (
        f"表「{table}」的列「{field.name}」应为{wanted}，现在是{words(field.type)}：请把类型改回{wanted}；"
        "在此之前不会写入这一列，其他列照常同步"
    )


@dataclass(frozen=True, slots=True)
class Finding:
    """A stored finding with its time, as doctor shows it."""

    table: str
    kind: str
    subject: str
    sentence: str
    since: datetime
    told: bool


class Findings:
    """The durable list of what people must settle.

    Shown by doctor and written into the base (``telling.py``).
    """

    def __init__(self, db: Database) -> None:
        self.db = db

    def replace(self, table: str, kind: str, found: Sequence[DriftFinding], now: datetime) -> None:
        """Make ``found`` the complete list of this kind for the table.

        New ones are added, settled ones dropped.
        """
        with self.db.begin() as conn:
            gone = sa.and_(FINDINGS.c.table_key == table, FINDINGS.c.kind == kind)
            subjects = [item.field for item in found]
            conn.execute(sa.delete(FINDINGS).where(gone, FINDINGS.c.subject.not_in(subjects)))
            for item in found:
                insert = self.db.insert(FINDINGS).values(
                    table_key=table, kind=kind, subject=item.field, sentence=item.sentence, since=now
                )
                changed = FINDINGS.c.sentence != insert.excluded.sentence
                conn.execute(
                    insert.on_conflict_do_update(
                        index_elements=[FINDINGS.c.table_key, FINDINGS.c.kind, FINDINGS.c.subject],
                        set_={
                            "sentence": insert.excluded.sentence,
                            "told_at": sa.case((changed, sa.null()), else_=FINDINGS.c.told_at),
                        },
                    )
                )

    def add(self, finding: DriftFinding, now: datetime) -> None:
        """Add one finding, or renew its sentence; those of other subjects stay."""
        others = [
            DriftFinding(f.table, f.subject, f.sentence, f.kind)
            for f in self.all(finding.table)
            if f.kind == finding.kind and f.subject != finding.field
        ]
        self.replace(finding.table, finding.kind, [*others, finding], now)

    def all(self, table: str | None = None) -> list[Finding]:
        """Everything unsettled, oldest first."""
        query = sa.select(FINDINGS).order_by(FINDINGS.c.since, FINDINGS.c.table_key, FINDINGS.c.subject)
        if table is not None:
            query = query.where(FINDINGS.c.table_key == table)
        with self.db.read() as conn:
            return [
                Finding(r.table_key, r.kind, r.subject, r.sentence, r.since, r.told_at is not None)
                for r in conn.execute(query)
            ]

    def told(self, finding: Finding, now: datetime) -> None:
        """Remember that the finding stands in the base for people to see."""
        with self.db.begin() as conn:
            conn.execute(
                sa.update(FINDINGS)
                .where(
                    FINDINGS.c.table_key == finding.table,
                    FINDINGS.c.kind == finding.kind,
                    FINDINGS.c.subject == finding.subject,
                )
                .values(told_at=now)
            )
