"""Commission, deductions, one-off items and earlier months as they are collected."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from bitable_sync.cells import EMPTY
from payslip import specs
from payslip.calculate import calculate
from payslip.documents import Carry, Charged, Month, PaidMonth
from payslip.errors import CannotCompute
from tests.payslip import rows_kit as kit
from tests.payslip.collect_kit import SPOILT, Past, gathered, of, sentences
from tests.payslip.rows_kit import (
    commission,
    declaration,
    employee,
    one_off,
    opening,
    plan,
    social,
    tables,
)

# --- commission ---


def member(no: str = "E001", **cells: Any) -> kit.Row:
    """A row of a member of the team pool."""
    return commission(no, "团队奖金池", **{"coefficient": "1", **cells})


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([member(pool="1"), member("E002", pool="2")], "各行的团队池金额不一致"),
        ([member(), member("E002")], "没有一行写了团队池金额"),
        ([member(pool="1"), member("E002", coefficient=EMPTY)], "有成员的提成数据「个人系数」是空的"),
        ([member(pool="1"), member("E002"), member("E999")], "有一行的工号在员工表中没有"),
    ],
)  # fmt: skip
def test_a_pool_that_cannot_be_split_stops_its_members(rows: list[Any], told: str) -> None:
    """What one gets depends on all, so one unknown coefficient is everybody's."""
    result = gathered(tables(pay_commission=rows))
    for no in ("E001", "E002"):
        assert of(result, no).person is None
        assert told in of(result, no).problem


def test_commission_needs_its_figures() -> None:
    """ROI without ad spend, a plan without its base, an unreadable month: this person is stopped."""
    for bad, told in (
        (commission(plan="投放分成", base="5", target="4"), "提成数据「广告花费」是空的"),
        (commission(plan="店铺提成"), "提成数据「计提基数」是空的"),
        (commission(base="5", month="上月"), "提成数据「月份」不是月份，请写成 2026-10 这样"),
        (commission(base=SPOILT), "提成数据「计提基数」读不出来，应为数字，请改正"),
    ):
        result = gathered(tables(pay_commission=[bad]))
        assert of(result).problem == told
        assert of(result, "E002").person is not None


@pytest.mark.parametrize("name", ["店铺提成", "分段提成", "投放分成", "团队奖金池"])
def test_a_refund_alone_is_an_entry(name: str) -> None:
    """No sales this month, only a claw-back: it is carried, whatever the plan's kind."""
    result = gathered(tables(pay_commission=[commission(plan=name, clawback="300")]))
    person = of(result).person
    assert person is not None
    assert calculate(result.books, person).carry.clawback == 300


def test_an_unknown_plan_is_said_by_the_computation() -> None:
    """The entry is kept, so that nothing is lost in silence."""
    result = gathered(tables(pay_commission=[commission(plan="神秘提成", base="5")]))
    person = of(result).person
    assert person is not None
    with pytest.raises(CannotCompute, match="神秘提成"):
        calculate(result.books, person)


def test_a_plan_twice_in_a_month_stops_this_person() -> None:
    """Two rows of one plan could be the same sales typed twice."""
    result = gathered(tables(pay_commission=[commission(base="1"), commission(base="1")]))
    assert "同月有两行，请合并" in of(result).problem


@pytest.mark.parametrize(
    ("tiers", "told"),
    [
        ([("0", "100", "0.01"), ("90", None, "0.02")], "档位有重叠"),
        ([("0", "100", "0.01"), ("200", None, "0.02")], "档位之间有空缺"),
        ([("0", None, "0.01"), ("100", None, "0.02")], "档位有重叠"),
        ([("0", "100", "0.01")], "最高一档的上限应留空"),
        ([("100", "100", "0.01")], "有一档的上限不高于下限"),
    ],
)
def test_tiers_must_fit_together(tiers: list[Any], told: str) -> None:
    """A wrong plan is left out and told; only who uses it is stopped."""
    rows = [plan("分段提成", "分段阶梯", *tier) for tier in tiers]
    result = gathered(tables(pay_plans=[*rows, plan("店铺提成", "固定比例", rate="0.015")]))
    assert [each.name for each in result.books.plans] == ["店铺提成"]
    assert sentences(result) == [f"提成标准的“分段提成”：{told}，用到它的人无法核算"]
    assert of(result).person is not None


# --- deductions, one-offs, history ---


def test_declarations_of_other_years_and_later_months_stay_outside() -> None:
    """Without an end it holds until December; a declaration of later months is not yet known."""
    result = gathered(
        tables(
            pay_deductions=[
                declaration(),
                declaration(row="D2", item="住房租金", start="2025-03", declared="2025-03"),
                declaration(row="D3", item="子女教育", start="2026-12", declared="2026-12"),
                declaration(row="D4", item="继续教育", start="2025-09", end="2026-02", declared="2025-09"),
            ]
        )
    )
    person = of(result).person
    assert person is not None
    assert [(each.item, each.start, each.end) for each in person.additional] == [
        ("继续教育", "2025-09", "2026-02"),
        ("赡养老人", "2026-01", "2026-12"),
    ]
    assert sentences(result, "E001") == [
        "专项附加扣除“住房租金”没有填止月，按 2025-12 止处理；今年继续扣除请补填止月"
    ]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"monthly": EMPTY}, "专项附加扣除「每月金额」是空的"),
        ({"start": "年初"}, "专项附加扣除「扣除起月」不是月份，请写成 2026-10 这样"),
        ({"end": "2025-12"}, "专项附加扣除「扣除止月」早于扣除起月，请改正"),
        ({"declared": EMPTY}, "专项附加扣除「申报月份」是空的"),
    ],
)
def test_a_wrong_declaration_stops_this_person(changes: dict[str, Any], told: str) -> None:
    """The tax would be unknown."""
    result = gathered(tables(pay_deductions=[declaration(**changes)]))
    assert of(result).problem == told


