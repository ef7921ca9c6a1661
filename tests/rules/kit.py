"""A small company for the tests of red lines: rules, rows, a mirror, taps."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import sqlalchemy as sa

from bitable_sync.cells import EMPTY, CellValue, Person
from bitable_sync.changes import Change
from bitable_sync.mirror import ROWS, Mirror, Row
from bitable_sync.platforms.gateways import Gateways
from bitable_sync.spec import Specs
from bot.model import Tap
from rules import tables
from rules.check import Checker, Policy
from rules.deps import Worker
from rules.handling import Handling
from rules.metrics import build_catalog
from rules.model import Alert, Rule
from rules.parse import RuleText, parse
from rules.review import Reviewer
from rules.specs import ALLOWANCES, DUTY, PLANS, RULES, SHOPS, SILENCES, STOCK, TABLES
from rules.store import load_alerts, open_alerts
from rules.views import Sources
from runtime.clock import ManualClock
from runtime.db import Database, open_mirror
from runtime.ids import ChatId, EventId, MessageId, OpenId, RecordId, RuleId
from runtime.work import WorkQueue, status_table

START = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)  # 10:00 in Shanghai
WANG, LI, ZHAO, CHEN = (
    Person("ou_wang", "王芳"),
    Person("ou_li", "李强"),
    Person("ou_zhao", "赵敏"),
    Person("ou_chen", "陈静"),
)
CATALOG = build_catalog(TABLES)
ROI_RULE = RuleText(
    name="ROI 低于 1:3", table="计划日报", metric="ROI", comparison="低于", threshold="1:3",
    scope="平台=抖音 且 状态=投放中", severity="警告", actions=("调整预算", "知道了"), enabled=True,
)  # fmt: skip
STOCK_RULE = RuleText(
    name="低于安全库存",
    table="商品库存",
    metric="可用库存",
    comparison="低于",
    threshold="安全库存",
    severity="严重",
    actions=("紧急补货", "知道了"),
    enabled=True,
)


def rule(text: RuleText = ROI_RULE, rule_id: str = "rec_roi", **changes: Any) -> Rule:
    """A valid rule, with some columns changed."""
    parsed = parse(RuleId(rule_id), replace(text, **changes), CATALOG)
    assert isinstance(parsed, Rule), parsed
    return parsed


def plan(plan_id: str = "1001", **changes: CellValue) -> dict[str, CellValue]:
    """The cells of a plan: ROI 2.0, so over the line of 1:3."""
    return {
        "plan_id": plan_id,
        "name": f"夏季新品{plan_id}",
        "platform": "抖音",
        "shop": "旗舰店",
        "status": "投放中",
        "budget": Decimal(2000),
        "spend": Decimal(1000),
        "gmv": Decimal(2000),
        "orders": Decimal(20),
        "can": "改预算、暂停",
        "owner": (WANG,),
        "supervisor": (LI,),
        **changes,
    }


def sku(sku_id: str = "SKU-1", **changes: CellValue) -> dict[str, CellValue]:
    """The cells of a SKU: 30 sellable, 20 on the way, safety 100, so over the line."""
    return {
        "sku": sku_id, "name": "纯棉T恤", "qty": Decimal(40), "locked": Decimal(10), "on_way": Decimal(20),
        "safety": Decimal(100), "sales_7d": Decimal(70), "lead_days": Decimal(5), "owner": (CHEN,), **changes,
    }  # fmt: skip


def row(values: Mapping[str, CellValue], table: str = PLANS, at: datetime = START, record: str = "") -> Row:
    """A row of a table as the mirror gives it."""
    spec = Specs(TABLES).table(table)
    key = str(values.get(spec.business_key[0]) or "x")
    cells = {field.key: values.get(field.key, EMPTY) for field in spec.fields}
    return Row(table, RecordId(record or f"rec_{key}"), cells, at)


def rule_cells(text: RuleText) -> dict[str, CellValue]:
    """The cells of a rule row that says this."""
    cells: dict[str, CellValue] = {
        key: value or EMPTY
        for key, value in text.to_json().items()
        if isinstance(value, str) and key not in {"floor", "sample"}
    }
    cells |= {key: Decimal(said) for key in ("floor", "sample") if (said := getattr(text, key))}
    cells["cc"] = tuple(Person(open_id, name) for open_id, name in text.cc) or EMPTY
    cells["actions"] = text.actions or EMPTY
    return cells | {"enabled": text.enabled, "cc_may_act": text.cc_may_act, "covers": text.covers}


class House:
    """Checker, reviewer and actions on a real database, with a mirror in a file of its own."""

    def __init__(self, db: Database, folder: Path, *, policy: Policy | None = None) -> None:
        self.db = db
        self.mirror_db = open_mirror(f"sqlite:///{folder / 'mirror.db'}")
        self.clock = ManualClock(START)
        self.mirror = Mirror(self.mirror_db, Specs(TABLES), clock=self.clock)
        self.queue = WorkQueue(db)
        self.policy = policy or Policy(fallback=(ZHAO,))
        self.checker = Checker(db, self.queue, self.clock, self.mirror, CATALOG, self.policy)
        self.reviewer = Reviewer(self.checker)
        self.sources = Sources(self.mirror, CATALOG)
        self.actions = Handling(self.queue, self.clock, self.sources, self.policy)
        self._taps = 0
        for table in (RULES, PLANS, STOCK, SHOPS, ALLOWANCES, SILENCES, DUTY):
            self.mirror.begin_pull(table)
            self.mirror.end_pull(table, started=START)

    def count_on(self, before: "House") -> None:
        """Go on numbering taps where an earlier life of this house stopped."""
        self._taps = before._taps

    def close(self) -> None:
        """Close the mirror."""
        self.mirror_db.close()

    def put(self, table: str, rows: Mapping[str, Mapping[str, CellValue]]) -> None:
        """Rows as the mirror sees them now (record id → cells)."""
        self.mirror.put(table, rows, seen_at=self.clock.now())

    def spoil(self, table: str, record: str, key: str, content: Any) -> None:
        """Put something into a cell that its column should not hold, as a retyped column would."""
        with self.mirror_db.read() as conn:
            query = sa.select(ROWS.c.data).where(ROWS.c.table_key == table, ROWS.c.record_id == record)
            raw = json.loads(conn.execute(query).scalar_one())
        self.mirror.put_raw(table, {record: raw | {key: content}}, seen_at=self.clock.now())

    def write_rule(self, text: RuleText = ROI_RULE, record: str = "rec_roi", **cells: CellValue) -> None:
        """Edit a rule row in Bitable, and let the edit arrive."""
        self.put(RULES, {record: rule_cells(text) | cells})
        self.reviewer.review()

    def write_plan(self, plan_id: str = "1001", **changes: CellValue) -> None:
        """Edit a plan's row, and let the edit arrive as a change event."""
        record = f"rec_{plan_id}"
        before = self.mirror.get(PLANS, record)
        self.put(PLANS, {record: plan(plan_id, **changes)})
        self.checker.rows_changed(PLANS, [Change(PLANS, before, self.mirror.get(PLANS, record))])

    def write_shop(self, shop_id: str = "s1", **changes: CellValue) -> None:
        """Edit a shop's row, and let the edit arrive."""
        record = f"rec_{shop_id}"
        before = self.mirror.get(SHOPS, record)
        cells = {"shop_id": shop_id, "name": "旗舰店", "owner": (LI,), "gmv_base": Decimal(1000), **changes}
        self.put(SHOPS, {record: cells})
        self.checker.rows_changed(SHOPS, [Change(SHOPS, before, self.mirror.get(SHOPS, record))])

    def drop_row(self, table: str, record: str) -> None:
        """Delete a row, and let the deletion arrive."""
        before = self.mirror.get(table, record)
        self.mirror.remove(table, [record])
        self.checker.rows_changed(table, [Change(table, before, None)])

    def alert(self, rule_id: str = "rec_roi", object_id: str = "1001") -> Alert:
        """The alert of a rule and an object."""
        with self.db.read() as conn:
            return load_alerts(conn, RuleId(rule_id))[object_id]

    def open(self) -> list[Alert]:
        """Open alerts."""
        with self.db.read() as conn:
            return open_alerts(conn)

    def works(self, prefix: str = "") -> list[str]:
        """Ids of the works put so far."""
        status = status_table(self.db)
        with self.db.read() as conn:
            found = list(conn.execute(sa.select(status.c.workflow_uuid)).scalars())
        return sorted(item for item in found if item.startswith(prefix))

    def rows(self, table: sa.Table, **where: Any) -> list[Any]:
        """Rows of one of our tables."""
        query = sa.select(table)
        for name, value in where.items():
            query = query.where(table.c[name] == value)
        with self.db.read() as conn:
            return list(conn.execute(query))

    def notices(self) -> list[Any]:
        """What was decided to tell."""
        return self.rows(tables.alert_notices)

    def say(self, rule_id: str = "rec_roi") -> str:
        """The sentence decided for 校验结果."""
        return str(self.rows(tables.rule_rows, rule_id=rule_id)[0].verdict)

    def tap(self, who: Person, action: str, alert: Alert, option: str | None = None, **form: Any) -> Tap:
        """A tap on this alert's card by a person."""
        value = {"a": action, "id": alert.id, "v": alert.turn}
        return self.touch(who, action, value, option, **form)

    def touch(
        self, who: Person, action: str, value: Mapping[str, Any], option: str | None = None, **form: Any
    ) -> Tap:
        """A tap on whatever card, with this value."""
        self._taps += 1
        return Tap(
            EventId(f"tap{self._taps}"), OpenId(who.open_id), action, value, form, option,
            MessageId("om_1"), ChatId("oc_1"), "c-1", self.clock.now(),
        )  # fmt: skip

    def advance(self, span: timedelta) -> None:
        """Let time pass."""
        self.clock.advance(span)


def worker(house: House) -> Worker:
    """The worker's side of a house."""
    nobody = cast("Any", None)
    return Worker(
        house.db, house.queue, house.clock, nobody, nobody, Gateways(), house.sources, house.policy,
        house.checker, house.reviewer, nobody,
    )  # fmt: skip


def texts(element: Any) -> str:
    """Every text of a card, for looking into it."""
    if isinstance(element, Mapping):
        return " ".join(texts(value) for key, value in element.items() if key != "behaviors")
    if isinstance(element, Sequence) and not isinstance(element, str):
        return " ".join(texts(item) for item in element)
    return str(element)
