"""Who sees and does what in the pay tables: each row of docs/PAY_ACCESS.md, acting as that person."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from app import specs as all_specs
from bitable_sync.context import build_sync
from bitable_sync.doctor import Level, check_private
from bitable_sync.rights import check_columns, odd_tables
from bitable_sync.setup import Setup
from bitable_sync.spec import Kind, Specs, TableSpec
from payslip.specs import EMPLOYEES, PAYROLL, SCORES, TABLES
from rules.specs import TABLES as BUSINESS
from runtime.db import Database
from runtime.errors import ConfigError
from runtime.manifest import Manifest, RoleManifest, load_manifest
from runtime.vault import Keys, Vault
from sandbox.bitable_errors import BitableError
from tests.support.founding import found
from tests.sync.conftest import Stage, make_stage

FORBIDDEN = 1254302
MANIFEST = load_manifest(Path(__file__).parents[2] / "feishu_app.yaml")
PAY_KEYS = tuple(spec.key for spec in TABLES)
SEEN = {"人事": "edit", "财务": "read"} | dict.fromkeys(("主管", "运营", "采购", "设计", "只读"), "none")


@dataclass
class Company:
    """The base after setup, and somebody for each role; ``stranger`` is in none, like most employees."""

    stage: Stage
    people: dict[str, str]
    rows: dict[str, str]

    @property
    def bitable(self) -> Any:
        """The sandbox's bases."""
        return self.stage.sandbox.world.bitable

    def sees(self, who: str, key: str) -> list[dict[str, Any]]:
        """The rows of a table as that person sees them."""
        found: list[dict[str, Any]] = self.bitable.view_as(
            self.people[who], self.stage.app, self.stage.table(key)
        )
        return found

    def edits(self, who: str, key: str, **cells: Any) -> None:
        """That person edits the one row."""
        self.bitable.edit_as(self.people[who], self.stage.app, self.stage.table(key), self.rows[key], cells)

    def adds(self, who: str, key: str, **cells: Any) -> str:
        """That person adds a row."""
        made = self.bitable.add_as(self.people[who], self.stage.app, self.stage.table(key), cells)
        return str(made["record_id"])

    def deletes(self, who: str, key: str, record_id: str) -> None:
        """That person deletes a row."""
        self.bitable.delete_as(self.people[who], self.stage.app, self.stage.table(key), record_id)


def found_company(sandbox: Any, database: Database, folder: Path, manifest: Manifest) -> Company:
    """Set up the base with the roles of the manifest, put people in, and one row into each pay table."""
    plain = make_stage(sandbox, database, folder, all_specs())
    floor = replace(plain.floor, manifest=manifest)
    sync = build_sync(floor, plain.feishu, all_specs(), Vault(Keys({"k1": bytes(32)})))
    stage = replace(plain, floor=floor, sync=sync, setup=Setup(plain.feishu, sync, manifest, floor.settings))
    found(sandbox, database, stage.setup)
    boss, *others = [person.open_id for person in sandbox.world.people.values()]
    sandbox.world.bitable.base(stage.app).managers.add(boss)
    people = {"boss": boss} | dict(zip(("stranger", *SEEN), others, strict=False))
    for role in sandbox.world.bitable.base(stage.app).roles.values():
        role.members.append(("open_id", people[role.body["role_name"]]))
    rows = {spec.key: _row(stage, spec, boss) for spec in TABLES}
    return Company(stage, people, rows)


def _row(stage: Stage, spec: TableSpec, boss: str) -> str:
    first = spec.fields[0].name
    made = stage.sandbox.world.bitable.add_as(boss, stage.app, stage.table(spec.key), {first: "E001"})
    return str(made["record_id"])


@pytest.fixture
def company(sandbox: Any, database: Database, tmp_path: Path) -> Iterator[Company]:
    """The company with the roles of feishu_app.yaml."""
    sandbox.world.reset("demo", seed=1)
    made = found_company(sandbox, database, tmp_path, MANIFEST)
    yield made
    made.stage.feishu.close()
    made.stage.floor.mirror.close()


def refused(act: Callable[[], Any]) -> None:
    """The base says that this person may not."""
    with pytest.raises(BitableError) as error:
        act()
    assert error.value.code == FORBIDDEN


def first_cell(key: str, value: str = "E002") -> dict[str, str]:
    """A value for the first column of a table."""
    return {next(spec for spec in TABLES if spec.key == key).fields[0].name: value}


