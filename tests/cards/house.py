"""What whoever looks after the house is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

from bot.care_cards import Counts, Day, day_card, parked_card
from runtime.ids import WorkId
from runtime.parked import Parked
from tests.cards.shown import Shown
from tests.rules.kit import START

GROUP = ("运维", "Operations")
GOOD = Day(
    date(2026, 11, 28), events=1204, taps=86, failed=0, waiting=0, calls=4211, allowance=10_000,
    warn_from=8000, head="20714:3f9a0c55d1e7b082", counts=Counts(alerts=37, cards=52, tasks=9),
)  # fmt: skip
BAD = replace(
    GOOD, failed=2, waiting=3, calls=8630,
    counts=Counts(alerts=37, cards=52, tasks=9, failed=1, stale=("商品库存", "计划日报")),
)  # fmt: skip


def works(count: int) -> list[Parked]:
    """Works that were given up."""
    error = "店铺平台拒绝了请求：授权已过期，请运行 chorus shops add tmall 重新授权。"
    return [
        Parked(WorkId(f"rules.act:t_{number:04}"), "rules.act", f"object:p{number}", {}, error, START)
        for number in range(count)
    ]


def cards() -> Iterator[Shown]:
    """The morning card and the card of works that were given up."""
    yield Shown("day-good", GROUP, ("昨日自检：正常", "Yesterday: all well"), day_card(GOOD))
    yield Shown("day-bad", GROUP, ("昨日自检：有问题", "Yesterday: something is wrong"), day_card(BAD))
    two, many = works(2), works(11)
    yield Shown(
        "parked", GROUP, ("任务没有做成", "Works given up"), parked_card([(each, "waiting") for each in two])
    )
    mixed = [(two[0], "retried"), (two[1], "waiting")]
    yield Shown("parked-one-again", GROUP, ("重试了一个", "One tried again"), parked_card(mixed))
    yield Shown(
        "parked-again",
        GROUP,
        ("都已重试", "All tried again"),
        parked_card([(each, "retried") for each in two]),
    )
    yield Shown("parked-many", GROUP, ("很多", "Many"), parked_card([(each, "waiting") for each in many]))
