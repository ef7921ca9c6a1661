"""A cockpit on a real database, with the sandbox's sign-in and a month of figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from bitable_sync.cells import CellValue, Person
from bitable_sync.mirror import Mirror
from bitable_sync.spec import Specs
from rules import store
from rules import tables as rt
from rules.cockpit import days
from rules.cockpit import tables as t
from rules.cockpit.figures import stock_days
from rules.cockpit.wire import Made, register_web
from rules.specs import PLANS, SHOPS, STOCK, TABLES
from runtime import tables as floor_tables
from runtime.clock import ManualClock, day_of
from runtime.db import Database, open_mirror
from runtime.floor import Floor
from runtime.manifest import BaseManifest, CockpitManifest, LimitsManifest, Manifest
from runtime.settings import Settings, load_settings
from runtime.work import WorkQueue
from sandbox.server import SandboxServer
from tests.rules.kit import sku

START = datetime(2026, 11, 28, 6, 32, tzinfo=UTC)  # 14:32 in Shanghai
TODAY = date(2026, 11, 28)
AGENT = "Mozilla/5.0 (iPhone) Lark/7.30"
UNIT = "od-cockpit"


def plan_row(plan_id: str, shop: str = "旗舰店", **changes: CellValue) -> dict[str, CellValue]:
    """A row of 计划日报 as a pull brings it: ROI 2.5."""
    return {
        "plan_id": plan_id, "name": f"夏季新品{plan_id}", "platform": "抖音", "shop": shop,
        "status": "投放中", "budget": Decimal(2000), "spend": Decimal(1000), "gmv": Decimal(2500),
        "orders": Decimal(20), **changes,
    }  # fmt: skip


def shop_row(name: str = "旗舰店", **changes: CellValue) -> dict[str, CellValue]:
    """A row of 店铺日报 as a pull brings it: a quarter more than yesterday at this hour."""
    return {
        "shop_id": f"s-{name}", "name": name, "platform": "抖音", "gmv": Decimal(50000),
        "orders": Decimal(400), "gmv_base": Decimal(40000), **changes,
    }  # fmt: skip


@dataclass
class House:
    """The cockpit's pages; people sign in at the sandbox."""

    db: Database
    sandbox: SandboxServer
    folder: Path
    viewers: Sequence[str] = ()
    admin: str | None = None
    public_url: str | None = None
    made: Made | None = None
    connected: bool = True
    max_age: Mapping[str, str] = field(
        default_factory=lambda: {"plans": "15m", "stock": "30m", "shops": "1h"}
    )

    def __post_init__(self) -> None:
        self.clock = ManualClock(START)
        place = f"sqlite:///{self.folder / 'mirror.db'}"
        self.mirror = Mirror(open_mirror(place), Specs(TABLES), clock=self.clock)
        self.people = list(self.sandbox.world.people.values())
        self.floor = self._floor()
        self.app = Flask("test")
        register_web(self.app, self.floor, self.mirror, self.made)

    def _floor(self) -> Floor:
        manifest = Manifest(
            name="悦然服饰", base=BaseManifest(name="经营数据"),
            cockpit=CockpitManifest(viewers=tuple(self.viewers)),
            limits=LimitsManifest(max_age=dict(self.max_age)),
        )  # fmt: skip
        return Floor(self._settings(), manifest, self.clock, self.db, self.mirror.db, WorkQueue(self.db))

    def _settings(self) -> Settings:
        tokens = {"ads_access_token": "a", "shop_access_token": "s", "erp_access_token": "e"}
        return load_settings(
            feishu_app_id="cli_sandbox0000001", feishu_app_secret="sandbox-secret", feishu_encrypt_key="k",
            feishu_base_url=self.sandbox.url, public_url=self.public_url, admin_open_id=self.admin,
            **(tokens if self.connected else {}),
        )  # fmt: skip

    # --- figures ---

    def pulled(
        self, table: str, *rows: Mapping[str, CellValue], at: datetime | None = None, day: date | None = None
    ) -> None:
        """A pull that brought these rows."""
        when = at or self.clock.now()
        with self.db.begin() as conn:
            store.note_pull(conn, table, when)
            days.keep(conn, table, [dict(row) for row in rows], day or day_of(when), when)

    def failed(self, table: str, error: str) -> None:
        """A pull that failed."""
        with self.db.begin() as conn:
            store.note_pull(conn, table, self.clock.now(), error=error)

    def stock(self, *rows: Mapping[str, CellValue]) -> None:
        """A pull of stock that left these rows in the mirror."""
        now = self.clock.now()
        self.mirror.put(STOCK, {f"rec_{i}": row for i, row in enumerate(rows)}, seen_at=now)
        with self.db.begin() as conn:
            store.note_pull(conn, STOCK, now)
            days.keep_stock(conn, stock_days(days.stock_now(self.mirror), day_of(now)), now)

    def ordinary(self) -> None:
        """A quiet business day: two plans, a shop, a SKU in need, a worker."""
        self.pulled(PLANS, plan_row("1001"), plan_row("1002", spend=Decimal(500), gmv=Decimal(2500)))
        self.pulled(SHOPS, shop_row())
        self.stock(sku("SKU-1"), sku("SKU-2", qty=Decimal(900), name="牛仔裤"))
        self.alive()

    def alive(self) -> None:
        """A worker has just been seen."""
        now, e = self.clock.now(), floor_tables.executors
        with self.db.begin() as conn:
            conn.execute(sa.delete(e))
            conn.execute(e.insert().values(instance="w", started_at=now, seen_at=now))

    def alert(self, alert_id: str = "al_1", **values: Any) -> None:
        """An alert as the checker keeps it, firing for an hour."""
        now = self.clock.now()
        row: dict[str, Any] = {
            "id": alert_id, "rule_id": "rec_roi", "object_id": alert_id, "table": PLANS,
            "title": "夏季新品1001", "state": "firing", "severity": "警告", "episode": 1,
            "version": 1, "turn": 1, "value": Decimal(2), "limit": Decimal(3),
            "fired_at": now - timedelta(hours=1), "ack_count": 0, "reason": "fired",
            "sentence": "", "owners": (Person("ou_wang", "王芳"),), "supervisors": (), **values,
        }  # fmt: skip
        with self.db.begin() as conn:
            conn.execute(rt.alerts.insert().values(**row))

    def listed(self, *people: str, at: datetime | None = None, unit: str = UNIT) -> None:
        """The worker has read a department."""
        when = at or self.clock.now()
        row = {"id": unit, "people": list(people), "read_at": when, "tried_at": when, "error": ""}
        with self.db.begin() as conn:
            store.upsert(conn, t.departments, [row])

    def audits(self, action: str) -> list[Any]:
        """Audit rows of an action."""
        a = floor_tables.audit
        with self.db.read() as conn:
            return list(conn.execute(sa.select(a).where(a.c.action == action).order_by(a.c.id)))

    # --- people ---

    def browser(self) -> "Browser":
        """A browser nobody is signed in with."""
        return Browser(self.app.test_client())

    def signed_in(self, open_id: str) -> "Browser":
        """A browser in which a person signed in."""
        browser = self.browser()
        browser.sign_in(open_id)
        return browser


