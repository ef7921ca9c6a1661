"""The first rows are consistent with themselves, with the tables, and pay people what one expects."""

import itertools
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitable_sync.cells import EMPTY, CellValue
from bitable_sync.codecs import write
from bitable_sync.spec import TableSpec
from payslip.defaults import SEEDED, install_defaults, seed_rows
from payslip.documents import Books, Component, Person
from payslip.formula_parse import parse
from payslip.second import recompute
from payslip.specs import FIELD_COLUMNS, FUNDS, PARAMS, PLANS, SOCIAL, STRUCTURE, TAX
from runtime.db import Database
from runtime.errors import ConfigError
from tests.payslip import kit
from tests.payslip.desk import pay_desk
from tests.sync.conftest import Stage

ROUNDING = {"四舍五入": "half_up", "进位": "up", "舍去": "down"}
FIXED = Decimal(8000)


def in_force(key: str, day: date) -> list[dict[str, Any]]:
    """The rows of a table that are in force on a day."""
    return [row for row in seed_rows(key) if row["start"] <= day <= row.get("end", day)]  # type: ignore[operator]


def table(name: str) -> list[dict[str, Any]]:
    """One of the two tax tables, with None above the last limit."""
    rows = [row for row in seed_rows(TAX) if row["table"] == name]
    return [{"upto": row.get("upto"), "rate": row["rate"], "quick": row["quick"]} for row in rows]


def books(month: str = "2025-12", pay_date: date = date(2026, 1, 10)) -> Books:
    """The books of a company that changed nothing; by default of a month paid in January."""
    day = date.fromisoformat(f"{month}-01")
    params = in_force(PARAMS, day)
    social = [
        {"start": f"{row['start']:%Y-%m}", "rounding": ROUNDING[row["rounding"]]}
        | {
            key: value
            for key, value in row.items()
            if key not in ("row", "start", "end", "basis", "rounding")
        }
        for row in in_force(SOCIAL, day)
    ]
    structure = [
        Component.model_validate({**row, "order": int(row["order"])})  # type: ignore[arg-type]
        for each in seed_rows(STRUCTURE)
        for row in [{key: value for key, value in each.items() if key != "enabled"}]
    ]
    return kit.books(
        month=month,
        pay_date=pay_date,
        params={row["name"]: row["value"] for row in params if "city" not in row},
        city_params={kit.CHENGDU: {row["name"]: row["value"] for row in params if "city" in row}},
        annual_table=table("年度"),
        monthly_table=table("按月换算"),
        social=social,
        structure=structure,
    )


def paid(who: Person, of: Books | None = None) -> dict[str, Decimal]:
    """What the second computation pays a person, by name of line and total."""
    found = recompute((of or books()).model_dump(mode="json"), who.model_dump(mode="json"))
    return {name.partition(":")[2]: Decimal(value) for name, value in found.items()}


def worker(**fields: str | int | Decimal) -> Person:
    """Somebody on 6,000 + 2,000 and 2,000 for performance, with these figures of the month."""
    return kit.person(fields={"绩效系数": "1", **{key: str(value) for key, value in fields.items()}})


def absent(found: dict[str, Decimal]) -> Decimal:
    """What was taken off for days not worked."""
    return sum((found[name] for name in ("未在职扣款", "缺勤扣款", "事假扣款", "病假扣款")), Decimal(0))


# --- consistency ---


@pytest.mark.parametrize("spec", SEEDED, ids=lambda spec: spec.key)
def test_every_row_fits_its_table(spec: TableSpec) -> None:
    """Each cell can be written as it is, every business key stands once, every dated row says since when."""
    rows = seed_rows(spec.key)
    assert len(rows) >= 8
    for row in rows:
        for key, value in row.items():
            assert write(value, spec.field(key)) not in (None, "")
        if spec.has("start"):
            assert isinstance(row["start"], date)
        if spec.has("basis"):
            assert row["basis"]
    keys = [tuple(row[key] for key in spec.business_key) for row in rows]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("name", ["年度", "按月换算"])
def test_quick_deductions_follow_from_rates(name: str) -> None:
    """At each limit the tax of the row below and of the row above are the same."""
    rows = table(name)
    assert [row["rate"] for row in rows] == [Decimal(n) / 100 for n in (3, 10, 20, 25, 30, 35, 45)]
    assert rows[0]["quick"] == 0
    assert rows[-1]["upto"] is None
    for lower, upper in itertools.pairwise(rows):
        assert (
            lower["upto"] * lower["rate"] - lower["quick"] == lower["upto"] * upper["rate"] - upper["quick"]
        )


