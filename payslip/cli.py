"""``chorus payroll …``: what an operator does with pay on the command line. Shows no amounts, ever.

Every command imports what it needs when it is called, so that ``chorus serve`` does not pay for it.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from payslip.cli_kit import actor, grid, note, opened, plain, run_of, show
from runtime.cli import Friendly
from runtime.errors import ConfigError, PermanentError

if TYPE_CHECKING:
    from payslip.deps import Policy
    from payslip.model import Run
    from payslip.payout import PayoutFile
    from payslip.views import RunView
    from runtime.floor import Floor
    from runtime.ids import OpenId
    from runtime.vault import Vault

TEMPLATES = ("cmb", "icbc", "alipay")


@click.group(cls=Friendly)
def payroll() -> None:
    """Pay: keys, runs, payout files, audit. Day to day people do this in Feishu."""


# --- keys ---


@payroll.command("new-key")
@click.argument("name", required=False)
def new_key(name: str | None) -> None:
    """Print a fresh key for CHORUS_PAY_KEYS, called NAME (letters and digits) or after today's date."""
    from runtime.clock import SHANGHAI, SystemClock
    from runtime.vault import new_key as make

    called = name or f"k{SystemClock().now().astimezone(SHANGHAI):%Y%m%d}"
    if not (called.isascii() and called.isalnum()):
        raise click.BadParameter("a name has letters and digits only, such as k2026.")
    click.echo(make(called))
    click.echo(
        "Put it in front of the others in CHORUS_PAY_KEYS (or the first line of CHORUS_PAY_KEYS_FILE), "
        "restart, then run `chorus payroll rotate-keys`. Keep a copy outside this machine: without its key "
        "nothing sealed can ever be read again.",
        err=True,
    )