class Browser:
    """A test client that consents at the sandbox like a person."""

    def __init__(self, client: FlaskClient, agent: str = AGENT) -> None:
        self.client = client
        self.agent = agent

    def get(self, path: str, headers: Mapping[str, str] | None = None, **more: Any) -> TestResponse:
        """One page."""
        return self.client.get(path, headers={"User-Agent": self.agent, **(headers or {})}, **more)

    def post(self, path: str, data: dict[str, str]) -> TestResponse:
        """One form."""
        return self.client.post(path, data=data, headers={"User-Agent": self.agent})

    def begin(self, goal: str = "/cockpit") -> str:
        """Start a sign-in; gives the platform's address."""
        answer = self.get("/cockpit/sign-in", query_string={"goal": goal})
        assert answer.status_code == 302, answer.text
        return answer.headers["Location"]

    def consent(self, authorize: str, open_id: str) -> str:
        """Consent at the platform; gives the callback's path with code and state."""
        answer = requests.post(authorize, data={"open_id": open_id}, timeout=5, allow_redirects=False)
        target = urlsplit(answer.headers["Location"])
        return f"{target.path}?{target.query}"

    def sign_in(self, open_id: str, goal: str = "/cockpit") -> TestResponse:
        """Sign in; gives the answer of the callback."""
        return self.get(self.consent(self.begin(goal), open_id))

    def cookie(self, name: str = "chorus_cockpit") -> str:
        """The value of a cookie; "" without one."""
        found = self.client.get_cookie(name)
        return found.value if found else ""

    def parts(self, view: str = "home", query: str = "") -> dict[str, str]:
        """The live parts of a page."""
        found: dict[str, str] = self.get(f"/cockpit/live/{view}{query}").get_json()["parts"]
        return found