def test_the_monthly_table_is_a_twelfth_of_the_annual_one() -> None:
    """Limits and quick deductions, as 财税〔2018〕164 号 converts them."""
    for year, month in zip(table("年度"), table("按月换算"), strict=True):
        assert (month["upto"] or 0) * 12 == (year["upto"] or 0)
        assert month["quick"] * 12 == year["quick"]


def test_chengdu_has_one_rule_a_fund_in_every_month_since_2025() -> None:
    """No month has two rules for a fund or none; floors lie below caps; the housing fund is shared evenly."""
    for year in (2025, 2026, 2027):
        for month in range(1, 13):
            rows = in_force(SOCIAL, date(year, month, 1))
            assert sorted(row["fund"] for row in rows) == sorted(FUNDS)
            assert all(row["floor"] < row["cap"] for row in rows)
            fund = next(row for row in rows if row["fund"] == "公积金")
            assert fund["employee_rate"] == fund["employer_rate"]
            assert Decimal("0.05") <= fund["employee_rate"] <= Decimal("0.12")


def test_what_nobody_confirmed_says_so() -> None:
    """Rates out of old tables and the company's own choices are marked where HR reads them."""
    marked = {
        str(row["row"]) for key in (SOCIAL, PARAMS) for row in seed_rows(key) if "待确认" in str(row["basis"])
    }
    assert {
        "成都-工伤-2024",
        "成都-医疗-2024",
        "成都-生育-2024",
        "成都-大病-2024",
        "全勤奖标准-2025",
    } <= marked
    assert marked.isdisjoint({"减除费用-2019", "计薪天数-2025", "成都-最低工资-2025"})


def test_every_formula_reads_only_what_is_there() -> None:
    """Each formula parses and names only components, input columns and parameters; no name is two things."""
    rows = seed_rows(STRUCTURE)
    components = {str(row["name"]) for row in rows}
    fields = {name for _, name in FIELD_COLUMNS}
    params = {str(row["name"]) for row in seed_rows(PARAMS)}
    assert components.isdisjoint(fields | params)
    for row in rows:
        assert set(parse(str(row["formula"])).columns) <= components | fields | params


# --- what people are paid ---


def test_a_normal_month_pays_wages_performance_and_the_award() -> None:
    """6,000 + 2,000 + 2,000 × 1.1 + 200; social insurance of 8,000; the first month's 3 % of tax."""
    found = paid(worker(绩效系数="1.1"))
    assert (found["gross"], found["social"], found["employer"]) == (
        Decimal(10400),
        Decimal(1232),
        Decimal(2408),
    )
    assert found["个人所得税"] == Decimal("125.04")  # (10400 − 5000 − 1232) × 3 %
    assert found["net"] == Decimal("9042.96")
    assert found["全勤奖"] == 200


@pytest.mark.parametrize(
    ("column", "line", "amount"),
    [
        ("工作日加班", "工作日加班费", "689.66"),  # 8000 ÷ 174 × 10 × 1.5
        ("休息日加班", "休息日加班费", "919.54"),
        ("节假日加班", "节假日加班费", "1379.31"),
    ],
)
def test_overtime_is_paid_150_200_and_300_percent(column: str, line: str, amount: str) -> None:
    """Ten hours of each kind; an hour is 8,000 ÷ 21.75 ÷ 8. It does not count towards the minimum wage."""
    assert paid(worker(**{column: 10}))[line] == Decimal(amount)
    names = {row["name"]: row["minimum_wage"] for row in seed_rows(STRUCTURE)}
    assert names[line] is False


def test_overtime_is_never_below_the_minimum_wage() -> None:
    """On 1,500 + 300 an hour of overtime counts as one of 2,330 ÷ 174."""
    found = paid(worker(基本工资=1500, 岗位工资=300, 工作日加班=10))
    assert found["工作日加班费"] == Decimal("200.86")


def test_leave_and_absence_cost_a_day_of_21_75_and_the_award() -> None:
    """Two days of leave, one absent: 8000 ÷ 21.75 each; being late costs only the award."""
    found = paid(worker(事假天数=2, 缺勤天数=1))
    assert (found["事假扣款"], found["缺勤扣款"], found["全勤奖"]) == (
        Decimal("735.63"),
        Decimal("367.82"),
        Decimal(0),
    )
    late = paid(worker(迟到次数=3))
    assert (absent(late), late["全勤奖"], late["gross"]) == (Decimal(0), Decimal(0), Decimal(10000))


