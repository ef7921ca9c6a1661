"""Actions as Feishu tasks, where the manifest wants them (``tasks.feishu``): made once, told how it ended.

An extra beside card and board, which stay the truth: whatever happens here, alert and action are not
touched. Feishu remembers a creation for five minutes and cannot be asked what was made, so one that did not
work within four is given up rather than made twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rules import store, told
from rules.deps import Worker
from rules.effects import SYSTEM
from rules.limits import yuan
from rules.model import Action, Alert, Rule, Task, TaskState
from rules.rulebook import load_entry
from rules.specs import TASKS
from rules.tables import alert_feishu_tasks
from rules.wording import clock_time, limit_text, metric_text, spaced
from runtime import audit
from runtime.backup import restored_after
from runtime.db import Utc
from runtime.errors import ChorusError, PermanentError
from runtime.feishu.errors import NotFound
from runtime.feishu.task import LONGEST_TEXT, MOST_MEMBERS, REPEAT_WINDOW, NewTask, Tasks
from runtime.ids import OpenId, TaskGuid, TaskId
from runtime.jobrun import JobRun

NAME: Final = "红线预警"
"""What Feishu shows as the source of a task."""
TITLE: Final = 200
"""Characters of a title at most; names come from tables."""


def summary_of(task: Task) -> str:
    """The title of the Feishu task: what is done with what, and whether it did not succeed. Pure."""
    failed = "【没有成功】" if task.state is TaskState.FAILED else ""
    words = {Action.ADJUST: f"，日预算改为 {_amount(task)}", Action.RESTOCK: f"，补 {_amount(task)}"}
    return f"{failed}{task.kind.value}：{task.title[:TITLE]}{words.get(task.kind, '')}"


def description_of(task: Task, reason: str, where: str) -> str:
    """What, why, who, how it stands, and where to look. Pure.

    Args:
        task: as it is.
        reason: why it was asked for, as it was then.
        where: the board for people, with its address if that is known.
    """
    change = f"日预算 {yuan(task.before)} → {_amount(task)}" if task.before is not None else _amount(task)
    what = "暂停投放" if task.kind is Action.PAUSE else change
    lines = [
        f"要做的事：{task.kind.value}，{task.title[:TITLE]}，{what}",
        f"原因：{reason}",
        f"提交：{task.asked_by.name or '—'}，{clock_time(task.asked_at)}",
        f"进展：{_progress(task)}",
        f"在哪里看：{where}，编号 {task.id}",
        "这个任务由机器人更新和完成；勾选或删除它，不会执行也不会取消这次操作。",
    ]
    return "\n".join(lines)[:LONGEST_TEXT]


def reason_of(alert: Alert, rule: Rule | None) -> str:
    """Why an action was asked for: the rule, and the number against its threshold. Pure."""
    if rule is None:
        return f"“{alert.title}”越过红线"
    if rule.condition is not None:
        return f"红线“{rule.name}”"
    value, limit = metric_text(alert.value, rule.metric.unit), limit_text(rule, alert.limit)
    return f"红线“{rule.name}”：{spaced(rule.metric.name, value)}，{spaced(rule.comparison.value, limit)}"


def _amount(task: Task) -> str:
    return yuan(task.amount) if task.kind is Action.ADJUST else f"{task.amount:f} 件"


def _progress(task: Task) -> str:
    if task.state is TaskState.WAITING:
        return "超过本人额度，等待审批，通过后自动执行"
    if task.state.running:
        return "正在执行"
    at = "" if task.done_at is None else f"{clock_time(task.done_at)} "
    return f"{at}没有成功：{task.result}" if task.state is TaskState.FAILED else f"{at}已完成：{task.result}"


class FeishuTasks:
    """The job ``rules.feishu_task``."""

    def __init__(self, deps: Worker) -> None:
        self.deps = deps

    def follow(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """Make the Feishu task of an action, or write into it how the action ended."""
        api = self.deps.tasks
        if api is None or not self.deps.policy.feishu_tasks:
            return
        wanted = run.step("compose", lambda: self._compose(str(args["task_id"])))
        if wanted is None:
            return
        try:
            made = run.attempt("write", lambda: self._write(api, wanted))
        except PermanentError as error:
            self._failed(run, wanted, str(error))
        except ChorusError as error:
            if wanted["guid"]:
                raise  # parked: an end can be written at any time, and somebody may try it again
            self._failed(run, wanted, str(error))
        else:
            run.step("done", lambda: self._settle(wanted, made, ""))

    def _compose(self, task_id: str) -> dict[str, Any] | None:
        """What the Feishu task must say now; None when it says so, or when there shall be none.

        Recorded, because Feishu wants the very same words with the same token.
        """
        with self.deps.db.begin() as conn:
            task = store.load_task(conn, task_id)
            alert = store.load_alert(conn, task.alert_id) if task is not None else None
            if task is None or alert is None:
                return None
            known = self._begin(conn, task, alert)
            if known.shown == task.state.value or (known.guid is None and known.trouble):
                return None
            holders = told.receivers_of(conn, [alert.id]).get(alert.id, set())
        people = [*(person.open_id for person in alert.owners), *sorted(holders)]
        link, where = self._board()
        over = None if task.state.running else task.done_at or self.deps.clock.now()
        return {
            "id": task.id,
            "guid": known.guid,
            "state": task.state.value,
            "tried_at": known.tried_at.isoformat(),
            "summary": summary_of(task),
            "description": description_of(task, known.reason, where),
            "assignee": task.asked_by.open_id,
            "followers": [who for who in dict.fromkeys(people) if who != task.asked_by.open_id],
            "over": over.isoformat() if over is not None else None,
            "link": link,
        }

    def _begin(self, conn: Connection, task: Task, alert: Alert) -> Any:
        """The row of a Feishu task, written before the first try.

        In a database from a backup the first try may have been made by the machine that was lost.
        """
        entry = load_entry(conn, alert.rule_id, self.deps.sources.catalog)
        restored = conn.execute(sa.select(restored_after(sa.literal(task.asked_at, Utc)))).scalar_one()
        row = {
            "task_id": task.id,
            "reason": reason_of(alert, entry.rule if entry else None),
            "tried_at": task.asked_at if restored else self.deps.clock.now(),
        }
        store.insert_new(conn, alert_feishu_tasks, row)
        f = alert_feishu_tasks
        return conn.execute(sa.select(f).where(f.c.task_id == task.id)).one()

    def _board(self) -> tuple[str, str]:
        """Address of 处理任务 (empty while nobody said where their Feishu is), and where to look in words."""
        words = f"多维表格“{self.deps.sync.specs.table(TASKS).name}”"
        bound = self.deps.sync.bindings.get(TASKS)
        if bound is None or not self.deps.policy.site:
            return "", words
        link = f"{self.deps.policy.site}/base/{bound.app_token}?table={bound.table_id}"
        return link, f"{words} {link} "

    def _write(self, api: Tasks, wanted: Mapping[str, Any]) -> str:
        summary, description = wanted["summary"], wanted["description"]
        over = datetime.fromisoformat(wanted["over"]) if wanted["over"] else None
        if wanted["guid"]:
            guid = TaskGuid(wanted["guid"])
            with suppress(NotFound):  # somebody deleted it: nothing is left to say there
                if over is None:
                    api.update(guid, summary=summary, description=description)
                else:
                    api.finish(guid, summary=summary, description=description, at=over)
            return guid
        if self.deps.clock.now() - datetime.fromisoformat(wanted["tried_at"]) > REPEAT_WINDOW:
            minutes = int(REPEAT_WINDOW.total_seconds() // 60)
            raise PermanentError(f"{minutes} 分钟内没有建成，再建可能重复，所以不再建")
        new = NewTask(
            summary,
            description,
            OpenId(wanted["assignee"]),
            [OpenId(who) for who in wanted["followers"]][: MOST_MEMBERS - 1],
            over,
            (NAME, wanted["link"]) if wanted["link"] else None,
        )
        return api.create(new, client_token=wanted["id"])

    def _failed(self, run: JobRun, wanted: Mapping[str, Any], why: str) -> None:
        """Note the trouble, and tell the administrator unless the last Feishu task was in trouble already."""
        if not run.step("failed", lambda: self._settle(wanted, wanted["guid"], why)):
            return
        said = (
            f"飞书任务没有写成，预警和处理照常进行。原因：{why}\n"
            "请运行 chorus doctor；不需要飞书任务时，把 feishu_app.yaml 的 tasks.feishu 改为 false。"
            "恢复以前不再重复提醒。"
        )
        for person in self.deps.policy.fallback:
            uuid = store.short_id("ft_", wanted["id"], person.open_id)
            run.attempt(f"tell:{person.open_id}", self._teller(person.open_id, said, uuid))

    def _teller(self, open_id: str, said: str, uuid: str) -> Any:
        return lambda: str(self.deps.im.send_text(open_id, said, uuid=uuid).message_id)

    def _settle(self, wanted: Mapping[str, Any], guid: str | None, trouble: str) -> bool:
        """Note what came of it; whether this is trouble nobody was told of yet."""
        f, now, task_id = alert_feishu_tasks, self.deps.clock.now(), TaskId(wanted["id"])
        with self.deps.db.begin() as conn:
            before = last_trouble(conn)
            shown = {} if trouble else {"shown": wanted["state"]}
            row = sa.update(f).where(f.c.task_id == task_id)
            conn.execute(row.values(guid=guid, trouble=trouble[:500], at=now, **shown))
            audit.record(
                conn, at=now, actor=SYSTEM, action="task.feishu", subject=f"task:{task_id}",
                reason="trouble" if trouble else "written", detail={"guid": guid or ""},
            )  # fmt: skip
        return bool(trouble) and not before


def last_trouble(conn: Connection) -> str:
    """Why the newest Feishu task could not be written; "" when it was, or when there never was one."""
    f = alert_feishu_tasks.c
    newest = sa.select(f.trouble).where(f.at.is_not(None)).order_by(f.at.desc()).limit(1)
    return conn.execute(newest).scalar_one_or_none() or ""
