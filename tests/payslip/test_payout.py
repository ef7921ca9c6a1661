"""Payout files, read back as a bank would: raw XML, an independent reader, text in GBK."""

import csv
import io
import sys
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from zipfile import ZipFile

import openpyxl
import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import given
from hypothesis import strategies as st

from payslip import workbook
from payslip.banks import ALIPAY_ROWS, ICBC_HEADS, Payer, Template, neutral
from payslip.documents import Account, EmployeeNo, Month, RunId
from payslip.payfile import CannotPay, Facts, Payee, PayoutFile, make_payout
from tests.payslip.paid import NOW, account, cents, no

PAYER = Payer("工商银行成都分行", "4402200009000000001", "成都某某电商有限公司", "pay@example.com")
NS = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def payee(number: int, net: str, to: Account | None = None, **more: object) -> Payee:
    """An employee with an account of their own."""
    holder = f"员工{'甲乙丙丁戊己庚辛壬癸'[number % 10]}"
    own = account(f"62148302870{number:08d}", holder=holder)
    given: dict[str, object] = {"held": "", "place": "成都", "fingerprint": f"fp{number}"}
    return Payee(no(number), holder, Decimal(net), to or own, **given | more)  # type: ignore[arg-type]


def facts(payees: list[Payee], **more: object) -> Facts:
    """The facts of a run whose approved total is what its people get."""
    approved = sum((each.net for each in payees), Decimal(0))
    known = Facts(RunId("2026-10.1"), Month("2026-10"), NOW.date(), approved, PAYER)
    return replace(known, **more)  # type: ignore[arg-type]


def make(payees: list[Payee], template: Template = Template.CMB, **more: object) -> list[PayoutFile]:
    """Make the files."""
    return make_payout(payees, template, facts(payees, **more))


def cells(data: bytes) -> list[list[object]]:
    """The sheet as openpyxl reads it."""
    book = openpyxl.load_workbook(io.BytesIO(data))
    assert len(book.sheetnames) == 1
    page = book.active
    assert page is not None
    assert page.sheet_state == "visible"
    assert not page.merged_cells.ranges  # type: ignore[union-attr]
    return [list(row) for row in page.iter_rows(values_only=True)]  # type: ignore[union-attr]


def raw(data: bytes) -> list[dict[str, tuple[str, str]]]:
    """The sheet's own XML: rows of column → (type, text as it stands in the file)."""
    with ZipFile(io.BytesIO(data)) as archive:
        sheet = fromstring(archive.read("xl/worksheets/sheet1.xml"))
    assert sheet.findall(f".//{NS}f") == []
    found = []
    for row in sheet.iter(f"{NS}row"):
        assert row.get("hidden") is None
        found.append({
            cell.get("r", "").rstrip("0123456789"): (cell.get("t", ""), "".join(cell.itertext()))
            for cell in row
        })  # fmt: skip
    return found


def lines(file: PayoutFile) -> list[list[str]]:
    """An Alipay file as text with commas."""
    return list(csv.reader(io.StringIO(file.data.decode("gbk"), newline="")))


def refusal(payees: list[Payee], template: Template = Template.CMB, **more: object) -> str:
    """The sentence why no file is made."""
    with pytest.raises(CannotPay) as caught:
        make(payees, template, **more)
    return str(caught.value)


# --- workbooks ---


def test_cmb_has_text_accounts_real_amounts_and_no_total_row() -> None:
    """Bank and place only for accounts of other banks; amounts are numbers with two places in the XML."""
    other = account("6222020000012345678", "工商银行成都分行", "员工丙")
    (file,) = make([payee(1, "8000.10"), payee(2, "8.20", other)])
    assert (file.name, file.template, len(file.members)) == ("2026-10.1-01-cmb.xlsx", Template.CMB, 2)
    rows = raw(file.data)
    assert [text for _, text in rows[0].values()] == ["账号", "户名", "金额", "开户行", "开户地", "注释"]
    assert rows[1:] == [
        {
            "A": ("inlineStr", "6214830287000000001"), "B": ("inlineStr", "员工乙"), "C": ("n", "8000.10"),
            "F": ("inlineStr", "工资"),
        },
        {
            "A": ("inlineStr", "6222020000012345678"), "B": ("inlineStr", "员工丙"), "C": ("n", "8.20"),
            "D": ("inlineStr", "工商银行成都分行"), "E": ("inlineStr", "成都"), "F": ("inlineStr", "工资"),
        },
    ]  # fmt: skip


