"""The pure parts of a file import: the guess, the veil, the moves, the card in every state."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from payslip.documents import Month
from payslip.imports import IMPORTABLE, read_file
from payslip.imports_columns import REQUIRED
from payslip.sheets import Fault
from payslip.uploads_card import upload_card
from payslip.uploads_guess import WORDS, guess_kind, guess_month
from payslip.uploads_model import (
    KINDS,
    UNDATED,
    Found,
    Moved,
    Reason,
    Refused,
    Upload,
    UploadState,
    again,
    approve,
    choose,
    imported,
    looked,
    wrong,
)
from payslip.uploads_veil import HIDDEN, LONGEST_SENTENCE, told, veiled
from runtime.ids import MessageId, OpenId

NOW = datetime(2026, 11, 28, 3, tzinfo=UTC)
UPLOAD = Upload(MessageId("om_1"), "file_1", "评分.xlsx", OpenId("ou_hr"), turn=3)
READY = replace(
    UPLOAD, state=UploadState.READY, kind="绩效评分", month=Month("2026-10"), digest="ab" * 32, new=2
)


def test_the_names_of_tables_are_those_that_can_be_imported() -> None:
    """The web process has a copy of its own; it must not drift apart."""
    assert list(KINDS) == list(IMPORTABLE) == list(WORDS)
    undated = {n for n, spec in IMPORTABLE.items() if not {"month", "declared"} & set(spec.by_key)}
    assert undated == UNDATED


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_with_a_tables_own_columns_is_taken_for_it(kind: str) -> None:
    """All required columns, whatever the file is called; with one of them missing, too."""
    spec = IMPORTABLE[kind]
    names = ["姓名", *(spec.by_key[key].name for key in REQUIRED[spec.key])]
    names += ["城市", "基本工资"] if kind == "员工" else []
    for header in (names, names[:-1]) if len(names) > 4 else (names,):
        sheet = read_file("新建.csv", f"{','.join(header)}\n{','.join('1' * len(header))}\n".encode())
        assert guess_kind(sheet) == kind


@pytest.mark.parametrize(
    ("name", "header", "kind"),
    [
        ("绩效表.csv", "工号,姓名,甲", "绩效评分"),
        ("名单.csv", "工号,姓名,甲", None),
        ("考勤.csv", "甲,乙,丙", "考勤汇总"),
        ("x.csv", "工号,姓名,部门", None),
    ],
)
def test_the_name_helps_where_columns_say_nothing(name: str, header: str, kind: str | None) -> None:
    """Number, name and department stand in every list."""
    assert guess_kind(read_file(name, f"{header}\n1,2,3\n".encode())) == kind


@pytest.mark.parametrize(
    ("name", "months", "expected"),
    [
        ("评分.csv", ("2026-08", "2026年8月", "2026-07"), "2026-08"),  # what most rows name
        ("2026-09评分.csv", ("", "", ""), "2026-09"),
        ("评分 2026年9月.csv", ("乱", "", ""), "2026-09"),
        ("202609.csv", ("", "", ""), "2026-09"),
        ("12月评分.csv", ("", "", ""), "2025-12"),  # the last December there was
        ("十一月评分.csv", ("", "", ""), "2026-11"),
        ("三月评分.csv", ("", "", ""), "2026-03"),
        ("评分20261103.csv", ("", "", ""), "2026-10"),  # a day is when it was exported: the last month
        ("评分.csv", ("", "", ""), "2026-10"),
    ],
)
def test_the_month_of_a_file(name: str, months: tuple[str, ...], expected: str) -> None:
    """Rows first, then the name, then the last month."""
    rows = "\n".join(f"E{n},{month},1" for n, month in enumerate(months))
    sheet = read_file(name, f"工号,月份,绩效系数\n{rows}\n".encode())
    assert guess_month(sheet, "绩效评分", NOW) == expected
    assert guess_month(sheet, None, NOW) == (expected if months[0] != "2026-08" else "2026-10")


@pytest.mark.parametrize(
    ("sentence", "shown"),
    [
        ("6214830000000000003 在员工表中没有", f"{HIDDEN} 在员工表中没有"),
        ("工号 10023 在员工表中是王芳，不是李伟", "工号 10023 在员工表中是王芳，不是李伟"),
        ("工号 10024 在员工表中是王芳", f"工号 {HIDDEN} 在员工表中是王芳"),
        ("没有用到的列：8000、12.5、8,123.45、备注", f"没有用到的列：{HIDDEN}、{HIDDEN}、{HIDDEN}、备注"),
        ("是 2026-09，这次导入的是 2026-10", "是 2026-09，这次导入的是 2026-10"),
        ("与第 123 行重复，请只留一行", "与第 123 行重复，请只留一行"),
        ("超过 100,000 行，请分成几个文件", "超过 100,000 行，请分成几个文件"),
        ("CNY8000", HIDDEN),
    ],
)
def test_what_could_be_a_figure_of_a_cell_is_hidden(sentence: str, shown: str) -> None:
    """Known numbers, months and counts are shown; they help."""
    assert veiled(sentence, {"10023"}) == shown


def test_a_fault_has_its_place_and_a_bounded_length() -> None:
    """Row and column, the column's name veiled as well."""
    fault = Fault("表1", 1234, "8000.50", "出现了不止一次")
    assert told(fault) == f"第 1234 行“{HIDDEN}”：出现了不止一次"
    assert len(veiled("很长" * 300)) == LONGEST_SENTENCE


