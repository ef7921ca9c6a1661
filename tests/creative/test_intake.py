"""What a look at a row decides: every named reason, and nothing twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitable_sync.cells import EMPTY, CellValue, Person
from creative.intake import BESIDES, Intake, Judgement, look
from creative.model import Cause, Request, State, Version
from tests.creative.intake_kit import NOW, ROW, SHELF, row

LATER = NOW + timedelta(hours=1)
PASSED = Judgement("", {"verdict": "pass"})
REFUSED = Judgement("“最低价”不能用", {"verdict": "fail"})


def seen(
    values: Mapping[str, CellValue] | None, known: Request | None = None, previous: Version | None = None,
    verdict: Judgement = PASSED, now: datetime = NOW,
) -> Intake:  # fmt: skip
    """A look at the row."""
    return look("rec1", values, known, SHELF, lambda _brief: verdict, previous, now)


def accepted(verdict: Judgement = PASSED) -> tuple[Request, Version]:
    """The request and first version of the row."""
    found = seen(ROW, verdict=verdict)
    assert found.request is not None
    assert found.version is not None
    return found.request, found.version


def in_state(state: State, note: str = "第 1 次：2 版") -> tuple[Request, Version]:
    """The request of the row in some state, its row saying so."""
    request, version = accepted()
    return replace(request, state=state, note=note, shown=state.value), version


def saying(state: State, **cells: Any) -> dict[str, CellValue]:
    """The row as it stands when a request is in a state."""
    return row(status=state.value, **cells)


# --- a new row ---


def test_a_blank_line_is_not_remembered() -> None:
    assert seen({}) == Intake(None, None, "blank")
    assert seen({"results": (), "note": "x"}).reason == "blank"


def test_an_unfinished_row_is_told_what_is_missing_and_nobody_is_disturbed() -> None:
    found = seen({"headline": "标题", "requester": ROW["requester"]})
    assert found.reason == "incomplete"
    assert found.request is not None
    assert (found.request.state, found.request.note) == (State.REVISE, "还差：品牌、尺寸")
    assert (found.mark, found.tell, found.version) == (True, False, None)


def test_a_wrong_row_is_told_and_so_is_its_requester() -> None:
    found = seen(row(brand="别家", variants=Decimal(9)))
    assert found.reason == "wrong"
    assert found.request is not None
    assert found.request.note.splitlines() == [
        "“品牌规范”表里没有“别家”；现有：悦然",
        "“版数”要在 1 到 6 之间，现在是 9",
    ]
    assert (found.request.state, found.mark, found.tell, found.version) == (State.REVISE, True, True, None)


def test_words_that_may_not_go_out_stop_a_row() -> None:
    found = seen(ROW, verdict=REFUSED)
    assert (found.reason, found.version, found.tell) == ("wording", None, True)
    assert found.request is not None
    assert (found.request.state, found.request.note) == (State.REVISE, REFUSED.fault)


def test_a_good_row_becomes_a_first_version() -> None:
    found = seen(ROW)
    request, version = accepted()
    assert (found.reason, found.mark, found.tell) == ("accepted", True, False)
    assert (request.state, request.version, request.turn, request.owners) == (
        State.MAKING, 1, 1, ("ou_owner",),
    )  # fmt: skip
    assert (version.id, version.grounds, version.cause, version.asked_by) == (
        "rec1:1", "rec1:1", Cause.NEW, "ou_asker",
    )  # fmt: skip
    assert version.wording == {"verdict": "pass"}
    assert version.brief.variants == 2


def test_the_source_of_a_claim_is_printed_once() -> None:
    source = Judgement("", {}, footnote="数据来源：某机构 2026")
    _request, version = accepted(source)
    assert version.brief.copy.footnote == "数据来源：某机构 2026"
    found = seen(row(footnote="活动至 12 月\n数据来源：某机构 2026"), verdict=source)
    assert found.version is not None
    assert found.version.brief.copy.footnote == "活动至 12 月\n数据来源：某机构 2026"


def test_a_row_that_was_copied_with_its_state_does_not_begin_by_itself() -> None:
    """A copy of a finished row, or all rows after a lost database: nothing is paid for again."""
    for state in (State.ARCHIVED, State.REVIEW, State.MAKING, State.FAILED):
        found = seen(saying(state))
        assert (found.reason, found.version) == ("copied", None)
        assert found.request is not None
        assert found.request.state is State.DRAFT
        assert "清空“状态”" in found.request.note
        begun = seen(row(status=EMPTY), found.request)
        assert begun.reason == "accepted"


# --- draft and cancelled ---


def test_a_draft_waits_until_the_cell_is_emptied() -> None:
    found = seen(saying(State.DRAFT))
    assert (found.reason, found.version) == ("draft", None)
    assert found.request is not None
    assert seen(saying(State.DRAFT, headline="别的"), found.request).reason == "unchanged"
    assert seen(row(status=EMPTY), found.request).reason == "accepted"


def test_cancelled_is_the_end() -> None:
    request, version = in_state(State.REVIEW)
    found = seen(saying(State.CANCELLED), request, version, now=LATER)
    assert (found.reason, found.version) == ("cancelled", None)
    assert found.request is not None
    assert found.request.state is State.CANCELLED
    assert found.request.turn == request.turn + 1
    assert seen(saying(State.CANCELLED), found.request).reason == "over"


# --- a row that is known ---


@pytest.mark.parametrize("state", [State.REVISE, State.FAILED])
def test_an_emptied_state_begins_again_and_a_repaired_row_too(state: State) -> None:
    request, version = in_state(state)
    assert seen(saying(state), request, version) == Intake(None, None, "unchanged")
    again = seen(row(status=EMPTY), request, version)
    assert (again.reason, again.version and again.version.id) == ("accepted", "rec1:2")
    mended = seen(saying(state, headline="新标题"), request, version)
    assert (mended.reason, mended.version and mended.version.cause) == ("accepted", Cause.NEW)


def test_edits_wait_while_it_is_being_made() -> None:
    request, version = in_state(State.MAKING)
    assert seen(saying(State.MAKING, headline="新"), request, version) == Intake(None, None, "being_made")


@pytest.mark.parametrize("state", [State.MAKING, State.REVIEW, State.REVISE])
def test_a_state_that_was_changed_by_hand_is_put_right(state: State) -> None:
    request, version = in_state(state)
    found = seen(saying(State.ARCHIVED), request, version)
    assert (found.request, found.version, found.mark) == (None, None, True)


@pytest.mark.parametrize("state", [State.FINAL, State.ARCHIVED, State.CANCELLED])
def test_after_the_end_edits_change_nothing_and_are_told_so_once(state: State) -> None:
    request, version = in_state(state)
    assert seen(saying(state), request, version) == Intake(None, None, "over")
    assert seen(saying(State.DRAFT), request, version) == Intake(None, None, "over", mark=True)
    found = seen(saying(state, headline="新"), request, version)
    assert (found.reason, found.version, found.mark) == ("edited_after_end", None, True)
    assert found.request is not None
    assert (found.request.state, found.request.turn) == (state, request.turn)
    assert "改动不会生效" in found.request.note
    assert seen(saying(state, headline="新"), found.request, version).reason == "over"


def test_a_deleted_row_is_cancelled_unless_it_was_over_or_unknown() -> None:
    request, version = in_state(State.MAKING)
    found = seen(None, request, version, now=LATER)
    assert found.reason == "row_deleted"
    assert found.request is not None
    assert (found.request.state, found.request.changed_at) == (State.CANCELLED, LATER)
    assert seen(None) == Intake(None, None, "row_deleted")
    assert seen(None, replace(request, state=State.ARCHIVED)) == Intake(None, None, "row_deleted")


# --- edits while variants wait ---


def test_new_copy_is_composed_over_the_same_backgrounds() -> None:
    request, version = in_state(State.REVIEW)
    found = seen(saying(State.REVIEW, headline="新标题", price="¥59"), request, version)
    assert found.reason == "copy_edited"
    assert found.version is not None
    assert (found.version.id, found.version.cause, found.version.grounds) == ("rec1:2", Cause.COPY, "rec1:1")
    assert found.version.brief.copy.headline == "新标题"
    third = seen(
        saying(State.REVIEW, headline="再新"), replace(found.request, state=State.REVIEW), found.version
    )  # type: ignore[type-var]
    assert third.version is not None
    assert third.version.grounds == "rec1:1"


@pytest.mark.parametrize(
    ("cells", "reason", "sentence"),
    [
        ({"headline": EMPTY}, "incomplete", "还差：主标题；现有样图不变"),
        ({"brand": "别家"}, "wrong", "“品牌规范”表里没有“别家”；现有：悦然"),
        ({"product": "马克杯"}, "needs_redo", "重新生成要花费用：请在卡片上点“重做”"),
        ({"headline": "最低价"}, "wording", "“最低价”不能用"),
    ],
)
def test_other_edits_leave_the_variants_and_are_told(
    cells: dict[str, CellValue], reason: str, sentence: str
) -> None:
    """The sentence stands above what 说明 says of the variants, and goes when the edit is taken back."""
    request, version = in_state(State.REVIEW)
    found = seen(saying(State.REVIEW, **cells), request, version, REFUSED if reason == "wording" else PASSED)
    assert (found.reason, found.version, found.mark) == (reason, None, True)
    assert found.request is not None
    assert (found.request.state, found.request.turn) == (State.REVIEW, request.turn)
    assert sentence in found.request.note
    assert found.request.note.endswith(f"{BESIDES}\n{request.note}")
    worse = seen(saying(State.REVIEW, headline=EMPTY, brand="x"), found.request, version)
    assert worse.request is not None
    assert worse.request.note.count(BESIDES) == 1
    back = seen(saying(State.REVIEW), worse.request, version)
    assert back.reason == "same_brief"
    assert back.request is not None
    assert back.request.note == request.note


def test_another_name_of_the_request_makes_nothing() -> None:
    """Also when it has none and is called after its headline, which a card has changed."""
    request, version = in_state(State.REVIEW)
    found = seen(saying(State.REVIEW, title="新名字"), request, version)
    assert (found.reason, found.version) == ("same_brief", None)
    assert found.request is not None
    assert found.request.title == "新名字"


def test_a_change_that_is_no_change_of_the_brief_makes_nothing() -> None:
    """Another designer, also beside a printed source: no version, but the designer is to get the card."""
    source = Judgement("", {}, footnote="来源：某机构")
    request, version = accepted(source)
    request = replace(request, state=State.REVIEW)
    found = seen(saying(State.REVIEW, designer=(Person("ou_designer"),)), request, version, source)
    assert (found.reason, found.version, found.tell) == ("same_brief", None, True)
    assert found.request is not None
    assert found.request.receivers() == ("ou_asker", "ou_designer")


# --- nothing twice ---

EDITS = st.fixed_dictionaries(
    {},
    optional={
        "headline": st.sampled_from(["新标题", EMPTY, "一杯热水\n陪你到下班"]),
        "product": st.sampled_from(["马克杯", EMPTY]),
        "brand": st.sampled_from(["别家", EMPTY]),
        "variants": st.sampled_from([Decimal(1), Decimal(7), EMPTY]),
        "status": st.sampled_from([EMPTY, *(state.value for state in State)]),
    },
)


@given(st.sampled_from([None, *State]), EDITS, st.sampled_from([PASSED, REFUSED]))
def test_the_same_row_seen_again_decides_nothing(
    state: State | None, cells: dict[str, CellValue], verdict: Judgement
) -> None:
    """A replayed event, or the sweep after the event: no second version, no second turn, nobody told again.

    Be it after 状态 and 说明 were written into the row, or before.
    """
    known, version = in_state(state) if state else (None, None)
    values = row(**cells)
    first = seen(values, known, version, verdict)
    request = first.request or known
    if request is None:
        return
    written = {**values, "status": request.state.value, "note": request.note}
    marked = replace(request, shown=request.state.value)
    second = seen(written, marked, first.version or version, verdict, LATER)
    assert second == Intake(None, None, second.reason)
    early = seen(values, request, first.version or version, verdict, LATER)
    assert (early.request, early.version, early.tell) == (None, None, False)
