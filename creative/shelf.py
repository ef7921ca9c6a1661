"""Brands and layouts as people keep them in Bitable, checked row by row; the last good one is in force."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy.engine import Connection

from bitable_sync.cells import Attachment, CellValue, Person, Unreadable
from bitable_sync.mirror import Row
from creative.brief import Shelf
from creative.model import BrandRules, PhotoRef
from creative.specs import BRANDS, BRANDS_TABLE, TEMPLATES
from creative.studio.layout import Template, TemplateError, defaults, read_template
from creative.tables import checks
from creative.wording.model import PACKS
from runtime.db import Database

COLOURS = ("primary", "secondary", "accent", "ink", "paper")
_HEX = re.compile(r"#?([0-9A-Fa-f]{6})")
_BRAND = TypeAdapter(BrandRules)

Values = Mapping[str, CellValue]


@dataclass(frozen=True, slots=True)
class Checked:
    """A row that was looked at: what it says now in 校验结果, and what it means if it is good."""

    record_id: str
    sentence: str
    good: Mapping[str, Any] | None


def check_brand(values: Values) -> BrandRules | tuple[str, ...]:
    """Read a row of 品牌规范, or say what is wrong with it."""
    name, faults = _text(values, "name"), _unreadable(values)
    if not name and not faults:
        return ("“品牌”不能为空",)
    colours: dict[str, str] = {}
    for key in COLOURS:
        given = _text(values, key)
        found = _HEX.fullmatch(given)
        if found:
            colours[key] = f"#{found[1].upper()}"
        elif given:
            faults.append(f"“{BRANDS_TABLE.field(key).name}”要写成 #RRGGBB，如 #1F3A5F，现在是“{given[:20]}”")
    safe = values.get("safe")
    share = float(safe) if isinstance(safe, Decimal) else 0.05
    if not 0.02 <= share <= 0.2:
        faults.append(f"“留白”要在 2% 到 20% 之间，现在是 {share:.0%}")
    owner = values.get("owner")
    owners = [each.open_id for each in owner if isinstance(each, Person)] if isinstance(owner, tuple) else []
    chosen = values.get("industries")
    industries = tuple(map(str, chosen)) if isinstance(chosen, tuple) else ()
    strange = [each for each in industries if each not in PACKS]
    if strange:
        faults.append(f"“行业”里没有“{strange[0]}”；可以选：{'、'.join(PACKS)}")
    if faults:
        return tuple(faults)
    names = tuple(part.strip() for part in re.split(r"[、,，;；\n]", _text(values, "names")) if part.strip())
    return BrandRules(
        name, colours, _file(values, "logo"), _file(values, "logo_dark"), _text(values, "tone"),
        _text(values, "wanted"), _text(values, "unwanted"), (name, *names), share, tuple(owners), industries,
    )  # fmt: skip


def _unreadable(values: Values) -> list[str]:
    """A sentence for every cell of 品牌规范 nobody can read: the column was retyped."""
    return [
        f"“{field.name}”读不出来：{cell.reason}"
        for field in BRANDS_TABLE.fields
        if isinstance(cell := values.get(field.key), Unreadable)
    ]


def check_rows(table: str, rows: Sequence[Row], in_force: Collection[str] = ()) -> list[Checked]:
    """Look at rows of 品牌规范 or 模板. A name that stands twice is good in one row only.

    Args:
        table: whose rows.
        rows: in any order.
        in_force: ids of rows that are good already; of two with one name they keep it.
    """
    seen: set[str] = set()
    found = []
    for row in sorted(rows, key=lambda row: row.record_id not in in_force):
        name = _text(row.values, "name")
        if not name and not any(row.values.get(key) for key in ("primary", "layout", "logo")):
            continue
        checked = _check(table, row)
        if checked.good is not None and name in seen:
            checked = Checked(row.record_id, f"“{name}”在另一行里已经有了；请改名或删掉一行", None)
        seen.add(name)
        found.append(checked)
    return found


def keep(db: Database, conn: Connection, table: str, found: Sequence[Checked], *, whole: bool) -> list[str]:
    """Remember what was found; ids of the rows whose 校验结果 must be written.

    A row that became wrong keeps its last good meaning in force, and says so.

    Args:
        db: for its dialect.
        conn: the caller's write transaction.
        table: whose rows.
        found: what was found of each row.
        whole: these are all rows there are; what is not among them was deleted and is no longer in force.
    """
    query = sa.select(checks.c.record_id, checks.c.sentence, checks.c.good).where(checks.c.table == table)
    known = {record_id: (sentence, good) for record_id, sentence, good in conn.execute(query)}
    changed = []
    for each in found:
        before, good_before = known.pop(each.record_id, ("", None))
        good, sentence = each.good, each.sentence
        if good is None and good_before is not None:
            good, sentence = good_before, f"{sentence}；暂时仍按上一次正确的内容使用"
        if sentence != before or good != good_before:
            values = {"table": table, "record_id": each.record_id, "sentence": sentence, "good": good}
            insert = db.insert(checks).values(values)
            change = {"sentence": sentence, "good": good}
            conn.execute(insert.on_conflict_do_update(index_elements=["table", "record_id"], set_=change))
        if sentence != before:
            changed.append(each.record_id)
    for gone in known if whole else ():
        conn.execute(checks.delete().where(checks.c.table == table, checks.c.record_id == gone))
    return changed


def sentence_of(conn: Connection, table: str, record_id: str) -> str:
    """What 校验结果 of a row should say."""
    query = sa.select(checks.c.sentence).where(checks.c.table == table, checks.c.record_id == record_id)
    return str(conn.execute(query).scalar_one_or_none() or "")


def load_shelf(conn: Connection) -> Shelf:
    """Brands and layouts in force; the layouts that come with the product are always there."""
    brands = {}
    for good in good_rows(conn, BRANDS):
        rules = _BRAND.validate_python(good)
        brands[rules.name] = rules
    layouts: dict[str, Mapping[str, Any]] = {each.name: _data(each) for each in defaults().values()}
    layouts |= {str(good["name"]): good["layout"] for good in good_rows(conn, TEMPLATES)}
    return Shelf(brands, layouts)


def in_force(conn: Connection, table: str) -> set[str]:
    """Ids of the rows of a table that are in force."""
    query = sa.select(checks.c.record_id).where(checks.c.table == table, checks.c.good.is_not(None))
    return set(conn.execute(query).scalars())


def good_rows(conn: Connection, table: str) -> list[Mapping[str, Any]]:
    """What is in force of a table, in the order of its rows' ids."""
    query = sa.select(checks.c.good).where(checks.c.table == table, checks.c.good.is_not(None))
    return list(conn.execute(query.order_by(checks.c.record_id)).scalars())


