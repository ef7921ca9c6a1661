"""A small base on the sandbox.

Two tables made by setup, the sync on the chosen database, a person to edit.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from bitable_sync.context import Sync, build_sync
from bitable_sync.setup import Setup
from bitable_sync.spec import FieldSpec, FormSpec, Kind, Specs, TableSpec, ViewSpec, sync_log_table
from bot.model import Event
from runtime.clock import ManualClock
from runtime.db import Database, open_mirror
from runtime.feishu import Feishu
from runtime.floor import Floor
from runtime.ids import EventId
from runtime.manifest import BaseManifest, LimitsManifest, Manifest, RoleManifest
from runtime.settings import load_settings
from runtime.vault import Vault
from runtime.work import WorkQueue

PLANS = TableSpec(
    "plans",
    "计划日报",
    (
        FieldSpec("plan_id", "计划ID", Kind.TEXT),
        FieldSpec("name", "计划名称", Kind.TEXT),
        FieldSpec("status", "状态", Kind.SELECT, options=("投放中", "已暂停")),
        FieldSpec("tags", "标签", Kind.MULTI_SELECT, options=("主推", "清仓"), open_options=True),
        FieldSpec("spend", "消耗", Kind.CURRENCY),
        FieldSpec("gmv", "成交", Kind.NUMBER),
        FieldSpec("day", "日期", Kind.DATE),
        FieldSpec("at", "更新于", Kind.DATETIME),
        FieldSpec("hot", "重点", Kind.CHECKBOX),
        FieldSpec("owner", "负责人", Kind.USER, multiple=True),
        FieldSpec("link", "链接", Kind.URL),
        FieldSpec("files", "附件", Kind.ATTACHMENT),
        FieldSpec("sync_issue", "同步问题", Kind.TEXT),
        FieldSpec("roi", "ROI", Kind.FORMULA, formula="{gmv}/{spend}", formatter="0.00"),
    ),
    business_key=("plan_id",),
    views=(ViewSpec("按状态", "kanban"),),
)
TASKS = TableSpec(
    "tasks",
    "处理任务",
    (
        FieldSpec("title", "标题", Kind.TEXT),
        FieldSpec("number", "编号", Kind.AUTO_NUMBER),
        FieldSpec("share", "占比", Kind.PERCENT),
        FieldSpec("phone", "电话", Kind.PHONE),
        FieldSpec("email", "邮箱", Kind.EMAIL),
        FieldSpec("made", "创建于", Kind.CREATED_TIME),
        FieldSpec("changed", "修改于", Kind.MODIFIED_TIME),
        FieldSpec("plan", "计划", Kind.LINK, link_to="plans"),
    ),
    business_key=("title",),
    form=FormSpec("提任务", ("title", "plan"), required=("title",), description="请填写"),
)
SPECS = Specs((PLANS, TASKS))
LOGGED = Specs((PLANS, TASKS, sync_log_table()))
MANIFEST = Manifest(
    name="测试",
    base=BaseManifest(name="运营中台"),
    limits=LimitsManifest(mass_delete=3),
    roles=(RoleManifest(name="运营", tables={"plans": "edit", "tasks": "read"}),),
)


@dataclass
class Stage:
    """The product's sync on one side, the sandbox and a person of the company on the other."""

    sandbox: Any
    floor: Floor
    feishu: Feishu
    sync: Sync
    setup: Setup
    clock: ManualClock

    @property
    def app(self) -> str:
        """The base."""
        return str(self.setup.base())

    @property
    def open_id(self) -> str:
        """A person who manages the base."""
        return str(next(iter(self.sandbox.world.people.values())).open_id)

    def table(self, key: str = "plans") -> str:
        """Table id by key."""
        return str(self.sync.bindings.require(key).table_id)

    def rows(self, key: str = "plans") -> list[dict[str, Any]]:
        """What stands in the base: list of {record_id, fields}."""
        found: list[dict[str, Any]] = self.sandbox.world.bitable.rows(self.app, self.table(key))
        return found

    def cell(self, record_id: str, name: str, key: str = "plans") -> Any:
        """One cell as a read shows it; None when it is empty."""
        return next(row for row in self.rows(key) if row["record_id"] == record_id)["fields"].get(name)

    def edit(self, record_id: str, key: str = "plans", **fields: Any) -> None:
        """A person edits cells."""
        self.sandbox.world.bitable.edit_as(self.open_id, self.app, self.table(key), record_id, fields)

    def add(self, key: str = "plans", **fields: Any) -> str:
        """A person adds a row; its record id."""
        made = self.sandbox.world.bitable.add_as(self.open_id, self.app, self.table(key), fields)
        return str(made["record_id"])

    def delete(self, record_id: str, key: str = "plans") -> None:
        """A person deletes a row."""
        self.sandbox.world.bitable.delete_as(self.open_id, self.app, self.table(key), record_id)

    def rename(self, field_key: str, name: str, key: str = "plans") -> None:
        """A person renames a column."""
        field_id = self.sync.bindings.require(key).fields[field_key].field_id
        self.sandbox.world.bitable.rename_field(self.open_id, self.app, self.table(key), field_id, name)

    def retype(self, field_key: str, kind: int, key: str = "plans") -> None:
        """A person changes a column's type."""
        field_id = self.sync.bindings.require(key).fields[field_key].field_id
        self.sandbox.world.bitable.retype_field(self.open_id, self.app, self.table(key), field_id, kind)

    def drop(self, field_key: str, key: str = "plans") -> None:
        """A person deletes a column."""
        bound = self.sync.bindings.require(key)
        field_id = bound.fields[field_key].field_id
        self.feishu.bitable.delete_field(bound.app_token, bound.table_id, field_id)  # type: ignore[arg-type]

    def fault(self, path: str, **order: Any) -> None:
        """Order a fault of the sandbox for calls whose path matches."""
        answer = requests.post(
            f"{self.sandbox.url}/_sandbox/faults", json={"match": {"path": path}, **order}, timeout=10
        )
        assert answer.json()["code"] == 0, answer.text

    def calls(self, path: str) -> list[dict[str, Any]]:
        """Recorded calls whose path contains ``path``."""
        answer = requests.get(f"{self.sandbox.url}/_sandbox/requests", params={"path": path}, timeout=10)
        found: list[dict[str, Any]] = answer.json()["data"]["requests"]
        return found

    def hint(self, *record_ids: str, key: str = "plans", action: str = "record_edited") -> Event:
        """An event naming these records; whatever else it says must not matter."""
        actions = [
            {"record_id": rid, "action": action, "after_value": [{"field_id": "x", "field_value": "1"}]}
            for rid in record_ids
        ]
        body = {
            "file_type": "bitable",
            "file_token": self.app,
            "table_id": self.table(key),
            "action_list": actions,
        }
        return Event(EventId(f"e{id(body)}"), "drive.file.bitable_record_changed_v1", self.clock.now(), body)

    def field_event(self, key: str = "plans") -> Event:
        """An event saying that some column changed."""
        body = {
            "file_token": self.app,
            "table_id": self.table(key),
            "action_list": [{"action": "field_edited"}],
        }
        return Event(EventId(f"f{id(body)}"), "drive.file.bitable_field_changed_v1", self.clock.now(), body)


