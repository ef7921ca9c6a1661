"""The numbers behind each chart, as plain values for the script, and as rows of a table for everyone else."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from rules.cockpit import look
from rules.cockpit.board import Board


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its name, its colour (a class of the style sheet), a value a day; None is a gap."""

    name: str
    colour: str
    values: Sequence[Decimal | int | None]


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart of days.

    Attributes:
        key: part of its id.
        title: what it shows.
        unit: ``yuan``, ``ratio`` or ``count``; how numbers are written.
        days: the days, oldest first.
        lines: at most two.
    """

    key: str
    title: str
    unit: str
    days: Sequence[date]
    lines: Sequence[Line]

    @property
    def data(self) -> str:
        """What the script draws, as JSON; numbers are floats here and only here, for pixels."""
        return json.dumps(
            {
                "unit": self.unit,
                "days": [day.strftime("%m-%d") for day in self.days],
                "lines": [
                    {"name": line.name, "colour": line.colour, "values": [_dot(v) for v in line.values]}
                    for line in self.lines
                ],
            },
            ensure_ascii=False,
        )

    @property
    def seen(self) -> int:
        """On how many days anything was seen."""
        return sum(any(line.values[i] is not None for line in self.lines) for i in range(len(self.days)))

    @property
    def rows(self) -> list[tuple[str, list[str]]]:
        """The days something was seen on, newest first, for the table under the chart."""
        write = _WRITE[self.unit]
        rows = []
        for index, day in reversed(list(enumerate(self.days))):
            values = [line.values[index] for line in self.lines]
            if any(value is not None for value in values):
                rows.append((look.day(day), [write(value) for value in values]))
        return rows


def _dot(value: Decimal | int | None) -> float | None:
    return None if value is None else float(value)


_WRITE: dict[str, Callable[[Any], str]] = {
    "yuan": look.yuan, "ratio": look.ratio, "count": look.count,
}  # fmt: skip


def charts(board: Board) -> list[Chart]:
    """The charts of a board: sales and spend, ROI, SKUs under safety stock."""
    days = [day for day, _ in board.trend]
    sums = [each for _, each in board.trend]
    stocks = [each for _, each in board.stock_trend]
    low = [None if each is None else each.low for each in stocks]
    out = [None if each is None else each.out for each in stocks]
    money = [
        Line("店铺成交", "blue", [each.gmv for each in sums]),
        Line("广告消耗", "orange", [each.spend for each in sums]),
    ]
    short = [Line("低于安全库存", "orange", low), Line("其中缺货", "red", out)]
    return [
        Chart("money", "成交与广告消耗", "yuan", days, money),
        Chart("roi", "广告 ROI", "ratio", days, [Line("ROI", "green", [each.roi for each in sums])]),
        Chart("stock", "库存告急 SKU", "count", days, short),
    ]