def _check(table: str, row: Row) -> Checked:
    check: Callable[[Row], Checked] = _brand if table == BRANDS else _layout
    return check(row)


def _brand(row: Row) -> Checked:
    found = check_brand(row.values)
    if isinstance(found, tuple):
        return Checked(row.record_id, "；".join(found), None)
    return Checked(row.record_id, "可用", _BRAND.dump_python(found, mode="json"))


def _layout(row: Row) -> Checked:
    name, text = _text(row.values, "name"), _text(row.values, "layout")
    if not name:
        return Checked(row.record_id, "“模板”不能为空", None)
    if not row.values.get("enabled"):
        return Checked(row.record_id, "未启用", None)
    try:
        template = read_template(text).model_copy(update={"name": name})
    except TemplateError as error:
        return Checked(row.record_id, str(error), None)
    return Checked(row.record_id, "可用", {"name": name, "layout": _data(template)})


def _data(template: Template) -> dict[str, Any]:
    return template.model_dump(mode="json")


def _text(values: Values, key: str) -> str:
    value = values.get(key)
    return value.strip() if isinstance(value, str) else ""


def _file(values: Values, key: str) -> PhotoRef | None:
    value = values.get(key)
    files = [each for each in value if isinstance(each, Attachment)] if isinstance(value, tuple) else []
    return PhotoRef(files[0].file_token, files[0].name, files[0].size) if files else None
