"""The dated tables: one typo in them would be in everybody's pay, so it stops whom it concerns."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from bitable_sync.cells import EMPTY
from payslip import specs
from tests.payslip import rows_kit as kit
from tests.payslip.collect_kit import SPOILT, gathered, of, sentences
from tests.payslip.kit import CHENGDU
from tests.payslip.rows_kit import (
    employee,
    param,
    social,
    tables,
    tax,
)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"rate": EMPTY}, "税率表的“年度-0.10”：税率表「税率」是空的"),
        ({"quick": "2521"}, "税率表（年度，2026-11）速算扣除数与级距、税率对不上"),
        ({"end": date(2026, 10, 31)}, "税率表（年度，2026-11）速算扣除数与级距、税率对不上"),
        ({"upto": "36000"}, "税率表（年度，2026-11）有两行的级距上限相同"),
        ({"upto": EMPTY}, "税率表（年度，2026-11）应恰好有一行的级距上限留空"),
    ],
)
def test_a_wrong_tax_table_stops_everyone(change: dict[str, Any], told: str) -> None:
    """One typo in a tax table would be in everybody's pay."""
    found = tables()
    for key, value in change.items():
        found[specs.TAX][1][key] = Decimal(value) if isinstance(value, str) else value
    result = gathered(found)
    assert told in sentences(result)
    assert all(who.person is None and told in who.problem for who in result.people)


def test_no_tax_table_stops_everyone() -> None:
    """None in force is not a rate of zero."""
    result = gathered(tables(pay_tax=[tax("按月换算", bracket) for bracket in kit.kit.MONTHLY_TABLE]))
    assert all("没有生效的行" in who.problem for who in result.people)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"employee_rate": SPOILT}, "社保公积金方案「个人比例」读不出来，应为百分数，请改正"),
        ({"employee_rate": Decimal(8)}, "社保公积金方案「个人比例」超过 100%"),
        ({"floor": Decimal(30000)}, "社保公积金方案「基数下限」高于基数上限"),
        ({"cutoff_day": Decimal("15.5")}, "社保公积金方案「截止日」应为 1 到 31 的整数"),
        ({"rounding": "随缘"}, "社保公积金方案「舍入方式」请从选项里选"),
        ({"unit": Decimal(0)}, "社保公积金方案「舍入单位」应大于 0"),
        ({"end": date(2025, 1, 1)}, "社保公积金方案「生效止」早于生效起"),
        ({"fund": "意外"}, "社保公积金方案「险种」不是认识的险种"),
    ],
)  # fmt: skip
def test_a_wrong_social_rule_stops_its_city(changes: dict[str, Any], told: str) -> None:
    """A fund left out in silence would be pay too high; another city is not touched."""
    found = tables(
        pay_employees=[employee(), employee("E002", "李伟", city="重庆")],
    )
    found[specs.SOCIAL][0].update(changes)
    result = gathered(found)
    assert told in of(result).problem
    assert of(result, "E002").person is not None


def test_two_rules_for_one_month_stop_the_city() -> None:
    """The old one was not ended when the new one began; nobody can tell which holds."""
    found = tables()
    found[specs.SOCIAL].append(social("养老", "0.09", "0.16", row="新", start=date(2026, 7, 1)))
    assert "成都的“养老”在 2026-07 有两行同时生效" in of(gathered(found)).problem
    found[specs.SOCIAL][0]["end"] = date(2026, 6, 30)
    result = gathered(found)
    assert of(result).problem == ""
    assert [str(r.employee_rate) for r in result.books.social if r.fund == "养老"] == ["0.08", "0.09"]


def test_parameters_that_are_wrong_or_doubled_stop_who_they_are_for() -> None:
    """A city's stops the city, the company's stops everyone."""
    for extra, stopped in (
        (param("最低工资", "2400", CHENGDU), ["E001"]),
        (param("减除费用", "5000"), ["E001", "E002"]),
        ({**param("最低工资", "1", CHENGDU), "value": SPOILT}, ["E001"]),
    ):
        found = tables(pay_employees=[employee(), employee("E002", "李伟", city="重庆")])
        found[specs.PARAMS].append(extra)
        assert [who.no for who in gathered(found).people if who.person is None] == stopped


def test_a_standard_that_ended_without_a_next_one_is_told_in_its_first_month() -> None:
    """A forgotten row charges nobody and fails nobody's pay: said once, when it begins to be missing."""
    found = tables()
    fund = next(row for row in found[specs.SOCIAL] if row["fund"] == "公积金")
    wage = next(row for row in found[specs.PARAMS] if row["name"] == "最低工资")
    fund["end"] = wage["end"] = date(2026, 9, 30)
    told = [said for said in sentences(gathered(found)) if "上月还有效" in said]
    assert ["公积金" in each for each in told] == [True, False]
    assert "最低工资" in told[1]
    fund["end"] = wage["end"] = date(2026, 8, 31)
    assert not any("上月还有效" in said for said in sentences(gathered(found)))
    fund["end"] = wage["end"] = date(2026, 9, 30)
    found[specs.SOCIAL] += [social("公积金", "0.07", "0.07", row="next", start=date(2026, 10, 1))]
    found[specs.PARAMS] += [param("最低工资", "2500", CHENGDU, start=date(2026, 10, 1))]
    assert not any("上月还有效" in said for said in sentences(gathered(found)))
