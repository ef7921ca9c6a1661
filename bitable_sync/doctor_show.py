"""Findings of the doctor on a screen: once as a table, or again and again, saying what changed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from threading import Event

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bitable_sync.doctor import Check, Level, exit_code
from runtime.cli import plain
from runtime.clock import SHANGHAI, Clock

EVERY = 30.0
"""Seconds between two looks."""

MARKS = {Level.OK: "[green]ok[/]", Level.WARN: "[yellow]warn[/]", Level.FAIL: "[red]FAIL[/]"}

_PAUSE = partial(Event().wait, EVERY)


def show(checks: Sequence[Check], console: Console | None = None) -> int:
    """Print all findings with their next steps; the exit code of the command."""
    table = Table(title="chorus doctor", title_justify="left")
    for title in ("", "what", "finding", "next step"):
        table.add_column(title, overflow="fold")
    for check in checks:
        words = (escape(plain(each)) for each in (check.name, check.sentence, check.next_step))
        table.add_row(MARKS[check.level], *words)
    (console or _console()).print(table)
    return exit_code(checks)


def watch(
    examine: Callable[[], Sequence[Check]],
    clock: Clock,
    console: Console | None = None,
    pause: Callable[[], object] = _PAUSE,
) -> int:
    """Examine until Ctrl-C; print everything at first, then a line for each finding that changed.

    Args:
        examine: looks at everything.
        clock: dates the lines.
        console: the screen.
        pause: waits until it is time again.

    Returns:
        The exit code of the last look.
    """
    screen, seen = console or _console(), list(examine())
    show(seen, screen)
    try:
        while True:
            pause()
            now = list(examine())
            for line in changes(seen, now, clock.now()):
                screen.print(line)
            seen = now
    except KeyboardInterrupt:
        return exit_code(seen)


def changes(before: Sequence[Check], now: Sequence[Check], at: datetime) -> list[str]:
    """A line for each finding that is new, reads otherwise, or is gone."""
    known, names, when = set(before), {check.name for check in now}, f"{at.astimezone(SHANGHAI):%H:%M:%S}"
    lines = [
        f"{when}  {MARKS[check.level]}  "
        + escape(plain(f"{check.name}: {check.sentence} {check.next_step}".rstrip()))
        for check in now
        if check not in known
    ]
    gone = dict.fromkeys(check.name for check in before if check.name not in names)
    return lines + [f"{when}  [dim]gone[/]  {escape(name)}" for name in gone]


def _console() -> Console:
    return Console(width=None if sys.stdout.isatty() else 140)
