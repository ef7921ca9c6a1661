"""What roles may do with tables: what the manifest wants, and where the base says something else. Pure.

Setup states a permission for every table in every role, ``none`` included: what a role that does not name a
table may do with it is nowhere documented. Once a role exists, people may change it for ordinary tables; of
private tables the manifest is kept to. Source: Feishu docs, base-v2/app-role (table_perm, field_perm).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bitable_sync.drift import BoundField
from bitable_sync.spec import Specs, TableSpec
from runtime.errors import ConfigError
from runtime.manifest import RoleManifest

PERMISSION = {"none": 0, "read": 1, "edit": 2}  # table_perm of a role
PERMISSION_WORDS = {"none": "不可见", "read": "可阅读", "edit": "可编辑"}
COLUMN_PERMISSION = {"none": 0, "read": 1, "add": 2, "edit": 3}  # field_perm of roles v2
LIVE_WORDS = {0: "不可见", 1: "可阅读", 2: "可编辑", 4: "可管理"}

Columns = Mapping[str, Mapping[str, BoundField]]
"""Table key → column key → column as it is bound."""


@dataclass(frozen=True, slots=True)
class Odd:
    """A role that may do something else with a table than the manifest says.

    Attributes:
        role: its name.
        table: table key.
        unsaid: the role says nothing about the table yet.
        sentence: what is so and what should be.
    """

    role: str
    table: str
    unsaid: bool
    sentence: str


def check_columns(role: RoleManifest, specs: Specs) -> None:
    """Refuse a role that names a table or a column there is not (ConfigError names it)."""
    for key, named in role.columns.items():
        if specs.has(key) and role.tables.get(key, "none") != "none":
            for column in named:
                specs.table(key).field(column)
        elif named:
            raise ConfigError(
                f"feishu_app.yaml, role {role.name}: `columns` names the table {key}, which `tables` does "
                "not let it see; name it there too."
            )


def table_role(
    role: RoleManifest, key: str, table_id: str, bound: Mapping[str, BoundField]
) -> dict[str, Any]:
    """What a role's body says about one table; columns by the names they have now."""
    perms = {
        bound[column].name: COLUMN_PERMISSION[perm]
        for column, perm in role.columns.get(key, {}).items()
        if column in bound
    }
    body = {"table_id": table_id, "table_perm": PERMISSION[role.tables.get(key, "none")]}
    return body | {"field_perm": perms}


def odd_tables(
    role: RoleManifest, live: Mapping[str, Any], specs: Specs, tables: Mapping[str, str], columns: Columns
) -> list[Odd]:
    """Where a live role has to be told something: tables it does not name, private ones it has otherwise.

    Args:
        role: as the manifest wants it.
        live: as the base lists it.
        specs: all tables.
        tables: table key → id, of those that exist.
        columns: their columns.
    """
    said = {str(item.get("table_id")): item for item in live.get("table_roles") or []}
    found: list[Odd] = []
    for spec in specs:
        if spec.key not in tables:
            continue
        item = said.get(tables[spec.key])
        if item is None:
            what = PERMISSION_WORDS[role.tables.get(spec.key, "none")]
            found.append(Odd(role.name, spec.key, True, f"角色「{role.name}」对表「{spec.name}」：{what}"))
        elif spec.private:
            found += _differs(role, spec, item, tables[spec.key], columns.get(spec.key, {}))
    return found


def _differs(
    role: RoleManifest,
    spec: TableSpec,
    live: Mapping[str, Any],
    table_id: str,
    bound: Mapping[str, BoundField],
) -> list[Odd]:
    wanted = table_role(role, spec.key, table_id, bound)
    now, should = int(live.get("table_perm") or 0), int(wanted["table_perm"])
    about = f"角色「{role.name}」对表「{spec.name}」"
    if now != should:
        words = f"现在是{LIVE_WORDS.get(now, str(now))}，应为{LIVE_WORDS[should]}"
        return [Odd(role.name, spec.key, False, about + words)]
    perms = {str(name): int(perm) for name, perm in (live.get("field_perm") or {}).items()}
    # "Edit" is what a column may without being named.
    usual = {name: perm for name, perm in perms.items() if perm != COLUMN_PERMISSION["edit"]}
    want = {n: p for n, p in wanted["field_perm"].items() if p != COLUMN_PERMISSION["edit"]}
    if should and usual != want:
        names = "、".join(
            sorted(name for name in usual.keys() | want.keys() if usual.get(name) != want.get(name))
        )
        return [Odd(role.name, spec.key, False, f"{about}的列权限与清单不一致：{names}")]
    return []


def strangers(
    roles: Sequence[RoleManifest], live: Sequence[Mapping[str, Any]], specs: Specs, tables: Mapping[str, str]
) -> list[str]:
    """Roles people made in the base that may see a private table: a sentence each."""
    known = {role.name for role in roles}
    private = {tables[spec.key]: spec.name for spec in specs if spec.private and spec.key in tables}
    found: list[str] = []
    for role in live:
        name = str(role.get("role_name"))
        seen = [
            private[str(item.get("table_id"))]
            for item in role.get("table_roles") or []
            if str(item.get("table_id")) in private and int(item.get("table_perm") or 0) > 0
        ]
        if name not in known and seen:
            found.append(f"角色「{name}」不在应用清单里，却能看到：{'、'.join(seen)}")
    return found
