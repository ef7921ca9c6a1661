"""``chorus backup`` and ``chorus restore``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from runtime.cli import durable, settings_with_log
from runtime.errors import ConfigError

if TYPE_CHECKING:
    from runtime.backup import Summary
    from runtime.settings import Settings


@click.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--new-key", is_flag=True, help="print a key for CHORUS_BACKUP_KEY and do nothing else")
def backup(file: Path | None, new_key: bool) -> None:  # a command-line flag
    """Write all rows and stored files into FILE, sealed, while the server runs. Keys are not part of it."""
    from runtime import sealed_stream

    if new_key:
        click.echo(sealed_stream.new_key())
        return
    if file is None:
        raise click.UsageError("Say which FILE to write.")
    from runtime.backup import take
    from runtime.clock import SystemClock

    settings = settings_with_log()
    key = _key(settings)
    db = durable(settings)
    made = take(db, settings.blob_dir, file, key, clock=SystemClock(), instance=settings.instance)
    click.echo(f"{file}: {_content(made)}. Head of the audit trail: {made.about.head}")


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--check", is_flag=True, help="only read it to the end and compare all digests")
def restore(file: Path, check: bool) -> None:  # a command-line flag
    """Put a backup into an empty installation; works that were not finished ask before they act."""
    from runtime import backup
    from runtime.clock import SystemClock

    settings = settings_with_log()
    key = _key(settings)
    if check:
        click.echo(f"{file} is whole: {_content(backup.check(file, key))}.")
        return
    made = backup.restore(
        file, key, settings.database_url, settings.blob_dir, clock=SystemClock(),
        tell=lambda what: click.echo(f"  {what}"),
    )  # fmt: skip
    click.echo(f"Restored: {_content(made)}.")
    click.echo(
        "Start `chorus serve`, then look at `chorus doctor`, `chorus audit verify` and `chorus parked`."
    )


def _key(settings: Settings) -> bytes:
    from runtime.sealed_stream import parse_key

    if settings.backup_key is None:
        raise ConfigError(
            "CHORUS_BACKUP_KEY is not set; `chorus backup --new-key` prints one. Keep a copy elsewhere."
        )
    return parse_key(settings.backup_key.get_secret_value())


def _content(made: Summary) -> str:
    rows, about = sum(made.rows.values()), made.about
    return (
        f"{rows} rows of {len(made.rows)} tables and {made.files} files ({made.size / 1e6:.1f} MB), as of "
        f"{about.taken_at:%Y-%m-%d %H:%M:%S} UTC on {about.instance}"
    )
