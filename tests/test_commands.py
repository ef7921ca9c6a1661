"""What an operator does on the command line and sees at /metrics when something could not be done."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

import app
from bot.inbox import Inbox
from bot.model import Event
from bot.tables import inbox, taps
from bot.web import house_gauges
from runtime import metrics
from runtime.audit import record
from runtime.clock import SystemClock
from runtime.db import Database, open_mirror
from runtime.feishu.endpoint import Rate
from runtime.feishu.errors import QuotaExhausted
from runtime.feishu.limits import EVERYTHING, Limits
from runtime.feishu.quota import Quota
from runtime.floor import Floor
from runtime.ids import EventId, WorkId
from runtime.manifest import BaseManifest, Manifest
from runtime.parked import Parked, park
from runtime.sealed_stream import new_key
from runtime.settings import load_settings
from runtime.tables import audit as trail
from runtime.work import WorkQueue
from tests.conftest import fresh_database
from tests.support.wait import until

pytestmark = pytest.mark.db
MANIFEST = Path(app.__file__).with_name("feishu_app.yaml")


def run(database: Database | str, *words: str, **more: str) -> str:
    """Call a command on this database (or address) and give back what it printed."""
    env = {
        "FEISHU_APP_ID": "cli_x",
        "FEISHU_APP_SECRET": "made-up",
        "FEISHU_ENCRYPT_KEY": "made-up",
        "DATABASE_URL": database if isinstance(database, str) else database.url,
    }
    done = CliRunner().invoke(app.main, list(words), env=env | more)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture
def given_up(database: Database) -> str:
    """An event whose handling failed five times."""
    now = SystemClock().now()
    event = Event(EventId("ev-poison"), "im.message.receive_v1", now, {"x": 1}, 2)
    with database.begin() as conn:
        Inbox(database).store(conn, event, now - timedelta(minutes=5))
        conn.execute(inbox.update().values(state="failed", tries=5, error="the handler could not read it"))
    return "ev-poison"


def test_a_failed_event_is_listed_and_can_be_done_again(database: Database, given_up: str) -> None:
    """`parked` names the event with its reason; `replay` puts it back into the inbox."""
    listed = run(database, "parked")
    assert given_up in listed
    assert "the handler could not read it" in listed
    assert "inbox again" in run(database, "replay", given_up)
    with database.read() as conn:
        row = conn.execute(inbox.select()).one()
    assert (row.state, row.tries, row.error) == ("new", 0, None)
    assert run(database, "parked") == "Nothing waits for a person.\n"
    with database.read() as conn:
        (noted,) = conn.execute(sa.select(trail).where(trail.c.subject == f"event:{given_up}")).all()
    assert (noted.action, noted.actor) == ("event.retry", "command line")


def test_a_parked_work_is_listed_and_can_be_done_again(database: Database) -> None:
    """`parked` names the work with its reason; `replay` queues it anew under an id of its own."""
    row = Parked(WorkId("act:1"), "rules.act", "object:1", {"task_id": "t"}, "平台拒绝", SystemClock().now())
    with database.begin() as conn:
        park(database, conn, row)
    listed = run(database, "parked")
    assert "act:1  rules.act  平台拒绝" in listed
    assert "1 in all. Mend what the sentence says, then `chorus replay ID`." in listed
    assert "queued as" in run(database, "replay", "act:1")
    assert WorkQueue(database).backlog() == 1


def test_nothing_from_outside_speaks_to_the_terminal(database: Database) -> None:
    """An escape sequence or a line break in what a platform said is shown as a dot, on its own line."""
    evil = "平台拒绝\x1b[2J\r\n2026-01-01 00:00:00  act:9  forged\u202e\x9b31m"
    row = Parked(WorkId("act:1"), "rules.act", "object:1", {}, evil, SystemClock().now())
    with database.begin() as conn:
        park(database, conn, row)
        record(conn, at=row.at, actor=evil, action="a", subject=evil, reason=evil, detail={"x": evil})
    for words in (["parked"], ["audit", "show"]):
        printed = run(database, *words)
        assert not {"\x1b", "\r", "\u202e", "\x9b"} & set(printed)
        assert sum("forged" in line for line in printed.splitlines()) == 1


@pytest.mark.parametrize("words", ["parked", "replay x", "audit verify", "audit show", "backup FILE"])
def test_a_wrong_folder_is_a_sentence_and_makes_nothing(tmp_path: Path, words: str) -> None:
    """The commonest slip: a shell without the server's environment. No stack trace, no empty database."""
    env = {
        "FEISHU_APP_ID": "cli_x", "FEISHU_APP_SECRET": "made-up", "FEISHU_ENCRYPT_KEY": "made-up",
        "CHORUS_BACKUP_KEY": new_key(), "CHORUS_VAR_DIR": str(tmp_path / "away"),
    }  # fmt: skip
    asked = words.replace("FILE", str(tmp_path / "x.backup")).split()
    done = CliRunner().invoke(app.main, asked, env=env)
    assert done.exit_code == 1
    assert "There is no database at" in done.output
    assert "CHORUS_VAR_DIR" in done.output
    assert list(tmp_path.iterdir()) == []
    away = CliRunner().invoke(app.main, asked, env={**env, "DATABASE_URL": "postgresql://x@127.0.0.1:9/x"})
    assert (away.exit_code, "cannot be reached" in away.output) == (1, True)