@pytest.mark.parametrize(
    ("base", "amount"),
    [(6000, "1471.26"), (1000, "428.51")],  # 5 × 8000 ÷ 21.75 × 80 %; 5 × 2330 × 80 % ÷ 21.75
)
def test_sick_days_are_paid_a_share_but_never_under_the_floor(base: int, amount: str) -> None:
    """80 % of the own day, or of the minimum wage's day where that is more (劳部发〔1995〕309 号 59)."""
    post = 2000 if base == 6000 else 0
    assert paid(worker(基本工资=base, 岗位工资=post, 病假天数=5))["病假工资"] == Decimal(amount)


@pytest.mark.parametrize("due", [20, 21, 22, 23])
def test_joiners_and_leavers_in_months_of_every_length(due: int) -> None:
    """Each day more is more pay, up to the whole wage; a day is never paid less than its 21.75th."""
    day = FIXED / Decimal("21.75")
    before = FIXED
    for off in range(due + 1):
        found = paid(worker(应出勤天数=due, 未在职天数=off))
        pay = FIXED - found["未在职扣款"]
        assert 0 <= pay <= before
        assert pay >= min(FIXED, day * (due - off)) - Decimal("0.01")
        assert pay >= FIXED * (due - off) / due - Decimal("0.01")
        before = pay
    assert before == 0


days = st.integers(0, 46).map(lambda halves: Decimal(halves) / 2)


@given(absent_days=days, leave=days, sick=days, off=st.integers(0, 20))
def test_days_not_worked_never_cost_more_than_the_wage(
    absent_days: Decimal, leave: Decimal, sick: Decimal, off: int
) -> None:
    """However wrong an attendance report is, deductions end at the fixed wage and pay is computed."""
    found = paid(worker(缺勤天数=absent_days, 事假天数=leave, 病假天数=sick, 未在职天数=off))
    assert 0 <= absent(found) <= FIXED
    assert found["gross"] >= 2000


def test_unknown_tables_are_refused() -> None:
    """Asking for rows of a table that starts empty is a mistake of the caller, told in a sentence."""
    with pytest.raises(ConfigError, match="pay_employees has no first rows"):
        seed_rows("pay_employees")


# --- installing them ---


@pytest.fixture
def stage(sandbox: Any, database: Database, tmp_path: Path) -> Iterator[Stage]:
    """The tables of pay, empty."""
    with pay_desk(sandbox, database, tmp_path) as made:
        yield made


def test_first_rows_go_into_empty_tables_only(stage: Stage) -> None:
    """A table that a person has begun keeps what they wrote and gets nothing; a second run writes nothing."""
    mine = stage.add(PLANS, 编号="我的方案", 提成方案="我的方案", 方式="固定比例")
    written = install_defaults(stage.sync, stage.clock)
    assert written == {spec.key: 0 if spec.key == PLANS else len(seed_rows(spec.key)) for spec in SEEDED}
    assert [row["record_id"] for row in stage.rows(PLANS)] == [mine]
    assert {spec.key: len(stage.rows(spec.key)) for spec in SEEDED} == {**written, PLANS: 1}
    changed = stage.rows(PARAMS)[0]["record_id"]
    stage.edit(changed, PARAMS, 值=5500)
    assert set(install_defaults(stage.sync, stage.clock).values()) == {0}
    assert stage.cell(changed, "值", PARAMS) == 5500


def test_installed_rows_read_back_as_they_are_in_the_package(stage: Stage) -> None:
    """Through Feishu's floats and milliseconds every rate, limit and date comes back the same."""
    install_defaults(stage.sync, stage.clock)
    for spec in SEEDED:
        stage.sync.puller.pull(spec.key)
        kept = {
            tuple(row.values[key] for key in spec.business_key): row.values
            for row in stage.sync.mirror.rows(spec.key)
        }
        for row in seed_rows(spec.key):
            found = kept[tuple(row[key] for key in spec.business_key)]
            assert {key: found[key] for key in row} == row
            assert all(_blank(found[key]) for key in set(found) - set(row) - {"check_result", "sync_issue"})


def _blank(value: CellValue) -> bool:
    return value is EMPTY or value is False
