"""Push: upsert by business key, only differences, nothing twice."""

from dataclasses import replace
from decimal import Decimal

import pytest

from bitable_sync.cells import EMPTY, Person, UnwritableError, Url
from bitable_sync.diff import token
from runtime.errors import ConfigError
from tests.sync.conftest import Stage

pytestmark = pytest.mark.db


def plan(n: int, **more):
    """A row of the plans table."""
    return {"plan_id": f"1790{n}", "name": f"计划{n}", "spend": Decimal("100.5"), **more}


def test_creates_then_changes_only_what_differs(stage: Stage) -> None:
    """A first push creates the rows; a second sends only the row that differs, and of it only that cell."""
    first = stage.sync.pusher.upsert("plans", [plan(1), plan(2)], cause="c1")
    assert len(first.created) == 2
    assert not first.updated
    second = stage.sync.pusher.upsert("plans", [plan(1), plan(2, spend=Decimal(200))], cause="c2")
    assert (second.created, len(second.updated), second.unchanged) == ((), 1, 1)
    sent = stage.calls("batch_update")[-1]["body"]["records"]
    assert [list(record["fields"]) for record in sent] == [["消耗"]]
    assert stage.cell(second.updated[0], "消耗") == 200


def test_same_state_sends_nothing(stage: Stage) -> None:
    """Pushing what already stands makes no call at all, however the number is written."""
    stage.sync.pusher.upsert("plans", [plan(1)], cause="c1")
    before = len(stage.calls("/records/"))
    report = stage.sync.pusher.upsert("plans", [plan(1, spend=Decimal("100.50"))], cause="c2")
    assert report.unchanged == 1
    assert len(stage.calls("/records/")) == before


def test_mirror_holds_what_was_written(stage: Stage) -> None:
    """Rules can read the new values from the mirror right after the push, without a pull."""
    owner = Person(stage.open_id, "甲")
    stage.sync.pusher.upsert("plans", [plan(1, owner=(owner,), status="投放中", hot=True)], cause="c1")
    (row,) = stage.sync.mirror.find("plans", {"plan_id": "17901"})
    assert row.values["spend"] == Decimal("100.5")
    assert row.values["owner"] == (owner,)
    assert row.values["hot"] is True
    assert row.values["gmv"] is EMPTY


def test_empty_clears_a_cell(stage: Stage) -> None:
    """EMPTY really clears the cell in the base; a column left out stays as it is."""
    made = stage.sync.pusher.upsert("plans", [plan(1, link=Url("a", "https://a.cn"))], cause="c1").created[0]
    stage.sync.pusher.upsert("plans", [{"plan_id": "17901", "link": EMPTY}], cause="c2")
    assert stage.cell(made, "链接") is None
    assert stage.cell(made, "消耗") == 100.5


def test_duplicate_key_is_told_not_guessed(stage: Stage) -> None:
    """Two rows with one key: neither is written, the report names both, both rows carry a sentence."""
    one, two = stage.add(计划ID="17901"), stage.add(计划ID="17901")
    stage.sync.puller.pull("plans")
    report = stage.sync.pusher.upsert("plans", [plan(1), plan(2)], cause="c1")
    assert set(report.conflicts[0].record_ids) == {one, two}
    assert len(report.created) == 1
    assert stage.cell(one, "消耗") is None
    for row in (one, two):
        assert "有 2 行" in stage.cell(row, "同步问题")[0]["text"]
    stage.delete(two)
    stage.clock.advance(1)
    stage.sync.puller.pull("plans")
    assert stage.cell(one, "同步问题") is None


def test_unknown_option_is_refused_and_others_go(stage: Stage) -> None:
    """A status that is no option is not sent (it would create one); the other rows are written."""
    report = stage.sync.pusher.upsert("plans", [plan(1, status="投放"), plan(2)], cause="c1")
    assert len(report.created) == 1
    assert "没有选项“投放”" in report.refused[0]
    open_column = stage.sync.pusher.upsert("plans", [plan(3, tags=("新品",))], cause="c2")
    assert stage.cell(open_column.created[0], "标签") == ["新品"]


