"""Private tables: their rows lie sealed with us; nothing of them gets into errors, logs, events or keys."""

import base64
import io
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import structlog

from bitable_sync.cells import Person, Unreadable, UnwritableError
from bitable_sync.changes import UNREPORTED, Change
from bitable_sync.diff import token
from bitable_sync.mirror import ROWS
from bitable_sync.sealing import PrivateTable
from bitable_sync.spec import SYNC_ISSUE, FieldSpec, Kind, Specs, TableSpec, sync_log_table
from bot.drain import Drain
from bot.envelope import open_trusted
from bot.inbox import Inbox
from bot.model import Event
from bot.router import Router
from runtime import log
from runtime.clock import SystemClock
from runtime.db import Database
from runtime.engine import Engine
from runtime.errors import ChorusError
from runtime.feishu.errors import FeishuError
from runtime.vault import CannotOpen, Keys, Vault
from runtime.work import Work
from tests.support.leaks import assert_no_leak
from tests.support.wait import until
from tests.sync.conftest import PLANS, TASKS, Stage

pytestmark = pytest.mark.db
VAULT = Vault(Keys({"k1": bytes(range(32))}))
OTHER = Vault(Keys({"k2": bytes(range(1, 33))}))
FIELDS = (
    FieldSpec("no", "工号", Kind.TEXT),
    FieldSpec("month", "月份", Kind.TEXT),
    FieldSpec("wage", "工资", Kind.NUMBER),
    FieldSpec("account", "账号", Kind.TEXT),
    FieldSpec("level", "级别", Kind.SELECT, options=("甲", "乙")),
    FieldSpec("boss", "主管", Kind.USER),
    FieldSpec(SYNC_ISSUE, "同步问题", Kind.TEXT),
    FieldSpec("double", "两倍", Kind.FORMULA, formula="{wage}*2"),
)
PAY = TableSpec("pay", "工资表", FIELDS, ("no", "month"), private=True)
AMOUNTS = ("98765.43", "87654.32", "76543.21", "65432.19")
ACCOUNTS = ("6214830000001234567", "6214830000007654321", "甲乙丙98765级")
OPEN_SPECS = Specs((replace(PAY, private=False), sync_log_table()))
SPECS = Specs((PAY, PLANS, TASKS, sync_log_table()))


@pytest.fixture
def stage(build: Callable[..., Stage]) -> Stage:
    """The sync with a private table, after setup."""
    return ready(build(SPECS, VAULT))


def ready(stage: Stage) -> Stage:
    """Set the base up, and let a person manage it."""
    stage.setup.apply()
    stage.sandbox.world.bitable.base(stage.app).managers.add(stage.open_id)
    return stage


def pay(no: str = "E001", wage: str = AMOUNTS[0], account: str = ACCOUNTS[0], **more: Any) -> dict[str, Any]:
    """The cells of a row as the product writes them."""
    return {"no": no, "month": "2026-10", "wage": Decimal(wage), "account": account, **more}


