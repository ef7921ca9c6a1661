"""Verbs that change what a base is made of: bases, tables, fields, views, forms.

Source: bitable-v1 app, app-table, app-table-field and app-table-view pages (Feishu docs, 2025); the blank
rows of a new base's default table were seen live (openclaw-lark notes).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sandbox import bitable_fields as f
from sandbox import bitable_model as m
from sandbox.bitable_cells import Writing, number
from sandbox.bitable_errors import refuse
from sandbox.bitable_events import tell_field
from sandbox.bitable_formula import normalise
from sandbox.bitable_read import SHANGHAI, plain
from sandbox.bitable_state import BitableStore, serial

Body = Mapping[str, Any]
BLANK_ROWS = 10
_BAD_NAME = re.compile(r"[/\\?*:\[\]]")
VIEW_TYPES = ("grid", "kanban", "gallery", "gantt", "form")


def create_base(store: BitableStore, name: str, owner: str, managers: set[str], **extra: str) -> m.Base:
    """A new base with its default table (four fields, blank rows)."""
    base = m.Base(
        store.world.ids.app_token(),
        name,
        extra.get("time_zone") or "Asia/Shanghai",
        owner,
        folder_token=extra.get("folder_token", ""),
        managers=set(managers),
        created=store.world.clock.time(),
    )
    store.bases[base.token] = base
    columns = [("文本", m.TEXT), ("单选", m.SELECT), ("日期", m.DATE), ("附件", m.ATTACHMENT)]
    table = create_table(store, base, "数据表", [{"field_name": n, "type": t} for n, t in columns], owner)
    base.default_table_id = table.id
    store.add_records(base, table, owner, [{} for _ in range(BLANK_ROWS)])
    return base


def check_table_name(base: m.Base, name: Any, own: m.Table | None = None) -> str:
    """A usable table name; 1254001 for a bad one, 1254013 for one that exists."""
    if not isinstance(name, str) or not 1 <= len(name.strip()) <= 100 or _BAD_NAME.search(name):
        raise refuse(1254001)
    if any(table.name == name and table is not own for table in base.tables.values()):
        raise refuse(1254013)
    return name


def create_table(
    store: BitableStore,
    base: m.Base,
    name: str,
    fields: Sequence[Body],
    operator: str,
    view_name: str = "表格",
) -> m.Table:
    """A table with these fields (the first is the index) and a grid view; all or nothing."""
    check_table_name(base, name)
    if len(base.tables) >= 100:
        raise refuse(1254100)
    if not 1 <= len(fields) <= 300:
        raise refuse(1254105 if fields else 1254001)
    if fields[0].get("type") not in m.INDEX_TYPES:
        raise refuse(1254012)
    table = m.Table(store.world.ids.table(), name)
    base.tables[table.id] = table
    try:
        for body in fields:
            add_field(store, base, table, body, operator, tell=False)
        # Formulas may name fields that come after them, so they are checked once all stand.
        for column in table.fields.values():
            if column.type == m.FORMULA:
                _compile(store, base, table, column)
    except Exception:
        del base.tables[table.id]
        raise
    add_view(store, table, view_name, "grid")
    base.revision += 1
    store.world.pulse.touch("bitable")
    return table


def _field_name(table: m.Table, name: Any, own: m.Field | None = None) -> str:
    if not isinstance(name, str) or not name.strip():
        raise refuse(1254028)
    if len(name) > 100:
        raise refuse(1254029)
    if any(column.name == name and column is not own for column in table.fields.values()):
        raise refuse(1254014)
    return name


def _description(body: Body) -> str:
    given = body.get("description")
    return str(given.get("text") or "") if isinstance(given, Mapping) else str(given or "")


def add_field(
    store: BitableStore, base: m.Base, table: m.Table, body: Body, operator: str, *, tell: bool = True
) -> m.Field:
    """Add a column from a create body; computed columns get their values at once."""
    kind = body.get("type")
    if not isinstance(kind, int) or kind in f.NOT_CREATABLE:
        raise refuse(1254001)
    if len(table.fields) >= 300:
        raise refuse(1254105)
    ui_type = f.ui_type_of(kind, body.get("ui_type"))
    name = _field_name(table, body.get("field_name"))
    column = m.Field(
        store.world.ids.field(),
        name,
        kind,
        ui_type,
        f.property_of(kind, ui_type, body.get("property")),
        description=_description(body),
        primary=not table.fields,
    )
    if kind in (m.SELECT, m.MULTI):
        column.options = f.options_of(kind, body.get("property"), [], store.world.ids.option)
    if kind in (m.LINK, m.DUPLEX):
        _connect(store, base, table, column, operator)
    if kind == m.FORMULA:
        formulas = sum(c.type == m.FORMULA for c in table.fields.values())
        if formulas >= 100:
            raise refuse(1254105)
    table.fields[column.id] = column
    if kind == m.FORMULA and tell:
        try:
            _compile(store, base, table, column)
        except Exception:
            del table.fields[column.id]
            raise
    _number_existing(base, table, column)
    table.revision += 1
    base.revision += 1
    store.world.pulse.touch("bitable")
    if tell:
        tell_field(store.world, base, table, operator, before=None, after=f.event_value(column, base))
    return column


def _number_existing(base: m.Base, table: m.Table, column: m.Field) -> None:
    if column.type == m.AUTO:
        for count, record in enumerate(table.live(), 1):
            record.cells[column.id] = serial(base, column, count, record.created_ms)
        table.next_number = len(table.records) + 1


def _compile(store: BitableStore, base: m.Base, table: m.Table, column: m.Field) -> None:
    spec = dict(column.props or {})

    def id_of(name: str) -> str | None:
        found = table.field_named(name)
        return found.id if found else None

    try:
        spec["formula_expression"] = normalise(spec.get("formula_expression", ""), table.id, id_of)
        column.props = spec
        store.compile(base, table, column)
    except ValueError as unclear:
        raise refuse(1254091) from unclear


def _connect(store: BitableStore, base: m.Base, table: m.Table, column: m.Field, operator: str) -> None:
    spec = dict(column.props or {})
    target = base.tables.get(spec["table_id"])
    if target is None:
        raise refuse(f.PROPERTY_CODE[column.type])
    column.props = spec
    if column.type != m.DUPLEX or spec.get("back_field_id"):
        return
    back = m.Field(
        store.world.ids.field(),
        _field_name(target, spec.get("back_field_name") or table.name),
        m.DUPLEX,
        "DuplexLink",
        {"multiple": True, "table_id": table.id, "back_field_id": column.id, "back_field_name": column.name},
    )
    target.fields[back.id] = back
    target.revision += 1
    spec |= {"back_field_id": back.id, "back_field_name": back.name}
    tell_field(store.world, base, target, operator, before=None, after=f.event_value(back, base))


def _wanted_field(store: BitableStore, table: m.Table, column: m.Field, body: Body) -> m.Field:
    """The column as a PUT body wants it: type is a must, a given property replaces the old one whole."""
    kind = body.get("type")
    if not isinstance(kind, int) or (kind in f.NOT_CREATABLE and kind != column.type):
        raise refuse(1254001)
    if column.primary and kind not in m.INDEX_TYPES:
        raise refuse(1254012)
    ui_type = f.ui_type_of(kind, body.get("ui_type") or (column.ui_type if kind == column.type else None))
    wanted = m.Field(column.id, column.name, kind, ui_type, primary=column.primary)
    wanted.name = _field_name(table, body["field_name"], column) if body.get("field_name") else column.name
    wanted.description = _description(body) if body.get("description") is not None else column.description
    given = body.get("property")
    if given is None and kind == column.type:
        wanted.props, wanted.options = column.props, column.options
        return wanted
    wanted.props = f.property_of(kind, ui_type, given)
    if kind in (m.SELECT, m.MULTI):
        keeps = given is None and column.type in (m.SELECT, m.MULTI)
        new_id = store.world.ids.option
        wanted.options = column.options if keeps else f.options_of(kind, given, column.options, new_id)
    old = column.props or {}
    if kind == column.type == m.DUPLEX and (wanted.props or {}).get("table_id") == old.get("table_id"):
        back: dict[str, Any] = {k: old[k] for k in ("back_field_id", "back_field_name") if k in old}
        wanted.props = {**(wanted.props or {}), **back}
    return wanted


def change_field(
    store: BitableStore, base: m.Base, table: m.Table, column: m.Field, body: Body, operator: str
) -> None:
    """Change a column as a PUT body says; cells are converted to a new type.

    Raises:
        BitableError: 1254606 when nothing would change.
    """
    wanted = _wanted_field(store, table, column, body)
    if wanted.type == m.FORMULA:
        _compile(store, base, table, wanted)
    before = f.event_value(column, base)
    if before == f.event_value(wanted, base) and wanted.ui_type == column.ui_type:
        raise refuse(1254606)
    if wanted.type in (m.LINK, m.DUPLEX) and wanted.props is not column.props:
        _connect(store, base, table, wanted, operator)
    if wanted.type != column.type:
        convert_cells(store, base, table, column, wanted)
    numbered = column.type == m.AUTO
    for name in ("name", "type", "ui_type", "props", "options", "description", "compiled"):
        setattr(column, name, getattr(wanted, name))
    _drop_lost_options(table, column)
    if not numbered:
        _number_existing(base, table, column)
    table.revision += 1
    base.revision += 1
    store.world.pulse.touch("bitable")
    tell_field(store.world, base, table, operator, before=before, after=f.event_value(column, base))


def _drop_lost_options(table: m.Table, column: m.Field) -> None:
    if column.type not in (m.SELECT, m.MULTI):
        return
    known = {option.id for option in column.options}
    for record in table.live():
        kept = record.cells.get(column.id)
        if kept is None:
            continue
        left = (
            (kept if kept in known else None)
            if column.type == m.SELECT
            else tuple(i for i in kept if i in known) or None
        )
        if left is None:
            del record.cells[column.id]
        else:
            record.cells[column.id] = left


def _as_number(text: str) -> float | int | None:
    try:
        return number(float(text.replace(",", "").rstrip("%"))) if text else None
    except ValueError:
        return None


def _as_date(text: str) -> int | None:
    for shape in ("%Y/%m/%d", "%Y-%m-%d", "%Y/%m/%d %H:%M", "%Y-%m-%d %H:%M"):
        try:
            return int(datetime.strptime(text, shape).replace(tzinfo=SHANGHAI).timestamp() * 1000)
        except ValueError:
            continue
    return None


def convert_cells(store: BitableStore, base: m.Base, table: m.Table, old: m.Field, new: m.Field) -> None:
    """Carry cells over to another type by what a person would read; what does not fit is cleared."""
    writing = Writing(store.world, base, table)
    names = {option.name: option.id for option in new.options}

    def choose(text: str) -> str:
        if text not in names:
            names[text] = store.world.ids.option()
            new.options.append(m.Option(names[text], text, (len(new.options)) % 55))
        return names[text]

    makers: dict[int, Callable[[str], Any]] = {
        m.TEXT: lambda text: text or None,
        m.PHONE: lambda text: text if re.fullmatch(r"\+?\d{1,64}", text) else None,
        m.NUMBER: _as_number,
        m.DATE: _as_date,
        m.CHECKBOX: lambda text: True if text.lower() in ("true", "1") else None,
        m.SELECT: lambda text: choose(text.split(",")[0]) if text else None,
        m.MULTI: lambda text: tuple(dict.fromkeys(choose(t) for t in text.split(",") if t)) or None,
        m.URL: lambda text: (text, text) if text else None,
    }
    make = makers.get(new.type)
    for record in table.live():
        text = plain(writing.world, old, record)
        record.cells.pop(old.id, None)
        value = make(text) if make else None
        if value is not None:
            record.cells[old.id] = value


def drop_field(store: BitableStore, base: m.Base, table: m.Table, column: m.Field, operator: str) -> None:
    """Delete a column and its cells; the index field cannot go (1254046)."""
    if column.primary:
        raise refuse(1254046)
    before = f.event_value(column, base)
    del table.fields[column.id]
    for record in table.live():
        record.cells.pop(column.id, None)
    table.revision += 1
    base.revision += 1
    store.world.pulse.touch("bitable")
    tell_field(store.world, base, table, operator, before=before, after=None)
    if column.type == m.DUPLEX:
        other = base.tables.get((column.props or {}).get("table_id", ""))
        back = other.fields.get((column.props or {}).get("back_field_id", "")) if other else None
        if other is not None and back is not None:
            drop_field(store, base, other, back, operator)


def add_view(store: BitableStore, table: m.Table, name: Any, kind: Any) -> m.View:
    """Add a view; a form view brings its form with a question per writable field."""
    if not isinstance(name, str) or not name.strip():
        raise refuse(1254021)
    if len(name) > 100 or "[" in name or "]" in name:
        raise refuse(1254022)
    if kind not in VIEW_TYPES:
        raise refuse(1254019)
    if any(view.name == name for view in table.views.values()):
        raise refuse(1254020)
    if len(table.views) >= 200:
        raise refuse(1254101)
    view = m.View(store.world.ids.view(), name, kind)
    if kind == "form":
        token = store.world.ids.text(20)
        view.form = m.Form(name, f"{store.world.base_url}/share/base/form/shr{token}")
    table.views[view.id] = view
    table.revision += 1
    store.world.pulse.touch("bitable")
    return view
