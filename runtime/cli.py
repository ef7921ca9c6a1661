"""What every command of the command line shares: sentences instead of stack traces, a masked log."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runtime import log
from runtime.errors import ChorusError, ConfigError
from runtime.settings import Settings, load_settings

if TYPE_CHECKING:
    from runtime.db import Database


def plain(words: str) -> str:
    """Text from outside as a terminal may have it: no escape sequence in a name clears or writes a line."""
    return "".join("·" if unicodedata.category(sign) in {"Cc", "Cf"} else sign for sign in words)


class Friendly(click.Group):
    """A group whose commands end with a sentence when something known is wrong, and are listed in full.

    ``first`` names the commands one needs first; they are listed before the others.
    """

    first: Sequence[str] = ()

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order of the help."""
        names = super().list_commands(ctx)
        return [*(name for name in self.first if name in names), *(n for n in names if n not in self.first)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what each command is for, as far as its first sentence goes, on as many lines as it takes."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        lines = [
            (name, command.get_short_help_str(limit=300).replace("``", "`"))
            for name, command in commands
            if command is not None and not command.hidden
        ]
        first = [line for line in lines if line[0] in self.first]
        parts = [("First", first), ("Then", lines[len(first) :])] if first else [("Commands", lines)]
        for title, part in parts:
            if part:
                with formatter.section(title):
                    formatter.write_dl(part)

    def invoke(self, ctx: click.Context) -> Any:
        """Call the command."""
        try:
            return super().invoke(ctx)
        except ChorusError as error:
            raise click.ClickException(str(error)) from error


def durable(settings: Settings) -> Database:
    """Open the server's database for a command that looks into it or puts work; never makes a new one.

    Raises:
        ConfigError: there is none, it cannot be reached, or it is of another version; says what to do.
    """
    from sqlalchemy import make_url, text
    from sqlalchemy.exc import OperationalError

    from runtime.db import Database
    from runtime.migrations.stamp import fits

    url = make_url(settings.database_url)
    if url.get_backend_name() == "sqlite" and url.database and not Path(url.database).exists():
        raise ConfigError(
            f"There is no database at {url.database}. Give this command the environment of the server "
            "(CHORUS_VAR_DIR or DATABASE_URL); `chorus migrate` makes a new one."
        )
    db = Database(settings.database_url)
    try:
        with db.read() as conn:
            conn.execute(text("SELECT 1"))
    except OperationalError as error:
        db.close()
        raise ConfigError(
            f"The database cannot be reached ({type(error.orig).__name__}). Is it running, and is "
            "DATABASE_URL the server's?"
        ) from None
    if not fits(db):
        db.close()
        raise ConfigError(
            "The database and this code are of two versions: run `chorus migrate`, or restart `chorus serve`."
        )
    return db


def settings_with_log() -> Settings:
    """Load the settings and send the log, masked, to standard error."""
    settings = load_settings()
    secrets = [v.get_secret_value() for v in vars(settings).values() if hasattr(v, "get_secret_value")]
    log.configure(settings.log_level, sys.stderr, secrets=secrets)
    return settings
