"""Feishu Tasks over HTTP (task/v2): made once per token, seen and changed by their members.

Facts: docs task-v2 (overview, task/create, task/patch, task/get; pages of 2023-11), read 2026-11. Not
documented, and our reading: that a repeated token answers the task it made, what a second completion and an
unknown person are refused with (1470400), and that an app's completed task may still be renamed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.kernel import ApiError, Rate, Request, Routes, World

PATH = "/open-apis/task/v2/tasks"
WRITE = ("task:task:write",)
READ = (*WRITE, "task:task:read")
PER_SECOND = Rate(per_second=10)
CONTROL = "our own control plane, 2026-11"
TOKEN_LIFE = 300.0
"""Seconds after a success in which its client_token stands for the same task."""
TEXT, MEMBERS, TOKEN = 3000, 50, (10, 100)
CHANGEABLE = frozenset({
    "summary", "description", "due", "start", "extra", "completed_at", "repeat_rule", "custom_complete",
    "mode", "is_milestone", "custom_fields",
})  # fmt: skip

routes = Routes("task")


@dataclass(slots=True)
class Task:
    """One task; ``creator`` is an app_id or open_id, times in ms, ``completed`` 0 while it is open."""

    guid: str
    number: str
    creator: str
    members: list[dict[str, str]]
    created: int
    updated: int
    completed: int = 0
    fields: dict[str, Any] = field(default_factory=dict)

    def may(self, who: str, *roles: str) -> bool:
        """Whether somebody made it or has one of these roles."""
        return self.creator == who or any(m["id"] == who and m["role"] in roles for m in self.members)


class TaskState:
    """Tasks by guid, tokens in use. Found as ``world.task``."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.tasks: dict[str, Task] = {}
        self.tokens: dict[tuple[str, str], tuple[str, float]] = {}

    def reset(self, _world: World, _company: str, _seed: int) -> None:
        """Forget all tasks."""
        self.tasks.clear()
        self.tokens.clear()

    def find(self, guid: str) -> Task:
        """A task, or 1470404."""
        found = self.tasks.get(guid)
        if found is None:
            raise ApiError(1470404, "Task does not exist or has been deleted.", status=404)
        return found

    def made_by(self, who: str, token: str) -> Task | None:
        """The task that a token of the last five minutes made."""
        guid, at = self.tokens.get((who, token), ("", 0.0))
        fresh = self.world.clock.time() - at < TOKEN_LIFE
        return self.tasks.get(guid) if fresh else None

    def add(self, who: str, body: Mapping[str, Any]) -> Task:
        """Make a task from a checked body."""
        world = self.world
        now, guid = world.clock.ms(), world.ids.uuid().lower()
        task = Task(guid, f"t{world.ids.text(6, '123456789')}", who, members_of(world, body), now, now)
        task.fields = {key: body[key] for key in (*CHANGEABLE, "origin") if key in body}
        task.completed = moment(task.fields.pop("completed_at", "0"))
        self.tasks[guid] = task
        if body.get("client_token"):
            self.tokens[who, str(body["client_token"])] = (guid, world.clock.time())
        world.pulse.touch("approval")
        return task


def invalid(what: str, why: str) -> ApiError:
    """1470400 as the platform words it."""
    return ApiError(1470400, f"Invalid Param '{what}', {why}", status=400)


def text_of(body: Mapping[str, Any], name: str, *, needed: bool = False) -> None:
    """Check a text: that it is one, its length, and that it is there if it must be."""
    value = body.get(name, "")
    if not isinstance(value, str) or len(value) > TEXT:
        raise invalid(name, f"must be a string of at most {TEXT} characters.")
    if needed and not value:
        raise invalid(name, "must not be empty.")


def moment(value: Any) -> int:
    """A time of the wire: milliseconds as a string."""
    if not isinstance(value, str) or not value.isdecimal() or len(value) > 20:
        raise invalid("completed_at", "must be a timestamp in milliseconds as a string.")
    return int(value)


