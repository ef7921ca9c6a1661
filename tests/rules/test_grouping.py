"""What is told one by one and what together, by person and window."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from bot.cards import check
from rules import groups, tables
from rules.grouping import SINGLE_CARDS, WINDOW, Way, way
from rules.model import State
from rules.overview import summarize
from rules.specs import STOCK
from rules.storms import Storm, storms
from rules.summary import summary_card
from tests.rules.kit import CHEN, LI, STOCK_RULE, WANG, House, rule, sku, texts


@pytest.mark.parametrize(
    ("new", "lately", "late", "window_open", "expected"),
    [
        (1, 0, 0, False, Way.SINGLE),
        (SINGLE_CARDS, 0, 0, False, Way.SINGLE),
        (SINGLE_CARDS + 1, 0, 0, False, Way.OPENS_MANY),
        (1, SINGLE_CARDS, 0, False, Way.OPENS_MANY),  # one by one they come to as many
        (1, 0, 0, True, Way.JOINS),
        (500, 0, 0, True, Way.JOINS),
        (2, 0, 2, False, Way.OPENS_LATE),  # the night's news comes together
        (1, 0, 1, False, Way.SINGLE),
    ],
)
def test_each_way_has_its_reason(
    new: int, lately: int, late: int, *, window_open: bool, expected: Way
) -> None:
    """Few are cards of their own; many, or what was held back, come together."""
    assert way(new, lately, late=late, window_open=window_open) is expected


def fall(house: House, first: int, count: int) -> None:
    """So many SKUs fall under their safety stock."""
    house.put(STOCK, {f"rec_{n}": sku(f"SKU-{n:03}") for n in range(first, first + count)})
    house.checker.scan()


@pytest.fixture
def buying(house: House) -> House:
    """A rule on stock; nothing is low yet."""
    house.write_rule(STOCK_RULE, "rec_stock")
    return house


def grouped(house: House) -> list[int]:
    """Sizes of the groups, in the order they were opened; then the number of single cards."""
    notices, order = (
        house.notices(),
        sorted(house.rows(tables.alert_groups), key=lambda group: group.opened_at),
    )
    sizes = [sum(notice.digest_id == group.id for notice in notices) for group in order]
    return [*sizes, sum(notice.digest_id is None for notice in notices)]


@pytest.mark.db
def test_what_trickles_in_becomes_one_summary(buying: House) -> None:
    """Three, three, three within a window: the first are single cards, the rest one summary that grows."""
    for first in (0, 3, 6):
        fall(buying, first, 3)
        buying.advance(timedelta(seconds=30))
    assert grouped(buying) == [6, 3]
    assert len(buying.works("notify:dg_")) == 1
    assert len(buying.works("refresh:dg_")) == 1
    buying.checker.scan()
    assert grouped(buying) == [6, 3], "looking again tells nothing"


@pytest.mark.db
def test_a_new_window_begins_anew(buying: House) -> None:
    """Six minutes later two more are two cards; ten at once then are another summary."""
    fall(buying, 0, 9)
    buying.advance(WINDOW + timedelta(minutes=1))
    fall(buying, 9, 2)
    assert grouped(buying) == [9, 2]
    fall(buying, 11, 10)
    assert grouped(buying) == [9, 10, 2]


@pytest.mark.db
def test_worse_news_does_not_drown_in_a_summary(buying: House) -> None:
    """A raise within an open window is a card of its own; fifty at once are told together all the same."""
    fall(buying, 0, 6)
    buying.write_rule(replace(STOCK_RULE, name="提醒", severity="提醒", threshold="60"), "rec_mild")
    assert grouped(buying) == [12, 0]
    few = {f"rec_{n}": sku(f"SKU-{n:03}", qty=Decimal(900)) for n in range(2, 6)}
    buying.put(STOCK, few)
    buying.checker.scan()
    buying.write_rule(replace(STOCK_RULE, name="提醒", severity="警告", threshold="60"), "rec_mild")
    assert [n.kind for n in buying.notices() if n.digest_id is None] == ["raised", "raised"]


@pytest.mark.db
def test_every_person_has_a_summary_of_their_own(buying: House) -> None:
    """Fourteen SKUs of two buyers: seven each; a third with one gets a card."""
    owners = [CHEN, LI] * 7 + [WANG]
    buying.put(STOCK, {f"rec_{n}": sku(f"SKU-{n}", owner=(who,)) for n, who in enumerate(owners)})
    buying.checker.scan()
    assert sorted(row.receiver for row in buying.rows(tables.alert_groups)) == ["ou_chen", "ou_li"]
    assert grouped(buying) == [7, 7, 1]


def touch(house: House, who: Any, action: str, **value: Any) -> Any:
    """A tap on a summary."""
    handler = {"group.page": house.actions.page, "group.ack": house.actions.ack_all}[action]
    with house.db.begin() as conn:
        answer = handler(conn, house.touch(who, action, {"a": action, **value}))
    if answer.card is not None:
        check(answer.card)
    return answer


@pytest.mark.db
def test_pages_show_everything_once_and_only_to_whom_it_was_sent(buying: House) -> None:
    """Twenty-five on three pages, the worst first; somebody else's tap turns nothing."""
    severe = {f"rec_{n}": sku(f"SKU-{n:03}", name=f"杯{n:03}号") for n in range(25)}
    buying.put(STOCK, severe)
    buying.checker.scan()
    group = buying.rows(tables.alert_groups)[0].id
    pages = [texts(touch(buying, CHEN, "group.page", id=group, p=page).card) for page in range(3)]
    seen = [[f"杯{n:03}号" in page for page in pages].count(True) for n in range(25)]
    assert seen == [1] * 25
    assert "第 3/3 页" in pages[2]
    assert "发给别人" in touch(buying, WANG, "group.page", id=group, p=1).toast.zh
    assert buying.rows(tables.alert_groups)[0].page == 2
    assert "第 3/3 页" in texts(touch(buying, CHEN, "group.page", id=group, p=99).card)


