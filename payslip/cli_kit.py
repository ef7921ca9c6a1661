"""What the commands of ``chorus payroll`` have in common: opening, refusing, noting, showing."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from runtime.cli import settings_with_log
from runtime.errors import ConfigError, PermanentError

if TYPE_CHECKING:
    from rich.table import Table
    from sqlalchemy.engine import Connection

    from payslip.deps import Policy
    from payslip.model import Run
    from runtime.floor import Floor
    from runtime.vault import Vault


@contextmanager
def opened() -> Iterator[tuple[Floor, Vault, Policy]]:
    """Open the floor, the vault and the policy for one command, migrating the database first."""
    from payslip.deps import make_policy
    from runtime.db import migrate
    from runtime.floor import open_floor
    from runtime.vault import open_vault

    loaded = settings_with_log()
    vault = open_vault(loaded)
    if vault is None:
        raise ConfigError(
            "Pay is off: CHORUS_PAY_KEYS is not set. Make a key with `chorus payroll new-key` and set it."
        )
    loaded.var_dir.mkdir(parents=True, exist_ok=True)
    migrate(loaded.database_url)
    floor = open_floor(loaded)
    try:
        yield floor, vault, make_policy(floor.manifest, loaded)
    finally:
        floor.close()


def run_of(floor: Floor, run_id: str) -> Run:
    """A run by its id; `PermanentError` when there is none."""
    from payslip.store import load_run

    with floor.db.read() as conn:
        found = load_run(conn, run_id)
    if found is None:
        raise PermanentError(f"There is no run {run_id}; `chorus payroll status` lists them.")
    return found


def actor() -> str:
    """Who types, for the audit trail."""
    return f"cli:{getpass.getuser()}"


def note(conn: Connection, floor: Floor, action: str, subject: str, reason: str, **detail: int) -> None:
    """One audit row in the name of the operating system's user."""
    from runtime.audit import record

    record(
        conn, at=floor.clock.now(), actor=actor(), action=action, subject=subject, reason=reason,
        detail=detail,
    )  # fmt: skip


def grid(*heads: str) -> Table:
    """An empty table that folds long cells."""
    from rich.table import Table

    table = Table()
    for head in heads:
        table.add_column(head, overflow="fold")
    return table


def plain(text: str) -> str:
    """Text without meaning for the console."""
    from rich.markup import escape

    return escape(text)


def show(table: Table) -> None:
    """Print a table, wide where nobody looks."""
    from rich.console import Console

    Console(width=None if sys.stdout.isatty() else 160).print(table)
