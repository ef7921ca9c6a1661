"""Taps: who may, exactly one change, and what the person sees. On a real database."""

import threading
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from bitable_sync.cells import EMPTY, Person
from bitable_sync.mirror import STATE
from bot.cards import check
from bot.model import TapAnswer
from rules import tables
from rules.model import Reason, State, TaskState
from rules.parse import RuleText
from rules.specs import ALLOWANCES, PLANS, STOCK
from runtime import tables as floor_tables
from tests.rules.kit import CHEN, LI, ROI_RULE, START, STOCK_RULE, WANG, ZHAO, House, plan, sku, texts

pytestmark = pytest.mark.db


def tap(house: House, who: Person, action: str, alert: Any = None, **form: Any) -> TapAnswer:
    """A tap, handled in one transaction as the web process does.

    Every card it answers is one Feishu takes.
    """
    wish = house.tap(who, action, alert or house.alert(), **form)
    handlers = {
        "alert.ack": house.actions.ack, "alert.close": house.actions.close, "alert.show": house.actions.show,
        "adjust.open": house.actions.open_form, "adjust.submit": house.actions.submit,
        "adjust.cancel": house.actions.cancel_form, "restock.open": house.actions.open_form,
        "restock.submit": house.actions.submit,
    }  # fmt: skip
    with house.db.begin() as conn:
        answer = handlers[action](conn, wish)
    if answer.card is not None:
        check(answer.card)
    return answer


def say(answer: TapAnswer) -> str:
    """The toast's Chinese text; the English one must exist."""
    assert answer.toast is not None
    assert answer.toast.en
    return answer.toast.zh


@pytest.fixture
def firing(house: House) -> House:
    """A plan over the line: budget 2,000, spend 1,000, ROI 2."""
    house.write_rule()
    house.write_plan()
    return house


def test_the_form_opens_with_numbers_and_a_proposal(firing: House) -> None:
    """调整预算 shows budget, spend, the platform's limits and a proposal, and decides nothing."""
    before = firing.alert()
    answer = tap(firing, WANG, "adjust.open")
    shown = texts(answer.card)
    for part in ("¥2,000", "¥1,000", "建议降到 ¥1,400", "¥1,100", "新的日预算"):
        assert part in shown
    assert firing.alert() == before
    assert firing.rows(tables.alert_tasks) == []


def test_nothing_is_decided_before_the_allowances_are_read(firing: House) -> None:
    """An empty mirror is no permission: until 审批额度 was read as a whole, nobody knows who may do what."""
    with firing.mirror_db.begin() as conn:
        conn.execute(sa.delete(STATE).where(STATE.c.table_key == ALLOWANCES))
    assert "审批额度还没有读到" in say(tap(firing, WANG, "adjust.submit", amount="1400"))
    assert firing.rows(tables.alert_tasks) == []


def test_a_submitted_budget_is_one_task_and_one_piece_of_work(firing: House) -> None:
    """State, task, audit and the work to do it stand together; the card shows who asked for what."""
    answer = tap(firing, WANG, "adjust.submit", amount="1,400")
    task = firing.rows(tables.alert_tasks)[0]
    assert (task.amount, task.before, task.state, task.asked_by) == (
        Decimal(1400), Decimal(2000), TaskState.QUEUED, WANG,
    )  # fmt: skip
    assert firing.works("act:") == [f"act:{task.id}"]
    assert (firing.alert().state, firing.alert().reason) == (State.ACKED, Reason.ACTED)
    audit = firing.rows(floor_tables.audit, subject=f"task:{task.id}")
    assert [(row.actor, row.reason) for row in audit] == [("ou_wang", "decided")]
    assert "王芳" in texts(answer.card)
    assert "¥2,000 → ¥1,400" in texts(answer.card)
    assert say(answer) == "已提交，正在执行"


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        ("", "请填写数字"),
        ("很少", "不是数字"),
        ("250", "不能低于 ¥300"),
        ("2050", "至少调整 ¥100"),
        ("900", "至少 ¥1,100"),
    ],
)
def test_an_amount_the_platform_would_refuse_is_refused_at_once(
    firing: House, amount: str, words: str
) -> None:
    """The form stays open with the sentence and what was typed; nothing is decided."""
    answer = tap(firing, WANG, "adjust.submit", amount=amount)
    assert words in say(answer)
    assert words in texts(answer.card)
    assert firing.rows(tables.alert_tasks) == []
    assert firing.alert().state is State.FIRING


@pytest.mark.parametrize("action", ["adjust.open", "adjust.submit", "alert.ack"])
def test_somebody_not_responsible_is_told_who_is(firing: House, action: str) -> None:
    """A clear toast that names the responsible person, an audit row, and nothing else changes."""
    before = (firing.alert(), firing.works())
    answer = tap(firing, ZHAO, action, amount="1400")
    assert "由 王芳 负责" in say(answer)
    assert answer.card is None
    assert (firing.alert(), firing.works()) == before
    refused = [row for row in firing.rows(floor_tables.audit) if row.actor == ZHAO.open_id]
    assert [(row.action, row.reason) for row in refused] == [(f"tap.{action}", "not_responsible")]