def blob(folder: Path) -> str:
    """Everything in our database files, write-ahead logs included, as text."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return "\n".join(path.read_bytes().decode("utf-8", "replace") for path in files)


# --- the whole way, twice: what an ordinary table leaves behind, a private one must not ---


class Way:
    """Drives push, pull, events, drift, unreadable cells, duplicates and failures over the table ``pay``."""

    def __init__(self, stage: Stage, folder: Path) -> None:
        self.stage, self.folder = stage, folder
        self.said: list[str] = []
        self.seen: list[Change] = []
        self.logged = io.StringIO()
        log.configure("debug", self.logged)

    def walk(self) -> str:
        """All that got anywhere: our files, the log, errors and reports."""
        self.push()
        self.edit()
        self.spoil()
        self.fail()
        self.job()
        return "\n".join([blob(self.folder), self.logged.getvalue(), *self.said])

    def push(self) -> None:
        """Create, change and read back; a value that does not fit is refused."""
        push = self.stage.sync.pusher.upsert
        push("pay", [pay(), pay("E002", AMOUNTS[1], ACCOUNTS[1])], cause="a")
        push("pay", [pay(wage=AMOUNTS[2])], cause="b")
        report = push("pay", [pay("E003", level=ACCOUNTS[2])], cause="c")
        assert len(report.refused) == 1
        self.said += report.refused
        row = self.row("E001")
        with pytest.raises(UnwritableError) as unfit:
            self.stage.sync.pusher.write("pay", row.record_id, {"wage": f"{AMOUNTS[3]}元"})
        with pytest.raises(UnwritableError) as kept:
            self.stage.sync.mirror.merge(
                "pay", {row.record_id: {"wage": f"{AMOUNTS[3]}元"}}, seen_at=self.stage.clock.now()
            )
        self.said += [repr(unfit.value), repr(kept.value), repr(row)]
        self.stage.sync.puller.pull("pay")

    def row(self, no: str) -> Any:
        """The row of an employee as the mirror has it."""
        (found,) = self.stage.sync.mirror.find("pay", {"no": no, "month": "2026-10"})
        return found

    def edit(self) -> None:
        """A person edits; the platform's own event, with cells, goes through inbox, drain and listeners."""
        self.stage.sync.changes.on_change("pay", self.listen)
        before = self.row("E001").values["wage"]
        self.stage.edit(self.row("E001").record_id, "pay", 工资=float(AMOUNTS[3]), 账号=ACCOUNTS[1])
        inbox, world = Inbox(self.stage.floor.db), self.stage.sandbox.world
        for entry in world.events.log():
            event = Event(entry["event_id"], entry["event_type"], self.stage.clock.now(), entry["event"])
            with self.stage.floor.db.begin() as conn:
                inbox.store(conn, event, self.stage.clock.now())
        router = Router()
        self.stage.sync.register(router)
        drain = Drain(self.stage.floor.db, router, SystemClock(), "w1")
        drain.start()
        until(lambda: len(self.seen) > 1, what="the listener was told again")
        drain.stop()
        (change,) = self.seen[-1:]
        assert change.before
        assert change.before.values["wage"] == before
        assert change.after
        assert change.after.values["wage"] == Decimal(AMOUNTS[3])

    def listen(self, changes: list[Change]) -> None:
        """Fail once, so that the note of the change stays in the mirror."""
        if any(change.before and "wage" in change.fields() for change in changes):
            self.seen += changes
            if len(self.seen) == 1:
                raise RuntimeError("not now")

    def spoil(self) -> None:
        """A column of the wrong type, a cell that cannot be read, two rows with one key; told to people."""
        self.stage.add("pay", 工号="E001", 月份="2026-10", 工资=float(AMOUNTS[0]), 账号=ACCOUNTS[0])
        self.stage.retype("wage", 1, "pay")
        record = self.row("E002").record_id
        self.stage.edit(record, "pay", 工资=f"约{AMOUNTS[1]}元")
        self.stage.sync.bindings.refresh("pay")
        report = self.stage.sync.puller.pull("pay")
        cell = self.row("E002").values["wage"]
        assert isinstance(cell, Unreadable)
        findings = [finding.sentence for finding in self.stage.sync.bindings.findings.all()]
        assert len(findings) >= 2
        self.said += [*report.findings, *findings, cell.reason]

    def fail(self) -> None:
        """Feishu refuses a write and quotes the cell; then it does not answer."""
        self.stage.retype("wage", 2, "pay")
        self.stage.sync.bindings.refresh("pay")
        said = f"WrongValue: {AMOUNTS[1]} of {ACCOUNTS[1]}"
        self.stage.fault("*/records/batch_update", kind="code", code=1254061, msg=said, status=200)
        row = self.row("E002")
        with pytest.raises(FeishuError) as refused:
            self.stage.sync.pusher.write("pay", row.record_id, {"account": "1"})
        assert refused.value.code == 1254061
        self.said += [str(refused.value), repr(vars(refused.value))]
        self.stage.fault("*/records/batch_create", kind="drop_after", times=1)
        self.stage.sync.pusher.upsert("pay", [pay("E009", AMOUNTS[2])], cause="d")

    def job(self) -> None:
        """The same within durable work, whose results and errors are recorded."""
        said = f"WrongValue: {AMOUNTS[1]} of {ACCOUNTS[1]}"
        self.stage.fault("*/records/batch_create", kind="code", code=1254061, msg=said, status=200, times=9)
        engine = Engine(self.stage.floor.db, instance="private", first_wait=0.01)
        push = self.stage.sync.pusher.upsert

        def work(run: Any, args: Any) -> None:
            del args
            run.attempt(
                "push", lambda: len(push("pay", [pay("E010", AMOUNTS[3])], cause=str(run.id)).created)
            )

        engine.register("private.push", work)
        engine.launch()
        with self.stage.floor.db.begin() as conn:
            self.stage.floor.queue.put(conn, Work("private.push", "p1", "table:pay", {}))
        until(lambda: "work.parked" in self.logged.getvalue(), timeout=30, what="the work is parked")
        engine.close()
        self.stage.sandbox.world.control.faults.clear()


