"""A backup holds every durable row and file of one moment; a restore puts them into an empty place, once."""

import hashlib
import io
import json
import secrets
import tarfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import pytest
import sqlalchemy as sa

from payslip import tables as pay
from runtime import audit, backup, dump, tables
from runtime.clock import ManualClock
from runtime.db import Database
from runtime.engine import Engine, Job
from runtime.errors import ConfigError
from runtime.jobrun import JobRun
from runtime.sealed_stream import CannotRead, Sealing
from runtime.work import Work, WorkQueue
from tests.conftest import fresh_database
from tests.support.wait import until

pytestmark = pytest.mark.db
KEY = secrets.token_bytes(32)
NOW = datetime(2026, 11, 2, 9, 30, 0, 123456, tzinfo=UTC)
CLOCK = ManualClock(NOW)


@pytest.fixture
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Address of a database with nothing in it."""
    (tmp_path / "new").mkdir()
    with fresh_database(request, tmp_path / "new", None) as url:
        yield url


@pytest.fixture
def blobs(tmp_path: Path) -> Path:
    """A folder with two stored files, one larger than a piece of the stream."""
    folder = tmp_path / "blobs"
    (folder / "ab").mkdir(parents=True)
    (folder / "ab" / "abc.png").write_bytes(secrets.token_bytes(1_500_000))
    (folder / "small.txt").write_text("素材", "utf-8")
    return folder


def furnish(database: Database) -> None:
    """Rows with every kind of value."""
    with database.begin() as conn:
        for number in range(1200):
            audit.record(
                conn, at=NOW, actor="ou_1", action="a", subject=f"s:{number}", reason="r",
                detail={"名称": "计划一", "n": number, "none": None, "list": [True, "x"]},
            )  # fmt: skip
        conn.execute(tables.fires.insert().values(name="pull_ads", at=NOW))
        conn.execute(
            pay.runs.insert().values(
                id="2026-10.1", month="2026-10", version=1, scope=None, pay_date=date(2026, 11, 10),
                state="sealed", starter="ou_1", note="带\n换行", opened_at=NOW, changed_at=NOW,
            )
        )  # fmt: skip
        works = [Work("note", f"note:{n}", f"lane:{n}", {"n": n, "字": "工资条"}) for n in range(3)]
        WorkQueue(database).put(conn, *works)


def content(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """Every durable row, by table."""
    db = Database(url)
    with db.read() as conn:
        found = {
            table.fullname: sorted(tuple(map(repr, row)) for row in conn.execute(sa.select(table)))
            for table in dump.durable_tables(conn)
        }
    db.close()
    return found


def take(database: Database, blobs: Path, to: Path) -> backup.Summary:
    return backup.take(database, blobs, to, KEY, clock=CLOCK, instance="chorus-1")


def restore(file: Path, url: str, blobs: Path, key: bytes = KEY) -> backup.Summary:
    return backup.restore(file, key, url, blobs, clock=CLOCK, tell=lambda _: None)


def test_every_row_and_file_comes_back(database: Database, blobs: Path, empty: str, tmp_path: Path) -> None:
    """Also the engine's; the restore adds its own row, and marks what was not finished. Counters go on."""
    furnish(database)
    before = content(database.url)
    made = take(database, blobs, tmp_path / "b")
    restore(tmp_path / "b", empty, tmp_path / "new" / "blobs")
    after = content(empty)
    changed = {"restores", "audit", "audit_chain"}
    changed |= {f"{dbos}{name}" for dbos in ("", "dbos.") for name in ("workflow_status", "queues")}
    assert {name: rows for name, rows in after.items() if name not in changed} == {
        name: rows for name, rows in before.items() if name not in changed
    }
    assert made.rows["audit"] == 1200
    assert set(before["audit"]) < set(after["audit"])
    files = {p.relative_to(blobs): p.read_bytes() for p in blobs.rglob("*") if p.is_file()}
    there = tmp_path / "new" / "blobs"
    assert {p.relative_to(there): p.read_bytes() for p in there.rglob("*") if p.is_file()} == files
    new = Database(empty)
    with new.begin() as conn:
        audit.record(conn, at=NOW, actor="ou_1", action="a", subject="afterwards", reason="r")
    found = audit.verify(new, made.about.head)
    assert (found.entries, found.fault) == (1202, None)
    with new.read() as conn:
        assert conn.execute(sa.select(tables.restores.c.taken_at)).scalar_one() == NOW
    new.close()


