"""Several platforms in one table: each feeds its rows, and silence of one proves nothing about its plans."""

import os
import time
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click import ClickException

from bitable_sync.cells import Person
from bitable_sync.doctor import Level
from bot.model import Tap
from rules import doctor, store, tables
from rules.connection import Connections
from rules.model import State
from runtime import tables as floor
from runtime.clock import SystemClock
from runtime.db import Database
from runtime.errors import ChorusError
from runtime.ids import ChatId, EventId, MessageId, OpenId, WorkId
from runtime.jobrun import JobRun, Slots
from runtime.manifest_model import ConnectionManifest, LimitsManifest
from runtime.work import status_table
from tests.rules.kit import texts
from tests.rules.stage import MANIFEST, ROI_ROW, Scene, open_scene
from tests.support.company import shown

pytestmark = pytest.mark.db
HEAD = "计划ID,计划名称,平台,店铺,状态,日预算,消耗,成交金额"


@pytest.fixture
def drop(tmp_path: Path) -> Path:
    """The folder people drop exports of 京东 into."""
    folder = tmp_path / "drop"
    folder.mkdir()
    return folder


@pytest.fixture
def scene(sandbox: Any, database: Database, tmp_path: Path, drop: Path):
    """Red lines with 千川 of the environment and a folder of the manifest."""
    files = ConnectionManifest(
        name="jd-files",
        kind="folder",
        feeds=("plans", "stock"),
        options={"path": str(drop), "platform": "京东"},
    )
    limits = LimitsManifest(max_age=dict.fromkeys(("plans", "stock"), "1h"))
    manifest = MANIFEST.model_copy(update={"connections": (files,), "limits": limits})
    opened = open_scene(sandbox, database, tmp_path, launch=False, manifest=manifest)
    yield opened
    opened.feishu.close()
    opened.floor.mirror.close()


def put(folder: Path, name: str, *rows: str) -> None:
    """A file that was finished a minute ago."""
    path = folder / name
    path.write_text("\n".join(rows), "utf-8")
    os.utime(path, (time.time() - 60, time.time() - 60))


def plans(scene: Scene) -> dict[str, tuple[str, str]]:
    """Plan → platform and state, as the table shows them."""
    return {
        shown(row["fields"]["计划ID"]): (
            shown(row["fields"].get("平台")), shown(row["fields"].get("状态")),
        )
        for row in scene.rows("plans")
    }  # fmt: skip


def source(scene: Scene, table: str) -> Any:
    """How a table's source stands."""
    return {row.table: row for row in scene.stored(tables.data_sources)}[table]


def test_two_platforms_fill_one_table_and_one_that_fails_is_told(scene: Scene, drop: Path) -> None:
    """Rows of both; then the file breaks while a plan of 千川 vanishes: only that one is marked."""
    put(drop, "stock.csv", "SKU编码,库存", "JD-1,7")
    put(drop, "plans.csv", HEAD, "JD-77,秋季,京东,京东店,投放中,,12.50,40")
    scene.pull_now("plans")
    before, count = plans(scene), len(scene.sandbox.world.ads.plans)
    assert (before["JD-77"], len(before)) == (("京东", "投放中"), count + 1)
    good = source(scene, "plans")
    assert (good.error, good.pulled_at is not None) == ("", True)

    gone = scene.plan()
    gone.deleted = True
    put(drop, "plans.csv", HEAD, "JD-77,秋季,京东,京东店,投放中,,很多,40")
    scene.pull_now("plans")
    after = plans(scene)
    assert (after[str(gone.plan_id)][1], after["JD-77"][1]) == ("平台已删除", "投放中")
    bad = source(scene, "plans")
    assert "jd-files：plans.csv 第 2 行" in bad.error
    assert bad.pulled_at == good.pulled_at, "a table of which a part is old does not count as fresh"
    files, ads = source(scene, "plans/jd-files"), source(scene, "plans/ads")
    assert (files.pulled_at, files.error[:19]) == (good.pulled_at, "plans.csv 第 2 行：“消耗")
    assert (ads.pulled_at > good.pulled_at, ads.error) == (True, "")