@pytest.mark.db
def test_all_of_a_summary_is_taken_at_once(buying: House) -> None:
    """全部知道了 takes what this person may act on, each with its audit; the second tap finds nothing."""
    fall(buying, 0, 12)
    group = buying.rows(tables.alert_groups)[0].id
    assert touch(buying, CHEN, "group.ack", id=group).toast.zh == "12 条交给你了"
    assert {alert.state for alert in buying.open()} == {State.ACKED}
    assert {alert.acked_by for alert in buying.open()} == {CHEN}
    assert touch(buying, CHEN, "group.ack", id=group).toast.zh == "0 条交给你了"
    assert "发给别人" in touch(buying, WANG, "group.ack", id=group).toast.zh


@pytest.mark.db
def test_a_summary_says_what_is_over(buying: House) -> None:
    """What recovered goes to the end and is counted; an alert of a later episode is not this one's news."""
    fall(buying, 0, 8)
    group = groups.Group(**buying.rows(tables.alert_groups)[0]._mapping)
    well = {f"rec_{n}": sku(f"SKU-{n:03}", qty=Decimal(900)) for n in range(3)}
    buying.put(STOCK, well)
    buying.checker.scan()
    with buying.db.read() as conn:
        shown = summarize(conn, buying.sources, group, groups.members(conn, group.id))
    assert (shown.open, len(shown.over)) == (5, 3)
    assert [alert.id in shown.over for alert in shown.alerts] == [False] * 5 + [True] * 3
    said = texts(summary_card(shown).data)
    assert "还有 5 个对象越过红线（共 8 个）" in said
    assert said.count(", below safety stock ") == 5
    assert said.count("Resolved · ") == 3


@pytest.mark.parametrize(
    ("over", "size", "storm"),
    [(29, 29, False), (30, 100, True), (30, 101, False), (412, 500, True), (40, 10, True)],
)
def test_a_storm_is_many_and_a_large_part(over: int, size: int, *, storm: bool) -> None:
    """Fewer than thirty, or under three in ten of the table, is business; else the data is doubted aloud."""
    of = rule(STOCK_RULE)
    found = storms({of.id: over}, {"stock": size}, {of.id: of})
    assert found == ([Storm(of.name, "stock", over, max(over, size))] if storm else [])