def test_cell_formats_are_text_and_two_decimals() -> None:
    """A person who opens the file sees accounts as text and amounts with two places."""
    (file,) = make([payee(1, "8000")])
    page = openpyxl.load_workbook(io.BytesIO(file.data)).active
    assert page is not None
    assert page["A2"].number_format == "@"
    assert page["C2"].number_format == "0.00"
    assert page["A2"].value == "6214830287000000001"
    assert page["C2"].data_type == "n"


def test_icbc_is_the_wide_form_with_the_paying_account() -> None:
    """Payer in every row; an ICBC account is called 工行, others by their bank."""
    own = account("6222020000012345678", "中国工商银行", "员工乙")
    (file,) = make([payee(1, "5000.05", own), payee(2, "1.00")], Template.ICBC)
    heads, *rows = cells(file.data)
    assert tuple(heads) == ICBC_HEADS
    payer = ["工商银行成都分行", "4402200009000000001", "成都某某电商有限公司"]
    assert rows[0] == [
        *payer, "工行", None, "成都", "6222020000012345678", "员工乙", 5000.05, "工资", "2026年10月工资",
        None,
    ]  # fmt: skip
    assert rows[1][3] == "招商银行"
    assert raw(file.data)[1]["I"] == ("n", "5000.05")


@given(st.lists(st.decimals("0.01", "9999999.99", places=2), min_size=1, max_size=30))
def test_amounts_stand_in_the_file_exactly(amounts: list[Decimal]) -> None:
    """No binary fraction anywhere: the XML shows the very decimals, and they add up."""
    payees = [payee(number, str(amount)) for number, amount in enumerate(amounts)]
    (file,) = make(payees)
    written = [row["C"][1] for row in raw(file.data)[1:]]
    assert written == [f"{amount:.2f}" for amount in amounts]
    assert cents(*written) == sum(amounts) == file.total


def test_the_same_input_gives_the_same_bytes() -> None:
    """Nothing of the clock or of chance is in the files, whatever the order of the people."""
    people = [
        payee(1, "1.00"),
        payee(2, "2.00"),
        payee(3, "3.00", account("13800138000", "支付宝", "员工丁")),
    ]
    assert make(people) == make(people[::-1])
    with ZipFile(io.BytesIO(make(people)[1].data)) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


_opened: list[tuple[str, object]] = []
_watch = [False]


def _hook(event: str, args: tuple[object, ...]) -> None:
    if _watch[0] and event in {"open", "tempfile.mkstemp", "os.mkdir"}:
        _opened.append((event, args[0]))


@pytest.fixture
def opened_files() -> Iterator[list[tuple[str, object]]]:
    """What this process opens meanwhile."""
    if not getattr(sys, "_payout_hook", False):
        sys.addaudithook(_hook)
        sys._payout_hook = True  # type: ignore[attr-defined]  # a hook cannot be taken away again
    _opened.clear()
    _watch[0] = True
    yield _opened
    _watch[0] = False


def test_no_temporary_file_holds_pay_in_the_clear(
    opened_files: list[tuple[str, object]], tmp_path: Path
) -> None:
    """Files are made in memory only; the library's own save, for comparison, is seen by the same watch."""
    make([payee(1, "8000.10")])
    assert [what for what in opened_files if "mkstemp" in what[0] or ".xlsx" in str(what[1])] == []
    openpyxl.Workbook().save(tmp_path / "x.xlsx")
    assert [what for what in opened_files if "mkstemp" in what[0]]


def test_text_that_looks_like_a_formula_stays_text() -> None:
    """The workbook writer never makes a formula of a text, whatever it begins with."""
    data = workbook.make([("=1+1", "+1", "-1", "@x", "\tx", Decimal("1.10"))], sheet="工资", made=NOW.date())
    assert [kind for kind, _ in raw(data)[0].values()] == ["inlineStr"] * 5 + ["n"]