def test_nothing_of_a_private_row_is_readable_with_us(stage: Stage, tmp_path: Path) -> None:
    """Files, write-ahead logs, the log, errors, findings and reports show no cell; the base has them all."""
    left = Way(stage, tmp_path).walk()
    assert_no_leak(left, secrets=ACCOUNTS, amounts=AMOUNTS)
    there = json.dumps(stage.rows("pay"), ensure_ascii=False)
    assert AMOUNTS[3] in there
    assert ACCOUNTS[1] in there
    if stage.floor.db.dialect == "sqlite":
        assert "E001" in left, "the business key stands in clear, so the right files were read"
        assert any(path.suffix == ".db-wal" for path in tmp_path.iterdir())


def test_an_ordinary_table_leaves_all_of_it_behind(build: Callable[..., Stage], tmp_path: Path) -> None:
    """The control: the same way over an ordinary table does show every amount and account."""
    stage = ready(build(OPEN_SPECS))
    if stage.floor.db.dialect != "sqlite":
        pytest.skip("looks into files")
    left = Way(stage, tmp_path).walk()
    assert [word for word in (*AMOUNTS, *ACCOUNTS) if word not in left] == []


# --- events ---


def test_an_event_is_stored_without_cells(database: Database, tmp_path: Path) -> None:
    """Before and after of a changed row never reach our database; who, what and where do."""
    secret = ACCOUNTS[0]
    action = {
        "record_id": "rec1",
        "action": "record_edited",
        "before_value": [{"field_id": "fld1", "field_value": AMOUNTS[0]}],
        "after_value": [{"field_id": "fld1", "field_value": secret}],
    }
    body = {
        "file_token": "bas1", "table_id": "tbl1", "revision": 7,
        "operator_id": {"open_id": "ou_1"}, "action_list": [action],
    }  # fmt: skip
    kind = "drive.file.bitable_record_changed_v1"
    header = {"event_id": "e1", "event_type": kind, "app_id": "cli_1", "create_time": "1793000000000"}
    event = open_trusted({"schema": "2.0", "header": header, "event": body}, "cli_1")
    assert isinstance(event, Event)
    inbox, now = Inbox(database), datetime.now(UTC)
    for _ in range(2):
        with database.begin() as conn:
            inbox.store(conn, event, now)
    (claimed,) = inbox.claim(kind, by="w", now=now)
    kept = {"record_id": "rec1", "action": "record_edited"}
    assert claimed.event.body == {**body, "action_list": [kept]}
    assert claimed.event.dedupe_key == "event:e1"
    assert "e1" in blob(tmp_path) or database.dialect != "sqlite"
    assert_no_leak(blob(tmp_path), secrets=[secret], amounts=[AMOUNTS[0]])


