"""What many people and much haste bring: edits in dozens, a submission in between, signatures lost late."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from payslip import store
from payslip import tables as t
from payslip.documents import EmployeeNo
from payslip.model import Anomaly, AnomalyKind
from payslip.opening import run_work
from payslip.sending import PUSH_LANES
from runtime.db import Database
from runtime.work import status_table
from tests.payslip.stage import Payday, open_payday, ready, slip_cards, submit
from tests.support.wait import until

pytestmark = [pytest.mark.db, pytest.mark.timeout(240)]
SEND = {"method": "POST", "path": "/open-apis/im/v1/messages"}


@pytest.fixture
def payday(sandbox: Any, database: Database, tmp_path: Path) -> Iterator[Payday]:
    """A small company at the end of its month."""
    with open_payday(sandbox, database, tmp_path) as made:
        yield made


def waiting_collects(payday: Payday) -> int:
    """Collections of the run that have not begun."""
    status = status_table(payday.floor.db)
    query = (
        sa.select(sa.func.count())
        .select_from(status)
        .where(status.c.status == "ENQUEUED", status.c.workflow_uuid.startswith("payroll.collect:"))
    )
    with payday.floor.db.read() as conn:
        return int(conn.execute(query).scalar_one())


def test_many_edits_are_one_computation_more_and_nothing_is_submitted_meanwhile(payday: Payday) -> None:
    """While a collection waits, an edit adds none, and 提交签批 says that it must be waited for."""
    ready(payday)
    payday.engine.close(drain=5)  # the worker is busy elsewhere: what is put waits
    for number, row in enumerate(payday.rows("pay_scores")):
        payday.edit("pay_scores", row["record_id"], 绩效系数=0.91 + number / 100)
    assert waiting_collects(payday) == 1
    said = payday.tap(payday.person("人事"), "pay.sign", payday.value()).toast
    assert said is not None
    assert "正在重新核算" in said.zh
    assert payday.run().state == "reviewed"
    assert payday.stored(t.signatures) == []


def test_signatures_lost_before_the_first_card_and_given_again_send_everybody_one(payday: Payday) -> None:
    """What was sealed for the old signatures is destroyed, and the new payslips are not taken for the old."""
    ready(payday)
    submit(payday)
    faults = payday.sandbox.world.control.faults
    payday.signed()
    faults.order({"match": SEND, "code": 99991400, "times": 10_000})  # nothing gets out
    payday.wait("sealed", "pushed")
    assert slip_cards(payday) == Counter()
    old = {row.employee_no: row.slip_digest for row in payday.stored(t.slips)}
    part = next(row for row in payday.stored(t.signatures) if row.part != "*")
    payday.sandbox.world.approval.act(payday.run().starter, part.instance_code, "revert")
    payday.happens("approval_instance", {"instance_code": part.instance_code, "status": "REVERTED"})
    until(lambda: "被撤销" in payday.run().note, timeout=60, what="the reversal is told")
    assert payday.stored(t.slips) == []
    faults.clear()
    payday.wait("reviewed", timeout=60)
    payday.idle(60)
    submit(payday)
    payday.signed()
    payday.wait("pushed", timeout=60)
    payday.idle(60)
    new = {row.employee_no: row.slip_digest for row in payday.stored(t.slips)}
    assert set(new) == set(old)
    everybody = {person.open_id for person in payday.sandbox.world.people.values()}
    cards = slip_cards(payday)
    assert {who: cards[who] for who in everybody} == dict.fromkeys(everybody, 1)


def test_a_push_that_runs_again_sends_nothing_again(payday: Payday) -> None:
    """A lane whose work is put once more finds its people told."""
    ready(payday)
    submit(payday)
    payday.signed()
    payday.wait("pushed")
    payday.idle()
    before = slip_cards(payday)
    run = payday.run()
    with payday.floor.db.begin() as conn:
        again = [run_work("payroll.push", run.id, f"again:{n}", lane=str(n)) for n in range(PUSH_LANES)]
        payday.floor.queue.put(conn, *again)
    payday.idle()
    assert slip_cards(payday) == before


def test_an_anomaly_that_says_the_same_stays_settled(payday: Payday) -> None:
    """Replacing a run's anomalies keeps what a named person decided, unless the sentence is another."""
    ready(payday)
    run, by = payday.run().id, payday.person("人事").open_id
    same = Anomaly(EmployeeNo("E1"), "甲", AnomalyKind.WARNING, "户名不一致")
    gone = Anomaly(EmployeeNo("E2"), "乙", AnomalyKind.WARNING, "户名不一致")
    other = Anomaly(EmployeeNo("E3"), "丙", AnomalyKind.CHANGED, "应发较上月增加 31.0%")
    now = payday.floor.clock.now()
    with payday.floor.db.begin() as conn:
        store.put_anomalies(conn, run, [same, gone, other])
        for each in (same, gone, other):
            assert store.settle(conn, run, each.employee_no, each.kind.value, by=by, at=now, reason="好")
        changed = Anomaly(other.employee_no, "丙", AnomalyKind.CHANGED, "应发较上月增加 45.0%")
        store.put_anomalies(conn, run, [same, changed])
        left = {each.anomaly.employee_no: each.settled_by for each in store.anomalies(conn, run)}
    assert left == {"E1": by, "E3": None}