def test_moves_and_their_reasons() -> None:
    """A look from any resting state, an import only when it is ready, nothing after it was imported."""
    moved = choose(READY, kind="考勤汇总")
    assert isinstance(moved, Moved)
    assert (moved.reason, moved.upload.kind, moved.upload.month) == (
        Reason.TABLE_CHOSEN,
        "考勤汇总",
        "2026-10",
    )
    assert (moved.upload.state, moved.upload.turn) == (UploadState.CHECKING, 4)
    guessed = choose(replace(READY, kind=None), kind="员工")
    assert isinstance(guessed, Moved)
    assert guessed.upload.month is None  # guessed without the table, so guessed anew
    asked = approve(READY)
    assert isinstance(asked, Moved)
    assert (asked.reason, asked.upload.state) == (Reason.IMPORT_ASKED, UploadState.APPLYING)
    for state in set(UploadState) - {UploadState.READY}:
        assert isinstance(approve(replace(READY, state=state)), Refused)
    assert isinstance(approve(replace(READY, digest=None)), Refused)
    for state in (UploadState.APPLYING, UploadState.DONE):
        assert isinstance(again(replace(READY, state=state)), Refused)
        assert isinstance(choose(replace(READY, state=state), month=Month("2026-09")), Refused)
    assert isinstance(choose(READY, kind="薪资核算"), Refused)


def test_what_a_look_and_an_import_lead_to() -> None:
    """Faults, nothing to do, ready; done or not."""
    found = Found("绩效评分", "2026-10", "cd" * 32, 1, 2, 3)
    assert looked(UPLOAD, found).state is UploadState.READY
    assert looked(UPLOAD, replace(found, new=0, changed=0)).state is UploadState.SAME
    faulty = looked(READY, wrong(READY, "坏了"))
    assert (faulty.state, faulty.digest, faulty.kind) == (UploadState.FAULTY, None, "绩效评分")
    assert (imported(READY, found).upload.state, imported(READY, found).reason) == (
        UploadState.DONE, Reason.IMPORTED,
    )  # fmt: skip
    assert imported(READY, wrong(READY, "坏了")).reason is Reason.NOT_IMPORTED


@pytest.mark.parametrize("state", UploadState)
@pytest.mark.parametrize("kind", [None, "员工", "绩效评分"])
def test_a_file_has_a_card_in_every_state(state: UploadState, kind: str | None) -> None:
    """Accepted by the platform's rules, data draws no markup, the buttons are those of the state."""
    faults = ("<at id=all></at> *错*",) * 10 if state is UploadState.FAULTY else ()
    upload = replace(
        READY, state=state, kind=kind, faults=faults, more=3 * bool(faults), warnings=("<at id=all></at>",),
        name="<b>九月</b>" * 20, month=Month("2020-01"),
    )  # fmt: skip
    card = upload_card(upload, NOW).data
    shown = json.dumps(card["body"], ensure_ascii=False)
    assert "<at id=all>" not in shown
    assert ("pay.upload_apply" in shown) is (state is UploadState.READY)
    assert ("pay.upload_again" in shown) is (state is UploadState.FAULTY)
    assert ("还有 3 处" in shown) is (state is UploadState.FAULTY)
    dated = kind == "绩效评分" and state in (UploadState.FAULTY, UploadState.READY, UploadState.SAME)
    assert ('"2020-01"' in shown) is dated
    assert len(json.dumps(card, ensure_ascii=False).encode()) < 30_000
