"""Who may tap, what a second tap does and a forged one: at most one change, and everybody knows whose.

Web and worker run as two processes of the test, so that a tap can be made while the worker is down.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from sandbox.client import until
from sandbox.office import Seen, walk
from tests.conftest import Installation
from tests.scenario.house import WAIT, House, running, start_worker
from tests.scenario.ledger import document

pytestmark = [
    pytest.mark.process,
    pytest.mark.timeout(300),
]


@dataclass
class Case:
    """An alert on one plan, with the cards of its people: owner, and in the cc supervisor and stranger."""

    house: House
    plan: dict[str, Any]
    name: str
    rule_id: str
    before: Decimal
    calls: int

    def of(self, who: dict[str, Any]) -> Seen:
        """The person's card."""
        return self.house.card(who, self.name)

    @property
    def alert(self) -> dict[str, Any]:
        """The stored alert, without what the board and the next pull note in it."""
        noted = {"board_version", "data_at"}
        return {key: value for key, value in self.house.alert(self.rule_id).items() if key not in noted}

    def wishes(self) -> list[Decimal]:
        """Budgets the platform was asked to set since the case began."""
        return self.house.budget_calls(self.plan)[self.calls :]

    def tasks(self, state: str) -> list[dict[str, Any]]:
        """The tasks of this alert, once all of them are in a state."""

        def look() -> list[dict[str, Any]]:
            found = self.house.tasks(self.rule_id)
            return found if all(task["state"] == state for task in found) else []

        return until(look, WAIT, f"tasks are {state}")

    def refusals(self) -> list[tuple[str, str]]:
        """(who, why) of the refused taps in the audit."""
        rows = self.house.audit(f"alert:{self.alert['id']}", "tap.%")
        return [(row["actor"], row["reason"]) for row in rows if document(row["detail"]).get("refused")]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, installation: Installation) -> Iterator[House]:
    """The tiny company; the plans belong to the owner and the supervisor."""
    with running(tmp_path_factory.mktemp("taps"), installation(), apart=True) as built:
        for place in range(3):
            plan = built.plan(place)
            built.give("计划日报", plan["record_id"], built.owner, 主管=[{"id": built.supervisor["open_id"]}])
        yield built


@pytest.fixture
def case(house: House, request: pytest.FixtureRequest) -> Iterator[Case]:
    """A firing alert with three cards; the rule is deleted afterwards."""
    plan = house.plan(len(request.node.name) % 3)
    before, calls = house.budget(plan), len(house.budget_calls(plan))
    cc = [{"id": who["open_id"]} for who in (house.supervisor, house.stranger)]
    name, rule_id = house.plan_rule(plan, 抄送=cc)
    built = Case(house, plan, name, rule_id, before, calls)
    for who in (house.owner, house.supervisor, house.stranger):
        built.of(who)
    yield built
    house.office.delete(house.editor, "预警规则", rule_id)


def submit_value(card: Seen) -> dict[str, Any]:
    """The value of the submit button of the form open in a card."""
    for node in walk(card.card):
        for behavior in node.get("behaviors", []) if node.get("tag") == "button" else []:
            value = behavior.get("value", {})
            if str(value.get("a", "")).endswith(".submit"):
                return dict(value)
    raise LookupError("no form is open in this card")


def test_who_is_not_responsible_is_told_who_is_and_changes_nothing(case: Case) -> None:
    """A colleague in 抄送 gets a toast naming owner and state stays; the audit has the attempt."""
    house, card, before = case.house, case.of(case.house.stranger), case.alert
    for button in ("调整预算", "知道了"):
        answer = house.tap(house.stranger, card, button)
        assert answer["toast"]["type"] == "warning"
        assert house.owner["name"] in answer["toast"]["content"]
    after = case.alert
    assert (after["state"], after["turn"], after["acked_by"]) == ("firing", before["turn"], None)
    assert case.wishes() == []
    assert house.tasks(case.rule_id) == []
    assert case.refusals() == [(house.stranger["open_id"], "not_responsible")] * 2


