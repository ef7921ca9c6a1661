"""A run from HR's message to the payslip in everybody's chat, through the real engine and the sandbox."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from payslip import history, payout, store
from payslip import tables as t
from payslip.computing import Computing
from payslip.slip import SlipKey, open_slip, seal_words
from runtime.db import Database
from runtime.work import Work
from tests.payslip.stage import MONTH, Payday, open_payday
from tests.support.company import shown
from tests.support.leaks import assert_no_leak
from tests.support.wait import until

pytestmark = [pytest.mark.db, pytest.mark.timeout(240)]


@pytest.fixture
def payday(sandbox: Any, database: Database, tmp_path: Path) -> Iterator[Payday]:
    """A small company at the end of its month."""
    with open_payday(sandbox, database, tmp_path) as made:
        yield made


def toast(answer: Any) -> str:
    """What the person sees over the card."""
    assert answer.toast is not None
    return str(answer.toast.zh)


def test_a_pay_day_with_a_dispute_a_correction_and_the_payout(payday: Payday, tmp_path: Path) -> None:
    hr, boss, worker = payday.person("人事"), payday.person("总经办"), payday.person("采购")
    reply = payday.say(hr, f"算薪 {MONTH}")
    assert payday.say(worker, "算薪").text.startswith("只有人事")
    assert "开始算薪" in json.dumps(reply.card, ensure_ascii=False)
    assert "只有人事" in toast(payday.tap(worker, "pay.start", {"m": MONTH}))
    assert payday.stored(t.runs) == []
    payday.tap(hr, "pay.start", {"m": MONTH})
    assert "已有批次" in toast(payday.tap(hr, "pay.start", {"m": MONTH}))
    payday.wait("calculated")
    payday.idle()

    _an_edited_score_changes_the_row(payday, worker)
    _nothing_is_signed_before_it_is_settled(payday, hr, worker)
    payday.tap(hr, "pay.sign", payday.value())
    payday.idle()
    _forms_hold_totals_and_no_names(payday)
    payday.signed()
    payday.wait("pushed")
    payday.idle()
    _everyone_has_one_card_without_amounts(payday)

    net = _net(payday, worker.employee_no)
    _paid(payday, f"{MONTH}.1", expected=_total(payday, f"{MONTH}.1"))
    _a_disputed_line_is_corrected(payday, hr, boss, worker)
    payday.tap(hr, "pay.sign", payday.value(f"{MONTH}.2"))
    payday.idle()
    payday.signed(f"{MONTH}.2")
    payday.wait("pushed", run_id=f"{MONTH}.2")
    payday.idle()
    more = _net(payday, worker.employee_no, f"{MONTH}.2") - net
    assert more > 0
    _paid(payday, f"{MONTH}.2", expected=more)
    states = {(s.run_id, s.employee_no): s.state for s in payday.stored(t.slips)}
    assert states[f"{MONTH}.1", worker.employee_no] == "replaced"
    assert states[f"{MONTH}.2", worker.employee_no] == "sent"
    corrected = next(s for s in payday.stored(t.slips) if s.run_id == f"{MONTH}.2")
    assert corrected.version == 2
    _no_amount_stands_readable(payday, tmp_path)


def _an_edited_score_changes_the_row(payday: Payday, worker: Any) -> None:
    before = payday.row("payroll", 工号=worker.employee_no)
    assert before is not None
    score = payday.row("pay_scores", 工号=worker.employee_no)
    assert score is not None
    payday.edit("pay_scores", score["record_id"], 绩效系数=1.2)

    def changed() -> bool:
        row = payday.row("payroll", 工号=worker.employee_no)
        return row is not None and row["fields"]["实发工资"] != before["fields"]["实发工资"]

    until(changed, timeout=30, what="the row shows the new score")
    payday.idle()
    row = payday.row("payroll", 工号=worker.employee_no)
    assert row is not None
    assert Decimal(str(row["fields"]["绩效系数"])) == Decimal("1.2")
    assert shown(row["fields"]["核对结果"]) == "两次核算一致"


def _nothing_is_signed_before_it_is_settled(payday: Payday, hr: Any, worker: Any) -> None:
    assert payday.run().state == "calculated"
    assert "不能变为" in toast(payday.tap(hr, "pay.sign", payday.value()))
    for each in payday.stored(t.anomalies):
        value = payday.value(no=each.employee_no, k=store.AnomalyKind(each.kind).name)
        assert "只有人事" in toast(payday.tap(worker, "pay.settle", value, reason_0="我来"))
        assert "理由" in toast(payday.tap(hr, "pay.settle", value, reason_0=" "))
        assert (
            toast(payday.tap(hr, "pay.settle", value, reason_0="已核对，本年首月 12,345.60 元")) == "已记录"
        )
    payday.wait("reviewed")
    settled = payday.stored(t.anomalies)
    assert {each.settled_by for each in settled} == {hr.open_id}
    assert all("12,345" not in each.reason for each in settled)
    old = payday.value()
    payday.tap(hr, "pay.again", old)
    assert "不是最新" in toast(payday.tap(hr, "pay.sign", old))
    payday.wait("reviewed")
    payday.idle()


def _forms_hold_totals_and_no_names(payday: Payday) -> None:
    instances = list(payday.sandbox.world.approval.instances.values())
    assert len(instances) == 2  # six people: one group and the whole
    run = payday.run()
    for instance in instances:
        values = [item.get("value") for item in instance.form]
        assert run.digest in values
        text = json.dumps(instance.form, ensure_ascii=False)
        assert not any(row.name in text or row.employee_no in text for row in payday.stored(t.people))


def _everyone_has_one_card_without_amounts(payday: Payday) -> None:
    amounts = _amounts(payday)
    for person in payday.sandbox.world.people.values():
        cards = [each for each in _messages(payday, person) if "查看工资条" in each]
        assert len(cards) == 1
        assert_no_leak(cards[0], amounts=amounts)


def _a_disputed_line_is_corrected(payday: Payday, hr: Any, boss: Any, worker: Any) -> None:
    slip = next(s for s in payday.stored(t.slips) if s.employee_no == worker.employee_no)
    dispute = {
        "id": "d1", "run_id": slip.run_id, "employee_no": slip.employee_no, "open_id": worker.open_id,
        "line": "绩效工资", "state": "open", "at": payday.floor.clock.now(),
        "sealed_text": seal_words(payday.deps.vault, "test", "d1", "text", "系数应是 1.5"),
    }  # fmt: skip
    with payday.floor.db.begin() as conn:
        conn.execute(t.disputes.insert().values(**dispute))
    assert "只有人事" in toast(payday.tap(worker, "pay.correct", {"id": "d1"}))
    score = payday.row("pay_scores", 工号=worker.employee_no)
    assert score is not None
    payday.edit("pay_scores", score["record_id"], 绩效系数=1.5)
    assert payday.run().state == "pushed"  # what was told stays told
    assert toast(payday.tap(hr, "pay.correct", {"id": "d1"})) == "已开更正批次"
    assert "已经处理过" in toast(payday.tap(boss, "pay.correct", {"id": "d1"}))
    run = payday.wait("reviewed", "calculated", run_id=f"{MONTH}.2")
    payday.idle()
    assert (run.replaces, run.scope) == (f"{MONTH}.1", (worker.employee_no,))
    for each in payday.stored(t.anomalies):
        if each.run_id == run.id and each.settled_by is None:
            value = payday.value(run.id, no=each.employee_no, k=store.AnomalyKind(each.kind).name)
            payday.tap(boss, "pay.settle", value, reason_0="按异议更正")
    payday.wait("reviewed", run_id=run.id)
    payday.idle()


def _paid(payday: Payday, run_id: str, *, expected: Decimal) -> None:
    """Finance makes the file; it pays exactly what is due, and a second try pays nothing."""
    finance, other = payday.person("财务"), payday.person("采购")
    assert "只有财务" in toast(payday.tap(other, "pay.payout", {"id": run_id}))
    for _ in range(2):
        payday.tap(finance, "pay.payout", {"id": run_id})
        payday.idle()
    with payday.floor.db.begin() as conn:
        found = [
            payout.open_payout(conn, payday.deps.vault, "test", each.id, by="t", at=payday.floor.clock.now())
            for each in payout.payouts(conn, store.RunId(run_id))
        ]
    assert sum((file.total for file in found), Decimal(0)) == expected
    assert any("没有需要付款的人" in each for each in _messages(payday, finance))


def _no_amount_stands_readable(payday: Payday, folder: Path) -> None:
    """Neither databases nor what was sent show anybody's amounts or accounts (Bitable's own cells apart)."""
    amounts, accounts = _amounts(payday), _accounts(payday)
    if payday.floor.db.dialect == "sqlite":
        for file in sorted(folder.glob("*.db*")):
            content = file.read_bytes().decode("utf-8", "replace")
            assert_no_leak(content, secrets=accounts, amounts=amounts)
    for call in payday.sandbox.world.control.recorder.calls(path=""):
        if "/bitable/" not in json.dumps(call, ensure_ascii=False, default=str)[:400]:
            text = json.dumps(call, ensure_ascii=False, default=str)
            assert_no_leak(text, secrets=accounts, amounts=amounts)


# --- looking inside what only the key opens ---


def _pays(payday: Payday, run_id: str) -> dict[str, Any]:
    with payday.floor.db.read() as conn:
        run = store.load_run(conn, run_id)
        assert run is not None
        return dict(Computing(payday.deps).pays(conn, run))


def _net(payday: Payday, no: str, run_id: str = f"{MONTH}.1") -> Decimal:
    """Net pay as computed; the sealed payslip says the same."""
    net = _pays(payday, run_id)[no].totals.net
    slip = next(s for s in payday.stored(t.slips) if (s.run_id, s.employee_no) == (run_id, no))
    key = SlipKey(slip.run_id, slip.employee_no, slip.version)
    assert open_slip(payday.deps.vault, "test", key, slip.sealed_slip).totals.net == net
    return Decimal(net)


def _total(payday: Payday, run_id: str) -> Decimal:
    return sum((pay.totals.net for pay in _pays(payday, run_id).values()), Decimal(0))


def _amounts(payday: Payday) -> list[str]:
    """Distinctive amounts of everybody's pay: with a fraction, so that no chance number is like them."""
    found = {
        str(amount)
        for pay in _pays(payday, f"{MONTH}.1").values()
        for amount in (pay.totals.net, pay.totals.gross, *(line.amount for line in pay.lines))
    }
    return sorted(amount for amount in found if amount.partition(".")[2].strip("0") and len(amount) > 5)


