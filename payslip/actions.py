"""Taps on pay cards: decided and committed within the request, from our own state; nothing is called outside.

Who may do what is decided from the manifest's people and the platform-verified operator. A card of an older
turn decides nothing: its answer is the newest card.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.model import Tap, TapAnswer, Toast
from bot.words import Text, text
from payslip import accounts, store
from payslip import run as moves
from payslip import tables as t
from payslip.anomalies import veil
from payslip.cards import REASON, dispute_done_card, run_card
from payslip.deps import Policy
from payslip.documents import EmployeeNo, Month, RunId
from payslip.model import AnomalyKind, Run, RunState
from payslip.opening import (
    Wish,
    collect_work,
    dispute_work,
    lane,
    newest_of,
    open_run,
    read_month,
    refresh_work,
    run_work,
    sheet_work,
)
from payslip.slip import seal_words
from payslip.views import load_view
from runtime import audit
from runtime.clock import Clock
from runtime.vault import Vault
from runtime.work import Work, WorkQueue

Decision = moves.Step | moves.Refusal


class Actions:
    """Answers the taps of HR and finance.

    Args:
        queue: takes the work that follows.
        clock: the time.
        policy: who may.
        vault: seals what HR writes to people.
    """

    def __init__(self, queue: WorkQueue, clock: Clock, policy: Policy, vault: Vault) -> None:
        self.queue = queue
        self.clock = clock
        self.policy = policy
        self.vault = vault

    # --- leading a run ---

    def start(self, conn: Connection, tap: Tap) -> TapAnswer:
        """开始算薪: open the run of a month."""
        now = self.clock.now()
        month = read_month(str(tap.value.get("m") or ""), now)
        if month is None:
            return _no("看不懂这个月份")
        found = open_run(conn, self.queue, self.policy, Wish(month, tap.operator), now)
        if isinstance(found, moves.Refusal):
            return self._refused(conn, tap, f"month:{month}", found.sentence)
        return self._fresh(conn, tap, found, Toast("success", "已开始汇集数据", "Collecting"))

    def settle(self, conn: Connection, tap: Tap) -> TapAnswer:
        """确认无误: a named person takes an anomaly on themselves, with a reason."""
        run = self._mine(conn, tap)
        if isinstance(run, TapAnswer):
            return run
        kind, no = _kind(tap.value.get("k")), str(tap.value.get("no") or "")
        reason = next((str(text) for name, text in tap.form.items() if name.startswith(REASON)), "").strip()
        if kind is None or kind.blocks:
            return self._refused(conn, tap, _subject(run), "这一条需要先更正数据，不能用理由通过")
        if len(reason) < 2:
            return _no("请写下处理理由")
        now = self.clock.now()
        if not store.settle(conn, run.id, no, kind.value, by=tap.operator, at=now, reason=veil(reason[:200])):
            return self._fresh(conn, tap, run, Toast("info", "这一条已经处理过", "Settled already"))
        store.note(conn, run, tap.operator, "anomaly_settled", now, no=no, kind=kind.name)
        view = load_view(conn, run)
        decided = moves.may_review(run, view.left - view.blocking, view.blocking)
        if isinstance(decided, moves.Step):
            run = store.save_step(conn, decided, actor=tap.operator, at=now)
            self.queue.put(conn, refresh_work(run))
        self.queue.put(conn, run_work("payroll.anomalies", run.id, tap.id))
        return self._fresh(conn, tap, run, Toast("success", "已记录", "Recorded"))

    def sign(self, conn: Connection, tap: Tap) -> TapAnswer:
        """提交签批: start the approvals."""

        def decide(run: Run) -> Decision:
            if run.starter != tap.operator:
                return moves.Refusal("由发起人提交签批")
            if self.queue.any_waiting(conn, lane(run.id), f"payroll.collect:{run.id}:", or_begun=True):
                return moves.Refusal("有数据刚刚改动，正在重新核算；完成后再提交签批")
            return moves.advance(run, RunState.SIGNING)

        return self._move(
            conn, tap, decide, "已提交签批", "Submitted",
            lambda run: run_work("payroll.sign", run.id, str(run.turn)),
        )  # fmt: skip

    def again(self, conn: Connection, tap: Tap) -> TapAnswer:
        """重新汇集: read everything anew."""

        def decide(run: Run) -> Decision:
            return moves.start_over(run, moves.Reason.INPUT_CHANGED, "")

        return self._move(conn, tap, decide, "正在重新汇集", "Collecting again", collect_work)

    def cancel(self, conn: Connection, tap: Tap) -> TapAnswer:
        """取消批次: what was sealed meanwhile is destroyed; what was disputed waits for an answer again."""

        def then(run: Run) -> Work:
            store.destroy_unsent(conn, run.id)
            for dispute in store.reopen_disputes(conn, run):
                self.queue.put(conn, dispute_work(dispute, lane(run.replaces or run.id), str(run.turn)))
            if run.replaces is not None:
                self.queue.put(conn, sheet_work(run.replaces, f"{run.id}:{run.turn}", run.scope or ()))
            return run_work("payroll.withdraw", run.id, str(run.turn))

        return self._move(conn, tap, moves.cancel, "已取消", "Cancelled", then)

    def remind(self, conn: Connection, tap: Tap) -> TapAnswer:
        """提醒未确认的人: once an hour at most."""
        run = self._mine(conn, tap)
        if isinstance(run, TapAnswer):
            return run
        hour = f"{self.clock.now():%Y%m%d%H}"
        self.queue.put(conn, run_work("payroll.remind", run.id, hour))
        store.note(conn, run, tap.operator, "reminded_by_person", self.clock.now())
        return TapAnswer(Toast("success", "会提醒还没有确认的人", "They will be reminded"))

    def recall(self, conn: Connection, tap: Tap) -> TapAnswer:
        """撤回工资条: destroys the keys of every payslip of the run; the cards say so."""

        def decide(run: Run) -> Decision:
            paid, corrected = store.has_payout(conn, run.id), store.has_correction(conn, run)
            return moves.recall(run, paid=paid, corrected=corrected)

        def then(run: Run) -> Work:
            store.recall_slips(conn, run.id)
            return run_work("payroll.recall_all", run.id, str(run.turn))

        return self._move(conn, tap, decide, "已撤回", "Recalled", then)

    def close(self, conn: Connection, tap: Tap) -> TapAnswer:
        """结束批次."""

        def decide(run: Run) -> Decision:
            return moves.advance(run, RunState.CLOSED)

        return self._move(conn, tap, decide, "已结束", "Closed", refresh_work)

    # --- disputes ---

    def answer(self, conn: Connection, tap: Tap) -> TapAnswer:
        """答复: the result stands; the employee reads why in the payslip."""
        found = self._dispute(conn, tap)
        if isinstance(found, TapAnswer):
            return found
        words = str(tap.form.get("answer") or "").strip()
        if not words:
            return _no("请写下答复")
        sealed = seal_words(self.vault, self.policy.tenant, str(found.id), "answer", words[:500])
        self._end_dispute(conn, tap, found, "answered", sealed)
        work = Work(
            "payroll.answered",
            f"payroll.answered:{found.id}",
            f"receiver:{found.open_id}",
            {"dispute": found.id},
        )
        self.queue.put(conn, work)
        done = self._done_card(conn, found, text("已答复，维持原结果", "answered, the result stands"))
        return TapAnswer(Toast("success", "已答复", "Answered"), done)

    def correct(self, conn: Connection, tap: Tap) -> TapAnswer:
        """开更正批次: compute this person anew; the new version names the one it replaces."""
        found = self._dispute(conn, tap)
        if isinstance(found, TapAnswer):
            return found
        month, no = Month(found.run_id.partition(".")[0]), EmployeeNo(found.employee_no)
        run: Run | moves.Refusal = newest_of(conn, month, (no,))  # it may have been corrected since
        if isinstance(run, Run):
            wish = Wish(month, tap.operator, replaces=run.id, scope=(no,))
            run = open_run(conn, self.queue, self.policy, wish, self.clock.now())
        if isinstance(run, moves.Refusal):
            return self._refused(conn, tap, f"run:{found.run_id}", run.sentence)
        self._end_dispute(conn, tap, found, "corrected", None)
        self.queue.put(conn, card_work(run, tap.operator, tap.id))
        done = text(f"已开更正批次 {run.id}", f"Correction {run.id} opened")
        return TapAnswer(
            Toast("success", "已开更正批次", "Correction opened"), self._done_card(conn, found, done)
        )

    # --- money ---

    def release(self, conn: Connection, tap: Tap) -> TapAnswer:
        """放行: a second person confirms a changed account."""
        refused = accounts.release(
            conn, RunId(str(tap.value.get("id"))), EmployeeNo(str(tap.value.get("no"))), tap.operator,
            is_finance=self.policy.may_pay, at=self.clock.now(),
        )  # fmt: skip
        if refused is not None:
            return _no(refused.sentence)
        run_id = str(tap.value["id"])
        self.queue.put(conn, finance_work(run_id, tap.id))
        return TapAnswer(Toast("success", "已放行，会进入下一份文件", "Released"))

    def payout(self, conn: Connection, tap: Tap) -> TapAnswer:
        """生成代发文件: for everyone who stands in no file yet and is not held."""
        run = store.load_run(conn, str(tap.value.get("id")), lock=True)
        if run is None or not self.policy.may_pay(tap.operator):
            return self._refused(conn, tap, f"run:{tap.value.get('id')}", "只有财务可以生成代发文件")
        if run.state not in moves.PAID:
            return self._refused(conn, tap, _subject(run), "签批通过并封存后才能生成代发文件")
        self.queue.put(conn, run_work("payroll.payout", run.id, tap.id, by=tap.operator))
        store.note(conn, run, tap.operator, "payout_asked", self.clock.now())
        return TapAnswer(Toast("success", "正在生成，完成后更新这张卡片", "The file is being made"))

    # --- inside ---

    def _mine(self, conn: Connection, tap: Tap) -> Run | TapAnswer:
        """The run of a tap, if this person may lead it and the card is not old."""
        run = store.load_run(conn, str(tap.value.get("id")), lock=True)
        if run is None:
            return _no("找不到这个批次")
        if not self.policy.may_run(tap.operator):
            return self._refused(conn, tap, _subject(run), "只有人事可以操作这个批次")
        if tap.value.get("t") != run.turn:
            toast = Toast(
                "warning", "卡片不是最新的，已刷新，请再看一眼", "The card was old; it is refreshed now"
            )
            return self._fresh(conn, tap, run, toast)
        return run

    def _move(
        self, conn: Connection, tap: Tap, decide: Callable[[Run], Decision], zh: str, en: str,
        then: Callable[[Run], Work],
    ) -> TapAnswer:  # fmt: skip
        run = self._mine(conn, tap)
        if isinstance(run, TapAnswer):
            return run
        decided = decide(run)
        if isinstance(decided, moves.Refusal):
            return self._refused(conn, tap, _subject(run), decided.sentence)
        moved = store.save_step(conn, decided, actor=tap.operator, at=self.clock.now())
        works = {work.id: work for work in (then(moved), refresh_work(moved))}
        self.queue.put(conn, *works.values())
        return self._fresh(conn, tap, moved, Toast("success", zh, en))

    def _fresh(self, conn: Connection, tap: Tap, run: Run, toast: Toast) -> TapAnswer:
        store.add_card(conn, tap.message_id, run.id, tap.operator, run.turn)
        return TapAnswer(toast, run_card(load_view(conn, run)).data)

    def _refused(self, conn: Connection, tap: Tap, subject: str, sentence: str) -> TapAnswer:
        audit.record(
            conn, at=self.clock.now(), actor=tap.operator, action=f"tap.{tap.action}", subject=subject,
            reason="refused", detail={"said": sentence},
        )  # fmt: skip
        return _no(sentence)

    def _dispute(self, conn: Connection, tap: Tap) -> sa.Row[tuple[object, ...]] | TapAnswer:
        query = sa.select(t.disputes).where(t.disputes.c.id == str(tap.value.get("id"))).with_for_update()
        found = conn.execute(query).first()
        if found is None:
            return _no("找不到这条异议")
        if not self.policy.may_run(tap.operator):
            return self._refused(conn, tap, f"run:{found.run_id}", "只有人事可以处理异议")
        if found.open_id == tap.operator:
            return self._refused(conn, tap, f"run:{found.run_id}", "自己的异议要由另一位人事处理")
        if found.state != "open":
            return _no("这条异议已经处理过")
        return found

    def _end_dispute(
        self, conn: Connection, tap: Tap, found: sa.Row[tuple[object, ...]], state: str, sealed: str | None
    ) -> None:
        now = self.clock.now()
        conn.execute(
            t.disputes.update()
            .where(t.disputes.c.id == found.id)
            .values(state=state, sealed_answer=sealed, answered_by=tap.operator, answered_at=now)
        )
        audit.record(
            conn, at=now, actor=tap.operator, action="payroll.dispute", subject=f"run:{found.run_id}",
            reason=state, detail={"dispute": found.id, "no": found.employee_no},
        )  # fmt: skip

    def _done_card(
        self, conn: Connection, found: sa.Row[tuple[object, ...]], how: Text
    ) -> Mapping[str, object]:
        person = store.person(conn, RunId(str(found.run_id)), EmployeeNo(str(found.employee_no)))
        month = Month(str(found.run_id).partition(".")[0])
        return dispute_done_card(month, person.name if person else "", str(found.line), how).data


def card_work(run: Run, receiver: str, cause: str) -> Work:
    """Send a run's card to a person who leads it."""
    digest = hashlib.sha256(f"{run.id}/{receiver}/{cause}".encode()).hexdigest()[:24]
    args = {"run": run.id, "receiver": receiver}
    return Work("payroll.card", f"payroll.card:{digest}", f"receiver:{receiver}", args)


def finance_work(run_id: str, cause: str) -> Work:
    """Show finance where the payout of a run stands."""
    return run_work("payroll.finance", run_id, cause)


def _kind(name: object) -> AnomalyKind | None:
    return AnomalyKind.__members__.get(str(name))


def _subject(run: Run) -> str:
    return f"run:{run.id}"


def _no(sentence: str) -> TapAnswer:
    return TapAnswer(Toast("warning", sentence, "This is not possible now"))
