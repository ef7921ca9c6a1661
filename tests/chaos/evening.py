"""What stands where in the evening: everything the oracle looks at, as plain data."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from payslip import history, store
from payslip import tables as pay
from payslip.agree import differences
from payslip.calculate import calculate
from payslip.documents import Books, RunId, canonical
from payslip.second import recompute
from payslip.slip import SlipKey, open_slip
from runtime.audit import verify
from runtime.db import Database
from runtime.vault import Keys, Vault, parse_keys
from sandbox.office import Office
from sandbox.payday_data import last_month
from tests.scenario.ledger import Ledger

TABLES = (
    "计划日报",
    "商品库存",
    "预警看板",
    "处理任务",
    "薪资核算",
    "工资条状态",
    "考勤汇总",
    "素材需求",
    "素材库",
)
NOTICES = "SELECT state, count(*) AS n FROM alert_notices GROUP BY state"
SLIPS = "SELECT employee_no, state FROM pay_slips"
TENANT = "yueran"
"""As the stage's manifest calls the company."""
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Message:
    """One message of the bot, as its receiver sees it now."""

    receiver: str
    title: str
    text: str


@dataclass(frozen=True)
class Payslip:
    """One sealed payslip, opened: its net, and what two fresh computations say against it."""

    no: str
    net: Decimal
    faults: tuple[str, ...]


@dataclass(frozen=True)
class Evening:
    """The sandbox's world, and what the product stores of it."""

    messages: tuple[Message, ...]
    deliveries: tuple[Row, ...]
    plans: Mapping[str, Row]
    stock: Mapping[str, int]
    orders: tuple[tuple[str, int], ...]
    bills: tuple[tuple[str, str], ...]
    approvals: tuple[Row, ...]
    tables: Mapping[str, tuple[Row, ...]]
    files: Mapping[str, tuple[str, ...]]
    pages: tuple[str, ...]
    month: str
    inbox: Mapping[str, str]
    alerts: tuple[Row, ...]
    notices: Mapping[str, int]
    behind: int
    unfinished: tuple[str, ...]
    parked: tuple[str, ...]
    runs: tuple[Row, ...]
    slip_states: Mapping[str, str]
    slips: tuple[Payslip, ...]
    calls: tuple[Row, ...]
    unsent_art: int
    chain: str
    log: str


def gather(
    office: Office, ledger: Ledger, address: str, keys: str, log: str, people: Mapping[str, str]
) -> Evening:
    """Look at everything.

    Args:
        office: the company.
        ledger: the product's database, read from outside.
        address: of that database.
        keys: that open pay.
        log: all the product said.
        people: open_id → name of the bot's receivers.
    """
    control = office.control
    rows = {name: tuple(office.rows(name)) for name in TABLES}
    plans = control.get("world/ads/plans")["plans"]
    skus = control.get("world/erp/skus")["skus"]
    orders = control.get("world/erp/purchases")["purchases"]
    month = last_month(office)
    works = ledger.rows(_works(ledger))
    return Evening(
        messages=tuple(_messages(control.get("messages")["messages"], people)),
        deliveries=tuple(control.get("deliveries")["deliveries"]),
        plans={str(plan["ad_id"]): plan for plan in plans},
        stock={str(sku["sku_id"]): int(sku["qty"]) for sku in skus},
        orders=tuple((str(i["sku_id"]), int(i["qty"])) for order in orders for i in order["items"]),
        bills=tuple((b["prompt_sha256"], str(b["seed"])) for b in control.get("world/images")["bills"]),
        approvals=tuple(_form(each) for each in control.get("approvals")["instances"]),
        tables=rows,
        files={row["record_id"]: _files(office, row["record_id"]) for row in rows["素材需求"]},
        pages=tuple(_pages(control.get("wiki/spaces")["spaces"])),
        month=month,
        inbox={r["event_id"]: r["state"] for r in ledger.rows("SELECT event_id, state FROM inbox")},
        alerts=tuple(ledger.rows("SELECT id, object_id, rule_id, state FROM alerts")),
        notices={r["state"]: r["n"] for r in ledger.rows(NOTICES)},
        behind=ledger.behind(),
        unfinished=tuple(str(r["id"]) for r in works if r["status"] in ("ENQUEUED", "PENDING")),
        parked=tuple(f"{r['id']}: {r['error']}" for r in ledger.rows("SELECT id, error FROM parked")),
        runs=tuple(ledger.rows("SELECT id, state FROM pay_runs")),
        slip_states={r["employee_no"]: r["state"] for r in ledger.rows(SLIPS)},
        slips=tuple(_slips(address, keys, RunId(f"{month}.1"))),
        calls=tuple(ledger.rows("SELECT id, version_id, state, cost FROM art_calls")),
        unsent_art=ledger.count("SELECT count(*) FROM art_cards WHERE message_id IS NULL"),
        chain=_chain(address),
        log=log,
    )  # fmt: skip


