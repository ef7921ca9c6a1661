"""Red lines with everything they stand on: sandbox, engine, sync, platforms. Edits arrive as events would."""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import requests
import sqlalchemy as sa

from bitable_sync.cells import Person
from bitable_sync.context import build_sync
from bitable_sync.platforms.connect import connect
from bitable_sync.setup import Setup
from bitable_sync.spec import Specs, sync_log_table
from bot.model import Tap, TapAnswer
from bot.router import Router
from rules import tables
from rules.effects import pull_work
from rules.jobs import Tables
from rules.specs import ALLOWANCES, TABLES
from rules.wire import WebDeps, WorkerDeps, make_policy, register_web, register_worker
from runtime.clock import SystemClock
from runtime.db import Database, open_mirror
from runtime.engine import Engine
from runtime.feishu import Feishu
from runtime.floor import Floor
from runtime.ids import ChatId, EventId, MessageId, OpenId
from runtime.manifest import ApprovalManifest, BaseManifest, Manifest
from runtime.schedule import Scheduler
from runtime.settings import load_settings
from runtime.work import WorkQueue, status_table
from sandbox.ads import ADVERTISER_ID
from sandbox.approval_state import BUDGET_CODE, PURCHASE_CODE
from tests.support.company import Company
from tests.support.founding import found
from tests.support.wait import until

MANIFEST = Manifest(
    name="测试",
    base=BaseManifest(name="经营数据"),
    approvals={
        "budget": ApprovalManifest(name="广告预算调整", code=BUDGET_CODE),
        "purchase": ApprovalManifest(name="紧急补货", code=PURCHASE_CODE),
    },
)
ROI_ROW = {
    "规则名称": "ROI 低于 1:3",
    "数据表": "计划日报",
    "指标": "ROI",
    "比较": "低于",
    "阈值": "1:3",
    "严重程度": "警告",
    "动作": ["调整预算", "知道了"],
    "启用": True,
}
STOCK_ROW = {
    "规则名称": "低于安全库存",
    "数据表": "商品库存",
    "指标": "可用库存",
    "比较": "低于",
    "阈值": "安全库存",
    "严重程度": "严重",
    "动作": ["紧急补货", "知道了"],
    "启用": True,
}


@dataclass
class Scene(Company):
    """The product's worker on one side, the company on the other."""

    worker: Any

    @property
    def people(self) -> list[Person]:
        """The company, managers first."""
        return [Person(person.open_id, person.name) for person in self.sandbox.world.people.values()]

    def pull(self, table: str) -> None:
        """One pull of a table, waited for."""
        work = pull_work(table, f"test{next(self._count)}")
        self.put(work)
        until(lambda: self.finished(work.id), timeout=30, what=f"{work.id} finished")

    def pull_now(self, table: str) -> None:
        """One pull of a table, in this thread, without the engine."""
        Tables(self.worker).fetch(table, f"now{next(self._count)}")
        self.worker.checker.scan(table)

    def finished(self, work_id: str) -> bool:
        """Whether a work ended well."""
        status = status_table(self.floor.db)
        with self.floor.db.read() as conn:
            query = sa.select(status.c.status).where(status.c.workflow_uuid == work_id)
            return conn.execute(query).scalar_one_or_none() == "SUCCESS"

    def cards(self, person: Person) -> list[dict[str, Any]]:
        """The cards a person has received, newest content."""
        url = f"{self.sandbox.url}/_sandbox/messages"
        data = requests.get(url, params={"open_id": person.open_id}, timeout=10).json()["data"]
        found: list[dict[str, Any]] = data["messages"]
        return found

    def plan(self) -> Any:
        """The first plan on the advertising platform."""
        return next(iter(self.sandbox.world.ads.plans.values()))

    def spend(self, spend: int, gmv: int) -> None:
        """Let the first plan's figures of today be these."""
        figures = self.plan().day(self.sandbox.world.ads.today())
        figures.spend, figures.gmv = Decimal(spend), Decimal(gmv)

    def own(self, person: Person) -> None:
        """A person fills 负责人 in every plan and SKU that has none."""
        for key in ("plans", "stock"):
            for row in self.rows(key):
                if not row["fields"].get("负责人"):
                    self.edit(key, row["record_id"], 负责人=[{"id": person.open_id}])

    def firing(self) -> Person:
        """The first plan falls to ROI 2; gives its owner, who has the card."""
        owner = self.people[1]
        self.pull("plans")
        self.own(owner)
        self.add("rules", ROI_ROW)
        self.spend(800, 1600)
        self.pull("plans")
        until(lambda: self.stored(tables.alert_cards), timeout=20, what="the card is sent")
        return owner

    def close(self) -> None:
        """Stop everything that was opened for it."""
        self.engine.close()
        self.feishu.close()
        self.floor.mirror.close()

    def tap(self, who: Person, action: str, **form: Any) -> TapAnswer:
        """A tap on the newest alert's card, handled like the web process does."""
        alert = self.stored(tables.alerts)[0]
        copy = self.stored(tables.alert_cards)[0]
        value = {"a": action, "id": alert.id, "v": alert.turn}
        tap = Tap(
            EventId(f"tap{next(self._count)}"),
            OpenId(who.open_id),
            action,
            value,
            form,
            None,
            MessageId(copy.message_id),
            ChatId(copy.chat_id),
            "c-1",
            self.floor.clock.now(),
        )
        handler = self.web.tap_handler(action)
        assert handler is not None
        with self.floor.db.begin() as conn:
            return handler(conn, tap)

    def fault(self, kind: str, path: str, times: int = 1, **more: Any) -> None:
        """Order a fault of the sandbox."""
        self.sandbox.world.control.faults.order(
            {"kind": kind, "match": {"path": path}, "times": times, **more}
        )

    def calls(self, path: str) -> list[dict[str, Any]]:
        """What the sandbox received on paths that hold a text."""
        found: list[dict[str, Any]] = self.sandbox.world.control.recorder.calls(path=path)
        return found


