"""What every command of the command line shares: sentences instead of stack traces, a masked log."""

from __future__ import annotations

import sys
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from sqlalchemy import make_url, text
from sqlalchemy.exc import OperationalError

from runtime import log
from runtime.errors import ChorusError, ConfigError
from runtime.settings import Settings, load_settings

if TYPE_CHECKING:
    from runtime.db import Database


def plain(words: str) -> str:
    """Text from outside as a terminal may have it: no escape sequence in a name clears or writes a line."""
    return "".join("·" if unicodedata.category(sign) in {"Cc", "Cf"} else sign for sign in words)


class Friendly(click.Group):
    """A group whose commands end with a sentence when something known is wrong."""

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
    from runtime.db import Database
    from runtime.migrations.stamp import is_current

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
    if not is_current(db):
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
