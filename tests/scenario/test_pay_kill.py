"""``kill -9`` while pay is computed, sealed and pushed: everybody has one payslip, and it is right.

The seed decides who is killed when; it is printed, and CHORUS_KILL_SEED repeats it.
CHORUS_TEST_SHARE pays a part of the people.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

import pytest

from payslip import history, store
from payslip import tables as t
from payslip.agree import differences
from payslip.calculate import calculate
from payslip.documents import Books, Person, RunId, canonical
from payslip.second import recompute
from payslip.slip import Slip, SlipKey, open_slip
from runtime.db import Database
from runtime.vault import Keys, Vault, parse_keys
from sandbox.client import until
from sandbox.office import Office
from sandbox.payday_crowd import CrowdDay
from sandbox.stage import Stage, answers
from tests.conftest import Installation
from tests.scenario import support_kill as support
from tests.scenario.ledger import Ledger, database
from tests.scenario.support_kill import NEVER
from tests.support.share import sized

pytestmark = [
    pytest.mark.process,
    pytest.mark.kill,
    pytest.mark.timeout(600),
    pytest.mark.xdist_group("scenario-pay-kill"),
]

(PEOPLE,) = sized(300, least=0.2)
SCHEDULES = dict.fromkeys(("pull_ads", "pull_stock", "pull_shops", "check_rules", "reconcile"), NEVER)
ROOMY = {"quota": {"monthly_calls": 1_000_000, "warn_at": 0.8}}
TENANT = "yueran"
"""As the stage's manifest calls the company."""

COMPUTED = "SELECT count(*) FROM pay_people"
SEALED = "SELECT count(*) FROM pay_slips"
SENT = "SELECT count(*) FROM pay_slips WHERE state = 'sent'"


@dataclass
class Paid:
    """A pay day that was interrupted three times, after it came to rest."""

    stage: Stage
    day: CrowdDay
    ledger: Ledger
    server: subprocess.Popen[bytes]
    draw: random.Random
    kills: list[str] = field(default_factory=list)

    def kill(self, role: str, moment: str, count: int) -> None:
        """Wait until so many people got so far, end a role, wait until the server is back."""
        until(lambda: self.ledger.count(moment) >= count, 120, f"{count} of: {moment}")
        reached = self.ledger.count(moment)
        began = time.monotonic()
        dead = support.kill(support.victim(self.server.pid, role))
        until(lambda: support.gone(dead), 10, f"the end of {role} and all below it")
        if role == "all":
            self.server.wait()
            self.server = self.stage.serve()
        until(lambda: answers(self.stage.url + "/readyz"), 60, f"the server after the death of {role}")
        self.kills.append(
            f"{role} at {reached} ({moment.split()[3]}): back in {time.monotonic() - began:.1f} s"
        )
        support.tell(self.kills[-1])


@pytest.fixture(scope="module")
def paid(tmp_path_factory: pytest.TempPathFactory, installation: Installation) -> Iterator[Paid]:
    """Play the pay day with its kills once; the tests look at what is left."""
    seed = int(os.environ.get("CHORUS_KILL_SEED") or random.SystemRandom().randrange(10**6))
    support.tell(f"CHORUS_KILL_SEED={seed}")
    folder, company = tmp_path_factory.mktemp("pay-kill"), f"crowd:{PEOPLE}"
    stage = Stage(folder, company=company, schedules=SCHEDULES, manifest=ROOMY, env=installation())
    try:
        stage.open()
        stage.setup()
        server = stage.serve()
        stage.subscribe()
        office = Office(stage.control)
        office.join_roles()
        day = CrowdDay(office, command=stage.run)
        day.defaults()
        day.tables()
        ledger = Ledger(database(stage))
        played = Paid(stage, day, ledger, server, random.Random(seed))
        play(played)
        yield played
        ledger.close()
    finally:
        stage.stop()


