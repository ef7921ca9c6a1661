"""Pay with everything it stands on: sandbox, base, engine, chat, pages. Edits arrive as events would.

HR fills the tables through the sandbox as a person would; the worker's jobs run on the real engine.
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bitable_sync.context import build_sync
from bitable_sync.setup import Setup
from bitable_sync.spec import Specs, sync_log_table
from bot.model import ChatMessage, Tap, TapAnswer
from bot.router import Router
from payslip import store
from payslip import tables as t
from payslip.columns import Structuring
from payslip.defaults import install_defaults
from payslip.deps import COMPANY, DEPARTMENT, Payroll, make_policy
from payslip.model import AnomalyKind, Run
from payslip.specs import TABLES
from payslip.wire import register_hearing, register_jobs, register_taps
from runtime.clock import SystemClock
from runtime.db import Database, open_mirror
from runtime.engine import Engine
from runtime.feishu import Feishu
from runtime.floor import Floor
from runtime.ids import ChatId, EventId, MessageId, OpenId
from runtime.manifest import ApprovalManifest, BaseManifest, Manifest, PayrollManifest
from runtime.settings import load_settings
from runtime.vault import Keys, Vault
from runtime.work import WorkQueue
from sandbox.approval_state import PAYROLL_COMPANY_CODE, PAYROLL_DEPARTMENT_CODE
from tests.support.company import Company
from tests.support.founding import found
from tests.support.wait import until

KEYS = {"k1": base64.b64decode("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")}
MONTH = "2026-10"


@dataclass
class Payday(Company):
    """The product's worker on one side, HR and everybody else on the other."""

    deps: Payroll

    # --- people ---

    def person(self, department: str, place: int = 0) -> Any:
        """Somebody of a department; the head is at place 0."""
        found = [p for p in self.sandbox.world.people.values() if p.department.startswith(department)]
        return found[place]

    # --- chat and cards ---

    def say(self, who: Any, text: str, *mentions: Any) -> Any:
        """Somebody writes to the bot; the reply, if the command gives one."""
        message = ChatMessage(
            MessageId(f"om_said{next(self._count)}"), ChatId("oc_1"), OpenId(who.open_id), text, False,
            self.floor.clock.now(), tuple(OpenId(each.open_id) for each in mentions),
        )  # fmt: skip
        command = self.router.command(message.words[0])
        assert command is not None
        with self.floor.db.begin() as conn:
            return command.handler(conn, message)

    def tap(
        self, who: Any, action: str, value: Mapping[str, Any], *, option: str | None = None, card: str = "",
        **form: Any,
    ) -> TapAnswer:  # fmt: skip
        """A tap, handled like the web process does."""
        number = next(self._count)
        tap = Tap(
            EventId(f"tap{number}"), OpenId(who.open_id), action, dict(value), form, option,
            MessageId(card or f"om_card_{who.open_id[-6:]}"), ChatId("oc_1"), "c-1", self.floor.clock.now(),
        )  # fmt: skip
        handler = self.web.tap_handler(action)
        assert handler is not None
        with self.floor.db.begin() as conn:
            return handler(conn, tap)

    def cards(self, who: Any) -> list[dict[str, Any]]:
        """The messages a person has received from the bot, newest content."""
        found: list[dict[str, Any]] = self.sandbox.world.im.received(who.open_id)
        return found

    # --- the run ---

    def run(self, run_id: str = f"{MONTH}.1") -> Run:
        """A run as it is now."""
        with self.floor.db.read() as conn:
            found = store.load_run(conn, run_id)
        assert found is not None
        return found

    def wait(self, *states: str, run_id: str = f"{MONTH}.1", timeout: float = 30) -> Run:
        """Wait until a run is in one of these states."""
        until(lambda: self.run(run_id).state in states, timeout=timeout, what=f"{run_id} is {states}")
        return self.run(run_id)

    def value(self, run_id: str = f"{MONTH}.1", **more: Any) -> dict[str, Any]:
        """What a button of the newest card of a run carries."""
        return {"id": run_id, "t": self.run(run_id).turn, **more}

    def signed(self, run_id: str = f"{MONTH}.1") -> None:
        """Everyone who was asked passes, in Feishu; the events arrive."""
        world, digest = self.sandbox.world, self.run(run_id).digest
        for row in self.stored(t.signatures):
            if row.run_id != run_id or row.instance_code is None or row.digest != digest:
                continue
            # PostgreSQL keeps no order of keys; the nodes of an approval have one.
            for node in ("supervisor", "hr_head", "finance"):
                if node in row.asked:
                    world.approval.act(row.asked[node], row.instance_code, "approve")
            body = {"instance_code": row.instance_code, "status": "APPROVED"}
            self.happens("approval_instance", body)


# --- the company's pay, as HR would enter it ---

WAGES = {"基本工资": 8000, "岗位工资": 2000, "绩效基数": 3000, "社保基数": 10000, "公积金基数": 10000}


def employee(person: Any, place: int, supervisor: Any, **more: Any) -> dict[str, Any]:
    """A row of 员工."""
    return {
        "工号": person.employee_no, "姓名": person.name, "飞书账号": [{"id": person.open_id}],
        "部门": person.department, "主管": [{"id": supervisor.open_id}], "城市": "成都",
        "入职日期": 1577808000000, "开户行": "招商银行成都分行", "户名": person.name,
        "收款账号": f"62148300000000{place:02d}{luhn(place)}", **WAGES, **more,
    }  # fmt: skip


