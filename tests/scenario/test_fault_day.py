"""The same day without faults and with everything going wrong ends in the same state, nothing twice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.client import Control, until
from tests.conftest import Installation
from tests.scenario.day import PATIENCE, Day
from tests.scenario.house import running

pytestmark = [
    pytest.mark.process,
    pytest.mark.timeout(600),
]

SEND = {"method": "POST", "path": "/open-apis/im/v1/messages"}
REDRAW = {"method": "PATCH", "path": "/open-apis/im/v1/messages/*"}
CREATE = {"path": "*/records/batch_create"}
UPDATE = {"path": "*/records/batch_update"}
REREAD = {"path": "*/records/batch_get"}
BUDGET = {"path": "*/qianchuan/ad/budget/update/"}
PLANS = {"path": "*/qianchuan/ad/get/"}
PURCHASE = {"path": "/open/jushuitan/purchase/upload"}
STOCK = {"path": "/open/inventory/query"}

BUSY = {"kind": "code", "code": 99991400}  # 429 with x-ogw-ratelimit-reset
OLD_BUSY = {"kind": "code", "code": 99991400, "status": 400}
RECEIVER = {"kind": "code", "code": 230020, "status": 400}
CONFLICT = {"kind": "code", "code": 1254291}
NOT_READY = {"kind": "code", "code": 1254607}
BROKEN = {"kind": "status", "status": 500}
GATEWAY = {"kind": "html"}
LOST = {"kind": "drop_after"}  # the work is done, the answer never comes
CUT = {"kind": "drop_before"}
REVOKED = {"kind": "revoke_tokens"}
SLOW = {"kind": "delay", "seconds": 4}

SCENES: dict[str, list[tuple[dict[str, str], dict[str, Any]]]] = {
    "rules_are_written": [
        (UPDATE, CONFLICT), (UPDATE, LOST), (UPDATE, BROKEN), (UPDATE, BUSY), (REREAD, NOT_READY),
        (REREAD, GATEWAY), (REREAD, REVOKED), (REREAD, CUT),
    ],
    "numbers_fall": [
        (SEND, BUSY), (SEND, RECEIVER), (SEND, LOST), (SEND, GATEWAY), (SEND, OLD_BUSY), (SEND, LOST),
        (SEND, REVOKED), (SEND, BROKEN), (SEND, SLOW), (PLANS, BROKEN), (PLANS, CUT), (STOCK, GATEWAY),
        (CREATE, CONFLICT), (CREATE, BROKEN), (CREATE, LOST), (UPDATE, LOST), (UPDATE, NOT_READY),
    ],
    "people_act": [
        (BUDGET, LOST), (PURCHASE, LOST), (REDRAW, RECEIVER), (REDRAW, LOST), (REDRAW, BROKEN),
        (CREATE, LOST), (UPDATE, SLOW), (UPDATE, CONFLICT),
    ],
    "numbers_recover": [(REDRAW, BUSY), (REDRAW, GATEWAY), (REDRAW, CUT), (UPDATE, LOST), (UPDATE, REVOKED)],
}  # fmt: skip


def order(control: Control, scene: str) -> None:
    """Order the faults of a scene."""
    for match, fault in SCENES[scene]:
        control.post("faults", match=match, **fault)


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory, installation: Installation) -> dict[str, Any]:
    """The state after the day without faults."""
    with running(tmp_path_factory.mktemp("quiet"), installation()) as house:
        day = Day(house)
        for scene in SCENES:
            getattr(day, scene)()
        return settled(day)


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory, installation: Installation) -> Iterator[Day]:
    """The day with faults, with events doubled and out of order, played to its end."""
    with running(tmp_path_factory.mktemp("faulty"), installation()) as house:
        house.control.post("events", duplicate=True, shuffle=True)
        day = Day(house)
        for scene in SCENES:
            order(house.control, scene)
            getattr(day, scene)()
        yield day


def settled(day: Day) -> dict[str, Any]:
    """The state once it no longer changes: boards are written a little after the cards."""
    seen: list[dict[str, Any]] = []

    def same() -> bool:
        seen.append(day.state())
        day.house.checked("plans", 2)
        return seen[-1] == day.state() and {row[2] for row in seen[-1]["tasks"]} == {"已完成"}

    until(same, PATIENCE, "the day is over")
    return seen[-1]


def test_the_day_with_faults_ends_in_the_same_state(quiet: dict[str, Any], bad: Day) -> None:
    """Cards, budgets, purchase orders, boards and verdicts are the same with and without faults."""
    assert settled(bad) == quiet


def test_nothing_happened_twice(quiet: dict[str, Any], bad: Day) -> None:
    """One budget change, one purchase order, one card for each notice, whatever answers were lost."""
    assert len(quiet["cards"]) == 6
    codes = bad.codes()
    assert len(codes) == len(set(codes)) == 5
    changed = [count for _, _, count in bad.state()["budgets"]]
    assert sorted(changed) == [0, 0, 1]
    assert len(bad.state()["orders"]) == 1
    assert bad.house.parked() == []


def test_every_fault_struck(bad: Day) -> None:
    """The day was as bad as it was meant to be."""
    spared = [fault for fault in bad.house.control.get("faults")["faults"] if fault["times"]]
    assert spared == []
