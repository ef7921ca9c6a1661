"""A run moves only along its picture, and every move has a reason."""

from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import pairwise

import pytest

from payslip import run as moves
from payslip.documents import EmployeeNo, Month, RunId
from payslip.model import Run, RunState
from payslip.opening import Wish, decide, read_month
from runtime.ids import OpenId
from tests.payslip.people import HR, HR_HEAD, policy

NOW = datetime(2026, 11, 3, 2, tzinfo=UTC)
PATH = [
    RunState.DRAFT, RunState.COLLECTED, RunState.CALCULATED, RunState.REVIEWED, RunState.SIGNING,
    RunState.APPROVED, RunState.SEALED, RunState.PUSHED, RunState.CLOSED,
]  # fmt: skip


def a_run(state: RunState = RunState.DRAFT, **changes: object) -> Run:
    run = Run(RunId("2026-10.1"), Month("2026-10"), 1, date(2026, 11, 10), state, HR, NOW)
    return replace(run, **changes)  # type: ignore[arg-type]


def test_a_run_walks_its_path_and_each_step_has_its_own_reason() -> None:
    run, reasons = a_run(), []
    for before, after in pairwise(PATH):
        assert run.state is before
        step = moves.advance(run, after)
        assert isinstance(step, moves.Step)
        run, reasons = step.run, [*reasons, step.reason]
    assert run.state is RunState.CLOSED
    assert run.turn == len(PATH) - 1
    assert len(set(reasons)) == len(reasons)


@pytest.mark.parametrize("state", list(RunState))
@pytest.mark.parametrize("to", PATH[1:])
def test_no_state_is_skipped(state: RunState, to: RunState) -> None:
    step = moves.advance(a_run(state), to)
    allowed = state in PATH and PATH.index(state) == PATH.index(to) - 1
    assert isinstance(step, moves.Step) is allowed
    if isinstance(step, moves.Refusal):
        assert moves.STATE_ZH[state] in step.sentence


@pytest.mark.parametrize("state", list(RunState))
def test_only_what_has_not_gone_out_may_start_over_or_be_cancelled(state: RunState) -> None:
    free = state in PATH[:6]
    again = moves.start_over(a_run(state, digest="d"), moves.Reason.INPUT_CHANGED, "评分改了")
    assert isinstance(again, moves.Step) is free
    if isinstance(again, moves.Step):
        assert (again.run.state, again.run.digest, again.run.note) == (RunState.DRAFT, None, "评分改了")
    assert isinstance(moves.cancel(a_run(state)), moves.Step) is free


def test_a_signature_taken_back_stops_a_sealed_run_but_an_edit_does_not() -> None:
    sealed = a_run(RunState.SEALED, digest="d")
    assert isinstance(moves.start_over(sealed, moves.Reason.SIGNATURE_REVERTED, "撤销"), moves.Step)
    assert isinstance(moves.start_over(sealed, moves.Reason.INPUT_CHANGED, "改动"), moves.Refusal)


def test_why_signatures_were_lost_stays_on_the_card_until_a_person_acts() -> None:
    lost = moves.start_over(a_run(RunState.SIGNING), moves.Reason.SIGNATURE_REFUSED, "审批被拒绝")
    assert isinstance(lost, moves.Step)
    run = lost.run
    for state in PATH[1:4]:
        step = moves.advance(run, state)
        assert isinstance(step, moves.Step)
        run = step.run
    assert run.note == "审批被拒绝"
    signing = moves.advance(run, RunState.SIGNING)
    assert isinstance(signing, moves.Step)
    assert signing.run.note == ""


@pytest.mark.parametrize(("unsettled", "blocking", "said"), [(0, 2, "2 人"), (3, 0, "3 条"), (0, 0, "")])
def test_nobody_signs_before_everything_is_settled(unsettled: int, blocking: int, said: str) -> None:
    step = moves.may_review(a_run(RunState.CALCULATED), unsettled, blocking)
    if said:
        assert isinstance(step, moves.Refusal)
        assert said in step.sentence
    else:
        assert isinstance(step, moves.Step)
        assert step.run.state is RunState.REVIEWED


