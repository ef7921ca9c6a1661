"""Five thousand SKUs fall at once: the worker, the sandbox and the platform's limits."""

import sys
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bitable_sync.cells import CellValue, Person
from bot.model import Tap, TapAnswer
from rules import tables
from rules.model import State
from rules.specs import ALERTS, STOCK, TABLES, TASKS
from runtime.db import Database
from runtime.ids import ChatId, EventId, MessageId, OpenId
from runtime.work import Work
from tests.rules.kit import sku, texts
from tests.rules.stage import STOCK_ROW, Scene, open_scene
from tests.support.company import shown
from tests.support.share import sized
from tests.support.wait import until

pytestmark = [pytest.mark.db, pytest.mark.timeout(900)]

(SKUS,), BUYERS = sized(5_000, least=0.3), 12


def rows(buyers: list[Person], qty: int) -> dict[str, dict[str, CellValue]]:
    """Every SKU with so many pieces, dealt out to the buyers."""
    return {
        f"rec_{n:04}": sku(
            f"SKU-{n:04}",
            name=f"商品{n:04}",
            qty=Decimal(qty),
            owner=(buyers[n % BUYERS],),
            safety=Decimal(100),
        )
        for n in range(SKUS)
    }


def check(scene: Scene, name: str) -> None:
    """The regular check, by the worker."""
    scene.put(Work("rules.check", f"check:{name}", "", {}))


def page(scene: Scene, who: Person, group: Any, number: int) -> TapAnswer:
    """A tap on 下一页."""
    handler = scene.web.tap_handler("group.page")
    assert handler is not None
    value = {"a": "group.page", "id": group.id, "p": number}
    tap = Tap(
        EventId(f"page{number}"), OpenId(who.open_id), "group.page", value, {}, None,
        MessageId(group.message_id), ChatId(group.chat_id), "c-1", scene.floor.clock.now(),
    )  # fmt: skip
    with scene.floor.db.begin() as conn:
        return handler(conn, tap)


@pytest.fixture
def scene(sandbox: Any, database: Database, tmp_path: Path) -> Any:
    """A company of sixty whose mirror holds five thousand SKUs, all well, with the platform's limits on."""
    sandbox.world.reset("crowd:60", seed=1)
    built = open_scene(sandbox, database, tmp_path)
    for spec in TABLES:
        if spec.key not in (ALERTS, TASKS):
            built.sync.mirror.begin_pull(spec.key)
            built.sync.mirror.end_pull(spec.key, started=built.floor.clock.now())
    built.sync.mirror.put(STOCK, rows(built.people[1 : BUYERS + 1], 900), seen_at=built.floor.clock.now())
    built.add("rules", STOCK_ROW)
    sandbox.world.limits_on = True
    yield built
    built.close()


def test_five_thousand_skus_are_one_summary_a_buyer(scene: Scene) -> None:
    """Each of twelve buyers has one summary, 预警看板 has every SKU, pages turn, the end is one message each.

    With ``-s`` it says how long the summaries took; a busy machine may take longer than ten seconds.
    """
    buyers = scene.people[1 : BUYERS + 1]
    scene.sync.mirror.put(STOCK, rows(buyers, 0), seen_at=scene.floor.clock.now())
    begun = time.monotonic()
    check(scene, "fall")
    until(lambda: all(_whole(scene, buyer) for buyer in buyers), timeout=240, what="every summary is whole")
    sys.stdout.write(f"{SKUS} SKUs, {BUYERS} buyers: summaries after {time.monotonic() - begun:.1f} s\n")
    for buyer in buyers:
        (card,) = scene.cards(buyer)
        assert f"{SKUS:,} 个对象里有 {SKUS:,} 个越线" in texts(card["content"])
        assert "先核对数据" in texts(card["content"])
    groups = {row.receiver: row for row in scene.stored(tables.alert_groups)}
    assert sorted(groups) == sorted(buyer.open_id for buyer in buyers)
    until(
        lambda: {row.state for row in scene.stored(tables.alert_notices)} == {"sent"},
        timeout=90, what="every notice is noted as sent",
    )  # fmt: skip
    assert _standing(scene) == {"告警中": SKUS}, "every SKU stands on 预警看板"
    pages = -(-(SKUS // BUYERS) // 10)
    turned = texts(page(scene, buyers[0], groups[buyers[0].open_id], pages - 1).card)
    assert f"第 {pages}/{pages} 页" in turned
    _all_well_again(scene, buyers)


def _whole(scene: Scene, buyer: Person) -> bool:
    """Whether a buyer has a summary of all that is theirs."""
    share = SKUS // BUYERS
    shown = "".join(texts(card["content"]) for card in scene.cards(buyer))
    return any(f"{count} 个对象越过红线" in shown for count in (share, share + 1))


def _standing(scene: Scene) -> Counter[str]:
    """How many rows of 预警看板 say what, each SKU counted once, when nothing is due there any more."""
    a = tables.alerts.c
    behind = sa.select(sa.func.count()).where(a.board_version < a.version)

    def written() -> bool:
        with scene.floor.db.read() as conn:
            return conn.execute(behind).scalar_one() == 0

    until(written, timeout=180, interval=0.2, what="预警看板 is up to date")
    said = {shown(row["fields"]["对象"]): shown(row["fields"]["状态"]) for row in scene.rows("alerts")}
    return Counter(said.values())


def _all_well_again(scene: Scene, buyers: list[Person]) -> None:
    scene.sync.mirror.put(STOCK, rows(buyers, 900), seen_at=scene.floor.clock.now())
    check(scene, "restored")
    until(
        lambda: all(row.over_at for row in scene.stored(tables.alert_groups)),
        timeout=240, what="every end is told",
    )  # fmt: skip
    assert {row.state for row in scene.stored(tables.alerts)} == {State.RESOLVED}
    assert _standing(scene) == {"已恢复": SKUS}
    for buyer in buyers:
        shown = [texts(card["content"]) for card in scene.cards(buyer)]
        assert len(shown) == 2
        assert sum("个对象都恢复了" in words for words in shown) == 1
        assert sum("个对象都已结束" in words for words in shown) == 1
    refused = [call for call in scene.calls("/im/v1/messages") if call["status"] in (400, 429)]
    assert refused == [], "no call met a limit of the platform"
