"""The columns of 薪资结构 in a real 薪资核算: installed, followed, and their figures beside ours."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bitable_sync.cells import EMPTY, CellValue
from bitable_sync.spec import FieldSpec
from payslip.calculate import calculate
from payslip.columns import JOB, Structuring, structure_work
from payslip.defaults import install_defaults, seed_rows
from payslip.documents import Component, Pay, Person
from payslip.specs import FIELD_COLUMNS, PARAMS, PAYROLL, STRUCTURE
from payslip.structure import (
    compare,
    components,
    parameter_values,
    problems,
)
from runtime.db import Database
from runtime.engine import Engine
from tests.payslip import kit
from tests.payslip.desk import pay_desk
from tests.support.wait import until
from tests.sync.conftest import Stage


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
