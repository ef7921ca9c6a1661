"""A source that stands still: one card to who looks after it, green when it is back."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from rules import store, tables
from rules.connection import Connections, stale_now
from rules.model import State
from runtime.db import Database
from runtime.manifest import LimitsManifest
from tests.rules.kit import START, texts
from tests.rules.stage import MANIFEST, ROI_ROW, Scene, open_scene
from tests.support.wait import until

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("pulled", "stale"),
    [(None, False), (START, False), (START - HOUR, False), (START - HOUR - timedelta(seconds=1), True)],
)
def test_only_what_was_fresh_once_can_be_stale(pulled: Any, *, stale: bool) -> None:
    """A table that people fill in by hand has no age; at the limit it is not yet too old."""
    found = stale_now({"plans": (pulled, "断了")}, {"plans": HOUR}, START)
    assert found == ({"plans": (pulled, "断了")} if stale else {})


@pytest.fixture
def scene(sandbox: Any, database: Database, tmp_path: Path) -> Iterator[Scene]:
    """The tiny company; plans are too old after an hour."""
    limits = LimitsManifest(max_age={"plans": "1h"})
    manifest = MANIFEST.model_copy(update={"limits": limits})
    built = open_scene(sandbox, database, tmp_path, manifest=manifest)
    yield built
    built.engine.close()
    built.feishu.close()
    built.floor.mirror.close()


@pytest.mark.db
def test_one_card_to_the_owner_of_the_connection_and_none_an_alert(scene: Scene) -> None:
    """Three alerts become unknown and tell nobody; the connection's owner has one card, green afterwards."""
    owner, keeper = scene.people[1], scene.people[2]
    scene.pull("plans")
    scene.own(owner)
    scene.add("duty", {"说明": "投放接口", "用途": "数据连接", "人员": [{"id": keeper.open_id}]})
    scene.add("rules", {**ROI_ROW, "阈值": "1:9"})
    until(lambda: len(scene.cards(owner)) == 3, timeout=20, what="three plans are under 1:9")
    with scene.floor.db.begin() as conn:
        store.note_pull(conn, "plans", scene.floor.clock.now() - 2 * HOUR)
        store.note_pull(conn, "plans", scene.floor.clock.now(), error="access_token 已过期")
    for _ in range(3):
        scene.worker.checker.scan("plans")
        Connections(scene.worker).look()
    assert {row.state for row in scene.stored(tables.alerts)} == {State.UNKNOWN}
    until(lambda: scene.cards(keeper), timeout=20, what="the keeper's card")
    (card,) = scene.cards(keeper)
    assert "已过期" in texts(card["content"])
    assert len(scene.cards(owner)) == 3
    scene.pull("plans")
    for _ in range(2):
        Connections(scene.worker).look()
    until(lambda: "恢复更新" in texts(scene.cards(keeper)[0]["content"]), timeout=20, what="green")
    assert len(scene.cards(keeper)) == 1
    assert {row.state for row in scene.stored(tables.alerts)} == {State.FIRING}
    assert {notice.kind for notice in scene.stored(tables.alert_notices)} == {"fired"}
