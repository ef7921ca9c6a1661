"""What a pay run may do next. Pure: a run and what is known give the next run and a reason, or a refusal.

```
draft ─► collected ─► calculated ─► reviewed ─► signing ─► approved ─► sealed ─► pushed ─► closed
  ▲          └────────────┴─────────────┴──────────┴──────────┘ (an input changed, a signature was refused)
  └── opened, or a correction that names the run it replaces      anything before sealed ─► cancelled
```
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from payslip.model import Run, RunState


class Reason(StrEnum):
    """Why a run moved; stands in the audit row."""

    OPENED = "opened"
    COLLECTED = "inputs_frozen"
    CALCULATED = "computed_twice_and_agreed"
    REVIEWED = "every_anomaly_settled"
    SIGNING = "approvals_started"
    APPROVED = "three_people_signed_these_bytes"
    SEALED = "recomputed_and_equal"
    PUSHED = "every_slip_sent"
    CLOSED = "confirmed_or_deadline_passed"
    INPUT_CHANGED = "input_changed"
    SIGNATURE_REFUSED = "signature_refused"
    SIGNATURE_REVERTED = "signature_reverted"
    CANCELLED = "cancelled_by_person"
    RECALLED = "recalled_by_person"


FORWARD: dict[RunState, tuple[RunState, Reason]] = {
    RunState.COLLECTED: (RunState.DRAFT, Reason.COLLECTED),
    RunState.CALCULATED: (RunState.COLLECTED, Reason.CALCULATED),
    RunState.REVIEWED: (RunState.CALCULATED, Reason.REVIEWED),
    RunState.SIGNING: (RunState.REVIEWED, Reason.SIGNING),
    RunState.APPROVED: (RunState.SIGNING, Reason.APPROVED),
    RunState.SEALED: (RunState.APPROVED, Reason.SEALED),
    RunState.PUSHED: (RunState.SEALED, Reason.PUSHED),
    RunState.CLOSED: (RunState.PUSHED, Reason.CLOSED),
}
"""To which state one comes, from where, and why."""

OPEN = frozenset(
    {
        RunState.DRAFT, RunState.COLLECTED, RunState.CALCULATED, RunState.REVIEWED, RunState.SIGNING,
        RunState.APPROVED,
    }
)  # fmt: skip
"""Nothing has gone out yet: inputs may still change, and a change counts."""

SIGNED = frozenset({RunState.SIGNING, RunState.APPROVED})
"""People were asked to sign: a change must be said to them."""

PAID = frozenset({RunState.SEALED, RunState.PUSHED, RunState.CLOSED})
"""Its figures are what people were told; later runs build on them."""

STATE_ZH = {
    RunState.DRAFT: "汇集中",
    RunState.COLLECTED: "核算中",
    RunState.CALCULATED: "待处理异常",
    RunState.REVIEWED: "待提交签批",
    RunState.SIGNING: "签批中",
    RunState.APPROVED: "已批准",
    RunState.SEALED: "推送中",
    RunState.PUSHED: "已推送",
    RunState.CLOSED: "已结束",
    RunState.CANCELLED: "已取消",
}
STATE_EN = {
    RunState.DRAFT: "Collecting",
    RunState.COLLECTED: "Computing",
    RunState.CALCULATED: "Anomalies to settle",
    RunState.REVIEWED: "Ready to sign",
    RunState.SIGNING: "Being signed",
    RunState.APPROVED: "Approved",
    RunState.SEALED: "Sending",
    RunState.PUSHED: "Sent",
    RunState.CLOSED: "Closed",
    RunState.CANCELLED: "Cancelled",
}


@dataclass(frozen=True, slots=True)
class Step:
    """A decision: the run as it is now, and why."""

    run: Run
    reason: Reason


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a run does not move: a sentence for the person who wanted it to."""

    sentence: str


def advance(run: Run, to: RunState, **changes: object) -> Step | Refusal:
    """Move a run one state forward.

    Args:
        run: as it is.
        to: the next state.
        changes: fields that change with it, e.g. ``digest``.
    """
    before, reason = FORWARD[to]
    if run.state is not before:
        return Refusal(f"本批次现在是“{STATE_ZH[run.state]}”，不能变为“{STATE_ZH[to]}”")
    # Why signatures were lost stays on the card until a person has acted on it.
    note = run.note if to in {RunState.COLLECTED, RunState.CALCULATED, RunState.REVIEWED} else ""
    moved = replace(run, state=to, turn=run.turn + 1, note=note, **changes)  # type: ignore[arg-type]
    return Step(moved, reason)


def start_over(run: Run, reason: Reason, note: str) -> Step | Refusal:
    """Back to the draft: an input changed, or a signature was refused or taken back.

    Signatures given so far are void, because they were given for other bytes.
    """
    if run.state not in OPEN and not (run.state is RunState.SEALED and reason is Reason.SIGNATURE_REVERTED):
        return Refusal("工资条已经发出，请用更正批次修改")
    return Step(replace(run, state=RunState.DRAFT, turn=run.turn + 1, digest=None, note=note), reason)


def cancel(run: Run) -> Step | Refusal:
    """Give a run up; nothing has gone out yet."""
    if run.state not in OPEN:
        return Refusal("工资条已经发出，不能取消；请用更正批次修改")
    return Step(replace(run, state=RunState.CANCELLED, turn=run.turn + 1, note="已取消"), Reason.CANCELLED)


def recall(run: Run, *, paid: bool, corrected: bool = False) -> Step | Refusal:
    """Take every payslip of a run back; their keys are destroyed and the month may be computed anew.

    Args:
        run: sealed or pushed.
        paid: a payout file of it exists.
        corrected: a correction of it is open or out.
    """
    if run.state not in (RunState.SEALED, RunState.PUSHED):
        return Refusal(f"本批次现在是“{STATE_ZH[run.state]}”，没有可以撤回的工资条")
    if paid:
        return Refusal("已经生成代发文件，不能整批撤回；请作废文件，或用更正批次修改")
    if run.replaces is not None:
        return Refusal("更正后的工资条不能撤回，原来的那份已经作废；还有错请再开一个更正批次")
    if corrected:
        return Refusal("这个批次已有更正批次，不能整批撤回；还没发出的更正批次可以先取消")
    return Step(replace(run, state=RunState.CANCELLED, turn=run.turn + 1, note="已撤回"), Reason.RECALLED)


def may_review(run: Run, unsettled: int, blocking: int) -> Step | Refusal:
    """Whether every anomaly is settled.

    Args:
        run: calculated.
        unsettled: anomalies nobody has taken on themselves.
        blocking: anomalies whose cause must be mended first.
    """
    if blocking:
        return Refusal(f"有 {blocking} 人的工资还没有算出或两次结果不一致，请先更正数据")
    if unsettled:
        return Refusal(f"还有 {unsettled} 条异常没有处理")
    return advance(run, RunState.REVIEWED)


def noted(run: Run, note: str) -> Run:
    """The same run with a sentence on its card; it stays where it is."""
    return replace(run, turn=run.turn + 1, note=note)