# --- the rows of docs/PAY_ACCESS.md ---


def test_hr_sees_and_edits_every_pay_table(company: Company) -> None:
    """HR reads, edits, adds and deletes in all of them, every column."""
    for key in PAY_KEYS:
        assert [row["record_id"] for row in company.sees("人事", key)] == [company.rows[key]]
        company.edits("人事", key, **first_cell(key))
        company.deletes("人事", key, company.adds("人事", key, **first_cell(key, "E009")))
    company.edits("人事", EMPLOYEES, 收款账号="6214830000001234567", 基本工资=8000)
    (row,) = company.sees("人事", EMPLOYEES)
    assert row["fields"]["基本工资"] == 8000


def test_finance_reads_every_pay_table_and_changes_none(company: Company) -> None:
    """Finance sees all rows and may not write, add or delete one."""
    for key in PAY_KEYS:
        assert [row["record_id"] for row in company.sees("财务", key)] == [company.rows[key]]
        refused(lambda key=key: company.edits("财务", key, **first_cell(key)))  # type: ignore[misc]
        refused(lambda key=key: company.adds("财务", key, **first_cell(key)))  # type: ignore[misc]
        refused(lambda key=key: company.deletes("财务", key, company.rows[key]))  # type: ignore[misc]


def test_a_supervisor_sees_scores_and_no_pay(company: Company) -> None:
    """Of all pay tables a supervisor sees one."""
    assert len(company.sees("主管", SCORES)) == 1
    assert [key for key in PAY_KEYS if company.sees("主管", key)] == [SCORES]
    for key in PAY_KEYS:
        if key != SCORES:
            refused(lambda key=key: company.edits("主管", key, **first_cell(key)))  # type: ignore[misc]
            refused(lambda key=key: company.adds("主管", key, **first_cell(key)))  # type: ignore[misc]


def test_a_supervisor_scores_and_cannot_make_the_score_another_persons(company: Company) -> None:
    """Score, factor and comment may be edited; who and which month only when the row is made."""
    company.edits("主管", SCORES, 评分=95, 绩效系数=1.1, 评语="很好")
    for cells in ({"工号": "E009"}, {"姓名": "别人"}, {"月份": "2026-11"}, {"来源": "我"}):
        refused(lambda cells=cells: company.edits("主管", SCORES, **cells))  # type: ignore[misc]
    company.adds("主管", SCORES, 工号="E003", 姓名="李强", 月份="2026-10", 评分=80)
    refused(lambda: company.adds("主管", SCORES, 工号="E004", 来源="冒充导入"))


@pytest.mark.parametrize("who", ["运营", "采购", "设计", "只读", "stranger"])
def test_everybody_else_sees_and_does_nothing(company: Company, who: str) -> None:
    """Operators, buyers, designers, readers and people without a role: no row, no change."""
    for key in PAY_KEYS:
        assert company.sees(who, key) == []
        refused(lambda key=key: company.edits(who, key, **first_cell(key)))  # type: ignore[misc]
        refused(lambda key=key: company.adds(who, key, **first_cell(key)))  # type: ignore[misc]
        refused(lambda key=key: company.deletes(who, key, company.rows[key]))  # type: ignore[misc]


def test_the_score_form_is_for_supervisors_and_hr(company: Company) -> None:
    """An employee who knows the form's address cannot score themselves."""
    answers = {"工号": "E005", "月份": "2026-10", "绩效系数": 2}
    app, table = company.stage.app, company.stage.table(SCORES)
    submit = company.bitable.submit_form
    for who in ("stranger", "运营", "财务"):
        refused(lambda who=who: submit(company.people[who], app, table, "绩效评分表", answers))  # type: ignore[misc]
    for who in ("主管", "人事"):
        assert submit(company.people[who], app, table, "绩效评分表", answers)
    assert company.stage.setup.plan() == []


def test_pay_roles_see_nothing_of_the_business_tables(company: Company) -> None:
    """HR, finance and supervisors get no more than their pay tables."""
    for who in ("人事", "财务", "主管"):
        for spec in company.stage.sync.specs:
            if not spec.private:
                assert company.sees(who, spec.key) == []
                refused(lambda who=who, key=spec.key: company.adds(who, key))  # type: ignore[misc]