# --- injection ---


@pytest.mark.parametrize("bank", ["=HYPERLINK(1)", "+cmd", "@SUM(1)", "-2", "\t=1", "\r=1"])
def test_a_bank_name_that_would_be_a_formula_is_neutralised(bank: str) -> None:
    """Free text gets an apostrophe in front and loses its control characters."""
    (file,) = make([payee(1, "1.00", account("6222020000012345678", bank, "员工乙"))])
    shown = raw(file.data)[1]["D"][1]
    assert shown[0] == "'"
    assert "\t" not in shown
    assert "\r" not in shown


@pytest.mark.parametrize("holder", ["=王芳", "+王芳", "-王芳", "@王芳", "\t=王芳", "\r@王芳", "＝王芳"])
@pytest.mark.parametrize("bank", ["招商银行", "支付宝"])
def test_a_holder_who_would_be_a_formula_is_refused(holder: str, bank: str) -> None:
    """No bank knows such a name; the sentence names the employee, not the account."""
    said = refusal([payee(1, "1.00", account("13800138000", bank, holder))])
    assert said == "收款账号不能用于发放：员工乙（户名有不该有的字符）；请在员工表更正，或先暂缓发放"


@given(st.text())
def test_neutral_text_never_begins_a_formula(text: str) -> None:
    """Whatever it was."""
    assert neutral(text)[:1] not in {"=", "+", "-", "@", "\t", "\r", "\n"}


def test_names_are_made_half_width_without_blanks() -> None:
    """What a bank compares with its own records."""
    (file,) = make([payee(1, "1.00", account("６２１４８３０２８７０００００１", holder="员　工 乙"))])
    assert (raw(file.data)[1]["A"][1], raw(file.data)[1]["B"][1]) == (
        "621483028700000 1".replace(" ", ""),
        "员工乙",
    )


# --- Alipay ---


def test_alipay_accounts_get_a_file_of_their_own_with_a_checked_header() -> None:
    """The bank's file and Alipay's together are the approved total; header total and count are the rows'."""
    people = [
        payee(1, "8000.10"),
        payee(2, "60000.00", account("13800138000", "支付宝", "员工丙")),
        payee(3, "0.05", account("Wang@Example.com", "支付宝", "员工丁")),
    ]
    alipay, cmb = make(people)
    assert (cmb.total, alipay.total) == (Decimal("8000.10"), Decimal("60000.05"))
    heads, header, row_heads, *rows = lines(alipay)
    assert heads == ["批次号", "付款日期", "付款人email", "账户名称", "总金额（元）", "总笔数"]
    assert header == ["PAY20261109202610010101", "20261109", "pay@example.com", PAYER.name, "60000.05", "2"]
    assert len(row_heads) == 5
    assert rows == [
        ["P2026100101010001", "13800138000", "员工丙", "60000.00", "2026年10月工资"],
        ["P2026100101010002", "wang@example.com", "员工丁", "0.05", "2026年10月工资"],
    ]
    assert alipay.data.endswith(b"\r\n")
    assert alipay.name == "2026-10.1-01-alipay-01.csv"


def test_more_than_3000_payments_go_into_several_files() -> None:
    """Each within the limits, no serial, batch number or file name twice, the sum as approved."""
    people = [
        payee(number, "1.01", account(f"138{number:08d}", "支付宝", f"员{'甲乙丙丁'[number % 4]}"))
        for number in range(ALIPAY_ROWS * 2 + 1)
    ]
    files = make(people, Template.ALIPAY)
    tables = [lines(file) for file in files]
    assert [len(table) - 3 for table in tables] == [3000, 3000, 1]
    assert len({file.name for file in files}) == len({table[1][0] for table in tables}) == 3
    assert all(11 <= len(table[1][0]) <= 32 for table in tables)
    serials = [row[0] for table in tables for row in table[3:]]
    assert len(set(serials)) == len(serials) == 6001
    assert max(map(len, serials)) <= 22
    assert cents(*(row[3] for table in tables for row in table[3:])) == Decimal("6061.01")
    assert [table[1][4:] for table in tables] == [["3030.00", "3000"], ["3030.00", "3000"], ["1.01", "1"]]


