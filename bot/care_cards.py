"""Cards for whoever looks after the house: yesterday in numbers each morning, and work that was given up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum

from bot.cards import (
    Card,
    Element,
    Severity,
    button,
    card,
    column,
    columns,
    facts,
    header,
    markdown,
    note,
    text,
)
from bot.words import Text, counted, safe
from runtime.clock import SHANGHAI
from runtime.parked import Parked

SHOWN = 8
"""Works one card names; the others are counted."""

RETRY = "work.retry"


@dataclass(frozen=True, slots=True)
class Counts:
    """What red lines did in a day.

    Attributes:
        alerts: that began.
        cards: that went out.
        tasks: that people asked for.
        failed: tasks of these that failed.
        stale: names of tables whose numbers are too old now.
    """

    alerts: int = 0
    cards: int = 0
    tasks: int = 0
    failed: int = 0
    stale: tuple[str, ...] = ()


class Overdue(Enum):
    """Upkeep that somebody should see to, in both languages."""

    BACKUP = (
        "很久没有备份，运行 chorus backup，并设为每小时一次",
        "There was no backup for long: run chorus backup, and have it run each hour",
    )
    CHAIN = (
        "审计链核对不通过，运行 chorus audit verify 查看",
        "The audit chain is not whole: chorus audit verify says where",
    )


@dataclass(frozen=True, slots=True)
class Day:
    """Everything the morning card says.

    Attributes:
        day: in Shanghai.
        events: received.
        taps: and words in chat, answered.
        failed: events and works given up on that day.
        waiting: works and events that wait for a person now.
        calls: to Feishu, this month.
        allowance: of calls a month.
        warn_from: calls from which on the allowance runs low.
        head: of the audit chain, to be noted down.
        counts: of red lines.
        overdue: upkeep that somebody should see to.
    """

    day: date
    events: int
    taps: int
    failed: int
    waiting: int
    calls: int
    allowance: int
    warn_from: int
    head: str
    counts: Counts = Counts()
    overdue: tuple[Overdue, ...] = ()


def marker(day: date) -> str:
    """What only the card of that day holds; it is looked for after a doubt."""
    return f"自检 {day.isoformat()}"


def day_card(day: Day) -> Card:
    """The morning card."""
    counts, failed = day.counts, day.failed + day.counts.failed
    title = text(
        f"昨日：{day.events:,} 个事件，{counts.alerts:,} 条预警，{failed:,} 个失败",
        f"Yesterday: {counted(day.events, 'event')}, {counted(counts.alerts, 'alert')}, {failed:,} failed",
    )
    problems = _problems(day)
    elements: list[Element] = [
        *(_wrong(problems) if problems else [markdown(text("**一切正常**", "**All is well**"))]),
        facts(
            [
                (text("卡片", "Cards"), f"{counts.cards:,}"),
                (text("处理任务", "Tasks"), f"{counts.tasks:,}"),
                (text("点按与消息", "Taps and messages"), f"{day.taps:,}"),
                (text("待人处理", "Waiting for a person"), f"{day.waiting:,}"),
                (text("本月接口调用", "Calls this month"), f"{day.calls:,} / {day.allowance:,}"),
                (text("数据过期的表", "Tables without fresh numbers"), f"{len(counts.stale)}"),
            ]
        ),
        note(
            text(
                f"{marker(day.day)} · 审计链 {day.head}（请留存，chorus audit verify 可核对）",
                f"{day.day.isoformat()} · audit chain {day.head} (keep it; chorus audit verify compares)",
            )
        ),
    ]
    severity: Severity = "warning" if problems else "resolved"
    return card(header(title, severity=severity), elements, summary=title)


def _wrong(problems: Sequence[Text]) -> list[Element]:
    """What somebody should look at, before any number."""
    return [markdown(text(*("\n".join(f"- {each.both[at]}" for each in problems) for at in (0, 1))))]


def _problems(day: Day) -> list[Text]:
    found = [text(*what.value) for what in day.overdue]
    if day.waiting:
        found.append(
            text(
                f"{day.waiting} 个任务或事件搁置：运行 `chorus parked` 查看，修好后运行 `chorus replay`",
                f"{counted(day.waiting, 'work or event', 'works or events')} parked: "
                "`chorus parked` lists them, `chorus replay` repeats",
            )
        )
    if day.counts.failed:
        found.append(
            text(
                f"{day.counts.failed} 个处理任务失败，请看表格“处理任务”",
                f"{counted(day.counts.failed, 'task')} failed; see the table 处理任务",
            )
        )
    if day.counts.stale:
        names = "、".join(map(safe, day.counts.stale))
        found.append(text(f"没有新数据：{names}", f"No fresh numbers: {names}"))
    if day.calls >= day.warn_from:
        found.append(
            text(
                "本月接口调用接近额度，用完后到月底无法发送",
                "The month's calls are nearly used up; after that nothing can be sent until it ends",
            )
        )
    return found


def parked_card(works: Sequence[tuple[Parked, str]]) -> Card:
    """The card of works that were given up.

    Args:
        works: each with its state, ``waiting`` or ``retried``; at least one.
    """
    waiting = sum(state == "waiting" for _, state in works)
    title = text(f"{len(works)} 个任务没有做成", f"{counted(len(works), 'work')} could not be done")
    if not waiting:
        title = text("搁置的任务已重新排队", "What was parked is queued again")
    elements: list[Element] = []
    for work, state in works[:SHOWN]:
        at = f"{work.at.astimezone(SHANGHAI):%m-%d %H:%M}"
        said = markdown(f"**{safe(work.job)}** · {at}\n{safe(work.error[:300])}")
        if state == "waiting":
            again = button(text("再试一次", "Try again"), RETRY, {"id": work.id})
            told = column(said, note(f"chorus replay {safe(work.id)}"), weight=4)
            elements.append(columns(told, column(again, weight=None)))
        else:
            elements += [said, note(text("已重新排队", "Queued again"))]
    if len(works) > SHOWN:
        more = len(works) - SHOWN
        elements.append(note(text(f"还有 {more} 个：chorus parked", f"{more} more: chorus parked")))
    return card(header(title, severity="warning" if waiting else "resolved"), elements, summary=title)
