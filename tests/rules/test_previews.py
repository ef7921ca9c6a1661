"""A rule that is switched on is shown to who did it; of a large one nobody else hears until they answer."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bitable_sync.cells import Person
from bot.card_rules import check
from bot.model import Tap, TapAnswer
from rules import tables
from rules.check import Policy
from rules.confirming import Confirming
from rules.model import State
from rules.previewing import Previewing
from rules.previews import HOLD, STOPPING
from rules.silence import Why, surroundings, withheld
from rules.specs import PLANS, RULES
from runtime.clock import SystemClock
from runtime.db import Database
from runtime.ids import ChatId, EventId, MessageId, OpenId, WorkId
from runtime.jobrun import JobRun, Slots
from runtime.work import status_table
from tests.rules.kit import CHEN, LI, ROI_RULE, WANG, ZHAO, House, plan, rule_cells, texts
from tests.rules.stage import ROI_ROW, Scene, open_scene

pytestmark = pytest.mark.db


@pytest.fixture
def house(database: Database, tmp_path: Path) -> Iterator[House]:
    """Five plans at ROI 2 of three people; four objects make a rule large here."""
    built = House(database, tmp_path, policy=Policy(fallback=(ZHAO,), confirm_above=4))
    for number, owner in enumerate((WANG, WANG, LI, LI, CHEN)):
        built.put(PLANS, {f"rec_{number}": plan(str(number), owner=(owner,))})
    yield built
    built.close()


def tap(house: House, who: Person, action: str, preview: str = "") -> TapAnswer:
    """A tap on the newest preview."""
    confirming = Confirming(house.queue, house.clock, house.sources)
    wanted = preview or house.rows(tables.rule_previews)[-1].id
    with house.db.begin() as conn:
        handler = confirming.keep if action == "preview.keep" else confirming.stop
        answer = handler(conn, house.touch(who, action, {"a": action, "id": wanted}))
    if answer.card is not None:
        check(answer.card)
    return answer


def say(answer: TapAnswer) -> str:
    """The toast."""
    return answer.toast.zh if answer.toast else ""


def told(house: House) -> list[str]:
    """Who was decided to be told."""
    return sorted(notice.receiver for notice in house.notices())


def edit(house: House, by: str = "ou_editor", record: str = "rec_roi", **columns: Any) -> None:
    """Somebody edits the rule's row."""
    house.put(RULES, {record: rule_cells(replace(ROI_RULE, **columns))})
    house.reviewer.review({record: by})


def test_a_small_rule_is_in_force_at_once_and_its_editor_sees_what_it_does(house: House) -> None:
    """Three objects: told at once, one card to the editor, once however often the row is read."""
    for number in (3, 4):
        house.put(PLANS, {f"rec_{number}": plan(str(number), gmv=Decimal(9000))})
    edit(house)
    [preview] = house.rows(tables.rule_previews)
    assert (preview.hits, preview.people, preview.until) == (3, 2, None)
    assert preview.receivers == ["ou_editor", "ou_zhao"]
    assert told(house) == ["ou_li", "ou_wang", "ou_wang"]
    house.reviewer.review()
    house.reviewer.tick()
    assert house.works("preview:") == [f"preview:{preview.id}:send"]
    assert say(tap(house, ZHAO, "preview.keep")) == "好的"


def test_a_large_rule_stands_on_the_board_and_tells_nobody_until_confirmed(house: House) -> None:
    """3 instead of 0.3: five alerts, no message; 没问题 lets them go with the next look, which is put."""
    edit(house)
    assert [alert.state for alert in house.open()] == [State.FIRING] * 5
    assert told(house) == []
    house.advance(HOLD / 2)
    house.reviewer.tick()
    assert told(house) == []
    assert say(tap(house, Person("ou_editor", ""), "preview.keep")) == "好的，现在开始通知"
    assert len(house.works("check:pv_")) == 1
    house.checker.scan()
    assert told(house) == ["ou_chen", "ou_li", "ou_li", "ou_wang", "ou_wang"]
    assert say(tap(house, ZHAO, "preview.stop")) == "10:07 已经处理过"
    assert house.works("switch_off:") == []


def test_without_an_answer_it_is_told_after_a_quarter_of_an_hour(house: House) -> None:
    """A card nobody looks at keeps no rule silent."""
    edit(house)
    house.advance(HOLD - timedelta(seconds=1))
    house.reviewer.tick()
    assert told(house) == []
    house.advance(timedelta(seconds=1))
    house.reviewer.tick()
    assert len(told(house)) == 5
    assert say(tap(house, ZHAO, "preview.keep")) == "好的"


