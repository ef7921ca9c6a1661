"""``chorus metrics …``: figures of former days, asked for again.

Every command imports what it needs when it is called.
"""

from __future__ import annotations

import getpass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import click

from runtime.cli import Friendly, settings_with_log
from runtime.clock import day_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rules.backfill import Backfill, Report, Span
    from runtime.floor import Floor


@click.group(cls=Friendly)
def metrics() -> None:
    """Daily figures of shops and ads: what the cockpit and 经营日汇总 show."""


@metrics.command()
@click.option("--from", "first", type=click.DateTime(["%Y-%m-%d"]), required=True, help="first day")
@click.option("--to", "last", type=click.DateTime(["%Y-%m-%d"]), help="last day; yesterday if left out")
@click.option("--connection", metavar="NAME", help="only this connection of the manifest")
def backfill(first: datetime, last: datetime | None, connection: str | None) -> None:
    """Ask the platforms for former days and settle them. Stopped at any moment, it goes on when run again.

    Connections that cannot tell of former days are named with the reason. Exit code 1 if a platform did not
    answer to the end: then run it again.
    """
    from bitable_sync.platforms.connect import connect
    from rules.backfill import Backfill
    from runtime.db import migrate
    from runtime.floor import open_floor
    from runtime.vault import open_vault

    settings = settings_with_log()
    settings.var_dir.mkdir(parents=True, exist_ok=True)
    migrate(settings.database_url)
    floor = open_floor(settings)
    try:
        span = _span(floor, first.date(), last.date() if last else None)
        gateways = connect(floor, open_vault(settings))
        names = [*dict.fromkeys((*gateways.ads, *gateways.shops, *gateways.stock))]
        if connection is not None and connection not in names:
            raise click.BadParameter(
                f"there is no connection {connection}; known: {', '.join(names) or '–'}."
            )
        run = Backfill(floor.db, floor.queue, floor.clock, gateways)
        reports = _with_bar(run, span, [connection] if connection else names)
        _note(floor, span, reports)
    finally:
        floor.close()
    for report in reports:
        click.echo(f"{report.connection}: {_said(report)}")
    raise SystemExit(int(any(report.again for report in reports)))


def _span(floor: Floor, first: date, last: date | None) -> Span:
    from rules.backfill import Span
    from rules.cockpit.days import KEEP

    now = day_of(floor.clock.now())
    last = last or now - timedelta(days=1)
    if last >= now:
        raise click.BadParameter("--to must be a day that is over; the pulls keep today.")
    if not now - KEEP <= first <= last:
        raise click.BadParameter(f"--from must not be after --to, nor before {now - KEEP}: older days go.")
    return Span(first, last)


def _with_bar(run: Backfill, span: Span, names: Sequence[str]) -> list[Report]:
    from rich.progress import Progress

    with Progress(transient=True) as bar:
        task = bar.add_task("", total=run.size(span, names))
        return run.run(span, names, lambda name: bar.update(task, advance=1, description=name))


def _note(floor: Floor, span: Span, reports: Sequence[Report]) -> None:
    from runtime.audit import record

    detail = {report.connection: _said(report) for report in reports}
    with floor.db.begin() as conn:
        record(
            conn, at=floor.clock.now(), actor=f"cli:{getpass.getuser()}", action="metrics.backfill",
            subject=f"days:{span}", reason="asked_by_operator", detail=detail,
        )  # fmt: skip


def _said(report: Report) -> str:
    changed = f"{report.changed} figures changed" if report.changed else "nothing changed"
    return f"{changed}; {report.trouble}" if report.trouble else changed