def test_the_second_batch_repeats_no_number_and_no_name() -> None:
    """Alipay refuses a batch number or file name it has seen."""
    people = [payee(1, "5.00", account("13800138000", "支付宝", "员工乙"))]
    first, second = make(people)[0], make(people, batch=2)[0]
    assert first.name != second.name
    assert lines(first)[1][0] != lines(second)[1][0]


def test_the_alipay_template_is_refused_where_somebody_has_a_bank_account() -> None:
    """Nobody is left out silently."""
    assert "请选择招商银行或工商银行模板" in refusal([payee(1, "1.00")], Template.ALIPAY)


# --- who is in the file ---


def test_held_and_zero_are_left_out_and_the_sum_still_holds() -> None:
    """Rows = employees with net > 0 who are not held."""
    people = [payee(1, "100.00"), payee(2, "50.00", held="收款账号变更"), payee(3, "0.00")]
    (file,) = make(people)
    assert [member.no for member in file.members] == ["E001"]
    assert file.members[0].fingerprint == "fp1"


def test_a_sum_that_is_not_the_approved_one_makes_no_file() -> None:
    """One cent more or less; the sentence holds no amount."""
    people = [payee(1, "100.00"), payee(2, "50.00", held="暂缓")]
    for wrong in ("150.01", "149.99", "100.00"):
        said = refusal(people, approved=Decimal(wrong))
        assert "不等于批准的合计" in said
        assert not any(ch.isdigit() for ch in said)


def test_only_the_rest_is_paid_the_second_time() -> None:
    """A correction pays the difference; who got too much gets nothing and does not hide in the sum."""
    people = [
        payee(1, "100.00", before=Decimal("80.00")),
        payee(2, "50.00", before=Decimal("50.00")),
        payee(3, "40.00", before=Decimal("45.00")),
    ]
    (file,) = make(people)
    assert [(member.no, member.amount, member.before) for member in file.members] == [
        ("E001", Decimal("20.00"), Decimal("80.00"))
    ]


def test_nothing_due_makes_no_file() -> None:
    """Everybody has been paid."""
    assert make([payee(1, "50.00", before=Decimal("50.00"))]) == []


def test_two_people_with_one_account() -> None:
    """Different holders never; one holder only when somebody settled it for both."""
    same = account("6214830287000000001", holder="员工乙")
    assert "有不同的户名：员工乙、员工丙" in refusal(
        [payee(1, "1.00"), payee(2, "1.00", account("6214830287000000001", holder="员工丙"))]
    )
    both = [payee(1, "1.00", same), payee(2, "1.00", same)]
    assert "收款账号重复：员工乙、员工丙" in refusal(both)
    assert "收款账号重复" in refusal(both, may_share=frozenset({no(1)}))
    (file,) = make(both, may_share=frozenset({no(1), no(2)}))
    assert len(file.members) == 2


@pytest.mark.parametrize(
    ("template", "payer", "said"),
    [
        (Template.ICBC, Payer(), "CHORUS_PAYER_BANK、CHORUS_PAYER_ACCOUNT、CHORUS_PAYER_NAME"),
        (Template.ICBC, replace(PAYER, name=" "), "CHORUS_PAYER_NAME"),
    ],
)
def test_a_missing_side_of_the_payer_is_named(template: Template, payer: Payer, said: str) -> None:
    """The sentence names the variables to set; CMB needs none."""
    assert refusal([payee(1, "1.00")], template, payer=payer).endswith(f"设置 {said}")
    assert make([payee(1, "1.00")], Template.CMB, payer=payer)


def test_odd_input_is_refused_by_name() -> None:
    """Twice the same employee, a third decimal, no account, a negative net."""
    assert "员工出现了两次：E001" in refusal([payee(1, "1.00"), payee(1, "2.00")])
    assert "不是两位小数的正数：员工乙" in refusal([payee(1, "1.005")])
    assert "不是两位小数的正数：员工乙" in refusal([payee(1, "-1.00")])
    lost = Payee(EmployeeNo("E1"), "王芳", Decimal(1), None)
    assert "王芳（没有收款账号）" in refusal([lost])
