"""When news is held back, and that it is told once its time comes."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from bitable_sync.cells import EMPTY, CellValue, Person
from rules import tables
from rules.duty import Role, Roster, Shift
from rules.model import Reason, Severity, State
from rules.silence import Around, Silence, Why, muted, read_silence
from rules.specs import DUTY, SHOPS, SILENCES
from runtime.clock import SHANGHAI
from tests.rules.kit import CHEN, LI, ROI_RULE, START, STOCK_RULE, WANG, House, rule
from tests.rules.test_actions import say
from tests.rules.test_notices import alert

HOUR = timedelta(hours=1)
FIRING = alert(object_id="1001", title="夏季新品", shop="旗舰店")
NIGHT = Shift(Role.QUIET, (), frozenset(), Decimal(22), Decimal(8))
MIDNIGHT = datetime(2026, 3, 3, 0, 30, tzinfo=SHANGHAI)


def silence(**changes: Any) -> Silence:
    """A silence of everything for an hour."""
    return replace(Silence("", frozenset(), frozenset(), None, START + HOUR), **changes)


@pytest.mark.parametrize(
    ("shown", "around", "now", "why"),
    [
        (FIRING, Around(), START, None),
        (replace(FIRING, muted_until=START + HOUR), Around(), START, Why.CARD),
        (replace(FIRING, muted_until=START), Around(), START, None),
        (FIRING, Around([silence()]), START, Why.TABLE),
        (FIRING, Around([silence()]), START + HOUR, None),
        (FIRING, Around([silence(start=START + HOUR)]), START, None),
        (FIRING, Around([silence(rule="ROI 低于 1:3")]), START, Why.TABLE),
        (FIRING, Around([silence(rule="别的规则")]), START, None),
        (FIRING, Around([silence(objects=frozenset({"1001"}))]), START, Why.TABLE),
        (FIRING, Around([silence(objects=frozenset({"夏季新品"}))]), START, Why.TABLE),
        (FIRING, Around([silence(objects=frozenset({"1002"}))]), START, None),
        (FIRING, Around([silence(people=frozenset({WANG.open_id}))]), START, Why.TABLE),
        (FIRING, Around([silence(people=frozenset({LI.open_id}))]), START, None),
        (FIRING, Around(down=frozenset({"旗舰店"})), START, Why.COVERED),
        (FIRING, Around(down=frozenset({"专营店"})), START, None),
        (replace(FIRING, table=SHOPS), Around(down=frozenset({"旗舰店"})), START, None),
        (replace(FIRING, shop=""), Around(down=frozenset({""})), START, None),
        (FIRING, Around(roster=Roster([NIGHT])), START, None),
        (FIRING, Around(roster=Roster([NIGHT])), MIDNIGHT, Why.QUIET),
        (replace(FIRING, severity=Severity.CRITICAL), Around(roster=Roster([NIGHT])), MIDNIGHT, None),
        (FIRING, Around(roster=Roster([NIGHT, Shift(Role.ON_DUTY, (WANG,))])), MIDNIGHT, None),
        (FIRING, Around(roster=Roster([replace(NIGHT, people=(LI,))])), MIDNIGHT, None),
    ],
)
def test_what_is_held_back_has_a_reason(shown: Any, around: Around, now: datetime, why: Why | None) -> None:
    """A silence, a shop that is down, the night: each holds for what it is about and no longer."""
    assert muted(shown, rule(), WANG.open_id, around, now) is why


@pytest.mark.parametrize(
    ("cells", "read"),
    [
        ({}, None),
        ({"until": "明天"}, None),
        ({"until": START}, Silence("", frozenset(), frozenset(), None, START)),
        (
            {"until": START, "rule": " ROI ", "objects": "a、 b,c，", "people": (WANG,), "start": START},
            Silence("ROI", frozenset("abc"), frozenset({WANG.open_id}), START, START),
        ),
        (
            {"until": START, "objects": EMPTY, "people": EMPTY},
            Silence("", frozenset(), frozenset(), None, START),
        ),
    ],
)
def test_a_row_without_an_end_silences_nothing(cells: dict[str, CellValue], read: Silence | None) -> None:
    """What was meant for an afternoon must not hold for ever."""
    assert read_silence(cells) == read


def tap(house: House, who: Person, action: str, option: str | None = None) -> Any:
    """A tap on the one alert's card."""
    handlers = {
        "mute.set": house.actions.mute,
        "mute.end": house.actions.unmute,
        "alert.ack": house.actions.ack,
    }
    with house.db.begin() as conn:
        return handlers[action](conn, house.tap(who, action, house.alert(), option))


def kinds(house: House) -> list[str]:
    """Kinds of what was decided to tell."""
    return sorted(notice.kind for notice in house.notices())