def strangers(stage: Stage) -> dict[str, str]:
    """Whom the platform refused, by open_id, as people can read it."""
    found = stage.sync.bindings.findings.all("plans")
    return {f.subject: f.sentence for f in found if f.kind == "stranger"}


def test_a_stranger_keeps_nobody_else_back(stage: Stage) -> None:
    """A batch that names a colleague the application cannot see is written without that one; it is told."""
    gone, here = Person("ou_left", "赵离"), Person(stage.open_id, "甲")
    rows = [plan(n, owner=(gone if n in (7, 20, 41) else here,)) for n in range(50)]
    report = stage.sync.pusher.upsert("plans", rows, cause="c1")
    assert len(report.created) == 50
    assert len(report.refused) == 1
    assert "17907" in report.refused[0]
    for record_id, row in zip(report.created, rows, strict=True):
        shown = stage.cell(record_id, "负责人")
        assert (shown is None) is (row["owner"] == (gone,))
        assert stage.cell(record_id, "消耗") == 100.5
    assert "赵离已离职或不在应用的可用范围内" in strangers(stage)["ou_left"]


def test_who_is_named_beside_a_stranger_stays(stage: Stage) -> None:
    """Of two people responsible the one whom the platform took in another row is kept."""
    gone, here = Person("ou_left", "赵离"), Person(stage.open_id, "甲")
    rows = [plan(1, owner=(here,)), plan(2, owner=(here, gone))]
    made = stage.sync.pusher.upsert("plans", rows, cause="c1").created
    assert [each["id"] for each in stage.cell(made[1], "负责人")] == [stage.open_id]
    assert list(strangers(stage)) == ["ou_left"]


def test_a_stranger_is_forgotten_once_taken(stage: Stage) -> None:
    """An update as well; the note goes when the platform takes the person again."""
    stage.sync.pusher.upsert("plans", [plan(1), plan(2)], cause="c1")
    newcomer = Person("ou_newcomer", "钱新")
    rows = [plan(1, owner=(newcomer,), spend=Decimal(7)), plan(2, spend=Decimal(8))]
    done = stage.sync.pusher.upsert("plans", rows, cause="c2").updated
    assert [stage.cell(record_id, "消耗") for record_id in done] == [7, 8]
    assert list(strangers(stage)) == ["ou_newcomer"]
    people = stage.sandbox.world.people
    people["ou_newcomer"] = replace(people[stage.open_id], open_id="ou_newcomer", name="钱新")
    stage.sync.pusher.upsert("plans", rows, cause="c3")
    assert stage.cell(done[0], "负责人")[0]["id"] == "ou_newcomer"
    assert strangers(stage) == {}


def test_row_without_key_stops_before_the_first_call(stage: Stage) -> None:
    """A row without its business key is an error of the caller; nothing of the batch is sent."""
    before = len(stage.calls("/records/"))
    with pytest.raises(UnwritableError, match="plan_id"):
        stage.sync.pusher.upsert("plans", [plan(1), {"name": "无主"}], cause="c1")
    assert len(stage.calls("/records/")) == before


def test_lost_answer_is_looked_up(stage: Stage) -> None:
    """The work was done but the answer was cut: the rows are found by key, not created twice."""
    stage.sync.puller.pull("plans")
    stage.fault("*/records/batch_create", kind="drop_after", times=1)
    report = stage.sync.pusher.upsert("plans", [plan(n) for n in range(60)], cause="c1")
    assert len(report.created) == 60
    assert len(stage.rows()) == 60
    assert len(stage.sync.mirror.rows("plans")) == 60


def test_lost_before_it_arrived_is_sent_again(stage: Stage) -> None:
    """The request never got through: the look-up finds nothing, the rows are sent again, once."""
    stage.sync.puller.pull("plans")
    stage.fault("*/records/batch_create", kind="drop_before", times=1)
    stage.sync.pusher.upsert("plans", [plan(1), plan(2)], cause="c1")
    assert sorted(row["fields"]["计划ID"][0]["text"] for row in stage.rows()) == ["17901", "17902"]


