"""The drill: the machine is destroyed around the push of payslips and comes back elsewhere from a backup."""

import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from payslip import tables as t
from runtime import audit, backup
from runtime.clock import SystemClock
from runtime.db import Database
from tests.conftest import fresh_database
from tests.payslip.pages_kit import House
from tests.payslip.stage import KEYS, Payday, open_payday, ready, slip_cards, submit
from tests.support.wait import until

pytestmark = [pytest.mark.db, pytest.mark.timeout(300)]
SEND = {"method": "POST", "path": "/open-apis/im/v1/messages"}
KEY = secrets.token_bytes(32)
HOURS = 3600.0


@pytest.fixture
def machine(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """Make a folder and a database, for the machine that is lost and for the one it comes back on."""

    @contextmanager
    def make(name: str, *, template: bool) -> Iterator[tuple[str, Path]]:
        folder = tmp_path / name
        folder.mkdir()
        origin = request.getfixturevalue("template") if template else None
        with fresh_database(request, folder, origin) as url:
            yield url, folder

    return make


def half_pushed(payday: Payday) -> None:
    """Signed and sealed; a few cards are out when the platform begins to refuse every further one."""
    ready(payday)
    submit(payday)
    payday.sandbox.world.control.faults.order({"match": SEND, "code": 99991400, "skip": 8, "times": 100_000})
    payday.signed()
    until(lambda: len(noted(payday)) >= 2, timeout=60, what="the first payslips are out")


def noted(payday: Payday) -> list[Any]:
    """Payslips of which we know that their card is out."""
    return [row for row in payday.stored(t.slips) if row.message_id is not None]


def told(payday: Payday) -> dict[str, int]:
    """How many payslip cards each person has."""
    everybody = {person.open_id for person in payday.sandbox.world.people.values()}
    cards = slip_cards(payday)
    return {who: cards[who] for who in everybody}


def amounts(page: str) -> list[str]:
    """Every amount a page shows."""
    return re.findall(r"\d[\d,]*\.\d\d", page)


@pytest.mark.parametrize("finished", [True, False], ids=["all pushed after the backup", "lost half way"])
def test_the_machine_is_lost_on_pay_day(sandbox: Any, machine: Any, tmp_path: Path, finished: bool) -> None:
    """Payslips open with the PIN chosen before, everybody has one card, and the push comes to its end."""
    file = tmp_path / "elsewhere.backup"
    with machine("lost", template=True) as (url, folder):
        database = Database(url)
        with open_payday(sandbox, database, folder) as payday:
            half_pushed(payday)
            mine = noted(payday)[0]
            pages = House(database, sandbox, key=KEYS["k1"], tenant="test")
            before = amounts(pages.signed_in(mine.open_id).get(f"/pay/s/{mine.token}").text)
            backup.take(database, folder / "blobs", file, KEY, clock=SystemClock(), instance="lost")
            if finished:
                sandbox.world.control.faults.clear()
                payday.wait("pushed", timeout=60)
                payday.idle(60)
                assert set(told(payday).values()) == {1}
        database.close()
        shutil.rmtree(folder, ignore_errors=True)  # a thread that dies with the machine may still write
    sandbox.world.control.faults.clear()
    if finished:
        sandbox.world.clock.advance(3 * HOURS)  # the platform forgot which sends it knew
    with machine("new", template=False) as (url, folder):
        backup.restore(file, KEY, url, folder / "blobs", clock=SystemClock(), tell=lambda _: None)
        database = Database(url)
        with open_payday(sandbox, database, folder, restored=True) as payday:
            payday.wait("pushed", timeout=90)
            payday.idle(60)
            assert set(told(payday).values()) == {1}
            assert {row.state for row in payday.stored(t.slips)} <= {"sent", "read"}
            browser = House(database, sandbox, key=KEYS["k1"], tenant="test").browser()
            browser.sign_in(mine.open_id)
            assert browser.get(f"/pay/s/{mine.token}").status_code != 200  # not without the PIN
            browser.give_pin()
            assert amounts(browser.get(f"/pay/s/{mine.token}").text) == before != []
        found = audit.verify(database)
        assert found.fault is None
        database.close()
