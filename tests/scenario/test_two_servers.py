"""Two servers on one PostgreSQL and one base: one tick, one notice, taps anywhere, work is adopted."""

from __future__ import annotations

import secrets
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import sqlalchemy as sa

from sandbox.client import until
from sandbox.office import Office
from sandbox.stage import Stage, free_port
from tests.scenario import support_kill as support
from tests.scenario.ledger import Ledger
from tests.scenario.support_kill import NEVER, Article, Shelf
from tests.support.postgres import administer

pytestmark = [
    pytest.mark.process,
    pytest.mark.timeout(300),
]

WAIT = 60.0
SCHEDULES = {"pull_ads": "every 2s", "pull_stock": NEVER, "pull_shops": NEVER, "check_rules": "every 1s"}
EXECUTED = (
    "SELECT workflow_uuid AS id, executor_id AS by, recovery_attempts AS starts FROM dbos.workflow_status "
)


@dataclass
class Pair:
    """Two installations that share a database, a base and a sandbox."""

    first: Stage
    second: Stage
    office: Office
    shelf: Shelf
    ledger: Ledger
    server: subprocess.Popen[bytes]
    free: list[Article] = field(default_factory=list)

    def take(self, count: int) -> list[Article]:
        """Articles no other test uses."""
        taken, self.free = self.free[:count], self.free[count:]
        return taken

    def told(self, articles: list[Article]) -> bool:
        """Whether every owner of these articles was told."""
        query = (
            "SELECT a.object_id, n.receiver FROM alert_notices n JOIN alerts a ON a.id = n.alert_id "
            "WHERE n.state = 'sent'"
        )
        told = {(row["object_id"], row["receiver"]) for row in self.ledger.rows(query)}
        return all((article.sku, owner) in told for article in articles for owner in article.owners)


@pytest.fixture(scope="module")
def url(postgres_server: sa.URL) -> Iterator[str]:
    """Address of a new database on the test's PostgreSQL."""
    name = f"t_{secrets.token_hex(6)}"
    administer(postgres_server, f'CREATE DATABASE "{name}"')
    yield postgres_server.set(database=name).render_as_string(hide_password=False)
    administer(postgres_server, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="module")
def pair(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Two servers at work for one company of sixty."""
    folder = tmp_path_factory.mktemp("two")
    first = installation(folder / "first", url, "chorus-a")
    second = installation(folder / "second", url, "chorus-b")
    ledger = Ledger(url)
    try:
        first.open()
        second.join(first)
        first.setup()
        server = first.serve()
        second.serve()
        first.subscribe()
        first.control.post("limits", on=False)
        office = Office(first.control)
        shelf = Shelf(office, 90)
        yield Pair(first, second, office, shelf, ledger, server, list(shelf.articles))
    finally:
        second.stop()
        first.stop()
        ledger.close()


def installation(folder: Path, url: str, name: str) -> Stage:
    """One of the two, with its own folder, port and name."""
    env = {"DATABASE_URL": url, "CHORUS_INSTANCE": name}
    return Stage(folder, company="demo", port=free_port(), schedules=SCHEDULES, env=env)


def test_a_tick_happens_once_whoever_fires_it(pair: Pair) -> None:
    """Both servers compute the same fire times: each is one work, done once, and none comes early."""
    query = EXECUTED + "WHERE workflow_uuid LIKE 'tick:check_rules@%' AND status = 'SUCCESS'"
    ticks = until(lambda: found if len(found := pair.ledger.rows(query)) >= 8 else None, WAIT, "eight ticks")
    moments = [tick["id"].partition("@")[2] for tick in ticks]
    assert len(set(moments)) == len(moments)
    # The one that a killed server was doing (a test of this module kills one) is begun again by its heir.
    assert sum(tick["starts"] - 1 for tick in ticks) <= 1


def test_both_servers_work_and_everybody_is_told_once(pair: Pair) -> None:
    """Sixty notices decided while both servers look at the same rows: each reaches its person once."""
    articles = pair.take(30)
    for article in articles:
        pair.shelf.set(article, 20)
    until(lambda: pair.told(articles), WAIT, "every owner told")
    times = support.shown_times(pair.ledger, pair.office)
    assert {notice: count for notice, count in times.items() if count != 1} == {}
    assert max(support.sends(pair.office).values()) == 1
    hands = Counter(row["by"] for row in pair.ledger.rows(EXECUTED + "WHERE status = 'SUCCESS'"))
    assert set(hands) == {"chorus-a", "chorus-b"}


@pytest.mark.parametrize("which", ["first", "second"])
def test_a_tap_is_answered_by_either_server(pair: Pair, which: str) -> None:
    """The platform may bring a tap to any server: it is decided there, and every copy shows it."""
    [article] = pair.take(1)
    pair.shelf.set(article, 20)
    until(lambda: pair.told([article]), WAIT, "both owners told")
    getattr(pair, which).subscribe()
    card = pair.office.card_about(article.owners[0], article.sku)
    answer = pair.office.tap(article.owners[0], card.message_id, "知道了")
    assert (answer["client_code"], answer["toast"]["type"]) == (0, "success")
    assert pair.ledger.states()[article.sku] == "acked"
    until(lambda: pair.ledger.behind() == 0, WAIT, "both copies on the newest version")


def test_a_killed_servers_work_is_adopted_by_the_other(pair: Pair) -> None:
    """One server dies with its hands full: the other finishes and ticks on; nobody hears twice."""
    articles = pair.take(50)
    pair.second.subscribe()
    for article in articles:
        pair.shelf.set(article, 20)
    begun = EXECUTED + "WHERE executor_id = 'chorus-a' AND status = 'PENDING'"
    until(lambda: pair.ledger.rows(begun), WAIT, "the first server at work on something")
    support.kill(pair.server.pid)
    pair.server.wait()
    until(lambda: pair.told(articles), WAIT, "every owner told by the other server")
    until(lambda: not pair.ledger.rows(begun), WAIT, "nothing left in the dead server's hands")
    until(lambda: not alive(pair.ledger, "chorus-a"), WAIT, "the dead server's row gone")
    ticks = (
        "SELECT count(*) FROM dbos.workflow_status WHERE workflow_uuid LIKE 'tick:%' AND status = 'SUCCESS'"
    )
    before = pair.ledger.count(ticks)
    until(lambda: pair.ledger.count(ticks) > before + 2, WAIT, "ticks going on")
    times = support.shown_times(pair.ledger, pair.office)
    assert {notice: count for notice, count in times.items() if count != 1} == {}
    assert pair.ledger.rows("SELECT id, error FROM parked") == []


def alive(ledger: Ledger, instance: str) -> bool:
    """Whether a worker counts as living."""
    return bool(ledger.rows("SELECT 1 FROM executors WHERE instance = :name", name=instance))