def test_a_stranger_cannot_submit_a_form_that_was_opened_by_somebody_else(case: Case) -> None:
    """Rights are decided by who taps: a submit made up from the owner's open form is refused as well."""
    house = case.house
    house.tap(house.owner, case.of(house.owner), "调整预算")
    value = submit_value(case.of(house.owner))
    answer = house.forge(
        house.stranger, case.of(house.stranger), {"value": value, "form_value": {"amount": "2600"}}
    )
    assert house.owner["name"] in answer["toast"]["content"]
    assert case.wishes() == []
    assert house.tasks(case.rule_id) == []
    assert case.refusals() == [(house.stranger["open_id"], "not_responsible")]


def test_a_double_tap_is_one_change(case: Case) -> None:
    """The same person submits twice in a row: one task, one call, one change; the second toast says so."""
    house, wanted = case.house, case.before + 300
    card = case.of(house.owner)
    house.tap(house.owner, card, "调整预算")
    action = {"value": submit_value(case.of(house.owner)), "form_value": {"amount": str(wanted)}}
    first, second = house.forge(house.owner, card, action), house.forge(house.owner, card, action)
    assert first["toast"]["type"] == "success"
    assert second["toast"]["type"] == "warning"
    assert house.owner["name"] in second["toast"]["content"]
    assert [task["amount"] for task in case.tasks("已完成")] == [str(wanted)]
    late = house.forge(house.owner, card, action)
    assert house.owner["name"] in late["toast"]["content"]
    assert case.wishes() == [wanted]
    assert house.budget(case.plan) == wanted
    assert house.ad_plan(case.plan)["budget_changes_today"] == len(house.budget_calls(case.plan))


def test_simultaneous_taps_by_two_people_are_one_change(case: Case) -> None:
    """Owner and supervisor submit different amounts at the same moment: one is done, the other sees whose."""
    house = case.house
    people = {house.owner["open_id"]: house.owner, house.supervisor["open_id"]: house.supervisor}
    wanted = {open_id: case.before + 300 + 200 * place for place, open_id in enumerate(people)}
    for who in people.values():
        assert house.tap(who, case.of(who), "调整预算")["client_code"] == 0
    cards = {open_id: case.of(who) for open_id, who in people.items()}

    def submit(open_id: str) -> dict[str, Any]:
        return house.tap(people[open_id], cards[open_id], "提交", amount=str(wanted[open_id]))

    with ThreadPoolExecutor(2) as both:
        answers = dict(zip(people, both.map(submit, people), strict=True))
    won = [open_id for open_id, answer in answers.items() if answer["toast"]["type"] == "success"]
    assert len(won) == 1
    winner, (loser,) = won[0], [open_id for open_id in people if open_id not in won]
    assert people[winner]["name"] in answers[loser]["toast"]["content"]
    assert [task["amount"] for task in case.tasks("已完成")] == [str(wanted[winner])]
    assert case.wishes() == [wanted[winner]]
    assert house.budget(case.plan) == wanted[winner]
    for who in (house.owner, house.supervisor, house.stranger):
        assert people[winner]["name"] in house.shows(who, case.name, "已把日预算").text
    assert len(case.refusals()) == 1


def test_eight_simultaneous_taps_are_one_change(case: Case) -> None:
    """An impatient thumb: eight submits of one form at once are one task and one call."""
    house, wanted = case.house, case.before + 400
    card = case.of(house.owner)
    house.tap(house.owner, card, "调整预算")
    action = {"value": submit_value(case.of(house.owner)), "form_value": {"amount": str(wanted)}}
    with ThreadPoolExecutor(8) as thumbs:
        answers = list(thumbs.map(lambda _: house.forge(house.owner, card, action), range(8)))
    kinds = sorted(answer["toast"]["type"] for answer in answers)
    assert kinds == ["success", *["warning"] * 7]
    assert len(case.tasks("已完成")) == 1
    assert case.wishes() == [wanted]


