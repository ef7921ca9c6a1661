"""确认已删除: a person says that the objects a connection stopped listing are meant to be gone."""

from sqlalchemy import update
from sqlalchemy.engine import Connection

from bot.model import Tap, TapAnswer, Toast
from rules.effects import pull_work
from rules.metrics import Catalog
from rules.missing import Question, open_questions
from rules.outages import (
    MISSING,
    Outage,
    load_outage,
    missing_card,
    missing_shown,
    missing_subject,
    settle,
)
from rules.tables import connection_cards
from runtime import audit
from runtime.clock import Clock
from runtime.work import WorkQueue

_GONE = Toast("error", "找不到这张卡片", "This card is unknown")
_NOT_YOURS = Toast("warning", "只有负责这个连接的人能在这里确认", "Only who looks after it confirms here")
_MOVED = Toast("warning", "数量变了，请看过再确认", "The number has changed; look again before you confirm")
_DONE = Toast("success", "已确认，正在标记", "Confirmed; marking them")
_OVER = Toast("info", "已经处理过，不需要再确认", "This is settled already")


class MissingTaps:
    """The tap handler.

    Args:
        queue: work is put in the tap's transaction.
        clock: the time.
        catalog: the names of the tables.
    """

    def __init__(self, queue: WorkQueue, clock: Clock, catalog: Catalog) -> None:
        self.queue = queue
        self.clock = clock
        self.catalog = catalog

    def confirm(self, conn: Connection, tap: Tap) -> TapAnswer:
        """Only who was told, and only exactly what their card showed."""
        wanted = tap.value.get("id")
        outage = load_outage(conn, wanted, lock=True) if isinstance(wanted, str) else None
        if outage is None or not outage.table.startswith(MISSING):
            return TapAnswer(_GONE)
        if tap.operator != outage.receiver:
            self._refused(conn, tap, outage, "not_asked")
            return TapAnswer(_NOT_YOURS)
        asked = next((each for each in open_questions(conn) if _subject(each) == outage.table), None)
        if outage.over_at is not None or asked is None:
            self._refused(conn, tap, outage, "already_done")
            return self._answer(outage, _OVER)
        if tap.value.get("v") != asked.digest:
            self._refused(conn, tap, outage, "changed_since")
            return self._answer(self._shows(conn, outage, asked), _MOVED)
        return self._answer(self._settle(conn, tap, outage, asked), _DONE)

    def _settle(self, conn: Connection, tap: Tap, outage: Outage, asked: Question) -> Outage:
        settle(conn, self.queue, asked, tap.operator, self.clock.now())
        self.queue.put(conn, pull_work(asked.table, f"{outage.id}:{asked.digest}"))
        return load_outage(conn, outage.id) or outage

    def _shows(self, conn: Connection, outage: Outage, asked: Question) -> Outage:
        c = connection_cards
        now = update(c).where(c.c.id == outage.id).values(shown=missing_shown(asked))
        conn.execute(now)
        return load_outage(conn, outage.id) or outage

    def _answer(self, outage: Outage, toast: Toast) -> TapAnswer:
        name = self.catalog.by_key(outage.tables[0]).spec.name
        return TapAnswer(toast, missing_card(outage, name).data)

    def _refused(self, conn: Connection, tap: Tap, outage: Outage, reason: str) -> None:
        audit.record(
            conn, at=self.clock.now(), actor=tap.operator, action=f"tap.{tap.action}", subject=outage.table,
            reason=reason, detail={"refused": True},
        )  # fmt: skip


def _subject(asked: Question) -> str:
    return missing_subject(asked.table, asked.connection)
