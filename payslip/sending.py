"""Jobs that reach people: push, remind, recall; and the status table HR looks at.

A card is sent once a payslip version (its uuid is the version's), carries no amount, and only says that
something is there. Each send stops when a signature was taken back meanwhile.
"""

from __future__ import annotations

import itertools
import zlib
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bitable_sync.cells import EMPTY, CellValue
from bot.cards import Card
from payslip import doubt, restored, store
from payslip import run as moves
from payslip import tables as t
from payslip.cards import recalled_card, slip_card
from payslip.deps import Payroll
from payslip.documents import EmployeeNo, Month, RunId
from payslip.model import Run, RunState, SlipState
from payslip.opening import lane, refresh_work, run_work, sheet_work
from payslip.specs import SLIPS
from runtime import audit
from runtime.errors import PermanentError
from runtime.feishu.endpoint import Rate, Wanted
from runtime.ids import MessageId
from runtime.jobrun import JobRun
from runtime.work import Work

QUEUED_AT_ONCE = 50
SENT_AT_ONCE = 20
"""Cards between two records of how far a lane is."""

PUSH_LANES = 8
"""So many payslips are on their way at once: enough for the pace when a send takes 0.4 s, and half of the
worker's slots, so that other work goes on."""

PACE: Wanted = ("payslips", Rate(per_second=21, per_minute=975))
"""Evenly, a little less than the platform's 1,000 a minute, so that alerts find room in every minute. Sent at
50 a second the minute would be used up in twenty, and an alert would wait for the rest of it."""

ROWS_SECONDS = 30
"""How often HR sees the push go on in 工资条状态."""

REMIND_AGAIN = timedelta(hours=20)
STATES_ZH = {
    SlipState.SEALED: "待推送",
    SlipState.SENT: "已推送",
    SlipState.READ: "已查看",
    SlipState.CONFIRMED: "已确认",
    SlipState.DISPUTED: "有异议",
    SlipState.RECALLED: "已撤回",
    SlipState.REPLACED: "已更正",
    SlipState.FAILED: "推送失败",
}
OPEN_SLIPS = (SlipState.SENT, SlipState.READ)
"""Told, and neither confirmed nor disputed yet."""


@dataclass(frozen=True, slots=True)
class SlipRow:
    """A stored payslip version, without its content."""

    run_id: RunId
    employee_no: EmployeeNo
    version: int
    month: Month
    open_id: str | None
    token: str
    state: SlipState
    message_id: str | None
    digest: str


