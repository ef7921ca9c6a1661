"""``kill -9`` while images are generated, composed and uploaded: every request is finished, nothing twice.

The seed decides the moments; it is printed, and CHORUS_KILL_SEED repeats it. CHORUS_TEST_SHARE says how
many requests are pasted: 24 fit into a continuous integration, `make bench-images` asks for 100.
"""

from __future__ import annotations

import os
import random
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

import pytest

from sandbox.client import until
from sandbox.office import Office
from sandbox.stage import Stage, answers
from sandbox.studio_crowd import StudioCrowd, title
from sandbox.studio_day import REQUESTS
from tests.conftest import Installation
from tests.scenario import support_kill as support
from tests.scenario.ledger import Ledger, database
from tests.scenario.support_kill import NEVER
from tests.support.share import sized

pytestmark = [
    pytest.mark.process,
    pytest.mark.kill,
    pytest.mark.timeout(1800),
    pytest.mark.xdist_group("scenario-art-kill"),
]

(COUNT,) = sized(24, least=0.2)
SIZES = ("抖音推荐素材 600×800",)
SCHEDULES = dict.fromkeys(("pull_ads", "pull_stock", "pull_shops", "check_rules", "reconcile"), NEVER)
ROOMY = {"quota": {"monthly_calls": 1_000_000, "warn_at": 0.8}}
PATIENCE = 60 + 8.0 * COUNT

CALLED = "SELECT count(*) FROM art_calls WHERE state NOT IN ('planned')"
UPLOADED = "SELECT count(*) FROM art_files WHERE file_token IS NOT NULL"
DECIDED = "SELECT count(*) FROM art_requests WHERE state = '待审'"
LOST = "可能已经计费"


@dataclass
class Made:
    """Requests that were interrupted three times, after they came to rest."""

    stage: Stage
    crowd: StudioCrowd
    ledger: Ledger
    server: subprocess.Popen[bytes]
    draw: random.Random
    kills: list[str] = field(default_factory=list)

    @property
    def office(self) -> Office:
        """The company."""
        return self.crowd.office

    def kill(self, role: str, moment: str, count: int) -> None:
        """Wait until so many got so far, end a role, wait until the server is back."""
        until(lambda: self.ledger.count(moment) >= count, PATIENCE, f"{count} of: {moment}")
        began = time.monotonic()
        dead = support.kill(support.victim(self.server.pid, role))
        until(lambda: support.gone(dead), 10, f"the end of {role} and all below it")
        if role == "all":
            self.server.wait()
            self.server = self.stage.serve()
        until(lambda: answers(self.stage.url + "/readyz"), 60, f"the server after the death of {role}")
        self.kills.append(f"{role} at {count} of {moment}: back in {time.monotonic() - began:.1f} s")
        support.tell(self.kills[-1])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, installation: Installation) -> Iterator[Made]:
    """Paste the rows and kill three times; the tests look at what is left."""
    seed = int(os.environ.get("CHORUS_KILL_SEED") or random.SystemRandom().randrange(10**6))
    support.tell(f"CHORUS_KILL_SEED={seed}, {COUNT} requests")
    folder = tmp_path_factory.mktemp("art-kill")
    stage = Stage(folder, schedules=SCHEDULES, manifest=ROOMY, env=installation())
    try:
        stage.open()
        stage.setup()
        server = stage.serve()
        stage.subscribe()
        stage.control.post("world/images", sketches=True, latency=0)
        office = Office(stage.control)
        office.join_roles()
        crowd, ledger = StudioCrowd(office), Ledger(database(stage))
        crowd.brand()
        played = Made(stage, crowd, ledger, server, random.Random(seed))
        play(played)
        yield played
        ledger.close()
    finally:
        stage.stop()


