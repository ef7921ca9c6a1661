"""People edit the base while alerts fire: every edit has its consequence and a sentence a person understands.

Unknown is never taken for all-clear: what cannot be read or is gone keeps the alert.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.client import until
from tests.conftest import Installation
from tests.scenario.house import RULES, STOCK, WAIT, House, running

PLANS = "计划日报"
TEXT, NUMBER = 1, 2
pytestmark = [
    pytest.mark.process,
    pytest.mark.timeout(300),
]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, installation: Installation) -> Iterator[House]:
    """The tiny company; the plans have an owner."""
    with running(tmp_path_factory.mktemp("edits"), installation()) as built:
        for place in range(3):
            built.give(PLANS, built.plan(place)["record_id"], built.owner)
        yield built


def low_article(house: House, **rule: Any) -> tuple[str, str, str]:
    """An article of the buyer with a firing alert: (SKU, its record id, the rule's record id)."""
    sku, record_id = house.article(5, house.buyer)
    _, rule_id = house.stock_rule(sku, **rule)
    house.becomes(rule_id, "firing")
    house.card(house.buyer, sku)
    return sku, record_id, rule_id


# --- rules ---


def test_a_threshold_edited_while_firing_moves_the_alert_and_sends_no_new_card(house: House) -> None:
    """Still over the new line: same card, new number. Under it no longer: the alert ends and says why."""
    sku, record_id, rule_id = low_article(house)
    house.office.edit(house.editor, RULES, rule_id, 阈值="40")
    until(lambda: house.alert(rule_id)["limit"] == "40", WAIT, "the alert knows the new threshold")
    card = house.shows(house.buyer, sku, "40")
    alert = house.alert(rule_id)
    assert (alert["state"], alert["episode"], alert["reason"]) == ("firing", 1, "threshold_moved")
    house.office.edit(house.editor, RULES, rule_id, 阈值="3")
    house.becomes(rule_id, "resolved")
    assert house.shows(house.buyer, sku, "阈值被修改").message_id == card.message_id
    assert len(house.cards(house.buyer, sku)) == 1
    assert house.reasons(rule_id) == ["fired", "threshold_moved", "threshold_cleared"]
    house.office.delete(house.editor, STOCK, record_id)


def test_nonsense_in_a_threshold_keeps_the_last_good_version_in_force(house: House) -> None:
    """The row says what is wrong and that the old version goes on; the alert stays as it is."""
    _, record_id, rule_id = low_article(house)
    house.office.edit(house.editor, RULES, rule_id, 阈值="差不多就行")
    until(lambda: house.verdict(rule_id).startswith("无效"), WAIT, "the row says what is wrong")
    assert "差不多就行" in house.verdict(rule_id)
    assert "上一个有效版本继续生效" in house.verdict(rule_id)
    house.office.edit(house.editor, STOCK, record_id, 库存=60)
    house.becomes(rule_id, "resolved")
    assert house.reasons(rule_id)[-1] == "recovered"
    house.office.delete(house.editor, RULES, rule_id)
    house.office.delete(house.editor, STOCK, record_id)


def test_a_deleted_rule_closes_its_alerts_and_says_so(house: House) -> None:
    """The card of a deleted rule's alert ends with that reason and offers nothing more."""
    sku, record_id, rule_id = low_article(house)
    house.office.delete(house.editor, RULES, rule_id)
    house.becomes(rule_id, "resolved")
    card = house.shows(house.buyer, sku, "规则已删除")
    assert card.buttons() == []
    assert len(house.cards(house.buyer, sku)) == 1
    house.office.edit(house.editor, STOCK, record_id, 库存=1)
    house.checked("stock")
    assert house.alert(rule_id)["state"] == "resolved"
    house.office.delete(house.editor, STOCK, record_id)


def test_a_rule_switched_off_closes_its_alerts_even_when_its_row_is_invalid(house: House) -> None:
    """启用 is obeyed whatever else is wrong with the row, so that a person can always stop a rule."""
    sku, record_id, rule_id = low_article(house)
    house.office.edit(house.editor, RULES, rule_id, 指标="没有这个指标", 启用=False)
    house.becomes(rule_id, "resolved")
    assert house.shows(house.buyer, sku, "规则已停用").buttons() == []
    house.office.delete(house.editor, STOCK, record_id)


# --- data rows ---


def test_a_deleted_data_row_is_unknown_until_a_person_confirms(house: House) -> None:
    """The row of a firing article is deleted: no all-clear, but a question; a tap of the owner answers it."""
    sku, record_id, rule_id = low_article(house)
    house.office.delete(house.editor, STOCK, record_id)
    house.becomes(rule_id, "unknown")
    card = house.shows(house.buyer, sku, "已不在“商品库存”里")
    assert "确认已下线" in card.buttons()
    house.checked("stock")
    assert house.alert(rule_id)["state"] == "unknown"
    answer = house.tap(house.buyer, card, "确认已下线")
    assert answer["toast"]["type"] == "success"
    closed = house.becomes(rule_id, "resolved")
    assert closed["reason"] == "closed_by_person"
    assert "确认已下线" not in house.shows(house.buyer, sku, "已确认下线").buttons()


def test_a_deleted_data_row_that_is_written_anew_goes_on(house: House) -> None:
    """The same SKU in a new row is the same alert: it fires on, nobody gets a second card."""
    sku, record_id, rule_id = low_article(house)
    house.office.delete(house.editor, STOCK, record_id)
    house.becomes(rule_id, "unknown")
    row = {"SKU编码": sku, "商品名称": f"手工商品 {sku}", "库存": 4, "锁定": 0, "在途": 0, "安全库存": 30}
    owner = [{"id": house.buyer["open_id"]}]
    new = house.office.add(house.editor, STOCK, **row, 负责人=owner)
    alert = house.becomes(rule_id, "firing")
    assert (alert["episode"], alert["record_id"]) == (1, new)
    assert "知道了" in house.shows(house.buyer, sku, "低于").buttons()
    assert len(house.cards(house.buyer, sku)) == 1
    house.office.delete(house.editor, RULES, rule_id)


def test_the_row_of_a_living_plan_comes_back_and_its_alert_never_resolves(house: House) -> None:
    """Somebody deletes a plan's row although the plan runs: the pull writes it again, the alert goes on."""
    plan = house.plan(0)
    name, rule_id = house.plan_rule(plan)
    house.card(house.owner, name)
    house.office.delete(house.editor, PLANS, plan["record_id"])

    def again() -> dict[str, Any] | None:
        rows = [row for row in house.plans() if row["计划ID"] == plan["计划ID"]]
        return rows[0] if rows and rows[0]["record_id"] != plan["record_id"] else None

    row = until(again, WAIT, "the plan's row is back")
    until(lambda: house.alert(rule_id)["record_id"] == row["record_id"], WAIT, "the alert knows the new row")
    house.becomes(rule_id, "firing")
    assert "resolved" not in {
        reason for reason in house.reasons(rule_id) if reason in ("recovered", "left_scope")
    }
    assert house.alert(rule_id)["episode"] == 1
    lonely = house.card(house.boss, name)
    assert "负责人为空" in lonely.text
    house.give(PLANS, row["record_id"], house.owner)
    house.office.delete(house.editor, RULES, rule_id)


def test_the_same_key_in_two_rows_is_unknown_and_does_not_flap(house: House) -> None:
    """A copied row makes an object ambiguous: one sentence naming the double, no flapping."""
    sku, record_id, rule_id = low_article(house)
    twin = house.office.add(house.editor, STOCK, SKU编码=sku, 商品名称="抄来的一行", 库存=500, 锁定=0, 在途=0)
    alert = house.becomes(rule_id, "unknown")
    assert sku in alert["sentence"]
    assert "2 行" in alert["sentence"]
    house.checked("stock")
    assert len(house.cards(house.buyer, sku)) == 1
    house.office.delete(house.editor, STOCK, twin)
    assert house.becomes(rule_id, "firing")["episode"] == 1
    house.office.delete(house.editor, RULES, rule_id)
    house.office.delete(house.editor, STOCK, record_id)


# --- columns ---


def test_a_renamed_column_changes_nothing(house: House) -> None:
    """Columns are bound by id: rules, pulls and cards go on; the new name may be used as well."""
    sku, record_id, rule_id = low_article(house)
    house.rename(STOCK, "库存", "仓库数量")
    house.rename(STOCK, "安全库存", "最低库存")
    try:
        house.office.edit(house.editor, STOCK, record_id, 仓库数量=60)
        house.becomes(rule_id, "resolved")
        real = house.control.get("world/erp/skus")["skus"][0]["sku_id"]
        house.control.post(f"world/erp/skus/{real}", qty=77)
        until(
            lambda: house.office.row(STOCK, "SKU编码", real)["仓库数量"] == "77",
            WAIT,
            "the pull writes the new column",
        )
        _, by_new_name = house.stock_rule(sku, 阈值="最低库存的 300%", 范围=f"SKU编码={sku} 且 仓库数量>1")
        house.becomes(by_new_name, "firing")
        house.office.edit(house.editor, STOCK, record_id, 仓库数量=None)
        house.shows(house.buyer, sku, "“仓库数量”是空的")
        house.office.edit(house.editor, STOCK, record_id, 仓库数量=60)
        house.office.delete(house.editor, RULES, by_new_name)
    finally:
        house.rename(STOCK, "仓库数量", "库存")
        house.rename(STOCK, "最低库存", "安全库存")
    house.office.edit(house.editor, STOCK, record_id, 库存=3)
    assert house.becomes(rule_id, "firing")["episode"] == 2
    house.office.delete(house.editor, RULES, rule_id)
    house.office.delete(house.editor, STOCK, record_id)


def test_text_where_a_number_belongs_is_unknown_and_never_all_clear(house: House) -> None:
    """A number column made text, with words in the cell: the alert waits, the card quotes the words."""
    sku, record_id, rule_id = low_article(house)
    house.retype(STOCK, "库存", TEXT)
    try:
        house.office.edit(house.editor, STOCK, record_id, 库存="缺货")
        house.becomes(rule_id, "unknown")
        card = house.shows(house.buyer, sku, "缺货")
        assert "“库存”" in card.text
        assert "改成数字" in card.text
        house.checked("stock")
        assert house.alert(rule_id)["state"] == "unknown"
        log = until(
            lambda: [row for row in house.office.rows("同步日志") if "库存" in str(row)],
            WAIT,
            "the drift is told",
        )
        assert "请把类型改回" in str(log)
    finally:
        house.retype(STOCK, "库存", NUMBER)
    house.office.edit(house.editor, STOCK, record_id, 库存=4)
    assert house.becomes(rule_id, "firing")["episode"] == 1
    assert "recovered" not in house.reasons(rule_id)
    assert len(house.cards(house.buyer, sku)) == 1
    house.office.delete(house.editor, RULES, rule_id)
    house.office.delete(house.editor, STOCK, record_id)


def test_an_emptied_cell_is_unknown_and_never_all_clear(house: House) -> None:
    """An empty number is not zero and not fine: the card names the empty cell and what to do."""
    sku, record_id, rule_id = low_article(house)
    house.office.edit(house.editor, STOCK, record_id, 库存=None)
    house.becomes(rule_id, "unknown")
    assert "请在多维表格里补上这一格" in house.shows(house.buyer, sku, "“库存”是空的").text
    house.office.edit(house.editor, STOCK, record_id, 库存=90)
    house.becomes(rule_id, "resolved")
    house.office.delete(house.editor, STOCK, record_id)


# --- owners ---


def test_without_an_owner_the_card_goes_to_the_cc_and_says_so(house: House) -> None:
    """Nobody in 负责人: whoever is in 抄送 gets the card with that sentence, and may act."""
    sku, record_id = house.article(5)
    _, rule_id = house.stock_rule(sku, 抄送=[{"id": house.stranger["open_id"]}])
    card = house.card(house.stranger, sku)
    assert "负责人为空" in card.text
    assert house.tap(house.stranger, card, "知道了")["toast"]["type"] == "success"
    assert house.cards(house.boss, sku) == []
    house.office.delete(house.editor, RULES, rule_id)
    house.office.delete(house.editor, STOCK, record_id)


def test_with_neither_owner_nor_cc_the_administrator_is_told(house: House) -> None:
    """An alert never goes to nobody: the administrator gets it, and the card says who is missing."""
    sku, record_id = house.article(5)
    _, rule_id = house.stock_rule(sku)
    assert "负责人为空" in house.card(house.boss, sku).text
    house.give(STOCK, record_id, house.buyer)
    assert "负责人为空" not in house.card(house.buyer, sku).text
    house.office.delete(house.editor, RULES, rule_id)
    house.office.delete(house.editor, STOCK, record_id)


# --- the platform ---


def test_a_plan_that_vanished_from_the_platform_waits_for_a_person(house: House) -> None:
    """Gone from the ad platform is not recovered: unknown with its sentence, until the owner confirms."""
    plan = house.plan(2)
    name, rule_id = house.plan_rule(plan)
    house.card(house.owner, name)
    house.control.delete(f"world/ads/plans/{plan['计划ID']}")
    house.becomes(rule_id, "unknown")
    card = house.shows(house.owner, name, "平台上已经没有这个计划")
    assert card.buttons()[0] == "确认已下线"
    assert house.office.row(PLANS, "计划ID", plan["计划ID"])["状态"] == "平台已删除"
    house.checked("plans", 3)
    assert house.alert(rule_id)["state"] == "unknown"
    assert house.tap(house.owner, card, "确认已下线")["toast"]["type"] == "success"
    house.becomes(rule_id, "resolved")
    house.checked("plans", 2)
    assert house.alert(rule_id)["reason"] == "closed_by_person"
    assert len(house.cards(house.owner, name)) == 1
    house.office.delete(house.editor, RULES, rule_id)


def test_a_plan_that_comes_back_goes_on_where_it_was(house: House) -> None:
    """Deleted by mistake and restored on the platform: the data itself ends the doubt."""
    plan = house.plan(1)
    name, rule_id = house.plan_rule(plan)
    house.card(house.owner, name)
    house.control.post(f"world/ads/plans/{plan['计划ID']}", deleted=True)
    house.becomes(rule_id, "unknown")
    house.control.post(f"world/ads/plans/{plan['计划ID']}", deleted=False)
    assert house.becomes(rule_id, "firing")["episode"] == 1
    assert "调整预算" in house.shows(house.owner, name, "低于").buttons()
    assert len(house.cards(house.owner, name)) == 1
    house.office.delete(house.editor, RULES, rule_id)
