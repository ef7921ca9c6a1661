"""Rows are found on the platform by business key, whatever the key is made of."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest

from bitable_sync.cells import CellValue
from bitable_sync.lookup import find_by_key
from bitable_sync.mirror import business_key
from bitable_sync.spec import FieldSpec, Kind, Specs, TableSpec
from tests.sync.conftest import Stage

pytestmark = pytest.mark.db

DAILY = TableSpec(
    "plans",
    "日报",
    (
        FieldSpec("shop", "店铺", Kind.TEXT),
        FieldSpec("day", "日期", Kind.DATE),
        FieldSpec("rank", "序号", Kind.NUMBER),
        FieldSpec("amount", "金额", Kind.CURRENCY),
    ),
    business_key=("shop", "day", "rank"),
)


def row(shop: str, day: int, rank: int) -> dict[str, CellValue]:
    """A row of the daily table."""
    return {"shop": shop, "day": date(2026, 3, day), "rank": Decimal(rank), "amount": Decimal(1)}


def test_keys_of_several_columns(build: Callable[[Specs], Stage]) -> None:
    """Text, date and number together: exactly the rows asked for, more than one search if need be."""
    stage = build(Specs((DAILY,)))
    stage.setup.apply()
    rows = [row(shop, day, rank) for shop in ("一店", "二店") for day in range(1, 11) for rank in (1, 2)]
    stage.sync.pusher.upsert("plans", rows, cause="c")
    wanted = {str(business_key(DAILY, r)): r for r in [*rows[:30], row("三店", 1, 1)]}
    found = find_by_key(stage.feishu, DAILY, stage.sync.bindings.require("plans"), wanted)
    assert set(found) == set(wanted) - {str(business_key(DAILY, row("三店", 1, 1)))}
    assert all(len(records) == 1 for records in found.values())


def test_lost_answer_with_a_composite_key(build: Callable[[Specs], Stage]) -> None:
    """The look-up after a cut answer works for composite keys: nothing is doubled."""
    stage = build(Specs((DAILY,)))
    stage.setup.apply()
    stage.sync.puller.pull("plans")
    stage.fault("*/records/batch_create", kind="drop_after", times=1)
    rows = [row("一店", day, 1) for day in range(1, 21)]
    assert len(stage.sync.pusher.upsert("plans", rows, cause="c").created) == 20
    assert len(stage.rows()) == 20