def _accounts(payday: Payday) -> list[str]:
    with payday.floor.db.read() as conn:
        rows = store.people(conn, store.RunId(f"{MONTH}.1"))
    opened = [history.open_input(payday.deps.vault, "test", row) for row in rows]
    return [each.account.number for each in opened if each is not None and each.account is not None]


def _messages(payday: Payday, person: Any) -> list[str]:
    """Everything the bot sent to a person, as text."""
    im = payday.sandbox.world.im
    return [
        json.dumps(message.content, ensure_ascii=False, default=str)
        for message in im.messages.values()
        if person.open_id in im.chats[message.chat_id].members
    ]


def test_signatures_are_for_these_bytes_only(payday: Payday) -> None:
    hr, boss, lead = payday.person("人事"), payday.person("总经办"), payday.person("运营")
    payday.tap(hr, "pay.start", {"m": MONTH})
    payday.wait("calculated")
    payday.idle()
    _settle(payday, hr)

    # an edit while people sign: void at once, said to everyone who was asked
    payday.tap(hr, "pay.sign", payday.value())
    payday.idle()
    first = payday.run().digest
    score = payday.row("pay_scores", 工号=lead.employee_no)
    assert score is not None
    payday.edit("pay_scores", score["record_id"], 绩效系数=1.3)
    payday.wait("reviewed")
    payday.idle()
    assert payday.run().digest != first
    for person in (boss, lead, hr):
        assert any("签批已作废" in each and "绩效评分" in each for each in _messages(payday, person))
    states = {i.status for i in payday.sandbox.world.approval.instances.values()}
    assert states == {"CANCELED"}

    # the old signatures, had they been given, count for nothing; new ones are asked for
    payday.tap(hr, "pay.sign", payday.value())
    payday.idle()
    # an edit nobody told us of: found when the run is sealed
    score = payday.row("pay_scores", 工号=boss.employee_no)
    assert score is not None
    payday.edit("pay_scores", score["record_id"], quiet=True, 绩效系数=1.4)
    payday.signed()
    until(lambda: "签批后数据有变化" in payday.run().note, timeout=30, what="the hidden edit is found")
    payday.wait("reviewed")
    payday.idle()
    assert payday.stored(t.slips) == []

    # somebody refuses
    payday.tap(hr, "pay.sign", payday.value())
    payday.idle()
    _act(payday, "reject")
    until(lambda: "被拒绝" in payday.run().note, timeout=30, what="the refusal is told")
    payday.wait("reviewed")
    payday.idle()

    # one department's approval is taken back after it was given
    payday.tap(hr, "pay.sign", payday.value())
    payday.idle()
    _act(payday, "approve", parts=1)
    _act(payday, "revert", parts=1, status="APPROVED")
    until(lambda: "被撤销" in payday.run().note, timeout=30, what="the reversal is told")
    assert payday.stored(t.slips) == []