def open_scene(
    sandbox: Any, database: Database, folder: Path, *, launch: bool = True, manifest: Manifest = MANIFEST
) -> Scene:
    """Set the base up, start the worker's engine."""
    sandbox.world.limits_on = False
    settings = load_settings(
        feishu_app_id="cli_sandbox0000001",
        feishu_app_secret="sandbox-secret",
        feishu_encrypt_key="sandbox-encrypt-key",
        feishu_verification_token="sandbox-verification-token",
        feishu_base_url=sandbox.url,
        database_url=database.url,
        mirror_url=f"sqlite:///{folder / 'mirror.db'}",
        var_dir=folder,
        ads_base_url=sandbox.url,
        ads_access_token="sandbox-ads-token",
        ads_advertiser_id=str(ADVERTISER_ID),
        shop_base_url=sandbox.url,
        shop_app_key="sandbox-shop-key",
        shop_app_secret="sandbox-shop-secret",
        shop_access_token="sandbox-shop-token",
        erp_base_url=sandbox.url,
        erp_app_key="sandbox-erp-key",
        erp_app_secret="sandbox-erp-secret",
        erp_access_token="sandbox-erp-token",
    )
    clock = SystemClock()
    floor = Floor(settings, manifest, clock, database, open_mirror(settings.mirror_url), WorkQueue(database))
    feishu = Feishu(settings, db=database, clock=clock)
    sync = build_sync(floor, feishu, Specs((*TABLES, sync_log_table())))
    setup = Setup(feishu, sync, manifest, settings)
    found(sandbox, database, setup)
    sync.puller.pull(ALLOWANCES)
    manager = next(iter(sandbox.world.people.values())).open_id
    sandbox.world.bitable.base(str(setup.base())).managers.add(manager)
    engine, router, web = Engine(database, instance="rules-test", first_wait=0.05), Router(), Router()
    policy = make_policy(floor, (Person(manager, "管理员"),))
    sync.register(router)
    scheduler = Scheduler(database, floor.queue, clock)
    deps = WorkerDeps(floor, feishu.im, feishu.approval, connect(floor, None), policy, feishu.task)
    worker = register_worker(engine, router, scheduler, sync, deps)
    register_web(web, WebDeps(floor.queue, clock, sync.mirror, policy))
    if launch:
        engine.launch()
    return Scene(sandbox, floor, feishu, sync, setup, engine, router, web, worker)