def members_of(world: World, body: Mapping[str, Any]) -> list[dict[str, str]]:
    """The members of a body, once each and role."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for member in body.get("members") or ():
        who, kind, role = (str(member.get(name) or "") for name in ("id", "type", "role"))
        if role not in ("assignee", "follower"):
            raise invalid("members", "role is invalid. Only 'assignee', 'follower' are supported.")
        if kind not in ("", "user", "app"):
            raise invalid("members", "type is invalid. Only 'user', 'app' are supported.")
        known = world.apps if kind == "app" else world.people
        if who not in known:
            raise invalid("members", f"{who} is not a member of this tenant.")
        found[who, role] = {"id": who, "type": kind or "user", "role": role}
    if len(found) > MEMBERS:
        raise invalid("members", f"at most {MEMBERS} members are supported.")
    return list(found.values())


def caller(req: Request) -> str:
    """Who asks: the app, or the person of a user token."""
    return req.app.app_id if req.identity == "app" else req.identity


def view(world: World, task: Task) -> dict[str, Any]:
    """A task as the platform shows it."""
    kind = "app" if task.creator in world.apps else "user"
    return {
        "guid": task.guid, "task_id": task.number, **task.fields,
        "description": task.fields.get("description", ""),
        "creator": {"id": task.creator, "type": kind, "role": "creator"},
        "members": task.members,
        "completed_at": str(task.completed), "status": "done" if task.completed else "todo",
        "created_at": str(task.created), "updated_at": str(task.updated),
        "mode": task.fields.get("mode", 2), "source": 6 if kind == "app" else 7,
        "url": f"https://applink.feishu.cn/client/todo/detail?guid={task.guid}",
    }  # fmt: skip


@routes.add(
    "POST", PATH, claim="docs task-v2/task/create, 2023-11", rate=PER_SECOND, auth="any", scopes=WRITE
)
def create(world: World, req: Request) -> dict[str, Any]:
    """Make a task; the client_token of a success in the last five minutes gives that task again."""
    body, who = req.json(), caller(req)
    token = body.get("client_token")
    if token is not None and not (isinstance(token, str) and TOKEN[0] <= len(token) <= TOKEN[1]):
        raise invalid("client_token", f"length must be {TOKEN[0]} to {TOKEN[1]}.")
    made = world.task.made_by(who, token) if token else None
    if made is None:
        text_of(body, "summary", needed=True)
        text_of(body, "description")
        href = ((body.get("origin") or {}).get("href") or {}).get("url", "https://")
        if not str(href).startswith(("https://", "http://")):
            raise invalid("origin.href.url", "must start with https:// or http://.")
        made = world.task.add(who, body)
    return {"task": view(world, made)}


@routes.add(
    "GET",
    f"{PATH}/:task_guid",
    claim="docs task-v2/task/get, 2023-11",
    rate=PER_SECOND,
    auth="any",
    scopes=READ,
)
def get(world: World, req: Request) -> dict[str, Any]:
    """One task, for who made it and its members."""
    task = world.task.find(req.params["task_guid"])
    if not task.may(caller(req), "assignee", "follower"):
        raise ApiError(1470403, "No read permission to the task.", status=403)
    return {"task": view(world, task)}


@routes.add(
    "PATCH",
    f"{PATH}/:task_guid",
    claim="docs task-v2/task/patch, 2023-11; a second completion is refused with 1470400: our reading",
    rate=PER_SECOND,
    auth="any",
    scopes=WRITE,
)
def patch(world: World, req: Request) -> dict[str, Any]:
    """Change the fields that are named; a named one without a value is emptied."""
    task, body = world.task.find(req.params["task_guid"]), req.json()
    if not task.may(caller(req), "assignee"):
        raise ApiError(1470403, "No edit permission to the task.", status=403)
    names, new = body.get("update_fields") or [], dict(body.get("task") or {})
    if not names or not set(names) <= CHANGEABLE:
        raise invalid("update_fields", f"must name some of {', '.join(sorted(CHANGEABLE))}.")
    text_of(new, "description")
    if "summary" in names:
        text_of(new, "summary", needed=True)
    if "completed_at" in names:
        at = moment(new.pop("completed_at", "0"))
        if at and task.completed:
            raise invalid("completed_at", "the task is completed already.")
        task.completed = at
    for name in set(names) - {"completed_at"}:
        task.fields.pop(name, None)
        if name in new:
            task.fields[name] = new[name]
    task.updated = world.clock.ms()
    world.pulse.touch("approval")
    return {"task": view(world, task)}


@routes.add("GET", "/_sandbox/feishu_tasks", auth="none", claim=CONTROL)
def listing(world: World, req: Request) -> dict[str, Any]:
    """All tasks, oldest first; ?open_id= those a person is a member of."""
    who = req.query.get("open_id")
    found = [
        task for task in world.task.tasks.values() if not who or any(m["id"] == who for m in task.members)
    ]
    return {"tasks": [view(world, task) for task in found]}


@routes.add("POST", "/_sandbox/act/task", auth="none", claim=CONTROL)
def act(world: World, req: Request) -> dict[str, Any]:
    """An assignee ticks a task or deletes it: {open_id, guid, verb: complete|delete}."""
    body = req.json()
    req.need(body, "open_id", "guid")
    task = world.task.find(str(body["guid"]))
    if not task.may(str(body["open_id"]), "assignee"):
        raise ApiError(1470403, "No edit permission to the task.", status=403)
    if body.get("verb") == "delete":
        del world.task.tasks[task.guid]
    else:
        task.completed = world.clock.ms()
    world.pulse.touch("approval")
    return {}