def play(paid: Paid) -> None:
    """From HR's tap to the last card, with a kill while computing, while sealing, while pushing."""
    day, draw = paid.day, paid.draw
    roles = ["worker", draw.choice(["web", "web-server"]), "all"]
    draw.shuffle(roles)
    day.ask()
    paid.kill(roles[0], COMPUTED, draw.randrange(1, PEOPLE * 2 // 3))
    day.computed()
    day.complete()
    day.settle_all()
    day.submit()
    paid.kill(roles[1], SEALED, draw.randrange(1, PEOPLE * 2 // 3))
    paid.kill(roles[2], SENT, draw.randrange(PEOPLE // 10, PEOPLE * 9 // 10))
    began = time.monotonic()
    until(lambda: paid.ledger.count(SENT) == PEOPLE, 120, "every payslip sent")
    until(lambda: paid.ledger.rows("SELECT state FROM pay_runs") == [{"state": "pushed"}], 60, "pushed")
    support.tell(f"at rest {time.monotonic() - began:.1f} s after the last kill")


def test_everybody_has_exactly_one_card(paid: Paid) -> None:
    """In the chats of the other side, whatever died meanwhile."""
    told = paid.day.slip_counts()
    assert {who: count for who, count in told.items() if count != 1} == {}
    assert set(told) == {str(person["open_id"]) for person in paid.day.office.people}
    assert len(told) == PEOPLE


def test_a_card_was_never_sent_under_two_keys(paid: Paid) -> None:
    """A send that was repeated after a kill bore the same key, so that the platform made one message."""
    calls = paid.day.office.control.get("requests?path=/im/v1/messages")["requests"]
    asked = 0
    keys: dict[str, set[str]] = {}
    for call in calls:
        if call["method"] == "POST" and "查看工资条" in str(call["body"].get("content")):
            asked += 1
            keys.setdefault(str(call["body"]["receive_id"]), set()).add(str(call["body"]["uuid"]))
    assert set(keys) == set(paid.day.slip_counts())
    assert {who: len(found) for who, found in keys.items() if len(found) != 1} == {}
    support.tell(f"{asked - PEOPLE} sends repeated under their key")


def test_every_payslip_opens_and_says_what_a_fresh_computation_gives(paid: Paid) -> None:
    """Computed anew by both programs from the frozen inputs; and HR's row in Bitable says the same."""
    shown = {row["工号"]: Decimal(row["实发工资"]) for row in paid.day.results()}
    assert len(shown) == len(paid.day.results()) == PEOPLE
    for books, person, slip in _opened(paid):
        pay = calculate(books, person)
        again = recompute(books.model_dump(mode="json"), _plain(person))
        assert differences(pay, again) == []
        assert (slip.lines, slip.totals) == (pay.lines, pay.totals), person.no
        assert slip.totals.net == shown[person.no]


def test_nothing_happened_twice_and_nothing_was_given_up(paid: Paid) -> None:
    """One run, one row a person in each table of the base, one approval a part, no work parked."""
    assert [row["id"] for row in paid.ledger.rows("SELECT id FROM pay_runs")] == [f"{paid.day.month}.1"]
    for table in ("薪资核算", "工资条状态", "考勤汇总"):
        counts = Counter(row["工号"] for row in paid.day.rows_of(table, 月份=paid.day.month))
        assert {no: count for no, count in counts.items() if count != 1} == {}, table
        assert len(counts) == PEOPLE, table
    approvals = paid.day.office.control.get("approvals")["instances"]
    parts = paid.ledger.rows("SELECT part, instance_code FROM pay_signatures WHERE state = 'approved'")
    assert sorted(str(row["instance_code"]) for row in parts) == sorted(a["instance_code"] for a in approvals)
    assert paid.ledger.rows("SELECT id, error FROM parked") == []
    assert len(paid.kills) == 3


def _opened(paid: Paid) -> Iterator[tuple[Books, Person, Slip]]:
    """Everybody's frozen inputs and payslip, opened with the installation's key."""
    vault = Vault(Keys(parse_keys(paid.stage.pay_keys())))
    db = Database(database(paid.stage))
    run = RunId(f"{paid.day.month}.1")
    with db.read() as conn:
        sealed = store.sealed_books(conn, run)
        assert sealed is not None
        books = Books.model_validate_json(vault.open_text(sealed, ("books", TENANT, run)))
        slips = {row.employee_no: row for row in conn.execute(t.slips.select())}
        people = store.people(conn, run)
    db.close()
    assert len(people) == len(slips) == PEOPLE
    for row in people:
        person, slip = history.open_input(vault, TENANT, row), slips[row.employee_no]
        assert person is not None
        key = SlipKey(run, row.employee_no, slip.version)
        yield books, person, open_slip(vault, TENANT, key, slip.sealed_slip)


def _plain(person: Person) -> dict[str, object]:
    plain: dict[str, object] = json.loads(canonical(person))
    return plain
