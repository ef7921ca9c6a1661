"""薪资结构: what people may write, which version is in force, and Bitable's formulas beside our figures."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitable_sync.cells import EMPTY, CellValue, Unreadable
from bitable_sync.mirror import Row
from bitable_sync.spec import FieldSpec, Kind
from payslip.calculate import calculate
from payslip.columns import JOB, Structuring, structure_work
from payslip.defaults import install_defaults, seed_rows
from payslip.documents import Component, Pay, Person
from payslip.specs import FIELD_COLUMNS, PARAMS, PAYROLL, STRUCTURE
from payslip.structure import (
    Known,
    columns,
    compare,
    components,
    judge,
    parameter_values,
    problems,
    read_row,
)
from runtime.db import Database
from runtime.engine import Engine
from runtime.ids import RecordId
from tests.payslip import kit
from tests.payslip.desk import pay_desk
from tests.support.wait import until
from tests.sync.conftest import Stage

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


# --- on the sandbox ---


@pytest.fixture
def desk(sandbox: Any, database: Database, tmp_path: Path) -> Iterator[Stage]:
    """The base with the pay tables and their first rows."""
    with pay_desk(sandbox, database, tmp_path) as stage:
        install_defaults(stage.sync, stage.clock)
        yield stage


def structuring(stage: Stage) -> Structuring:
    """The worker's part."""
    return Structuring(stage.floor.db, stage.floor.queue, stage.clock, stage.sync, stage.feishu)


def ready(stage: Stage) -> Structuring:
    """Structure taken over, answered and installed."""
    made = structuring(stage)
    made.review()
    made.answer()
    made.install()
    return made


def field_calls(stage: Stage) -> int:
    """How many columns were created or changed in 薪资核算 so far."""
    calls = stage.calls(f"{stage.table(PAYROLL)}/fields")
    return sum(call["method"] in ("POST", "PUT") for call in calls)


def in_force(stage: Stage) -> dict[str, Component]:
    """The components pay is computed with."""
    with stage.floor.db.read() as conn:
        return {component.name: component for component in components(conn)}


def structure_row(stage: Stage, name: str) -> dict[str, Any]:
    """A row of 薪资结构 as people see it."""
    return next(r for r in stage.rows(STRUCTURE) if r["fields"]["组件"][0]["text"] == name)


def edit(stage: Stage, name: str, **cells: Any) -> str:
    """A person edits a component, and the event arrives."""
    record = str(structure_row(stage, name)["record_id"])
    stage.edit(record, STRUCTURE, **cells)
    stage.clock.advance(5)
    stage.sync.changes.handle_records([stage.hint(record, key=STRUCTURE)])
    return record


def said(stage: Stage, name: str) -> str:
    """校验结果 of a component."""
    cell = structure_row(stage, name)["fields"].get("校验结果")
    return "" if cell is None else str(cell[0]["text"])


def pay_row(person: Person, parameters: Mapping[str, CellValue]) -> dict[str, CellValue]:
    """A person's inputs in 薪资核算."""
    inputs = {key: person.fields.get(name, Decimal(0)) for key, name in FIELD_COLUMNS}
    return {"no": person.no, "name": person.name, "month": kit.MONTH, **inputs, **parameters}


def put_person(stage: Stage, person: Person) -> tuple[Pay, dict[str, CellValue]]:
    """Write a person's row, compute pay here, and read Bitable's figures back."""
    rows = [r.values for r in stage.sync.mirror.rows(PARAMS)]
    city = {str(r["name"]): r["value"] for r in rows if r["city"] is not EMPTY}
    params = {str(r["name"]): r["value"] for r in rows if r["city"] is EMPTY}
    books = kit.books(
        structure=tuple(in_force(stage).values()),
        params=params,
        city_params={kit.CHENGDU: {**kit.CITY_PARAMS[kit.CHENGDU], **city}},
    )
    values = pay_row(person, parameter_values(books, person))
    stage.sync.pusher.upsert(PAYROLL, [values], cause=f"test{stage.clock.now()}")
    (found,) = stage.sync.mirror.find(PAYROLL, values)
    stage.clock.advance(5)
    stage.sync.changes.recheck(PAYROLL, [found.record_id])
    (found,) = stage.sync.mirror.find(PAYROLL, values)
    return calculate(books, person), dict(found.values)