def test_stopped_it_stays_silent_until_the_row_says_so_but_not_for_ever(house: House) -> None:
    """停用 puts the unticking; should that be impossible, the rule speaks after an hour."""
    edit(house)
    assert say(tap(house, ZHAO, "preview.stop")) == "正在停用"
    assert len(house.works("switch_off:")) == 1
    house.advance(STOPPING - timedelta(seconds=1))
    house.reviewer.tick()
    assert told(house) == []
    house.advance(timedelta(seconds=1))
    house.reviewer.tick()
    assert len(told(house)) == 5


def test_who_edits_after_stopping_is_not_silenced(house: House) -> None:
    """停用, then somebody mends the row before it was unticked: the new version speaks."""
    edit(house)
    tap(house, ZHAO, "preview.stop")
    edit(house, threshold="1:2.1")
    house.advance(HOLD)
    house.checker.scan()
    assert len(told(house)) == 5


def test_an_edit_that_hits_far_more_waits_and_a_small_one_does_not(house: House) -> None:
    """A threshold moved a little is nobody's question; one that hits three times as much is."""
    edit(house, threshold="1:1")
    house.put(PLANS, {"rec_0": plan("0", gmv=Decimal(500))})
    house.checker.scan()
    assert told(house) == ["ou_wang"]
    edit(house, threshold="1:1.1")
    assert len(house.rows(tables.rule_previews)) == 1
    edit(house, threshold="1:3")
    assert len(house.rows(tables.rule_previews)) == 2
    assert told(house) == ["ou_wang"], "what was told before stays told, nothing more"
    edit(house, threshold="1:1")
    assert [row.until for row in house.rows(tables.rule_previews)] == [None, None], "nothing waits any more"
    assert len(house.open()) == 1


def test_each_version_is_asked_once_and_an_old_card_decides_nothing(house: House) -> None:
    """Unticked and ticked again is a new question; the first card's buttons are void."""
    edit(house)
    [first] = house.rows(tables.rule_previews)
    edit(house, enabled=False)
    edit(house)
    assert len(house.rows(tables.rule_previews)) == 2
    assert "后来又改过" in say(tap(house, ZHAO, "preview.stop", first.id))
    assert house.works("switch_off:") == []
    assert told(house) == []


def test_only_who_was_asked_may_answer(house: House) -> None:
    """The card may be forwarded; its buttons are not for everybody."""
    edit(house)
    assert "只有启用规则的人" in say(tap(house, WANG, "preview.stop"))
    assert "只有启用规则的人" in say(tap(house, WANG, "preview.keep"))
    assert "找不到" in say(tap(house, ZHAO, "preview.keep", "pv_none"))
    assert house.rows(tables.rule_previews)[0].answer is None


def test_a_pasted_table_asks_about_large_rules_only(house: House) -> None:
    """Setting up is not ten questions: four rules at once, one of them large."""
    for number, threshold in enumerate(("1:3", "1:1", "1:1", "1:1")):
        text = replace(ROI_RULE, name=f"规则{number}", threshold=threshold)
        house.put(RULES, {f"rec_r{number}": rule_cells(text)})
    house.reviewer.review()
    assert [row.rule_id for row in house.rows(tables.rule_previews)] == ["rec_r0"]


def test_a_rule_nobody_may_be_asked_about_waits_for_nobody(database: Database, tmp_path: Path) -> None:
    """No editor known, no cc, no fallback: it is in force, as nobody could answer."""
    house = House(database, tmp_path, policy=Policy(confirm_above=1))
    house.put(PLANS, {"rec_1": plan("1")})
    house.write_rule()
    assert (house.rows(tables.rule_previews), told(house)) == ([], ["ou_wang"])
    house.close()


def test_news_that_was_on_its_way_waits_too(house: House) -> None:
    """An alert of the rule was queued when the edit came: the sending looks again."""
    edit(house, threshold="1:1")
    house.put(PLANS, {"rec_0": plan("0", gmv=Decimal(500))})
    house.checker.scan()
    edit(house, threshold="1:3")
    alert = house.alert(object_id="0")
    with house.db.read() as conn:
        around = surroundings(conn, house.mirror, house.sources.catalog, house.clock.now())
    [of] = house.checker.rules()
    assert withheld(alert, of, "ou_wang", around, house.clock.now()) is Why.PREVIEW


# --- on the wire ---


@pytest.fixture
def scene(sandbox: Any, database: Database, tmp_path: Path) -> Iterator[Scene]:
    """The tiny company; its three plans make a rule large."""
    built = open_scene(sandbox, database, tmp_path, launch=False)
    built.worker.checker.policy = replace(built.worker.policy, confirm_above=3, fallback=(built.people[2],))
    built.pull_now("plans")
    built.own(built.people[1])
    yield built
    built.feishu.close()
    built.floor.mirror.close()


