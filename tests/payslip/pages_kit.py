"""A web app with payslips for the tests of the pages: real database, real sealing, the sandbox's sign-in."""

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import requests
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.engine import Connection
from werkzeug.test import TestResponse

from payslip import tables as t
from payslip.documents import Books, Charged, PaidMonth, Pay, Person, RunId
from payslip.model import SlipState
from payslip.pages import PageDeps, PayoutFile, register_pages
from payslip.slip import SealedSlip, Slip, SlipFacts, make_slip, seal_slip
from runtime import tables as floor
from runtime.clock import ManualClock
from runtime.db import Database
from runtime.settings import Settings, load_settings
from runtime.vault import Keys, Vault
from runtime.work import WorkQueue, status_table
from sandbox.server import SandboxServer
from tests.payslip import kit

START = datetime(2026, 11, 10, 1, 0, tzinfo=UTC)  # 09:00 in Shanghai
TENANT = "cli_sandbox0000001"
AGENT = "Mozilla/5.0 (iPhone) Lark/7.30"
PIN = "804271"
KEY = bytes(range(32))


def vault(key: bytes = KEY) -> Vault:
    """A vault with a known key."""
    return Vault(Keys({"k1": key}))


def pay(base: str = "8000.00", net: str = "9176.35", **changes: Any) -> Pay:
    """A computed pay of an ordinary month, as the calculation gives it."""
    lines = changes.pop("lines", None) or [
        (
            "固定工资",
            "earning",
            base,
            "MAX(0, [基本工资] + [岗位工资] − [日薪] × 0)\n= 6,000 + 2,000 = 8,000.00",
        ),
        ("绩效工资", "earning", "2200.00", "[绩效基数] × [绩效系数]\n= 2,000 × 1.1 = 2,200.00"),
        ("提成", "earning", "866.40", "店铺提成：57,760.00 × 1.5% = 866.40"),
        ("病假扣款", "pretax", "147.13", "日薪 367.82 × 1 天 × 40% = 147.13"),
        ("养老保险（个人）", "social", "640.00", "基数 8,000.00 × 8% = 640.00"),
        ("医疗保险（个人）", "social", "160.00", "基数 8,000.00 × 2% = 160.00"),
        ("失业保险（个人）", "social", "32.00", "基数 8,000.00 × 0.4% = 32.00"),
        ("住房公积金（个人）", "social", "480.00", "基数 8,000.00 × 6% = 480.00"),
        ("个人所得税", "tax", "65.92", "累计应纳税额 659.20 − 已预缴 593.28 = 65.92"),
        ("损失赔偿", "aftertax", "365.00", ""),
        ("养老保险（单位）", "employer", "1280.00", "基数 8,000.00 × 16% = 1,280.00"),
        ("住房公积金（单位）", "employer", "480.00", "基数 8,000.00 × 6% = 480.00"),
    ]
    return Pay.model_validate(
        {
            "no": "E001",
            "lines": [dict(zip(("code", "kind", "amount", "how"), line, strict=True)) for line in lines],
            "totals": {
                "gross": "10919.27", "social": "1312.00", "tax": "65.92", "aftertax": "365.00", "net": net,
                "employer": "1760.00",
            },
            "trail": {
                "months": 10, "income": "109192.70", "exempt": "0", "basic": "50000", "special": "13120.00",
                "additional": "20000", "taxable": "26072.70", "rate": "0.03", "quick": "0", "due": "659.20",
                "withheld_before": "593.28", "carried": "0",
            },
            "paid": PaidMonth(
                paid="2026-11", income=Decimal("10919.27"), exempt=Decimal(0), special=Decimal(1312),
                withheld=Decimal("65.92"),
            ),
            "charged": Charged(month="2026-10", employee={}, employer={}),
            "carry": {},
            "minimum_wage_base": "10919.27",
            **changes,
        }
    )  # fmt: skip


