"""A row of 素材需求 as tests of intake and brief read it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from bitable_sync.cells import Attachment, CellValue, Person
from creative.brief import Shelf
from creative.model import BrandRules

NOW = datetime(2026, 11, 23, 4, tzinfo=UTC)
BRAND = BrandRules("悦然", {"primary": "#8C2F2B"}, tone="温暖", owners=("ou_owner",))
SHELF = Shelf({"悦然": BRAND}, {"上文下图": {"layouts": {}}})
ROW: Mapping[str, CellValue] = {
    "requester": (Person("ou_asker", "小王"),),
    "brand": "悦然",
    "headline": "一杯热水\n陪你到下班",
    "formats": ("天猫主图 800×800", "千川横图 1280×720"),
    "product": "保温杯",
    "variants": Decimal(2),
    "photos": (Attachment("box1", "杯.jpg", 1000),),
}


def row(**cells: Any) -> dict[str, CellValue]:
    """The row with other cells."""
    return {**ROW, **cells}
