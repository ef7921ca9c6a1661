"""The company of tests/access with rules, rows and more runs, so that taps get past the door."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from random import Random
from typing import Any

import sqlalchemy as sa

from app import specs
from bitable_sync.cells import Person
from bitable_sync.context import build_mirror
from creative.specs import REQUESTS
from payslip import tables as pay
from payslip.model import AnomalyKind
from rules import tables as red
from rules.check import Checker, Policy
from rules.metrics import build_catalog
from rules.review import Reviewer
from rules.specs import ALLOWANCES, DUTY, PLANS, RULES, SHOPS, SILENCES, STOCK, TABLES
from tests.access.world import NOW, REQUEST, RUN, World, open_id
from tests.creative.intake_kit import ROW
from tests.rules.kit import ROI_RULE, STOCK_RULE, plan, rule_cells, sku

OWNERS = {
    "owner": (Person(open_id("operator"), "operator"),),
    "supervisor": (Person(open_id("supervisor"), "supervisor"),),
}
ENTITLED = {"pay": ("hr", "hr", "finance"), "work": ("admin",)}
"""Who may do what an action is about; the operator everything else."""
RUNS = {"2026-08.1": "calculated", "2026-09.1": "reviewed", "2026-07.1": "signing"}


@dataclass(frozen=True, slots=True)
class Scene:
    """What taps may name: alerts and runs, each with the turn its newest card carries."""

    alerts: tuple[tuple[str, int], ...]
    runs: tuple[tuple[str, int], ...]

    def value(self, rng: Random, action: str) -> dict[str, Any]:
        """What a button of some newest card carries."""
        value = World.value(action)
        if value.get("id") == RUN:
            value["id"], value["t"] = rng.choice(self.runs)
        elif "v" in value and value["id"] != REQUEST:
            value["id"], value["v"] = rng.choice(self.alerts)
        return value

    @staticmethod
    def person(rng: Random, action: str) -> str:
        """Mostly somebody who may, else everybody is refused at the door."""
        return rng.choice(ENTITLED.get(action.partition(".")[0], ("operator", "supervisor")))


def fill(world: World) -> Scene:
    """Put rules and rows into the world's tables, have them judged, and open runs in other states."""
    mirror = build_mirror(world.floor, specs())
    for table in (RULES, PLANS, STOCK, SHOPS, ALLOWANCES, SILENCES, DUTY):
        mirror.begin_pull(table)
        mirror.end_pull(table, started=NOW)
    plans = rule_cells(ROI_RULE) | {"actions": ("调整预算", "暂停计划", "知道了")}
    mirror.put(RULES, {"rec_roi": plans, "rec_stock": rule_cells(STOCK_RULE)}, seen_at=NOW)
    mirror.put(PLANS, {"rec_1001": plan(owner=OWNERS["owner"], supervisor=OWNERS["supervisor"])}, seen_at=NOW)
    mirror.put(STOCK, {"rec_sku": sku(owner=OWNERS["owner"])}, seen_at=NOW)
    mirror.put(REQUESTS, {REQUEST: ROW}, seen_at=NOW)
    policy = Policy(fallback=OWNERS["owner"])
    Reviewer(
        Checker(world.db, world.floor.queue, world.floor.clock, mirror, build_catalog(TABLES), policy)
    ).review()
    with world.db.begin() as conn:
        for number, (run, state) in enumerate(RUNS.items()):
            conn.execute(
                pay.runs.insert().values(
                    id=run, month=run[:7], version=1, pay_date=date(2026, 11, 10), state=state, turn=2,
                    starter=open_id("hr"), digest=f"d{number}", headcount=1, opened_at=NOW, changed_at=NOW,
                )
            )  # fmt: skip
            conn.execute(
                pay.anomalies.insert().values(
                    run_id=run, employee_no="E001", kind=AnomalyKind.CHANGED.value, name="王芳", sentence="x"
                )
            )
        alerts = conn.execute(sa.select(red.alerts.c.id, red.alerts.c.turn)).all()
        runs = conn.execute(sa.select(pay.runs.c.id, pay.runs.c.turn)).all()
    return Scene(tuple((a.id, a.turn) for a in alerts), tuple((r.id, r.turn) for r in runs))
