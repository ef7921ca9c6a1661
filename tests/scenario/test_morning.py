"""The demo's morning is the acceptance test: every scene passes, every request is well-formed."""

from collections import Counter

import pytest

from sandbox.morning import Morning
from sandbox.office import Office
from sandbox.scenes import Outcome
from tests.scenario.house import House
from tests.schemas.check import check_requests

pytestmark = [
    pytest.mark.process,
    pytest.mark.timeout(300),
]


@pytest.fixture(scope="module")
def house(demo_house: House) -> House:
    """The demo company with the product beside it."""
    return demo_house


@pytest.fixture(scope="module")
def before(house: House) -> int:
    """Number of the last call before the morning; other modules may have played in the house."""
    return max(int(call["n"]) for call in house.requests())


@pytest.fixture(scope="module")
def morning(house: House) -> Morning:
    """The morning's script."""
    return Morning(Office(house.control))


@pytest.fixture(scope="module")
def outcomes(morning: Morning, before: int) -> list[Outcome]:
    """The morning, played once."""
    morning.play()
    return morning.outcomes


def test_every_scene_of_the_morning_passes(outcomes: list[Outcome]) -> None:
    """What ``chorus demo --once`` shows a newcomer works, scene by scene."""
    assert [f"{each.scene}: {each.happened}" for each in outcomes if not each.passed] == []
    assert len(outcomes) == 11


def test_every_request_of_the_morning_fits_the_official_schemas(
    house: House, outcomes: list[Outcome]
) -> None:
    """What the product sent to Feishu from setup to the last card is valid in the vendor's own eyes."""
    assert outcomes
    sent = house.requests()
    assert {"/open-apis/im/v1/messages", "/open-apis/auth/v3/tenant_access_token/internal"} <= {
        call["path"] for call in sent
    }
    assert check_requests(sent) == []


def test_a_quiet_morning_has_no_refusals_and_no_given_up_work(
    house: House, before: int, outcomes: list[Outcome]
) -> None:
    """Without faults no work is parked, and the platforms refuse nothing the product asks."""
    assert outcomes
    refused = Counter(
        (call["path"], call["status"], (call["response"] or {}).get("code"))
        for call in house.requests()
        if call["n"] > before and (call["status"] != 200 or (call["response"] or {}).get("code"))
    )
    assert refused == {}
    assert house.parked() == []


def test_a_visitor_of_the_demo_finds_an_alert_and_plans_with_owners(
    house: House, morning: Morning, outcomes: list[Outcome]
) -> None:
    """What ``chorus demo`` prepares: a plan is under 1:3 at its owner's, others would be told to theirs."""
    assert outcomes
    try:
        card = morning.open_house()
        assert card.open_id == morning.owner["open_id"]
        assert "低于 1:3（3.00）" in card.text
        plans = morning.office.rows("计划日报")
        assert [plan["计划名称"] for plan in plans if not plan.get("负责人")] == []
    finally:
        morning.office.edit(morning.chief, "预警规则", morning.roi_rule, 启用=False)