@pytest.fixture
def elsewhere(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Address of an empty database on another machine."""
    (tmp_path / "elsewhere").mkdir()
    with fresh_database(request, tmp_path / "elsewhere", None) as url:
        yield url


def test_a_backup_is_taken_checked_and_restored(
    database: Database, given_up: str, elsewhere: str, tmp_path: Path
) -> None:
    """`backup FILE`, `restore --check FILE` (which writes nothing), `restore FILE` into an empty place."""
    file, blobs, there = (tmp_path / name for name in ("chorus.backup", "blobs", "elsewhere/blobs"))
    blobs.mkdir()
    (blobs / "a.png").write_bytes(b"\x89PNG picture")
    row = Parked(WorkId("act:1"), "rules.act", "object:1", {}, "平台拒绝", SystemClock().now())
    with database.begin() as conn:
        park(database, conn, row)
    here = {"CHORUS_BACKUP_KEY": new_key(), "CHORUS_BLOB_DIR": str(blobs)}
    with_blobs = here | {"CHORUS_BLOB_DIR": str(there)}
    assert " tables and 1 files" in run(database, "backup", str(file), **here)
    assert b"PNG picture" not in file.read_bytes()
    assert f"{file} is whole: " in run(elsewhere, "restore", "--check", str(file), **with_blobs)
    assert not there.exists()
    told = run(elsewhere, "restore", str(file), **with_blobs)
    assert "Restored: " in told
    assert "Start `chorus serve`" in told
    assert (there / "a.png").read_bytes() == b"\x89PNG picture"
    listed = run(elsewhere, "parked", **with_blobs)
    assert "act:1  rules.act  平台拒绝" in listed
    assert given_up in listed
    assert "audit trail is whole" in run(elsewhere, "audit", "verify", **with_blobs)


def test_a_person_is_erased_on_request(database: Database, tmp_path: Path) -> None:
    """`erase --dry-run` says what would go and changes nothing; `erase` does it; others lose nothing."""
    now = SystemClock().now()
    with database.begin() as conn:
        for who in ("ou_her", "ou_him"):
            conn.execute(taps.insert().values(id=f"t-{who}", at=now, operator=who, action="a", answer={}))
            record(conn, at=now, actor=who, action="a", subject="s", reason="r")
    place = {"CHORUS_VAR_DIR": str(tmp_path / "var"), "CHORUS_MANIFEST": str(MANIFEST)}
    assert "would go taps and messages: 1" in run(database, "erase", "ou_her", "--dry-run", **place)
    assert tappers(database) == {"ou_her", "ou_him"}
    told = run(database, "erase", "ou_her", **place)
    assert "removed  taps and messages: 1" in told
    assert "kept     audit trail: 1, until " in told
    assert tappers(database) == {"ou_him"}
    assert "taps and messages" not in run(database, "erase", "ou_her", **place)


def tappers(database: Database) -> set[str]:
    """Whose taps are stored."""
    with database.read() as conn:
        return set(conn.execute(sa.select(taps.c.operator)).scalars())


def test_an_unknown_id_is_said_in_a_sentence(database: Database) -> None:
    """`replay` of something that is not there changes nothing and says so."""
    env = {
        "FEISHU_APP_ID": "x",
        "FEISHU_APP_SECRET": "x",
        "FEISHU_ENCRYPT_KEY": "x",
        "DATABASE_URL": database.url,
    }
    done = CliRunner().invoke(app.main, ["replay", "nothing-like-that"], env=env)
    assert done.exit_code == 1
    assert "nothing-like-that" in done.output
    assert "Traceback" not in done.output


def test_calls_go_on_when_the_plan_was_enlarged_within_the_month(database: Database) -> None:
    """`resume` opens what 99991403 shut, in every process; without that there is nothing to open."""
    assert "Nothing was held back" in run(database, "resume")
    server = Limits(database, SystemClock())
    server.gate(EVERYTHING, 86_400.0)
    with pytest.raises(QuotaExhausted, match="chorus resume"):
        server.pace(("GET /a", Rate(per_second=5)))
    assert "Calls go on." in run(database, "resume")
    until(lambda: _called(server), timeout=5, what="the server reads the gates again")
    server.close()
    with database.read() as conn:
        (noted,) = conn.execute(sa.select(trail).where(trail.c.subject == "feishu:quota")).all()
    assert (noted.action, noted.actor) == ("feishu.resume", "command line")


def _called(server: Limits) -> bool:
    try:
        server.pace(("GET /a", Rate(per_second=5)))
    except QuotaExhausted:
        return False
    return True


def test_metrics_show_the_inbox_and_the_months_calls_by_endpoint(
    database: Database, given_up: str, tmp_path
) -> None:
    """/metrics has what waits, what failed, and every endpoint's use of the monthly allowance."""
    settings = load_settings(
        feishu_app_id="x", feishu_app_secret="x", feishu_encrypt_key="x", database_url=database.url
    )
    mirror = open_mirror(f"sqlite:///{tmp_path / 'mirror.db'}")
    manifest = Manifest(name="m", base=BaseManifest(name="b"))
    floor = Floor(settings, manifest, SystemClock(), database, mirror, WorkQueue(database))
    quota = Quota(database, floor.clock)
    for _ in range(3):
        quota.count("POST /open-apis/im/v1/messages")
    quota.close()
    page = metrics.expose([house_gauges(floor)]).decode()
    mirror.close()
    assert "chorus_inbox_failed 1.0" in page
    assert 'chorus_feishu_calls_month{endpoint="POST /open-apis/im/v1/messages"} 3.0' in page
    assert "chorus_feishu_calls_allowance 10000.0" in page