def books(month: str = "2026-10") -> Books:
    """The books of a month, paid on the tenth of the next."""
    year, number = int(month[:4]), int(month[5:])
    return kit.books(month=month, pay_date=date(year + number // 12, number % 12 + 1, 10))


def facts(run: str = "2026-10.1", **changes: Any) -> SlipFacts:
    """What a payslip says besides."""
    version = int(run.rpartition(".")[2])
    values: dict[str, Any] = {
        "run": RunId(run), "version": version, "replaces": None, "company": "悦然服饰",
        "contact": "人事部 李敏",
        "deadline": START + timedelta(days=5), "reader": None,
    }  # fmt: skip
    return SlipFacts(**{**values, **changes})


def slip(
    person: Person | None = None, paid: Pay | None = None, run: str = "2026-10.1", **changes: Any
) -> Slip:
    """A payslip of an ordinary month."""
    who = person or kit.person()
    computed = (paid or pay()).model_copy(update={"no": who.no})
    return make_slip(books(run[:7]), who, computed, facts(run, **changes))


@dataclass
class House:
    """Pages on a real database; people sign in at the sandbox."""

    db: Database
    sandbox: SandboxServer
    key: bytes = KEY
    public_url: str | None = None
    may_download: Callable[[str], bool] = lambda _open_id: False
    may_run: Callable[[str], bool] = lambda _open_id: False
    files: dict[str, PayoutFile] = field(default_factory=dict)
    without_keys: bool = False
    tenant: str = TENANT

    def __post_init__(self) -> None:
        self.clock = ManualClock(START)
        self.vault = vault(self.key)
        self.queue = WorkQueue(self.db)
        self.app = self._app()
        self.people = list(self.sandbox.world.people.values())

    @property
    def settings(self) -> Settings:
        """Settings that point at the sandbox."""
        return load_settings(
            feishu_app_id=TENANT, feishu_app_secret="sandbox-secret", feishu_encrypt_key="k",
            feishu_base_url=self.sandbox.url, public_url=self.public_url,
        )  # fmt: skip

    def _app(self) -> Flask:
        app = Flask("test")
        sealed = None if self.without_keys else self.vault
        deps = PageDeps(
            self.db, self.queue, self.clock, sealed, self.settings, self.tenant, "悦然服饰", "人事部 李敏",
            self.may_download, self._payout, self.may_run,
        )  # fmt: skip
        register_pages(app, deps)
        return app

    def _payout(self, _conn: Connection, file_id: str, _by: str) -> PayoutFile | None:
        return self.files.get(file_id)

    def add(self, slip: Slip, open_id: str, **values: Any) -> str:
        """Store a payslip as the sealing job does; gives its token."""
        made = slip.model_copy(update={"reader": open_id})
        sealed: SealedSlip = seal_slip(self.vault, TENANT, made)
        token = secrets.token_urlsafe(24)
        row = {
            "run_id": slip.run, "employee_no": slip.no, "version": slip.version, "month": slip.month,
            "open_id": open_id, "token": token, "sealed_slip": sealed.text, "slip_digest": sealed.digest,
            "state": SlipState.SENT.value, "sent_at": START, "deadline": slip.deadline, **values,
        }  # fmt: skip
        with self.db.begin() as conn:
            conn.execute(t.slips.insert().values(**row))
        return token

    def row(self, token: str) -> dict[str, Any]:
        """The stored row of a payslip."""
        with self.db.read() as conn:
            found = conn.execute(sa.select(t.slips).where(t.slips.c.token == token)).mappings().one()
        return dict(found)

    def audits(self, action: str = "") -> list[dict[str, Any]]:
        """Audit rows, oldest first."""
        query = sa.select(floor.audit).order_by(floor.audit.c.id)
        with self.db.read() as conn:
            rows = [dict(row) for row in conn.execute(query).mappings()]
        return [row for row in rows if row["action"] == action] if action else rows

    def works(self) -> list[str]:
        """Ids of all works that were put."""
        with self.db.read() as conn:
            return list(conn.execute(sa.select(status_table(self.db).c.workflow_uuid)).scalars())

    def browser(self) -> "Browser":
        """A browser nobody is signed in with."""
        return Browser(self, self.app.test_client())

    def signed_in(self, open_id: str, pin: str | None = PIN) -> "Browser":
        """A browser with a person signed in and, unless told not to, the PIN set and given."""
        browser = self.browser()
        browser.sign_in(open_id)
        if pin is not None:
            browser.choose_pin(pin)
        return browser


class Browser:
    """A test client that consents at the sandbox like a person and fills forms like one."""

    def __init__(self, house: House, client: FlaskClient, agent: str = AGENT) -> None:
        self.house = house
        self.client = client
        self.agent = agent

    def get(self, path: str, **more: Any) -> TestResponse:
        """One page."""
        return self.client.get(path, headers={"User-Agent": self.agent}, **more)

    def post(self, path: str, data: dict[str, str], **more: Any) -> TestResponse:
        """One form, exactly as given."""
        return self.client.post(path, data=data, headers={"User-Agent": self.agent}, **more)

    def send(self, page: str, path: str, **data: str) -> TestResponse:
        """Fill in a form of a page: its CSRF token is taken from there."""
        return self.post(path, {"csrf": csrf(self.get(page)), **data})

    def consent(self, authorize: str, open_id: str) -> str:
        """Consent at the platform; gives the callback's path with code and state."""
        answer = requests.post(authorize, data={"open_id": open_id}, timeout=5, allow_redirects=False)
        target = urlsplit(answer.headers["Location"])
        return f"{target.path}?{target.query}"

    def begin(self, goal: str = "/pay") -> str:
        """Start a sign-in; gives the platform's address."""
        answer = self.get("/pay/sign-in", query_string={"goal": goal})
        assert answer.status_code == 302, answer.text
        return answer.headers["Location"]

    def sign_in(self, open_id: str, goal: str = "/pay") -> TestResponse:
        """Sign in; gives the answer of the callback."""
        return self.get(self.consent(self.begin(goal), open_id))

    def choose_pin(self, pin: str = PIN) -> TestResponse:
        """Set the PIN on the first visit."""
        return self.send("/pay/pin", "/pay/pin/new", pin=pin, again=pin)

    def give_pin(self, pin: str = PIN, goal: str = "/pay") -> TestResponse:
        """Give the PIN."""
        return self.send("/pay/pin", "/pay/pin", pin=pin, goal=goal)

    def cookie(self, name: str = "chorus_pay") -> str:
        """The value of a cookie."""
        found = self.client.get_cookie(name)
        assert found is not None
        return found.value


def csrf(answer: TestResponse) -> str:
    """The CSRF token in a page's forms."""
    found = re.search(r'name="csrf" value="([^"]+)"', answer.text)
    assert found is not None, answer.text[:800]
    return found.group(1)