def test_a_card_of_an_older_state_decides_nothing(case: Case) -> None:
    """A submit from a screen that shows an earlier turn is answered with the newest card, nothing more."""
    house, card = case.house, case.of(case.house.owner)
    house.tap(house.owner, card, "调整预算")
    old = submit_value(case.of(house.owner))
    house.tap(house.supervisor, case.of(house.supervisor), "知道了")
    action = {"value": old, "form_value": {"amount": str(case.before + 500)}}
    answer = house.forge(house.owner, card, action)
    assert house.supervisor["name"] in answer["toast"]["content"]
    assert answer["card_updated"]
    assert house.supervisor["name"] in case.of(house.owner).text
    assert house.tasks(case.rule_id) == []
    assert case.wishes() == []
    again = house.tap(house.owner, case.of(house.owner), "调整预算")
    assert again["card_updated"], "with the fresh card the owner can still act"


def test_who_comes_second_to_acknowledge_is_told_who_was_first(case: Case) -> None:
    """知道了 by two people at once: one takes it, the other reads who did; one acknowledgement is stored."""
    house = case.house
    people = (house.owner, house.supervisor)
    cards = [case.of(who) for who in people]
    with ThreadPoolExecutor(2) as both:
        answers = list(
            both.map(lambda pair: house.tap(pair[0], pair[1], "知道了"), zip(people, cards, strict=True))
        )
    kinds = [answer["toast"]["type"] for answer in answers]
    assert sorted(kinds) == ["info", "success"]
    first = people[kinds.index("success")]
    assert first["name"] in answers[kinds.index("info")]["toast"]["content"]
    alert = case.alert
    assert (alert["state"], alert["ack_count"]) == ("acked", 1)
    assert document(alert["acked_by"])[0] == first["open_id"]


@pytest.mark.parametrize(
    "wish", ["nothing", "al_00000000000000000000", 17, None, {"id": "x"}, "'; --", "x" * 9000]
)
def test_a_forged_id_finds_no_alert(case: Case, wish: Any) -> None:
    """An id we never gave out, of whatever shape, is answered politely and changes nothing."""
    house, card = case.house, case.of(case.house.owner)
    before = case.alert
    for action in ("alert.ack", "alert.close", "adjust.open", "adjust.cancel", "adjust.submit", "alert.show"):
        forged = {"value": {"a": action, "id": wish, "v": 1}, "form_value": {"amount": "2600"}}
        answer = house.forge(house.owner, card, forged)
        assert answer["client_code"] == 0
        assert "找不到这条预警" in answer["toast"]["content"]
    assert case.alert == before
    assert case.wishes() == []


def test_the_id_of_somebody_elses_alert_gives_no_right_to_it(case: Case) -> None:
    """A stock buyer's own card with the id of an ad alert written into it: refused, with the owner's name."""
    house = case.house
    sku, record_id = house.article(5, house.buyer)
    _, stock_rule = house.stock_rule(sku)
    own = house.card(house.buyer, sku)
    for action in (
        "alert.ack",
        "adjust.open",
        "adjust.submit",
        "restock.submit",
        "alert.close",
        "alert.show",
    ):
        forged = {"value": {"a": action, "id": case.alert["id"], "v": case.alert["turn"]}}
        answer = house.forge(house.buyer, own, {**forged, "form_value": {"amount": "2600"}})
        assert house.owner["name"] in answer["toast"]["content"]
    assert (case.alert["state"], case.alert["acked_by"]) == ("firing", None)
    assert house.tasks(case.rule_id) == []
    assert {actor for actor, _ in case.refusals()} == {house.buyer["open_id"]}
    assert sku in house.card(house.buyer, sku).text, "the buyer's own card still shows the buyer's alert"
    house.office.delete(house.editor, "预警规则", stock_rule)
    house.office.delete(house.editor, "商品库存", record_id)


def test_an_unknown_action_is_answered_and_audited(case: Case) -> None:
    """A button this version does not know gets a polite toast and an audit row."""
    house, card = case.house, case.of(case.house.owner)
    answer = house.forge(
        house.owner, card, {"value": {"a": "alert.delete_everything", "id": case.alert["id"]}}
    )
    assert answer["client_code"] == 0
    assert answer["toast"]["content"]
    (row,) = house.audit(f"message:{card.message_id}", "tap.alert.delete_everything")
    assert row["reason"] == "unknown_action"
    assert case.alert["state"] == "firing"