def test_nobody_of_a_role_reshapes_a_pay_table(company: Company) -> None:
    """Renaming or retyping columns is for who manages the base; also HR may not."""
    app, table = company.stage.app, company.stage.table(PAYROLL)
    for who in ("人事", "财务", "主管", "stranger"):
        person = company.people[who]
        refused(lambda person=person: company.bitable.rename_field(person, app, table, "实发工资", "x"))  # type: ignore[misc]
        refused(lambda person=person: company.bitable.retype_field(person, app, table, "实发工资", 1))  # type: ignore[misc]


def test_the_manager_of_the_base_sees_everything(company: Company) -> None:
    """Roles do not bind a manager: docs and doctor say so, and the test knows it."""
    assert [key for key in PAY_KEYS if not company.sees("boss", key)] == []
    (check,) = check_private(company.stage.setup, company.stage.setup.look())
    assert check.level is Level.OK
    assert "人可管理整个表格" in check.sentence


# --- setup states it, doctor proves it ---


def test_every_role_says_something_about_every_table(company: Company) -> None:
    """``none`` is written down, not left to what the platform does with tables a role does not name."""
    base = company.bitable.base(company.stage.app)
    ids = {spec.key: company.stage.table(spec.key) for spec in company.stage.sync.specs}
    for role in base.roles.values():
        said = {item["table_id"]: item["table_perm"] for item in role.body["table_roles"]}
        assert said.keys() == set(ids.values())
        for key in PAY_KEYS:
            wanted = SEEN[role.body["role_name"]]
            wanted = "edit" if (role.body["role_name"], key) == ("主管", SCORES) else wanted
            assert said[ids[key]] == {"none": 0, "read": 1, "edit": 2}[wanted]


@pytest.mark.parametrize("perm", [1, 2, 4])
def test_a_role_that_people_opened_is_shut_again(company: Company, perm: int) -> None:
    """Who lets operators into 薪资核算 is told by doctor and overruled by setup; other tables stay."""
    base = company.bitable.base(company.stage.app)
    role = next(role for role in base.roles.values() if role.body["role_name"] == "运营")
    said = {item["table_id"]: item for item in role.body["table_roles"]}
    said[company.stage.table(PAYROLL)]["table_perm"] = perm
    said[company.stage.table("stock")]["table_perm"] = 1
    assert company.sees("运营", PAYROLL)
    setup = company.stage.setup
    (check,) = check_private(setup, setup.look())
    assert check.level is Level.FAIL
    assert "角色「运营」对表「薪资核算」现在是" in check.sentence
    assert "应为不可见" in check.sentence
    assert [step.do for step in setup.plan()] == ["rights"]
    setup.apply()
    assert company.sees("运营", PAYROLL) == []
    said = {item["table_id"]: item for item in role.body["table_roles"]}
    assert said[company.stage.table("stock")]["table_perm"] == 1
    assert setup.plan() == []


def test_column_permissions_are_looked_at_too(company: Company) -> None:
    """A supervisor who was given 工号 to edit, or HR a hidden column: told by name, and set right."""
    base = company.bitable.base(company.stage.app)
    by_name = {role.body["role_name"]: role for role in base.roles.values()}
    for name, key, column, perm in (("主管", SCORES, "工号", 3), ("人事", EMPLOYEES, "收款账号", 0)):
        for item in by_name[name].body["table_roles"]:
            if item["table_id"] == company.stage.table(key):
                item["field_perm"] = {**item.get("field_perm", {}), column: perm}
    setup = company.stage.setup
    told = [check.sentence for check in check_private(setup, setup.look())]
    assert told == [
        "角色「人事」对表「员工」的列权限与清单不一致：收款账号",
        "角色「主管」对表「绩效评分」的列权限与清单不一致：工号",
    ]
    setup.apply()
    assert [check.level for check in check_private(setup, setup.look())] == [Level.OK]


def test_a_role_beside_the_manifest_is_told(company: Company) -> None:
    """A role that people made and that reaches a pay table is a failure; setup does not take it away."""
    app, table = company.stage.app, company.stage.table(PAYROLL)
    body = {"role_name": "老板娘", "table_roles": [{"table_id": table, "table_perm": 1}]}
    company.stage.feishu.bitable.create_role(app, body)  # type: ignore[arg-type]
    setup = company.stage.setup
    (check,) = check_private(setup, setup.look())
    assert check.level is Level.FAIL
    assert check.sentence == "角色「老板娘」不在应用清单里，却能看到：薪资核算"
    assert setup.plan() == []


