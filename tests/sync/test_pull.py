"""Pull: the whole table into the mirror, restarts, vanished rows."""

from datetime import timedelta

import pytest

from bitable_sync.cells import EMPTY, Unreadable
from runtime.errors import ConfigError
from tests.sync.conftest import Stage

pytestmark = pytest.mark.db


def fill(stage: Stage, count: int) -> list[str]:
    """Rows put into the table behind the product's back."""
    world = stage.sandbox.world
    base, table = world.bitable.base(stage.app), stage.table()
    place = world.bitable.table(base, table)
    rows = [{"计划ID": f"p{n:06d}", "消耗": n} for n in range(count)]
    return [record.id for record in world.bitable._add(base, place, stage.open_id, rows, tell=False)]


def test_reads_all_pages(stage: Stage) -> None:
    """1,200 rows are three pages of at most 500, and every row is in the mirror afterwards."""
    ids = fill(stage, 1200)
    report = stage.sync.puller.pull("plans")
    assert report.rows == 1200
    assert {row.record_id for row in stage.sync.mirror.rows("plans")} == set(ids)
    assert [call["query"]["page_size"] for call in stage.calls("/records/search")][-3:] == ["500"] * 3


def test_age_and_revision(stage: Stage) -> None:
    """Nothing pulled = age unknown; afterwards the age counts from the begin of the pull."""
    assert stage.sync.mirror.age("plans", stage.clock.now()) is None
    stage.sync.puller.pull("plans")
    before = stage.sync.mirror.revision("plans")
    stage.clock.advance(90)
    assert stage.sync.mirror.age("plans", stage.clock.now()) == timedelta(seconds=90)
    stage.add(计划ID="p1")
    stage.sync.puller.pull("plans")
    assert stage.sync.mirror.revision("plans") > before


@pytest.mark.parametrize("code", [1254030, 1254002])
def test_stale_page_token_restarts_the_scan(stage: Stage, code: int) -> None:
    """A refused page token begins the scan again from the first page; no row is lost or doubled."""
    fill(stage, 700)
    stage.fault("*/records/search", kind="code", code=code, skip=1, times=1)
    report = stage.sync.puller.pull("plans")
    assert len(stage.sync.mirror.rows("plans")) == report.rows == 700


def test_a_pause_asked_for_in_the_middle_of_a_scan_is_kept_and_the_scan_goes_on(stage: Stage) -> None:
    """429 with the seconds: the page is asked for again after them, and no page twice because of it."""
    fill(stage, 700)
    pause = {"status": 429, "headers": {"x-ogw-ratelimit-reset": "3"}}
    stage.fault("*/records/search", kind="code", code=99991400, skip=1, times=1, **pause)
    before, began = len(stage.calls("/records/search")), stage.clock.now()
    assert stage.sync.puller.pull("plans").rows == 700
    assert len(stage.calls("/records/search")) - before == 3
    assert (stage.clock.now() - began).total_seconds() >= 3


def test_row_deleted_by_a_person_is_forgotten_after_confirmation(stage: Stage) -> None:
    """A vanished row is asked for by id before it is forgotten."""
    ids = fill(stage, 5)
    stage.sync.puller.pull("plans")
    stage.delete(ids[0])
    stage.clock.advance(1)
    report = stage.sync.puller.pull("plans")
    assert (report.removed, report.kept) == (1, 0)
    assert stage.calls("batch_get")[-1]["body"]["record_ids"] == [ids[0]]
    assert stage.sync.mirror.get("plans", ids[0]) is None


def test_mass_delete_is_kept_and_told(stage: Stage) -> None:
    """More rows vanished than the guard allows: kept, told in words, until a person agrees."""
    ids = fill(stage, 10)
    stage.sync.puller.pull("plans")
    for record_id in ids[:6]:
        stage.delete(record_id)
    stage.clock.advance(1)
    report = stage.sync.puller.pull("plans")
    assert (report.removed, report.kept) == (0, 6)
    assert "一次少了 6 行" in report.findings[0]
    assert len(stage.sync.mirror.rows("plans")) == 10
    stage.clock.advance(1)
    agreed = stage.sync.puller.pull("plans", accept_deletes=True)
    assert (agreed.removed, agreed.findings) == (6, ())
    assert len(stage.sync.mirror.rows("plans")) == 4


def test_row_written_while_pulling_is_not_overwritten(stage: Stage) -> None:
    """A page read before our own write ended does not bring the old value back into the mirror."""
    (record_id,) = fill(stage, 1)
    started = stage.clock.now()
    stage.sync.puller.pull("plans")
    stage.clock.advance(5)
    stage.sync.mirror.merge("plans", {record_id: {"name": "新"}}, seen_at=stage.clock.now())
    stage.sync.mirror.put_raw("plans", {record_id: {"name": "旧"}}, seen_at=started, generation=9)
    row = stage.sync.mirror.get("plans", record_id)
    assert row is not None
    assert row.values["name"] == "新"


def test_renamed_column_is_pulled_under_its_new_name(stage: Stage) -> None:
    """A rename between two pulls costs one look at the schema, not the column's data."""
    fill(stage, 2)
    stage.sync.puller.pull("plans")
    stage.rename("spend", "花费")
    stage.sync.puller.pull("plans")
    assert {row.values["spend"] for row in stage.sync.mirror.rows("plans")} == {0, 1}


def test_retyped_column_reads_as_unreadable_and_is_told(stage: Stage) -> None:
    """A number column made into text.

    Text in it is unreadable in words, other columns go on, people are told.
    """
    made = stage.add(计划ID="p1", 消耗=12, 计划名称="好")
    stage.retype("spend", 1)
    stage.edit(made, 消耗="很多")
    stage.sync.changes.handle_fields([stage.field_event()])
    row = stage.sync.mirror.get("plans", made)
    assert row is not None
    assert isinstance(row.values["spend"], Unreadable)
    assert "「消耗」应为数字，现在是文字“很多”" in row.values["spend"].reason
    assert row.values["name"] == "好"
    assert row.values["gmv"] is EMPTY
    assert "「消耗」应为数字，现在是文本" in stage.cell(made, "同步问题")[0]["text"]


def test_unbound_table_says_run_setup(bare: Stage) -> None:
    """Pulling before setup is a sentence that names setup."""
    with pytest.raises(ConfigError, match="chorus setup"):
        bare.sync.puller.pull("plans")


def test_what_a_clock_that_was_ahead_saw_is_overwritten_and_may_vanish(stage: Stage) -> None:
    """An hour ahead for a moment: afterwards cells change again, and a deleted row is noticed."""
    kept, gone = stage.add(计划ID="p1", 消耗=1), stage.add(计划ID="p2")
    stage.clock.advance(3600)
    stage.sync.puller.pull("plans")
    stage.clock.advance(-3600)
    stage.edit(kept, 消耗=2)
    stage.delete(gone)
    stage.sync.puller.pull("plans")
    (row,) = stage.sync.mirror.rows("plans")
    assert (row.record_id, row.values["spend"]) == (kept, 2)
