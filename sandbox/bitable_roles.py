"""Advanced-permission roles (base-v2, and v1 for deletion) and their members."""

from typing import Any

from sandbox import bitable_model as m
from sandbox.bitable_errors import answers, refuse
from sandbox.bitable_records import body_of
from sandbox.bitable_rights import rule_test
from sandbox.bitable_tables import page
from sandbox.kernel import Rate, Request, Routes, World

routes = Routes("bitable")
V1 = "/open-apis/bitable/v1/apps/:app_token/roles"
V2 = "/open-apis/base/v2/apps/:app_token/roles"
DOC = "docs advanced-permission"
READ, WRITE = Rate(per_second=20), Rate(per_second=10)
MEMBER_TYPES = ("open_id", "union_id", "user_id", "chat_id", "department_id", "open_department_id")
MAX_ROLES, MAX_MEMBERS = 30, 200
Body = dict[str, Any]


def _advanced(world: World, req: Request) -> m.Base:
    """The base, if advanced permissions are in effect; 1254301 otherwise."""
    base: m.Base = world.bitable.open(req)
    late = world.clock.time() - base.advanced_since < world.bitable.advanced_delay
    if not base.is_advanced or late:
        raise refuse(1254301)
    for table in base.tables.values():
        table.answers.clear()  # who sees what may be about to change
    return base


def _role(base: m.Base, req: Request) -> m.Role:
    role = base.roles.get(req.params["role_id"])
    if role is None:
        raise refuse(1254047)
    return role


def _checked(world: World, base: m.Base, body: Body, own: m.Role | None, most_field_perm: int) -> Body:
    """A role body that makes sense; 1254032, 1254033, 1254041, 1254045, 1254800-like refusals as 1254001."""
    name = body.get("role_name")
    if own is None or name is not None:
        if not isinstance(name, str) or not name.strip() or len(name) > 100:
            raise refuse(1254032)
        if any(role.body["role_name"] == name and role is not own for role in base.roles.values()):
            raise refuse(1254033)
    table_roles = body.get("table_roles") or []
    if not isinstance(table_roles, list) or len(table_roles) > 100:
        raise refuse(1254001)
    checked = [_table_role(world, base, one, most_field_perm) for one in table_roles]
    return {key: value for key, value in body.items() if value is not None} | {"table_roles": checked}


def _table_role(world: World, base: m.Base, given: Any, most: int) -> Body:
    if not isinstance(given, dict) or given.get("table_perm") not in (0, 1, 2, 4):
        raise refuse(1254001)
    table = base.tables.get(given.get("table_id", "")) or next(
        (t for t in base.tables.values() if t.name == given.get("table_name")), None
    )
    if table is None:
        raise refuse(1254041)
    for name, perm in (given.get("field_perm") or {}).items():
        if table.field_named(name) is None:
            raise refuse(1254045)
        if perm not in range(most + 1):
            raise refuse(1254001)
    rule = given.get("rec_rule") or {}
    if len(rule.get("conditions") or []) > 10:
        raise refuse(1254001)
    for one in rule.get("conditions") or []:
        if table.field_named(str(one.get("field_name"))) is None:
            raise refuse(1254045)
    rule_test(world, base, table, rule)
    kept = {key: value for key, value in given.items() if value is not None}
    return kept | {"table_id": table.id, "table_name": table.name}


def _wire(role: m.Role) -> Body:
    return {"role_id": role.id, **role.body}


def _create(world: World, req: Request, most_field_perm: int) -> Body:
    base = _advanced(world, req)
    if len(base.roles) >= MAX_ROLES:
        raise refuse(1254110)
    body = _checked(world, base, body_of(req), None, most_field_perm)
    role = m.Role(world.ids.role(), body)
    base.roles[role.id] = role
    return {"role": _wire(role)}


@routes.add("POST", V2, rate=WRITE, auth="any", claim=f"{DOC}/base-v2/app-role/create, 2025")
@answers("table")
def create(world: World, req: Request) -> Body:
    """Create a role."""
    return _create(world, req, 3)


@routes.add("POST", V1, rate=WRITE, auth="any", claim=f"{DOC}/app-role/create, 2025")
@answers("table")
def create_v1(world: World, req: Request) -> Body:
    """Create a role the older way (field_perm 1 read, 2 edit)."""
    made = _create(world, req, 2)["role"]
    role: m.Role = world.bitable.open(req).roles[made["role_id"]]
    for table_role in role.body["table_roles"]:
        perms = table_role.get("field_perm") or {}
        table_role["field_perm"] = {name: 3 if perm == 2 else perm for name, perm in perms.items()}
    return {"role": made}


@routes.add("GET", V2, rate=READ, auth="any", claim=f"{DOC}/base-v2/app-role/list, 2025")
@answers("table")
def list_roles(world: World, req: Request) -> Body:
    """The roles of a base."""
    base = _advanced(world, req)
    return page([_wire(role) for role in base.roles.values()], "role_id", req)


