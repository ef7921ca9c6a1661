"""Approval definitions, instances and how an instance walks through its nodes. No HTTP here.

Facts: docs approval-v4 (instance/get, approval/create, event pages), read 2026-11. Tasks of an AND node must
all pass, one of an OR node is enough (the others become DONE), a SEQUENTIAL node asks one after the other. A
node without anybody, or with only the starter, passes by itself (AUTO_PASS); a person who approved earlier is
not asked again (REMOVE_REPEAT).
"""

from dataclasses import dataclass, field
from typing import Any

Ids = dict[str, str]
OPEN, CLOSED_TASK = "PENDING", ("APPROVED", "REJECTED", "TRANSFERRED", "DONE")


@dataclass(slots=True)
class Node:
    """One step of a definition. ``approvers``: pairs (type, open_id or level)."""

    node_id: str
    name: str
    kind: str
    approvers: tuple[tuple[str, str], ...]
    custom_id: str = ""
    signature: bool = False

    @property
    def free(self) -> bool:
        """Whether the starter names the approvers."""
        return any(kind == "Free" for kind, _ in self.approvers)


@dataclass(slots=True)
class Definition:
    """A kind of approval: widgets (as in the console) and nodes between START and END."""

    code: str
    name: str
    widgets: list[dict[str, Any]]
    nodes: list[Node]
    status: str = "ACTIVE"
    subscribers: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Task:
    """One person's part in one node; times in ms."""

    task_id: str
    node: Node
    open_id: str
    start: int
    kind: str
    status: str = OPEN
    end: int = 0


@dataclass(slots=True)
class Instance:
    """One running or finished approval."""

    code: str
    definition: Definition
    starter: str
    department: str
    uuid: str
    form: list[dict[str, Any]]
    plan: list[tuple[Node, list[str]]]
    serial: str
    start: int
    status: str = OPEN
    end: int = 0
    reverted: bool = False
    step: int = -1
    tasks: list[Task] = field(default_factory=list)
    timeline: list[dict[str, Any]] = field(default_factory=list)
    forbid_revoke: bool = False


@dataclass(frozen=True, slots=True)
class News:
    """What an act brought about: ``task`` None means the instance itself changed to ``status``."""

    status: str
    task: Task | None = None


def note(instance: Instance, kind: str, at: int, open_id: str = "", **more: Any) -> None:
    """Write a line of the timeline."""
    instance.timeline.append({"type": kind, "create_time": at, "open_id": open_id, **more})


def advance(instance: Instance, at: int, new_id: Any) -> list[News]:
    """Go to the next node that needs a person, or to the end."""
    news: list[News] = []
    while instance.status == OPEN:
        instance.step += 1
        if instance.step >= len(instance.plan):
            instance.status, instance.end = "APPROVED", at
            news.append(News("APPROVED"))
            break
        node, people = instance.plan[instance.step]
        asked = _enter(instance, node, people, at, new_id)
        news += asked
        if any(entry.status == OPEN for entry in asked):
            break
    return news


def _enter(instance: Instance, node: Node, people: list[str], at: int, new_id: Any) -> list[News]:
    before = {task.open_id for task in instance.tasks if task.status == "APPROVED"}
    if not people or people == [instance.starter]:
        task = Task(new_id(), node, "", at, "AUTO_PASS", "APPROVED", at)
        instance.tasks.append(task)
        note(instance, "AUTO_PASS", at, task_id=task.task_id, node_key=node.node_id)
        return [News("APPROVED", task)]
    waiting = [person for person in people if person not in before]
    for person in people:
        if person in before:
            note(instance, "REMOVE_REPEAT", at, person, node_key=node.node_id)
    if not waiting or (node.kind == "OR" and len(waiting) < len(people)):
        return []
    first = waiting[:1] if node.kind == "SEQUENTIAL" else waiting
    tasks = [Task(new_id(), node, person, at, node.kind) for person in first]
    instance.tasks += tasks
    return [News(OPEN, task) for task in tasks]


def decide(instance: Instance, task: Task, verb: str, at: int, comment: str, new_id: Any) -> list[News]:
    """A person passes or rejects; returns everything that follows."""
    passed = verb == "approve"
    task.status, task.end = ("APPROVED" if passed else "REJECTED"), at
    note(
        instance,
        "PASS" if passed else "REJECT",
        at,
        task.open_id,
        task_id=task.task_id,
        comment=comment,
        node_key=task.node.node_id,
    )
    news = [News(task.status, task)]
    if not passed:
        news += _close_rest(instance, at)
        instance.status, instance.end = "REJECTED", at
        return [*news, News("REJECTED")]
    if task.kind == "SEQUENTIAL" and (following := _following(instance, task)) is not None:
        more = Task(new_id(), task.node, following, at, task.kind)
        instance.tasks.append(more)
        return [*news, News(OPEN, more)]
    if task.kind == "OR":
        news += _close_rest(instance, at)
    if any(other.status == OPEN for other in instance.tasks):
        return news
    return news + advance(instance, at, new_id)


def cancel(instance: Instance, at: int, open_id: str, status: str = "CANCELED") -> list[News]:
    """The starter withdraws a running instance."""
    news = _close_rest(instance, at)
    note(instance, "CANCEL", at, open_id)
    instance.status, instance.end = status, at
    return [*news, News(status)]


def revert(instance: Instance, at: int, open_id: str) -> list[News]:
    """An approved instance is taken back: the status stays APPROVED, only ``reverted`` tells."""
    note(instance, "CANCEL", at, open_id)
    instance.reverted = True
    return [News("REVERTED")]


def _close_rest(instance: Instance, at: int) -> list[News]:
    news = []
    for task in instance.tasks:
        if task.status == OPEN:
            task.status, task.end = "DONE", at
            news.append(News("DONE", task))
    return news


def _following(instance: Instance, task: Task) -> str | None:
    people = instance.plan[instance.step][1]
    asked = {other.open_id for other in instance.tasks if other.node is task.node}
    return next((person for person in people if person not in asked), None)
