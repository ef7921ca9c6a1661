"""Three versions one after the other, one server at a time: an approval waits through all of them.

The versions are copies of this code. The second and the third bring a migration of their own (a column, a
table, an index), so code of the version before runs on a newer schema, and each names itself in one toast.
"""

from __future__ import annotations

import secrets
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from sandbox.client import until
from sandbox.office import Seen
from sandbox.stage import HOME, Stage, free_port
from tests.scenario import support_kill as support
from tests.scenario.house import WAIT, House
from tests.scenario.ledger import Ledger
from tests.scenario.support_kill import NEVER
from tests.support.balancer import Balancer, checks
from tests.support.postgres import administer
from tests.support.share import SHARE

pytestmark = [pytest.mark.process, pytest.mark.timeout(600)]

PARTS = (
    "app.py",
    "bot",
    "runtime",
    "bitable_sync",
    "rules",
    "payslip",
    "creative",
    "feishu_app.yaml",
    "pyproject.toml",
)
NEW = (2, 3) if SHARE >= 1 else (2,)
"""Versions that are brought out, each in place of the one before; then it goes one back."""
HEADS = {2: "0901_second", 3: "0902_third"}
SCHEDULES = {"pull_ads": "every 2s", "pull_stock": NEVER, "pull_shops": NEVER, "check_rules": "every 2s"}
ACTION = "rolling.ping"
SAID = "这个按钮已经不能用了"
MIGRATION = '''"""{name}."""

import sqlalchemy as sa
from alembic import op

revision = "{name}"
down_revision = "{before}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Only add."""
    {change}
'''
SECOND = (
    'op.add_column("alerts", sa.Column("second", sa.Text))\n'
    '    op.create_table("second", sa.Column("id", sa.Integer, primary_key=True))'
)
THIRD = (
    'op.add_column("inbox", sa.Column("third", sa.Integer, nullable=False, server_default="3"))\n'
    '    op.create_index("ix_alerts_second", "alerts", ["second"])'
)


class Release(Stage):
    """An installation whose code is a copy.

    Attributes:
        home: folder of the version that is started next.
    """

    home: Path

    @property
    def command(self) -> list[str]:
        """The command line of that version."""
        return [sys.executable, str(self.home / "app.py")]


def copies(folder: Path) -> list[Path]:
    """Three versions of the code."""
    head = max(path.stem for path in (HOME / "runtime/migrations/versions").glob("0*.py"))
    changes = [("0901_second", head, SECOND), ("0902_third", "0901_second", THIRD)]
    made = []
    for number in range(3):
        home = folder / f"v{number + 1}"
        home.mkdir()
        for part in PARTS:
            copy = shutil.copytree if (HOME / part).is_dir() else shutil.copy
            copy(HOME / part, home / part)  # type: ignore[operator]
        words = home / "bot" / "sentences.py"
        words.write_text(words.read_text("utf-8").replace(SAID, f"v{number + 1} {SAID}"), "utf-8")
        for name, before, change in changes[:number]:
            text = MIGRATION.format(name=name, before=before, change=change)
            (home / "runtime/migrations/versions" / f"{name}.py").write_text(text, "utf-8")
        made.append(home)
    return made


@dataclass
class Town:
    """Two servers behind a balancer, and what people do all the while."""

    servers: tuple[Release, Release]
    versions: list[Path]
    balancer: Balancer
    house: House
    ledger: Ledger
    processes: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, number: int, version: int) -> None:
        """Start a server with a version and wait until the balancer sends to it."""
        server = self.servers[number]
        server.home = self.versions[version - 1]
        self.processes[number] = server.serve(name=f"v{version}")
        until(lambda: self.balancer.ready(server.port), WAIT, f"the balancer sends to server {number}")

    def end(self, number: int) -> None:
        """SIGTERM, and wait for a clean end."""
        self.processes[number].send_signal(signal.SIGTERM)
        assert self.processes[number].wait(60) == 0

    def renew(self, number: int, version: int) -> None:
        """Replace one server by another version; the other one is ready all the while."""
        other = self.servers[1 - number].port
        self.end(number)
        assert self.balancer.ready(other)
        self.start(number, version)
        assert checks(other)["migrations"] == "ok"


class Passers:
    """People who tap and edit all the time, and what they were answered.

    Args:
        house: where they live.
        card: on whose message they tap.
        record_id: the row they edit.
    """

    def __init__(self, house: House, card: Seen, record_id: str) -> None:
        self.toasts: list[str] = []
        self.lost: list[dict[str, Any]] = []
        self.edits = 0
        self._house, self._card, self._record = house, card, record_id
        self._stop = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            while not self._stop.wait(0.1):
                answer = self._house.forge(self._house.owner, self._card, {"value": {"a": ACTION}})
                if answer["client_code"] != 0 or "toast" not in answer:
                    self.lost.append(answer)
                else:
                    self.toasts.append(str(answer["toast"]["content"]))
                self.edits += 1
                self._house.office.edit(self._house.editor, "商品库存", self._record, 库存=100 + self.edits)
        except Exception as error:  # noqa: BLE001 - raised again in `stop`
            self._error = error

    def stop(self) -> None:
        """Let them go home; raises what went wrong."""
        self._stop.set()
        self._thread.join(30)
        if self._error is not None:
            raise self._error

    def met(self, version: int, since: int) -> bool:
        """Whether a version answered somebody after so many toasts."""
        return any(toast.startswith(f"v{version} ") for toast in self.toasts[since:])


