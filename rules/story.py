"""What happened to an alert, line by line, as its card tells it. Pure, in Chinese and English."""

from datetime import datetime
from decimal import Decimal

from bot.words import Text, safe, text
from rules.limits import yuan
from rules.model import Action, Alert, State, Task, TaskState
from rules.wording import clock_time, hour
from runtime.clock import SHANGHAI

DOING, DONE, FAILED = (
    "<font color='blue'>●</font>",
    "<font color='green'>✓</font>",
    "<font color='red'>✕</font>",
)


def story(alert: Alert, task: Task | None, *, covered: int = 0) -> list[Text]:
    """What happened to an alert: who has it in hand, what was done, when it ended.

    Args:
        alert: as it is.
        task: the newest task of this episode, if there is one.
        covered: how many plans and SKUs of its shop are told together with it.
    """
    lines = list[Text]()
    if covered and alert.open:
        zh = f"同店还有 **{covered}** 条计划和 SKU 的预警合并在这里，店铺恢复前不再单独通知"
        lines.append(
            text(zh, f"**{covered}** alerts of this shop's plans and SKUs are told together with this")
        )
    if not alert.owners and alert.open:
        lines.append(
            text(
                "**负责人为空**，所以发给了抄送人。请在表格里填上负责人",
                "**Nobody is responsible**, so this went to the cc. Please fill 负责人 in the table",
            )
        )
    if alert.state is State.ACKED and alert.acked_by and alert.acked_at and task is None:
        who, at = safe(alert.acked_by.name or "—"), hour(alert.acked_at)
        said = text(f"{at} **{who}** 知道了，正在处理", f"{at} **{who}** is on it")
        if alert.handed_by is not None:
            giver = safe(alert.handed_by.name or "—")
            said = text(f"{at} **{giver}** 转交给 **{who}**", f"{at} **{giver}** handed it to **{who}**")
        lines.append(said)
    lines += _brought_in(alert)
    if task is not None:
        lines.append(_task_line(task))
    if alert.state is State.RESOLVED and alert.resolved_at is not None:
        lines.append(_span(alert, alert.resolved_at))
        if alert.unseen:
            zh = "**没有人处理就自己恢复了**，请看一眼是怎么回事"
            lines.append(text(zh, "**It ended before anybody took it**; please see what it was"))
    return lines


def _span(alert: Alert, end: datetime) -> Text:
    """From when to when it lasted."""
    begun = alert.fired_at
    if begun is None:
        return text(f"{clock_time(end)} 结束", f"Ended {clock_time(end)}")
    same = begun.astimezone(SHANGHAI).date() == end.astimezone(SHANGHAI).date()
    at, until = clock_time(begun), hour(end) if same else clock_time(end)
    return text(f"{at} 越线，{until} 结束", f"Over the line {at}, ended {until}")


def _brought_in(alert: Alert) -> list[Text]:
    lines = list[Text]()
    if not alert.open:
        return lines
    if alert.level and alert.level_at and alert.helpers:
        names = "、".join(safe(person.name or "—") for person in alert.helpers)
        at = hour(alert.level_at)
        lines.append(
            text(f"{at} 一直没有人处理，已通知 **{names}**", f"{at} nobody answered; **{names}** told")
        )
    if alert.muted_until and alert.muted_by:
        who, until = safe(alert.muted_by.name or "—"), clock_time(alert.muted_until)
        zh, en = f"**{who}** 设为静默，{until} 前不再通知", f"Silenced by **{who}** until {until}"
        lines.append(text(zh, en))
    return lines


def _amount(task: Task, amount: Decimal | None) -> str:
    if amount is None:
        return "—"
    return yuan(amount) if task.kind is Action.ADJUST else f"{amount:f}"


def _task_line(task: Task) -> Text:
    who, at = safe(task.asked_by.name or "—"), hour(task.asked_at)
    wanted, before, after = (
        _amount(task, value) for value in (task.amount, task.before, task.after or task.amount)
    )
    if task.kind is Action.PAUSE:
        zh, en = "暂停计划", "pause the plan"
    elif task.kind is Action.ADJUST:
        zh, en = f"日预算 {before} → {wanted}", f"daily budget {before} → {wanted}"
    else:
        zh, en = f"补货 {wanted} 件", f"restock {wanted} pieces"
    if task.state is TaskState.WAITING:
        return text(
            f"{DOING} {at} **{who}** 提交：{zh}，超过本人额度，等待审批…",
            f"{DOING} {at} **{who}** asked for: {en}; beyond the allowance, waiting for approval…",
        )
    if task.state.running:
        return text(
            f"{DOING} {at} **{who}** 提交：{zh}，正在执行…",
            f"{DOING} {at} **{who}** asked for: {en}; being done…",
        )
    if task.state is TaskState.FAILED:
        return text(
            f"{FAILED} {at} **{who}** 提交：{zh}，没有成功。{safe(task.result)}",
            f"{FAILED} {at} **{who}** asked for: {en}; it failed. {safe(task.result)}",
        )
    if task.kind is Action.PAUSE:
        return text(f"{DONE} {at} **{who}** 已暂停计划", f"{DONE} {at} **{who}** paused the plan")
    if task.kind is Action.ADJUST:
        return text(
            f"{DONE} {at} **{who}** 已把日预算 {before} → {after}",
            f"{DONE} {at} **{who}**: daily budget {before} → {after}",
        )
    return text(
        f"{DONE} {at} **{who}** 已补货 {wanted} 件，{safe(task.result)}",
        f"{DONE} {at} **{who}**: restocked {wanted} pieces, {safe(task.result)}",
    )
