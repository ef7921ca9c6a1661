"""Approvals over HTTP: definitions, instances, subscriptions; and acting as a person.

Facts: docs approval-v4, read 2026-11 (pages named at each route). Apps get no endpoint that decides a task:
the product must never approve for a person, so /tasks/approve is refused as an unknown path.
"""

import json
from typing import Any

from sandbox.approval_flow import Definition, Instance, Node
from sandbox.approval_state import ApprovalState, waiting
from sandbox.kernel import ApiError, Rate, Request, Routes, World

__all__ = ["ApprovalState", "routes"]

BASE = "/open-apis/approval/v4"
WRITE = ("approval:approval", "approval:instance")
READ = (*WRITE, "approval:approval:readonly")
DEFINE = ("approval:approval", "approval:definition")
PER_MINUTE = Rate(per_minute=100)
COMMON = Rate(per_minute=1000, per_second=50)
STATES = {"RECALL": "CANCELED", "REJECT": "REJECTED"}
CONTROL = "our own control plane, 2026-11"

routes = Routes("approval")


@routes.add(
    "POST",
    f"{BASE}/instances",
    claim="docs approval-v4/instance/create, 2026-11",
    rate=PER_MINUTE,
    scopes=WRITE,
)
def create_instance(world: World, req: Request) -> dict[str, Any]:
    """Start an instance for a person; a repeated uuid is 60012, never the first answer again."""
    body = req.json()
    instance = world.approval.start(body)
    answer = {"instance_code": instance.code}
    if body.get("with_link"):
        answer["instance_link"] = f"{world.base_url}/people/{instance.starter}"
    return answer


@routes.add(
    "GET",
    f"{BASE}/instances/:instance_id",
    claim="docs approval-v4/instance/get, 2026-11",
    rate=COMMON,
    scopes=READ,
)
def get_instance(world: World, req: Request) -> dict[str, Any]:
    """One instance by code or uuid."""
    return instance_view(world, world.approval.instance(req.params["instance_id"]))


def instance_view(world: World, instance: Instance) -> dict[str, Any]:
    """An instance as instance/get answers it; an approved one that was reverted still says APPROVED."""
    users = {p.open_id: p.user_id for p in world.people.values()}
    person = world.people.get(instance.starter)
    return {
        "approval_name": instance.definition.name,
        "approval_code": instance.definition.code,
        "instance_code": instance.code,
        "serial_number": instance.serial,
        "start_time": str(instance.start),
        "end_time": str(instance.end),
        "user_id": users.get(instance.starter, ""),
        "open_id": instance.starter,
        "department_id": person.department if person else "",
        "uuid": instance.uuid,
        "form": json.dumps(instance.form, ensure_ascii=False),
        "status": instance.status,
        "reverted": instance.reverted,
        "task_list": [
            {
                "id": task.task_id,
                "user_id": users.get(task.open_id, ""),
                "open_id": task.open_id,
                "status": task.status,
                "node_id": task.node.node_id,
                "node_name": task.node.name,
                "custom_node_id": task.node.custom_id,
                "type": task.kind,
                "start_time": str(task.start),
                "end_time": str(task.end),
            }
            for task in instance.tasks
        ],
        "comment_list": [],
        "timeline": [
            {
                **entry,
                "create_time": str(entry["create_time"]),
                "user_id": users.get(entry["open_id"], ""),
                "ext": "{}",
            }
            for entry in instance.timeline
        ],
    }


@routes.add(
    "POST",
    f"{BASE}/instances/cancel",
    claim="docs approval-v4/instance/cancel, 2026-11",
    rate=COMMON,
    scopes=WRITE,
)
def cancel_instance(world: World, req: Request) -> dict[str, Any]:
    """Withdraw a running instance: {approval_code, instance_code, user_id}."""
    body = req.json()
    world.approval.definition(body.get("approval_code"))
    instance = world.approval.instance(body.get("instance_code"))
    person = world.find_person(str(body.get("user_id")), req.query.get("user_id_type", "user_id"))
    if person is None or person.open_id != instance.starter:
        raise ApiError(1390004, "user not found, or not the starter", status=400)
    world.approval.act(person.open_id, instance.code, "cancel")
    return {}


