"""What the approval area knows: definitions, instances, who is told, and acting as a person.

Facts: docs approval-v4 (instance/create, instance/get, event pages), read 2026-11.
"""

import json
from collections.abc import Mapping
from typing import Any

from sandbox.approval_flow import (
    OPEN,
    Definition,
    Instance,
    News,
    Node,
    Task,
    advance,
    cancel,
    decide,
    note,
    revert,
)
from sandbox.kernel import ApiError, Person, World

BUDGET_CODE = "5B0F2E6A-1C7D-4E3B-9A60-8D2F4C1B7E55"
PURCHASE_CODE = "9D41C7B3-62AF-4F08-B1E5-3A7C90D6F214"
WIDGET_KEYS = ("id", "custom_id", "name", "type", "required")
REASONS: tuple[tuple[str, str, str, str, bool], ...] = (
    ("widget_reason", "reason", "理由", "textarea", False),
    ("widget_reference", "reference", "业务编号", "input", False),
)
BUDGET_FORM = (
    ("widget_plan", "plan", "计划", "input", True),
    ("widget_before", "before", "原预算（元）", "number", False),
    ("widget_after", "after", "新预算（元）", "number", False),
    *REASONS,
)
PURCHASE_FORM = (
    ("widget_sku", "sku", "商品", "input", True),
    ("widget_quantity", "quantity", "采购数量", "number", False),
    ("widget_amount", "amount", "金额（元）", "number", False),
    *REASONS,
)
PAYROLL_DEPARTMENT_CODE = "2F6B8C14-7E05-4A9D-8D3B-61C0E9A4F752"
PAYROLL_COMPANY_CODE = "C7A1D3E9-0B46-4F5C-9E82-4D7F13B8A06E"
PAYROLL_FORM = (
    ("widget_run", "run", "批次", "input", True),
    ("widget_month", "month", "月份", "input", True),
    ("widget_part", "part", "范围", "input", True),
    ("widget_headcount", "headcount", "人数", "number", True),
    ("widget_total", "total", "合计（元）", "number", True),
    ("widget_digest", "digest", "核对码", "input", True),
    ("widget_link", "link", "核对页", "input", False),
)
ABOVE = Node("node_supervisor", "主管审批", "OR", (("Supervisor", "1"),), "supervisor")
CHOSEN = (("Free", ""),)
SEEDED = (
    (BUDGET_CODE, "广告预算调整", BUDGET_FORM, (ABOVE,)),
    (PURCHASE_CODE, "紧急补货", PURCHASE_FORM, (ABOVE,)),
    (
        PAYROLL_DEPARTMENT_CODE,
        "部门工资审批",
        PAYROLL_FORM,
        (Node("node_department", "主管审批", "AND", CHOSEN, "supervisor"),),
    ),
    (
        PAYROLL_COMPANY_CODE,
        "月度工资审批",
        PAYROLL_FORM,
        (
            Node("node_hr_head", "人事负责人审批", "AND", CHOSEN, "hr_head"),
            Node("node_finance", "财务审批", "AND", CHOSEN, "finance"),
        ),
    ),
)


