"""薪资结构: what people may write, which version is in force, and Bitable's formulas beside our figures."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitable_sync.cells import EMPTY, CellValue, Unreadable
from bitable_sync.mirror import Row
from bitable_sync.spec import Kind
from payslip.calculate import calculate
from payslip.documents import Component, Pay
from payslip.specs import STRUCTURE
from payslip.structure import (
    Known,
    columns,
    compare,
    judge,
    parameter_values,
    read_row,
)
from runtime.ids import RecordId
from tests.payslip import kit

NOW = datetime(2026, 10, 8, 1, 0, tzinfo=UTC)
KNOWN_PARAMETERS = frozenset({"全勤奖标准", "计薪天数", "最低工资"})


def row(record: str, name: Any = "绩效工资", formula: Any = "[绩效基数]*[绩效系数]", **more: Any) -> Row:
    """A row of 薪资结构 as the mirror gives it."""
    cells: dict[str, CellValue] = {
        "name": name, "formula": formula, "category": "应发", "order": Decimal(1), "taxable": True,
        "minimum_wage": True, "enabled": True, "check_result": EMPTY, "sync_issue": EMPTY, **more,
    }  # fmt: skip
    return Row(STRUCTURE, RecordId(record), cells, NOW)


def first(*rows: Row) -> dict[str, Known]:
    """What is known after these rows were seen for the first time."""
    return judge(rows, {}, KNOWN_PARAMETERS)


# --- reading one row ---


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ({"name": EMPTY}, "请填写“组件”"),
        ({"name": "实发工资"}, "请换一个名字"),
        ({"name": "基本工资"}, "请换一个名字"),
        ({"name": "补发"}, "请换一个名字"),
        ({"name": "养老保险（个人）"}, "请换一个名字"),
        ({"name": "a[b"}, "不能有方括号"),
        ({"name": "长" * 41}, "最多 40 个字"),
        ({"formula": EMPTY}, "请填写“公式”"),
        ({"formula": "[绩效基数]*"}, "公式有误"),
        ({"formula": "[绩效基数]>1"}, "公式有误"),
        ({"formula": 'IF([绩效系数]="{x}",1,2)'}, "花括号"),
        ({"category": EMPTY}, "请选择“类别”"),
        ({"category": "别的"}, "应发、税前扣减、税后扣减、参考"),
        ({"order": Unreadable("「顺序」的内容不是数字，请改正这个单元格")}, "「顺序」"),
    ],
)
def test_a_row_that_cannot_be_used_says_why(cells: dict[str, Any], words: str) -> None:
    """Each mistake of a row has its sentence, and a new row with one is not in force."""
    odd = row("r1", **cells)
    sentence = read_row(odd)
    assert isinstance(sentence, str)
    assert words in sentence
    known = first(odd)["r1"]
    assert not known.in_force
    assert known.verdict == f"{sentence}；改正之前这个组件不生效"


def test_a_good_row_is_a_component() -> None:
    """Every column arrives; blanks around name and formula do not count."""
    found = read_row(
        row("r1", " 绩效 ", " [绩效基数] ", order=Decimal(7), taxable=False, category="税前扣减")
    )
    assert found == Component(
        name="绩效", category="税前扣减", formula="[绩效基数]", order=7, taxable=False, minimum_wage=True
    )
    assert first(row("r1"))["r1"].verdict == "有效，已启用"
    assert first(row("r1", enabled=False))["r1"].verdict == "有效，未启用"
    assert first(row("r1", EMPTY, EMPTY)) == {}


# --- rows beside each other ---


def test_an_invalid_edit_keeps_the_last_good_version() -> None:
    """The old formula stays in force, and the row says so; the correction takes over."""
    known = first(row("r1"))
    broken = judge([row("r1", formula="[绩效基数]*")], known, KNOWN_PARAMETERS)
    assert broken["r1"].component == known["r1"].component
    assert broken["r1"].in_force
    assert broken["r1"].verdict.endswith("在改正之前仍按上一个有效版本核算")
    unknown = judge([row("r1", formula="[绩效鸡数]")], broken, KNOWN_PARAMETERS)
    assert unknown["r1"].component == known["r1"].component
    assert "找不到 [绩效鸡数]" in unknown["r1"].problem
    mended = judge([row("r1", formula="[绩效基数]")], unknown, KNOWN_PARAMETERS)
    assert mended["r1"].problem == ""
    assert mended["r1"].component is not None
    assert mended["r1"].component.formula == "[绩效基数]"


def test_switching_off_works_whatever_the_formula_says() -> None:
    """A row that is switched off is not in force, even if its formula is broken at that moment."""
    known = first(row("r1"))
    off = judge([row("r1", formula="(", enabled=False)], known, KNOWN_PARAMETERS)["r1"]
    assert not off.in_force
    assert off.verdict.endswith("（未启用）")


def test_a_circle_is_refused_and_named() -> None:
    """The edit that closes a circle is refused; what was in force stays so."""
    known = first(row("r1", "甲", "1"), row("r2", "乙", "[甲]+1"))
    now = judge([row("r1", "甲", "[乙]"), row("r2", "乙", "[甲]+1")], known, KNOWN_PARAMETERS)
    assert now["r1"].component == known["r1"].component
    assert now["r1"].problem in (
        "组件互相引用，无法核算：甲 → 乙 → 甲",
        "组件互相引用，无法核算：乙 → 甲 → 乙",
    )
    assert now["r2"].problem == ""
    assert first(row("r1", "甲", "[甲]"))["r1"].component is None


def test_two_rows_of_one_name() -> None:
    """The newcomer is refused, the one in force is not touched."""
    known = first(row("r1"))
    now = judge([row("r1"), row("r2")], known, KNOWN_PARAMETERS)
    assert now["r1"].problem == ""
    assert not now["r2"].in_force
    assert "有两个组件叫“绩效工资”" in now["r2"].verdict


def test_a_row_spoilt_by_another_row_stays_in_force_and_says_so() -> None:
    """A component that others use is renamed: those stay in force, so that a run stops, not pays less."""
    known = first(row("r1", "甲", "1"), row("r2", "乙", "[甲]+1"))
    now = judge([row("r1", "丙", "1"), row("r2", "乙", "[甲]+1")], known, KNOWN_PARAMETERS)
    assert now["r1"].problem == ""
    assert now["r2"].in_force
    assert "找不到 [甲]" in now["r2"].verdict
    mended = judge([row("r1", "丙", "1"), row("r2", "乙", "[丙]+1")], now, KNOWN_PARAMETERS)
    assert [state.problem for state in mended.values()] == ["", ""]


def test_a_new_row_that_uses_a_refused_one_is_refused_too() -> None:
    """A mistake does not get into force through another row."""
    now = first(row("r1", "甲", "[没有的]"), row("r2", "乙", "[甲]"))
    assert [state.in_force for state in now.values()] == [False, False]
    assert "找不到 [甲]" in now["r2"].problem


def test_parameters_count_once_they_are_known() -> None:
    """A name in 薪酬参数 may be used; before that table was read nothing is refused for it."""
    uses = row("r1", formula="[全勤奖标准]")
    assert first(uses)["r1"].in_force
    assert not judge([uses], {}, frozenset())["r1"].in_force
    assert judge([uses], {}, None)["r1"].in_force


def test_too_many_components_are_refused() -> None:
    """A table holds only so many formula columns; the last in order are refused."""
    now = first(*(row(f"r{n}", f"组件{n:03d}", "1", order=Decimal(n)) for n in range(85)))
    assert [rid for rid, state in now.items() if state.problem] == [f"r{n}" for n in range(80, 85)]


@given(st.lists(st.sampled_from("甲乙丙丁戊"), min_size=5, max_size=5), st.permutations(range(5)))
def test_the_order_of_rows_does_not_matter(uses: list[str], order: list[int]) -> None:
    """Whatever uses what: what is in force has no circle, and rows in another order give the same."""
    rows = [
        row(f"r{n}", name, f"[{used}]+1")
        for n, (name, used) in enumerate(zip("甲乙丙丁戊", uses, strict=True))
    ]
    found, again = first(*rows), first(*(rows[n] for n in order))
    assert {rid: state.in_force for rid, state in found.items()} == {
        rid: again[rid].in_force for rid in found
    }
    force = [state.component for state in found.values() if state.in_force and state.component]
    assert columns(force, KNOWN_PARAMETERS) is not None


# --- columns ---


def component(name: str, formula: str, category: str = "应发") -> Component:
    """A component."""
    return kit.component(name, formula, category)


def test_columns_come_after_what_they_use() -> None:
    """Parameters first, then formulas in order of use; rounded but for 参考, by key and not by name."""
    found = columns(
        [component("乙", "[甲]*[绩效系数]"), component("甲", "[基本工资]/[计薪天数]", "参考")],
        KNOWN_PARAMETERS,
    )
    assert [(field.key, field.kind, field.formula) for field in found] == [
        ("param:计薪天数", Kind.NUMBER, None),
        ("ref:甲", Kind.FORMULA, "{base_wage}/{param:计薪天数}"),
        ("calc:乙", Kind.FORMULA, "ROUND(ROUND(({ref:甲}*{factor})*100,6),0)/100"),
    ]


def test_a_component_with_an_unknown_name_gets_no_column() -> None:
    """Nor do those that use it: Bitable would take the unknown for zero."""
    found = columns(
        [component("甲", "[没有的]"), component("乙", "[甲]"), component("丙", "1")], KNOWN_PARAMETERS
    )
    assert [field.key for field in found] == ["calc:丙"]


def test_parameter_values_are_those_of_the_city() -> None:
    """City before company; a parameter nobody has is empty, never zero."""
    books = kit.books(
        structure=(component("甲", "[最低工资]+[减除费用]+[没有的]+[基本工资]"), component("乙", "[甲]"))
    )
    assert parameter_values(books, kit.person()) == {
        "param:最低工资": Decimal(2330), "param:减除费用": Decimal(5000), "param:没有的": EMPTY
    }  # fmt: skip
    assert parameter_values(books, kit.person(city="上海"))["param:最低工资"] is EMPTY


# --- comparing ---


def paid(**fields: str) -> Pay:
    """A pay with components of every category."""
    found = (
        component("日薪", "[基本工资]/21.75", "参考"),
        component("绩效", "[绩效基数]*[绩效系数]"),
        component("扣款", "[日薪]*[事假天数]", "税前扣减"),
        component("餐费", "0", "税后扣减"),
    )
    return calculate(kit.books(structure=found), kit.person(fields=fields))


def theirs(pay: Pay, **changes: CellValue) -> dict[str, CellValue]:
    """What Bitable shows when it agrees, with some cells changed."""
    known = {line.code: line.amount for line in pay.lines}
    agreed: dict[str, CellValue] = {
        "no": "E001", "ref:日薪": Decimal("275.862068"), "calc:绩效": known["绩效"],
        "calc:扣款": known["扣款"], "calc:餐费": Decimal(0),
    }  # fmt: skip
    return agreed | changes


def test_agreement_to_less_than_a_cent_is_agreement() -> None:
    """Doubles may differ far behind the cent; helper values are not compared."""
    pay = paid()
    assert compare(theirs(pay), pay) == []
    assert compare(theirs(pay, **{"calc:绩效": Decimal("2200.0000000001")}), pay) == []
    assert compare(theirs(pay, **{"ref:日薪": Unreadable("x")}), pay) == []


@pytest.mark.parametrize(
    "value", [Decimal("2200.01"), Decimal("2199.99"), Decimal(0), EMPTY, Unreadable("#DIV/0!"), "2200", True]
)
def test_a_cent_or_anything_unreadable_is_a_difference(value: CellValue) -> None:
    """The component is named, no amount is."""
    pay = paid()
    assert compare(theirs(pay, **{"calc:绩效": value}), pay) == ["绩效"]


def test_a_zero_that_makes_no_line_is_compared_as_zero() -> None:
    """A deduction after tax of zero has no line on the payslip; Bitable must show zero too."""
    pay = paid()
    assert "餐费" not in {line.code for line in pay.lines}
    assert compare(theirs(pay, **{"calc:餐费": Decimal("0.01")}), pay) == ["餐费"]