def test_an_action_of_another_kind_of_object_is_refused(case: Case) -> None:
    """A restock made up for an ad plan is refused in words; nothing is ordered."""
    house, card = case.house, case.of(case.house.owner)
    value = {"a": "restock.submit", "id": case.alert["id"], "v": case.alert["turn"]}
    answer = house.forge(house.owner, card, {"value": value, "form_value": {"amount": "10"}})
    assert answer["toast"]["type"] == "error"
    assert "紧急补货" in answer["toast"]["content"]
    assert house.tasks(case.rule_id) == []
    assert house.control.get("world/erp/purchases")["purchases"] == []


@pytest.mark.parametrize(
    "typed", ["", "abc", "-5", "0", "1e400", "NaN", "Infinity", "200", "2600.005", "１２３", "9" * 60]
)
def test_an_amount_that_the_platform_would_refuse_is_explained_in_the_form(case: Case, typed: str) -> None:
    """What cannot be a budget is answered at once with the reason; the form stays open; nothing is sent."""
    house, card = case.house, case.of(case.house.owner)
    house.tap(house.owner, card, "调整预算")
    value = submit_value(case.of(house.owner))
    answer = house.forge(house.owner, card, {"value": value, "form_value": {"amount": typed}})
    assert answer["toast"]["type"] == "error"
    assert answer["card_updated"]
    assert submit_value(case.of(house.owner)) == value
    assert house.tasks(case.rule_id) == []
    assert case.wishes() == []


def test_a_tap_on_a_resolved_alert_says_that_it_is_over(case: Case) -> None:
    """Old buttons of an alert that has ended do nothing but show how it ended."""
    house, card = case.house, case.of(case.house.owner)
    value = {"a": "adjust.open", "id": case.alert["id"], "v": case.alert["turn"]}
    house.office.edit(house.editor, "预警规则", case.rule_id, 阈值="1:2")
    house.becomes(case.rule_id, "resolved")
    turn = case.alert["turn"]
    for action in ("alert.ack", "adjust.open", "adjust.submit", "alert.close"):
        forged = {"value": {**value, "a": action}, "form_value": {"amount": str(case.before + 300)}}
        answer = house.forge(house.owner, card, forged)
        assert "已经结束" in answer["toast"]["content"]
        assert answer["card_updated"]
    assert case.of(house.owner).buttons() == []
    assert (case.alert["state"], case.alert["turn"]) == ("resolved", turn)
    assert house.tasks(case.rule_id) == []
    assert case.wishes() == []


def test_a_tap_while_the_worker_is_down_is_answered_and_done_later(case: Case) -> None:
    """The person gets an answer at once; the change happens when the worker is back, exactly once."""
    house, wanted = case.house, case.before + 700
    assert house.worker is not None
    house.worker.terminate()
    house.worker.wait(30)
    card = case.of(house.owner)
    house.tap(house.owner, card, "调整预算")
    answer = house.tap(house.owner, card, "提交", amount=str(wanted))
    assert (answer["client_code"], answer["toast"]["type"]) == (0, "success")
    assert answer["ms"] < 3000
    assert "正在执行" in case.of(house.owner).text
    assert [task["state"] for task in house.tasks(case.rule_id)] == ["排队中"]
    busy = house.tap(house.supervisor, case.of(house.supervisor), "调整预算")
    assert house.owner["name"] in busy["toast"]["content"]
    assert house.budget(case.plan) == case.before
    house.worker = start_worker(house.stage)
    until(lambda: house.budget(case.plan) == wanted, WAIT, "the budget is changed once the worker is back")
    assert len(case.tasks("已完成")) == 1
    assert case.wishes() == [wanted]
    house.shows(house.supervisor, case.name, "已把日预算")


def test_doctor_sends_an_event_through_the_front_door(house: House) -> None:
    """Both addresses are asked as the platform asks, and an event of ours is kept and handled."""
    told = house.stage.run("doctor", check=False)
    assert "签名的事件已经入库并处理" in told
    assert told.count("毫秒内得到回答") == 2