def life(scene: Scene, job: str, *, resumed: bool = False) -> None:
    """One life of a job of previews."""
    run = JobRun(
        WorkId(f"{job}:test"), record=lambda _name, fn: fn(), slots=Slots(1), clock=SystemClock(),
        resumed=resumed, first_wait=0.05,
    )  # fmt: skip
    jobs = Previewing(scene.worker)
    preview = scene.stored(tables.rule_previews)[-1].id
    {"show": jobs.show, "switch_off": jobs.switch_off}[job](run, {"id": preview})


def stored_works(scene: Scene, text: str) -> list[Any]:
    """Works whose id holds a text."""
    status = status_table(scene.floor.db)
    with scene.floor.db.read() as conn:
        query = sa.select(status.c.workflow_uuid).where(status.c.workflow_uuid.contains(text))
        return list(conn.execute(query.order_by(status.c.workflow_uuid)))


def previews(scene: Scene, who: Person) -> list[str]:
    """The preview cards in a chat."""
    found = [texts(card["content"]) for card in scene.cards(who)]
    return [words for words in found if "规则已" in words]


def answer_with(scene: Scene, who: Person, action: str) -> TapAnswer:
    """A tap as the web process handles it."""
    row = scene.stored(tables.rule_previews)[-1]
    handler = scene.web.tap_handler(action)
    assert handler is not None
    value = {"a": action, "id": row.id}
    made = Tap(
        EventId(f"tap:{action}"), OpenId(who.open_id), action, value, {}, None, MessageId(row.message_id),
        ChatId("oc_1"), "c-1", scene.floor.clock.now(),
    )  # fmt: skip
    with scene.floor.db.begin() as conn:
        return handler(conn, made)


def test_the_editor_gets_one_card_and_stopping_unticks_the_row(scene: Scene) -> None:
    """One card through deaths; 停用: the row is unticked, its alerts end, nobody else heard of it."""
    editor, owner = scene.people[0], scene.people[1]
    scene.add("rules", {**ROI_ROW, "阈值": "1:5"})
    life(scene, "show")
    life(scene, "show")
    [words] = previews(scene, editor)
    for part in ("现在会触发 **3** 个对象", "涉及 1 人", "现在先不通知", "没问题，现在通知", "停用"):
        assert part in words
    assert scene.cards(owner) == []
    preview = scene.stored(tables.rule_previews)[-1]
    assert preview.receiver == editor.open_id
    assert say(answer_with(scene, editor, "preview.stop")) == "正在停用"
    life(scene, "switch_off")
    life(scene, "switch_off")
    assert scene.rows("rules")[0]["fields"].get("启用") in (None, False)
    assert {alert.state for alert in scene.stored(tables.alerts)} == {State.RESOLVED}
    life(scene, "show")
    [words] = previews(scene, editor)
    assert "规则已停用" in words
    assert "它的预警都已结束" in words
    assert (scene.cards(owner), scene.stored(tables.alert_notices)) == ([], [])


def test_a_card_in_doubt_comes_once(scene: Scene) -> None:
    """The answer was lost, or the worker died with it: the same message."""
    scene.add("rules", {**ROI_ROW, "阈值": "1:5"})
    scene.fault("drop_after", "*/im/v1/messages")
    life(scene, "show")
    life(scene, "show", resumed=True)
    assert len(previews(scene, scene.people[0])) == 1


def test_who_cannot_be_reached_is_passed_over(scene: Scene) -> None:
    """The editor is no person the bot can write to: the next who may be asked is."""
    (record,) = scene.add("rules", {**ROI_ROW, "阈值": "1:5", "启用": False})
    scene.edit("rules", record, 启用=True)
    with scene.floor.db.begin() as conn:
        asked = ["ou_nobody", scene.people[0].open_id]
        conn.execute(tables.rule_previews.update().values(receivers=asked))
    life(scene, "show")
    assert len(previews(scene, scene.people[0])) == 1
    assert scene.stored(tables.rule_previews)[-1].receiver == scene.people[0].open_id


def test_a_card_whose_rule_was_edited_says_so(scene: Scene) -> None:
    """Its buttons go: the answer would be about something else."""
    (record,) = scene.add("rules", {**ROI_ROW, "阈值": "1:5"})
    life(scene, "show")
    first = scene.stored(tables.rule_previews)[0].id
    scene.edit("rules", record, 启用=False)
    works = [row.workflow_uuid for row in stored_works(scene, first)]
    assert works == [f"preview:{first}:send", f"preview:{first}:v2"]
    life(scene, "show")
    [words] = previews(scene, scene.people[0])
    assert "规则已停用" in words
    assert "后来又改过" in words
    assert "没问题" not in words


def test_switched_off_before_it_was_asked_nothing_is_asked(scene: Scene) -> None:
    """The box was a slip of the finger: no card comes late."""
    (record,) = scene.add("rules", {**ROI_ROW, "阈值": "1:5"})
    scene.edit("rules", record, 启用=False)
    life(scene, "show")
    assert previews(scene, scene.people[0]) == []