@pytest.mark.db
def test_a_silence_on_the_card_holds_back_news_and_not_the_state(house: House) -> None:
    """Silenced for an hour: a new breach within it is told when it ends, if it still holds, and once."""
    house.write_rule()
    house.write_plan()
    assert "静默到 03-02 11:00" in say(tap(house, WANG, "mute.set", "1h"))
    house.write_plan(gmv=Decimal(9000))
    house.advance(timedelta(minutes=5))
    house.write_plan()
    assert (house.alert().state, house.alert().episode) == (State.FIRING, 2)
    assert len(house.notices()) == 1
    house.advance(HOUR)
    for _ in range(2):
        house.checker.scan()
    assert [(notice.episode, notice.kind) for notice in house.notices()].count((2, "fired")) == 1


@pytest.mark.db
def test_worse_news_breaks_a_silence(house: House) -> None:
    """A raised severity is told at once and ends the silence."""
    house.write_rule()
    house.write_plan()
    tap(house, WANG, "mute.set", "3d")
    house.write_rule(replace(ROI_RULE, severity="严重"))
    assert kinds(house) == ["fired", "raised"]
    assert house.alert().muted_until is None


@pytest.mark.db
def test_a_silence_can_be_ended_and_needs_a_choice(house: House) -> None:
    """取消静默 works at once; an option nobody offered decides nothing."""
    house.write_rule()
    house.write_plan()
    assert "请选择" in say(tap(house, WANG, "mute.set", "10y"))
    tap(house, WANG, "mute.set", "tomorrow")
    assert house.alert().muted_until == datetime(2026, 3, 3, 9, tzinfo=SHANGHAI)
    tap(house, WANG, "mute.end")
    assert (house.alert().muted_until, house.alert().reason) == (None, Reason.UNMUTED)


@pytest.mark.db
def test_a_row_of_the_table_holds_back_what_it_names(house: House) -> None:
    """双 11 盘点: the stock rule is silent until the row's end, the plan is told."""
    until = house.clock.now() + HOUR
    house.put(SILENCES, {"rec_s": {"reason": "盘点", "rule": STOCK_RULE.name, "until": until}})
    house.write_rule()
    house.write_rule(STOCK_RULE, "rec_stock")
    house.write_plan()
    house.put("stock", {"rec_s1": {"sku": "S", "qty": Decimal(1), "locked": Decimal(0), "on_way": Decimal(0),
                                   "safety": Decimal(9), "owner": (CHEN,)}})  # fmt: skip
    house.checker.scan()
    assert [notice.receiver for notice in house.notices()] == ["ou_wang"]
    house.advance(HOUR)
    house.checker.scan()
    assert sorted(notice.receiver for notice in house.notices()) == ["ou_chen", "ou_wang"]


@pytest.mark.db
def test_the_night_is_told_in_the_morning_together(house: House) -> None:
    """At night only 严重 gets through; at eight the rest comes as one summary, once."""
    house.clock.set(MIDNIGHT)
    house.put(DUTY, {"rec_n": {"name": "夜里", "role": "免打扰", "start": Decimal(22), "end": Decimal(8)}})
    house.write_rule()
    house.write_rule(replace(ROI_RULE, name="严重", severity="严重", threshold="1:2.5"), "rec_severe")
    for number in range(3):
        house.write_plan(str(number))
    assert {notice.alert_id for notice in house.notices()} == {
        house.alert("rec_severe", str(number)).id for number in range(3)
    }
    house.clock.set(MIDNIGHT.replace(hour=8, minute=0))
    for _ in range(2):
        house.checker.scan()
    late = [n for n in house.notices() if n.digest_id is not None and n.receiver == "ou_wang"]
    assert {notice.alert_id for notice in late} == {house.alert("rec_roi", str(n)).id for n in range(3)}
    assert len(house.rows(tables.alert_groups, receiver="ou_wang")) == 1


@pytest.mark.db
def test_a_shop_that_is_down_covers_its_plans(house: House) -> None:
    """While 旗舰店 is over a covering line its plans are not told; afterwards what still fires is."""
    covers = replace(ROI_RULE, name="店铺停摆", table="店铺日报", metric="成交跌幅", comparison="高于",
                     threshold="80%", scope="", severity="严重", actions=("知道了",),
                     covers=True)  # fmt: skip
    house.write_rule(covers, "rec_shop")
    house.write_rule()
    house.write_shop(gmv=Decimal(0))
    for number in range(4):
        house.write_plan(str(number), shop="旗舰店" if number < 3 else "专营店")
    told = {notice.alert_id for notice in house.notices()}
    assert told == {house.alert("rec_shop", "s1").id, house.alert("rec_roi", "3").id}
    assert len([a for a in house.open() if a.state is State.FIRING]) == 5, "states are not held back"
    house.advance(HOUR)
    house.write_shop(gmv=Decimal(1000))
    house.checker.scan()
    assert len({notice.alert_id for notice in house.notices()}) == 5