class Sending:
    """The jobs ``payroll.push``, ``payroll.remind``, ``payroll.recall``, ``payroll.slip_rows`` and others."""

    def __init__(self, deps: Payroll) -> None:
        self.deps = deps

    def _put(self, *works: Work) -> None:
        with self.deps.db.begin() as conn:
            self.deps.queue.put(conn, *works)

    # --- pushing ---

    def push(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """Send the cards of one lane of a run, each once; goes on where it stood after a restart.

        What was sent stands in the slip's row. A work a person, with steps of its own, would cost the worker
        sixty milliseconds each and outgrow the time the sending itself takes.
        """
        run_id, number = str(args["run"]), int(args["lane"])
        lane_left: list[deque[SlipRow]] = []  # read once, by the first part that really runs here

        def part() -> int:
            if not lane_left:
                lane_left.append(self._lane(run_id, number))
            return self._push_part(run_id, lane_left[0])

        for count in itertools.count():
            if not run.attempt(f"part:{count}", part):
                return

    def _lane(self, run_id: str, number: int) -> deque[SlipRow]:
        restored.settle(self.deps, run_id)
        with self.deps.db.read() as conn:
            waiting = slips_of(conn, run_id, SlipState.SEALED)
        return deque(slip for slip in waiting if slip.open_id is not None and push_lane(slip) == number)

    def _push_part(self, run_id: str, left: deque[SlipRow]) -> int:
        """Send the next cards of a lane; how many are left. Called again after a doubt, it repeats none."""
        with self.deps.db.read() as conn:
            mine = store.load_run(conn, run_id)
        if mine is None:
            return 0
        part = list(itertools.islice(left, SENT_AT_ONCE))
        doubt.intend(self.deps.db, [slip.token for slip in part], self.deps.clock.now())
        for _ in part:
            if not self._push_one(mine, left[0]):
                return 0
            left.popleft()
        self._told(mine)
        return len(left)

    def _push_one(self, mine: Run, slip: SlipRow) -> bool:
        """Send one card; False when the signatures do not stand any more and everything stops."""
        with self.deps.db.read() as conn:
            fresh, free = load_slip(conn, slip.run_id, slip.employee_no), store.all_signed(conn, mine)
        if not free:
            self._note(mine, slip, "signature_not_standing")
            return False
        if fresh != slip:  # replaced, recalled or voided meanwhile
            return True
        try:
            out = doubt.found(self.deps, slip.token)
            message = self._send(mine, slip, push_key(slip)) if out is None else out
        except PermanentError as error:
            self._mark(mine, slip, SlipState.FAILED, "", str(error))
        else:
            if not self._mark(mine, slip, SlipState.SENT, message, "sent"):
                self._put(doubt.take_back_work(slip.open_id, slip.month, message))
        return True

    def _send(self, mine: Run, slip: SlipRow, uuid: str) -> str:
        assert slip.open_id is not None  # noqa: S101 - asked before
        url = self.deps.policy.link(f"/pay/s/{slip.token}")
        deadline = (mine.push_at or self.deps.clock.now()) + self.deps.policy.deadline
        card = slip_card(mine.month, self.deps.policy.company, url, deadline, corrected=slip.version > 1)
        sent = self.deps.im.send_card(slip.open_id, card.data, uuid=uuid, under=(PACE,))
        return str(sent.message_id)

    def _mark(self, mine: Run, slip: SlipRow, state: SlipState, message: str, reason: str) -> bool:
        """Note what became of a card; False when its payslip was voided while the card was on its way."""
        s, sent_at = t.slips.c, self.deps.clock.now() if state is SlipState.SENT else None
        with self.deps.db.begin() as conn:
            marked = conn.execute(
                t.slips.update()
                .where(s.run_id == slip.run_id, s.employee_no == slip.employee_no, s.token == slip.token)
                .where(s.state == SlipState.SEALED.value)
                .values(state=state.value, message_id=message or None, sent_at=sent_at)
            )
            stands = marked.rowcount == 1
            self._audit(conn, mine, slip, reason if stands else "voided_on_its_way")
        return stands

    def _told(self, mine: Run) -> None:
        """Set to work what follows from cards sent: HR's rows, and the end when it was the last one."""
        now, s = self.deps.clock.now(), t.slips.c
        moment = int(now.timestamp()) // ROWS_SECONDS
        rows = Work(
            "payroll.slip_rows", f"payroll.slip_rows:{mine.id}:{moment}", lane(mine.id),
            {"run": mine.id, "since": (moment - 1) * ROWS_SECONDS}, timedelta(seconds=ROWS_SECONDS + 5),
        )  # fmt: skip
        left = sa.select(s.employee_no).where(s.run_id == mine.id, s.state == SlipState.SEALED.value)
        with self.deps.db.begin() as conn:
            last = conn.execute(left.limit(1)).first() is None
            done = [run_work("payroll.pushed", mine.id, str(mine.turn))] if last else []
            self.deps.queue.put(conn, rows, *done)

    def _note(self, mine: Run, slip: SlipRow, reason: str) -> None:
        with self.deps.db.begin() as conn:
            self._audit(conn, mine, slip, reason)

    def _audit(self, conn: Connection, mine: Run, slip: SlipRow, reason: str) -> None:
        audit.record(
            conn, at=self.deps.clock.now(), actor="system:payroll", action="payroll.push",
            subject=f"run:{mine.id}", reason=reason, detail={"no": slip.employee_no, "version": slip.version},
        )  # fmt: skip

    def pushed(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """Everything was sent: the run is pushed."""

        def move() -> None:
            with self.deps.db.begin() as conn:
                mine = store.load_run(conn, str(args["run"]), lock=True)
                step = moves.advance(mine, RunState.PUSHED) if mine is not None else None
                if isinstance(step, moves.Step):
                    moved = store.save_step(conn, step, actor="system:payroll", at=self.deps.clock.now())
                    rows = run_work("payroll.slip_rows", moved.id, f"pushed:{moved.turn}")
                    sheet = sheet_work(moved.id, f"pushed:{moved.turn}")
                    self.deps.queue.put(conn, refresh_work(moved), rows, sheet, *self._reminders(moved))

        run.step("move", move)

    # --- afterwards ---

    def _reminders(self, mine: Run) -> list[Work]:
        return [
            Work(
                "payroll.remind",
                f"payroll.remind:{mine.id}:after{hours}h",
                lane(mine.id),
                {"run": mine.id},
                timedelta(hours=hours),
            )
            for hours in self.deps.policy.reminder_hours
        ]

    def remind(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """Remind those who were told and have neither confirmed nor disputed."""
        del run  # one transaction a part, each safe to repeat
        now = self.deps.clock.now()
        with self.deps.db.read() as conn:
            mine = store.load_run(conn, str(args["run"]))
            if mine is None or mine.state is RunState.CLOSED:
                return
            due = slips_of(conn, mine.id, *OPEN_SLIPS, reminded_before=now - REMIND_AGAIN)
        for at in range(0, len(due), QUEUED_AT_ONCE):
            self._remind(due[at : at + QUEUED_AT_ONCE], now)

    def _remind(self, due: Sequence[SlipRow], now: datetime) -> None:
        s = t.slips.c
        with self.deps.db.begin() as conn:
            for slip in due:
                stamp = f"{now:%Y%m%d}"
                name = f"payroll.reminder:{slip.run_id}:{slip.employee_no}:{stamp}"
                told = {"run": slip.run_id, "no": slip.employee_no}
                self.deps.queue.put(conn, Work("payroll.reminder", name, f"receiver:{slip.open_id}", told))
                conn.execute(
                    t.slips.update()
                    .where(s.run_id == slip.run_id, s.employee_no == slip.employee_no)
                    .values(reminded_at=now)
                )

    def reminder(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """One reminder, unless it was confirmed meanwhile."""
        with self.deps.db.read() as conn:
            slip = load_slip(conn, str(args["run"]), str(args["no"]))
        if slip is None or slip.state not in OPEN_SLIPS or slip.open_id is None:
            return
        receiver, uuid = slip.open_id, str(run.id)
        year, month = slip.month.split("-")
        url = self.deps.policy.link(f"/pay/s/{slip.token}")
        text = f"你 {year} 年 {int(month)} 月的工资条还没有确认，请查看：{url}"
        run.attempt("send", lambda: str(self.deps.im.send_text(receiver, text, uuid=uuid).message_id))

    def recall(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """Draw over the card of a payslip that is no longer valid."""
        with self.deps.db.read() as conn:
            slip = load_slip(conn, str(args["run"]), str(args["no"]))
        if slip is not None and slip.message_id is not None:
            self._draw_over(run, slip.message_id, slip.month)

    def take_back(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """Draw over a card that left when its payslip was voided; no slip knows of it."""
        message = run.attempt("look", lambda: doubt.message_of(self.deps, dict(args)))
        if message:
            self._draw_over(run, message, Month(str(args["month"])))

    def _draw_over(self, run: JobRun, message_id: str, month: Month) -> None:
        message = MessageId(message_id)
        card: Card = recalled_card(month, self.deps.policy.company)

        def update() -> bool:
            try:
                self.deps.im.update_card(message, card.data)
            except PermanentError:  # older than 14 days or taken back: the page says the same
                return False
            return True

        run.attempt("update", update)

    def recall_all(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """Draw over the cards of a run that was recalled as a whole."""
        del run
        run_id = str(args["run"])
        with self.deps.db.read() as conn:
            slips = [slip for slip in slips_of(conn, run_id, SlipState.RECALLED) if slip.message_id]
        for at in range(0, len(slips), QUEUED_AT_ONCE):
            self._put(*(recall_work(slip) for slip in slips[at : at + QUEUED_AT_ONCE]))
        self._put(run_work("payroll.slip_rows", run_id, "recalled"))

    # --- the status table ---

    def slip_rows(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """Bring 工资条状态 to what we know; only cells that differ are sent."""
        run_id, only, since = str(args["run"]), args.get("no"), args.get("since")
        begun = None if since is None else datetime.fromtimestamp(int(since), UTC)
        run.attempt("rows", lambda: self._rows(run_id, str(only) if only else None, begun, str(run.id)))

    def _rows(self, run_id: str, only: str | None, since: datetime | None, cause: str) -> int:
        """Rows of one person, of those to whom something happened since a moment, or of everybody."""
        s, p = t.slips.c, t.people.c
        query = (
            sa.select(*_OPEN, p.name)
            .join(t.people, sa.and_(p.run_id == s.run_id, p.employee_no == s.employee_no))
            .where(s.run_id == run_id)
        )
        if only is not None:
            query = query.where(s.employee_no == only)
        if since is not None:
            query = query.where(sa.or_(s.sent_at >= since, s.read_at >= since, s.confirmed_at >= since))
        with self.deps.db.read() as conn:
            found = conn.execute(query.order_by(s.employee_no)).all()
        rows = [_status_row(row) for row in found]
        if rows:
            self.deps.sync.pusher.upsert(SLIPS, rows, cause=cause)
        return len(rows)


def _status_row(row: Any) -> dict[str, CellValue]:
    return {
        "no": row.employee_no, "name": row.name, "month": row.month, "version": Decimal(row.version),
        "state": STATES_ZH[SlipState(row.state)], "sent_at": row.sent_at or EMPTY,
        "read_at": row.read_at or EMPTY, "confirmed_at": row.confirmed_at or EMPTY,
        "note": "没有飞书账号或无法送达，请联系本人" if row.state == SlipState.FAILED.value else EMPTY,
    }  # fmt: skip


_OPEN = [column for column in t.slips.c if column.name != "sealed_slip"]
"""What is not sealed: the slips of thousands of people without their content."""


def _slip(row: sa.Row[Any]) -> SlipRow:
    return SlipRow(
        row.run_id, row.employee_no, row.version, row.month, row.open_id, row.token, SlipState(row.state),
        row.message_id, row.slip_digest,
    )  # fmt: skip


def load_slip(conn: Connection, run_id: str, no: str) -> SlipRow | None:
    """One payslip of a run."""
    s = t.slips.c
    row = conn.execute(sa.select(*_OPEN).where(s.run_id == run_id, s.employee_no == no)).first()
    return None if row is None else _slip(row)


def slips_of(conn: Connection, run_id: str, *states: SlipState, reminded_before: Any = None) -> list[SlipRow]:
    """Payslips of a run, in given states only if any are given."""
    s = t.slips.c
    query = sa.select(*_OPEN).where(s.run_id == run_id).order_by(s.employee_no)
    if states:
        query = query.where(s.state.in_([state.value for state in states]))
    if reminded_before is not None:
        query = query.where(sa.or_(s.reminded_at.is_(None), s.reminded_at < reminded_before))
    return [_slip(row) for row in conn.execute(query)]


def push_works(run: Run, delay: timedelta) -> list[Work]:
    """Send a run's cards: a few works for everybody.

    Were each person a lane of its own, ten thousand payslips would leave an alert one chance in ten thousand
    to be the next.
    """
    return [
        Work(
            "payroll.push", f"payroll.push:{run.id}:{run.turn}:{number}", f"payslips:{number}",
            {"run": run.id, "lane": number}, delay,
        )
        for number in range(PUSH_LANES)
    ]  # fmt: skip


def push_lane(slip: SlipRow) -> int:
    """The lane a person's payslips go in."""
    return zlib.crc32(slip.employee_no.encode()) % PUSH_LANES


def push_key(slip: SlipRow) -> str:
    """Under which a payslip is sent once: this content of this version."""
    return f"payroll.push:{slip.run_id}:{slip.employee_no}:{slip.version}:{slip.digest[:12]}"


def recall_work(slip: SlipRow) -> Work:
    """Draw over the card of a payslip that is no longer valid."""
    name = f"payroll.recall:{slip.run_id}:{slip.employee_no}:{slip.version}"
    args = {"run": slip.run_id, "no": slip.employee_no}
    return Work("payroll.recall", name, f"receiver:{slip.open_id}", args)