def make_stage(
    sandbox: Any, database: Database, tmp_path: Path, specs: Specs, vault: Vault | None = None
) -> Stage:
    """Build the sync on a sandbox whose rate limits are off; no base exists yet."""
    sandbox.world.limits_on = False
    clock = ManualClock(datetime.now(UTC))
    settings = load_settings(
        feishu_app_id="cli_sandbox0000001",
        feishu_app_secret="sandbox-secret",
        feishu_encrypt_key="sandbox-encrypt-key",
        feishu_verification_token="sandbox-verification-token",
        feishu_base_url=sandbox.url,
        database_url=database.url,
        mirror_url=f"sqlite:///{tmp_path / 'mirror.db'}" if database.dialect == "sqlite" else database.url,
        var_dir=tmp_path,
    )
    floor = Floor(settings, MANIFEST, clock, database, open_mirror(settings.mirror_url), WorkQueue(database))
    feishu = Feishu(settings, db=database, clock=clock)
    sync = build_sync(floor, feishu, specs, vault)
    return Stage(sandbox, floor, feishu, sync, Setup(feishu, sync, MANIFEST, settings), clock)


@pytest.fixture
def build(sandbox: Any, database: Database, tmp_path: Path) -> Iterator[Callable[..., Stage]]:
    """Makes stages with given specs on one sandbox and one database; closes them in the end."""
    made: list[Stage] = []

    def make(specs: Specs, vault: Vault | None = None) -> Stage:
        made.append(make_stage(sandbox, database, tmp_path, specs, vault))
        return made[-1]

    yield make
    for stage in made:
        stage.feishu.close()
        stage.floor.mirror.close()


@pytest.fixture
def bare(build: Callable[[Specs], Stage]) -> Stage:
    """The sync before setup."""
    return build(SPECS)


@pytest.fixture
def stage(bare: Stage) -> Stage:
    """The sync after setup."""
    bare.setup.apply()
    bare.sandbox.world.bitable.base(bare.app).managers.add(bare.open_id)
    return bare
