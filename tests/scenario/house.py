"""The tiny company with the real product beside it: what scenario tests do, see and look up.

People act through the sandbox's control plane. What the product stores is looked up from outside.
"""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

from sandbox.client import Control, until
from sandbox.office import Office, Seen
from sandbox.stage import Stage
from tests.scenario.ledger import Ledger, database

WAIT = 40.0
"""Seconds to wait for something that takes one or two on a quiet machine."""

ROI = "计划日报"
STOCK = "商品库存"
RULES = "预警规则"


class House:
    """A running stage and its people.

    Args:
        stage: opened, set up and serving.
    """

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.control: Control = stage.control
        self.ledger = Ledger(database(stage))
        self.office = Office(stage.control)
        self.office.join_roles()
        self.boss = self.office.person("总经办")
        self.supervisor, self.owner = (self.office.person("运营部", place) for place in (0, 1))
        self.editor: str = self.supervisor["open_id"]
        self.buyer = self.office.person("采购部")
        self.stranger = self.office.person("财务部")
        self.other = self.office.person("人事部")
        self._let_manage(self.editor)
        self.worker: subprocess.Popen[bytes] | None = None
        self._numbers = itertools.count(1)

    def _let_manage(self, open_id: str) -> None:
        """The administrator lets a person manage all tables: columns too."""
        path = f"bitable/v1/apps/{self.office.app_token}/roles"
        tables = [{"table_id": each, "table_perm": 4} for each in self.office.tables.values()]
        made = self.control.api("POST", path, {"role_name": "管理员", "table_roles": tables})
        member = {"member_list": [{"type": "open_id", "id": open_id}]}
        self.control.api("POST", f"{path}/{made['role']['role_id']}/members/batch_create", member)

    # --- what people prepare ---

    def name(self, what: str) -> str:
        """A name no other test uses."""
        return f"{what}{next(self._numbers)}号"

    def plan(self, place: int) -> dict[str, Any]:
        """The row of one of the three plans, once its numbers have arrived."""
        until(lambda: len(self.plans()) >= 3, WAIT, "three plans in 计划日报")
        return self.plans()[place]

    def plans(self) -> list[dict[str, Any]]:
        """The rows of 计划日报 that a platform filled, in the order of their ids."""
        rows = [row for row in self.office.rows(ROI) if row.get("计划ID") and row.get("消耗")]
        return sorted(rows, key=lambda row: str(row["计划ID"]))

    def give(self, table: str, record_id: str, *owners: dict[str, Any], **cells: Any) -> None:
        """Enter the responsible persons of a row (nobody clears the cell)."""
        people = [{"id": who["open_id"]} for who in owners] or None
        self.office.edit(self.editor, table, record_id, 负责人=people, **cells)

    def rename(self, table: str, column: str, name: str) -> None:
        """A person renames a column."""
        self.control.post(
            "act/rename_field", open_id=self.editor, **self._place(table), field=column, name=name
        )

    def retype(self, table: str, column: str, kind: int) -> None:
        """A person gives a column another type (1 text, 2 number)."""
        self.control.post(
            "act/retype_field", open_id=self.editor, **self._place(table), field=column, type=kind
        )

    def _place(self, table: str) -> dict[str, str]:
        return {"app_token": self.office.app_token, "table_id": self.office.tables[table]}

    def article(self, qty: Any = 100, owner: dict[str, Any] | None = None, **cells: Any) -> tuple[str, str]:
        """A person adds a row to 商品库存: (SKU, record id)."""
        sku = self.name("HAND-")
        people = {"负责人": [{"id": owner["open_id"]}]} if owner else {}
        row = {
            "SKU编码": sku,
            "商品名称": f"手工商品 {sku}",
            "库存": qty,
            "锁定": 0,
            "在途": 0,
            "安全库存": 30,
        }
        return sku, self.office.add(self.editor, STOCK, **{**row, **people, **cells})

    def rule(self, wait: bool = True, **cells: Any) -> tuple[str, str]:
        """A person writes a rule: (its name, record id). Waits for its verdict."""
        name = self.name("规则")
        record_id = self.office.add(self.editor, RULES, 规则名称=name, 启用=True, **cells)
        if wait:
            until(lambda: self.verdict(record_id).startswith("有效"), WAIT, f"{name} is called valid")
        return name, record_id

    def plan_rule(self, plan: dict[str, Any], **cells: Any) -> tuple[str, str]:
        """A rule that this plan breaks: its ROI is 4, the red line at 9."""
        scope = f"计划ID={plan['计划ID']}"
        texts = {"数据表": ROI, "指标": "ROI", "比较": "低于", "阈值": "1:9", "范围": scope}
        return self.rule(**{**texts, "动作": ["调整预算", "知道了"], **cells})

    def stock_rule(self, sku: str, **cells: Any) -> tuple[str, str]:
        """A rule on 可用库存 of one article, red line at 50."""
        texts = {"数据表": STOCK, "指标": "可用库存", "比较": "低于", "阈值": "50", "范围": f"SKU编码={sku}"}
        return self.rule(**{**texts, "动作": ["紧急补货", "知道了"], **cells})

    def people_all(self) -> list[dict[str, Any]]:
        """Everybody."""
        return self.office.people

    # --- what people see ---

    def verdict(self, record_id: str) -> str:
        """What the rule's row says about it."""
        rows = {row["record_id"]: row for row in self.office.rows(RULES)}
        return str(rows[record_id].get("校验结果") or "")

    def card(self, who: dict[str, Any], words: str) -> Seen:
        """The person's newest card with these words; waits for it."""
        return until(lambda: (self.cards(who, words) or [None])[-1], WAIT, f"a card about {words}")

    def cards(self, who: dict[str, Any], words: str) -> list[Seen]:
        """All cards of a person with these words, but for the preview of a rule they switched on."""
        found = [card for card in self.office.cards(who["open_id"]) if words in card.text]
        return [card for card in found if "规则已启用：" not in card.text and "规则已停用：" not in card.text]

    def shows(self, who: dict[str, Any], about: str, words: str) -> Seen:
        """Wait until the person's newest card about something says ``words``."""

        def look() -> Seen | None:
            found = self.cards(who, about)
            return found[-1] if found and words in found[-1].text else None

        return until(look, WAIT, f"{who['name']}'s card about {about} says {words}")

    def tap(self, who: dict[str, Any], card: Seen, text: str, **form: str) -> dict[str, Any]:
        """A person taps a button."""
        return self.office.tap(who["open_id"], card.message_id, text, form or None)

    def forge(self, who: dict[str, Any], card: Seen, action: dict[str, Any]) -> dict[str, Any]:
        """Send a tap that stands on no card (forged, or of an old screen), signed all the same."""
        told = {"open_id": who["open_id"], "message_id": card.message_id, "forge": action}
        return self.control.post("act/tap", **told)

    def ad_plan(self, plan: dict[str, Any]) -> dict[str, Any]:
        """The plan as the ad platform has it."""
        return self.control.get(f"world/ads/plans/{plan['计划ID']}")

    def budget(self, plan: dict[str, Any]) -> Decimal:
        """The plan's budget on the ad platform."""
        return Decimal(str(self.ad_plan(plan)["budget"]))

    def budget_calls(self, plan: dict[str, Any]) -> list[Decimal]:
        """Budgets the ad platform was asked to set for a plan, in order."""
        calls = self.control.get("requests?path=/ad/budget/update/")["requests"]
        wishes = [wish for call in calls for wish in call["body"]["data"]]
        return [Decimal(str(w["budget"])) for w in wishes if str(w["ad_id"]) == str(plan["计划ID"])]

    def requests(self) -> list[dict[str, Any]]:
        """What the product asked of Feishu: not what the control plane and people's browsers did."""
        calls = self.control.get("requests?path=/open-apis/")["requests"]
        others = ("python-urllib/", "mozilla/")
        return [call for call in calls if not call["user_agent"].lower().startswith(others)]

    # --- what the product stores ---

    def alert(self, rule_id: str, object_id: str = "") -> dict[str, Any]:
        """The stored alert of a rule (of one object where there are several); empty before there is one."""
        query = "SELECT * FROM alerts WHERE rule_id = :rule AND (:object = '' OR object_id = :object)"
        found = self.ledger.rows(query, rule=rule_id, object=object_id)
        return found[0] if found else {}

    def becomes(self, rule_id: str, state: str, object_id: str = "") -> dict[str, Any]:
        """Wait until the alert is in a state, and give it back."""

        def look() -> dict[str, Any] | None:
            alert = self.alert(rule_id, object_id)
            return alert if alert.get("state") == state else None

        return until(look, WAIT, f"the alert of {rule_id} is {state}; it is {self.alert(rule_id, object_id)}")

    def audit(self, subject: str, action: str = "%") -> list[dict[str, Any]]:
        """Audit rows about something, oldest first."""
        query = "SELECT * FROM audit WHERE subject = :subject AND action LIKE :action ORDER BY id"
        return self.ledger.rows(query, subject=subject, action=action)

    def tasks(self, rule_id: str) -> list[dict[str, Any]]:
        """The tasks decided on alerts of a rule."""
        query = "SELECT t.* FROM alert_tasks t JOIN alerts a ON a.id = t.alert_id WHERE a.rule_id = :rule"
        return self.ledger.rows(query, rule=rule_id)

    def checked(self, table: str, times: int = 2) -> None:
        """Wait until a table's platform was asked, and its rows judged, some more times."""
        query = 'SELECT tried_at FROM data_sources WHERE "table" = :table'
        for _ in range(times):
            before = self.ledger.rows(query, table=table)
            probe = partial(self._differs, before, query, table)
            until(probe, WAIT, f"{table} is pulled again")

    def _differs(self, before: list[dict[str, Any]], query: str, table: str) -> bool:
        return self.ledger.rows(query, table=table) != before

    def reasons(self, rule_id: str) -> list[str]:
        """Why the alert of a rule changed, in order."""
        found = self.alert(rule_id)
        return [row["reason"] for row in self.audit(f"alert:{found['id']}", "alert.change")] if found else []

    def parked(self) -> list[dict[str, Any]]:
        """Works that were given up."""
        return self.ledger.rows("SELECT * FROM parked")


