"""The first rows of the dated tables of pay: what an installation starts with, each with its legal basis.

They are data, not code: one CSV a table in ``payslip/data``, columns by field key. HR edits the rows in
Bitable afterwards; what nobody could confirm says 待确认 in its 依据. Sources: the laws named there.

The default structure in words. The fixed wage is 基本工资 + 岗位工资; a day is worth a 21.75th of it
(人社部发〔2025〕2 号), an hour an eighth of that, and for overtime never less than the minimum wage's. Days
absent, on leave and ill are taken off at the day's wage, one after the other, never more than the fixed
wage; days ill are paid at a share of it, at least 80 % of the minimum wage's day. Who joins or leaves within
the month is paid for the days worked at the day's wage or the month's own, whichever is more: a month of 23
workdays pays nobody too little, and nobody ever gets more than the whole wage. Being late costs nothing by
itself, only the award for full attendance (工资支付暂行规定 art. 15 knows no fines).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from importlib import resources
from typing import TYPE_CHECKING

from bitable_sync.cells import CellValue
from bitable_sync.spec import Kind, TableSpec
from payslip.specs import PARAMS_TABLE, PLANS_TABLE, SOCIAL_TABLE, STRUCTURE_TABLE, TAX_TABLE
from runtime.errors import ConfigError

if TYPE_CHECKING:
    from bitable_sync.context import Sync
    from runtime.clock import Clock

SEEDED: tuple[TableSpec, ...] = (TAX_TABLE, PARAMS_TABLE, SOCIAL_TABLE, PLANS_TABLE, STRUCTURE_TABLE)
"""The tables that come with rows."""

_YES = {"是": True, "否": False}
_READERS: Mapping[Kind, Callable[[str], CellValue]] = {
    Kind.TEXT: str,
    Kind.SELECT: str,
    Kind.NUMBER: Decimal,
    Kind.PERCENT: Decimal,
    Kind.DATE: date.fromisoformat,
    Kind.CHECKBOX: _YES.__getitem__,
}


def seed_rows(spec_key: str) -> list[dict[str, CellValue]]:
    """The first rows of a table, as they are written to Bitable; empty cells are left out.

    Args:
        spec_key: key of the table, one of `SEEDED`.

    Raises:
        ConfigError: this table starts empty.
    """
    spec = next((each for each in SEEDED if each.key == spec_key), None)
    if spec is None:
        known = ", ".join(each.key for each in SEEDED)
        raise ConfigError(f"{spec_key} has no first rows; tables with first rows: {known}.")
    text = resources.files("payslip").joinpath("data", f"{spec_key}.csv").read_text("utf-8")
    return [
        {key: _READERS[spec.field(key).kind](cell) for key, cell in row.items() if cell}
        for row in csv.DictReader(io.StringIO(text))
    ]


def install_defaults(sync: Sync, clock: Clock) -> dict[str, int]:
    """Fill those tables of `SEEDED` in which nobody has written a row yet.

    A table with even one row is left alone: nothing a person wrote is overwritten, and nothing a person
    deleted comes back. Interrupted, it can be run again.

    Args:
        sync: reads and writes the tables.
        clock: dates the writing.

    Returns:
        Table key → rows written; 0 for a table that had rows.

    Raises:
        ConfigError: a table does not exist yet; run ``chorus setup`` first.
        TransientError: Feishu was busy; run it again.
    """
    cause = f"defaults:{clock.now():%Y-%m-%dT%H:%M}"
    written = {}
    for spec in SEEDED:
        rows = [] if sync.puller.pull(spec.key).rows else seed_rows(spec.key)
        written[spec.key] = len(sync.pusher.upsert(spec.key, rows, cause=cause).created) if rows else 0
    return written