@routes.add("GET", V1, rate=READ, auth="any", claim=f"{DOC}/app-role/list, 2025")
@answers("table")
def list_roles_v1(world: World, req: Request) -> Body:
    """The roles of a base, older endpoint."""
    return list_roles(world, req)  # type: ignore[return-value]


@routes.add(
    "PUT", f"{V2}/:role_id", rate=WRITE, auth="any", claim=f"{DOC}/base-v2/app-role/update, 2025; merges"
)
@answers("table")
def update(world: World, req: Request) -> Body:
    """Merge a body into a role: named tables are replaced, others stay."""
    base = _advanced(world, req)
    role = _role(base, req)
    body = _checked(world, base, body_of(req), role, 3)
    tables = {one["table_id"]: one for one in role.body.get("table_roles") or []}
    for one in body.pop("table_roles"):
        tables[one["table_id"]] = {**tables.get(one["table_id"], {}), **one}
    role.body |= body
    role.body["table_roles"] = list(tables.values())
    return {"role": _wire(role)}


@routes.add(
    "DELETE", f"{V1}/:role_id", rate=WRITE, auth="any", claim=f"{DOC}/app-role/delete, 2025; only in v1"
)
@answers("table")
def delete(world: World, req: Request) -> Body:
    """Delete a role."""
    base = _advanced(world, req)
    del base.roles[_role(base, req).id]
    return {}


def _member(world: World, kind: str, member_id: str) -> tuple[str, str]:
    """Check a member; 1254048 when nobody has the id."""
    if kind not in MEMBER_TYPES or not member_id:
        raise refuse(1254001)
    if kind in ("open_id", "union_id", "user_id") and world.find_person(member_id, kind) is None:
        raise refuse(1254048)
    return kind, member_id


def _add(world: World, req: Request, wanted: list[tuple[str, str]]) -> Body:
    role = _role(_advanced(world, req), req)
    members = [_member(world, kind, member_id) for kind, member_id in wanted]
    fresh = [member for member in dict.fromkeys(members) if member not in role.members]
    if len(role.members) + len(fresh) > MAX_MEMBERS:
        raise refuse(1254111)
    role.members.extend(fresh)
    return {}


def _listed(body: Body) -> list[tuple[str, str]]:
    given = body.get("member_list")
    if not isinstance(given, list) or not 1 <= len(given) <= 100:
        raise refuse(1254001)
    return [(str(one.get("type")), str(one.get("id"))) for one in given]


@routes.add("GET", f"{V1}/:role_id/members", rate=READ, auth="any", claim=f"{DOC}/app-role-member/list, 2025")
@answers("table")
def list_members(world: World, req: Request) -> Body:
    """The members of a role."""
    role = _role(_advanced(world, req), req)
    items = []
    for kind, member_id in role.members:
        person = world.find_person(member_id, kind) if kind in ("open_id", "union_id", "user_id") else None
        item = {
            "member_id": member_id,
            kind: member_id,
            "member_type": "user" if person else kind.removeprefix("open_").split("_")[0],
        }
        if person is not None:
            item |= {**world.person_ids(person), "member_id": person.open_id}
            item |= {"member_name": person.name, "member_en_name": person.en_name}
        items.append(item)
    return page(items, "member_id", req)


@routes.add(
    "POST", f"{V1}/:role_id/members", rate=WRITE, auth="any", claim=f"{DOC}/app-role-member/create, 2025"
)
@answers("table")
def add_member(world: World, req: Request) -> Body:
    """Add one member."""
    kind = req.query.get("member_id_type") or "open_id"
    return _add(world, req, [(kind, str(body_of(req).get("member_id") or ""))])


@routes.add(
    "POST",
    f"{V1}/:role_id/members/batch_create",
    rate=WRITE,
    auth="any",
    claim=f"{DOC}/app-role-member/batch_create, 2025",
)
@answers("table")
def add_members(world: World, req: Request) -> Body:
    """Add up to 100 members."""
    return _add(world, req, _listed(body_of(req)))


def _drop(world: World, req: Request, gone: list[tuple[str, str]]) -> Body:
    role = _role(_advanced(world, req), req)
    role.members[:] = [member for member in role.members if member not in gone]
    return {}


@routes.add(
    "DELETE",
    f"{V1}/:role_id/members/:member_id",
    rate=WRITE,
    auth="any",
    claim=f"{DOC}/app-role-member/delete, 2025",
)
@answers("table")
def drop_member(world: World, req: Request) -> Body:
    """Remove one member; 1254048 when it is none."""
    member = (req.query.get("member_id_type") or "open_id", req.params["member_id"])
    if member not in _role(_advanced(world, req), req).members:
        raise refuse(1254048)
    return _drop(world, req, [member])


@routes.add(
    "POST",
    f"{V1}/:role_id/members/batch_delete",
    rate=WRITE,
    auth="any",
    claim=f"{DOC}/app-role-member/batch_delete, 2025",
)
@answers("table")
def drop_members(world: World, req: Request) -> Body:
    """Remove up to 100 members."""
    return _drop(world, req, _listed(body_of(req)))
