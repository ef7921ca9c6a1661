"""Backups: one sealed file with every durable row and every stored file, and the way back.

All rows are read in one transaction, so they belong to one moment. Files are named by their content and never
change; what the rows of that moment speak of lies there already. Keys are never part of a backup: pay in it
stays sealed, and only who has CHORUS_PAY_KEYS as well opens a payslip.

What was to be done when the backup was taken may have been done since. A restore therefore marks every work
that was not finished as begun before, so that `JobRun` asks the other side first, and leaves a row in
`restores` for whatever has more to look up.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from typing import IO, Any, BinaryIO, Final, cast

import sqlalchemy as sa
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError
from sqlalchemy.engine import Connection

from runtime import audit, dump, tables
from runtime.clock import Clock
from runtime.db import Database, migrate
from runtime.errors import ConfigError
from runtime.sealed_stream import CannotRead, Opening, Sealing
from runtime.upkeep import Chore, note
from runtime.work import status_table

ABOUT: Final = "about.json"
DIGESTS: Final = "digests.json"
UNFINISHED: Final = ("ENQUEUED", "DELAYED", "PENDING")


class About(BaseModel):
    """What stands first in a backup.

    Attributes:
        taken_at: the moment its rows belong to.
        instance: the machine that took it.
        dialect: sqlite or postgresql.
        revision: of the tables.
        engine: version of the engine's library, whose tables are in it as well.
        head: of the audit chain.
    """

    model_config = ConfigDict(frozen=True, strict=False, extra="forbid")

    taken_at: AwareDatetime
    instance: str
    dialect: str
    revision: str
    engine: str
    head: str


@dataclass(frozen=True, slots=True)
class Summary:
    """What is in a backup: where it comes from, rows by table, number and bytes of files."""

    about: About
    rows: dict[str, int]
    files: int
    size: int


class NotEmpty(ConfigError):  # noqa: N818 - the sentence a person needs
    """A restore was asked for where something is already."""


def take(db: Database, blobs: Path, to: Path, key: bytes, *, clock: Clock, instance: str) -> Summary:
    """Write a backup; it appears under its name only when it is whole.

    Args:
        db: the durable database.
        blobs: folder of stored files.
        to: the file; must not exist.
        key: seals it.
        clock: dates it.
        instance: of this machine.

    Raises:
        ConfigError: the file exists, or its folder does not.
    """
    part = to.with_name(f"{to.name}.part")
    if to.exists() or not to.parent.is_dir():
        raise ConfigError(f"{to} exists already or its folder does not; choose another name.")
    part.unlink(missing_ok=True)
    try:
        summary = _take(db, blobs, part, key, clock=clock, instance=instance)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    part.rename(to)
    with db.begin() as conn:
        detail = {"rows": sum(summary.rows.values()), "files": summary.files, "instance": instance}
        note(conn, Chore.BACKUP, at=clock.now(), actor="command line", reason="taken", detail=detail)
    return summary


def _take(db: Database, blobs: Path, part: Path, key: bytes, *, clock: Clock, instance: str) -> Summary:
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        sealing = Sealing(file, key)
        with tarfile.open(fileobj=cast(IO[bytes], sealing), mode="w|") as tar, db.snapshot() as conn:
            summary = _write(_Members(tar), conn, blobs, clock.now(), instance)
        sealing.close()
        file.flush()
        os.fsync(file.fileno())
    return summary


class _Members:
    """The members of the archive, with their digests."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self.digests: dict[str, str] = {}

    def add(self, name: str, content: bytes) -> None:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        self._tar.addfile(member, io.BytesIO(content))
        self.digests[name] = hashlib.sha256(content).hexdigest()


def _write(members: _Members, conn: Connection, blobs: Path, now: datetime, instance: str) -> Summary:
    revision = conn.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one()
    about = About(
        taken_at=now, instance=instance, dialect=conn.dialect.name, revision=revision,
        engine=version("dbos"), head=str(audit.head(conn)),
    )  # fmt: skip
    members.add(ABOUT, about.model_dump_json().encode())
    rows: dict[str, int] = {}
    for table in dump.durable_tables(conn):
        for number, (part, count) in enumerate(dump.lines_of(conn, table)):
            members.add(f"rows/{table.fullname}/{number:06}", part)
            rows[table.fullname] = rows.get(table.fullname, 0) + count
    files, size = 0, 0
    for path in sorted(path for path in blobs.rglob("*") if path.is_file()):
        content = path.read_bytes()
        members.add(f"files/{path.relative_to(blobs).as_posix()}", content)
        files, size = files + 1, size + len(content)
    members.add(DIGESTS, json.dumps(members.digests).encode())
    return Summary(about, rows, files, size)


