"""A source that stands still: one card to who looks after it, green when it is back."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from rules import store, tables
from rules.check import Policy
from rules.connection import Connections, Trouble, stale_now
from rules.duty import Role, Roster, Shift
from rules.freshness import SourceState
from rules.model import State
from rules.specs import SHOPS, STOCK
from runtime import tables as floor
from runtime.db import Database
from runtime.manifest import LimitsManifest
from tests.rules.kit import CHEN, LI, START, WANG, ZHAO, House, texts, worker
from tests.rules.stage import MANIFEST, ROI_ROW, Scene, open_scene
from tests.support.wait import until

HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)


def state(table: str, connection: str, pulled: Any, *, first: Any = None, **more: Any) -> SourceState:
    """How a source stands."""
    return SourceState(table, connection, pulled, first, more.pop("error", "断了"), **more)


@pytest.mark.parametrize(
    ("pulled", "first", "stale"),
    [
        (None, None, False),
        (START, None, False),
        (START - HOUR, None, False),
        (START - HOUR - SECOND, START - 2 * HOUR, True),
        (None, START - HOUR, False),
        (None, START - HOUR - SECOND, True),
    ],
)
def test_numbers_grow_old_from_the_last_good_pull_or_the_first_try(
    pulled: Any, first: Any, *, stale: bool
) -> None:
    """What nobody asked has no age; at the limit it is not yet too old; what never answered is in the end."""
    found = stale_now([state("plans", "jd", pulled, first=first)], {"plans": HOUR}, START)
    since = pulled or first
    wanted = [Trouble("connection:jd", "jd", ("plans",), since, "断了", "plans")]
    assert found == (wanted if stale else [])


def test_a_connection_is_one_trouble_however_many_tables_it_feeds() -> None:
    """One subject with both tables; a healthy one, one taken out, and the table itself are none."""
    old = START - 3 * HOUR
    states = [
        state("plans", "", START), state("shops", "", old), state("shops", "jd", old - HOUR),
        state("shops", "tb", START), state("stock", "jd", old, error=""),
        state("stock", "gone", old, connected=False),
    ]  # fmt: skip
    (found,) = stale_now(states, dict.fromkeys(("plans", "shops", "stock"), HOUR), START)
    assert found == Trouble("connection:jd", "jd", ("shops", "stock"), old - HOUR, "断了", "shops,stock")


KEEPERS = Roster([
    Shift(Role.SOURCE, (WANG,)), Shift(Role.SOURCE, (LI,), table="shops"),
    Shift(Role.SOURCE, (ZHAO,), connections=frozenset({"jd", "jd-ads"})),
    Shift(Role.SOURCE, (CHEN,), start=Decimal(0), end=Decimal(1), connections=frozenset({"tb"})),
])  # fmt: skip


@pytest.mark.parametrize(
    ("tables", "connection", "who"),
    [
        (("shops",), "jd", (ZHAO,)),
        (("plans",), "jd-ads", (ZHAO,)),
        (("plans",), "qc", (WANG,)),
        (("shops", "stock"), "tb", (WANG, LI)),
        (("plans",), "", (WANG,)),
    ],
)
def test_the_card_goes_to_the_owner_of_the_connection(
    tables: tuple[str, ...], connection: str, who: tuple[Any, ...]
) -> None:
    """Who is named for it; without one, or outside their hours, who looks after its tables."""
    assert KEEPERS.sources(tables, connection, START) == who


@pytest.fixture
def scene(sandbox: Any, database: Database, tmp_path: Path) -> Iterator[Scene]:
    """The tiny company; plans are too old after an hour."""
    limits = LimitsManifest(max_age={"plans": "1h"})
    manifest = MANIFEST.model_copy(update={"limits": limits})
    built = open_scene(sandbox, database, tmp_path, manifest=manifest)
    yield built
    built.close()


def grow_old(scene: Scene, source: str, error: str = "") -> None:
    """A connection brought its last numbers two hours ago, and was asked in vain now, unless it never was."""
    now = scene.floor.clock.now()
    with scene.floor.db.begin() as conn:
        store.note_pull(conn, source, now - 2 * HOUR)
        store.note_pull(conn, source, now, error=error)


@pytest.mark.db
def test_one_card_to_the_owner_of_the_connection_and_none_an_alert(scene: Scene) -> None:
    """Three alerts become unknown and tell nobody; the connection's owner has one card, green afterwards."""
    owner, keeper, other = scene.people[1:4]
    scene.pull("plans")
    scene.own(owner)
    scene.add(
        "duty",
        {"说明": "投放接口", "用途": "数据连接", "连接": "ads", "人员": [{"id": keeper.open_id}]},
        {"说明": "其余接口", "用途": "数据连接", "人员": [{"id": other.open_id}]},
    )
    scene.add("rules", {**ROI_ROW, "阈值": "1:9"})
    until(lambda: len(scene.cards(owner)) == 3, timeout=20, what="three plans are under 1:9")
    grow_old(scene, "plans/ads", "access_token 已过期")
    for _ in range(3):
        scene.worker.checker.scan("plans")
        Connections(scene.worker).look()
    assert {row.state for row in scene.stored(tables.alerts)} == {State.UNKNOWN}
    until(lambda: scene.cards(keeper), timeout=20, what="the keeper's card")
    (card,) = scene.cards(keeper)
    said = texts(card["content"])
    assert all(part in said for part in ("ads 没有新数据", "已过期", "计划日报", "**3**"))
    assert (len(scene.cards(owner)), scene.cards(other)) == (3, [])
    scene.pull("plans")
    for _ in range(2):
        Connections(scene.worker).look()
    until(lambda: "恢复更新" in texts(scene.cards(keeper)[0]["content"]), timeout=20, what="green")
    assert len(scene.cards(keeper)) == 1
    assert {row.state for row in scene.stored(tables.alerts)} == {State.FIRING}
    assert {notice.kind for notice in scene.stored(tables.alert_notices)} == {"fired"}


@pytest.mark.db
def test_what_becomes_of_a_trouble_with_more_tables_and_without_its_connection(house: House) -> None:
    """The card of one table's outage shows the second as well; taken out of the manifest it ends as such."""
    house.policy = house.checker.policy = Policy((ZHAO,), dict.fromkeys((SHOPS, STOCK), HOUR))
    look = Connections(worker(house)).look

    def asked(*sources: str, error: str = "") -> None:
        with house.db.begin() as conn:
            for source in sources:
                store.note_pull(conn, source, house.clock.now(), error=error)

    asked("shops", "shops/jd", "stock", "stock/jd")
    house.advance(HOUR + SECOND)
    asked("stock", "stock/jd")
    asked("shops", "shops/jd", error="授权已失效")
    look()
    (first,) = house.rows(tables.connection_cards)
    assert (first.table, first.shown, first.receiver) == ("connection:jd", "shops", ZHAO.open_id)
    house.advance(HOUR + SECOND)
    asked("shops", "shops/jd", "stock", "stock/jd", error="授权已失效")
    look()
    (second,) = house.rows(tables.connection_cards)
    assert (second.id, second.shown, second.over_at) == (first.id, "shops,stock", None)
    assert len(house.works(f"connection:{first.id}:")) == 2
    house.advance(SECOND)
    asked("shops", "stock")  # the manifest no longer names jd
    look()
    (third,) = house.rows(tables.connection_cards)
    assert (third.over_at, third.shown) == (house.clock.now(), "")
    assert [row.reason for row in house.rows(floor.audit, action="connection.tell")] == [
        "stale",
        "disconnected",
    ]