def test_crash_after_the_create_does_not_repeat_it(stage: Stage) -> None:
    """The process died between the create and the mirror: the next push looks the key up before creating."""
    stage.sync.puller.pull("plans")
    stage.sync.pusher._begin("plans", ["17901"])
    made = stage.add(计划ID="17901")
    report = stage.sync.pusher.upsert("plans", [plan(1)], cause="c1")
    assert (report.created, report.updated) == ((), (made,))
    assert len(stage.rows()) == 1


def test_renamed_column_keeps_working(stage: Stage) -> None:
    """A person renamed a column: the write is repeated under the new name and nothing is lost."""
    made = stage.sync.pusher.upsert("plans", [plan(1)], cause="c1").created[0]
    stage.rename("spend", "花费（元）")
    stage.sync.pusher.upsert("plans", [plan(1, spend=Decimal(300), name="改名后")], cause="c2")
    assert stage.cell(made, "花费（元）") == 300
    assert stage.cell(made, "计划名称")[0]["text"] == "改名后"


def test_deleted_column_is_told_and_others_go_on(stage: Stage) -> None:
    """A deleted column is named in a sentence in the table; every other column is still written."""
    made = stage.sync.pusher.upsert("plans", [plan(1)], cause="c1").created[0]
    stage.drop("spend")
    stage.sync.pusher.upsert("plans", [plan(1, spend=Decimal(300), name="还在")], cause="c2")
    assert stage.cell(made, "计划名称")[0]["text"] == "还在"
    assert "缺少列「消耗」" in stage.cell(made, "同步问题")[0]["text"]
    assert [f.subject for f in stage.sync.bindings.findings.all("plans")] == ["spend"]


def test_deleted_row_does_not_stop_its_batch(stage: Stage) -> None:
    """A batch is all or nothing on the wire; a row somebody deleted is dropped and the others are written."""
    one, two = stage.sync.pusher.upsert("plans", [plan(1), plan(2)], cause="c1").created
    stage.delete(one)
    rows = [plan(1, name="x"), plan(2, name="y")]
    assert stage.sync.pusher.upsert("plans", rows, cause="c2").updated == (two,)
    assert len(stage.sync.pusher.upsert("plans", rows, cause="c3").created) == 1


def test_missing_key_column_is_a_clear_sentence(stage: Stage) -> None:
    """Without its key column a table cannot be pushed to; the sentence says what to do."""
    stage.retype("plan_id", 2)
    stage.sync.bindings.refresh("plans")
    with pytest.raises(ConfigError, match="「计划ID」应为文本，现在是数字"):
        stage.sync.pusher.upsert("plans", [plan(1)], cause="c1")


def test_write_sets_single_cells(stage: Stage) -> None:
    """``write`` sends only cells that differ and tells whether anything was sent."""
    made = stage.sync.pusher.upsert("plans", [plan(1)], cause="c1").created[0]
    assert stage.sync.pusher.write("plans", made, {"hot": True, "spend": Decimal("100.5")})
    assert list(stage.calls("batch_update")[-1]["body"]["records"][0]["fields"]) == ["重点"]
    assert not stage.sync.pusher.write("plans", made, {"hot": True})
    with pytest.raises(UnwritableError):
        stage.sync.pusher.write("plans", made, {"status": "不存在"})


def test_large_push_goes_in_batches_of_500(stage: Stage) -> None:
    """1,100 rows are three calls, and the client_token of a batch is a uuid4 fixed by content and cause."""
    rows = [plan(n) for n in range(1100)]
    assert len(stage.sync.pusher.upsert("plans", rows, cause="c1").created) == 1100
    calls = stage.calls("batch_create")
    assert [len(call["body"]["records"]) for call in calls] == [500, 500, 100]
    assert token("a", {"b": Decimal(1)}) == token("a", {"b": Decimal(1)}) != token("a", {"b": Decimal(2)})
    assert token("a")[14] == "4"