def check(file: Path, key: bytes) -> Summary:
    """Read a backup to its end and compare every digest; nothing is written anywhere.

    Raises:
        CannotRead: another key, another kind of file, damaged or cut off.
    """
    digests: dict[str, str] = {}
    told: dict[str, str] = {}
    rows: dict[str, int] = {}
    about, files, size = None, 0, 0
    for name, content in _read(file, key):
        if name == DIGESTS:
            told = json.loads(content)
            continue
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise CannotRead(f"The backup holds a file that would be written elsewhere: {name}")
        digests[name] = hashlib.sha256(content).hexdigest()
        kind, _, rest = name.partition("/")
        if name == ABOUT:
            about = _about(content)
        elif kind == "rows":
            table = rest.rpartition("/")[0]
            rows[table] = rows.get(table, 0) + content.count(b"\n") - 1
        else:
            files, size = files + 1, size + len(content)
    if about is None or digests != told:
        raise CannotRead("The backup is not whole: its list of contents does not fit. Take another copy.")
    return Summary(about, rows, files, size)


def _about(content: bytes) -> About:
    try:
        return About.model_validate_json(content)
    except ValidationError:
        raise CannotRead("The backup was made by another version of Chorus; use that one.") from None


def _read(file: Path, key: bytes) -> Iterator[tuple[str, bytes]]:
    try:
        with file.open("rb") as source:
            opening = Opening(cast(BinaryIO, source), key)
            with tarfile.open(fileobj=cast(IO[bytes], opening), mode="r|") as tar:
                for member in tar:
                    held = tar.extractfile(member)
                    yield member.name, held.read() if held is not None else b""
            opening.read()
    except OSError as error:
        raise ConfigError(f"{file} cannot be read ({error.strerror}).") from None
    except tarfile.TarError:
        raise CannotRead("The backup is damaged; take another copy.") from None


def restore(
    file: Path, key: bytes, url: str, blobs: Path, *, clock: Clock, tell: Callable[[str], None]
) -> Summary:
    """Put a backup into an empty installation; nothing is written before all of it was checked.

    Args:
        file: the backup.
        key: that sealed it.
        url: of an empty database of the same kind.
        blobs: folder for stored files; empty or missing.
        clock: dates the restore.
        tell: told what is being done.

    Raises:
        NotEmpty: there is something already.
        CannotRead: see `check`.
        ConfigError: the backup is of another database or engine.
    """
    db = Database(url)
    try:
        _refuse_unless_empty(db, blobs)
        summary = check(file, key)
        tell("checked")
        _refuse_unless_fitting(db, summary.about)
        migrate(url, summary.about.revision)
        with db.begin() as conn:
            _load(conn, file, key, blobs)
        migrate(url)
        with db.begin() as conn:
            _doubt(db, conn, summary.about, clock.now())
    finally:
        db.close()
    return summary


def _refuse_unless_empty(db: Database, blobs: Path) -> None:
    inspector = sa.inspect(db.engine)
    schemas = (None,) if db.dialect == "sqlite" else (None, dump.ENGINE_SCHEMA)
    if any(inspector.get_table_names(schema=schema) for schema in schemas):
        raise NotEmpty(
            "The database has tables already. Restore into an empty one: another DATABASE_URL or "
            "CHORUS_VAR_DIR, and no `chorus serve` or `chorus migrate` before."
        )
    if blobs.is_dir() and any(path.is_file() for path in blobs.rglob("*")):
        raise NotEmpty(f"{blobs} holds files already. Restore into an empty folder (CHORUS_BLOB_DIR).")


def _refuse_unless_fitting(db: Database, about: About) -> None:
    if about.dialect != db.dialect:
        raise ConfigError(
            f"The backup is of a {about.dialect} database and DATABASE_URL names a {db.dialect} one; restore "
            "it into the same kind."
        )
    if about.engine != version("dbos"):
        raise ConfigError(
            f"The backup was made with dbos {about.engine}, installed is {version('dbos')}. Restore it with "
            "the version of Chorus that made it, then upgrade."
        )


def _load(conn: Connection, file: Path, key: bytes, blobs: Path) -> None:
    known = {table.fullname: table for table in dump.durable_tables(conn)}
    for table in reversed(known.values()):
        conn.execute(table.delete())  # what `migrate` itself put there
    for name, content in _read(file, key):
        kind, _, rest = name.partition("/")
        if kind == "rows":
            dump.put_lines(conn, known[rest.rpartition("/")[0]], content)
        elif kind == "files":
            path = blobs / rest  # `check` has seen that it stays inside
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    dump.set_counters(conn, list(known.values()))


def _doubt(db: Database, conn: Connection, about: About, now: datetime) -> None:
    """Whatever is not finished may have been since: each such work asks before it acts."""
    status = status_table(db)
    open_ones = conn.execute(
        status.update()
        .where(status.c.status.in_(UNFINISHED), sa.func.coalesce(status.c.recovery_attempts, 0) < 1)
        .values(recovery_attempts=1)
    ).rowcount
    moment = now.isoformat(timespec="seconds")
    conn.execute(tables.restores.insert().values(id=moment, taken_at=about.taken_at, at=now))
    audit.record(
        conn, at=now, actor="command line", action="restore", subject=f"backup:{about.taken_at.isoformat()}",
        reason="a person asked", detail={"taken_by": about.instance, "in_doubt": open_ones},
    )  # fmt: skip


def restored_after(moment: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """Whether the installation was restored after a moment; what was due then is looked up first."""
    return sa.exists().where(tables.restores.c.at >= moment)
