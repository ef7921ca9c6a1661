"""The address book: people, departments and what the app may see of them."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.kernel import ApiError, Person, Rate, Request, Routes, World

COMMON = Rate(per_minute=1000, per_second=50)
ROOT = "0"
READ_SCOPES = ("contact:contact.base:readonly", "contact:contact:readonly_as_app")
ID_TYPES = ("open_id", "union_id", "user_id")

routes = Routes("contact")


@dataclass(frozen=True, slots=True)
class Department:
    """A department; ``path`` is its chain of names."""

    path: str
    open_department_id: str
    department_id: str

    @property
    def name(self) -> str:
        """The last name of the chain."""
        return self.path.rsplit("/", 1)[-1]

    @property
    def parent(self) -> str:
        """The chain above; empty for a top department."""
        return self.path.rpartition("/")[0]


def department_of(path: str) -> Department:
    """The department with this chain of names; ids follow from the names, so they are stable."""
    digest = hashlib.sha256(path.encode()).hexdigest()
    return Department(path, f"od-{digest[:32]}", digest[32:40])


class ContactState:
    """Departments follow from the people."""

    def __init__(self, world: World) -> None:
        self._world = world

    def reset(self, _world: World, _company: str, _seed: int) -> None:
        """Nothing of its own to forget."""

    def departments(self) -> dict[str, Department]:
        """All departments by path, parents before children."""
        paths: set[str] = set()
        for person in self._world.people.values():
            names = person.department.split("/") if person.department else []
            paths.update("/".join(names[: depth + 1]) for depth in range(len(names)))
        return {path: department_of(path) for path in sorted(paths)}

    def find(self, value: str, id_type: str) -> Department | None:
        """The department with this id; None for the root.

        Raises:
            ApiError: 43009 when there is no such department.
        """
        if value == ROOT:
            return None
        found = next((d for d in self.departments().values() if getattr(d, id_type) == value), None)
        if found is None:
            raise ApiError(43009, "no dept found", status=400)
        return found


def user_id_type(req: Request) -> str:
    """The id type the caller speaks.

    Raises:
        ApiError: 99992402 when it is none of the three.
    """
    chosen = req.query.get("user_id_type", "open_id")
    if chosen not in ID_TYPES:
        raise ApiError(99992402, f"field validation failed: user_id_type {chosen!r}", status=400)
    return chosen


def department_id_type(req: Request) -> str:
    """``open_department_id`` unless the caller says ``department_id``."""
    return "department_id" if req.query.get("department_id_type") == "department_id" else "open_department_id"


def paged(req: Request, items: Sequence[Any], largest: int = 50, usual: int = 10) -> dict[str, Any]:
    """One page of ``items`` with ``has_more`` and ``page_token``.

    Raises:
        ApiError: 40011 for a page size out of range, 40012 for a token that is none.
    """
    try:
        size = int(req.query.get("page_size") or usual)
        start = int(req.query.get("page_token") or "0")
    except ValueError as bad:
        raise ApiError(40012, "page token invalid error", status=400) from bad
    if not 1 <= size <= largest:
        raise ApiError(40011, "page size invalid error", status=400)
    more = start + size < len(items)
    page: dict[str, Any] = {"has_more": more, "items": list(items[start : start + size])}
    if more:
        page["page_token"] = str(start + size)
    return page


def user_view(world: World, person: Person, req: Request) -> dict[str, Any]:
    """A person as the address book shows them. Without the scope there is no user_id, mobile or email."""
    gone = req.app.revoked_scopes
    kind = department_id_type(req)
    leader = world.people.get(person.leader_open_id)
    view: dict[str, Any] = {
        "union_id": person.union_id,
        "open_id": person.open_id,
        "name": person.name,
        "en_name": person.en_name,
        "avatar": {"avatar_72": "", "avatar_240": "", "avatar_640": "", "avatar_origin": ""},
        "status": status_view(person),
        "department_ids": [getattr(department_of(person.department), kind)] if person.department else [ROOT],
        "leader_user_id": getattr(leader, user_id_type(req)) if leader else "",
        "job_title": person.title,
        "employee_no": person.employee_no,
        "employee_type": 1,
        "is_tenant_manager": False,
    }
    if "contact:user.employee_id:readonly" not in gone:
        view["user_id"] = person.user_id
    if "contact:user.email:readonly" not in gone:
        view["email"] = person.email
    if "contact:user.phone:readonly" not in gone:
        view["mobile"] = person.mobile
    return view


def status_view(person: Person) -> dict[str, bool]:
    """Whether a person still works here."""
    return {
        "is_frozen": False,
        "is_resigned": person.resigned,
        "is_activated": not person.resigned,
        "is_exited": False,
        "is_unjoin": False,
    }


@routes.add(
    "POST",
    "/open-apis/contact/v3/users/batch_get_id",
    rate=COMMON,
    scopes=("contact:user.id:readonly",),
    claim="docs contact-v3/user/batch_get_id, read 2026-11",
)
def batch_get_id(world: World, req: Request) -> dict[str, Any]:
    """Ids by mobile and email; the answers of both lists are added up, an unknown one comes without id."""
    body = req.json()
    kind = user_id_type(req)
    asked = [("email", v) for v in body.get("emails") or []] + [
        ("mobile", v) for v in body.get("mobiles") or []
    ]
    if any(len(body.get(name) or []) > 50 for name in ("emails", "mobiles")):
        raise ApiError(40001, "param error: at most 50 of each", status=400)
    found: list[dict[str, Any]] = []
    for name, value in asked:
        person = find_reachable(world.people.values(), name, str(value))
        entry: dict[str, Any] = {name: value}
        if person is not None and (not person.resigned or body.get("include_resigned")):
            entry |= {"user_id": getattr(person, kind), "status": status_view(person)}
        found.append(entry)
    return {"user_list": found}


def find_reachable(people: Iterable[Person], name: str, value: str) -> Person | None:
    """The person with this mobile (with or without +86) or email."""
    plain = value.removeprefix("+86") if name == "mobile" else value.lower()
    for person in people:
        own = str(getattr(person, name))
        if own and (own.removeprefix("+86") if name == "mobile" else own.lower()) == plain:
            return person
    return None


@routes.add(
    "GET",
    "/open-apis/contact/v3/users/find_by_department",
    auth="any",
    rate=COMMON,
    scopes=READ_SCOPES,
    claim="docs contact-v3/user/find_by_department, read 2026-11",
)
def find_by_department(world: World, req: Request) -> dict[str, Any]:
    """Direct members of a department, pages of at most 50."""
    wanted = world.contact.find(req.query.get("department_id", ""), department_id_type(req))
    path = wanted.path if wanted else ""
    members = [p for p in world.people.values() if p.department == path and not p.resigned]
    return paged(req, [user_view(world, person, req) for person in members])


@routes.add(
    "GET",
    "/open-apis/contact/v3/users/batch",
    auth="any",
    rate=COMMON,
    scopes=READ_SCOPES,
    claim="docs contact-v3/user/batch, read 2026-11",
)
def users_batch(world: World, req: Request) -> dict[str, Any]:
    """Up to 50 people by id; unknown ids are left out."""
    asked = req.query_all.get("user_ids", [])
    if not 1 <= len(asked) <= 50:
        raise ApiError(40001, "param error: 1 to 50 user_ids", status=400)
    found = [world.find_person(value, user_id_type(req)) for value in asked]
    return {"items": [user_view(world, person, req) for person in found if person]}


@routes.add(
    "GET",
    "/open-apis/contact/v3/users/:user_id",
    auth="any",
    rate=COMMON,
    scopes=READ_SCOPES,
    claim="docs contact-v3/user/get, read 2026-11",
)
def get_user(world: World, req: Request) -> dict[str, Any]:
    """One person."""
    kind = user_id_type(req)
    person = world.find_person(req.params["user_id"], kind)
    if person is None:
        raise ApiError(41012, f"user id invalid error: not a valid {kind}", status=400)
    return {"user": user_view(world, person, req)}


def department_view(world: World, department: Department, req: Request) -> dict[str, Any]:
    """A department as the address book shows it."""
    parent = department_of(department.parent) if department.parent else None
    inside = [p for p in world.people.values() if (p.department + "/").startswith(department.path + "/")]
    return {
        "name": department.name,
        "department_id": department.department_id,
        "open_department_id": department.open_department_id,
        "parent_department_id": getattr(parent, department_id_type(req)) if parent else ROOT,
        "member_count": len(inside),
        "status": {"is_deleted": False},
    }


@routes.add(
    "GET",
    "/open-apis/contact/v3/departments/:department_id/children",
    auth="any",
    rate=COMMON,
    scopes=("contact:department.base:readonly", *READ_SCOPES),
    claim="docs contact-v3/department/children, read 2026-11",
)
def department_children(world: World, req: Request) -> dict[str, Any]:
    """Departments below one; with ``fetch_child=true`` all of them, else only the next level."""
    top = world.contact.find(req.params["department_id"], department_id_type(req))
    base = top.path if top else ""
    deep = req.query.get("fetch_child", "false").lower() == "true"
    chosen = [
        d
        for d in world.contact.departments().values()
        if (d.parent == base or (deep and (not base or d.path.startswith(base + "/"))))
    ]
    return paged(req, [department_view(world, d, req) for d in chosen])


@routes.add(
    "GET",
    "/open-apis/contact/v3/departments/:department_id",
    auth="any",
    rate=COMMON,
    scopes=("contact:department.base:readonly", *READ_SCOPES),
    claim="docs contact-v3/department/get, read 2026-11",
)
def get_department(world: World, req: Request) -> dict[str, Any]:
    """One department; the root is the company itself."""
    found = world.contact.find(req.params["department_id"], department_id_type(req))
    if found is None:
        root = {
            "name": "公司",
            "department_id": ROOT,
            "open_department_id": ROOT,
            "status": {"is_deleted": False},
        }
        return {"department": root | {"member_count": len(world.people)}}
    return {"department": department_view(world, found, req)}


@routes.add(
    "GET",
    "/open-apis/contact/v3/scopes",
    rate=COMMON,
    scopes=READ_SCOPES,
    claim="docs contact-v3/scope/list, read 2026-11",
)
def contact_scopes(world: World, req: Request) -> dict[str, Any]:
    """What the app may see: the top departments, unexpanded, and people without one."""
    kind = user_id_type(req)
    tops = [d for d in world.contact.departments().values() if not d.parent]
    return {
        "department_ids": [getattr(d, department_id_type(req)) for d in tops],
        "user_ids": [getattr(p, kind) for p in world.people.values() if not p.department],
        "group_ids": [],
        "has_more": False,
    }
