"""更多 on the card: silence, hand-over, pausing a plan; and what came and went unseen."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pytest

from bitable_sync.cells import Person
from bot.cards import check
from bot.model import ChatMessage, TapAnswer
from rules import tables
from rules.commands import Commands
from rules.dryrun import DryRuns
from rules.model import Reason, State, TaskState
from rules.specs import DUTY
from runtime.db import Database
from runtime.ids import ChatId, MessageId, OpenId
from tests.rules.kit import CHEN, LI, ROI_RULE, WANG, ZHAO, House, texts, worker
from tests.rules.stage import ROI_ROW, Scene, open_scene
from tests.rules.test_actions import say
from tests.support.wait import until

pytestmark = pytest.mark.db

STATUS = "/ad/status/update/"


def tap(house: House, who: Person, action: str, option: str | None = None, alert: Any = None) -> TapAnswer:
    """A tap on the one alert's card."""
    handlers = {
        "more.open": house.actions.more, "hand.over": house.actions.hand_over,
        "plan.pause": house.actions.pause,
        "alert.ack": house.actions.ack, "group.page": house.actions.page, "group.ack": house.actions.ack_all,
    }  # fmt: skip
    with house.db.begin() as conn:
        answer = handlers[action](conn, house.tap(who, action, alert or house.alert(), option))
    if answer.card is not None:
        check(answer.card)
    return answer


@pytest.fixture
def firing(house: House) -> House:
    """A plan over the line whose rule offers to pause it; CHEN is on duty."""
    house.put(DUTY, {"rec_d": {"name": "值班", "role": "值班", "people": (CHEN,)}})
    house.write_rule(RULE)
    house.write_plan()
    return house


RULE = replace(ROI_RULE, actions=("调整预算", "暂停计划", "知道了"))


def test_more_offers_silence_people_and_the_pause(firing: House) -> None:
    """The form names the choices and decides nothing; who is not responsible is told who is."""
    before = firing.alert()
    shown = tap(firing, WANG, "more.open").card
    words, whole = texts(shown), repr(shown)
    for part in ("静默 1 小时", "静默到明天 9:00", "转交给", "暂停计划", "返回"):
        assert part in words
    assert "ou_li" in whole
    assert "ou_chen" in whole
    assert "'value': 'ou_wang'" not in whole, "not to oneself"
    assert firing.alert() == before
    assert "王芳 负责" in say(tap(firing, ZHAO, "more.open"))


def test_a_hand_over_gives_card_right_and_lease(firing: House) -> None:
    """CHEN gets the card, may act, and has the alert in hand; the card says who gave it to whom."""
    assert say(tap(firing, WANG, "hand.over", "ou_chen")) == "已转交给 陈静"
    alert = firing.alert()
    assert (alert.state, alert.acked_by, alert.handed_by) == (State.ACKED, CHEN, WANG)
    told = [(notice.receiver, notice.kind, notice.reason) for notice in firing.notices()]
    assert ("ou_chen", "fired", "handed_over") in told
    assert "王芳** 转交给 **陈静" in texts(tap(firing, CHEN, "more.open").card)
    firing.checker.scan()
    assert len(firing.notices()) == 2


def test_an_alert_is_handed_only_to_people_we_know(firing: House) -> None:
    """An invented id, oneself, and nobody are refused."""
    for option in ("ou_stranger", "ou_wang", None):
        assert "名单" in say(tap(firing, WANG, "hand.over", option))
    assert firing.alert().state is State.FIRING


def test_a_pause_is_one_task_and_only_where_the_rule_offers_it(firing: House) -> None:
    """The second tap sees the first; without 暂停计划 in 动作 nothing is decided."""
    stale = firing.alert()
    assert say(tap(firing, WANG, "plan.pause")) == "已提交，正在执行"
    assert "王芳" in say(tap(firing, LI, "plan.pause", alert=stale))
    (task,) = firing.rows(tables.alert_tasks)
    assert (task.kind.value, firing.works("act:")) == ("暂停计划", [f"act:{task.id}"])
    firing.write_rule(ROI_RULE, "rec_plain")
    other = firing.alert("rec_plain")
    with firing.db.begin() as conn:
        conn.execute(tables.alert_tasks.update().values(state=TaskState.DONE))
    assert "没有“暂停计划”" in say(tap(firing, WANG, "plan.pause", alert=other))


def test_a_pause_the_platform_does_not_allow_is_not_offered(house: House) -> None:
    """The form says so instead of a button, and a button of former times decides nothing."""
    house.write_rule(RULE)
    house.write_plan(can="改预算")
    shown = tap(house, WANG, "more.open").card
    assert "不能暂停这个计划" in texts(shown)
    assert "plan.pause" not in repr(shown)
    assert "广告平台的后台" in say(tap(house, WANG, "plan.pause"))
    assert house.rows(tables.alert_tasks) == []


# --- came and went unseen ---


