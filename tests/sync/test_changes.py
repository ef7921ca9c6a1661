"""Events are hints: re-read, compared, and only real differences are told."""

from decimal import Decimal

import pytest

from bitable_sync.changes import Change
from bot.model import Event
from runtime.ids import EventId
from tests.sync.conftest import Stage

pytestmark = pytest.mark.db


@pytest.fixture
def heard(stage: Stage) -> list[Change]:
    """Everything the listener of the plans table was told."""
    told: list[Change] = []
    stage.sync.puller.pull("plans")
    stage.sync.changes.on_change("plans", told.extend)
    return told


def test_edit_is_told_once_with_before_and_after(stage: Stage, heard: list[Change]) -> None:
    """Many events about one edit are one look and one change."""
    made = stage.add(计划ID="p1", 消耗=1)
    stage.sync.changes.handle_records([stage.hint(made, action="record_added")])
    stage.edit(made, 消耗=2)
    stage.clock.advance(1)
    stage.sync.changes.handle_records([stage.hint(made), stage.hint(made), stage.hint(made)])
    assert [(c.before and c.before.values["spend"], c.after and c.after.values["spend"]) for c in heard] == [
        (None, 1),
        (1, 2),
    ]
    assert heard[1].fields() == ("spend",)
    assert len(stage.calls("batch_get")) == 2


def test_echo_of_our_own_write_is_no_change(stage: Stage) -> None:
    """The events of our own push find the mirror already so; nobody is told."""
    told: list[Change] = []
    stage.sync.changes.on_change("tasks", told.extend)
    report = stage.sync.pusher.upsert("tasks", [{"title": "补货", "share": Decimal("0.25")}], cause="c")
    stage.clock.advance(1)
    stage.sync.changes.handle_records([stage.hint(*report.created, key="tasks", action="record_added")])
    assert told == []
    (row,) = stage.sync.mirror.rows("tasks")
    assert row.values["number"] == "1"


def test_formula_computed_after_our_write_is_news(stage: Stage, heard: list[Change]) -> None:
    """Of the echo only what the platform computed since is told: a rule on the formula must see it."""
    values = {"plan_id": "p1", "spend": Decimal(2), "gmv": Decimal(5)}
    report = stage.sync.pusher.upsert("plans", [values], cause="c")
    stage.clock.advance(1)
    stage.sync.changes.handle_records([stage.hint(*report.created, action="record_added")])
    assert [c.fields() for c in heard] == [("roi",)]
    assert heard[0].after is not None
    assert heard[0].after.values["roi"] == Decimal("2.5")


def test_genuine_edit_right_after_our_write_is_told(stage: Stage, heard: list[Change]) -> None:
    """An edit in the same second as our write is not taken for its echo."""
    (made,) = stage.sync.pusher.upsert("plans", [{"plan_id": "p1", "spend": Decimal(1)}], cause="c").created
    stage.edit(made, 消耗=9)
    stage.sync.changes.handle_records([stage.hint(made)])
    assert [c.after and c.after.values["spend"] for c in heard] == [9]


def test_late_and_double_events_are_harmless(stage: Stage, heard: list[Change]) -> None:
    """Events that come after their content is known change nothing, in any order."""
    made = stage.add(计划ID="p1")
    stage.sync.changes.handle_records([stage.hint(made)])
    stage.sync.changes.handle_records([stage.hint(made, action="record_added"), stage.hint(made)])
    assert len(heard) == 1


def test_delete_is_confirmed(stage: Stage, heard: list[Change]) -> None:
    """A delete event for a row that still exists is ignored; a true delete is told with what was there."""
    made = stage.add(计划ID="p1")
    stage.sync.changes.handle_records([stage.hint(made, action="record_deleted")])
    assert heard[-1].after is not None
    stage.delete(made)
    stage.sync.changes.handle_records([stage.hint(made, action="record_deleted")])
    assert heard[-1].after is None
    assert heard[-1].before is not None
    assert heard[-1].before.values["plan_id"] == "p1"


def test_mass_delete_by_events_is_kept(stage: Stage, heard: list[Change]) -> None:
    """Many deletes at once are kept until a person has looked, as in a pull."""
    ids = [stage.add(计划ID=f"p{n}") for n in range(6)]
    stage.sync.changes.handle_records([stage.hint(*ids)])
    for record_id in ids:
        stage.delete(record_id)
    stage.sync.changes.handle_records([stage.hint(*ids, action="record_deleted")])
    assert len(heard) == 6
    assert len(stage.sync.mirror.rows("plans")) == 6
    assert [f.kind for f in stage.sync.bindings.findings.all("plans")] == ["mass_delete"]


def test_unknown_table_is_ignored(stage: Stage, heard: list[Change]) -> None:
    """Events of tables that are not ours cost no call."""
    before = len(stage.calls("/records/"))
    body = {"file_token": "other", "table_id": "tblX", "action_list": [{"record_id": "rec1"}]}
    stage.sync.changes.handle_records([Event(EventId("e"), "x", stage.clock.now(), body)])
    stage.sync.changes.handle_fields([Event(EventId("e"), "x", stage.clock.now(), body)])
    assert len(stage.calls("/records/")) == before
    assert heard == []


def test_listener_that_failed_is_told_again(stage: Stage) -> None:
    """A crash between mirror and listener repeats the telling instead of losing it."""
    stage.sync.puller.pull("plans")
    told: list[Change] = []
    calls = iter([True, False])

    def listener(changes: list[Change]) -> None:
        if next(calls):
            raise RuntimeError("down")
        told.extend(changes)

    stage.sync.changes.on_change("plans", listener)
    made = stage.add(计划ID="p1")
    event = stage.hint(made)
    with pytest.raises(RuntimeError):
        stage.sync.changes.handle_records([event])
    stage.sync.changes.handle_records([event])
    assert [c.record_id for c in told] == [made]
    assert told[0].before is None


def test_field_event_renews_names(stage: Stage, heard: list[Change]) -> None:
    """After a rename event the next write uses the new name at the first attempt."""
    made = stage.add(计划ID="p1")
    stage.sync.puller.pull("plans")
    stage.rename("spend", "花费")
    stage.sync.changes.handle_fields([stage.field_event()])
    before = len(stage.calls("batch_update"))
    stage.sync.pusher.write("plans", made, {"spend": Decimal(3)})
    assert len(stage.calls("batch_update")) == before + 1
    assert stage.cell(made, "花费") == 3


def test_a_row_read_before_the_rename_event_came_is_read_by_the_new_name(
    stage: Stage, heard: list[Change]
) -> None:
    """The edit's event overtakes the rename's: the renamed cell is not empty; the schema is read once."""
    made = stage.add(计划ID="p1", 消耗=1)
    stage.sync.changes.handle_records([stage.hint(made, action="record_added")])
    stage.rename("spend", "花费")
    stage.edit(made, 花费=2)
    stage.clock.advance(1)
    stage.sync.changes.handle_records([stage.hint(made)])
    assert [c.after and c.after.values["spend"] for c in heard] == [1, 2]
    before = len(stage.calls("fields"))
    stage.edit(made, 花费=3)
    stage.clock.advance(1)
    stage.sync.changes.handle_records([stage.hint(made)])
    assert heard[-1].after is not None
    assert heard[-1].after.values["spend"] == 3
    assert len(stage.calls("fields")) == before