@pytest.mark.parametrize("actions", [None, "x", [1, None, {"action": 3}], {"record_id": "r"}])
def test_an_odd_event_is_stored_too(database: Database, actions: Any) -> None:
    """Whatever stands where the changed rows should be, it is no reason to lose an event."""
    event = Event("e1", "drive.file.bitable_record_changed_v1", datetime.now(UTC), {"action_list": actions})  # type: ignore[arg-type]
    with database.begin() as conn:
        Inbox(database).store(conn, event, event.created_at)
    (claimed,) = Inbox(database).claim(event.type, by="w", now=event.created_at)
    assert isinstance(claimed.event.body["action_list"], list)


# --- without a key ---


def test_without_a_key_only_private_tables_are_refused(build: Callable[..., Stage]) -> None:
    """Reading, writing and events of a private table stop with a sentence; other tables go on, setup too."""
    stage = ready(build(SPECS))
    sync = stage.sync
    refused: list[Callable[[], Any]] = [
        lambda: sync.puller.pull("pay"),
        lambda: sync.pusher.upsert("pay", [pay()], cause="a"),
        lambda: sync.pusher.write("pay", "rec1", {"account": "1"}),
        lambda: sync.changes.recheck("pay", ["rec1"]),
        lambda: sync.mirror.put("pay", {"rec1": pay()}, seen_at=stage.clock.now()),
    ]
    for act in refused:
        with pytest.raises(PrivateTable, match="CHORUS_PAY_KEYS"):
            act()
    record = stage.add("pay", 工号="E001", 月份="2026-10", 工资=1.0)
    stage.rename("wage", "薪水", "pay")
    plan = stage.add(计划ID="p1", 成交=5)
    sync.changes.handle_records([stage.hint(record, key="pay"), stage.hint(plan)])
    sync.changes.handle_fields([stage.field_event("pay")])
    assert sync.bindings.require("pay").fields["wage"].name == "薪水"
    assert sync.mirror.count("pay") == 0
    assert sync.mirror.count("plans") == 1


# --- sealed rows ---


def test_a_row_opens_only_in_its_place(stage: Stage) -> None:
    """A sealed row moved to another record, or changed by one bit, is refused, never shown as that one's."""
    stage.sync.pusher.upsert("pay", [pay("E001"), pay("E002", AMOUNTS[1])], cause="a")
    mirror = stage.sync.mirror
    one, two = (row.record_id for row in mirror.rows("pay"))
    with mirror.db.begin() as conn:
        stored = conn.execute(sa.select(ROWS.c.data).where(ROWS.c.record_id == one)).scalar_one()
        conn.execute(sa.update(ROWS).where(ROWS.c.record_id == two).values(data=stored))
    assert mirror.get("pay", one)
    with pytest.raises(CannotOpen) as refused:
        mirror.get("pay", two)
    assert_no_leak(str(refused.value), secrets=ACCOUNTS, amounts=AMOUNTS)
    raw = bytearray(base64.b64decode(stored.removeprefix("~1.")))
    raw[20] ^= 1
    with mirror.db.begin() as conn:
        conn.execute(
            sa.update(ROWS).where(ROWS.c.record_id == one).values(data="~1." + base64.b64encode(raw).decode())
        )
    with pytest.raises(CannotOpen):
        mirror.raw("pay", [one])


def test_another_key_opens_nothing_and_a_pull_mends_it(stage: Stage, build: Callable[..., Stage]) -> None:
    """Keys that were replaced are told in a sentence; a pull reads the table anew under the present key."""
    stage.sync.pusher.upsert("pay", [pay()], cause="a")
    later = build(SPECS, OTHER)
    with pytest.raises(CannotOpen, match="CHORUS_PAY_KEYS"):
        later.sync.mirror.rows("pay")
    later.clock.advance(timedelta(seconds=5))
    later.sync.puller.pull("pay")
    (row,) = later.sync.mirror.rows("pay")
    assert row.values["wage"] == Decimal(AMOUNTS[0])