@payroll.command("rotate-keys")
def rotate_keys() -> None:
    """Wrap everything sealed with the first key of CHORUS_PAY_KEYS; contents stay untouched."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from payslip.rotate import rotate

    with opened() as (floor, vault, _policy):
        bar = Progress(
            TextColumn("re-wrapping"), BarColumn(), MofNCompleteColumn(), console=Console(stderr=True)
        )
        with bar:
            task = bar.add_task("", total=None)
            done = rotate(
                floor.db, vault, progress=lambda at, total: bar.update(task, completed=at, total=total)
            )
        count = sum(done.rotated.values())
        with floor.db.begin() as conn:
            note(conn, floor, "payroll.keys.rotate", "keys", "asked_by_operator", rotated=count)
    for column, count in sorted(done.rotated.items()):
        click.echo(f"{count:>8}  {column}")
    if not done.complete:
        for place in done.unreadable:
            click.echo(f"cannot be opened: {place}", err=True)
        raise PermanentError(
            f"{len(done.unreadable)} values cannot be opened with these keys; keep every old key and add the "
            "one that is missing, then run this again."
        )
    click.echo(
        "Done: all is wrapped with the first key. Keep the last key in the list (fingerprints and PINs are "
        "derived from it); keys between the first and the last may go once no backup needs them."
    )


# --- runs ---


@payroll.command()
@click.argument("month")
@click.option("--pay-date", type=click.DateTime(["%Y-%m-%d"]), help="day of payment; else the manifest's")
@click.option("--as", "starter", metavar="OPEN_ID", help="the HR person who starts it; may not sign then")
def run(month: str, pay_date: datetime | None, starter: str | None) -> None:
    """Start the run of MONTH (2026-10), as 算薪 in the chat does."""
    from payslip.model import Run
    from payslip.opening import Wish, open_run, read_month

    with opened() as (floor, _vault, policy):
        now = floor.clock.now()
        read = read_month(month, now)
        if read is None:
            raise click.BadParameter(f"{month} is no month; write it as 2026-10.")
        wish = Wish(read, _starter(policy, starter), pay_date.date() if pay_date else None)
        with floor.db.begin() as conn:
            found = open_run(conn, floor.queue, policy, wish, now)
            if isinstance(found, Run):
                note(conn, floor, "payroll.cli.run", f"run:{found.id}", "started_by_operator")
    if not isinstance(found, Run):
        raise PermanentError(found.sentence)
    click.echo(f"Run {found.id} is open, paid on {found.pay_date}; `chorus payroll status {found.id}`.")


def _starter(policy: Policy, named: str | None) -> OpenId:
    from runtime.ids import OpenId

    if named:
        return OpenId(named)
    able = [each for each in policy.hr if each not in (policy.hr_head, policy.finance_head)]
    if len(able) != 1:
        raise ConfigError(
            "Say who starts the run: --as with the open_id of an HR person of the manifest (payroll.hr) who "
            "does not sign."
        )
    return able[0]


@payroll.command()
@click.argument("run_id", metavar="[RUN]", required=False)
def status(run_id: str | None) -> None:
    """Show every run, or where one stands: state, people, anomalies, signatures, payslips, payout files."""
    from payslip import store
    from payslip.model import RunState
    from payslip.payout import payouts
    from payslip.views import load_view

    with opened() as (floor, _vault, _policy), floor.db.read() as conn:
        if run_id is not None:
            found = run_of(floor, run_id)
            _details(
                load_view(conn, found),
                [(each.file_name, each.rows, each.void) for each in payouts(conn, found.id)],
            )
            return
        rows = [load_view(conn, each) for each in store.runs_in(conn, list(RunState))]
    if not rows:
        click.echo("There is no run yet; start one with `chorus payroll run MONTH`.")
        return
    table = grid("run", "paid on", "state", "people", "computed", "open anomalies")
    for view in rows:
        table.add_row(
            view.run.id, str(view.run.pay_date), view.run.state.value, str(view.people), str(view.computed),
            str(view.left),
        )  # fmt: skip
    show(table)


def _details(view: RunView, files: Sequence[tuple[str, int, bool]]) -> None:
    table = grid("", view.run.id)
    lines = [
        ("state", view.run.state.value),
        ("month, paid on", f"{view.run.month}, {view.run.pay_date}"),
        ("replaces", view.run.replaces or ""),
        ("people", f"{view.people}, {view.computed} computed"),
        ("anomalies", f"{view.left} open ({view.blocking} must be mended), {view.settled} settled"),
        ("digest", (view.run.digest or "")[:16]),
        *((f"signature {part.name}", f"{part.state} {part.reason}".strip()) for part in view.parts),
        *((f"payslips {state}", str(count)) for state, count in sorted((view.slips or {}).items())),
        ("held accounts", str(view.held)),
        *((f"file {name}", f"{rows} rows" + (", withdrawn" if void else "")) for name, rows, void in files),
        ("note", view.run.note),
    ]
    for name, value in lines:
        if value:
            table.add_row(plain(name), plain(value))
    show(table)


# --- payout ---


@payroll.command()
@click.argument("run_id", metavar="RUN")
@click.option(
    "--template", type=click.Choice(TEMPLATES), help="bank of the paying account; else CHORUS_PAYOUT_TEMPLATE"
)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="folder")
@click.option("--again", is_flag=True, help="write the files made before instead of making new ones")
def export(run_id: str, template: str | None, out: Path, again: bool) -> None:
    """Write the payout files of a signed and sealed RUN, readable, for this user only.

    Alipay accounts go into files of their own. Who is held (a changed account) is left out and named; run
    this again after a second person released them.
    """
    from payslip.payout import open_payout, payouts, unsigned
    from payslip.run import PAID

    with opened() as (floor, vault, policy):
        found = run_of(floor, run_id)
        with floor.db.read() as conn:
            ids = [each.id for each in payouts(conn, found.id) if not each.void]
            lacking = unsigned(conn, found)
        if found.state in PAID and lacking is not None:
            raise PermanentError(f"Run {found.id} is not to be paid: {lacking}")
        if not again:
            ids = _make(floor, vault, policy, found, template or policy.template)
        if not ids:
            raise PermanentError("There is nothing left to pay; --again writes the files made before.")
        out.mkdir(parents=True, exist_ok=True, mode=0o700)
        for each in ids:
            with floor.db.begin() as conn:
                file = open_payout(conn, vault, policy.tenant, each, by=actor(), at=floor.clock.now())
                _write(out, file)
            click.echo(f"{out / file.name}  {len(file.members)} rows")
    click.echo(
        "You are responsible for these files now: they show names, accounts and pay in the clear.", err=True
    )
    click.echo("Upload them, then delete them. Your download stands in the audit trail.", err=True)


def _make(floor: Floor, vault: Vault, policy: Policy, found: Run, template: str) -> list[str]:
    from payslip import payout
    from runtime.clock import SHANGHAI

    today = floor.clock.now().astimezone(SHANGHAI).date()
    with floor.db.read() as conn:
        payees = payout.plan(conn, vault, policy.tenant, found)
        facts = payout.Facts(
            found.id, found.month, max(found.pay_date, today), payout.total(payees), policy.payer,
            payout.next_batch(conn, found.id), payout.may_share(conn, found.id),
        )  # fmt: skip
    for payee in payees:
        if payee.held and payee.due > 0:
            click.echo(f"held: {payee.no} {payee.name}（{payee.held}）", err=True)
    files = payout.make_payout(payees, payout.Template(template), facts)
    with floor.db.begin() as conn:
        return payout.store_payout(conn, vault, policy.tenant, files, by=actor(), at=floor.clock.now())


def _write(folder: Path, file: PayoutFile) -> None:
    import os

    path = folder / file.name
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise PermanentError(f"{path} is there already; delete it or choose another folder.") from None
    with os.fdopen(handle, "wb") as out:
        out.write(file.data)


@payroll.command()
@click.argument("file_id", metavar="FILE")
@click.option("--reason", required=True, help="why; stands in the audit trail")
@click.confirmation_option(prompt="Is it certain that the bank never got this file?")
def withdraw(file_id: str, reason: str) -> None:
    """Destroy a payout file the bank never got, so that its people can be paid by another one.

    FILE is a name that `status` shows, without its ending.
    """
    from payslip.anomalies import veil
    from payslip.payout import withdraw_payout

    with opened() as (floor, _vault, _policy), floor.db.begin() as conn:
        withdraw_payout(conn, file_id, by=actor(), reason=veil(reason), at=floor.clock.now())
    click.echo(f"{file_id} is withdrawn.")


# --- audit ---


@payroll.command()
@click.argument("run_id", metavar="RUN")
@click.option("--csv", "as_csv", is_flag=True, help="as text with commas, for a spreadsheet")
def audit(run_id: str, as_csv: bool) -> None:
    """List who did what to RUN, when and why. Audit rows hold no amounts."""
    from payslip.banks import neutral
    from runtime.clock import SHANGHAI

    with opened() as (floor, _vault, _policy):
        found = run_of(floor, run_id)
        with floor.db.read() as conn:
            rows = [
                (
                    f"{row.at.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}", row.actor, row.action, row.subject,
                    row.reason, " ".join(f"{key}={value}" for key, value in row.detail.items() if value),
                )
                for row in conn.execute(_audit_rows(found.id))
            ]  # fmt: skip
    heads = ("at", "who", "what", "on", "why", "detail")
    if as_csv:
        out = csv.writer(sys.stdout)
        out.writerow(heads)
        out.writerows([neutral(str(cell)) for cell in row] for row in rows)
        return
    table = grid(*heads)
    for row in rows:
        table.add_row(*map(plain, row))
    show(table)


def _audit_rows(run_id: str) -> Any:
    import sqlalchemy as sa

    from runtime.tables import audit as trail

    subject = trail.c.subject
    # A run, and what is called after it: run:2026-10.1, slip:2026-10.1/E001, payout:2026-10.1-01-cmb.
    ours = [subject.like(f"%:{run_id}{border}") for border in ("", "/%", "-%", ":%")]
    return sa.select(trail).where(sa.or_(*ours)).order_by(trail.c.id)