def test_permissions_switched_off_are_a_failure(company: Company) -> None:
    """Without advanced permissions whoever opens the base sees pay: doctor fails, setup switches on."""
    base = company.bitable.base(company.stage.app)
    base.is_advanced = False
    setup = company.stage.setup
    (check,) = check_private(setup, setup.look())
    assert check.level is Level.FAIL
    assert "没有开启高级权限" in check.sentence
    assert "advanced" in [step.do for step in setup.plan()]


def test_a_form_opened_to_everybody_is_told(company: Company) -> None:
    """The form of a pay table that somebody shared with the company is a failure."""
    table = company.bitable.base(company.stage.app).tables[company.stage.table(SCORES)]
    form = next(view.form for view in table.views.values() if view.form is not None)
    form.shared = True
    setup = company.stage.setup
    (check,) = check_private(setup, setup.look())
    assert check.level is Level.FAIL
    assert "绩效评分表" in check.sentence


def test_a_table_made_later_is_shut_for_the_old_roles(
    sandbox: Any, database: Database, tmp_path: Path
) -> None:
    """An installation with only the business tables: setup adds the pay tables, old roles get none."""
    sandbox.world.reset("demo", seed=1)
    old = MANIFEST.model_copy(update={"roles": MANIFEST.roles[3:]})
    plain = make_stage(sandbox, database, tmp_path, Specs(BUSINESS))
    floor = replace(plain.floor, manifest=old)
    Setup(plain.feishu, plain.sync, old, floor.settings).apply()
    company = found_company(sandbox, database, tmp_path, MANIFEST)
    for who in ("运营", "采购", "只读", "stranger"):
        assert [key for key in PAY_KEYS if company.sees(who, key)] == []
    assert company.sees("人事", PAYROLL)
    assert company.stage.setup.plan() == []
    plain.feishu.close()
    company.stage.feishu.close()


def test_a_manifest_that_names_columns_of_a_hidden_table_is_refused() -> None:
    """A mistake in ``columns`` is a sentence, not a hole."""
    role = RoleManifest(name="主管", tables={}, columns={SCORES: {"score": "edit"}})
    with pytest.raises(ConfigError, match="does not let it see"):
        check_columns(role, all_specs())
    role = RoleManifest(name="主管", tables={SCORES: "edit"}, columns={SCORES: {"scroe": "edit"}})
    with pytest.raises(ConfigError, match="scroe"):
        check_columns(role, all_specs())


def test_the_manifest_gives_pay_to_hr_and_finance_only() -> None:
    """The roles of feishu_app.yaml as delivered: HR edits, finance reads, supervisors score, nobody else."""
    given = {
        role.name: {key: perm for key, perm in role.tables.items() if key in PAY_KEYS}
        for role in MANIFEST.roles
    }
    assert given["人事"] == dict.fromkeys(PAY_KEYS, "edit")
    assert given["财务"] == dict.fromkeys(PAY_KEYS, "read")
    assert given["主管"] == {SCORES: "edit"}
    assert [given[name] for name in ("运营", "采购", "只读")] == [{}, {}, {}]


def test_odd_tables_is_silent_where_all_is_well() -> None:
    """The pure comparison: nothing said is told once for each table, the right thing is not told."""
    role = MANIFEST.roles[1]
    tables = {spec.key: f"tbl_{spec.key}" for spec in all_specs()}
    live = {"table_roles": [{"table_id": tables[key], "table_perm": 1} for key in PAY_KEYS]}
    odd = odd_tables(role, live, all_specs(), tables, {})
    assert all(one.unsaid for one in odd)
    assert not {one.table for one in odd} & set(PAY_KEYS)


def test_the_pay_tables_are_private_and_their_keys_hold_no_amounts() -> None:
    """Every table of pay is private; the business keys that stand in clear are texts and the version."""
    assert all(spec.private for spec in TABLES)
    keys = {spec.field(key) for spec in TABLES for key in spec.business_key}
    assert {field.kind for field in keys} == {Kind.TEXT, Kind.NUMBER}
    assert {field.key for field in keys if field.kind is Kind.NUMBER} == {"version"}
    assert {field.key for field in keys} == {"no", "month", "plan", "row", "name", "version"}
