"""Commands about what could not be done: list it, do it again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from runtime.cli import durable, plain, settings_with_log
from runtime.cli_audit import audit
from runtime.cli_backup import backup, restore
from runtime.clock import SHANGHAI, SystemClock

if TYPE_CHECKING:
    from runtime.erasing import Personal
    from runtime.floor import Floor


@click.command()
def parked() -> None:
    """List works and events that could not be done, with the reason."""
    from bot.inbox import Inbox
    from runtime.parked import list_parked

    db = durable(settings_with_log())
    rows = [(row.at, str(row.id), row.job, row.error) for row in list_parked(db)]
    with db.read() as conn:
        rows += [(row.at, str(row.id), row.type, row.error) for row in Inbox(db).failed(conn)]
    for at, name, kind, error in sorted(rows):
        local = at.astimezone(SHANGHAI)
        click.echo(f"{local:%Y-%m-%d %H:%M:%S}  {plain(name)}  {plain(kind)}  {plain(error)}")
    if not rows:
        click.echo("Nothing waits for a person.")
        return
    click.echo(f"{len(rows)} in all. Mend what the sentence says, then `chorus replay ID`.")


@click.command()
@click.argument("id")
def replay(id: str) -> None:  # noqa: A002  # what people call it
    """Do a parked work or event again; ``chorus parked`` lists their ids."""
    from bot.inbox import Inbox
    from runtime.audit import record
    from runtime.ids import WorkId
    from runtime.parked import retry_parked
    from runtime.work import WorkQueue

    db = durable(settings_with_log())
    with db.begin() as conn:
        now = SystemClock().now()
        if Inbox(db).again(conn, [id]):
            record(
                conn, at=now, actor="command line", action="event.retry", subject=f"event:{id}",
                reason="a_person_asked",
            )  # fmt: skip
            click.echo("The event waits in the inbox again.")
            return
        again = retry_parked(conn, WorkQueue(db), WorkId(id), actor="command line", at=now)
    click.echo(f"queued as {again}")


@click.command()
def resume() -> None:
    """Let calls to Feishu go on before the month ends, once the tenant's plan was enlarged."""
    from runtime.audit import record
    from runtime.feishu.limits import EVERYTHING, Limits

    db, clock = durable(settings_with_log()), SystemClock()
    limits = Limits(db, clock)
    try:
        held = limits.open(EVERYTHING)
    finally:
        limits.close()
    if not held:
        click.echo("Nothing was held back: Feishu has not said that this month's calls are used up.")
        return
    with db.begin() as conn:
        record(
            conn, at=clock.now(), actor="command line", action="feishu.resume", subject="feishu:quota",
            reason="a_person_asked",
        )  # fmt: skip
    click.echo("Calls go on. What was given up meanwhile: `chorus parked`, then `chorus replay ID`.")


def erase_person(floor: Floor, open_id: str, everything: Sequence[Personal], *, dry_run: bool) -> None:
    """Erase a person, or only say what would be erased, and print the answer that person can be given.

    Args:
        floor: database and clock.
        open_id: whose.
        everything: what speaks of people, from every part of the product.
        dry_run: change nothing.
    """
    from runtime.erasing import erase

    with floor.db.begin() as conn:
        held = conn.begin_nested()
        lines = erase(conn, open_id, everything, actor="command line", at=floor.clock.now())
        if dry_run:
            held.rollback()
        else:
            held.commit()
    for line in lines:
        if line.law:
            until = f"until {line.until}" if line.until else "as long as the books they belong to"
            click.echo(f"kept     {line.what}: {line.rows}, {until}: {line.law}")
        else:
            click.echo(f"{'would go' if dry_run else 'removed '} {line.what}: {line.rows}")
    if not lines:
        click.echo(f"Nothing here speaks of {open_id}.")
    click.echo("Rows in the base and messages in Feishu are deleted there; backups forget with their age.")


OPERATIONS = (parked, replay, resume, audit, backup, restore)
"""Commands of who looks after the installation."""