def _works(ledger: Ledger) -> str:
    schema = "" if ledger.engine.dialect.name == "sqlite" else "dbos."
    return (
        f"SELECT workflow_uuid AS id, status FROM {schema}workflow_status "  # noqa: S608 - a constant
        "WHERE queue_name = 'lanes' AND workflow_uuid NOT LIKE '%tick:%'"
    )


def _messages(found: list[dict[str, Any]], people: Mapping[str, str]) -> Iterator[Message]:
    for each in found:
        content, receiver = each["content"], str(each["receiver"])
        if receiver not in people or str(each["sender"]) in people:
            continue
        head = content.get("header", {}) if isinstance(content, dict) else {}
        title = str(head.get("title", {}).get("content", ""))
        yield Message(receiver, title, json.dumps(content, ensure_ascii=False))


def _form(instance: Row) -> Row:
    values = {w["id"].removeprefix("widget_"): w["value"] for w in json.loads(instance["form"])}
    return {**values, "status": instance["status"], "code": instance["instance_code"]}


def _files(office: Office, record: str) -> tuple[str, ...]:
    cells = office.raw("素材需求", record)
    return tuple(str(file["file_token"]) for name in ("成品图", "分层文件") for file in cells.get(name) or ())


def _pages(nodes: list[dict[str, Any]]) -> Iterator[str]:
    for node in nodes:
        if node.get("title"):
            yield str(node["title"])
        yield from _pages(list(node.get("pages") or ()) + list(node.get("children") or ()))


def _slips(address: str, keys: str, run: RunId) -> Iterator[Payslip]:
    vault = Vault(Keys(parse_keys(keys)))
    db = Database(address)
    try:
        with db.read() as conn:
            sealed = store.sealed_books(conn, run)
            slips = {row.employee_no: row for row in conn.execute(pay.slips.select())}
            people = store.people(conn, run) if slips else []
        if sealed is None or not slips:
            return
        books = Books.model_validate_json(vault.open_text(sealed, ("books", TENANT, run)))
        for row in people:
            person, slip = history.open_input(vault, TENANT, row), slips.get(row.employee_no)
            if person is None or slip is None:
                continue
            opened = open_slip(vault, TENANT, SlipKey(run, row.employee_no, slip.version), slip.sealed_slip)
            first = calculate(books, person)
            again = recompute(books.model_dump(mode="json"), json.loads(canonical(person)))
            faults = [str(each) for each in differences(first, again)]
            if (opened.lines, opened.totals) != (first.lines, first.totals):
                faults.append("the sealed payslip is not what its inputs give")
            yield Payslip(str(row.employee_no), opened.totals.net, tuple(faults))
    finally:
        db.close()


def _chain(address: str) -> str:
    db = Database(address)
    try:
        return str(verify(db, None).fault or "")
    finally:
        db.close()