def test_plans_of_others_are_judged_while_one_connection_is_out(scene: Scene, drop: Path) -> None:
    """The folder has been broken for two hours: its plan is unknown, one of 千川 fires all the same."""
    put(drop, "stock.csv", "SKU编码,库存", "JD-1,7")
    put(drop, "plans.csv", HEAD, "JD-77,秋季,京东,京东店,投放中,,1000,1000")
    scene.spend(1000, 9000)
    scene.pull_now("plans")
    scene.add("rules", {**ROI_ROW, "范围": ""})
    mine, theirs = str(scene.plan().plan_id), "JD-77"
    assert alerts(scene)[theirs] is State.FIRING
    assert mine not in alerts(scene)
    with scene.floor.db.begin() as conn:
        store.note_pull(conn, "plans/jd-files", scene.floor.clock.now() - timedelta(hours=2))
    put(drop, "plans.csv", HEAD, "JD-77,秋季,京东,京东店,投放中,,很多,40")
    scene.spend(1000, 1000)
    scene.pull_now("plans")
    assert (alerts(scene)[theirs], alerts(scene)[mine]) == (State.UNKNOWN, State.FIRING)
    assert {row["数据来源"] for row in map(cells, scene.rows("plans"))} == {"ads", "jd-files"}


def alerts(scene: Scene) -> dict[str, State]:
    """Object → how its alert stands."""
    return {row.object_id: row.state for row in scene.stored(tables.alerts)}


def cells(row: Any) -> dict[str, str]:
    """A row's cells as they are shown."""
    return {name: shown(value) for name, value in row["fields"].items()}


def test_each_source_of_stock_is_read_on_from_its_own_version(scene: Scene, drop: Path) -> None:
    """The ERP's row version says nothing about the folder, and the other way round."""
    put(drop, "stock.csv", "SKU编码,商品名称,库存", "JD-1,京东专供,7")
    scene.pull_now("stock")
    skus = {shown(row["fields"]["SKU编码"]): row["fields"] for row in scene.rows("stock")}
    assert set(skus) == {*scene.sandbox.world.erp.skus, "JD-1"}
    assert "安全库存" not in skus["JD-1"], "what a file does not say is left to people"
    highest = max(sku.ts for sku in scene.sandbox.world.erp.skus.values())
    assert (source(scene, "stock/erp").cursor, source(scene, "stock/jd-files").cursor) == (highest, 0)


def test_nobody_answers_is_an_error_and_no_empty_table(scene: Scene, drop: Path) -> None:
    """Both fail: nothing is written, nothing is marked."""
    put(drop, "plans.csv", HEAD, "JD-77,秋季,京东,京东店,投放中,,12.50,40")
    scene.pull_now("plans")
    before = plans(scene)
    put(drop, "plans.csv", "")
    scene.fault("code", "*/ad/get/", times=20, code=40105, msg="access_token invalid")
    with pytest.raises(ChorusError, match="CHORUS_ADS_ACCESS_TOKEN"):
        scene.pull_now("plans")
    assert plans(scene) == before


def vanish(scene: Scene, drop: Path) -> list[str]:
    """Twelve plans of the folder of which eleven vanish at once; gives all, the one that stays first."""
    put(drop, "stock.csv", "SKU编码,库存", "JD-1,7")
    rows = [f"JD-{n},计划{n},京东,京东店,投放中,,1000,1000" for n in range(12)]
    put(drop, "plans.csv", HEAD, *rows)
    scene.spend(1000, 9000)
    scene.pull_now("plans")
    scene.add("rules", {**ROI_ROW, "范围": ""})
    put(drop, "plans.csv", HEAD, rows[0])
    scene.spend(1000, 1000)
    scene.pull_now("plans")
    return [row.partition(",")[0] for row in rows]


def test_too_many_plans_missing_at_once_are_a_doubt_about_these_plans(scene: Scene, drop: Path) -> None:
    """They are unknown and not marked; every other plan is judged, and the table is fresh."""
    first, *rest = vanish(scene, drop)
    assert {plans(scene)[key] for key in (first, *rest)} == {("京东", "投放中")}
    stands = source(scene, "plans")
    assert (stands.error, stands.pulled_at == stands.tried_at) == ("", True)
    found = alerts(scene)
    assert {found[key] for key in rest} == {State.UNKNOWN}
    assert (found[first], found[str(scene.plan().plan_id)]) == (State.FIRING, State.FIRING)
    (sentence,) = {row.sentence for row in scene.stored(tables.alerts) if row.object_id in rest}
    assert "连接 jd-files 一次少了很多对象" in sentence
    put(drop, "plans.csv", HEAD, *(f"{key},计划,京东,京东店,投放中,,1000,1000" for key in (first, *rest[:5])))
    scene.pull_now("plans")
    found = alerts(scene)
    assert {found[key] for key in rest[:5]} == {State.FIRING}
    assert {found[key] for key in rest[5:]} == {State.UNKNOWN}, "six are few, and still nobody has confirmed"
    assert {plans(scene)[key][1] for key in rest} == {"投放中"}


