"""The wording check with the company's own words: the built-in list, extended by the table 文案词库."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy.engine import Connection

from bitable_sync.cells import CellValue
from bitable_sync.mirror import Row
from creative import shelf
from creative.intake import Judgement
from creative.model import Brief
from creative.shelf import Checked
from creative.specs import WORDS
from creative.studio.formats import FORMATS
from creative.wording.book import WordBook, builtin_book
from creative.wording.check import check
from creative.wording.explain import explain
from creative.wording.model import PACKS, Pack, Report
from creative.wording.rows import parse_rows

KEPT = ("word", "verdict", "category", "clause", "suggestion", "contexts", "enabled")


def check_words(rows: Sequence[Row]) -> list[Checked]:
    """Look at the rows of 文案词库; a good row is kept as it stands there."""
    filled = [row for row in rows if row.values.get("word") or row.values.get("verdict")]
    _book, problems = parse_rows([row.values for row in filled])
    found = []
    for index, row in enumerate(filled):
        if index in problems:
            found.append(Checked(row.record_id, "；".join(problems[index]), None))
        elif row.values.get("enabled") is True:
            found.append(Checked(row.record_id, "已生效", _kept(row.values)))
        else:
            found.append(Checked(row.record_id, "未启用", {}))
    return found


def judge(conn: Connection, brief: Brief) -> Judgement:
    """Check everything of a brief that becomes letters.

    Args:
        conn: any transaction; the words in force are read in it.
        brief: what was asked for.
    """
    brand = brief.brand
    book = load_book(conn, tuple(sorted({PACKS[each] for each in brand.industries})))
    channels = {FORMATS[each].channel for each in brief.formats}
    written = {field: text for field, text in brief.copy.texts().items() if text}
    report = check(written, book, evidence=brief.evidence, names=brand.names, channels=channels)
    return Judgement("" if report.passed else explain(report), _record(report), report.footnote)


def load_book(conn: Connection, packs: tuple[Pack, ...] = ()) -> WordBook:
    """The words in force for goods of some industries."""
    rows = [dict(good) for good in shelf.good_rows(conn, WORDS) if good]
    return _book(json.dumps(rows, ensure_ascii=False, sort_keys=True), packs)


@lru_cache(maxsize=16)
def _book(rows: str, packs: tuple[Pack, ...]) -> WordBook:
    """A book takes a moment to build, so the last ones are kept."""
    return parse_rows(json.loads(rows), builtin_book(packs))[0]


def _kept(values: Mapping[str, CellValue]) -> dict[str, Any]:
    plain = {key: values.get(key) for key in KEPT if key in values}
    return {key: value if isinstance(value, bool) else str(value) for key, value in plain.items() if value}


def _record(report: Report) -> dict[str, Any]:
    """What is kept with a version, for provenance."""
    return {
        "verdict": report.verdict.value,
        "rules": report.version,
        "proven": [each.quote for each in report.findings if each.satisfied],
        "exempt": [f"{each.quote}：{each.reason}" for each in report.exemptions],
    }