def _settle(payday: Payday, hr: Any) -> None:
    for each in payday.stored(t.anomalies):
        value = payday.value(no=each.employee_no, k=store.AnomalyKind(each.kind).name)
        payday.tap(hr, "pay.settle", value, reason_0="已核对")
    payday.wait("reviewed")
    payday.idle()


def _act(payday: Payday, verb: str, *, parts: int = 9, status: str = "asked") -> None:
    """People act on the approvals of the present digest, in Feishu; the events arrive."""
    world, digest = payday.sandbox.world, payday.run().digest
    rows = [row for row in payday.stored(t.signatures) if row.digest == digest and row.part != "*"][:parts]
    for row in rows:
        who = payday.run().starter if verb == "revert" else row.asked["supervisor"]
        world.approval.act(who, row.instance_code, verb)
        payday.happens("approval_instance", {"instance_code": row.instance_code, "status": verb.upper()})


def test_a_change_in_any_input_table_is_no_longer_what_was_signed(payday: Payday) -> None:
    hr, worker = payday.person("人事"), payday.person("采购")
    no = worker.employee_no
    payday.add(
        "pay_one_offs",
        {"编号": "1", "工号": no, "姓名": worker.name, "月份": MONTH, "类型": "补发", "金额": 100},
    )
    payday.add(
        "pay_deductions",
        {"编号": "1", "工号": no, "姓名": worker.name, "项目": "赡养老人", "每月金额": 1000,
         "扣除起月": "2026-01", "申报月份": "2026-01"},
    )  # fmt: skip
    plan = next(shown(row["fields"]["提成方案"]) for row in payday.rows("pay_plans"))
    payday.add(
        "pay_commission", {"工号": no, "姓名": worker.name, "月份": MONTH, "提成方案": plan, "计提基数": 9000}
    )
    opening = {"累计收入": 90000, "累计免税收入": 0, "累计专项扣除": 9000, "累计已预扣税额": 900}
    payday.add("pay_opening", {"工号": no, "姓名": worker.name, "截至月份": "2026-10", **opening})
    payday.tap(hr, "pay.start", {"m": MONTH})
    payday.wait("calculated", "reviewed")
    payday.idle()
    run, computing = payday.run(), Computing(payday.deps)
    assert computing.differs_now(run) == []
    for key, wanted, change in (
        ("pay_employees", {"工号": no}, {"基本工资": 8001}),
        ("pay_attendance", {"工号": no}, {"事假天数": 1}),
        ("pay_scores", {"工号": no}, {"绩效系数": 1.05}),
        ("pay_commission", {"工号": no}, {"计提基数": 9001}),
        ("pay_plans", {"提成方案": plan}, {"比例": 0.0123}),
        ("pay_deductions", {"工号": no}, {"每月金额": 1100}),
        ("pay_one_offs", {"工号": no}, {"金额": 101}),
        ("pay_social", {"险种": "养老"}, {"个人比例": 0.081}),
        ("pay_tax", {"表": "年度"}, {"税率": 0.04}),
        ("pay_params", {"参数": "减除费用"}, {"值": 5001}),
        ("pay_opening", {"工号": no}, {"累计收入": 90001}),
        ("pay_structure", {"组件": "绩效工资"}, {"公式": "ROUND([绩效基数]*[绩效系数]*1,2)"}),
    ):
        row = payday.row(key, **wanted)
        assert row is not None, key
        before = {name: row["fields"].get(name) for name in change}
        before = {name: shown(value) if isinstance(value, list) else value for name, value in before.items()}
        payday.edit(key, row["record_id"], quiet=True, **change)
        payday.sync.puller.pull(key)
        payday.deps.structuring.review()
        assert computing.differs_now(run) != [], key
        payday.edit(key, row["record_id"], quiet=True, **before)
        payday.sync.puller.pull(key)
        payday.deps.structuring.review()
        assert computing.differs_now(run) == [], f"{key} put back"
    payday.idle()

    # rows that another process of ours wrote from a file make no event; the run is told all the same
    at, digest = payday.floor.clock.now().replace(microsecond=0), payday.run().digest
    row = {"no": no, "month": MONTH, "factor": Decimal("1.15"), "source": "文件 a.xlsx", "source_at": at}
    payday.sync.pusher.upsert("pay_scores", [row], cause="another process")
    told = {"table": "pay_scores", "at": at.isoformat()}
    with payday.floor.db.begin() as conn:
        payday.floor.queue.put(conn, Work("payroll.imported", "imported:1", "payroll.imports", told))
    until(lambda: payday.run().digest not in (digest, None), timeout=30, what="the run takes the file over")


def test_a_recalled_run_can_be_opened_by_nobody_and_computed_anew(payday: Payday) -> None:
    hr = payday.person("人事")
    payday.tap(hr, "pay.start", {"m": MONTH})
    payday.wait("calculated")
    payday.idle()
    _settle(payday, hr)
    payday.tap(hr, "pay.sign", payday.value())
    payday.idle()
    payday.signed()
    payday.wait("pushed")
    payday.idle()
    kept = [slip.sealed_slip for slip in payday.stored(t.slips)]
    assert toast(payday.tap(hr, "pay.recall", payday.value())) == "已撤回"
    payday.idle()
    assert {(s.state, s.sealed_slip) for s in payday.stored(t.slips)} == {("recalled", None)}
    assert all(kept)
    for person in payday.sandbox.world.people.values():
        assert sum("已撤回" in each for each in _messages(payday, person)) >= 1
    payday.tap(hr, "pay.start", {"m": MONTH})
    assert payday.run(f"{MONTH}.2").replaces is None
