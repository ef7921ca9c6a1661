"""The tab 审批 of the web client: what waits for a person, what they started, and their Feishu tasks."""

import json
from typing import Any

from sandbox.approval_flow import Instance
from sandbox.approval_state import waiting
from sandbox.card_html import esc
from sandbox.kernel import Reply, Request, Routes, World
from sandbox.task import Task

CLAIM = "our own web client, 2026-11"
STATES = {
    "PENDING": ("审批中", "orange"),
    "APPROVED": ("已通过", "green"),
    "REJECTED": ("已拒绝", "red"),
    "CANCELED": ("已撤回", "neutral"),
    "DELETED": ("已删除", "neutral"),
}
VERBS = {
    "approve": ("同意", "btn-primary_filled"),
    "reject": ("拒绝", "btn-danger"),
    "cancel": ("撤回申请", "btn-default"),
    "revert": ("撤销已通过的审批", "btn-danger"),
}
SHOWN = 50

routes = Routes("page")


@routes.add("GET", "/people/:open_id/tasks", auth="none", claim=CLAIM)
def tasks(world: World, req: Request) -> Reply:
    """What waits for this person's decision, and what they started or decided: ``{html, done, waiting}``."""
    who = req.params["open_id"]
    open_tasks = waiting(world, who)
    parts = [paper(world, instance, task.node.name, ("approve", "reject")) for instance, task in open_tasks]
    busy = {instance.code for instance, _ in open_tasks}
    own = [i for i in world.approval.instances.values() if i.code not in busy and concerns(i, who)]
    done = [paper(world, i, "", verbs_of(i, who)) for i in own[-SHOWN:][::-1]]
    theirs = [t for t in world.task.tasks.values() if any(m["id"] == who for m in t.members)]
    done += [sheet(world, task, who) for task in theirs[-SHOWN:][::-1]]
    return Reply({"html": "".join(parts), "done": "".join(done), "waiting": len(open_tasks)})


def sheet(world: World, task: Task, who: str) -> str:
    """One Feishu task as a member sees it."""
    title, said = (esc(str(task.fields.get(name, ""))) for name in ("summary", "description"))
    word, colour = ("已完成", "green") if task.completed else ("未完成", "orange")
    role = "负责" if any(m["id"] == who and m["role"] == "assignee" for m in task.members) else "关注"
    names = "、".join(name_in(world, m["id"]) for m in task.members if m["role"] == "assignee")
    lines = "<br>".join(said.split("\n"))
    return (
        f'<section class="task" aria-label="{title}"><h3>{title}'
        f'<span class="tag tag-{colour}">{word}</span></h3>'
        f"<dl><dt>飞书任务</dt><dd>我{role}的 · 负责人 {esc(names)}</dd></dl><p>{lines}</p></section>"
    )


def concerns(instance: Instance, who: str) -> bool:
    """Whether a person started an instance or was asked about it."""
    return instance.starter == who or any(task.open_id == who for task in instance.tasks)


def verbs_of(instance: Instance, who: str) -> tuple[str, ...]:
    """What its starter may still do with an instance."""
    if instance.starter != who:
        return ()
    if instance.status == "PENDING" and not instance.forbid_revoke:
        return ("cancel",)
    return ("revert",) if instance.status == "APPROVED" and not instance.reverted else ()


def paper(world: World, instance: Instance, node: str, verbs: tuple[str, ...]) -> str:
    """One instance with its form, who decided what, and what can be done now."""
    names = {
        widget.get(key): widget.get("name")
        for widget in instance.definition.widgets
        for key in ("custom_id", "id")
    }
    lines = [("发起人", name_in(world, instance.starter))]
    lines += [("节点", node)] if node else []
    lines += [(str(names.get(w.get("id")) or w.get("id")), said(w.get("value"))) for w in instance.form]
    rows = "".join(f"<dt>{esc(name)}</dt><dd>{esc(value)}</dd>" for name, value in lines)
    word, colour = (
        ("已撤销", "neutral") if instance.reverted else STATES.get(instance.status, ("", "neutral"))
    )
    title = esc(instance.definition.name)
    steps = "".join(step(world, task) for task in instance.tasks)
    return (
        f'<section class="task" aria-label="{title}"><h3>{title}'
        f'<span class="tag tag-{colour}">{word}</span></h3><dl>{rows}</dl>'
        f'<ol class="steps">{steps}</ol>{actions(instance, verbs)}</section>'
    )


def step(world: World, task: Any) -> str:
    """Who was asked, and what they decided."""
    word, colour = STATES.get(task.status, (str(task.status), "neutral"))
    who = esc(name_in(world, task.open_id))
    return f'<li><span class="tag tag-{colour}">{esc(word)}</span>{who} · {esc(task.node.name)}</li>'


def actions(instance: Instance, verbs: tuple[str, ...]) -> str:
    """The buttons under an instance; a decision may carry words."""
    if not verbs:
        return ""
    words = '<input placeholder="意见（可不填）" aria-label="意见">' if "approve" in verbs else ""
    buttons = "".join(
        f'<button class="btn {VERBS[verb][1]}" data-verb="{verb}" data-code="{esc(instance.code)}">'
        f"{VERBS[verb][0]}</button>"
        for verb in verbs
    )
    return f'<div class="row">{words}{buttons}</div>'


def name_in(world: World, open_id: str) -> str:
    """A person's name; empty for nobody."""
    person = world.people.get(open_id)
    return person.name if person else ""


def said(value: Any) -> str:
    """The value of a form widget in one line."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return f"{value:,.0f}" if value == int(value) else f"{value:,.2f}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
