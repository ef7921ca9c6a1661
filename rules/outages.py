"""Troubles with a connection, as its owner is told: no fresh numbers, or many objects gone at once.

What they are, their cards, and the rows of ``connection_cards``. No outside call, so that taps may use it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.cards import Card, Element, Text, button, card, facts, header, markdown, note, text
from bot.words import counted, safe
from rules import tables as t
from rules.missing import Question, confirm
from rules.specs import PLANS
from rules.told import code_of
from rules.wording import clock_time
from runtime.work import Work, WorkQueue

STALE, MISSING = "connection:", "missing:"
"""What a subject begins with. One that is the key of a table alone has no connection."""
CONFIRM = "missing.confirm"
COMMAND_LINE = "command line"


@dataclass(frozen=True, slots=True)
class Outage:
    """What one person was or is to be told of one trouble.

    Attributes:
        id: also the uuid of its message.
        table: the subject: ``connection:jd``, ``missing:plans/jd``, or the key of a table.
        since: the last good pull before it, or the first try; when objects went missing.
        error: what the platform said since; "" when it said nothing.
        over_at: when numbers came again, the objects were listed again, or somebody confirmed.
        shown: what the card shows: keys of the stale tables, or number and digest of the missing objects.
        answered_by: who confirmed that the objects are deleted.
    """

    id: str
    table: str
    receiver: str
    since: datetime
    error: str
    message_id: str | None = None
    over_at: datetime | None = None
    shown: str = ""
    answered_by: str | None = None
    answered_at: datetime | None = None

    @property
    def connection(self) -> str:
        """The connection's name; "" when it is about a table, or about rows that name no connection."""
        if self.table.startswith(STALE):
            return self.table.removeprefix(STALE)
        return self.table.partition("/")[2]

    @property
    def tables(self) -> tuple[str, ...]:
        """The data tables it is about."""
        if self.table.startswith(MISSING):
            return (self.table.removeprefix(MISSING).partition("/")[0],)
        return tuple(filter(None, self.shown.split(","))) if self.table.startswith(STALE) else (self.table,)


def missing_subject(table: str, connection: str) -> str:
    """The subject of objects of a table that a connection stopped listing."""
    return f"{MISSING}{table}/{connection}"


def missing_shown(asked: Question) -> str:
    """What a card about a question shows."""
    return f"{asked.count}:{asked.digest}"


def outage_card(outage: Outage, names: Sequence[str], unjudged: int) -> Card:
    """The card of a connection that brings no fresh numbers.

    Args:
        outage: which.
        names: Chinese names of the tables it leaves without numbers.
        unjudged: how many open alerts cannot be judged because of it.
    """
    since, over = clock_time(outage.since), outage.over_at
    who, listed = safe(outage.connection or "、".join(names)), safe("、".join(names))
    title = text(f"{who} 没有新数据", f"No fresh numbers: {who}")
    elements: list[Element] = [
        facts([
            (text("从何时起", "Since"), since),
            (text("暂不判断的预警", "Alerts in doubt"), str(unjudged)),
            *([(text("影响的表", "Tables"), listed)] if outage.connection else []),
        ])
    ]  # fmt: skip
    if over is not None and not outage.tables:
        title = text(f"{who} 不再使用", f"No longer connected: {who}")
        elements = [markdown(text("这个连接已不在配置里", "This connection is no longer configured"))]
    elif over is not None:
        title = text(f"{who} 恢复更新", f"Numbers are back: {who}")
        elements = [
            markdown(text(f"{since} 到 {clock_time(over)} 没有数据", f"From {since} to {clock_time(over)}"))
        ]
    elif outage.error:
        elements.append(markdown(text(safe(outage.error), safe(outage.error))))
    if over is None:
        zh = "来自这个连接的行暂停判断，已有的预警显示“无法判断”；其他连接不受影响。"
        zh += "请检查平台授权和网络，或运行 chorus doctor"
        en = "Rows of this connection are not judged meanwhile, others are; check it (chorus doctor)"
        elements.append(markdown(text(zh, en)))
    elements.append(_code(outage))
    return card(header(title, severity="resolved" if over else "unknown"), elements, summary=title)


