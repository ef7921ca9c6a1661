"""Machines ask three pages: alive, ready, numbers."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from runtime import audit, metrics, tables, upkeep
from runtime.clock import SystemClock
from runtime.db import Database
from runtime.health import health_blueprint, standard_checks, standard_gauges
from runtime.work import Work, WorkQueue

ROOT = Path(__file__).parents[2]


def client(
    checks: dict[str, Callable[[], str | None]], gauges: tuple[metrics.Gauges, ...] = ()
) -> FlaskClient:
    """A web app with nothing but the health pages."""
    app = Flask(__name__)
    app.register_blueprint(health_blueprint(checks, gauges))
    return app.test_client()


def test_alive_needs_no_check() -> None:
    """A process whose database is away is alive; restarting it would not help."""
    assert client({"database": lambda: "away"}).get("/healthz").status_code == 200


def test_ready_only_when_every_check_passes() -> None:
    """One failed check is 503, with its sentence; the others are shown too."""

    def crash() -> str | None:
        raise OSError("disk")

    answer = client({"a": lambda: None, "b": lambda: "Do this.", "c": crash}).get("/readyz")
    assert answer.status_code == 503
    assert answer.json == {
        "ready": False,
        "checks": {
            "a": "ok",
            "b": "Do this.",
            "c": "The check could not be made (OSError); the log has the details.",
        },
    }
    assert client({"a": lambda: None}).get("/readyz").status_code == 200


@pytest.mark.db
def test_the_standard_checks_tell_what_is_missing(database: Database) -> None:
    """Database and migrations are fine; the worker is missing, then fresh, then silent."""
    checks = standard_checks(database, SystemClock())
    assert checks["database"]() is None
    assert checks["migrations"]() is None
    assert "No worker has ever run" in (checks["worker"]() or "")
    now = SystemClock().now()
    with database.begin() as conn:
        conn.execute(tables.executors.insert().values(instance="w", started_at=now, seen_at=now))
    assert checks["worker"]() is None
    with database.begin() as conn:
        conn.execute(tables.executors.update().values(seen_at=now - timedelta(seconds=40)))
    assert "No worker has been seen for 4" in (checks["worker"]() or "")


@pytest.mark.db
def test_an_unmigrated_database_is_not_ready(database_url: str) -> None:
    """The sentence says what to do."""
    db = Database(database_url)
    assert "run `chorus migrate`" in (standard_checks(db, SystemClock())["migrations"]() or "")
    db.close()


@pytest.mark.db
def test_metrics_show_counters_and_the_values_of_this_moment(database: Database, queue: WorkQueue) -> None:
    """Backlog and parked works are read when asked; so are the last backup and what became of the chain."""
    asks = client({}, (standard_gauges(database, queue),))
    assert "chorus_backup_at_seconds 0.0" in asks.get("/metrics").text
    at, broken = datetime(2026, 11, 29, 4, tzinfo=UTC), audit.Verdict(3, audit.Head(3, "a" * 64), "Row 2 …")
    with database.begin() as conn:
        queue.put(conn, Work("note", "a", "l", {}))
        upkeep.note(conn, upkeep.Chore.BACKUP, at=at, actor="x", reason="taken", detail={})
        upkeep.note_chain(conn, broken, at=at, actor="x")
    metrics.count("chorus_jobs_total", job="test-health", outcome="done")
    text = asks.get("/metrics").text
    assert "chorus_work_backlog 1.0" in text
    assert "chorus_work_parked 0.0" in text
    assert float(re.findall(r"^chorus_backup_at_seconds (\S+)$", text, re.MULTILINE)[0]) == at.timestamp()
    assert "chorus_audit_chain_broken 1.0" in text
    assert 'chorus_jobs_total{job="test-health",outcome="done"} 1.0' in text


def test_a_metric_that_is_not_in_the_catalogue_is_refused() -> None:
    """A misspelt name would silently be a second metric."""
    with pytest.raises(KeyError):
        metrics.count("chorus_job_total")


@pytest.mark.process
def test_numbers_of_several_processes_are_added_up(tmp_path: Path) -> None:
    """The web process shows what the worker counted, also after the worker has gone."""
    count = "from runtime import metrics; metrics.count('chorus_jobs_total', job='j', outcome='done', by={})"
    show = "from runtime import metrics; print(metrics.expose().decode())"
    env = {**os.environ, metrics.VARIABLE: str(tmp_path)}
    for code in (count.format(2), count.format(3)):
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, check=True)
    shown = subprocess.run(
        [sys.executable, "-c", show], cwd=ROOT, env=env, check=True, capture_output=True, text=True
    )
    assert 'chorus_jobs_total{job="j",outcome="done"} 5.0' in shown.stdout


def test_preparing_forgets_the_numbers_of_the_run_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counters start from nothing with the supervisor, as Prometheus expects of a restart."""
    monkeypatch.setenv(metrics.VARIABLE, "")
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "counter_1.db").write_bytes(b"old")
    metrics.prepare(tmp_path / "m")
    assert list((tmp_path / "m").iterdir()) == []
    assert os.environ[metrics.VARIABLE] == str(tmp_path / "m")
