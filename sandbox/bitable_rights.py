"""Who may see and change what: managers all, others by their roles once a base has permissions on.

Source: advanced permission guide and base-v2 app-role (Feishu docs): table_perm 0 none, 1 read, 2 edit, 4
manage; rec_rule limits records (others: other_perm 0 hidden, 1 read); field_perm per name (0 hidden, 1
read, 2 add, 3 edit). Without advanced permissions everyone of the company may edit, as a base shared with
the tenant.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox import bitable_model as m
from sandbox.bitable_search import Filter
from sandbox.kernel import World

Test = Callable[[m.Record], bool]


def _always(_: m.Record) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Grant:
    """What one role allows on one table."""

    edit: bool
    add: bool
    delete: bool
    manage: bool
    matches: Test
    readable: Test
    field_perm: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Rights:
    """The rights of one caller on one table; ``grants`` is None for full access."""

    table: m.Table
    grants: tuple[Grant, ...] | None

    @property
    def sees_all(self) -> bool:
        """Whether no record is hidden."""
        return self.grants is None

    @property
    def may_add(self) -> bool:
        """Whether records may be added."""
        return self.grants is None or any(grant.add for grant in self.grants)

    @property
    def may_delete(self) -> bool:
        """Whether records may be deleted."""
        return self.grants is None or any(grant.delete for grant in self.grants)

    @property
    def may_reshape(self) -> bool:
        """Whether columns may be changed: full access, or a role that manages the table."""
        return self.grants is None or any(grant.manage for grant in self.grants)

    @property
    def may_open(self) -> bool:
        """Whether the table is there for this caller at all."""
        return self.grants is None or bool(self.grants)

    def locked(self, record: m.Record) -> list[str]:
        """Ids of the visible fields of a record that could be written, but not by this caller."""
        if self.grants is None:
            return [c.id for c in self.columns() if c.type not in m.COMPUTED] if self.table.read_only else []
        able = [grant for grant in self.grants if grant.edit and grant.matches(record)]
        return [
            c.id
            for c in self.columns()
            if c.type not in m.COMPUTED
            and (self.table.read_only or not any(grant.field_perm.get(c.name, 3) >= 3 for grant in able))
        ]

    def may_see(self, record: m.Record) -> bool:
        """Whether the record is visible."""
        if self.grants is None:
            return True
        return any(grant.matches(record) or grant.readable(record) for grant in self.grants)

    def may_edit(self, records: Sequence[m.Record], cells: Iterable[str]) -> bool:
        """Whether these fields (ids) of these records may be changed."""
        if self.grants is None:
            return True
        names = [self.table.fields[key].name for key in cells]
        return all(any(_edits(grant, record, names) for grant in self.grants) for record in records)

    def may_fill(self, cells: Iterable[str]) -> bool:
        """Whether a record with these fields (ids) may be added; "add" (2) is enough for a field here."""
        if self.grants is None:
            return True
        names = [self.table.fields[key].name for key in cells]
        return any(g.add and all(g.field_perm.get(name, 3) >= 2 for name in names) for g in self.grants)

    def columns(self) -> list[m.Field]:
        """The visible fields in order."""
        columns = list(self.table.fields.values())
        if self.grants is None:
            return columns
        return [c for c in columns if any(grant.field_perm.get(c.name, 1) > 0 for grant in self.grants)]


def _edits(grant: Grant, record: m.Record, names: Sequence[str]) -> bool:
    fields = all(grant.field_perm.get(name, 3) >= 3 for name in names)
    return grant.edit and fields and grant.matches(record)


def _is_member(world: World, role: m.Role, open_id: str) -> bool:
    person = world.people.get(open_id)
    if person is None:
        return False
    for kind, member in role.members:
        if kind in ("open_id", "union_id", "user_id") and getattr(person, kind) == member:
            return True
        if kind == "chat_id" and _in_chat(world, member, open_id):
            return True
        if kind in ("department_id", "open_department_id") and _in_department(
            world, member, person.department
        ):
            return True
    return False


def roles_of(world: World, base: m.Base, open_id: str) -> list[str]:
    """Names of the roles a person has in a base with advanced permissions."""
    if not base.is_advanced:
        return []
    roles = [role for role in base.roles.values() if _is_member(world, role, open_id)]
    return [str(role.body.get("role_name", "")) for role in roles]


def _in_chat(world: World, chat_id: str, open_id: str) -> bool:
    return open_id in getattr(world.im.chats.get(chat_id), "members", ())


def _in_department(world: World, department_id: str, path: str) -> bool:
    known = world.contact.departments().values()
    names = [d.path for d in known if department_id in (d.open_department_id, d.department_id)]
    return any(path == name or path.startswith(f"{name}/") for name in names)


def rule_test(world: World, base: m.Base, table: m.Table, rule: Mapping[str, Any] | None) -> Test | None:
    """The test a rec_rule makes (select values are option ids); None when it has no conditions."""
    conditions = []
    for one in (rule or {}).get("conditions") or []:
        column = table.field_named(str(one.get("field_name")))
        if column is not None:
            value = [] if str(one.get("operator")).endswith("Empty") else list(one.get("value") or [])
            conditions.append({"field_id": column.id, "operator": one.get("operator"), "value": value})
    if not conditions:
        return None
    body = {"conjunction": (rule or {}).get("conjunction", "and"), "conditions": conditions}
    return Filter(world, base, table, by_id=True).test(body)


def _grant(world: World, base: m.Base, table: m.Table, body: Mapping[str, Any]) -> Grant | None:
    perm = int(body.get("table_perm") or 0)
    if perm == 0:
        return None
    rule = body.get("rec_rule")
    matches = rule_test(world, base, table, rule)
    readable: Test = _never if matches else _always
    if matches and (rule or {}).get("other_perm", 0) == 1:
        readable = _always
    elif matches and body.get("other_rec_rule"):
        readable = rule_test(world, base, table, body["other_rec_rule"]) or _never
    return Grant(
        edit=perm >= 2,
        add=perm >= 2 and bool(body.get("allow_add_record", True)),
        delete=perm >= 2 and bool(body.get("allow_delete_record", True)),
        manage=perm >= 4,
        matches=matches or _always,
        readable=readable,
        field_perm={} if perm >= 4 else dict(body.get("field_perm") or {}),
    )


def _never(_: m.Record) -> bool:
    return False


def rights_of(world: World, base: m.Base, table: m.Table, operator: str, *, app: bool = False) -> Rights:
    """The rights of ``operator`` (open id) on a table; an app that got this far manages the base."""
    if app or operator == base.owner or operator in base.managers or not base.is_advanced:
        return Rights(table, None)
    grants = []
    for role in base.roles.values():
        if not _is_member(world, role, operator):
            continue
        for body in role.body.get("table_roles") or []:
            if table.id == body.get("table_id") or table.name == body.get("table_name"):
                grant = _grant(world, base, table, body)
                grants += [grant] if grant else []
    return Rights(table, tuple(grants))
