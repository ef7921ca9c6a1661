"""Checks on a real database: edits and rows become alerts, notices and audit, each once."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from bitable_sync.cells import EMPTY
from bitable_sync.changes import Change
from bitable_sync.mirror import ROWS, STATE
from rules import store, tables
from rules.check import Policy
from rules.evaluate import evaluate_all
from rules.model import Doubt, Reason, Severity, State
from rules.parse import RuleText
from rules.specs import PLANS, RULES, STOCK
from rules.store import new_alert, note_pull
from rules.views import load_view, trend
from runtime import tables as floor_tables
from runtime.ids import RuleId
from tests.rules.kit import LI, ROI_RULE, START, STOCK_RULE, WANG, ZHAO, House, plan, sku

pytestmark = pytest.mark.db


def changed(text: RuleText = ROI_RULE, **columns: object) -> RuleText:
    """The rule text with some columns changed."""
    return RuleText(**{**text.to_json(), **columns})  # type: ignore[arg-type]


def test_a_row_over_the_line_fires_and_tells_its_owner_once(house: House) -> None:
    """State, notice, audit and work stand together; the same event again adds nothing."""
    house.write_rule()
    house.write_plan()
    alert = house.alert()
    assert (alert.state, alert.value, alert.owners) == (State.FIRING, Decimal(2), (WANG,))
    assert [(notice.receiver, notice.kind) for notice in house.notices()] == [("ou_wang", "fired")]
    assert len(house.works("notify:")) == 1
    audit = house.rows(floor_tables.audit, subject=f"alert:{alert.id}")
    assert [row.reason for row in audit] == ["fired"]
    house.write_plan()
    house.checker.scan()
    assert len(house.notices()) == 1
    assert len(house.rows(floor_tables.audit, subject=f"alert:{alert.id}")) == 1


def test_the_event_path_and_the_scan_agree(house: House) -> None:
    """Rows that came by events leave nothing for a scan to decide."""
    house.write_rule()
    house.write_rule(STOCK_RULE, "rec_stock")
    for number in range(20):
        house.write_plan(str(number), gmv=Decimal(150 * number), spend=Decimal(number % 5 * 300))
    before = house.rows(tables.alerts)
    house.checker.scan()
    assert house.rows(tables.alerts) == before


def test_a_recovered_number_resolves_and_closes_the_episode(house: House) -> None:
    """The end is written with value, time and reason; nobody gets another message."""
    house.write_rule()
    house.write_plan()
    house.advance(timedelta(minutes=5))
    house.write_plan(gmv=Decimal(4000))
    assert (house.alert().state, house.alert().reason) == (State.RESOLVED, Reason.RECOVERED)
    episode = house.rows(tables.alert_episodes)[0]
    assert (episode.fired_value, episode.resolved_value, episode.reason) == (
        Decimal(2),
        Decimal(4),
        "recovered",
    )
    assert len(house.notices()) == 1


@pytest.mark.parametrize("edit", [{"threshold": "1:1"}, {"enabled": False}, None])
def test_a_rule_changed_while_it_was_judged_decides_nothing(
    house: House, edit: dict[str, object] | None
) -> None:
    """Findings of the former version are dropped: the edit, or the deletion, looks at everything itself."""
    house.write_rule()
    (rule,) = house.checker.rules(PLANS)
    house.put(PLANS, {"rec_1001": plan()})
    rows = house.mirror.rows(PLANS)
    (findings,) = evaluate_all([rule], rows, house.checker.ground(PLANS, [rule], ()))
    if edit is None:
        house.mirror.remove(RULES, ["rec_roi"])
        house.reviewer.review()
    else:
        house.write_rule(changed(**edit))
    house.checker.apply(rule, findings, rows, gone=())
    assert [alert.state for alert in house.open()] == []
    assert house.notices() == []


def test_a_threshold_edited_while_firing_keeps_the_alert(house: House) -> None:
    """The next check uses the new number; the same alert goes on, or ends by that name."""
    house.write_rule()
    house.write_plan()
    first = house.alert()
    house.write_rule(changed(threshold="1:2.5"))
    assert (house.alert().id, house.alert().state, house.alert().limit) == (
        first.id,
        State.FIRING,
        Decimal("2.5"),
    )
    assert house.alert().reason is Reason.THRESHOLD_MOVED
    house.write_rule(changed(threshold="1:1"))
    assert (house.alert().state, house.alert().reason) == (State.RESOLVED, Reason.THRESHOLD_CLEARED)
    assert len(house.notices()) == 1
    assert len(house.rows(tables.rule_versions)) == 3


def test_an_invalid_edit_is_told_in_the_row_and_the_last_good_version_stays(house: House) -> None:
    """The rule goes on with 1:3 while the row says 很低, and takes the next good edit."""
    house.write_rule()
    house.write_rule(changed(threshold="很低"))
    assert house.say().startswith("无效：【阈值】看不懂“很低”")
    assert "上一个有效版本继续生效" in house.say()
    house.write_plan()
    assert house.alert().state is State.FIRING
    house.write_rule(changed(threshold="1:1"))
    assert house.say() == "有效，当前会触发 0 个对象"
    assert house.alert().state is State.RESOLVED


def test_a_rule_that_never_was_valid_does_nothing(house: House) -> None:
    """The row says so."""
    house.write_rule(changed(metric="点击率"))
    house.write_plan()
    assert house.rows(tables.alerts) == []
    assert "还没有生效" in house.say()


def test_the_preview_counts_what_the_rule_would_do(house: House) -> None:
    """校验结果 tells how many objects fire now, how many cannot be judged, and with which example."""
    house.put(PLANS, {"a": plan("1"), "b": plan("2", gmv=Decimal(9000)), "c": plan("3")})
    house.spoil(PLANS, "c", "gmv", "abc")
    house.write_rule(changed(enabled=False))
    assert house.say().startswith("有效，但未启用；启用后会触发 1 个对象；1 个无法判断，例如 3：“成交金额”")
    assert "abc" in house.say()
    house.write_rule()
    assert house.say().startswith("有效，当前会触发 1 个对象；1 个无法判断")


def test_a_scope_that_fits_nothing_is_pointed_out(house: House) -> None:
    """A valid rule that watches nobody is probably a mistake."""
    house.put(PLANS, {"a": plan("1")})
    house.write_rule(changed(scope="平台=京东"))
    assert "范围里没有任何对象" in house.say()


def test_unticking_a_rule_closes_its_alerts_even_when_the_row_is_broken(house: House) -> None:
    """启用 is obeyed whatever else stands in the row."""
    house.write_rule()
    house.write_plan()
    house.write_rule(changed(threshold="???", enabled=False))
    assert (house.alert().state, house.alert().reason) == (State.RESOLVED, Reason.RULE_DISABLED)


def test_deleting_a_rule_closes_its_alerts_by_name(house: House) -> None:
    """The card will say that the rule is gone."""
    house.write_rule()
    house.write_plan()
    house.mirror.remove(RULES, ["rec_roi"])
    house.reviewer.review()
    assert (house.alert().state, house.alert().reason) == (State.RESOLVED, Reason.RULE_DELETED)
    house.checker.scan()
    assert house.alert().state is State.RESOLVED


def test_a_rule_aimed_at_another_table_closes_the_old_alerts(house: House) -> None:
    """Alerts of plans do not linger under a rule that now watches stock."""
    house.write_rule()
    house.write_plan()
    house.write_rule(STOCK_RULE, "rec_roi")
    assert house.alert().reason is Reason.RULE_RETARGETED


def test_text_in_a_number_cell_makes_the_alert_unknown_with_a_sentence(house: House) -> None:
    """The firing alert neither resolves nor goes on as if nothing was; the sentence names column and text."""
    house.write_rule()
    house.write_plan()
    house.spoil(PLANS, "rec_1001", "gmv", "两千")
    house.checker.scan()
    alert = house.alert()
    assert (alert.state, alert.held) == (State.UNKNOWN, State.FIRING)
    assert "成交金额" in alert.sentence


def test_a_plan_that_vanished_from_the_table_is_unknown_not_ok(house: House) -> None:
    """Deleted by event or missing in a scan: the open alert asks a person, in a sentence."""
    house.write_rule()
    house.write_plan("1001")
    house.write_plan("1002")
    house.drop_row(PLANS, "rec_1001")
    house.mirror.remove(PLANS, ["rec_1002"])
    house.write_plan("1003", gmv=Decimal(9000))
    house.checker.scan()
    for object_id in ("1001", "1002"):
        alert = house.alert(object_id=object_id)
        assert (alert.state, alert.reason) == (State.UNKNOWN, Reason.VANISHED)
        assert "已不在“计划日报”里" in alert.sentence


def test_a_row_written_anew_under_the_same_id_continues_the_alert(house: House) -> None:
    """Somebody deletes a row and types it again: the same object, the same alert."""
    house.write_rule()
    house.write_plan()
    house.drop_row(PLANS, "rec_1001")
    house.put(PLANS, {"rec_new": plan()})
    house.checker.scan()
    alert = house.alert()
    assert (alert.state, alert.record_id, alert.episode) == (State.FIRING, "rec_new", 1)


def test_without_an_owner_the_fallback_is_told(house: House) -> None:
    """An empty 负责人 and no cc: the configured fallback gets the card."""
    house.write_rule()
    house.write_plan(owner=EMPTY)
    assert [notice.receiver for notice in house.notices()] == [ZHAO.open_id]


def test_a_new_owner_is_told_of_an_open_alert(house: House) -> None:
    """负责人 edited in Bitable while firing: the new one gets the card, the old one no second."""
    house.write_rule()
    house.write_plan()
    house.write_plan(owner=(LI,))
    assert sorted(notice.receiver for notice in house.notices()) == ["ou_li", "ou_wang"]


def test_a_scope_left_by_the_data_ends_the_alert(house: House) -> None:
    """A paused plan is out of scope, and the end says so."""
    house.write_rule()
    house.write_plan()
    house.write_plan(status="已暂停")
    assert house.alert().reason is Reason.LEFT_SCOPE


def test_the_for_duration_passes_without_any_further_event(house: House) -> None:
    """The regular check lets a pending alert fire when its time is up."""
    house.write_rule(changed(hold_for="10分钟"))
    house.write_plan()
    assert house.alert().state is State.PENDING
    house.advance(timedelta(minutes=10))
    house.reviewer.tick()
    assert house.alert().state is State.FIRING
    assert len(house.notices()) == 1


def test_many_new_alerts_for_one_person_are_one_summary(house: House) -> None:
    """Six at once would be a storm of cards: one summary work, every notice recorded under it."""
    house.put(STOCK, {f"r{n}": sku(f"S{n}") for n in range(8)})
    house.write_rule(STOCK_RULE, "rec_stock")
    notices = house.notices()
    assert len(notices) == 8
    assert len({notice.digest_id for notice in notices}) == 1
    assert len(house.works("notify:")) == 1
    assert house.works("notify:")[0].startswith("notify:dg_")


def test_a_stale_source_makes_open_alerts_unknown_and_opens_none(house: House) -> None:
    """Numbers older than the limit are not judged; the sentence says since when and why."""
    policy = Policy((ZHAO,), {PLANS: timedelta(minutes=15)})
    house.checker.policy = policy
    with house.db.begin() as conn:
        note_pull(conn, PLANS, house.clock.now())
    house.write_rule()
    house.write_plan()
    house.write_plan("1002", gmv=Decimal(9000))
    house.advance(timedelta(minutes=16))
    with house.db.begin() as conn:
        note_pull(conn, PLANS, house.clock.now(), error="授权过期")
    house.reviewer.tick()
    assert (house.alert().state, house.alert().reason) == (State.UNKNOWN, Reason.DATA_STALE)
    assert "03-02 10:00 起没有新数据（授权过期）" in house.alert().sentence
    assert len(house.rows(tables.alerts)) == 1
    with house.db.begin() as conn:
        note_pull(conn, PLANS, house.clock.now())
    house.reviewer.tick()
    assert house.alert().state is State.FIRING


def test_a_mirror_being_rebuilt_proves_nothing(house: House) -> None:
    """An empty mirror without a finished pull neither deletes rules nor makes objects vanish."""
    house.write_rule()
    house.write_plan()
    with house.mirror_db.begin() as conn:
        conn.execute(ROWS.delete())
        conn.execute(STATE.delete())
    house.reviewer.tick()
    assert house.alert().state is State.FIRING


def test_history_keeps_changes_and_forgets_after_two_days(house: House) -> None:
    """The trend on a card comes from the points of the last two days."""
    house.write_rule()
    house.write_plan()
    for hour in range(3):
        house.advance(timedelta(hours=1))
        house.put(PLANS, {"rec_1001": plan(gmv=Decimal(2000 + 100 * (hour // 2)))})
        house.reviewer.tick()
    with house.db.read() as conn:
        points = store.load_points(conn, PLANS, "roi", "1001")
    assert [value for _, value in points] == [Decimal(2), Decimal("2.1")]
    house.advance(timedelta(days=3))
    house.reviewer.tick()
    with house.db.read() as conn:
        assert len(store.load_points(conn, PLANS, "roi", "1001")) == 1


def test_the_trend_of_a_card_ends_in_the_number_it_shows(house: House) -> None:
    """A number that came with an event is kept with the alert it changed, before the next scan."""
    house.write_rule()
    house.write_plan(gmv=Decimal(4000))
    house.reviewer.tick()
    for gmv in (2000, 2500, 9000):
        house.advance(timedelta(minutes=1))
        house.write_plan(gmv=Decimal(gmv))
        with house.db.read() as conn:
            view = load_view(conn, house.sources, house.alert())
        assert view.points[-1][1] == view.alert.value == Decimal(gmv) / 1000
    assert [point.value for point in house.rows(tables.metric_points)] == [4, 2, Decimal("2.5"), 9]
    house.advance(timedelta(minutes=1))
    house.write_plan(gmv=Decimal(8000))
    house.reviewer.tick()
    with house.db.read() as conn:
        ended = load_view(conn, house.sources, house.alert())
    assert ended.points[-1][1] == ended.alert.value == 9, "what came after the end is not on its card"


def test_a_point_of_an_older_reading_does_not_end_the_trend() -> None:
    """A scan that read before the event wrote its number later: the card still ends in its own."""
    alert = replace(
        new_alert(RuleId("r"), "1001", PLANS, Severity.WARNING),
        state=State.FIRING,
        value=Decimal(2),
        data_at=START,
    )
    late = START + timedelta(seconds=3)
    assert trend([(late, Decimal(4))], alert) == [(late, Decimal(4)), (late, Decimal(2))]
    assert trend([], alert) == [(START, Decimal(2))]


def test_counts_in_the_row_are_not_rewritten_every_minute(house: House) -> None:
    """A changed count waits ten minutes: each write costs a call of the monthly quota."""
    house.write_rule()
    marks = house.works("mark:")
    house.write_plan()
    house.reviewer.tick()
    assert house.works("mark:") == marks
    house.advance(timedelta(minutes=10))
    house.reviewer.tick()
    assert len(house.works("mark:")) == len(marks) + 1
    assert house.say() == "有效，当前会触发 1 个对象"


def test_two_rows_of_one_object_are_unknown_and_the_first_row_goes_on_when_alone(house: House) -> None:
    """A copied row makes an object ambiguous: one sentence, no flapping; the double removed, all goes on."""
    house.write_rule()
    house.write_plan(gmv=Decimal(2000))
    assert house.alert().state is State.FIRING
    house.put(PLANS, {"rec_copy": plan(gmv=Decimal(9000), owner=EMPTY)})
    house.checker.rows_changed(PLANS, [Change(PLANS, None, house.mirror.get(PLANS, "rec_copy"))])
    for _ in range(3):
        alert = house.alert()
        assert (alert.state, alert.doubt) == (State.UNKNOWN, Doubt.TWIN)
        assert "2 行的“计划ID”都是 1001" in alert.sentence
        assert (alert.record_id, alert.owners) == ("rec_1001", (WANG,))
        house.reviewer.tick()
    house.drop_row(PLANS, "rec_copy")
    assert (house.alert().state, house.alert().episode) == (State.FIRING, 1)
    assert len(house.notices()) == 1


def test_of_two_rows_only_one_in_scope_is_judged(house: House) -> None:
    """The same key outside the scope of the rule disturbs nobody."""
    house.write_rule()
    house.write_plan(gmv=Decimal(2000))
    house.put(PLANS, {"rec_copy": plan(gmv=Decimal(9000), status="已结束")})
    house.reviewer.tick()
    assert house.alert().state is State.FIRING
