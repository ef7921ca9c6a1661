"""What setup would do: a pure comparison of specs and manifest with what exists, as readable steps.

Setup only ever adds. It never deletes or renames what people made; where their things stand in the way it
says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bitable_sync.access import NOTHING, Access, missing_members, needs_sharing
from bitable_sync.drift import BoundField
from bitable_sync.rights import PERMISSION_WORDS, check_columns, odd_tables
from bitable_sync.spec import FieldSpec, FormSpec, Kind, Specs, TableSpec
from bitable_sync.wire_fields import INDEX_TYPES, TYPE, compatible, merged_options, words
from runtime.errors import ConfigError
from runtime.manifest import Manifest, RoleManifest


@dataclass(frozen=True, slots=True)
class LiveTable:
    """A table as it exists: columns and views as the platform lists them, forms by view id."""

    table_id: str
    name: str
    fields: Sequence[Mapping[str, Any]] = ()
    views: Sequence[Mapping[str, Any]] = ()
    forms: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Live:
    """What exists in Feishu. ``app_token`` None = there is no base yet."""

    app_token: str | None
    tables: Sequence[LiveTable] = ()
    advanced: bool = False
    roles: Sequence[Mapping[str, Any]] = ()
    subscribed: bool = False
    access: Access = NOTHING


@dataclass(frozen=True, slots=True)
class Bound:
    """What is bound already: table ids and columns by key."""

    tables: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, Mapping[str, BoundField]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do. ``do`` names the action of ``setup.py``; ``blocked`` steps only tell and are not done.

    ``line`` is the sentence printed; ``table`` and ``key`` say on what; ``detail`` what the action needs
    beside.
    """

    do: str
    line: str
    table: str = ""
    key: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)


def plan(specs: Specs, manifest: Manifest, live: Live, bound: Bound, admin: str | None = None) -> list[Step]:
    """List what is to be done, in order; empty when everything stands.

    Args:
        specs: the tables wanted, with the names of the manifest.
        manifest: base name, roles.
        live: what exists.
        bound: what is bound already.
        admin: open_id of the person who shall manage the base.
    """
    steps: list[Step] = []
    if live.app_token is None:
        steps.append(Step("base", f"新建多维表格「{manifest.base.name}」（时区 {manifest.base.time_zone}）"))
    if admin is not None and needs_sharing(live.access, admin):
        steps.append(Step("share", f"把多维表格共享给管理员 {admin}（可管理）", key=admin))
    by_id = {table.table_id: table for table in live.tables}
    taken = {table_id for table_id in bound.tables.values() if table_id in by_id}
    there: dict[str, str] = {}
    for spec in specs:
        table = by_id.get(bound.tables.get(spec.key, ""))
        if table is None:
            named = [t for t in live.tables if t.name == spec.name and t.table_id not in taken]
            table = named[0] if named else None
            if table is not None:
                steps.append(
                    Step("bind", f"使用已有的表「{spec.name}」", spec.key, detail={"id": table.table_id})
                )
        if table is not None:
            there[spec.key] = table.table_id
        steps += (
            _new_table(spec) if table is None else _old_table(spec, table, bound.fields.get(spec.key, {}))
        )
        steps += _views(spec, table)
    steps += _roles(manifest.roles, live, specs, Bound(there, bound.fields))
    if not live.subscribed:
        steps.append(Step("subscribe", "订阅多维表格的记录和字段变更事件"))
    return steps


def initial_fields(spec: TableSpec) -> list[FieldSpec]:
    """The columns a table is created with.

    Those before the first formula or link, which need ids to point at.

    Raises:
        ConfigError: the first column is of a kind that cannot be a table's index column.
    """
    first = spec.fields[0]
    if TYPE[first.kind] not in INDEX_TYPES or first.kind is Kind.FORMULA:
        raise ConfigError(
            f"table {spec.key}: the first field {first.key} ({first.kind.value}) cannot be the index column; "
            "put a text, number, date, phone or url field first"
        )
    found: list[FieldSpec] = []
    for item in spec.fields:
        if item.kind in {Kind.FORMULA, Kind.LINK}:
            break
        found.append(item)
    return found


def _new_table(spec: TableSpec) -> list[Step]:
    first = initial_fields(spec)
    columns = "、".join(f.name for f in first)
    steps = [Step("table", f"新建表「{spec.name}」，列：{columns}", spec.key)]
    return steps + [_new_field(spec, item) for item in spec.fields[len(first) :]]


def _new_field(spec: TableSpec, item: FieldSpec) -> Step:
    return Step(
        "field", f"表「{spec.name}」新增列「{item.name}」（{words(TYPE[item.kind])}）", spec.key, item.key
    )