@pytest.mark.parametrize(
    ("text", "month"),
    [
        ("2026-10", "2026-10"), ("2026年10月", "2026-10"), ("202609", "2026-09"), ("2026/9", "2026-09"),
        ("", "2026-10"), ("十月", None), ("2026-13", None), ("2026-10-01", None),
    ],
)  # fmt: skip
def test_months_are_read_as_people_write_them(text: str, month: str | None) -> None:
    assert read_month(text, NOW) == month


def test_december_is_the_month_before_january() -> None:
    assert read_month("", datetime(2027, 1, 5, tzinfo=UTC)) == "2026-12"


def test_hr_opens_a_month_once() -> None:
    wish = Wish(Month("2026-10"), HR)
    first = decide(wish, [], policy(), NOW)
    assert isinstance(first, Run)
    assert (first.id, first.pay_date, first.state) == ("2026-10.1", date(2026, 11, 10), RunState.DRAFT)
    again = decide(wish, [first], policy(), NOW)
    assert isinstance(again, moves.Refusal)
    assert "2026-10.1" in again.sentence
    sent = replace(first, state=RunState.PUSHED)
    assert isinstance(decide(wish, [sent], policy(), NOW), moves.Refusal)
    cancelled = replace(first, state=RunState.CANCELLED)
    third = decide(wish, [cancelled], policy(), NOW)
    assert isinstance(third, Run)
    assert third.id == "2026-10.2"


def test_a_correction_names_what_it_replaces_and_whom_it_is_about() -> None:
    sent = a_run(RunState.PUSHED)
    wish = Wish(Month("2026-10"), HR_HEAD, replaces=sent.id, scope=(EmployeeNo("YR0007"),))
    run = decide(wish, [sent], policy(), NOW)
    assert isinstance(run, Run)
    assert (run.id, run.replaces, run.scope) == ("2026-10.2", "2026-10.1", ("YR0007",))
    assert isinstance(decide(replace(wish, scope=None), [sent], policy(), NOW), moves.Refusal)


def test_others_and_the_future_are_refused_in_words() -> None:
    stranger = decide(Wish(Month("2026-10"), OpenId("ou_operator")), [], policy(), NOW)
    assert isinstance(stranger, moves.Refusal)
    assert "人事" in stranger.sentence
    early = decide(Wish(Month("2026-12"), HR), [], policy(), NOW)
    assert isinstance(early, moves.Refusal)
    assert "还没有到" in early.sentence


def test_a_correction_is_taxed_in_the_month_of_what_it_corrects() -> None:
    """A run paid on another day than usual keeps that day in its correction."""
    sent = replace(a_run(RunState.PUSHED), pay_date=date(2026, 10, 31))
    wish = Wish(Month("2026-10"), HR_HEAD, replaces=sent.id, scope=(EmployeeNo("YR0007"),))
    run = decide(wish, [sent], policy(), NOW)
    assert isinstance(run, Run)
    assert run.pay_date == date(2026, 10, 31)


def test_a_month_later_runs_were_built_on_is_not_corrected() -> None:
    """November's tax and carries stand on October as it was: the difference belongs into the next run."""
    sent = a_run(RunState.PUSHED)
    november = replace(sent, id=RunId("2026-11.1"), month=Month("2026-11"))
    wish = Wish(Month("2026-10"), HR_HEAD, replaces=sent.id, scope=(EmployeeNo("YR0007"),))
    refused = decide(wish, [sent], policy(), NOW, [november])
    assert isinstance(refused, moves.Refusal)
    assert "2026-11 的工资条已经发出" in refused.sentence
    assert "一次性项目" in refused.sentence


def test_what_was_corrected_is_not_recalled() -> None:
    """The first version is void once corrected, so a recall would leave nobody a payslip."""
    sent = a_run(RunState.PUSHED)
    assert isinstance(moves.recall(sent, paid=False), moves.Step)
    assert isinstance(moves.recall(sent, paid=False, corrected=True), moves.Refusal)
    correction = replace(sent, id=RunId("2026-10.2"), replaces=sent.id)
    assert isinstance(moves.recall(correction, paid=False), moves.Refusal)
