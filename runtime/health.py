"""Is it alive, is it ready, what does it count: three pages for machines."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta

import sqlalchemy as sa
import structlog
from flask import Blueprint, Response, jsonify

from runtime import metrics, tables, upkeep
from runtime.clock import Clock
from runtime.db import Database
from runtime.migrations.stamp import fits
from runtime.upkeep import Chore
from runtime.work import WorkQueue

Check = Callable[[], str | None]
"""Gives None when all is well, else one sentence saying what is wrong and what to do."""

WORKER_SILENT = timedelta(seconds=15)

log = structlog.get_logger(__name__)


def health_blueprint(checks: Mapping[str, Check], gauges: Iterable[metrics.Gauges] = ()) -> Blueprint:
    """Make /healthz (this process answers), /readyz (all checks pass, else 503) and /metrics.

    Args:
        checks: by name; a check that raises counts as failed.
        gauges: values of this moment for /metrics.
    """
    blueprint = Blueprint("health", __name__)
    read = tuple(gauges)

    @blueprint.get("/healthz")
    def healthz() -> Response:
        return Response("ok\n", mimetype="text/plain")

    @blueprint.get("/readyz")
    def readyz() -> tuple[Response, int]:
        found = {name: _run(name, check) for name, check in checks.items()}
        failed = {name: sentence for name, sentence in found.items() if sentence}
        body = {"ready": not failed, "checks": {name: found[name] or "ok" for name in found}}
        return jsonify(body), 503 if failed else 200

    @blueprint.get("/metrics")
    def show_metrics() -> Response:
        return Response(metrics.expose(read), mimetype="text/plain; version=0.0.4")

    return blueprint


def standard_checks(db: Database, clock: Clock, leaving: threading.Event | None = None) -> dict[str, Check]:
    """Return the floor's checks: database reachable and fit for this code, a worker alive, not leaving.

    Args:
        db: the durable database.
        clock: against which the worker's silence is measured.
        leaving: set once this process was told that it will be stopped.
    """

    def reachable() -> str | None:
        with db.read() as conn:
            conn.execute(sa.text("SELECT 1"))
        return None

    def current() -> str | None:
        if fits(db):
            return None
        return (
            "The database and this code are of two versions: run `chorus migrate`, or restart `chorus serve`."
        )

    def worker() -> str | None:
        with db.read() as conn:
            seen = conn.execute(sa.select(sa.func.max(tables.executors.c.seen_at))).scalar()
        if seen is None:
            return "No worker has ever run: start `chorus serve` or `chorus serve --role worker`."
        silent = clock.now() - seen
        if silent <= WORKER_SILENT:
            return None
        return f"No worker has been seen for {int(silent.total_seconds())} s: look at the worker's log."

    def stays() -> str | None:
        if leaving is None or not leaving.is_set():
            return None
        return "This process is being stopped: send nothing new; what was sent is answered."

    return {"database": reachable, "migrations": current, "worker": worker, "stays": stays}


def standard_gauges(db: Database, queue: WorkQueue) -> metrics.Gauges:
    """Return the floor's values of this moment: work waiting and parked, the last backup, the audit chain."""

    def read() -> Mapping[str, float | Mapping[str, float]]:
        waiting = (
            sa.select(sa.func.count()).select_from(tables.parked).where(tables.parked.c.state == "waiting")
        )
        with db.read() as conn:
            parked = conn.execute(waiting).scalar_one()
            backup, chain = upkeep.last(conn, Chore.BACKUP), upkeep.last(conn, Chore.CHAIN)
        return {
            "work_backlog": queue.backlog(),
            "work_parked": parked,
            "backup_at_seconds": 0.0 if backup is None else backup.at.timestamp(),
            "audit_chain_broken": float(chain is not None and chain.reason == upkeep.BROKEN),
        }

    return read


def _run(name: str, check: Check) -> str | None:
    try:
        return check()
    except Exception as error:  # noqa: BLE001 - whatever is wrong, the answer is "not ready"
        log.warning("health.check_failed", check=name, error=str(error))
        return f"The check could not be made ({type(error).__name__}); the log has the details."