def test_the_first_structure_is_installed_and_agrees(desk: Stage) -> None:
    """Every seeded component is valid, has its column, and Bitable's figures are ours for several people."""
    ready(desk)
    seeded = [str(each["name"]) for each in seed_rows(STRUCTURE)]
    assert set(in_force(desk)) == set(seeded)
    assert {said(desk, name) for name in seeded} == {"有效，已启用"}
    bound = desk.sync.bindings.require(PAYROLL)
    assert {f"calc:{name}" for name in seeded} | {f"ref:{name}" for name in seeded} > {
        key for key in bound.fields if key.startswith(("calc:", "ref:"))
    }
    changes = [
        {}, {"事假天数": "1.5"}, {"病假天数": "3", "迟到次数": "1"},
        {"工作日加班": "7.5", "节假日加班": "8"}, {"未在职天数": "12", "提成金额": "1234.56"},
    ]  # fmt: skip
    for number, more in enumerate(changes):
        person = kit.person(no=f"E{number:03d}", fields={"提成金额": "0", **more})
        pay, values = put_person(desk, person.model_copy(update={"commission": ()}))
        apart = [name for name in compare(values, pay) if name != "提成"]
        assert apart == [], more
        assert sum(key.startswith("calc:") for key in values) == 13
    assert desk.sync.bindings.findings.all(PAYROLL) == []


def test_installing_again_sends_nothing(desk: Stage) -> None:
    """The second look finds everything as it should be; setup has nothing to do either."""
    made = ready(desk)
    before = field_calls(desk)
    assert made.review() == 0
    assert made.answer() == 0
    assert made.install() == {"sent": 0, "faults": 0}
    assert field_calls(desk) == before
    assert desk.setup.plan() == []


def test_an_edited_formula_changes_the_column(desk: Stage) -> None:
    """An edit is taken over, the same column computes anew, and both sides agree again."""
    made = ready(desk)
    field_id = desk.sync.bindings.require(PAYROLL).fields["calc:绩效工资"].field_id
    edit(desk, "绩效工资", 公式="[绩效基数]*MIN([绩效系数],1.05)")
    made.review()
    assert made.install()["sent"] == 1
    assert desk.sync.bindings.require(PAYROLL).fields["calc:绩效工资"].field_id == field_id
    pay, values = put_person(desk, kit.person(fields={"提成金额": "0"}))
    assert values["calc:绩效工资"] == Decimal(2100)
    assert "绩效工资" not in compare(values, pay)


def test_a_new_component_that_others_use(desk: Stage) -> None:
    """A component and its user appear together; each has its column, whatever the order of the rows."""
    made = ready(desk)
    cells = {"类别": "应发", "启用": True, "计税": True}
    desk.add(STRUCTURE, 组件="补贴合计", 公式="[餐补]+[车补]", **cells)
    desk.add(STRUCTURE, 组件="餐补", 公式="[计薪天数]*10", **cells)
    desk.add(STRUCTURE, 组件="车补", 公式="IF([绩效系数]>=1,200,0)", **cells)
    desk.sync.puller.pull(STRUCTURE)
    made.review()
    made.answer()
    assert made.install() == {"sent": 3, "faults": 0}
    pay, values = put_person(desk, kit.person(fields={"提成金额": "0"}))
    assert values["calc:补贴合计"] == Decimal("417.5")
    assert [name for name in compare(values, pay) if name in ("补贴合计", "餐补", "车补")] == []


def test_an_invalid_edit_is_answered_in_the_row(desk: Stage) -> None:
    """The sentence stands in 校验结果, the column stays, pay is computed with the last good version."""
    made = ready(desk)
    edit(desk, "全勤奖", 公式="[全勤奖标淮]")
    made.review()
    made.answer()
    assert said(desk, "全勤奖").startswith("找不到 [全勤奖标淮]")
    assert "全勤奖" in in_force(desk)
    with desk.floor.db.read() as conn:
        assert list(problems(conn)) == ["全勤奖"]
    assert made.install() == {"sent": 0, "faults": 0}
    edit(desk, "全勤奖", 公式="[全勤奖标准]")
    made.review()
    made.answer()
    assert said(desk, "全勤奖") == "有效，已启用"


def test_a_component_switched_off_keeps_its_column(desk: Stage) -> None:
    """Nothing is deleted; the column is left out of comparing, may be deleted by people, and comes back."""
    made = ready(desk)
    edit(desk, "全勤奖", 启用=False)
    made.review()
    made.install()
    assert "calc:全勤奖" not in desk.sync.bindings.require(PAYROLL).fields
    live = desk.feishu.bitable.list_fields(desk.app, desk.table(PAYROLL))  # type: ignore[arg-type]
    assert "全勤奖" in {item["field_name"] for item in live}
    pay, values = put_person(desk, kit.person(fields={"提成金额": "0"}))
    assert "全勤奖" not in compare(values, pay)
    edit(desk, "全勤奖", 启用=True)
    made.review()
    assert made.install() == {"sent": 0, "faults": 0}
    assert desk.sync.bindings.require(PAYROLL).fields["calc:全勤奖"].state == "ok"


