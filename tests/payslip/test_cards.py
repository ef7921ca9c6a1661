"""Every card of pay is one the platform accepts, in every state, and none of them can hold an amount."""

import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from bot.words import text
from payslip.cards import (
    dispute_card,
    dispute_done_card,
    recalled_card,
    run_card,
    slip_card,
    start_card,
)
from payslip.cards_payout import payout_card
from payslip.documents import EmployeeNo, Month, RunId
from payslip.model import EVERYONE, Anomaly, AnomalyKind, Run, RunState
from payslip.signing import SignatureState
from payslip.store import OpenAnomaly
from payslip.views import SHOWN, PartView, RunView
from tests.payslip.people import HR

NOW = datetime(2026, 11, 3, 2, tzinfo=UTC)
OCTOBER = Month("2026-10")
RUN = Run(RunId("2026-10.1"), OCTOBER, 1, date(2026, 11, 10), RunState.DRAFT, HR, NOW, turn=4)
MONEY = re.compile(r"\d[\d,]*\.\d\d(?!\d)|元")


def anomalies(count: int) -> tuple[OpenAnomaly, ...]:
    kinds = list(AnomalyKind)
    return tuple(
        OpenAnomaly(
            Anomaly(EmployeeNo(f"YR{n:04d}"), "<at id=all></at>", kinds[n % len(kinds)], "需要*看*一下")
        )
        for n in range(count)
    )


@pytest.mark.parametrize("state", list(RunState))
@pytest.mark.parametrize("note", ["", "“运营部”审批被拒绝"])
def test_a_run_has_a_card_in_every_state(state: RunState, note: str) -> None:
    parts = (PartView(EVERYONE, SignatureState.ASKED.value), PartView("客服部", "refused", "审批被拒绝"))
    slips = {"sent": 3, "confirmed": 2, "failed": 1} if state in (RunState.SEALED, RunState.PUSHED) else {}
    view = RunView(replace(RUN, state=state, note=note), 9, 8, anomalies(SHOWN), 12, 1, 3, parts, slips)
    shown = json.dumps(run_card(view).data, ensure_ascii=False)
    assert "<at id=all>" not in shown
    assert (note in shown) is bool(note) or not note
    assert not MONEY.search(shown)


def test_the_anomalies_of_a_card_can_be_told_apart() -> None:
    calculated = replace(RUN, state=RunState.CALCULATED)
    view = RunView(calculated, 9, 8, anomalies(SHOWN), 12, 0, 3)
    shown = json.dumps(run_card(view).data, ensure_ascii=False)
    values = re.findall(r'"a": "pay.settle", "id": "2026-10.1", "t": 4, "no": "(\w+)"', shown)
    assert values == [f"YR{n:04d}" for n in range(SHOWN)]


def test_the_other_cards_are_accepted_and_say_no_more_than_they_should() -> None:
    cards = [
        start_card(OCTOBER, "2026-11-10"),
        slip_card(OCTOBER, "悦然服饰", "https://x.example/pay/s/t", NOW, corrected=False),
        slip_card(OCTOBER, "悦然服饰", "https://x.example/pay/s/t", NOW, corrected=True),
        recalled_card(OCTOBER, "悦然服饰"),
        dispute_card(OCTOBER, "李伟", "YR0007", "绩效工资", "d1", "https://x.example/pay/d/d1"),
        dispute_done_card(OCTOBER, "李伟", "绩效工资", text("已答复", "answered")),
        payout_card(RUN, waiting=5, held=[("YR1", "赵敏")] * 12, files=[("a.xlsx", "https://x.example/f")]),
        payout_card(RUN, waiting=0, held=[], files=[]),
    ]
    for each in cards:
        assert not MONEY.search(json.dumps(each.data, ensure_ascii=False))
    assert not cards[1].data["config"]["enable_forward"]


def test_finance_sees_whom_no_file_pays_and_who_got_too_much() -> None:
    held = [(f"YR{n}", "赵敏") for n in range(11)]
    made = payout_card(
        RUN, waiting=0, held=held, files=[], lacking=["<b>孙</b>", *"甲乙丙丁戊己庚辛"], overpaid=["吴桐"]
    )
    shown = json.dumps(made.data, ensure_ascii=False)
    assert "还有 3 人的账号待核实" in shown
    for words in ("9 人不在文件里", "等 9 人", "1 人更正后少于已付", "吴桐"):
        assert words in shown
    assert "<b>" not in shown
    assert not MONEY.search(shown)
    quiet = json.dumps(payout_card(RUN, waiting=3, held=[], files=[]).data, ensure_ascii=False)
    assert "不在文件里" not in quiet
    assert "少于已付" not in quiet