def missing_card(outage: Outage, name: str) -> Card:
    """The card of objects that a connection stopped listing, too many at once to believe it.

    Args:
        outage: which.
        name: Chinese name of their table.
    """
    count, _, digest = outage.shown.partition(":")
    zh, en = _nouns(outage, count)
    who = safe(outage.connection or name)
    title = text(f"{who} 一次少了 {zh}", f"{who}: {en} missing")
    if outage.over_at is not None:
        return _settled(outage, who, zh, en)
    said = (
        f"{clock_time(outage.since)} 起平台不再列出它们。它们还在“{safe(name)}”里：暂不判断，也没有标成"
        "“平台已删除”；其他行照常。如果确实删除了，请确认；如果没有，请检查账户的授权和可见范围，列出后会自动继续"
    )
    said_en = (
        f"The platform stopped listing them at {clock_time(outage.since)}. They are neither judged nor "
        "marked as deleted; other rows go on. Confirm if they are deleted, else check the account's rights"
    )
    sure = (
        text(f"确认删除了 {zh}？", f"{en} deleted?"),
        text("它们会标成“平台已删除”", "They are marked so"),
    )
    confirm = button(
        text("确认已删除", "They are deleted"), CONFIRM, {"id": outage.id, "v": digest}, kind="danger",
        confirm=sure,
    )  # fmt: skip
    elements = [markdown(text(said, said_en)), confirm, _code(outage)]
    return card(header(title, severity="unknown"), elements, summary=title)


def _settled(outage: Outage, who: str, zh: str, en: str) -> Card:
    title = text(f"{who} 的 {zh}不再存疑", f"{who}: {en} no longer in doubt")
    back = text("它们又列出来了，或已不在表里", "They are listed again, or no longer in the table")
    said: list[Element] = [markdown(back)]
    if outage.answered_by:
        title = text(f"{who} 的 {zh}已确认删除", f"{who}: {en} deleted")
        at = clock_time(outage.answered_at or outage.since)
        person = outage.answered_by != COMMAND_LINE
        by = (f"<at id={outage.answered_by}></at>",) * 2 if person else ("命令行", "the command line")
        marked = text(f"{by[0]} {at} 确认，会标成“平台已删除”", f"Confirmed by {by[1]} at {at}")
        said = [markdown(marked)]
    return card(header(title, severity="resolved"), [*said, _code(outage)], summary=title)


def _nouns(outage: Outage, count: str) -> tuple[str, str]:
    of_plans = outage.tables == (PLANS,)
    number = int(count or 0)
    return f"{number} 个{'计划' if of_plans else '对象'}", counted(number, "plan" if of_plans else "object")


def _code(outage: Outage) -> Element:
    said: Text = text(f"编号 {code_of(outage.id)}", f"code {code_of(outage.id)}")
    return note(said)


def settle(conn: Connection, queue: WorkQueue, asked: Question, by: str, now: datetime) -> int:
    """A person has confirmed: the objects are taken for deleted, and every card about them says who said so.

    Args:
        conn: a write transaction.
        queue: the cards are drawn anew by works put in it.
        asked: the question as it stands now.
        by: open_id, or `COMMAND_LINE`.
        now: aware time.

    Returns:
        How many objects.
    """
    count, c = confirm(conn, asked, by, now), t.connection_cards
    done = {"over_at": now, "answered_by": by, "answered_at": now, "shown": missing_shown(asked)}
    for each in open_outages(conn, missing_subject(asked.table, asked.connection)):
        conn.execute(sa.update(c).where(c.c.id == each.id).values(**done))
        queue.put(conn, show_work(each, "end"))
    return count


def load_outage(conn: Connection, outage_id: str, *, lock: bool = False) -> Outage | None:
    """One of them; ``lock`` holds it until the transaction ends."""
    query = sa.select(t.connection_cards).where(t.connection_cards.c.id == outage_id)
    row = conn.execute(query.with_for_update() if lock else query).first()
    return None if row is None else Outage(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name


def open_outages(conn: Connection, subject: str | None = None) -> list[Outage]:
    """Those that are not over, of one subject if given."""
    c = t.connection_cards
    query = sa.select(c).where(c.c.over_at.is_(None)).order_by(c.c.id)
    rows = conn.execute(query if subject is None else query.where(c.c.table == subject))
    return [Outage(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name


def show_work(outage: Outage, why: str) -> Work:
    """Send or redraw the card of a trouble; the cards of one person one at a time."""
    return Work(
        "rules.connection", f"connection:{outage.id}:{why}", f"receiver:{outage.receiver}", {"id": outage.id}
    )
