"""``chorus payroll import`` and ``defaults``: rows of input tables in Bitable, from a file or from us."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from payslip.cli_kit import note
from runtime.errors import PermanentError

if TYPE_CHECKING:
    from bitable_sync.cells import CellValue
    from bitable_sync.context import Sync
    from payslip.documents import Month
    from payslip.imports import ImportPlan
    from runtime.feishu import Feishu
    from runtime.floor import Floor

Opened = Callable[[], AbstractContextManager["tuple[Floor, Feishu, Sync]"]]
CHANGES_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be imported.

    Attributes:
        path: the file.
        kind: table, by the name people know or its key.
        month: the month worked.
        mapping: column of the table = column of the file, as typed.
    """

    path: Path
    kind: str
    month: Month
    mapping: tuple[str, ...] = ()


def import_command(opened: Opened) -> click.Command:
    """Make the command.

    Args:
        opened: opens floor, client and tables for one command (only the composition root knows all tables).
    """

    @click.command("import")
    @click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
    @click.option("--kind", required=True, help="table to fill: 员工, 考勤汇总, 绩效评分, 提成数据, …")
    @click.option("--month", required=True, help="the month worked, as 2026-10")
    @click.option("--dry-run", is_flag=True, help="show what would be done and change nothing")
    @click.option("--mapping", multiple=True, metavar="列=列", help="column of the table = column of FILE")
    def command(file: Path, kind: str, month: str, dry_run: bool, mapping: tuple[str, ...]) -> None:
        """Import FILE (.xlsx or .csv) into a table. With any error in it nothing is imported."""
        with opened() as (floor, _feishu, sync):
            _import(floor, sync, Wish(file, kind, _month(floor, month), mapping), dry_run=dry_run)

    return command


def defaults_command(opened: Opened) -> click.Command:
    """Make ``chorus payroll defaults``; see `import_command`."""

    @click.command("defaults")
    def command() -> None:
        """Fill tables of tax, insurance, parameters, commission and pay structure that have no row yet."""
        from payslip.defaults import install_defaults

        with opened() as (floor, _feishu, sync):
            written = install_defaults(sync, floor.clock)
            names = {spec.key: spec.name for spec in sync.specs}
        for table, rows in written.items():
            click.echo(f"{names[table]}: {f'{rows} rows' if rows else 'has rows already, left as it is'}")
        click.echo("Rows whose 依据 says 待确认 must be checked before the first run.")

    return command


def _import(floor: Floor, sync: Sync, wish: Wish, *, dry_run: bool) -> None:
    plan = plan_file(sync, wish)
    _say(plan)
    if not plan.ok:
        raise PermanentError(f"{len(plan.errors)} faults; nothing was imported. Mend the file and try again.")
    if dry_run:
        click.echo("Nothing was changed (--dry-run).")
        return
    click.echo(f"{_apply(floor, sync, wish, plan)} rows written to {plan.spec.name}.")


def plan_file(sync: Sync, wish: Wish) -> ImportPlan:
    """Read the file, fetch the tables it is compared with, and plan; nothing is changed.

    Raises:
        SheetRefused: the file cannot be read, or there is no such table; the sentence says what is wrong.
        PermanentError: a column of the mapping is not known.
    """
    from payslip.documents import EmployeeNo
    from payslip.imports import IMPORTABLE, plan_import, read_file
    from payslip.sheets import LARGEST_FILE
    from payslip.specs import EMPLOYEES

    kinds = {spec.key: name for name, spec in IMPORTABLE.items()}
    kind = kinds.get(wish.kind, wish.kind)
    with wish.path.open("rb") as file:
        # One byte more than allowed is enough to refuse it.
        sheet = read_file(wish.path.name, file.read(LARGEST_FILE + 1))
    keys = {EMPLOYEES, *(spec.key for name, spec in IMPORTABLE.items() if name == kind)}
    tables = {key: _rows(sync, key) for key in sorted(keys)}
    known = {
        EmployeeNo(str(row["no"])): str(row.get("name") or "")
        for row in tables[EMPLOYEES]
        if isinstance(row.get("no"), str)
    }
    spec = IMPORTABLE.get(kind)
    existing = tables[spec.key] if spec else []
    columns = {field.name: field.key for field in spec.fields} if spec else {}
    return plan_import(sheet, kind, wish.month, known, existing, _mapping(wish.mapping, columns))


def _rows(sync: Sync, key: str) -> list[Mapping[str, CellValue]]:
    click.echo(f"reading {sync.specs.table(key).name} …", err=True)
    sync.puller.pull(key)
    return [row.values for row in sync.mirror.rows(key)]


def _mapping(typed: Sequence[str], columns: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for each in typed:
        name, _, theirs = each.partition("=")
        key = columns.get(name.strip(), name.strip() if name.strip() in columns.values() else "")
        if not key or not theirs.strip():
            raise PermanentError(
                f"--mapping {each}: expected a column of the table, =, a column of the file; columns are "
                f"{'、'.join(columns)}."
            )
        found[key] = theirs.strip()
    return found


def _say(plan: ImportPlan) -> None:
    """Faults, warnings and what would change: names of columns, never their values."""
    for fault in plan.errors:
        click.echo(str(fault), err=True)
    for warning in plan.warnings:
        click.echo(f"note: {warning}", err=True)
    if not plan.ok:
        return
    new = sum(change.new for change in plan.changes)
    click.echo(
        f"{plan.spec.name}: {new} new, {len(plan.changes) - new} changed, {plan.unchanged} as they are."
    )
    for change in plan.changes[:CHANGES_SHOWN]:
        what = "new" if change.new else "、".join(change.columns)
        click.echo(f"  row {change.row}  {change.no} {change.name}  {what}")
    if len(plan.changes) > CHANGES_SHOWN:
        click.echo(f"  … and {len(plan.changes) - CHANGES_SHOWN} more")


def _apply(floor: Floor, sync: Sync, wish: Wish, plan: ImportPlan) -> int:
    from runtime.work import Work

    now = floor.clock.now().replace(microsecond=0)  # as Bitable keeps it, so that the rows are found again
    rows = plan.stamped(now)
    if rows:
        # One cause a run of the command: the same file may be imported again after the table was changed.
        done = sync.pusher.upsert(plan.spec.key, rows, cause=f"import:{plan.spec.key}:{now.isoformat()}")
        if done.conflicts:
            raise PermanentError(
                f"{plan.spec.name} has several rows for {len(done.conflicts)} of the keys; these were left "
                "alone. Remove the double rows in Bitable and import again."
            )
    with floor.db.begin() as conn:
        note(
            conn, floor, "payroll.import", f"table:{plan.spec.key}", f"imported_for_{wish.month}",
            rows=len(rows),
        )  # fmt: skip
        told = {"table": plan.spec.key, "at": now.isoformat()}
        name = f"payroll.imported:{plan.spec.key}:{now.isoformat()}"
        floor.queue.put(conn, Work("payroll.imported", name, "payroll.imports", told))
    return len(rows)


def _month(floor: Floor, typed: str) -> Month:
    from payslip.opening import read_month

    found = read_month(typed, floor.clock.now()) if typed else None
    if found is None:
        raise PermanentError(f"“{typed}” is no month; write it as 2026-10.")
    return found