def test_the_owner_of_the_connection_confirms_on_the_card(scene: Scene, drop: Path) -> None:
    """One card with the number; the tap is theirs alone and about these plans only; then they are marked."""
    keeper, other = scene.people[2], scene.people[3]
    _first, *rest = vanish(scene, drop)
    person = [{"id": keeper.open_id}]
    scene.add("duty", {"说明": "京东", "用途": "数据连接", "连接": "jd-files", "人员": person})
    for _ in range(2):
        look(scene)
    (card,) = scene.cards(keeper)
    assert "jd-files 一次少了 11 个计划" in texts(card["content"])
    button = value_of(card["content"], "missing.confirm")
    assert "只有负责这个连接的人" in answer(scene, other, button)
    assert "数量变了" in answer(scene, keeper, button | {"v": "0"})
    assert {state for _, state in plans(scene).values()} == {"投放中"}
    assert "已确认" in answer(scene, keeper, button)
    assert "已经处理过" in answer(scene, keeper, button)
    scene.pull_now("plans")
    marked = {key for key, (_, state) in plans(scene).items() if state == "平台已删除"}
    assert marked == set(rest)
    assert scene.stored(tables.missing_objects) == []
    look(scene)
    assert "11 个计划已确认删除" in texts(scene.cards(keeper)[0]["content"])
    trail = [(row.actor, row.reason) for row in scene.stored(floor.audit) if "missing" in row.action]
    assert trail == [
        (other.open_id, "not_asked"), (keeper.open_id, "changed_since"),
        (keeper.open_id, "a person confirmed it"), (keeper.open_id, "already_done"),
    ]  # fmt: skip
    assert any(work.startswith("pull:plans:cn_") for work in works(scene))


def test_the_command_line_confirms_as_well(scene: Scene, drop: Path) -> None:
    """`chorus doctor` names the command; it takes exactly what waits, and nothing else."""
    first, *rest = vanish(scene, drop)
    look(scene)
    (check,) = doctor.examine(scene.floor)
    assert check.level is Level.FAIL
    assert "--accept-deletes plans/jd-files" in check.next_step

    def opened() -> Any:
        return nullcontext((scene.floor, None, None))

    with pytest.raises(ClickException, match="waiting: plans/jd-files"):
        doctor.take_missing(opened, "plans/ads")
    doctor.take_missing(opened, "plans/jd-files")
    assert doctor.examine(scene.floor) == []
    scene.pull_now("plans")
    assert {key for key, (_, state) in plans(scene).items() if state == "平台已删除"} == set(rest)
    assert plans(scene)[first][1] == "投放中"
    look(scene)
    (card,) = scene.cards(scene.people[0])
    assert "命令行" in texts(card["content"])


def look(scene: Scene) -> None:
    """The regular look at the connections, and its cards sent or turned."""
    connections = Connections(scene.worker)
    connections.look()
    for row in scene.stored(tables.connection_cards):
        life = JobRun(
            WorkId(f"connection:{row.id}"), record=lambda _name, fn: fn(), slots=Slots(1),
            clock=SystemClock(), resumed=False, first_wait=0.05,
        )  # fmt: skip
        connections.tell(life, {"id": row.id})


def value_of(card: Any, action: str) -> dict[str, Any]:
    """The value of the button of an action."""
    if isinstance(card, dict):
        if card.get("a") == action:
            return card
        card = list(card.values())
    found = [value_of(each, action) for each in card] if isinstance(card, list) else []
    return next(filter(None, found), {})


def answer(scene: Scene, who: Person, value: dict[str, Any]) -> str:
    """What a tap with this value is answered."""
    handler = scene.web.tap_handler("missing.confirm")
    assert handler is not None
    event = EventId(f"tap{len(scene.stored(floor.audit))}")
    tap = Tap(
        event, OpenId(who.open_id), "missing.confirm", value, {}, None,
        MessageId("om_1"), ChatId("oc_1"), "c-1", scene.floor.clock.now(),
    )  # fmt: skip
    with scene.floor.db.begin() as conn:
        toast = handler(conn, tap).toast
    return toast.zh if toast else ""


def works(scene: Scene) -> list[str]:
    """Ids of the works put so far."""
    status = status_table(scene.floor.db)
    with scene.floor.db.read() as conn:
        return list(conn.execute(sa.select(status.c.workflow_uuid)).scalars())


def test_a_sku_of_two_connections_is_one_row(scene: Scene, drop: Path) -> None:
    """The first one counts; two rows would be two claims nobody can decide."""
    sku = next(iter(scene.sandbox.world.erp.skus.values()))
    put(drop, "stock.csv", "SKU编码,库存", f"{sku.sku_id},1")
    scene.pull_now("stock")
    rows = [row for row in scene.rows("stock") if shown(row["fields"]["SKU编码"]) == sku.sku_id]
    assert [row["fields"]["库存"] for row in rows] == [sku.qty]