@routes.add(
    "GET", f"{BASE}/instances", claim="docs approval-v4/instance/list, 2026-11", rate=PER_MINUTE, scopes=READ
)
def list_instances(world: World, req: Request) -> dict[str, Any]:
    """Codes of one definition's instances started between two times (ms)."""
    definition = world.approval.definition(req.query.get("approval_code"))
    start, end = int(req.query.get("start_time", "0")), int(req.query.get("end_time", str(2**60)))
    size, offset = int(req.query.get("page_size", "100")), int(req.query.get("page_token") or "0")
    codes = [
        i.code
        for i in world.approval.instances.values()
        if i.definition is definition and start <= i.start <= end
    ]
    more = len(codes) > offset + size
    token = str(offset + size) if more else ""
    return {"instance_code_list": codes[offset : offset + size], "page_token": token, "has_more": more}


@routes.add(
    "POST",
    f"{BASE}/instances/query",
    claim="docs approval-v4/instance/query, 2026-11",
    rate=PER_MINUTE,
    scopes=READ,
)
def query_instances(world: World, req: Request) -> dict[str, Any]:
    """Instances by approval_code, instance_code and instance_status (PENDING, RECALL, REJECT …)."""
    body = req.json()
    status = str(body.get("instance_status") or "ALL")
    status = STATES.get(status, status)
    found = [
        i
        for i in world.approval.instances.values()
        if body.get("approval_code") in (None, "", i.definition.code)
        and body.get("instance_code") in (None, "", i.code)
        and status in ("ALL", i.status)
    ]
    rows = [
        {
            "approval": {"code": i.definition.code, "name": i.definition.name},
            "instance": {
                "code": i.code,
                "user_id": getattr(world.people.get(i.starter), "user_id", ""),
                "start_time": str(i.start),
                "end_time": str(i.end),
                "status": i.status.lower(),
                "title": i.definition.name,
                "serial_id": i.serial,
            },
        }
        for i in found
    ]
    return {"count": len(rows), "instance_list": rows, "page_token": "", "has_more": False}


@routes.add(
    "POST", f"{BASE}/approvals", claim="docs approval-v4/approval/create, 2025-10", rate=COMMON, scopes=DEFINE
)
def create_definition(world: World, req: Request) -> dict[str, Any]:
    """Create a definition, or replace the one whose approval_code is given."""
    body = req.json()
    code = body.get("approval_code") or world.ids.uuid()
    if body.get("approval_code"):
        world.approval.definition(code)
    texts = {
        text["key"]: text["value"]
        for resource in reversed(body.get("i18n_resources") or [])
        for text in resource.get("texts") or ()
    }
    name = str(body.get("approval_name") or "")
    if not name.startswith("@i18n@") or len(name) < 9:
        raise ApiError(1390001, "approval_name: an i18n key of at least 9 characters", status=400)
    try:
        widgets = json.loads((body.get("form") or {})["form_content"])
    except (KeyError, ValueError, TypeError) as broken:
        raise ApiError(
            1390001, "form.form_content: expected a JSON array as a string", status=400
        ) from broken
    listed = body.get("node_list") or []
    if len(listed) < 2 or listed[0].get("id") != "START" or listed[-1].get("id") != "END":
        raise ApiError(1390001, "node_list: first START, last END", status=400)
    for widget in widgets:
        widget["name"] = texts.get(widget.get("name"), widget.get("name"))
    old = world.approval.definitions.get(code)
    world.approval.definitions[code] = Definition(
        code,
        texts.get(name, name),
        widgets,
        [_node(world, node, texts, req) for node in listed[1:-1]],
        subscribers=old.subscribers if old else set(),
    )
    return {"approval_code": code, "approval_id": "7090754740375519252"}


def _node(world: World, node: dict[str, Any], texts: dict[str, str], req: Request) -> Node:
    approvers = []
    for approver in node.get("approver") or ():
        kind, value = str(approver.get("type")), str(approver.get("level") or "1")
        if kind == "Personal":
            id_type = req.query.get("user_id_type", "open_id")
            person = world.find_person(str(approver.get("user_id")), id_type)
            if person is None:
                raise ApiError(1390004, f"user not found: {approver.get('user_id')}", status=400)
            value = person.open_id
        approvers.append((kind, value))
    kind = str(node.get("node_type") or "AND")
    name = texts.get(str(node.get("name")), str(node.get("name") or ""))
    return Node(str(node["id"]), name, kind, tuple(approvers), str(node.get("custom_node_id") or ""))


