"""Corrections after payslips went out: opened by HR, given up, paid too much; through engine and sandbox."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from payslip import history, payout, store
from payslip import tables as t
from payslip.computing import Computing
from payslip.documents import EmployeeNo, Month, RunId
from payslip.model import AnomalyKind
from payslip.slip import seal_words
from runtime.db import Database
from tests.payslip.stage import MONTH, Payday, open_payday, ready, submit
from tests.support.company import shown
from tests.support.wait import until

pytestmark = [pytest.mark.db, pytest.mark.timeout(240)]

SECOND = f"{MONTH}.2"
THIRD = f"{MONTH}.3"


@pytest.fixture
def payday(sandbox: Any, database: Database, tmp_path: Path) -> Iterator[Payday]:
    """A small company whose October went out."""
    with open_payday(sandbox, database, tmp_path) as made:
        ready(made)
        submit(made)
        made.signed()
        made.wait("pushed")
        made.idle()
        yield made


def toast(answer: Any) -> str:
    """What the person sees over the card."""
    return str(answer.toast.zh)


def heard(payday: Payday, person: Any, words: str) -> int:
    """How many messages of the bot to a person hold these words."""
    im = payday.sandbox.world.im
    return sum(
        words in json.dumps(message.content, ensure_ascii=False, default=str)
        for message in im.messages.values()
        if person.open_id in im.chats[message.chat_id].members
    )


def test_a_correction_that_is_given_up_leaves_the_dispute_open(payday: Payday) -> None:
    hr, worker = payday.person("人事"), payday.person("采购")
    _disputed(payday, worker, "d1")
    with payday.floor.db.begin() as conn:
        # Paid in a month that is over, so that its tax may be filed.
        conn.execute(t.runs.update().values(pay_date=date(2026, 10, 31)))
    before = _sheet(payday, worker)
    assert before["状态"] == "已发放"
    _rescored(payday, EmployeeNo(worker.employee_no), 1.5)
    assert toast(payday.tap(hr, "pay.correct", {"id": "d1"})) == "已开更正批次"
    payday.wait("calculated", "reviewed", run_id=SECOND)
    payday.idle()
    assert [row.state for row in payday.stored(t.disputes)] == ["corrected"]
    assert _sheet(payday, worker)["实发工资"] != before["实发工资"]
    assert "已有更正批次" in toast(payday.tap(hr, "pay.recall", payday.value()))
    assert any("更正申报" in each.sentence and each.run_id == SECOND for each in payday.stored(t.anomalies))
    _sealing_had_begun(payday, worker)
    told = heard(payday, hr, "工资条有异议")
    assert toast(payday.tap(hr, "pay.cancel", payday.value(SECOND))) == "已取消"
    until(lambda: heard(payday, hr, "工资条有异议") > told, timeout=30, what="HR is asked again")
    payday.idle()
    assert _sheet(payday, worker) == before
    assert [slip for slip in payday.stored(t.slips) if slip.run_id == SECOND] == []
    (row,) = payday.stored(t.disputes)
    assert (row.state, row.answered_by, row.answered_at) == ("open", None, None)
    assert toast(payday.tap(hr, "pay.answer", {"id": "d1"}, answer="已核对，维持")) == "已答复"


def test_hr_corrects_without_a_dispute_and_what_was_too_much_comes_off_the_next_pay(payday: Payday) -> None:
    hr, finance, worker = payday.person("人事"), payday.person("财务"), payday.person("采购")
    no = EmployeeNo(worker.employee_no)
    payday.tap(finance, "pay.payout", {"id": f"{MONTH}.1"})
    payday.idle()
    _who_may_not(payday, hr, worker)
    _rescored(payday, no, 0.5)
    assert payday.say(hr, f"更正 {MONTH} {no}") is None
    run = payday.wait("calculated", "reviewed", run_id=SECOND)
    payday.idle()
    assert (run.replaces, run.scope, run.pay_date) == (f"{MONTH}.1", (no,), payday.run().pay_date)
    _through(payday, SECOND)
    assert "不能撤回" in toast(payday.tap(hr, "pay.recall", payday.value(SECOND)))
    over = _paid(payday)[no] - _net(payday, SECOND, no)
    assert over > 0
    assert heard(payday, finance, "1 人更正后少于已付") == 1
    payday.tap(finance, "pay.payout", {"id": SECOND})
    payday.idle()
    assert heard(payday, finance, "没有需要付款的人") == 1
    _november_takes_it_back(payday, worker, over)
    _another_reader_is_asked_about(payday, hr, worker)


def _november_takes_it_back(payday: Payday, worker: Any, over: Decimal) -> None:
    november = replace(
        payday.run(SECOND), id=RunId("2026-11.1"), month=Month("2026-11"), version=1,
        pay_date=date(2026, 12, 10), replaces=None, scope=None,
    )  # fmt: skip
    with payday.floor.db.read() as conn:
        gathered, past = Computing(payday.deps).gather(conn, november)
    no = EmployeeNo(worker.employee_no)
    assert (past[no].name, past[no].last) == (worker.name, SECOND)
    owed = {who.no: who.person.carry.receivable for who in gathered.people if who.person is not None}
    assert owed[no] == over
    assert sum(owed.values()) == over


def _another_reader_is_asked_about(payday: Payday, hr: Any, worker: Any) -> None:
    """Corrected once more: the row names a colleague of the same name; HR is asked before anybody signs."""
    no, computing = EmployeeNo(worker.employee_no), Computing(payday.deps)
    assert computing.differs_now(payday.run(SECOND)) == []
    namesake = replace(worker, open_id="ou_" + "0" * 32, union_id="on_" + "0" * 32, user_id="0" * 8)
    payday.sandbox.world.people[namesake.open_id] = namesake
    row = payday.row("pay_employees", 工号=no)
    assert row is not None
    payday.edit("pay_employees", row["record_id"], 飞书账号=[{"id": namesake.open_id}])
    assert computing.differs_now(payday.run(SECOND)) == [worker.name]
    # by a second dispute about the first version, which SECOND replaced since
    _disputed(payday, worker, "d2")
    assert toast(payday.tap(hr, "pay.correct", {"id": "d2"})) == "已开更正批次"
    assert payday.wait("calculated", "reviewed", run_id=THIRD).replaces == SECOND
    payday.idle()
    with payday.floor.db.read() as conn:
        before = history.load(conn, payday.deps.vault, "test", payday.run(THIRD))
        assert store.readers(conn, payday.run(THIRD)) == {no: worker.open_id}
    assert before == {}
    kinds = [each.kind for each in payday.stored(t.anomalies) if each.run_id == THIRD]
    assert AnomalyKind.READER_CHANGED.value in kinds


def _sealing_had_begun(payday: Payday, worker: Any) -> None:
    """A payslip of the correction is sealed and nobody was told, as when HR cancels between two chunks."""
    slip = {
        "run_id": SECOND, "employee_no": worker.employee_no, "version": 2, "month": MONTH,
        "open_id": worker.open_id, "token": "sealed-early", "sealed_slip": "x", "slip_digest": "x",
        "state": "sealed",
    }  # fmt: skip
    with payday.floor.db.begin() as conn:
        conn.execute(t.slips.insert().values(**slip))


def _disputed(payday: Payday, worker: Any, name: str) -> None:
    """The worker disputes a line of the first version."""
    dispute = {
        "id": name, "run_id": f"{MONTH}.1", "employee_no": worker.employee_no, "open_id": worker.open_id,
        "line": "绩效工资", "state": "open", "at": payday.floor.clock.now(),
        "sealed_text": seal_words(payday.deps.vault, "test", name, "text", "系数应是 1.5"),
    }  # fmt: skip
    with payday.floor.db.begin() as conn:
        conn.execute(t.disputes.insert().values(**dispute))


def _rescored(payday: Payday, no: EmployeeNo, factor: float) -> None:
    score = payday.row("pay_scores", 工号=no)
    assert score is not None
    payday.edit("pay_scores", score["record_id"], 绩效系数=factor)


def _who_may_not(payday: Payday, hr: Any, worker: Any) -> None:
    assert payday.say(worker, f"更正 {MONTH} {worker.employee_no}").text.startswith("只有人事")
    assert "请写明月份和工号" in payday.say(hr, f"更正 {MONTH}").text
    assert "还没有发出" in payday.say(hr, f"更正 2026-09 {worker.employee_no}").text
    assert "另一位人事" in payday.say(hr, f"更正 {MONTH} {hr.employee_no}").text
    assert len(payday.stored(t.runs)) == 1


def _through(payday: Payday, run_id: str) -> None:
    """HR settles and submits a correction, everyone signs, it goes out."""
    hr = payday.person("人事")
    for each in payday.stored(t.anomalies):
        if each.run_id == run_id and each.settled_by is None:
            value = payday.value(run_id, no=each.employee_no, k=store.AnomalyKind(each.kind).name)
            payday.tap(hr, "pay.settle", value, reason_0="已核对")
    payday.wait("reviewed", run_id=run_id)
    payday.idle()
    payday.tap(hr, "pay.sign", payday.value(run_id))
    payday.idle()
    payday.signed(run_id)
    payday.wait("pushed", run_id=run_id)
    payday.idle()


def _sheet(payday: Payday, person: Any) -> dict[str, str]:
    """What HR sees of a person in 薪资核算."""
    row = payday.row("payroll", 工号=person.employee_no)
    assert row is not None
    return {name: shown(row["fields"].get(name)) for name in ("状态", "绩效系数", "实发工资", "应发合计")}


def _paid(payday: Payday) -> dict[EmployeeNo, Decimal]:
    with payday.floor.db.read() as conn:
        return payout.paid_before(conn, payday.deps.vault, "test", Month(MONTH))


def _net(payday: Payday, run_id: str, no: EmployeeNo) -> Decimal:
    return Computing(payday.deps).nets(payday.run(run_id))[no]