def test_two_writes_of_one_row_look_different(stage: Stage) -> None:
    """The nonce is random: from the stored text nobody can tell whether a pay stayed the same."""
    mirror, now = stage.sync.mirror, stage.clock.now()
    texts = set()
    for _ in range(2):
        mirror.put("pay", {"rec1": pay()}, seen_at=now)
        with mirror.db.read() as conn:
            texts.add(conn.execute(sa.select(ROWS.c.data)).scalar_one())
    assert len(texts) == 2


def test_a_change_not_yet_told_is_sealed_as_well(stage: Stage) -> None:
    """The row before a change waits sealed until the listeners have been told."""
    stage.sync.pusher.upsert("pay", [pay(boss=(Person(stage.open_id),))], cause="a")
    (row,) = stage.sync.mirror.rows("pay")

    def refuse(_changes: list[Change]) -> None:
        raise ChorusError("not now")

    stage.sync.changes.on_change("pay", refuse)
    stage.edit(row.record_id, "pay", 工资=float(AMOUNTS[1]))
    stage.clock.advance(timedelta(seconds=5))
    with pytest.raises(ChorusError, match="not now"):
        stage.sync.changes.handle_records([stage.hint(row.record_id, key="pay")])
    with stage.sync.mirror.db.read() as conn:
        (before,) = conn.execute(sa.select(UNREPORTED.c.before)).scalars()
    assert before.startswith("~1.")
    assert AMOUNTS[0] not in before


def test_idempotency_keys_cannot_be_tried_out(stage: Stage, build: Callable[..., Stage]) -> None:
    """The client_token in the address depends on a key of ours: nobody can test amounts against it."""
    stage.sync.pusher.upsert("pay", [pay()], cause="a")
    (call,) = stage.calls(f"{stage.table('pay')}/records/batch_create")
    sent = call["query"]["client_token"]
    plain = {"E001\x1f2026-10": pay()}
    assert sent != token("a", "pay", 0, plain)
    assert sent == token("a", "pay", 0, stage.sync.mirror.seal.digest(PAY, plain))
    assert sent != token("a", "pay", 0, build(SPECS, OTHER).sync.mirror.seal.digest(PAY, plain))


def test_sentences_name_the_column_and_not_the_cell(stage: Stage) -> None:
    """An unreadable cell of a private table says where and what kind; of an ordinary one also what."""
    now = stage.clock.now()
    for table in ("pay", "plans"):
        key = "wage" if table == "pay" else "gmv"
        stage.sync.mirror.put_raw(table, {"rec1": {key: AMOUNTS[0] + "元"}}, seen_at=now)
    hidden, shown = stage.sync.mirror.get("pay", "rec1"), stage.sync.mirror.get("plans", "rec1")
    assert hidden
    assert shown
    assert hidden.values["wage"] == Unreadable("「工资」的内容不是数字，请改正这个单元格")
    assert AMOUNTS[0] in str(shown.values["gmv"])
    assert repr(hidden.values) == "Cells(private)"
    assert AMOUNTS[0] not in repr(hidden)


def test_logs_are_quiet(stage: Stage) -> None:
    """A row handed to the log by mistake shows nothing."""
    out = io.StringIO()
    log.configure("debug", out)
    stage.sync.pusher.upsert("pay", [pay()], cause="a")
    structlog.get_logger().info("test.row", row=stage.sync.mirror.rows("pay"))
    assert "Cells(private)" in out.getvalue()
    assert_no_leak(out.getvalue(), secrets=ACCOUNTS, amounts=AMOUNTS)
