"""What a tap on a request's card does: decide from our own data and commit, inside the request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy.engine import Connection

from bitable_sync.mirror import Mirror
from bot.model import Tap, TapAnswer, Toast
from creative import store
from creative.brief import MOST_POINTS, Missing, Wrong, input_digest, read_brief
from creative.budget import beyond_request
from creative.cards import COPY_FIELDS, request_card
from creative.deps import Policy
from creative.effects import archive_work, commit, copy_work
from creative.intake import Judgement, next_version
from creative.model import Brief, Cause, Request, State, Version
from creative.shelf import load_shelf
from creative.specs import REQUESTS
from creative.studio.model import Copy
from creative.views import COPY, REDO, ArtView, load_view
from creative.vocabulary import judge
from runtime import audit
from runtime.clock import Clock
from runtime.db import Database
from runtime.work import WorkQueue

SHORTEST_REASON = 2
MOST_REASONS = 3

_GONE = Toast("error", "找不到这条需求，请打开最新的卡片", "This request is unknown; use the newest card")
_STALE = Toast("warning", "卡片不是最新的，已刷新，请再看一眼", "The card was old; it is refreshed now")


@dataclass(frozen=True, slots=True)
class _Ready:
    """A tap that may go on: the request (locked), its newest version, and what the card shows."""

    request: Request
    version: Version
    view: ArtView


class Actions:
    """The tap handlers.

    Args:
        db: durable database.
        queue: work is put in the tap's transaction.
        clock: the time.
        policy: who may decide besides those a row names, and what may be spent.
        mirror: rows as they were last read; a redo makes what the row asks for now.
    """

    def __init__(self, db: Database, queue: WorkQueue, clock: Clock, policy: Policy, mirror: Mirror) -> None:
        self.db = db
        self.mirror = mirror
        self.queue = queue
        self.clock = clock
        self.policy = policy

    def choose(self, conn: Connection, tap: Tap) -> TapAnswer:
        """定稿: this variant is final; it is archived afterwards."""
        ready = self._ready(conn, tap)
        if isinstance(ready, TapAnswer):
            return ready
        number = tap.value.get("n")
        shown = {each.variant for each in ready.view.variants if each.preview}
        if not isinstance(number, int) or number not in shown:
            return TapAnswer(Toast("error", "没有这一版，请打开最新的卡片", "There is no such variant"))
        now = self.clock.now()
        chosen = replace(
            ready.request, state=State.FINAL, chosen=int(number), decided_by=tap.operator,
            note=f"已定稿第 {number} 版，正在归档到知识库", turn=ready.request.turn + 1, changed_at=now,
        )  # fmt: skip
        commit(self.db, conn, self.queue, chosen, "chosen", actor=tap.operator)
        self.queue.put(conn, archive_work(chosen))
        toast = Toast("success", f"已定稿第 {number} 版", f"No. {number} is chosen")
        return TapAnswer(toast, request_card(replace(ready.view, request=chosen)).data)

    def redo(self, conn: Connection, tap: Tap) -> TapAnswer:
        """重做: ask inside the card what should be different; nothing is decided yet."""
        return self._open(conn, tap, REDO)

    def copy(self, conn: Connection, tap: Tap) -> TapAnswer:
        """改文案: show the texts inside the card; nothing is decided yet."""
        return self._open(conn, tap, COPY)

    def cancel_form(self, conn: Connection, tap: Tap) -> TapAnswer:
        """取消: close the form."""
        request = self._load(conn, tap)
        if request is None:
            return TapAnswer(_GONE)
        return self._barred(conn, tap, request) or self._fresh(conn, request, None)

    def redo_submit(self, conn: Connection, tap: Tap) -> TapAnswer:
        """Make everything again with the person's reason in the prompt; it costs money, and says so."""
        ready = self._ready(conn, tap)
        if isinstance(ready, TapAnswer):
            return ready
        reason = str(tap.form.get("reason") or "").strip()[:200]
        if len(reason) < SHORTEST_REASON:
            fault = ("请写一句哪里不满意，好让下一次不一样", "Say in a few words what should be different")
            return self._again(ready, REDO, {"reason": reason}, fault)
        ready, brief, wrong = self._asked(conn, ready)
        found = (wrong, wrong) if wrong else self._fault(conn, brief)
        over = beyond_request(conn, self.policy, ready.request.id, brief)
        if over and isinstance(found, Judgement):
            found = (f"{over}，或直接定稿、改文案", over)
        if not isinstance(found, Judgement):
            return self._again(ready, REDO, {"reason": reason}, found)
        reasons = [*ready.version.reason.splitlines(), reason.replace("\n", " ")][-MOST_REASONS:]
        return self._next(conn, tap, ready, brief, found, Cause.REDO, "\n".join(reasons))

    def copy_submit(self, conn: Connection, tap: Tap) -> TapAnswer:
        """Check the new texts, then compose them over the backgrounds that are there."""
        ready = self._ready(conn, tap)
        if isinstance(ready, TapAnswer):
            return ready
        typed = {name: str(tap.form.get(name) or "").strip() for name, *_ in COPY_FIELDS}
        brief = replace(ready.version.brief, copy=_copy(typed))
        if brief.copy == ready.version.brief.copy:
            return self._again(ready, COPY, typed, ("文案没有改动", "Nothing was changed"))
        fault = self._fault(conn, brief)
        if isinstance(fault, Judgement):
            return self._next(conn, tap, ready, brief, fault, Cause.COPY, "")
        return self._again(ready, COPY, typed, fault)

    # --- inside ---

    def _asked(self, conn: Connection, ready: _Ready) -> tuple[_Ready, Brief, str]:
        """What the row asks for now, and why that cannot be made; a row that is gone: as it was."""
        row = self.mirror.get(REQUESTS, ready.request.id)
        if row is None:
            return ready, ready.version.brief, ""
        found = read_brief(row.values, load_shelf(conn))
        if isinstance(found, Missing):
            return ready, ready.version.brief, f"表格里的这一行还差：{'、'.join(found.columns)}"
        if isinstance(found, Wrong):
            return ready, ready.version.brief, "\n".join(found.sentences)
        seen = replace(ready.request, seen=input_digest(row.values))
        return replace(ready, request=seen), found, ""

    def _fault(self, conn: Connection, brief: Brief) -> Judgement | tuple[str, str]:
        if not brief.copy.headline:
            return ("主标题不能为空", "The headline must not be empty")
        if len(brief.copy.points) > MOST_POINTS:
            return (f"卖点最多 {MOST_POINTS} 条", f"At most {MOST_POINTS} points")
        found = judge(conn, brief)
        return (found.fault, found.fault) if found.fault else found

    def _next(
        self,
        conn: Connection,
        tap: Tap,
        ready: _Ready,
        brief: Brief,
        found: Judgement,
        cause: Cause,
        reason: str,
    ) -> TapAnswer:
        """Commit one version more."""
        free = cause is Cause.COPY
        grounds = ready.version.grounds if free else ""
        request, version = next_version(
            ready.request, brief, found, cause, tap.operator, self.clock.now(), grounds=grounds, reason=reason
        )
        commit(self.db, conn, self.queue, request, cause.value, actor=tap.operator, version=version)
        if free:
            self.queue.put(conn, copy_work(version))
        toast = (
            Toast("success", "正在重新排版，不花费用", "Being composed again, at no cost") if free
            else Toast("success", "正在重做，通常几分钟", "Being made again, a few minutes")
        )  # fmt: skip
        return TapAnswer(toast, request_card(ArtView(request)).data)

    def _load(self, conn: Connection, tap: Tap) -> Request | None:
        wanted = tap.value.get("id")
        return store.load_request(conn, wanted, lock=True) if isinstance(wanted, str) else None

    def _ready(self, conn: Connection, tap: Tap) -> _Ready | TapAnswer:
        """The request a tap is about, if this person may decide and it still waits for a decision."""
        request = self._load(conn, tap)
        version = store.load_version(conn, request.version_id) if request else None
        if request is None or version is None:
            return TapAnswer(_GONE)
        barred = self._barred(conn, tap, request)
        if barred is not None:
            return barred
        if request.state is not State.REVIEW:
            self._refused(conn, tap, request, "not_waiting")
            toast = Toast(
                "info", f"现在是“{request.state.value}”，已刷新卡片", "It does not wait for a decision now"
            )
            return self._fresh(conn, request, toast)
        if tap.value.get("v") != request.turn:
            self._refused(conn, tap, request, "stale")
            return self._fresh(conn, request, _STALE)
        return _Ready(request, version, load_view(conn, request))

    def _barred(self, conn: Connection, tap: Tap, request: Request) -> TapAnswer | None:
        """The answer to somebody who may not decide: no card, and who may."""
        if request.may_decide(tap.operator) or tap.operator == self.policy.admin:
            return None
        self._refused(conn, tap, request, "not_entitled")
        people = (request.requester, request.designer)
        names = "、".join(each.name or "需求人" for each in people if each is not None) or "管理员"
        return TapAnswer(Toast("warning", f"由 {names} 决定，你不能操作", f"{names} decide about this"))

    def _open(self, conn: Connection, tap: Tap, form: str) -> TapAnswer:
        ready = self._ready(conn, tap)
        if isinstance(ready, TapAnswer):
            return ready
        return TapAnswer(None, request_card(replace(ready.view, form=form)).data)

    def _again(self, ready: _Ready, form: str, typed: Mapping[str, str], fault: tuple[str, str]) -> TapAnswer:
        view = replace(ready.view, form=form, typed=dict(typed), fault=fault)
        return TapAnswer(
            Toast("error", fault[0].splitlines()[0][:80], fault[1].splitlines()[0][:80]),
            request_card(view).data,
        )

    def _fresh(self, conn: Connection, request: Request, toast: Toast | None) -> TapAnswer:
        return TapAnswer(toast, request_card(load_view(conn, request)).data)

    def _refused(self, conn: Connection, tap: Tap, request: Request, reason: str) -> None:
        audit.record(
            conn, at=self.clock.now(), actor=tap.operator, action=f"tap.{tap.action}",
            subject=f"art:{request.id}", reason=reason, detail={"refused": True, "turn": request.turn},
        )  # fmt: skip


def handlers(actions: Actions) -> Mapping[str, Callable[[Connection, Tap], TapAnswer]]:
    """Tap action → what answers it."""
    names = ("choose", "redo", "copy", "cancel_form", "redo_submit", "copy_submit")
    found: dict[str, Any] = {f"art.{name}": getattr(actions, name) for name in names}
    return found


def _copy(typed: Mapping[str, str]) -> Copy:
    points = tuple(line.strip(" ·•-　") for line in typed["points"].splitlines() if line.strip(" ·•-　"))
    return Copy(typed["headline"], typed["subline"], points, typed["price"], typed["cta"], typed["footnote"])
