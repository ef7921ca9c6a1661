"""The dry run of a rule over the history that is kept: once for each version, and anew each day.

A durable work, because a month of a large table takes seconds. What it found stands in ``rule_dryruns``; the
row of the rule and every preview say it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rules import tables as t
from rules.effects import mark_work
from rules.replay import Replay, dry_sentence, from_json, replay
from rules.rulebook import Entry, load_entry, next_mark
from rules.store import upsert
from runtime.clock import day_of
from runtime.jobrun import JobRun
from runtime.work import Work

if TYPE_CHECKING:
    from rules.deps import Worker

JOB = "rules.dryrun"


def due_works(conn: Connection, entries: Sequence[Entry], now: datetime) -> list[Work]:
    """The dry runs to make: of every rule whose version was not run today."""
    runs = conn.execute(sa.select(t.rule_dryruns.c.rule_id, t.rule_dryruns.c.version, t.rule_dryruns.c.at))
    known = {row.rule_id: (row.version, day_of(row.at)) for row in runs}
    return [
        _work(entry, day_of(now))
        for entry in entries
        if entry.rule is not None
        and not entry.deleted
        and known.get(entry.rule_id) != (entry.version, day_of(now))
    ]


def _work(entry: Entry, day: date) -> Work:
    name = f"dryrun:{entry.rule_id}:{entry.version}:{day.isoformat()}"
    return Work(JOB, name, "dryrun", {"rule_id": entry.rule_id})


def load_run(conn: Connection, entry: Entry) -> tuple[Replay | None, bool]:
    """What the dry run of a rule's present version found, and whether there was one yet."""
    r = t.rule_dryruns
    row = conn.execute(sa.select(r).where(r.c.rule_id == entry.rule_id, r.c.version == entry.version)).first()
    if row is None:
        return None, False
    return (None if row.body is None else from_json(row.body)), True


def said_of(conn: Connection, rule_id: str, sentence: str, version: int) -> str:
    """The sentence for 校验结果, with what the dry run found."""
    r = t.rule_dryruns
    query = sa.select(r.c.body).where(r.c.rule_id == rule_id, r.c.version == version)
    body = conn.execute(query).scalar_one_or_none()
    past = dry_sentence(from_json(body)) if body else ""
    return f"{sentence}；{past}" if sentence and past else sentence


class DryRuns:
    """The job ``rules.dryrun``."""

    def __init__(self, deps: Worker) -> None:
        self.deps = deps

    def run(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """Replay a rule and write what came of it, for its row too. Nothing outside is called."""
        from rules.past import really, series  # noqa: PLC0415 - the web process never looks back

        del run
        deps, now = self.deps, self.deps.clock.now()
        with deps.db.read() as conn:
            entry = load_entry(conn, str(args["rule_id"]), deps.sources.catalog)
        if entry is None or entry.deleted or entry.rule is None:
            return
        rule = entry.rule
        ground = deps.checker.ground(rule.table, [rule], ())
        with deps.db.read() as conn:
            real = really(conn, rule, entry.version, now)
            past = replay(rule, series(conn, deps.sources, rule, ground, now), now, real)
        row = {"rule_id": entry.rule_id, "version": entry.version, "at": now, "body": past and past.to_json()}
        with deps.db.begin() as conn:
            upsert(conn, t.rule_dryruns, [row])
            number = next_mark(conn, entry.rule_id, None, now)
            deps.queue.put(conn, mark_work(entry.rule_id, number))
