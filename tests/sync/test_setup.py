"""Setup adds what is missing, twice is once, and touches nothing of people's."""

from collections.abc import Callable

import pytest

from bitable_sync.setup import readable
from bitable_sync.setup_plan import initial_fields
from bitable_sync.spec import FieldSpec, Kind, Specs, TableSpec
from runtime.errors import ConfigError
from tests.contract.kit import fresh_client, raw_call
from tests.sync.conftest import LOGGED, PLANS, TASKS, Stage

pytestmark = pytest.mark.db


def test_second_run_has_nothing_to_do(stage: Stage) -> None:
    """After one run the plan is empty, and a second run makes no writing call."""
    assert stage.setup.plan() == []
    assert "nothing to do" in readable(stage.setup.plan())[0]
    writes = [call for call in stage.calls("/open-apis/") if call["method"] != "GET"]
    assert stage.setup.apply() == []
    assert [call for call in stage.calls("/open-apis/") if call["method"] != "GET"] == writes


def test_plan_changes_nothing(bare: Stage) -> None:
    """Looking at the plan of an empty tenant creates nothing and reads as sentences."""
    lines = readable(bare.setup.plan())
    assert lines[0] == "1. 新建多维表格「运营中台」（时区 Asia/Shanghai）"
    assert any("表「处理任务」新增表单「提任务」，填写：标题、计划" in line for line in lines)
    assert bare.sandbox.world.bitable.bases == {}


def test_columns_stand_in_spec_order_without_blank_rows(build: Callable[[Specs], Stage]) -> None:
    """Columns are in the order of the spec, a formula in the middle too, and a new table has no rows."""
    fields = (
        FieldSpec("a", "甲", Kind.NUMBER),
        FieldSpec("twice", "两倍", Kind.FORMULA, formula="{a}*2"),
        FieldSpec("b", "乙", Kind.TEXT),
    )
    stage = build(Specs((TableSpec("plans", "表", fields),)))
    stage.setup.apply()
    bound = stage.sync.bindings.require("plans")
    names = [f["field_name"] for f in stage.feishu.bitable.list_fields(bound.app_token, bound.table_id)]
    assert names == ["甲", "两倍", "乙"]
    assert stage.rows() == []


def test_formula_works_by_field_id(stage: Stage) -> None:
    """The formula column computes from the columns it names, and goes on doing so after a rename."""
    made = stage.add(计划ID="p1", 消耗=100, 成交=250)
    stage.rename("spend", "花费")
    stage.sync.bindings.refresh("plans")
    stage.sync.puller.pull("plans")
    row = stage.sync.mirror.get("plans", made)
    assert row is not None
    assert str(row.values["roi"]) == "2.5"


def test_form_asks_what_the_spec_says(stage: Stage) -> None:
    """The form shows exactly its questions, required where the spec says so."""
    bound = stage.sync.bindings.require("tasks")
    views = stage.feishu.bitable.list_views(bound.app_token, bound.table_id)
    form = next(view for view in views if view["view_type"] == "form")
    questions = stage.feishu.bitable.list_form_fields(bound.app_token, bound.table_id, form["view_id"])
    shown = {q["title"]: q["required"] for q in questions if q["visible"]}
    assert shown == {"标题": True, "计划": False}


def test_interrupted_run_is_continued(bare: Stage) -> None:
    """A run that broke off in the middle is continued by the next, without a second base or table."""
    bare.fault("*/fields", kind="code", code=1254302, status=403, times=1)
    with pytest.raises(Exception, match="Feishu"):
        bare.setup.apply()
    bare.sandbox.world.control.faults.clear()
    bare.setup.apply()
    assert bare.setup.plan() == []
    assert len(bare.sandbox.world.bitable.bases) == 1
    fields = [f["field_name"] for f in bare.feishu.bitable.list_fields(bare.setup.base(), bare.table())]
    assert sorted(fields) == sorted(field.name for field in PLANS.fields)


def test_a_base_that_is_busy_for_a_moment_is_waited_for(bare: Stage) -> None:
    """Refusals that pass (roles just switched on, a write conflict) do not end the run."""
    bare.fault(path="*/tables", kind="code", code=1254291, status=200, times=2)
    bare.fault(path="*/subscribe", kind="code", code=1254301, status=200, times=1)
    bare.setup.apply()
    assert bare.setup.plan() == []