def _old_table(spec: TableSpec, table: LiveTable, bound: Mapping[str, BoundField]) -> list[Step]:
    steps: list[Step] = []
    by_id = {str(item["field_id"]): item for item in table.fields}
    taken = {b.field_id for b in bound.values() if b.field_id in by_id}
    for item in spec.fields:
        known = bound.get(item.key)
        live = by_id.get(known.field_id) if known else None
        if live is None:
            named = [
                f for f in table.fields if f["field_name"] == item.name and str(f["field_id"]) not in taken
            ]
            if not named:
                steps.append(_new_field(spec, item))
                continue
            live = named[0]
            if compatible(item.kind, int(live["type"])):
                line = f"表「{spec.name}」使用已有的列「{item.name}」"
                steps.append(Step("bind_field", line, spec.key, item.key, {"id": live["field_id"]}))
        if not compatible(item.kind, int(live["type"])):
            steps.append(_wrong_type(spec, item, live))
        elif merged_options(item, live) is not None:
            have = {o.get("name") for o in (live.get("property") or {}).get("options") or []}
            missing = "、".join(name for name in item.options if name not in have)
            line = f"表「{spec.name}」的列「{live['field_name']}」新增选项：{missing}"
            steps.append(Step("options", line, spec.key, item.key, {"id": live["field_id"]}))
    return steps


def _wrong_type(spec: TableSpec, item: FieldSpec, live: Mapping[str, Any]) -> Step:
    line = (
        f"需要人来处理：表「{spec.name}」的列「{live['field_name']}」是{words(int(live['type']))}，应为"
        f"{words(TYPE[item.kind])}；请改类型或给它换个名字后重新运行"
    )
    return Step("blocked", line, spec.key, item.key)


def _views(spec: TableSpec, table: LiveTable | None) -> list[Step]:
    have = {view["view_name"]: view for view in table.views} if table else {}
    steps = [
        Step("view", f"表「{spec.name}」新增视图「{view.name}」", spec.key, view.name, {"type": view.type})
        for view in spec.views
        if view.name not in have
    ]
    form = spec.form
    if form is None:
        return steps
    view = have.get(form.name)
    if view is None:
        asked = "、".join(spec.field(key).name for key in form.fields)
        line = f"表「{spec.name}」新增表单「{form.name}」，填写：{asked}"
        steps.append(Step("form", line, spec.key, form.name))
    elif table is not None and _unfinished(form, table.forms.get(str(view["view_id"]))):
        line = f"补全上次没有做完的表单「{form.name}」（表「{spec.name}」）"
        steps.append(Step("form", line, spec.key, form.name, {"id": view["view_id"]}))
    return steps


def _unfinished(form: FormSpec, live: Mapping[str, Any] | None) -> bool:
    """Whether a run ended before the form was shared, which is its last act; one people closed is theirs.

    Of a form that is not for everybody the description, written in the same act, says that it is finished.
    """
    if live is None:
        return False
    if not form.shared:
        return bool(live.get("description") != form.description)
    if live.get("shared"):
        return False
    return not form.description or live.get("description") != form.description


def _roles(roles: Sequence[RoleManifest], live: Live, specs: Specs, bound: Bound) -> list[Step]:
    if not roles:
        return []
    steps = [] if live.advanced else [Step("advanced", "开启高级权限")]
    have = {str(role.get("role_name")): role for role in live.roles}
    new = [spec.key for spec in specs if spec.key not in bound.tables]
    for role in roles:
        check_columns(role, specs)
        if role.name in have:
            steps += _rights(role, have[role.name], specs, bound, new)
        else:
            steps.append(Step("role", f"新增角色「{role.name}」（{_may(role, specs)}）", key=role.name))
        missing = missing_members(role, live.access)
        if missing:
            line = f"角色「{role.name}」加入成员：{'、'.join(missing)}"
            steps.append(Step("members", line, key=role.name, detail={"ids": missing}))
    return steps


def _may(role: RoleManifest, specs: Specs) -> str:
    """What a role may do with which tables: ``可编辑：员工、考勤汇总；可阅读：…``."""
    tables: dict[str, list[str]] = {}
    names = {spec.key: spec.name for spec in specs}
    for key, perm in role.tables.items():
        tables.setdefault(PERMISSION_WORDS[perm], []).append(names.get(key, key))
    return "；".join(f"{word}：{'、'.join(names)}" for word, names in tables.items())


def _rights(
    role: RoleManifest, live: Mapping[str, Any], specs: Specs, bound: Bound, new: Sequence[str]
) -> list[Step]:
    """One step for everything a role must be told about tables: those just made, and what differs."""
    odd = odd_tables(role, live, specs, bound.tables, bound.fields)
    said = [one.sentence for one in odd]
    named = [specs.table(key).name for key in new]
    if named:
        said.append(f"角色「{role.name}」的新表权限：{'、'.join(named)}")
    if not said:
        return []
    keys = (*(one.table for one in odd), *new)
    return [Step("rights", "设置权限：" + "；".join(said), key=role.name, detail={"tables": keys})]