@routes.add(
    "GET",
    f"{BASE}/approvals/:approval_code",
    claim="docs approval-v4/approval/get, 2026-11",
    rate=PER_MINUTE,
    scopes=(*DEFINE, "approval:approval:readonly"),
)
def get_definition(world: World, req: Request) -> dict[str, Any]:
    """Status, widgets (a JSON string) and nodes of a definition."""
    definition = world.approval.definition(req.params["approval_code"])
    ends = [Node("START", "提交", "AND", ()), Node("END", "结束", "AND", ())]
    return {
        "approval_name": definition.name,
        "status": definition.status,
        "form": json.dumps(definition.widgets, ensure_ascii=False),
        "node_list": [
            {
                "name": node.name,
                "need_approver": node.free,
                "node_id": node.node_id,
                "custom_node_id": node.custom_id,
                "node_type": node.kind,
                "approver_chosen_multi": node.free,
                "require_signature": node.signature,
            }
            for node in (ends[0], *definition.nodes, ends[1])
        ],
        "viewers": [{"type": "TENANT", "id": "", "user_id": ""}],
        "approval_admin_ids": [],
        "form_widget_relation": "",
    }


@routes.add(
    "POST",
    f"{BASE}/approvals/:approval_code/subscribe",
    claim="docs approval-v4/event/subscribe, 2026-11",
    rate=COMMON,
    scopes=DEFINE,
)
def subscribe(world: World, req: Request) -> dict[str, Any]:
    """Ask for the events of a definition; a second time is 1390007."""
    definition = world.approval.definition(req.params["approval_code"])
    if req.app.app_id in definition.subscribers:
        raise ApiError(1390007, "subscription existed", status=400)
    definition.subscribers.add(req.app.app_id)
    return {}


@routes.add(
    "POST",
    f"{BASE}/approvals/:approval_code/unsubscribe",
    claim="docs approval-v4/event/unsubscribe, 2026-11",
    rate=COMMON,
    scopes=DEFINE,
)
def unsubscribe(world: World, req: Request) -> dict[str, Any]:
    """Stop the events of a definition."""
    world.approval.definition(req.params["approval_code"]).subscribers.discard(req.app.app_id)
    return {}


@routes.add("POST", "/_sandbox/act/approve", auth="none", claim=CONTROL)
def act(world: World, req: Request) -> dict[str, Any]:
    """A person decides: {open_id, instance_code, verb: approve|reject|cancel|revert, comment?}."""
    body = req.json()
    req.need(body, "open_id", "instance_code")
    verb = str(body.get("verb", "approve"))
    code = str(body["instance_code"])
    instance = world.approval.act(str(body["open_id"]), code, verb, str(body.get("comment", "")))
    return instance_view(world, instance)


@routes.add("GET", "/_sandbox/approvals", auth="none", claim=CONTROL)
def open_tasks(world: World, req: Request) -> dict[str, Any]:
    """?open_id=: what waits for a person; without it all instances."""
    open_id = req.query.get("open_id")
    if not open_id:
        return {"instances": [instance_view(world, i) for i in world.approval.instances.values()]}
    found = [instance for instance, _ in waiting(world, open_id)]
    return {"instances": [instance_view(world, instance) for instance in found]}


@routes.add("GET", "/_sandbox/definitions", auth="none", claim=CONTROL)
def list_definitions(world: World, _req: Request) -> dict[str, Any]:
    """The definitions there are, by code and name."""
    known = world.approval.definitions.values()
    return {"definitions": [{"approval_code": d.code, "name": d.name, "status": d.status} for d in known]}


@routes.add("POST", "/_sandbox/approvals/:approval_code", auth="none", claim=CONTROL)
def turn_definition(world: World, req: Request) -> dict[str, Any]:
    """Set a definition's {status: ACTIVE|INACTIVE|DELETED} as an administrator would."""
    definition = world.approval.definition(req.params["approval_code"])
    definition.status = str(req.json().get("status", definition.status))
    return {"status": definition.status}