def ask(house: House, who: Person, words: str = "我的预警") -> Any:
    """What the bot answers."""
    message = ChatMessage(
        MessageId("om_1"), ChatId("oc_1"), OpenId(who.open_id), words, False, house.clock.now()
    )
    commands = Commands(house.sources, house.policy)
    with house.db.begin() as conn:
        reply = (commands.mine if words == "我的预警" else commands.preview)(conn, message)
    if reply.card is not None:
        check(reply.card)
    return reply


def test_what_came_and_went_stays_listed_till_somebody_says_so(firing: House) -> None:
    """Recovered before anybody took it: still on the list, until 知道了 on its card."""
    firing.write_plan(gmv=Decimal(9000))
    assert (firing.alert().state, firing.alert().unseen) == (State.RESOLVED, True)
    assert "来过又恢复了、还没有人看过" in ask(firing, WANG).text
    assert ask(firing, ZHAO).card is None
    assert say(tap(firing, WANG, "alert.ack")) == "好的，不再列出"
    assert (firing.alert().state, firing.alert().reason) == (State.RESOLVED, Reason.RECOVERED)
    assert ask(firing, WANG).card is None
    assert "已经结束" in say(tap(firing, WANG, "alert.ack"))


def test_what_somebody_took_is_not_listed_after_its_end(firing: House) -> None:
    """Acknowledged, then recovered: nothing is left to see."""
    tap(firing, WANG, "alert.ack")
    firing.write_plan(gmv=Decimal(9000))
    assert not firing.alert().unseen
    assert ask(firing, WANG).card is None


def test_the_whole_list_is_taken_at_once(firing: House) -> None:
    """全部知道了 on 我的预警: open ones are acknowledged, unseen ones seen."""
    firing.write_plan("1002")
    firing.write_plan("1002", gmv=Decimal(9000))
    value = {"a": "group.ack", "id": ""}
    with firing.db.begin() as conn:
        answer = firing.actions.ack_all(conn, firing.touch(WANG, "group.ack", value))
    assert say(answer) == "2 条交给你了"
    assert firing.alert().state is State.ACKED
    assert not firing.alert(object_id="1002").unseen


# --- preview ---


def test_a_rule_is_previewed_before_it_is_switched_on(firing: House) -> None:
    """How many objects now, the worst of them, and what it would have done before."""
    firing.checker.scan()
    firing.advance(timedelta(hours=1))
    firing.write_plan(gmv=Decimal(9000))
    firing.checker.scan()
    firing.write_plan("1002", gmv=Decimal(100))
    firing.write_rule(replace(ROI_RULE, name="ROI 低于 1:2.5", threshold="1:2.5", enabled=False), "rec_new")
    assert "夏季新品1002" not in texts(ask(firing, CHEN, "规则预览 ROI 低于 1:2.5").card)
    reply = ask(firing, WANG, "规则预览 ROI 低于 1:2.5")
    words = texts(reply.card)
    assert "现在会触发 **1** 个对象" in words
    assert "夏季新品1002" in words
    assert "还没有启用" in words
    assert "历史回放正在算" in words
    DryRuns(worker(firing)).run(cast("Any", None), {"rule_id": "rec_new"})
    words = texts(ask(firing, WANG, "规则预览 ROI 低于 1:2.5").card)
    assert "03-02 以来本会触发 **2** 次（2 个对象），其中 0 次不到 30 分钟" in words
    assert firing.say("rec_new") == "有效，但未启用；启用后会触发 1 个对象"
    assert "没有叫“虚构”的规则" in ask(firing, ZHAO, "规则预览 虚构").text


# --- with the platform ---


@pytest.fixture
def scene(sandbox: Any, database: Database, tmp_path: Path) -> Iterator[Scene]:
    """The tiny company with one worker."""
    built = open_scene(sandbox, database, tmp_path)
    yield built
    built.close()


def test_a_paused_plan_stands_still_and_its_alert_ends(scene: Scene) -> None:
    """Paused once even when the answer is lost; the card says who did it; out of scope, the alert ends."""
    owner = scene.people[1]
    scene.pull("plans")
    scene.own(owner)
    scene.add("rules", {**ROI_ROW, "动作": ["暂停计划", "知道了"], "范围": "状态=投放中"})
    scene.spend(800, 1600)
    scene.pull("plans")
    until(lambda: scene.stored(tables.alert_cards), timeout=20, what="the card is sent")
    scene.fault("drop_after", f"*{STATUS}")
    answer = scene.tap(owner, "plan.pause")
    assert answer.toast is not None
    assert answer.toast.kind == "success"
    until(
        lambda: scene.stored(tables.alert_tasks)[0].state is TaskState.DONE, timeout=20, what="it is paused"
    )
    assert (len(scene.calls(STATUS)), scene.plan().enabled) == (1, False)
    until(lambda: scene.stored(tables.alerts)[0].state is State.RESOLVED, timeout=20, what="out of scope")
    until(
        lambda: "已暂停计划" in texts(scene.cards(owner)[0]["content"]), timeout=20, what="the card says it"
    )
