"""Taps on the preview of a rule that was switched on: 就这样, 停用. Decided and committed in the request."""

from sqlalchemy.engine import Connection

from bot.model import Tap, TapAnswer, Toast
from rules.preview import asked_card
from rules.previews import Answer, Preview, answered, check_work, load_preview, stop_work
from rules.rulebook import Entry, load_entry
from rules.views import Sources
from rules.wording import hour
from runtime import audit
from runtime.clock import Clock
from runtime.work import WorkQueue

_GONE = Toast("error", "找不到这次预览", "This preview is unknown")
_NOT_YOURS = Toast("warning", "只有启用规则的人能在这里决定", "Only who switched the rule on decides here")
_EDITED = Toast(
    "info", "这条规则后来又改过，这张卡片不再有效", "The rule was edited since; this card is void"
)


class Confirming:
    """The tap handlers.

    Args:
        queue: work is put in the tap's transaction.
        clock: the time.
        sources: the words rules use.
    """

    def __init__(self, queue: WorkQueue, clock: Clock, sources: Sources) -> None:
        self.queue = queue
        self.clock = clock
        self.sources = sources

    def keep(self, conn: Connection, tap: Tap) -> TapAnswer:
        """就这样: what waited is told at once."""
        ready = self._ready(conn, tap)
        if isinstance(ready, TapAnswer):
            return ready
        preview, entry = ready
        now = self.clock.now()
        waited = preview.waits(now)
        done = answered(conn, preview, Answer.KEEP, tap.operator, now)
        if waited:
            self.queue.put(conn, check_work(preview))
        said = Toast("success", "好的，现在开始通知", "Telling people now")
        return self._fresh(done, entry, said if waited else Toast("success", "好的", "Fine"))

    def stop(self, conn: Connection, tap: Tap) -> TapAnswer:
        """停用: nobody is told, and 启用 is unticked in the row."""
        ready = self._ready(conn, tap)
        if isinstance(ready, TapAnswer):
            return ready
        preview, entry = ready
        done = answered(conn, preview, Answer.STOP, tap.operator, self.clock.now())
        self.queue.put(conn, stop_work(preview))
        return self._fresh(done, entry, Toast("success", "正在停用", "Switching it off"))

    def _ready(self, conn: Connection, tap: Tap) -> TapAnswer | tuple[Preview, Entry]:
        wanted = tap.value.get("id")
        preview = load_preview(conn, wanted, lock=True) if isinstance(wanted, str) else None
        entry = load_entry(conn, preview.rule_id, self.sources.catalog) if preview else None
        if preview is None or entry is None:
            return TapAnswer(_GONE)
        if tap.operator not in preview.receivers:
            self._refused(conn, tap, preview, "not_asked")
            return TapAnswer(_NOT_YOURS)
        if preview.answer is not None:
            at = hour(preview.answered_at or preview.at)
            self._refused(conn, tap, preview, "already_done")
            return self._fresh(preview, entry, Toast("info", f"{at} 已经处理过", f"Settled at {at}"))
        if entry.version != preview.version or entry.deleted or not (entry.rule and entry.rule.enabled):
            self._refused(conn, tap, preview, "edited_since")
            return self._fresh(preview, entry, _EDITED)
        return preview, entry

    def _fresh(self, preview: Preview, entry: Entry, toast: Toast) -> TapAnswer:
        """The card as it is now, with the counts of then: a tap looks through no table."""
        card = asked_card(preview, entry, self.clock.now())
        return TapAnswer(toast, card.data)

    def _refused(self, conn: Connection, tap: Tap, preview: Preview, reason: str) -> None:
        audit.record(
            conn, at=self.clock.now(), actor=tap.operator, action=f"tap.{tap.action}",
            subject=f"rule:{preview.rule_id}", reason=reason, detail={"refused": True},
        )  # fmt: skip