def test_one_offs_of_the_month() -> None:
    """Another month's are left aside; the bonus may be taxed by itself, others not."""
    result = gathered(
        tables(
            pay_one_offs=[
                one_off(kind="全年一次性奖金", amount="36000", separate=True),
                one_off(row="X2", separate=True),
                one_off(row="X3", month="2026-09"),
            ]
        )
    )
    person = of(result).person
    assert person is not None
    assert [(each.kind, each.amount, each.separate) for each in person.one_off] == [
        ("全年一次性奖金", 36000, True),
        ("补发", 500, False),
    ]
    assert len(sentences(result, "E001")) == 1
    spoilt = gathered(tables(pay_one_offs=[one_off(amount=EMPTY)]))
    assert of(spoilt).problem == "一次性项目「金额」是空的"


def test_a_bonus_by_itself_needs_its_table() -> None:
    """When the grace has ended there is no monthly table: only who asks for it is stopped."""
    found = tables(pay_one_offs=[one_off(kind="全年一次性奖金", separate=True)])
    found[specs.TAX] = [row for row in found[specs.TAX] if row["table"] == "年度"]
    result = gathered(found)
    assert "没有生效的按月换算税率表" in of(result).problem
    assert of(result, "E002").person is not None


def paid(month: str, withheld: str = "10") -> PaidMonth:
    """A month already paid."""
    figures = dict.fromkeys(("income", "exempt", "special"), Decimal(0))
    return PaidMonth(paid=Month(month), withheld=Decimal(withheld), **figures)


def test_opening_balances_come_before_our_own_months() -> None:
    """They make the first month's tax right; a month counted twice is refused; last year's are ignored."""
    past = Past(paid=[paid("2026-10")])
    found = tables(pay_opening=[opening(through="2026-09", bonus_used=True), opening("E002")])
    result = gathered(found, history={"E001": past})
    person = of(result).person
    assert person is not None
    assert [each.paid for each in person.history] == ["2026-09", "2026-10"]
    assert person.bonus_used
    twice = gathered(tables(), history={"E001": past})
    assert "与 Chorus 已发放的月份重叠" in of(twice).problem
    ahead = gathered(tables(pay_opening=[opening(through="2026-11"), opening("E002")]))
    assert "应早于发放月 2026-11" in of(ahead).problem
    old = gathered(tables(pay_opening=[opening(through="2025-12"), opening("E002")]))
    old_person = of(old).person
    assert old_person is not None
    assert old_person.history == ()


def test_a_first_tax_in_mid_year_is_asked_about_once() -> None:
    """Everybody without history and opening, in one sentence; not in January, not for joiners."""
    people = [employee(f"E00{number}", f"员工{number}") for number in range(1, 8)]
    result = gathered(tables(pay_employees=people, pay_opening=[]))
    (told,) = sentences(result)
    assert told.startswith("员工1、员工2、员工3、员工4、员工5等 7 人今年还没有")
    joiner = employee(join=date(2026, 10, 8))
    assert sentences(gathered(tables(pay_employees=[joiner], pay_opening=[], pay_attendance=[], pay_scores=[],
                                     pay_commission=[]))) == []  # fmt: skip


def test_history_is_carried_over() -> None:
    """Months, carry and the used bonus."""
    past = Past(paid=[paid("2026-10")], carry=Carry(receivable=Decimal(5)), bonus_used=True)
    person = of(gathered(tables(pay_opening=[]), history={"E001": past})).person
    assert person is not None
    assert person.history == (paid("2026-10"),)
    assert person.carry.receivable == 5
    assert person.bonus_used


def charged(month: str, amount: str = "640") -> Charged:
    """What a month was charged."""
    return Charged(month=Month(month), employee={"养老": Decimal(amount)}, employer={"养老": Decimal(1280)})


def test_past_months_are_compared_with_todays_rules() -> None:
    """All charged months of this year; only as far back as today's base holds."""
    past = Past(charged={m: charged(m) for m in ("2025-12", "2026-01", "2026-08", "2026-09", "2026-10")})
    person = of(gathered(history={"E001": past})).person
    assert person is not None
    assert [each.month for each in person.backpay] == ["2026-01", "2026-08", "2026-09"]
    changed = tables()
    changed[specs.EMPLOYEES][0]["base_from"] = "2026年8月"
    person = of(gathered(changed, history={"E001": past})).person
    assert person is not None
    assert [each.month for each in person.backpay] == ["2026-08", "2026-09"]


def test_a_rule_that_came_late_is_charged_once() -> None:
    """A higher floor since January makes a line for September; charged in total, it makes none."""
    found = tables()
    found[specs.SOCIAL] = [social("养老", "0.08", "0.16", floor="9000")]
    first = gathered(found, history={"E001": Past(charged={"2026-09": charged("2026-09")})})
    person = of(first).person
    assert person is not None
    lines = {line.code: line.amount for line in calculate(first.books, person).lines}
    assert lines["补缴 2026-09 养老保险（个人）"] == 80
    total = Charged(month=Month("2026-09"), employee={"养老": Decimal(720)}, employer={"养老": Decimal(1440)})
    second = gathered(found, history={"E001": Past(charged={"2026-09": total})})
    person = of(second).person
    assert person is not None
    assert not any(line.code.startswith("补缴") for line in calculate(second.books, person).lines)
