"""Several platforms in one table: each feeds its rows, and silence of one proves nothing about its plans."""

import os
import time
from pathlib import Path
from typing import Any

import pytest

from rules import tables
from runtime.db import Database
from runtime.errors import ChorusError
from runtime.manifest_model import ConnectionManifest
from tests.rules.stage import MANIFEST, Scene, open_scene
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
    manifest = MANIFEST.model_copy(update={"connections": (files,)})
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


def test_too_many_plans_missing_at_once_are_a_doubt_that_stays_told(scene: Scene, drop: Path) -> None:
    """They are not marked, and the table does not count as fresh."""
    rows = [f"JD-{n},计划{n},京东,京东店,投放中,,1,1" for n in range(12)]
    put(drop, "plans.csv", HEAD, *rows)
    scene.pull_now("plans")
    fresh = source(scene, "plans").pulled_at
    put(drop, "plans.csv", HEAD, rows[0])
    scene.pull_now("plans")
    assert {state for platform, state in plans(scene).values() if platform == "京东"} == {"投放中"}
    stands = source(scene, "plans")
    assert ("一次少了 11 个计划" in stands.error, stands.pulled_at) == (True, fresh)


def test_a_sku_of_two_connections_is_one_row(scene: Scene, drop: Path) -> None:
    """The first one counts; two rows would be two claims nobody can decide."""
    sku = next(iter(scene.sandbox.world.erp.skus.values()))
    put(drop, "stock.csv", "SKU编码,库存", f"{sku.sku_id},1")
    scene.pull_now("stock")
    rows = [row for row in scene.rows("stock") if shown(row["fields"]["SKU编码"]) == sku.sku_id]
    assert [row["fields"]["库存"] for row in rows] == [sku.qty]