@pytest.fixture
def town(postgres_server: sa.URL, tmp_path: Path) -> Iterator[Town]:
    """Version one on both servers."""
    name = f"t_{secrets.token_hex(6)}"
    administer(postgres_server, f'CREATE DATABASE "{name}"')
    url = postgres_server.set(database=name).render_as_string(hide_password=False)
    versions = copies(tmp_path)
    first, second = (
        Release(
            tmp_path / each, company="tiny", port=free_port(), schedules=SCHEDULES, limits={"single_cards":
            100}, env={"DATABASE_URL": url, "CHORUS_INSTANCE": each, "CHORUS_LEAVE_SECONDS": "1"},
        )
        for each in ("chorus-a", "chorus-b")
    )  # fmt: skip
    first.home = second.home = versions[0]
    ledger, balancer = Ledger(url), Balancer([first.port, second.port])
    try:
        first.open()
        second.join(first)
        second.env["CHORUS_ADMIN_OPEN_ID"] = first.env["CHORUS_ADMIN_OPEN_ID"]
        first.setup()
        processes = {0: first.serve(name="v1"), 1: second.serve(name="v1")}
        ports = (first.port, second.port)
        until(lambda: all(balancer.ready(port) for port in ports), WAIT, "both servers ready")
        first.control.post("subscription", url=f"{balancer.url}/webhook/event")
        yield Town((first, second), versions, balancer, House(first), ledger, processes)
    finally:
        second.stop()
        first.stop()
        balancer.close()
        ledger.close()
        administer(postgres_server, f'DROP DATABASE "{name}" WITH (FORCE)')


def asked_for_much(house: House, plan: dict[str, Any]) -> Decimal:
    """The owner wants more than their allowance; the budget that waits for an approval."""
    house.give("计划日报", plan["record_id"], house.owner, 主管=[{"id": house.supervisor["open_id"]}])
    office, budget = house.office, house.budget(plan)
    office.add(
        house.boss["open_id"], "审批额度", 说明="投放", 人员=[{"id": house.owner["open_id"]}],
        日预算上限=float(budget + 100),
    )  # fmt: skip
    house.plan_rule(plan)
    wanted = budget + 20_000

    def submitted() -> bool:
        card = house.card(house.owner, plan["计划名称"])
        if "调整预算" not in card.buttons():
            return False
        house.tap(house.owner, card, "调整预算")
        answer = house.tap(house.owner, card, "提交", amount=str(wanted))
        return "审批" in str(answer["toast"]["content"])

    until(submitted, WAIT, "the change waits for an approval")
    return wanted


def waiting(house: House, plan: dict[str, Any]) -> list[dict[str, Any]]:
    """Who is asked to approve the plan's budget."""
    return [
        person
        for person in house.people_all()
        if any(
            plan["计划名称"] in str(each["form"])
            for each in house.control.get(f"approvals?open_id={person['open_id']}")["instances"]
        )
    ]


def test_an_approval_outlives_three_versions_and_nobody_notices(town: Town) -> None:
    """Both servers are renewed twice under taps and events; then somebody signs, and it is done once."""
    house, plan = town.house, town.house.plan(0)
    wanted = asked_for_much(house, plan)
    until(lambda: waiting(house, plan), WAIT, "an approval of this plan waits for somebody")
    _sku, record_id = house.article()
    passers = Passers(house, house.card(house.owner, plan["计划名称"]), record_id)
    for version in NEW:
        for number in (0, 1):
            town.renew(number, version)
        since = len(passers.toasts)
        until(lambda: passers.met(version, since), WAIT, f"version {version} answers")  # noqa: B023
    old, newest = NEW[-1] - 1, NEW[-1]
    town.renew(0, old)  # the way back: old code starts on the newest schema
    since = len(passers.toasts)
    until(lambda: passers.met(old, since) and passers.met(newest, since), WAIT, "two answer side by side")
    assert house.budget(plan) != wanted
    [signer] = waiting(house, plan)
    house.office.sign(signer["open_id"], comment="同意")
    until(lambda: house.budget(plan) == wanted, WAIT, "the change is made")
    passers.stop()
    assert house.budget_calls(plan).count(wanted) == 1
    assert passers.lost == []
    assert passers.edits > 20
    nothing_was_lost(town)


def answers(house: House) -> list[list[int]]:
    """What each event was answered, one status a try; those that nobody had asked for yet are none."""
    deliveries = house.control.get("deliveries")["deliveries"]
    events = [
        each
        for each in deliveries
        if each["event_type"] != "card.action.trigger" and each["state"] != "unsubscribed"
    ]
    return [[attempt["status"] for attempt in each["attempts"]] for each in events]


def nothing_was_lost(town: Town) -> None:
    """Every delivery had its answer at once, every event was handled, nothing was given up or left behind."""
    assert town.balancer.failed == []
    ledger = town.ledger
    until(lambda: support.deliver_all(town.house.office), WAIT, "every event delivered")
    until(lambda: ledger.count("SELECT count(*) FROM inbox WHERE state = 'new'") == 0, WAIT, "all handled")
    until(lambda: all(each[-1:] == [200] for each in answers(town.house)), WAIT, "every event acknowledged")
    # A starved machine may say "again" (503); it may not say nothing, nor refuse.
    assert {status for each in answers(town.house) for status in each} <= {200, 503}
    assert ledger.count("SELECT count(*) FROM inbox WHERE state = 'failed'") == 0
    assert ledger.rows("SELECT id, error FROM parked") == []
    stuck = "SELECT count(*) FROM dbos.workflow_status WHERE application_version <> 'chorus'"
    assert ledger.count(stuck) == 0
    done = "SELECT count(*) FROM alert_tasks WHERE state = '已完成'"
    until(lambda: ledger.count(done) == 1, WAIT, "the task is done")
    assert ledger.count("SELECT count(*) FROM alert_tasks") == 1
    assert ledger.rows("SELECT revision FROM schema_stamp") == [{"revision": HEADS[NEW[-1]]}]
