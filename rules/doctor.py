"""What of red lines is not in order, each with the next step; and the command that confirms.

Looks at our own state only: connections without fresh numbers, objects that wait for somebody's word, and
whether Feishu tasks are written.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import click

from bitable_sync.doctor import Check, Level
from rules.feishu_tasks import last_trouble
from rules.freshness import SourceState, load_states
from rules.missing import Question, open_questions
from rules.outages import COMMAND_LINE, settle
from rules.specs import TABLES
from runtime.when import parse_age

if TYPE_CHECKING:
    from runtime.floor import Floor

NAME = "平台连接"
FEISHU_TASKS = "飞书任务"
NOBODY = "-"
"""Stands for the connection of rows that name none."""
_NAMES = {spec.key: spec.name for spec in TABLES}


def examine(floor: Floor) -> list[Check]:
    """Connections without fresh numbers, objects that wait for somebody's word, Feishu tasks."""
    now = floor.clock.now()
    ages = {table: parse_age(text) for table, text in floor.manifest.limits.max_age.items()}
    with floor.db.read() as conn:
        states, questions, trouble = load_states(conn), open_questions(conn), last_trouble(conn)
    troubled = [each for each in states if each.connection and each.connected and each.error]
    checks = [_check(each, old=each.too_old(ages.get(each.table), now)) for each in troubled]
    tasks = [check_tasks(trouble)] if floor.manifest.tasks.feishu else []
    return [*checks, *(_asked(each) for each in questions), *tasks]


def check_tasks(trouble: str) -> Check:
    """Whether Feishu tasks are written; permissions are looked at all together."""
    if trouble:
        step = "按这句话处理；下一次处理动作会再试。不需要时把 tasks.feishu 改为 false"
        return Check(Level.WARN, FEISHU_TASKS, f"最近一个飞书任务没有写成：{trouble}", step)
    return Check(Level.OK, FEISHU_TASKS, "已打开，处理动作同时是飞书任务")


def _check(state: SourceState, *, old: bool) -> Check:
    name = _NAMES.get(state.table, state.table)
    title = f"{NAME}·{state.connection}"
    step = "核对授权和网络，恢复后会自动继续"
    if old:
        return Check(Level.FAIL, title, state.sentence(name), step)
    return Check(Level.WARN, title, f"“{name}”最近一次没有取到：{state.error}", step)


def _asked(asked: Question) -> Check:
    subject = f"{asked.table}/{asked.connection or NOBODY}"
    said = (
        f"“{_NAMES.get(asked.table, asked.table)}”一次少了 {asked.count} 个对象，暂不判断，也没有标成已删除"
    )
    step = f"确实删除了就在卡片上确认，或运行 chorus doctor --accept-deletes {subject}；否则检查账户的授权"
    return Check(Level.FAIL, f"{NAME}·{asked.connection or '未写来源'}", said, step)


def take_missing(opened: Callable[[], AbstractContextManager[tuple[Floor, Any, Any]]], subject: str) -> None:
    """A person has looked: the objects that a connection stopped listing (``plans/jd``) are deleted.

    Raises:
        ClickException: nothing of this name waits to be confirmed.
    """
    table, _, connection = subject.partition("/")
    with opened() as (floor, _feishu, _sync), floor.db.begin() as conn:
        questions = open_questions(conn)
        wanted = (table, "" if connection == NOBODY else connection)
        asked = next((each for each in questions if (each.table, each.connection) == wanted), None)
        if asked is None:
            waiting = ", ".join(f"{each.table}/{each.connection or NOBODY}" for each in questions)
            raise click.ClickException(f"nothing waits for {subject}; waiting: {waiting or 'nothing at all'}")
        count = settle(conn, floor.queue, asked, COMMAND_LINE, floor.clock.now())
    click.echo(f"{subject}: {count} objects are taken for deleted; the next pull marks their rows.")
