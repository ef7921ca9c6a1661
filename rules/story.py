"""What happened to an alert, line by line, as its card tells it. Pure, in Chinese and English."""

from decimal import Decimal

from bot.words import Text, safe, text
from rules.limits import yuan
from rules.model import Action, Alert, State, Task, TaskState
from rules.wording import clock_time, hour

DOING, DONE, FAILED = (
    "<font color='blue'>●</font>",
    "<font color='green'>✓</font>",
    "<font color='red'>✕</font>",
)


def story(alert: Alert, task: Task | None) -> list[Text]:
    """What happened to an alert: who has it in hand, what was done, when it ended.

    Args:
        alert: as it is.
        task: the newest task of this episode, if there is one.
    """
    lines = list[Text]()
    if not alert.owners and alert.open:
        lines.append(
            text(
                "**负责人为空**，所以发给了抄送人。请在表格里填上负责人",
                "**Nobody is responsible**, so this went to the cc. Please fill 负责人 in the table",
            )
        )
    if alert.state is State.ACKED and alert.acked_by and alert.acked_at and task is None:
        who, at = safe(alert.acked_by.name or "—"), hour(alert.acked_at)
        lines.append(text(f"{at} **{who}** 知道了，正在处理", f"{at} **{who}** is on it"))
    if task is not None:
        lines.append(_task_line(task))
    if alert.state is State.RESOLVED and alert.resolved_at is not None:
        at = clock_time(alert.resolved_at)
        lines.append(text(f"{at} 结束", f"Ended {at}"))
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
    if task.kind is Action.ADJUST:
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
    if task.kind is Action.ADJUST:
        return text(
            f"{DONE} {at} **{who}** 已把日预算 {before} → {after}",
            f"{DONE} {at} **{who}**: daily budget {before} → {after}",
        )
    return text(
        f"{DONE} {at} **{who}** 已补货 {wanted} 件，{safe(task.result)}",
        f"{DONE} {at} **{who}**: restocked {wanted} pieces, {safe(task.result)}",
    )
