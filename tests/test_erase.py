"""Erasing a person: what may go is gone, what the law keeps is named with its end, others lose nothing."""

from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

import app
from bot.care import personal_here
from bot.tables import taps
from payslip import tables as pay
from payslip.keeping import kept, personal
from rules.cockpit import tables as cockpit
from rules.day import personal as red_lines
from runtime import audit, tables
from runtime.db import Database
from runtime.erasing import erase
from runtime.erasing import personal_here as trail
from runtime.keeping import months_before, prune

pytestmark = pytest.mark.db
NOW = datetime(2026, 11, 28, 2, tzinfo=UTC)
HER, HIM = "ou_her", "ou_him"


def furnish(database: Database) -> None:
    """The same rows of two people."""
    with database.begin() as conn:
        for day in (date(2023, 10, 10), date(2026, 11, 10)):
            conn.execute(
                pay.runs.insert().values(
                    id=f"{day:%Y-%m}.1", month=f"{day:%Y-%m}", version=1, pay_date=day, state="closed",
                    starter="ou_hr", opened_at=NOW, changed_at=NOW,
                )
            )  # fmt: skip
        for who in (HER, HIM):
            audit.record(conn, at=NOW, actor=who, action="a", subject="s", reason="r")
            conn.execute(taps.insert().values(id=f"t-{who}", at=NOW, operator=who, action="a", answer={}))
            for table in (pay.sessions, cockpit.sessions):
                row = {"id": f"s-{who}", "open_id": who, "name": "名", "csrf": "c", "agent": ""}
                conn.execute(table.insert().values(created_at=NOW, seen_at=NOW, **row))
            conn.execute(pay.pins.insert().values(open_id=who, hash="h", set_at=NOW))
            for run in ("2023-10.1", "2026-11.1"):
                conn.execute(
                    pay.slips.insert().values(
                        run_id=run, employee_no=f"E-{who}", version=1, month=run[:7], open_id=who,
                        token=f"{run}-{who}", sealed_slip="x", slip_digest="d", state="confirmed",
                    )
                )  # fmt: skip


def people(database: Database, table: sa.Table, column: str) -> set[str]:
    """Whose rows a table has."""
    with database.read() as conn:
        return set(conn.execute(sa.select(table.c[column])).scalars())


def test_what_may_go_goes_and_what_is_kept_is_said(database: Database) -> None:
    """Sessions, PIN and taps of one person; payslips and the trail stay, with the day until which."""
    furnish(database)
    everything = [*personal_here(), *red_lines(), *personal(36), *trail(36)]
    with database.begin() as conn:
        lines = erase(conn, HER, everything, actor="command line", at=NOW)
    assert {line.what: (line.rows, line.until) for line in lines} == {
        "taps and messages": (1, None),
        "sessions of the cockpit": (1, None),
        "sessions on the pay pages": (1, None),
        "PIN of the pay pages": (1, None),
        "payslips": (2, date(2029, 11, 10)),
        "audit trail": (1, date(2029, 11, 28)),
    }
    assert [line.what for line in lines if line.law] == ["payslips", "audit trail"]
    for table, column in ((taps, "operator"), (pay.sessions, "open_id"), (pay.pins, "open_id")):
        assert people(database, table, column) == {HIM}
    assert people(database, pay.slips, "open_id") == {HER, HIM}
    assert f"person:{HER}" in people(database, tables.audit, "subject")
    assert audit.verify(database).fault is None


def test_every_table_that_names_a_person_is_thought_of() -> None:
    """A new table with somebody's open_id in a column of its own must say what becomes of it."""
    app.specs()
    named = {"open_id", "receiver", "operator"}
    found = {t.name for t in tables.audit.metadata.tables.values() if named & set(t.c.keys())}
    thought_of = {each.table.name for each in [*personal_here(), *red_lines(), *personal(36), *trail(36)]}
    of_runs = {"pay_people", "pay_disputes", "pay_cards"}  # go with their payslips
    elsewhere = {"alert_groups", "connection_cards", "art_cards"}  # which message shows what
    assert found - thought_of - of_runs - elsewhere == set()


def test_pay_goes_with_its_run_after_its_time_and_not_before(database: Database) -> None:
    """Three years after pay day; the younger run stays whole."""
    furnish(database)
    assert sum(prune(database, each, NOW - timedelta(days=60)) for each in kept(36)) == 0
    gone = {each.table.name: prune(database, each, NOW) for each in kept(36)}
    assert {name: rows for name, rows in gone.items() if rows} == {"pay_slips": 2, "pay_runs": 1}
    assert people(database, pay.slips, "run_id") == {"2026-11.1"}


def test_months_are_counted_in_the_calendar() -> None:
    """The last day of a shorter month stands in for a day it does not have."""
    assert months_before(datetime(2026, 3, 31, 4, tzinfo=UTC), 1).date() == date(2026, 2, 28)
    assert months_before(datetime(2026, 1, 15, 4, tzinfo=UTC), 25).date() == date(2023, 12, 15)
    assert months_before(datetime(2026, 1, 15, 4, tzinfo=UTC), -12).date() == date(2027, 1, 15)
