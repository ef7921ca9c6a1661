"""Jobs of signing: start the approvals, look at them afresh, void them, tell who signed.

A signature is read from Feishu anew each time; an event only says that it is time to look.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.model import Event
from payslip import doubt, store
from payslip import run as moves
from payslip import tables as t
from payslip.computing import Computing
from payslip.deps import COMPANY, DEPARTMENT, Payroll
from payslip.documents import RunId
from payslip.model import EVERYONE, Run, RunState
from payslip.opening import collect_work, refresh_work, run_work
from payslip.signing import (
    CannotSign,
    Part,
    Payable,
    SignatureState,
    Verdict,
    form,
    gate,
    judge,
    parts,
)
from runtime.errors import PermanentError
from runtime.ids import InstanceCode, OpenId
from runtime.jobrun import JobRun
from runtime.work import Work

APPROVAL_EVENTS = ("approval_instance", "approval_task")
"""An approval moved as a whole, or one person in it acted."""

LOOKED_AT = (RunState.SIGNING, RunState.APPROVED, RunState.SEALED, RunState.PUSHED)
"""A signature may be taken back after it was given; until the run is closed it is looked at."""


LOOK_SECONDS = 1.0
LOOK_AFTER = timedelta(seconds=LOOK_SECONDS)


class Approving:
    """The jobs ``payroll.sign``, ``payroll.look``, ``payroll.withdraw`` and ``payroll.told_void``."""

    def __init__(self, deps: Payroll) -> None:
        self.deps = deps
        self.computing = Computing(deps)
        self._known: tuple[tuple[str, str | None], dict[str, Part]] = (("", None), {})

    # --- starting ---

    def sign(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """Start one approval a part; each is found again by its uuid after any doubt."""
        with self.deps.db.read() as conn:
            mine = store.load_run(conn, str(args["run"]))
        if mine is None or mine.state is not RunState.SIGNING or mine.digest is None:
            return
        known: dict[str, Part] = {}  # totals stay in memory: a step's result is stored
        try:
            run.attempt("subscribe", self._subscribe)
            for name in run.step("parts", lambda: self._ask(mine, known)):
                self._start_one(run, mine, name, known)
        except PermanentError as error:
            why = str(error)
            run.step("refused", lambda: self._void(mine.id, why))

    def _subscribe(self) -> int:
        codes = set(self.deps.policy.approvals.values())
        for code in sorted(codes):
            self.deps.approval.subscribe(code)
        return len(codes)

    def _start_one(self, run: JobRun, mine: Run, name: str, known: dict[str, Part]) -> None:
        def start() -> str:
            known.update(known or self._parts(mine))
            return self._start(mine, known[name])

        code = run.attempt(f"start:{name}", start, lookup=lambda: self._find(mine, name))
        run.step(f"started:{name}", lambda: self._started(mine, name, code))

    def _ask(self, mine: Run, known: dict[str, Part]) -> list[str]:
        """Decide who signs what; one row a part, before anything is sent."""
        known.update(self._parts(mine))
        with self.deps.db.begin() as conn:
            for part in known.values():
                row: dict[str, Any] = {
                    "run_id": mine.id, "digest": mine.digest, "part": part.name,
                    "uuid": self._uuid(mine, part.name), "instance_code": None,
                    "state": SignatureState.ASKED.value, "asked": dict(part.signers), "signed": [],
                    "reason": "", "checked_at": None,
                }  # fmt: skip
                conn.execute(store.insert(conn, t.signatures).values(**row).on_conflict_do_nothing())
        return list(known)

    def _parts(self, mine: Run) -> dict[str, Part]:
        """The parts of a run under its digest; kept in memory, for every look at the approvals needs them."""
        if self._known[0] != (mine.id, mine.digest):
            self._known = (mine.id, mine.digest), self._divide(mine)
        return self._known[1]

    def _divide(self, mine: Run) -> dict[str, Part]:
        policy = self.deps.policy
        if policy.hr_head is None or policy.finance_head is None:
            raise CannotSign("应用清单 payroll 里没有写人事负责人或财务负责人")
        nets = self.computing.nets(mine)
        with self.deps.db.read() as conn:
            people = [
                Payable(row.open_id, row.department, row.supervisor, nets[row.employee_no])
                for row in store.marks(conn, mine.id)
                if row.employee_no in nets
            ]
        found = parts(
            people, starter=mine.starter, hr_head=policy.hr_head, finance_head=policy.finance_head,
            min_group=policy.min_group,
        )  # fmt: skip
        return {part.name: part for part in found}

    def _uuid(self, mine: Run, name: str) -> str:
        return self.deps.vault.digest("approval", f"{mine.id}/{mine.turn}/{mine.digest}/{name}".encode())[:40]

    def _start(self, mine: Run, part: Part) -> str:
        policy, approval = self.deps.policy, self.deps.approval
        key = COMPANY if part.name == EVERYONE else DEPARTMENT
        code = policy.approvals.get(key)
        if code is None:
            raise CannotSign(f"应用清单 approvals.{key} 还没有审批编号：请在飞书审批后台建好后填入")
        name = "全公司" if part.name == EVERYONE else part.name
        few = f"（不足 {policy.min_group} 人，不显示合计）" if part.headcount < policy.min_group else ""
        values: dict[str, str | int | Decimal] = {
            "run": mine.id, "month": mine.month, "part": f"{name}{few}",
            "headcount": part.headcount, "total": part.total, "digest": mine.digest or "",
        }  # fmt: skip
        items = form(approval.get_definition(code), values)
        signers = {node: [person] for node, person in part.signers.items()}
        return str(
            approval.create_instance(
                code, mine.starter, items, uuid=self._uuid(mine, part.name), node_approvers=signers
            )
        )

    def _find(self, mine: Run, name: str) -> str | None:
        found = self.deps.approval.find(self._uuid(mine, name))
        return None if found is None else str(found)

    def _started(self, mine: Run, name: str, code: str) -> None:
        s = t.signatures.c
        with self.deps.db.begin() as conn:
            conn.execute(
                t.signatures.update()
                .where(s.run_id == mine.id, s.digest == mine.digest, s.part == name)
                .values(instance_code=code)
            )
            store.note(conn, mine, "system:payroll", "approval_started", self.deps.clock.now(), part=name)

    # --- looking ---

    def events(self, events: Sequence[Event]) -> None:
        """Approval events: a look at each run they concern, one for all of a batch and moment.

        A look reads every approval of its run, and when people sign the events come in dozens. It begins
        after the moment that names it, so it sees whatever is told within it.
        """
        codes = sorted({str(event.body.get("instance_code") or "") for event in events})
        moment = int(self.deps.clock.now().timestamp() / LOOK_SECONDS)
        with self.deps.db.begin() as conn:
            found: set[str] = set()
            for part in store.chunks(codes):
                s = t.signatures.c
                found |= set(conn.execute(sa.select(s.run_id).where(s.instance_code.in_(part))).scalars())
            works = [run_work("payroll.look", run_id, f"event:{moment}") for run_id in sorted(found)]
            self.deps.queue.put(conn, *(replace(work, delay=LOOK_AFTER) for work in works))

    def tick(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """The schedule: look at every run that waits or could be taken back, in case an event was lost."""
        del args
        with self.deps.db.begin() as conn:
            for mine in store.runs_in(conn, LOOKED_AT):
                self.deps.queue.put(conn, run_work("payroll.look", mine.id, str(run.id)))

    def look(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """Fetch the approvals of a run and decide what they mean together."""
        with self.deps.db.read() as conn:
            mine = store.load_run(conn, str(args["run"]))
        if mine is None or mine.state not in LOOKED_AT or mine.digest is None:
            return
        found = run.attempt("fetch", lambda: self.fetch(mine))
        run.step("decide", lambda: self._decide(mine, {part: _verdict(each) for part, each in found.items()}))

    def fetch(self, mine: Run) -> dict[str, dict[str, Any]]:
        """Every approval of the present digest as it is now, as plain values."""
        with self.deps.db.read() as conn:
            s = t.signatures.c
            query = sa.select(t.signatures).where(s.run_id == mine.id, s.digest == (mine.digest or ""))
            rows = conn.execute(query).all()
        known = self._parts(mine)
        found: dict[str, dict[str, Any]] = {}
        for row in rows:
            if row.instance_code is None:
                found[row.part] = _plain(Verdict(SignatureState.ASKED))
                continue
            instance = self.deps.approval.get_instance(row.instance_code)
            verdict = judge(instance, digest=mine.digest or "", total=known[row.part].total, asked=row.asked)
            found[row.part] = _plain(verdict)
        return found

    def standing(self, mine: Run) -> str | None:
        """Fetched now: None when the run may go out, else the sentence why not."""
        found = {part: _verdict(each) for part, each in self.fetch(mine).items()}
        for part, verdict in sorted(found.items()):
            if verdict.state is not SignatureState.APPROVED:
                return f"“{_name(part)}”：{verdict.reason or '还没有签批'}"
        return gate({part: verdict.signed for part, verdict in found.items()}, mine.starter)

    def _decide(self, seen: Run, found: Mapping[str, Verdict]) -> None:
        now = self.deps.clock.now()
        with self.deps.db.begin() as conn:
            mine = store.load_run(conn, seen.id, lock=True)
            if mine is None or mine.digest != seen.digest or mine.state not in LOOKED_AT:
                return
            changed = self._note(conn, mine, found)
            bad = [(part, v) for part, v in sorted(found.items()) if v.state is not SignatureState.APPROVED]
            lost = [(part, v) for part, v in bad if v.state is not SignatureState.ASKED]
            if lost:
                part, verdict = lost[0]
                self._lose(conn, mine, f"“{_name(part)}”{verdict.reason}", verdict.state)
                return
            if changed:
                self.deps.queue.put(
                    conn, run_work("payroll.refresh", mine.id, f"{mine.turn}:{now.timestamp()}")
                )
            if bad or mine.state is not RunState.SIGNING:
                return
            why = gate({part: verdict.signed for part, verdict in found.items()}, mine.starter)
            if why is not None:
                self._lose(conn, mine, why, SignatureState.REFUSED)
                return
            step = moves.advance(mine, RunState.APPROVED)
            assert isinstance(step, moves.Step)  # noqa: S101 - SIGNING was checked above
            moved = store.save_step(conn, step, actor="system:payroll", at=now)
            self.deps.queue.put(
                conn, run_work("payroll.seal", moved.id, str(moved.turn)), refresh_work(moved)
            )

    def _note(self, conn: Connection, mine: Run, found: Mapping[str, Verdict]) -> bool:
        s, changed, now = t.signatures.c, False, self.deps.clock.now()
        for part, verdict in found.items():
            mine_part = (s.run_id == mine.id) & (s.digest == mine.digest) & (s.part == part)
            before = conn.execute(sa.select(s.state, s.signed).where(mine_part)).one()
            signed = list(verdict.signed)
            changed = changed or (before.state, list(before.signed)) != (verdict.state.value, signed)
            conn.execute(
                t.signatures.update()
                .where(mine_part)
                .values(
                    state=verdict.state.value,
                    signed=signed,
                    reason=verdict.reason,
                    checked_at=now,
                )
            )
        return changed

    def _lose(self, conn: Connection, mine: Run, why: str, state: SignatureState) -> None:
        """A signature is refused or was taken back: void before anything went out, said aloud afterwards."""
        reverted = state is SignatureState.REVERTED
        reason = moves.Reason.SIGNATURE_REVERTED if reverted else moves.Reason.SIGNATURE_REFUSED
        void(conn, self.deps, mine, reason, why)

    def _void(self, run_id: RunId, why: str) -> None:
        with self.deps.db.begin() as conn:
            mine = store.load_run(conn, run_id, lock=True)
            if mine is not None and mine.state is RunState.SIGNING:
                void(conn, self.deps, mine, moves.Reason.SIGNATURE_REFUSED, why)

    # --- ending ---

    def withdraw(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """Take back the approvals that still wait, after a run was cancelled or its signatures are void."""
        with self.deps.db.read() as conn:
            s = t.signatures.c
            query = sa.select(t.signatures).where(s.run_id == str(args["run"]), s.instance_code.is_not(None))
            rows = conn.execute(query).all()
            mine = store.load_run(conn, str(args["run"]))
        for row in rows:
            live = mine is not None and mine.digest == row.digest and mine.state in LOOKED_AT
            if mine is None or live or row.state != SignatureState.ASKED.value:
                continue
            run.attempt(f"cancel:{row.instance_code}", partial(self._cancel, mine, row))

    def _cancel(self, mine: Run, row: sa.Row[Any]) -> bool:
        """True when it is withdrawn or was ended anyway."""
        if self.deps.approval.get_instance(row.instance_code).get("status") != "PENDING":
            return True
        code = self.deps.policy.approvals.get(COMPANY if row.part == EVERYONE else DEPARTMENT)
        if code is None:
            return False
        try:
            self.deps.approval.cancel_instance(code, InstanceCode(row.instance_code), mine.starter)
        except PermanentError:  # the definition forbids withdrawal: the digest keeps it from counting
            return False
        return True

    def told_void(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """Tell everyone who was asked to sign that their signature is void, and why."""
        receiver, text = str(args["receiver"]), str(args["text"])
        uuid = str(run.id)
        run.attempt("send", lambda: str(self.deps.im.send_text(receiver, text, uuid=uuid).message_id))


def void(conn: Connection, deps: Payroll, mine: Run, reason: moves.Reason, why: str) -> Run | None:
    """Void a run's signatures in the caller's transaction; signers are told, approvals taken back.

    Before anything went out the run starts over. Once a payslip was sent the run stays (what was said was
    said): what is not sent yet and the payout stop, because both look at the signatures, and HR is told.

    Returns:
        The run as it is now; None when it could not move.
    """
    now = deps.clock.now()
    out = store.any_sent(conn, mine.id)
    step = moves.Refusal("已有工资条发出") if out else moves.start_over(mine, reason, why)
    if isinstance(step, moves.Refusal):
        noted = moves.noted(mine, f"{why}；推送和代发已停止，请核实")
        if noted.note != mine.note:
            store.save_step(conn, moves.Step(noted, reason), actor="system:payroll", at=now)
            deps.queue.put(conn, refresh_work(noted), *told_works(conn, mine, f"{mine.month} 算薪：{why}"))
        return None
    if mine.state in (RunState.APPROVED, RunState.SEALED):  # approved: sealing may have begun
        deps.queue.put(conn, *doubt.unsent_of(conn, mine.id))
        store.destroy_unsent(conn, mine.id)
    told = told_works(
        conn, mine, f"{mine.month} 算薪（{mine.id}）的签批已作废：{why}。修改后会重新请你签批。"
    )
    moved = store.save_step(conn, step, actor="system:payroll", at=now)
    works = [
        refresh_work(moved),
        run_work("payroll.withdraw", moved.id, str(moved.turn)),
        collect_work(moved),
    ]
    deps.queue.put(conn, *told, *works)
    return moved


def told_works(conn: Connection, mine: Run, text: str) -> list[Work]:
    """One message to each person who was asked to sign this digest, and to the starter."""
    s = t.signatures.c
    query = sa.select(s.asked).where(s.run_id == mine.id, s.digest == (mine.digest or ""))
    asked = {OpenId(person) for row in conn.execute(query) for person in row.asked.values()}
    return [_told(mine, person, text) for person in sorted(asked | {mine.starter})]


def _told(mine: Run, person: OpenId, text: str) -> Work:
    name = f"payroll.told_void:{mine.id}:{mine.turn}:{person}"
    return Work("payroll.told_void", name, f"receiver:{person}", {"receiver": person, "text": text})


def _plain(verdict: Verdict) -> dict[str, Any]:
    return {"state": verdict.state.value, "signed": list(verdict.signed), "reason": verdict.reason}


def _verdict(plain: Mapping[str, Any]) -> Verdict:
    return Verdict(SignatureState(plain["state"]), tuple(plain["signed"]), str(plain["reason"]))


def _name(part: str) -> str:
    return "人事与财务" if part == EVERYONE else part