def test_a_supervisor_may_act_and_a_cc_only_where_the_rule_says_so(house: House) -> None:
    """主管 of the row may; 抄送 may after 抄送可处理 is ticked."""
    cc = RuleText(**{**ROI_RULE.to_json(), "cc": (("ou_chen", "陈静"),)})  # type: ignore[arg-type]
    house.write_rule(cc)
    house.write_plan()
    assert "负责" in say(tap(house, CHEN, "adjust.open"))
    assert tap(house, LI, "adjust.open").card is not None
    house.write_rule(RuleText(**{**cc.to_json(), "cc": cc.cc, "cc_may_act": True}))
    assert tap(house, CHEN, "adjust.open").card is not None


def test_the_right_is_read_at_the_moment_of_the_tap(firing: House) -> None:
    """Whoever is responsible now may act, whatever the card was sent for."""
    firing.put(PLANS, {"rec_1001": plan(owner=(ZHAO,), supervisor=EMPTY)})
    assert "由 赵敏 负责" in say(tap(firing, WANG, "adjust.submit", amount="1400"))
    assert say(tap(firing, ZHAO, "adjust.submit", amount="1400")) == "已提交，正在执行"


def test_without_an_owner_the_fallback_may_act(house: House) -> None:
    """Somebody must be able to."""
    house.write_rule()
    house.write_plan(owner=EMPTY, supervisor=EMPTY)
    assert "负责人为空" in texts(tap(house, ZHAO, "adjust.open").card)
    assert "还没有填负责人" in say(tap(house, CHEN, "adjust.open"))


def test_a_second_submit_says_who_was_faster(firing: House) -> None:
    """The same person twice, or another: one task, and a toast that names the first."""
    alert = firing.alert()
    tap(firing, WANG, "adjust.submit", alert, amount="1400")
    again = tap(firing, LI, "adjust.submit", alert, amount="1500")
    assert "王芳" in say(again)
    assert len(firing.rows(tables.alert_tasks)) == 1
    assert "¥2,000 → ¥1,400" in texts(again.card)


def test_an_old_card_does_not_repeat_a_finished_change(firing: House) -> None:
    """After the task is done, a submit from a card that was open before is refused by its version."""
    alert = firing.alert()
    tap(firing, WANG, "adjust.submit", alert, amount="1400")
    with firing.db.begin() as conn:
        conn.execute(tables.alert_tasks.update().values(state=TaskState.DONE))
    assert "王芳 已在 10:00 处理过" in say(tap(firing, LI, "adjust.submit", alert, amount="1600"))
    assert len(firing.rows(tables.alert_tasks)) == 1