def test_a_column_people_renamed_is_followed_and_a_deleted_one_comes_back(desk: Stage) -> None:
    """Columns are bound by id like all others."""
    made = ready(desk)
    desk.rename("calc:绩效工资", "绩效（新）", PAYROLL)
    edit(desk, "绩效工资", 公式="[绩效基数]")
    made.review()
    made.install()
    assert desk.sync.bindings.require(PAYROLL).fields["calc:绩效工资"].name == "绩效（新）"
    assert put_person(desk, kit.person(fields={"提成金额": "0"}))[1]["calc:绩效工资"] == Decimal(2000)
    desk.drop("calc:全勤奖", PAYROLL)
    assert made.install() == {"sent": 1, "faults": 0}
    assert desk.setup.plan() == []


def test_a_column_of_that_name_and_another_type_is_told(desk: Stage) -> None:
    """What people made is not touched; the sentence names it, everything else is installed."""
    made = structuring(desk)
    table = desk.table(PAYROLL)
    desk.feishu.bitable.create_field(desk.app, table, {"field_name": "全勤奖", "type": 1})  # type: ignore[arg-type]
    made.review()
    assert made.install()["faults"] == 1
    kinds = {finding.kind: finding.sentence for finding in desk.sync.bindings.findings.all(PAYROLL)}
    assert "已有的同名列是文本，应为公式" in kinds["formula"]
    assert desk.sync.bindings.require(PAYROLL).fields["calc:绩效工资"].state == "ok"


@pytest.mark.parametrize(("base", "factor"), [("2000.1", "0.85"), ("2000.5", "1.13"), ("2000.3", "1.15")])
def test_a_half_cent_that_doubles_miss_is_no_difference(desk: Stage, base: str, factor: str) -> None:
    """2000.10 × 0.85 is 1700.085 and rounds up; the double below it must not hold up a whole run."""
    ready(desk)
    fields = {"提成金额": "0", "绩效基数": base, "绩效系数": factor}
    pay, values = put_person(desk, kit.person(fields=fields))
    ours = {line.code: line.amount for line in pay.lines}["绩效工资"]
    assert values["calc:绩效工资"] == ours
    assert "绩效工资" not in compare(values, pay)


def test_a_cent_that_doubles_do_lose_is_noticed(desk: Stage) -> None:
    """Where Bitable rounds up what is just below half a cent, the component is named."""
    made = ready(desk)
    edit(desk, "绩效工资", 公式="[绩效系数]*1.00499999999")
    made.review()
    made.install()
    pay, values = put_person(desk, kit.person(fields={"提成金额": "0", "绩效系数": "1"}))
    assert values["calc:绩效工资"] == Decimal("1.01")
    assert {line.code: line.amount for line in pay.lines}["绩效工资"] == Decimal("1.00")
    assert "绩效工资" in compare(values, pay)


def test_an_edit_becomes_durable_work(desk: Stage) -> None:
    """An event of 薪资结构 changes what is in force at once; answer and column follow through the engine."""
    made = ready(desk)
    engine = Engine(desk.floor.db, instance="structure", first_wait=0.01)
    made.register(engine)
    engine.launch()
    edit(desk, "绩效工资", 公式="[绩效基数]*2")
    assert in_force(desk)["绩效工资"].formula == "[绩效基数]*2"
    field_id = desk.sync.bindings.require(PAYROLL).fields["calc:绩效工资"].field_id
    world = desk.sandbox.world.bitable

    def installed() -> bool:
        column = world.base(desk.app).tables[desk.table(PAYROLL)].fields[field_id]
        return str(column.props["formula_expression"]).endswith("*2)*100,6),0)/100")

    until(installed, timeout=30, what="the column has the new formula")
    with desk.floor.db.begin() as conn:
        desk.floor.queue.put(conn, structure_work(desk.clock.now(), fetch=True))
    edit(desk, "绩效工资", 公式="[没有的]")
    until(lambda: said(desk, "绩效工资").startswith("找不到"), timeout=30, what="the row is answered")
    engine.close()
    assert JOB == "payroll.structure"


def test_an_unread_table_takes_nothing_out_of_force(desk: Stage, tmp_path: Path) -> None:
    """After the mirror was thrown away nobody knows the rows: what was in force stays."""
    ready(desk)
    before = in_force(desk)
    with desk.sync.mirror.db.begin() as conn:
        conn.exec_driver_sql("DELETE FROM mirror_rows")
        conn.exec_driver_sql("DELETE FROM mirror_tables")
    assert structuring(desk).review() == 0
    assert in_force(desk) == before


def test_the_spec_of_the_sheet_grows_for_every_process(desk: Stage) -> None:
    """Another process of the installation sees the new columns without being told."""
    ready(desk)
    spec = desk.sync.specs.table(PAYROLL)
    assert isinstance(spec.field("calc:绩效工资"), FieldSpec)
    assert spec.private
    assert not desk.sync.specs.table(STRUCTURE).has("calc:绩效工资")