class ApprovalState:
    """Definitions by code, instances by code, uuids in use. Found as ``world.approval``."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.definitions: dict[str, Definition] = {}
        self.instances: dict[str, Instance] = {}
        self.by_uuid: dict[str, str] = {}

    def reset(self, _world: World, _company: str, _seed: int) -> None:
        """Forget definitions and instances."""
        self.definitions.clear()
        self.instances.clear()
        self.by_uuid.clear()

    def seed(self, _world: World) -> None:
        """What an administrator has built in the console.

        Budgets and purchases, signed by the supervisor; pay, signed by whom the starter names.
        """
        for code, name, widgets, nodes in SEEDED:
            known = [dict(zip(WIDGET_KEYS, widget, strict=True)) for widget in widgets]
            self.definitions[code] = Definition(code, name, known, list(nodes))

    def definition(self, code: Any) -> Definition:
        """A definition, or 1390002."""
        found = self.definitions.get(str(code))
        if found is None:
            raise ApiError(1390002, "approval code not found", status=400)
        return found

    def instance(self, code_or_uuid: Any) -> Instance:
        """An instance by its code or by the uuid given at creation, or 1390003."""
        key = str(code_or_uuid)
        found = self.instances.get(self.by_uuid.get(key.lower(), key))
        if found is None:
            raise ApiError(1390003, "instance code not found", status=400)
        return found

    def act(self, open_id: str, code_or_uuid: str, verb: str, comment: str = "") -> Instance:
        """A person approves, rejects, cancels (starter) or reverts (starter, after approval).

        Raises:
            ApiError: 1390010 when nothing waits for this person, 1390001 for an unknown verb or wrong state.
        """
        instance, at = self.instance(code_or_uuid), self.world.clock.ms()
        if verb in ("approve", "reject"):
            task = next((t for t in instance.tasks if t.status == OPEN and t.open_id == open_id), None)
            if task is None:
                raise ApiError(1390010, "task not found: nothing waits for this person", status=400)
            news = decide(instance, task, verb, at, comment, self._new_id)
        elif verb == "cancel" and instance.status == OPEN and not instance.forbid_revoke:
            news = cancel(instance, at, open_id)
        elif verb == "revert" and instance.status == "APPROVED" and not instance.reverted:
            news = revert(instance, at, open_id)
        else:
            raise ApiError(1390001, f"{verb} is not possible while {instance.status}", status=400)
        self.tell(instance, news)
        return instance

    def start(self, body: dict[str, Any]) -> Instance:
        """Start an instance from a checked request body and tell the subscribers."""
        definition = self.definition(body.get("approval_code"))
        starter = self._starter(body)
        uuid, form = str(body.get("uuid") or ""), check_form(definition, body.get("form"))
        if definition.status != "ACTIVE":
            raise ApiError(1390015, "approval is not active", status=400)
        if len(uuid) > 64:
            raise ApiError(1390001, "uuid: at most 64 characters", status=400)
        if uuid and uuid.lower() in self.by_uuid:
            raise ApiError(60012, "uuid conflict", status=400)
        plan = [(node, self._approvers(node, starter, body)) for node in definition.nodes]
        now = self.world.clock
        serial = f"{now.now():%Y%m%d}{len(self.instances) + 1:04d}"
        code = self.world.ids.uuid()
        instance = Instance(code, definition, starter.open_id, "", uuid, form, plan, serial, now.ms())
        instance.forbid_revoke = body.get("forbid_revoke") is True
        self.instances[code] = instance
        if uuid:
            self.by_uuid[uuid.lower()] = code
        note(instance, "START", now.ms(), starter.open_id)
        self.tell(instance, [News(OPEN), *advance(instance, now.ms(), self._new_id)])
        return instance

    def tell(self, instance: Instance, news: list[News]) -> None:
        """Push v1 events, in order per instance, to the apps subscribed to the definition."""
        self.world.pulse.touch("approval")
        for entry in news:
            body, kind = _event(self.world, instance, entry)
            for app_id in sorted(instance.definition.subscribers & set(self.world.apps)):
                self.world.events.emit(kind, body, app_id=app_id, v1=True, lane=f"approval/{instance.code}")

    def _starter(self, body: Mapping[str, Any]) -> Person:
        value = body.get("user_id") or body.get("open_id")
        if not value:
            raise ApiError(1390001, "user_id or open_id is required", status=400)
        person = self.world.find_person(str(value), "user_id" if body.get("user_id") else "open_id")
        if person is None:
            raise ApiError(1390004, "user not found", status=400)
        return person

    def _approvers(self, node: Node, starter: Person, body: Mapping[str, Any]) -> list[str]:
        found: list[str] = []
        for kind, value in node.approvers:
            if kind == "Personal":
                found.append(value)
            elif kind == "Free":
                found += self._chosen(node, body)
            else:
                found += self._above(starter, int(value or 1))
        return list(dict.fromkeys(found))

    def _chosen(self, node: Node, body: Mapping[str, Any]) -> list[str]:
        people: list[str] = []
        for key, id_type in (
            ("node_approver_open_id_list", "open_id"),
            ("node_approver_user_id_list", "user_id"),
        ):
            for entry in body.get(key) or ():
                if entry.get("key") in (node.node_id, node.custom_id):
                    for value in entry.get("value") or ():
                        person = self.world.find_person(str(value), id_type)
                        if person is None:
                            raise ApiError(1390004, f"user not found: {value}", status=400)
                        people.append(person.open_id)
        if not people:
            raise ApiError(1390001, f"node {node.node_id} needs approvers chosen by the starter", status=400)
        return people

    def _above(self, starter: Person, level: int) -> list[str]:
        person: Person | None = starter
        for _ in range(level):
            person = self.world.people.get(person.leader_open_id) if person else None
        return [person.open_id] if person else []

    def _new_id(self) -> str:
        return self.world.ids.text(19, "123456789")


def check_form(definition: Definition, text: Any) -> list[dict[str, Any]]:
    """The form of an instance against the widgets of its definition; 1390001 names the widget."""
    try:
        form = json.loads(text) if isinstance(text, str) else None
    except ValueError:
        form = None
    if not isinstance(form, list):
        raise ApiError(1390001, "form: expected a JSON array as a string", status=400)
    known = {str(w["id"]): w for w in definition.widgets}
    by_custom = {str(w.get("custom_id")): w for w in definition.widgets if w.get("custom_id")}
    seen = set()
    for item in form:
        widget = known.get(str(item.get("id"))) or by_custom.get(str(item.get("id")))
        if widget is None:
            raise ApiError(1390001, f"form: unknown widget {item.get('id')}", status=400)
        if item.get("type") != widget["type"]:
            raise ApiError(1390001, f"form: widget {widget['id']} is of type {widget['type']}", status=400)
        if widget["type"] in ("number", "amount") and not isinstance(item.get("value"), (int, float)):
            raise ApiError(1390001, f"form: widget {widget['id']} needs a number", status=400)
        if item.get("value") not in (None, "", []):
            seen.add(widget["id"])
    for widget in definition.widgets:
        if widget.get("required") and widget["id"] not in seen:
            raise ApiError(1390001, f"form: widget {widget['id']} is required", status=400)
    return form


def _event(world: World, instance: Instance, news: News) -> tuple[dict[str, Any], str]:
    at = world.clock.ms()
    head = {"approval_code": instance.definition.code, "instance_code": instance.code}
    if news.task is None:
        # In the REVERTED case the platform sends a number where it else sends text.
        moment: int | str = at if news.status == "REVERTED" else str(at)
        body = {"status": news.status, "operate_time": moment, "instance_operate_time": moment}
        return {**head, **body, "uuid": instance.uuid}, "approval_instance"
    task = news.task
    person = world.people.get(task.open_id)
    body = {
        "status": news.status,
        "operate_time": str(at),
        "open_id": task.open_id,
        "user_id": person.user_id if person else "",
        "task_id": task.task_id,
        "def_key": task.node.node_id,
        "custom_key": task.node.custom_id,
        "extra": "",
    }
    return {**head, **body}, "approval_task"


def waiting(world: World, open_id: str) -> list[tuple[Instance, Task]]:
    """What waits for a person, oldest first (for the page)."""
    return [
        (instance, task)
        for instance in world.approval.instances.values()
        for task in instance.tasks
        if task.status == OPEN and task.open_id == open_id
    ]