@contextmanager
def running(
    folder: Path, installation: Mapping[str, str], company: str = "tiny", *, apart: bool = False, **stage: Any
) -> Iterator[House]:
    """A house for a module: sandbox, setup, serve, subscription, people in their roles.

    Args:
        folder: where it may write.
        installation: environment that says where its database is (fixture `installation`).
        company: which company.
        apart: web and worker as two processes of the test, so that one can be ended alone.
        stage: further arguments of ``Stage``.
    """
    stage.setdefault("limits", {"single_cards": 100})  # a test looks at the card of its own alert
    built = Stage(folder, company=company, env={**installation, **stage.pop("env", {})}, **stage)
    try:
        built.open()
        people = built.control.get("people")["people"]
        built.env["CHORUS_ADMIN_OPEN_ID"] = people[0]["open_id"]
        built.setup()
        alone = start_worker(built) if apart else None
        built.serve(*(("--role", "web") if apart else ()), name="web" if apart else "serve")
        if built.manifest.get("connection") != "websocket":
            built.subscribe()
        house = House(built)
        house.worker = alone
        yield house
        house.ledger.close()
    finally:
        built.stop()


def start_worker(stage: Stage) -> subprocess.Popen[bytes]:
    """Start a worker alone."""
    return stage.start([*stage.command, "serve", "--role", "worker"], "worker")