def play(made: Made) -> None:
    """From the paste to the last card: the worker dies generating, all of it uploading, the web any time."""
    began, draw = time.monotonic(), made.draw
    made.crowd.paste(COUNT, SIZES)
    made.kill("worker", CALLED, draw.randrange(1, COUNT // 2))
    turns = [("all", UPLOADED, draw.randrange(1, COUNT)), ("web", UPLOADED, draw.randrange(COUNT, 2 * COUNT))]
    if draw.random() < 0.5:
        turns = [(turns[1 - place][0], moment, count) for place, (_, moment, count) in enumerate(turns)]
    for turn in turns:
        made.kill(*turn)
    until(lambda: made.ledger.count(DECIDED) == COUNT, PATIENCE, "every request waits for a decision")
    until(lambda: made.crowd.states() == {"待审": COUNT}, PATIENCE, "every row says so")
    until(lambda: not unsent(made.ledger), PATIENCE, "every card sent")
    support.tell(f"{COUNT} requests in {time.monotonic() - began:.1f} s, three kills included")


def unsent(ledger: Ledger) -> int:
    """Cards that were decided and are not out."""
    return ledger.count("SELECT count(*) FROM art_cards WHERE message_id IS NULL")


def test_every_request_is_finished_and_none_was_given_up(made: Made) -> None:
    """As many rows wait for a decision as were pasted, each in its first version."""
    assert made.crowd.states() == {"待审": COUNT}
    found = made.ledger.rows("SELECT state, version FROM art_requests")
    assert Counter((row["state"], row["version"]) for row in found) == {("待审", 1): COUNT}
    assert made.ledger.rows("SELECT id, error FROM parked") == []
    assert len(made.kills) == 3


def test_everybody_has_exactly_one_card_of_each_request(made: Made) -> None:
    """Requester and designer, in the chats of the other side, whatever died meanwhile."""
    shown = Counter(
        (who["open_id"], number)
        for who in made.office.people
        for card in made.office.cards(who["open_id"])
        for number in range(COUNT)
        if title(number) in card.text
    )
    wanted = {(receiver, number) for number in range(COUNT) for receiver in made.crowd.receivers(number)}
    assert set(shown) == wanted
    assert {where: times for where, times in shown.items() if times != 1} == {}


def test_no_file_stands_twice_in_a_row_and_each_is_what_was_made(made: Made) -> None:
    """One picture a size, one PSD and one SVG; each name and each token once."""
    files = made.ledger.rows("SELECT version_id, format, file_token, verified FROM art_files")
    tokens = {record: set[str]() for record in made.crowd.records}
    for file in files:
        tokens[file["version_id"].rpartition(":")[0]].add(file["file_token"])
    for record in made.crowd.records:
        cells = made.office.raw(REQUESTS, record)
        results, layered = cells["成品图"], cells["分层文件"]
        standing = [file["file_token"] for file in (*results, *layered)]
        assert (len(results), len(layered)) == (len(SIZES), 2), record
        assert set(standing) == tokens[record]
        assert len({file["name"] for file in (*results, *layered)}) == len(standing)


def test_no_picture_was_ordered_twice(made: Made) -> None:
    """One call a background; the model billed each call once at most, and nothing that no call stands for."""
    bills = made.stage.control.get("world/images")["bills"]
    calls = made.ledger.rows("SELECT version_id, state, seed FROM art_calls")
    assert Counter(call["version_id"] for call in calls) == {f"{each}:1": 1 for each in made.crowd.records}
    billed = Counter((bill["prompt_sha256"], bill["seed"]) for bill in bills)
    assert {what: times for what, times in billed.items() if times != 1} == {}
    states = Counter(call["state"] for call in calls)
    support.tell(f"{len(bills)} bills, calls {dict(states)}")
    assert set(states) <= {"stored", "unknown"}
    assert states["stored"] <= len(bills) <= COUNT


def test_lost_calls_are_counted_as_spent_and_said_in_the_row(made: Made) -> None:
    """What may have been billed stands in 费用 and 说明; its place is taken by a background painted here."""
    calls = {
        call["version_id"].rpartition(":")[0]: call
        for call in made.ledger.rows("SELECT version_id, state, cost, blob FROM art_calls")
    }
    rows = {row["record_id"]: row for row in made.office.rows(REQUESTS)}
    for record, call in calls.items():
        lost = call["state"] == "unknown"
        assert (LOST in rows[record]["说明"]) == lost, record
        assert Decimal(rows[record]["费用"]) == Decimal(str(call["cost"])) > 0
        assert (call["blob"] is None) == lost
    labelled = made.ledger.rows(
        "SELECT version_id, label, verified FROM art_files WHERE format = 'douyin_feed'"
    )
    for file in labelled:
        generated = calls[file["version_id"].rpartition(":")[0]]["state"] == "stored"
        assert bool(file["label"]) == bool(file["verified"]) == generated
