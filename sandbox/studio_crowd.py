"""Requests for images in bulk: operators paste rows at once, and many wait in the queue."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sandbox.client import until
from sandbox.office import Office
from sandbox.product_photos import photo
from sandbox.studio_day import BRANDS, REQUESTS

BRAND = "悦然"


@dataclass
class StudioCrowd:
    """Rows pasted into 素材需求 and what became of them.

    Args:
        office: the company at work.
        records: the rows, in the order they were pasted.
    """

    office: Office
    records: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        people = self.office.people
        self.requesters = [p["open_id"] for p in people if str(p["department"]).startswith("运营")]
        self.designers = [p["open_id"] for p in people if str(p["department"]).startswith("设计")]

    def brand(self) -> None:
        """A brand's row, and wait until it may be used."""
        record = self.office.add(
            self.designers[0], BRANDS, 品牌=BRAND, 主色="#8C2F2B", 辅色="#F6EFE6", 强调色="#D9472F",
            深色文字="#2A1D1A", 浅色文字="#FFFFFF", 调性="温暖、克制",
        )  # fmt: skip
        until(lambda: self._verdict(record) == "可用", 60, "the brand's row is checked")

    def paste(self, count: int, sizes: Sequence[str], *, variants: int = 1, product: str = "serum") -> None:
        """Paste rows in one go; each has its own words, its requester and its designer.

        Args:
            count: how many.
            sizes: as the column 尺寸 calls them, for each row.
            variants: 版数 of each row.
            product: whose photo; see ``sandbox.product_photos``.
        """
        name, data = photo(product)
        first = len(self.records)
        rows = [
            self._row(number, sizes, variants, self.office.attach(name, data))
            for number in range(first, first + count)
        ]
        place = {"app_token": self.office.app_token, "table_id": self.office.tables[REQUESTS]}
        made = self.office.control.post("act/add_many", open_id=self.requesters[0], **place, rows=rows)
        self.records += [str(each) for each in made["record_ids"]]

    def receivers(self, number: int) -> tuple[str, str]:
        """Who is to get the card of a row: its requester and its designer."""
        return (
            str(self.requesters[number % len(self.requesters)]),
            str(self.designers[number % len(self.designers)]),
        )

    def states(self) -> Counter[str]:
        """How many of the pasted rows are in which state."""
        ours = set(self.records)
        rows = [row for row in self.office.rows(REQUESTS) if row["record_id"] in ours]
        return Counter(str(row.get("状态") or "") for row in rows)

    def _row(self, number: int, sizes: Sequence[str], variants: int, file: dict[str, str]) -> dict[str, Any]:
        requester, designer = self.receivers(number)
        return {
            "需求名称": title(number), "商品": "植物精华", "主标题": f"一滴清透\n{letters(number)}",
            "副标题": "早晚各一次",
            "品牌": BRAND, "尺寸": list(sizes), "版数": variants, "风格": ["极简"], "商品图": [file],
            "需求人": [{"id": requester}], "设计师": [{"id": designer}],
        }  # fmt: skip

    def _verdict(self, record: str) -> str:
        rows = self.office.rows(BRANDS)
        return str(next(row for row in rows if row["record_id"] == record).get("校验结果") or "")


def letters(number: int) -> str:
    """A number as letters; as a figure it might be read as a rank, which advertising law forbids."""
    return "".join("ABCDEFGHJK"[int(figure)] for figure in f"{number:03}")


def title(number: int) -> str:
    """What a pasted row is called."""
    return f"批量精华图-{number:03}"