def test_simultaneous_submits_make_exactly_one_change(firing: House) -> None:
    """Eight taps at once from two people: one is accepted, seven see who did it."""
    alert, answers, ready = firing.alert(), list[str](), threading.Barrier(8)

    def one(who: Person, amount: str) -> None:
        ready.wait()
        answers.append(say(tap(firing, who, "adjust.submit", alert, amount=amount)))

    threads = [
        threading.Thread(target=one, args=((WANG, LI)[number % 2], str(1400 + 100 * (number % 2))))
        for number in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    task = firing.rows(tables.alert_tasks)
    assert len(task) == 1
    assert sorted(answers).count("已提交，正在执行") == 1
    assert sum(task[0].asked_by.name in answer for answer in answers) == 7
    assert len(firing.works("act:")) == 1


def test_two_alerts_of_one_plan_make_one_change_at_a_time(firing: House) -> None:
    """Another rule's card of the same plan is as fresh as ever; while a change runs it decides nothing."""
    spending = replace(ROI_RULE, name="消耗过高", metric="消耗", comparison="高于", threshold="500")
    firing.write_rule(spending, "rec_two")
    firing.write_plan()
    other = firing.alert("rec_two")
    tap(firing, WANG, "adjust.submit", amount="1400")
    assert WANG.name in say(tap(firing, LI, "adjust.submit", other, amount="1500"))
    (task,) = firing.rows(tables.alert_tasks)
    assert task.amount == 1400
    assert len(firing.works("act:")) == 1


def test_acknowledging_says_so_and_the_second_sees_who(firing: House) -> None:
    """知道了 puts the alert into one person's hands."""
    alert = firing.alert()
    assert say(tap(firing, WANG, "alert.ack", alert)) == "好的，交给你了"
    assert firing.alert().acked_by == WANG
    assert say(tap(firing, LI, "alert.ack", alert)) == "王芳 已在 10:00 接手"
    assert firing.alert().acked_by == WANG


def test_a_tap_on_an_alert_that_is_over_shows_how_it_ended(firing: House) -> None:
    """The old card is redrawn, nothing is decided."""
    alert = firing.alert()
    firing.write_plan(gmv=Decimal(9000))
    answer = tap(firing, WANG, "adjust.submit", alert, amount="1400")
    assert "已经结束：指标已恢复" in say(answer)
    assert firing.rows(tables.alert_tasks) == []


def test_an_alert_nobody_knows_is_refused(firing: House) -> None:
    """Values of a card are never trusted: an invented id finds nothing."""
    wish = firing.tap(WANG, "alert.ack", firing.alert())
    for value in ({"a": "alert.ack", "id": "al_x"}, {"a": "alert.ack"}, {"a": "alert.ack", "id": 7}):
        with firing.db.begin() as conn:
            answer = firing.actions.ack(conn, replace(wish, value=value))
        assert "找不到这条预警" in say(answer)


def test_a_vanished_plan_is_closed_only_by_a_person(firing: House) -> None:
    """确认已下线 works for an object that is gone, and not when it is there again."""
    firing.drop_row(PLANS, "rec_1001")
    gone = firing.alert()
    firing.write_plan()
    assert "又出现" in say(tap(firing, WANG, "alert.close", gone))
    firing.drop_row(PLANS, "rec_1001")
    assert say(tap(firing, WANG, "alert.close")) == "预警已关闭"
    assert firing.alert().reason is Reason.CLOSED_BY_PERSON


def test_the_twenty_first_change_of_a_day_is_refused_here(firing: House) -> None:
    """The platform allows twenty changes of a plan a day; we count and say so."""
    tap(firing, WANG, "adjust.submit", amount="1400")
    row = dict(firing.rows(tables.alert_tasks)[0]._mapping)
    with firing.db.begin() as conn:
        done = {"state": TaskState.DONE, "done_at": START}
        conn.execute(tables.alert_tasks.update().values(done))
        for number in range(18):
            conn.execute(tables.alert_tasks.insert().values(row | done | {"id": f"tk_{number}"}))
        failed = {"id": "tk_failed", "state": TaskState.FAILED}
        conn.execute(tables.alert_tasks.insert().values(row | done | failed))
    assert "今天已改 19 次" in texts(tap(firing, WANG, "adjust.open").card)
    with firing.db.begin() as conn:
        conn.execute(tables.alert_tasks.insert().values(row | done | {"id": "tk_20"}))
    opened = tap(firing, WANG, "adjust.open")
    assert "已改 20 次预算" in say(opened)
    assert "adjust.submit" not in repr(opened.card), "no form is shown that could not be sent"
    assert "明天再改" in say(tap(firing, WANG, "adjust.submit", amount="1600"))
    firing.advance(timedelta(days=1))
    assert say(tap(firing, WANG, "adjust.submit", amount="1600")) == "已提交，正在执行"


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ({"budget": EMPTY}, "没有日预算（不限，或按周期）"),
        ({"platform": "京东", "can": "只能看", "budget": EMPTY}, "不能改这个计划的预算"),
        ({"can": "只能看"}, "广告平台的后台"),
    ],
)
def test_a_budget_that_cannot_be_changed_here_is_not_offered(
    house: House, cells: dict[str, Any], words: str
) -> None:
    """No button; a card of former times opens no form, a form of former times is refused: all in words."""
    house.write_rule(replace(ROI_RULE, scope=""))
    house.write_plan(**cells)
    shown = tap(house, WANG, "adjust.cancel").card
    assert words in texts(shown)
    assert "adjust.open" not in repr(shown)
    opened = tap(house, WANG, "adjust.open")
    assert words in say(opened)
    assert "adjust.submit" not in repr(opened.card)
    assert words in say(tap(house, WANG, "adjust.submit", amount="1400"))
    assert house.rows(tables.alert_tasks) == []


def test_a_budget_that_cannot_be_read_says_when_it_can(firing: House) -> None:
    """Text in a number cell is another matter than no budget: the next pull writes over it."""
    firing.spoil(PLANS, "rec_1001", "budget", "很多")
    assert "下一次取数" in say(tap(firing, WANG, "adjust.open"))


def test_a_restock_shows_reasoning_and_becomes_one_task(house: House) -> None:
    """紧急补货 proposes 170 pieces with the arithmetic; the buyer may change it."""
    house.write_rule(STOCK_RULE, "rec_stock")
    house.put(STOCK, {"rec_s": sku()})
    house.checker.scan()
    alert = house.alert("rec_stock", "SKU-1")
    opened = texts(tap(house, CHEN, "restock.open", alert).card)
    assert "建议补 170 件" in opened
    assert "在途 20" in opened
    assert "整数" in say(tap(house, CHEN, "restock.submit", alert, amount="10.5"))
    assert say(tap(house, CHEN, "restock.submit", alert, amount="200")) == "已提交，正在执行"
    assert house.rows(tables.alert_tasks)[0].amount == 200


def test_an_action_the_rule_does_not_offer_is_refused(firing: House) -> None:
    """A forged restock on a plan changes nothing."""
    assert "没有“紧急补货”" in say(tap(firing, WANG, "restock.submit", amount="10"))
    assert firing.rows(tables.alert_tasks) == []


def test_showing_an_alert_sends_it_to_whom_it_concerns_only(firing: House) -> None:
    """查看 puts one notice for the asker; a stranger is refused."""
    tap(firing, WANG, "alert.show")
    assert [notice.kind for notice in firing.notices()].count("shown") == 1
    assert "负责" in say(tap(firing, ZHAO, "alert.show"))
    assert [notice.kind for notice in firing.notices()].count("shown") == 1
