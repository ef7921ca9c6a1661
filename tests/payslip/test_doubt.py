"""A worker died between a payslip's card and its note, and came back when the platform had forgotten it."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from payslip import tables as t
from payslip.model import SlipState
from payslip.opening import run_work
from payslip.sending import PUSH_LANES
from runtime.db import Database
from tests.payslip.stage import MONTH, Payday, open_payday, ready, slip_cards, submit
from tests.support.wait import until

pytestmark = [pytest.mark.db, pytest.mark.timeout(240)]
SEND = {"method": "POST", "path": "/open-apis/im/v1/messages"}
AWAY = timedelta(hours=3)


@pytest.fixture
def payday(sandbox: Any, database: Database, tmp_path: Path) -> Iterator[Payday]:
    """A small company at the end of its month."""
    with open_payday(sandbox, database, tmp_path) as made:
        yield made


def pushed(payday: Payday) -> list[Any]:
    """Everybody has a card; the payslips."""
    ready(payday)
    submit(payday)
    payday.signed()
    payday.wait("pushed", timeout=90)
    payday.idle(90)
    return payday.stored(t.slips)


def died(payday: Payday, slip: Any, **more: Any) -> None:
    """Leave a payslip as a worker does that dies after the send; the platform forgets the uuid."""
    tried = payday.floor.clock.now() - AWAY
    unnoted = {
        "state": SlipState.SEALED.value,
        "message_id": None,
        "sent_at": None,
        "tried_at": tried,
        **more,
    }
    with payday.floor.db.begin() as conn:
        conn.execute(t.slips.update().where(t.slips.c.token == slip.token).values(**unnoted))


def known(payday: Payday, open_id: str) -> None:
    """The person had a payslip of September, whose card stands in their chat."""
    sent = payday.feishu.im.send_text(open_id, "九月工资条", uuid=f"september:{open_id}")
    with payday.floor.db.begin() as conn:
        conn.execute(
            t.slips.insert().values(
                run_id="2026-09.1", employee_no=f"before-{open_id}", version=1, month="2026-09",
                open_id=open_id, token=f"september-{open_id}", slip_digest="d",
                state=SlipState.CONFIRMED.value, message_id=sent.message_id,
                sent_at=payday.floor.clock.now() - timedelta(days=30),
            )
        )  # fmt: skip


def again(payday: Payday) -> None:
    """The worker comes back: every lane goes on, three hours later by the platform's clock."""
    payday.sandbox.world.clock.advance(AWAY.total_seconds())
    run = payday.run()
    lanes = [run_work("payroll.push", run.id, f"back:{n}", lane=str(n)) for n in range(PUSH_LANES)]
    with payday.floor.db.begin() as conn:
        payday.floor.queue.put(conn, *lanes)
    payday.idle(90)


def of(payday: Payday, token: str) -> Any:
    """A payslip as it is now."""
    return next(slip for slip in payday.stored(t.slips) if slip.token == token)


def test_a_card_that_is_out_is_found_and_not_sent_again(payday: Payday) -> None:
    """By the token in its link, in the chat that an earlier payslip tells."""
    slip = pushed(payday)[0]
    known(payday, slip.open_id)
    before = slip_cards(payday)
    died(payday, slip)
    again(payday)
    assert slip_cards(payday) == before
    assert (of(payday, slip.token).state, of(payday, slip.token).message_id) == ("sent", slip.message_id)


def test_a_card_that_never_left_is_sent(payday: Payday) -> None:
    """Tried, and not in the chat: the person is told, once."""
    slip = pushed(payday)[0]
    known(payday, slip.open_id)
    before = slip_cards(payday)
    died(payday, slip, token="of-a-card-that-never-left", version=slip.version + 1)
    again(payday)
    assert slip_cards(payday)[slip.open_id] == before[slip.open_id] + 1
    now = of(payday, "of-a-card-that-never-left")
    assert (now.state, now.message_id != slip.message_id) == ("sent", True)
    assert now.tried_at > payday.floor.clock.now() - timedelta(minutes=10)


def test_while_the_chat_cannot_be_looked_at_nothing_is_sent(payday: Payday) -> None:
    """The look is refused for a while; it is made again, and only then it is decided."""
    slip = pushed(payday)[0]
    known(payday, slip.open_id)
    before = slip_cards(payday)
    died(payday, slip)
    look = {"method": "GET", "path": "/open-apis/im/v1/messages"}
    payday.sandbox.world.control.faults.order({"match": look, "kind": "status", "status": 503, "times": 2})
    again(payday)
    assert slip_cards(payday) == before
    assert of(payday, slip.token).message_id == slip.message_id


def test_without_a_known_chat_who_opened_it_was_told(payday: Payday) -> None:
    """A first payslip that was opened is out; one nobody opened may never have left: it is sent again."""
    opened, unopened = pushed(payday)[:2]
    before = slip_cards(payday)
    died(payday, opened, read_at=payday.floor.clock.now() - timedelta(hours=2))
    died(payday, unopened)
    again(payday)
    after = slip_cards(payday)
    assert after[opened.open_id] == before[opened.open_id]
    assert after[unopened.open_id] == before[unopened.open_id] + 1
    assert {of(payday, slip.token).state for slip in (opened, unopened)} == {"sent"}


def test_a_card_nobody_noted_is_drawn_over_when_its_payslip_is_voided(payday: Payday) -> None:
    """Signatures are lost while the worker is away: the link in that card is dead, and the card says so."""
    ready(payday)
    submit(payday)
    who = payday.person("运营").open_id
    known(payday, who)
    faults = payday.sandbox.world.control.faults
    busy = {"code": 99991400, "msg": "request trigger frequency limit"}
    faults.order({"match": SEND, "kind": "answer", "body": busy, "done": True, "times": 10_000})
    payday.signed()
    until(lambda: slip_cards(payday)[who] == 1, timeout=60, what="the card is out")
    assert [slip.message_id for slip in payday.stored(t.slips) if slip.month == MONTH] == [None] * len(
        payday.stored(t.people)
    )
    part = next(row for row in payday.stored(t.signatures) if row.part != "*")
    payday.sandbox.world.approval.act(payday.run().starter, part.instance_code, "revert")
    payday.happens("approval_instance", {"instance_code": part.instance_code, "status": "REVERTED"})
    until(lambda: slip_cards(payday)[who] == 0, timeout=60, what="the card says that it is taken back")
    assert [slip.run_id for slip in payday.stored(t.slips)] == ["2026-09.1"]
    faults.clear()
