"""``chorus audit``: read the trail, and make sure that nobody wrote in it."""

from __future__ import annotations

import json

import click

from runtime.cli import durable, plain, settings_with_log


@click.group()
def audit() -> None:
    """The audit trail: who did what, and proof that nothing in it was changed."""


@audit.command()
@click.option(
    "--known", metavar="HEAD", help="a head noted down earlier, as `verify` and the morning card show"
)
def verify(known: str | None) -> None:
    """Check the whole chain; exit code 1 and the first broken place if it is not whole."""
    from runtime.audit import verify as look_through
    from runtime.clock import SystemClock
    from runtime.upkeep import note_chain

    db = durable(settings_with_log())
    found = look_through(db, known)
    with db.begin() as conn:
        note_chain(conn, found, at=SystemClock().now(), actor="command line")
    if found.fault is not None:
        raise click.ClickException(f"{found.fault} Compare with a backup from before.")
    click.echo(f"The audit trail is whole: {found.entries} entries. Note down its head: {found.head}")


@audit.command()
@click.option("--subject", help="what it was done to, e.g. alert:… or run:2026-10.1")
@click.option("--actor", help="who: an open_id, system:<part>, command line")
@click.option("--action", help="what, e.g. work.retry; as a beginning: payroll.")
@click.option("--limit", default=50, show_default=True, help="the newest so many")
def show(subject: str | None, actor: str | None, action: str | None, limit: int) -> None:
    """Show rows of the trail, newest last."""
    import sqlalchemy as sa

    from runtime.clock import SHANGHAI
    from runtime.tables import audit as trail

    query = sa.select(trail).order_by(trail.c.id.desc()).limit(limit)
    if subject is not None:
        query = query.where(trail.c.subject == subject)
    if actor is not None:
        query = query.where(trail.c.actor == actor)
    if action is not None:
        query = query.where(trail.c.action.startswith(action, autoescape=True))
    with durable(settings_with_log()).read() as conn:
        rows = conn.execute(query).all()
    for row in reversed(rows):
        at = row.at.astimezone(SHANGHAI)
        detail = json.dumps(row.detail, ensure_ascii=False)
        words = "  ".join(map(plain, (row.actor, row.action, row.subject, row.reason, detail)))
        click.echo(f"{at:%Y-%m-%d %H:%M:%S}  {words}")