def test_a_step_that_is_repeated_goes_on_with_what_it_made(bare: Stage) -> None:
    """The form and the table were made, what follows was refused for a moment: nothing is made twice."""
    bare.fault(path="*/forms/*/fields", kind="code", code=1254291, status=200, times=1)
    bare.fault(path="*/fields", kind="code", code=1254291, status=200, times=1)
    bare.setup.apply()
    assert bare.setup.plan() == []
    names = [table["name"] for table in bare.feishu.bitable.list_tables(bare.app)]
    assert (names.count(PLANS.name), names.count(TASKS.name)) == (1, 1)


def test_options_are_added_keeping_peoples(stage: Stage, build: Callable[[Specs], Stage]) -> None:
    """A new option in the spec is added; options people made, and cells that use them, stay."""
    made = stage.add(计划ID="p1", 标签=["我的"])
    fields = tuple(
        FieldSpec("tags", "标签", Kind.MULTI_SELECT, options=("主推", "清仓", "新品"), open_options=True)
        if f.key == "tags" else f for f in PLANS.fields
    )  # fmt: skip
    specs = Specs((TableSpec("plans", PLANS.name, fields, PLANS.business_key, PLANS.views), TASKS))
    later = build(specs)
    assert [step.line for step in later.setup.plan()] == ["表「计划日报」的列「标签」新增选项：新品"]
    later.setup.apply()
    assert later.setup.plan() == []
    assert stage.cell(made, "标签") == ["我的"]
    assert set(later.sync.bindings.require("plans").fields["tags"].options) == {
        "主推",
        "清仓",
        "我的",
        "新品",
    }


def test_renamed_column_and_table_are_left_alone(stage: Stage) -> None:
    """What people renamed is not renamed back and not created anew."""
    stage.rename("spend", "花费")
    bound = stage.sync.bindings.require("plans")
    table = f"/open-apis/bitable/v1/apps/{bound.app_token}/tables/{bound.table_id}"
    assert raw_call(fresh_client(stage.sandbox), "PATCH", table, {"name": "我的计划"}).status_code == 200
    assert stage.setup.plan() == []
    stage.setup.apply()
    assert stage.sync.bindings.require("plans").name == "我的计划"


def test_deleted_column_is_created_again(stage: Stage) -> None:
    """Setup brings a deleted column back and binds it."""
    stage.drop("gmv", "plans")
    assert [step.do for step in stage.setup.plan()] == ["field"]
    stage.setup.apply()
    assert stage.sync.bindings.require("plans").fields["gmv"].state == "ok"
    assert stage.sync.bindings.findings.all("plans") == []


def test_column_of_wrong_type_is_told_not_touched(stage: Stage) -> None:
    """A retyped column is for a person to settle: told, not changed."""
    stage.retype("gmv", 1)
    (step,) = stage.setup.plan()
    assert step.do == "blocked"
    assert "「成交」是文本，应为数字" in step.line
    stage.setup.apply()
    assert stage.setup.plan() == [step]


def test_existing_tables_are_adopted_by_name(stage: Stage) -> None:
    """A database that forgot everything finds base tables and columns by name and creates none again."""
    with stage.floor.db.begin() as conn:
        for name in ("bitable_fields", "bitable_tables"):
            conn.exec_driver_sql(f"DELETE FROM {name}")  # noqa: S608 - fixed names
    assert {step.do for step in stage.setup.plan()} == {"bind", "bind_field"}
    stage.setup.apply()
    assert stage.setup.plan() == []


def test_lost_subscription_is_renewed(stage: Stage) -> None:
    """A subscription that is gone is a step of the plan."""
    stage.feishu.drive.unsubscribe(stage.setup.base())
    assert [step.do for step in stage.setup.plan()] == ["subscribe"]
    stage.setup.apply()
    assert stage.feishu.drive.is_subscribed(stage.setup.base())


def test_log_table_tells_about_whole_tables(build: Callable[[Specs], Stage]) -> None:
    """With a log table in the specs, a deleted column is told there, and settled there when it is back."""
    stage = build(LOGGED)
    stage.setup.apply()
    stage.sync.puller.pull("plans")
    stage.drop("gmv")
    stage.sync.changes.handle_fields([stage.field_event()])
    (row,) = stage.rows("sync_log")
    assert "缺少列「成交」" in row["fields"]["说明"][0]["text"]
    stage.setup.apply()
    stage.sync.puller.pull("plans")
    assert stage.rows("sync_log")[0]["fields"]["说明"][0]["text"] == "已解决"


def test_first_column_must_be_able_to_be_an_index() -> None:
    """A spec whose first column cannot be a table's index column is refused in words."""
    spec = TableSpec("t", "表", (FieldSpec("a", "甲", Kind.SELECT),))
    with pytest.raises(ConfigError, match="index"):
        initial_fields(spec)
