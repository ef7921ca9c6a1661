"""The product without a public address: events and taps come over the long connection."""

from collections.abc import Iterator

import pytest
import requests

from sandbox.client import until
from tests.conftest import Installation
from tests.scenario.house import WAIT, House, running

pytestmark = [
    pytest.mark.process,
]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, installation: Installation) -> Iterator[House]:
    """A tiny company whose app chose the long connection; no request URL is entered anywhere."""
    folder = tmp_path_factory.mktemp("long") / "stage"
    with running(folder, installation(), manifest={"connection": "websocket"}) as built:
        connected(built)
        yield built


def connected(house: House) -> None:
    """Wait until the product holds a line."""
    # The SDK waits up to half a minute before it takes up a cut line.
    until(lambda: house.control.get("longconn")["clients"], 2 * WAIT, "a line of the product")


def test_an_edit_brings_a_card_and_a_tap_changes_the_world(house: House) -> None:
    """Both directions work over the line: the event in, the synchronous answer of a tap out."""
    plan = house.plan(0)
    house.give("计划日报", plan["record_id"], house.owner)
    house.plan_rule(plan)
    card = house.card(house.owner, plan["计划名称"])
    opened = house.tap(house.owner, card, "调整预算")
    assert opened["client_code"] == 0
    sent = house.tap(house.owner, card, "提交", amount="2500")
    assert sent["toast"]["type"] == "success", sent["toast"]
    until(lambda: house.budget(plan) == 2500, WAIT, "the budget on the platform")
    assert [int(each) for each in house.budget_calls(plan)] == [2500]


def test_a_cut_line_is_taken_up_again_and_nothing_is_lost(house: House) -> None:
    """After the platform cuts the line a new one comes, and an edit made meanwhile still brings its card."""
    plan = house.plan(1)
    house.give("计划日报", plan["record_id"], house.owner)
    house.control.post("longconn", kill=True)
    _, rule = house.plan_rule(plan, wait=False)
    connected(house)
    # What found no line is sent again by the platform after 15 s and 5 min; its clock makes that now.
    house.control.post("clock", advance=400)
    until(lambda: house.verdict(rule).startswith("有效"), WAIT, "the rule is called valid")
    assert house.card(house.owner, plan["计划名称"])


def test_doctor_and_readyz_see_the_line(house: House) -> None:
    """Whether the line lives is told by its last frame, not by the manifest."""
    connected(house)
    told = house.stage.run("doctor", check=False)
    assert "使用长连接接收事件" in told
    assert requests.get(f"{house.stage.url}/readyz", timeout=10).json()["checks"]["line"] == "ok"
