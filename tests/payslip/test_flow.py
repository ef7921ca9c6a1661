"""A run from HR's message to the payslip in everybody's chat, through the real engine and the sandbox."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from payslip import tables as t
from payslip.model import AnomalyKind
from runtime.db import Database
from tests.payslip.stage import MONTH, Payday, open_payday

pytestmark = pytest.mark.db


@pytest.fixture
def payday(sandbox: Any, database: Database, tmp_path: Path) -> Iterator[Payday]:
    """A small company at the end of its month."""
    with open_payday(sandbox, database, tmp_path) as made:
        yield made


def started(payday: Payday) -> None:
    """HR says 算薪 and taps 开始; everything is collected and computed."""
    hr = payday.person("人事")
    reply = payday.say(hr, f"算薪 {MONTH}")
    assert reply.card is not None
    answer = payday.tap(hr, "pay.start", {"m": MONTH})
    assert answer.toast is not None
    assert answer.toast.kind == "success"
    payday.wait("calculated", "reviewed")
    payday.idle()


def settle_all(payday: Payday) -> None:
    """HR takes every anomaly on itself, with a reason."""
    hr = payday.person("人事")
    for each in payday.stored(t.anomalies):
        kind = AnomalyKind(each.kind).name
        value = payday.value(no=each.employee_no, k=kind)
        answer = payday.tap(hr, "pay.settle", value, reason="已核对")
        assert answer.toast is not None
        assert answer.toast.kind == "success", answer.toast
    payday.idle()


def test_from_a_message_to_a_payslip(payday: Payday) -> None:
    hr = payday.person("人事")
    started(payday)
    settle_all(payday)
    assert payday.run().state == "reviewed"
    payday.tap(hr, "pay.sign", payday.value())
    payday.idle()
    payday.signed()
    payday.wait("pushed")
    payday.idle()
    slips = payday.stored(t.slips)
    assert {slip.state for slip in slips} == {"sent"}