def test_writers_go_on_and_the_backup_is_of_one_moment(
    database: Database, blobs: Path, empty: str, tmp_path: Path
) -> None:
    """Two rows that are always written together are both in it, or neither."""
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            with database.begin() as conn:
                conn.execute(tables.fires.insert().values(name=f"f{number}", at=NOW))
                audit.record(conn, at=NOW, actor="x", action="a", subject=f"f{number}", reason="r")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        until(lambda: "f3" in str(content(database.url)["fires"]), what="some rows are written")
        take(database, blobs, tmp_path / "b")
    finally:
        stop.set()
        writer.join()
    restore(tmp_path / "b", empty, tmp_path / "new" / "blobs")
    new = Database(empty)
    with new.read() as conn:
        fires = set(conn.execute(sa.select(tables.fires.c.name)).scalars())
        rows = set(
            conn.execute(sa.select(tables.audit.c.subject).where(tables.audit.c.actor == "x")).scalars()
        )
    assert fires == rows != set()
    assert audit.verify(new).fault is None
    new.close()


def test_a_damaged_backup_changes_nothing(
    database: Database, blobs: Path, empty: str, tmp_path: Path
) -> None:
    """It is read to its end before the first row is written."""
    furnish(database)
    take(database, blobs, tmp_path / "b")
    data = bytearray((tmp_path / "b").read_bytes())
    data[-1] ^= 1
    (tmp_path / "b").write_bytes(data)
    with pytest.raises(CannotRead):
        restore(tmp_path / "b", empty, tmp_path / "new" / "blobs")
    with pytest.raises(CannotRead, match="is not the key"):
        restore(tmp_path / "b", empty, tmp_path / "new" / "blobs", secrets.token_bytes(32))
    assert content(empty) == {}
    assert not (tmp_path / "new" / "blobs").exists()


def test_only_an_empty_place_is_restored_into(
    database: Database, blobs: Path, empty: str, tmp_path: Path
) -> None:
    """Neither over a database that is in use nor over files; and no backup over another."""
    take(database, blobs, tmp_path / "b")
    with pytest.raises(backup.NotEmpty, match="has tables already"):
        restore(tmp_path / "b", database.url, tmp_path / "new" / "blobs")
    with pytest.raises(backup.NotEmpty, match="holds files already"):
        restore(tmp_path / "b", empty, blobs)
    with pytest.raises(ConfigError, match="exists already"):
        take(database, blobs, tmp_path / "b")
    assert (tmp_path / "b").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("happened", [True, False])
def test_work_that_was_waiting_asks_before_it_acts(
    database: Database, blobs: Path, empty: str, tmp_path: Path, happened: bool
) -> None:
    """It may have been done between the backup and the loss; what is found is not done again."""
    with database.begin() as conn:
        WorkQueue(database).put(conn, Work("buy", "buy:1", "l", {}))
    take(database, blobs, tmp_path / "b")
    restore(tmp_path / "b", empty, tmp_path / "new" / "blobs")
    new, calls = Database(empty), list[str]()

    def buy(run: JobRun, _args: Mapping[str, Any]) -> None:
        def look() -> str | None:
            calls.append("looked")
            return "order-1" if happened else None

        def place() -> str:
            calls.append("bought")
            return "order-1"

        run.attempt("buy", place, lookup=look)
        calls.append("done")

    with worker(new, buy):
        until(lambda: calls[-1:] == ["done"], what="the work is done")
    assert calls == (["looked", "done"] if happened else ["looked", "bought", "done"])
    new.close()


@contextmanager
def worker(db: Database, job: Job) -> Iterator[None]:
    """The worker of the machine it was restored on."""
    engine = Engine(db, instance="another", first_wait=0.02)
    engine.register("buy", job)
    engine.launch()
    try:
        yield
    finally:
        engine.close(drain=5)


@pytest.mark.parametrize(
    "name", ["files/../../evil.txt", "/elsewhere/evil.txt", "files//../../evil.txt", "rows/../../x"]
)
def test_a_backup_that_leads_elsewhere_writes_nothing(empty: str, tmp_path: Path, name: str) -> None:
    """Whoever has the key could make one; its paths are looked at before the first byte is written."""
    about = backup.About(
        taken_at=NOW, instance="x", dialect=Database(empty).dialect, revision="0014_operations",
        engine=version("dbos"), head="0:0",
    ).model_dump_json().encode()  # fmt: skip
    members = {backup.ABOUT: about, name: b"evil"}
    digests = {each: hashlib.sha256(content).hexdigest() for each, content in members.items()}
    file = tmp_path / "made.backup"
    with file.open("wb") as to:
        sealing = Sealing(to, KEY)
        with tarfile.open(fileobj=cast(Any, sealing), mode="w|") as tar:
            for each, content in {**members, backup.DIGESTS: json.dumps(digests).encode()}.items():
                member = tarfile.TarInfo(each)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
        sealing.close()
    blobs = tmp_path / "inside" / "blobs"
    with pytest.raises(CannotRead, match="written elsewhere"):
        backup.check(file, KEY)
    with pytest.raises(CannotRead, match="written elsewhere"):
        backup.restore(file, KEY, empty, blobs, clock=CLOCK, tell=lambda _: None)
    assert not blobs.exists()
    assert list(tmp_path.rglob("evil*")) == []
    assert not Path("/elsewhere").exists()