def luhn(place: int) -> int:
    """The check digit that makes the account number valid."""
    digits = f"62148300000000{place:02d}"
    total = sum(
        sum(divmod(int(digit) * 2, 10)) if at % 2 == 0 else int(digit)
        for at, digit in enumerate(reversed(digits))
    )
    return -total % 10


def attendance(person: Any, month: str = MONTH, **more: Any) -> dict[str, Any]:
    """A row of 考勤汇总: a full month."""
    row = {
        "工号": person.employee_no, "姓名": person.name, "月份": month, "应出勤天数": 22, "未在职天数": 0,
        "缺勤天数": 0, "事假天数": 0, "病假天数": 0, "迟到次数": 0, "工作日加班": 0, "休息日加班": 0,
        "节假日加班": 0, "来源": "人工",
    }  # fmt: skip
    return row | more


def score(person: Any, month: str = MONTH, factor: float = 1.1) -> dict[str, Any]:
    """A row of 绩效评分."""
    return {"工号": person.employee_no, "姓名": person.name, "月份": month, "评分": 100, "绩效系数": factor}


@contextmanager
def open_payday(
    sandbox: Any, database: Database, folder: Path, *, people: int | None = None, restored: bool = False
) -> Iterator[Payday]:
    """Set the base up, fill it for a small company (unless it was restored), start the worker's engine."""
    sandbox.world.limits_on = False
    everyone = list(sandbox.world.people.values())[:people]
    boss, supervisor = everyone[0], everyone[1]
    hr = next(p for p in everyone if p.department.startswith("人事"))
    finance = next(p for p in everyone if p.department.startswith("财务"))
    manifest = Manifest(
        name="经营助手",
        base=BaseManifest(name="经营数据"),
        approvals={
            DEPARTMENT: ApprovalManifest(name="部门", code=PAYROLL_DEPARTMENT_CODE),
            COMPANY: ApprovalManifest(name="全公司", code=PAYROLL_COMPANY_CODE),
        },
        payroll=PayrollManifest(
            company="悦然服饰", tenant="test", hr=(hr.open_id,), hr_head=boss.open_id,
            finance_head=finance.open_id, finance=(everyone[2].open_id,),
        ),
    )  # fmt: skip
    settings = load_settings(
        feishu_app_id="cli_sandbox0000001",
        feishu_app_secret="sandbox-secret",
        feishu_encrypt_key="sandbox-encrypt-key",
        feishu_verification_token="sandbox-verification-token",
        feishu_base_url=sandbox.url,
        database_url=database.url,
        mirror_url=f"sqlite:///{folder / 'mirror.db'}",
        var_dir=folder,
        public_url="http://127.0.0.1:8460",
    )
    clock, vault = SystemClock(), Vault(Keys(KEYS))
    floor = Floor(settings, manifest, clock, database, open_mirror(settings.mirror_url), WorkQueue(database))
    feishu = Feishu(settings, db=database, clock=clock)
    sync = build_sync(floor, feishu, Specs((*TABLES, sync_log_table())), vault)
    setup = Setup(feishu, sync, manifest, settings)
    found(sandbox, database, setup)
    sandbox.world.bitable.base(str(setup.base())).managers.add(boss.open_id)
    engine, router, web = Engine(database, instance="pay-test", first_wait=0.02), Router(), Router()
    sync.register(router)
    policy = make_policy(manifest, settings)
    structuring = Structuring(database, floor.queue, clock, sync, feishu)
    structuring.register(engine)
    deps = Payroll(
        database, floor.queue, clock, sync, feishu.im, feishu.approval, None, vault, policy, structuring
    )
    register_jobs(engine, deps)
    register_hearing(router, deps)
    register_taps(web, floor.queue, clock, policy, vault)
    made = Payday(sandbox, floor, feishu, sync, setup, engine, router, web, deps)
    if not restored:
        fill(made, everyone, supervisor)
    engine.launch()
    try:
        yield made
    finally:
        engine.close(drain=5)
        feishu.close()
        floor.mirror.close()


def fill(payday: Payday, everyone: list[Any], supervisor: Any) -> None:
    """Tax tables, structure, people, attendance and scores."""
    install_defaults(payday.sync, payday.floor.clock)
    boss = everyone[0]
    rows = [
        employee(each, place, boss if each is supervisor else supervisor)
        for place, each in enumerate(everyone)
    ]
    payday.add("pay_employees", *rows, quiet=True)
    payday.add("pay_attendance", *(attendance(each) for each in everyone), quiet=True)
    payday.add("pay_scores", *(score(each) for each in everyone), quiet=True)


# --- a pay day, step by step ---


def ready(payday: Payday) -> None:
    """A run whose anomalies are settled."""
    hr = payday.person("人事")
    payday.tap(hr, "pay.start", {"m": MONTH})
    payday.wait("calculated", "reviewed")
    payday.idle()
    settle(payday)


def settle(payday: Payday) -> None:
    """HR looks at every anomaly."""
    for each in payday.stored(t.anomalies):
        if each.settled_by is None:
            value = payday.value(no=each.employee_no, k=AnomalyKind(each.kind).name)
            payday.tap(payday.person("人事"), "pay.settle", value, reason_0="已核对")
    payday.wait("reviewed")
    payday.idle()


def submit(payday: Payday) -> None:
    """HR asks for the signatures."""
    payday.tap(payday.person("人事"), "pay.sign", payday.value())
    payday.idle()


def slip_cards(payday: Payday) -> Counter[str]:
    """How many payslip cards stand in each person's chat."""
    im = payday.sandbox.world.im
    found: Counter[str] = Counter()
    for message in im.messages.values():
        if "查看工资条" in json.dumps(message.content, ensure_ascii=False, default=str):
            found.update(im.chats[message.chat_id].members)
    return found
