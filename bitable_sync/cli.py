"""Commands about the tables as a whole."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from bitable_sync.context import Sync
    from runtime.feishu import Feishu
    from runtime.floor import Floor

Opened = Callable[[], AbstractContextManager["tuple[Floor, Feishu, Sync]"]]


def take_deletes(opened: Opened, table: str) -> None:
    """Forget the rows that people deleted from a table, however many they are, and say how many."""
    from runtime.audit import record

    with opened() as (floor, _feishu, sync):
        keys = [spec.key for spec in sync.specs]
        if table not in keys:
            raise click.BadParameter(f"{table} is no table; expected one of {', '.join(keys)}.")
        report = sync.puller.pull(table, accept_deletes=True)
        with floor.db.begin() as conn:
            record(
                conn, at=floor.clock.now(), actor="command line", action="sync.accept_deletes",
                subject=f"table:{table}", reason="a person confirmed it", detail={"rows": report.removed},
            )  # fmt: skip
    click.echo(f"{table}: {report.removed} deleted rows are forgotten here too; {report.rows} rows remain.")
