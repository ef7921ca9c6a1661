"""Commands about what could not be done: list it, do it again."""

from __future__ import annotations

import click

from runtime.cli import settings_with_log
from runtime.cli_audit import audit
from runtime.cli_backup import backup, restore
from runtime.clock import SystemClock


@click.command()
def parked() -> None:
    """List works and events that could not be done, with the reason."""
    from bot.inbox import Inbox
    from runtime.db import Database
    from runtime.parked import list_parked

    db = Database(settings_with_log().database_url)
    rows = [(row.at, str(row.id), row.job, row.error) for row in list_parked(db)]
    with db.read() as conn:
        rows += [(row.at, str(row.id), row.type, row.error) for row in Inbox(db).failed(conn)]
    for at, name, kind, error in sorted(rows):
        click.echo(f"{at:%Y-%m-%d %H:%M:%S}  {name}  {kind}  {error}")


@click.command()
@click.argument("id")
def replay(id: str) -> None:  # noqa: A002  # what people call it
    """Do a parked work or event again; ``chorus parked`` lists their ids."""
    from bot.inbox import Inbox
    from runtime.db import Database
    from runtime.ids import WorkId
    from runtime.parked import retry_parked
    from runtime.work import WorkQueue

    db = Database(settings_with_log().database_url)
    with db.begin() as conn:
        if Inbox(db).again(conn, [id]):
            click.echo("The event waits in the inbox again.")
            return
        again = retry_parked(conn, WorkQueue(db), WorkId(id), actor="command line", at=SystemClock().now())
    click.echo(f"queued as {again}")


OPERATIONS = (parked, replay, audit, backup, restore)
"""Commands of who looks after the installation."""
