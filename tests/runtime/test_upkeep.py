"""What must be done to the installation now and then, when it last was, and what the doctor says of it."""

import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bitable_sync.doctor import Level
from bitable_sync.upkeep import (
    LEAST,
    LITTLE,
    check_backup,
    check_disk,
    check_keeping,
    check_trail,
    examine,
)
from runtime import audit, backup
from runtime.clock import ManualClock
from runtime.db import Database
from runtime.manifest import BaseManifest, Manifest, RetentionManifest
from runtime.upkeep import BROKEN, WHOLE, Chore, Done, last, note, note_chain

NOW = datetime(2026, 11, 29, 4, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def done(ago: timedelta, reason: str = WHOLE, **detail: Any) -> Done:
    """Something that was done so long ago."""
    return Done(NOW - ago, reason, detail)


@pytest.mark.parametrize(
    ("found", "days", "level", "said"),
    [
        (None, 2, Level.WARN, "从来没有备份过"),
        (done(HOUR), 2, Level.OK, "60 分钟前"),
        (done(2 * DAY), 2, Level.OK, "48 小时前"),
        (done(3 * DAY), 2, Level.WARN, "3 天前，超过 2 天"),
        (None, 0, Level.OK, "别的方式"),
    ],
)
def test_an_old_backup_is_told_with_what_to_do(found: Done, days: int, level: Level, said: str) -> None:
    """By the age the manifest allows; 0 says that somebody else makes them."""
    check = check_backup(found, days, NOW, ready=True)
    assert check.level is level
    assert said in check.sentence
    assert ("chorus backup" in check.next_step) is (level is Level.WARN)


def test_without_a_key_the_first_step_is_a_key() -> None:
    """`chorus backup` would refuse without one."""
    assert "CHORUS_BACKUP_KEY" in check_backup(None, 2, NOW, ready=False).next_step


@pytest.mark.parametrize(
    ("found", "level", "said"),
    [
        (None, Level.WARN, "没有核对过"),
        (done(10 * HOUR, entries=1204), Level.OK, "1204 条都完整"),
        (done(3 * DAY, entries=1204), Level.WARN, "3 天前"),
        (done(HOUR, BROKEN, fault="Entry 3 does not fit."), Level.FAIL, "Entry 3 does not fit."),
    ],
)
def test_a_broken_or_unread_trail_is_told(found: Done, level: Level, said: str) -> None:
    """A chain that was not whole is a fault, whenever that was found."""
    check = check_trail(found, NOW)
    assert (check.level, said in check.sentence, bool(check.next_step)) == (
        level,
        True,
        level is not Level.OK,
    )


def test_a_nightly_job_that_did_not_run_is_told() -> None:
    """A day and a half: one night may be missed by an update."""
    levels = [check_keeping(each, NOW).level for each in (None, done(35 * HOUR), done(37 * HOUR))]
    assert levels == [Level.WARN, Level.OK, Level.WARN]


def test_a_disk_that_fills_is_told_before_it_is_full(tmp_path: Path) -> None:
    """At five gigabytes a warning, at one a fault; a folder that cannot be seen is one too."""
    levels = [check_disk(tmp_path, left).level for left in (LITTLE, LITTLE - 1, LEAST - 1)]
    assert levels == [Level.OK, Level.WARN, Level.FAIL]
    assert "GB" in check_disk(tmp_path).sentence
    assert check_disk(tmp_path / "away").level is Level.FAIL


@pytest.mark.db
def test_what_was_done_is_found_and_the_doctor_is_content(database: Database, tmp_path: Path) -> None:
    """A backup that was taken, a night's deleting, a chain that was looked through: four times ok."""
    clock = ManualClock(NOW)
    settings = SimpleNamespace(var_dir=tmp_path, blob_dir=tmp_path, backup_key="set")
    manifest = Manifest(name="x", base=BaseManifest(name="x"), retention=RetentionManifest())
    floor: Any = SimpleNamespace(db=database, clock=clock, settings=settings, manifest=manifest)
    assert [check.level for check in examine(floor)][:3] == [Level.WARN] * 3
    blobs = tmp_path / "blobs"
    blobs.mkdir()
    key = secrets.token_bytes(32)
    backup.take(database, blobs, tmp_path / "first.backup", key, clock=clock, instance="chorus-1")
    with database.begin() as conn:
        note(conn, Chore.KEEPING, at=NOW, actor="system:care", reason="kept", detail={})
        note_chain(conn, audit.verify(database), at=NOW, actor="system:care")
    with database.read() as conn:
        taken = last(conn, Chore.BACKUP)
    assert taken is not None
    assert (taken.at, taken.reason, taken.detail["instance"]) == (NOW, "taken", "chorus-1")
    assert [check.level for check in examine(floor)][:3] == [Level.OK] * 3
    clock.advance((3 * DAY).total_seconds())
    assert [check.level for check in examine(floor)][:3] == [Level.WARN] * 3
    assert audit.verify(database).fault is None
