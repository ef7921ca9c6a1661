"""What every command of the command line shares: sentences instead of stack traces, a masked log."""

from __future__ import annotations

import sys
import unicodedata
from typing import Any

import click

from runtime import log
from runtime.errors import ChorusError
from runtime.settings import Settings, load_settings


def plain(text: str) -> str:
    """Text from outside as a terminal may have it: no escape sequence in a name clears or writes a line."""
    return "".join("·" if unicodedata.category(sign) in {"Cc", "Cf"} else sign for sign in text)


class Friendly(click.Group):
    """A group whose commands end with a sentence when something known is wrong."""

    def invoke(self, ctx: click.Context) -> Any:
        """Call the command."""
        try:
            return super().invoke(ctx)
        except ChorusError as error:
            raise click.ClickException(str(error)) from error


def settings_with_log() -> Settings:
    """Load the settings and send the log, masked, to standard error."""
    settings = load_settings()
    secrets = [v.get_secret_value() for v in vars(settings).values() if hasattr(v, "get_secret_value")]
    log.configure(settings.log_level, sys.stderr, secrets=secrets)
    return settings
