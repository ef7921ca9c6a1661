"""Composition root and command line: the one place that knows every part and puts them together.

Roles of ``serve``: *web* verifies and answers; *worker* performs; *websocket* holds the long connection.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bitable_sync.platforms.cli import shops
from bot.cli import OPERATIONS
from payslip.cli import payroll
from payslip.cli_import import defaults_command, import_command
from rules.cli import metrics as metrics_command
from runtime import process, signals
from runtime.cli import Friendly, settings_with_log
from runtime.settings import Settings

if TYPE_CHECKING:
    from flask import Flask

    from bitable_sync.cells import Person
    from bitable_sync.context import Sync
    from bitable_sync.doctor import Check
    from bitable_sync.spec import Specs
    from bot.acceptor import Acceptor
    from bot.router import Router
    from creative.deps import Art
    from runtime.clock import Clock
    from runtime.engine import Engine
    from runtime.feishu import Feishu
    from runtime.floor import Floor
    from runtime.schedule import Scheduler
    from runtime.vault import Vault

HOME = Path(__file__).resolve().parent
ROLES = ("web", "worker", "websocket")


def specs() -> Specs:
    """All tables of the product, in the order ``setup`` creates them."""
    from bitable_sync.spec import Specs, sync_log_table
    from creative.specs import TABLES as ART
    from payslip.specs import TABLES as PAY
    from rules.specs import TABLES

    return Specs((*TABLES, *PAY, *ART, sync_log_table()))


# --- the web process ---


def web(clock: Clock | None = None) -> Acceptor:
    """Make the app of the web process; granian calls it in its worker. Usually by the machine's clock."""
    from bot.web import accepting
    from runtime.floor import open_floor
    from runtime.supervise import die_with_parent

    die_with_parent(os.getppid())()  # granian's worker must not outlive granian
    floor = open_floor(settings_with_log(), clock)
    # The first tap that leads to work must not wait for an import of 0.7 s; the port need not either.
    threading.Thread(target=floor.queue.warm, name="warm", daemon=True).start()
    leaving = threading.Event()
    acceptor = accepting(pages_and_taps(floor, leaving), leaving)
    process.begun()
    return acceptor


def pages_and_taps(floor: Floor, leaving: threading.Event | None = None) -> Flask:
    """Put together everything the web process answers; not ready once it is leaving."""
    from bitable_sync.context import build_mirror
    from bot.web import create_app, house_checks, house_gauges
    from creative.store import made_by_day
    from payslip.wire import register_web as register_pages
    from rules.cockpit.wire import register_web as register_cockpit
    from runtime.health import standard_gauges
    from runtime.vault import open_vault

    gauges = [standard_gauges(floor.db, floor.queue), house_gauges(floor)]
    app = create_app(floor, tap_router(floor), house_checks(floor, leaving), gauges)
    register_pages(app, floor, open_vault(floor.settings))
    register_cockpit(app, floor, build_mirror(floor, specs()), made_by_day)
    return app


def tap_router(floor: Floor) -> Router:
    """Make the router of a process that answers taps (web, websocket)."""
    from bitable_sync.context import build_mirror
    from bot.care import register_taps as register_care
    from bot.router import Router
    from creative.deps import make_policy as for_art
    from creative.wire import register_taps as register_art
    from payslip.deps import make_policy as for_pay
    from payslip.wire import register_taps
    from rules.wire import WebDeps, make_policy, register_web
    from runtime.vault import open_vault

    router, vault = Router(), open_vault(floor.settings)
    mirror = build_mirror(floor, specs(), vault)
    register_web(router, WebDeps(floor.queue, floor.clock, mirror, make_policy(floor, admins(floor))))
    if vault is not None:
        register_taps(router, floor.queue, floor.clock, for_pay(floor.manifest, floor.settings), vault)
    register_art(router, floor.db, floor.queue, floor.clock, for_art(floor.manifest, floor.settings), mirror)
    register_care(router, floor)
    return router


def admins(floor: Floor) -> tuple[Person, ...]:
    """Who is told what has nobody else to be told to."""
    from bitable_sync.cells import Person
    from runtime.ids import OpenId

    return (Person(OpenId(admin), "管理员"),) if (admin := floor.settings.admin_open_id) else ()


def client(floor: Floor) -> Feishu:
    """Make the client of Feishu, with the month's allowance of the manifest."""
    from runtime.feishu import Feishu

    quota = floor.manifest.quota
    return Feishu(
        floor.settings, db=floor.db, clock=floor.clock,
        monthly_calls=quota.monthly_calls, warn_at=quota.warn_at,
    )  # fmt: skip


def run_web(settings: Settings) -> None:
    """Serve the webhook and the pages until SIGTERM."""
    from bot.serving import serve as serve_app

    serve_app("app:web", settings, HOME)


# --- the worker process ---


def run_worker(settings: Settings, clock: Clock | None = None) -> None:
    """Drain the inbox, perform works and trigger ticks until SIGTERM; by the machine's clock as a rule."""
    process.prepare_worker()
    from bitable_sync.context import build_sync
    from bot import commands, replies
    from bot.drain import Drain
    from bot.router import Router
    from runtime.engine import Engine
    from runtime.floor import open_floor
    from runtime.schedule import Scheduler
    from runtime.vault import open_vault

    floor, vault = open_floor(settings, clock), open_vault(settings)
    feishu = client(floor)
    router = Router()
    engine = Engine(floor.db, instance=settings.instance, clock=floor.clock)
    scheduler = Scheduler(floor.db, floor.queue, floor.clock)
    sync = build_sync(floor, feishu, specs(), vault)
    sync.register(router)
    commands.register(router, floor.db, floor.queue, floor.clock)
    replies.register(engine, feishu)
    art = register_features(floor, feishu, engine, router, scheduler, sync, vault)
    drain = Drain(floor.db, router, floor.clock, settings.instance)
    told = signals.hear(signal.SIGTERM, signal.SIGINT)
    engine.launch()
    drain.start()
    scheduler.start()
    art.warm()
    process.begun()
    told.wait()
    scheduler.stop()
    drain.stop()
    engine.close()
    feishu.close()
    floor.close()
    os._exit(0)  # a job that outlasts the drain is resumed after the next start; it must not hold this one


def register_features(
    floor: Floor, feishu: Feishu, engine: Engine, router: Router, scheduler: Scheduler, sync: Sync,
    vault: Vault | None,
) -> Art:  # fmt: skip
    """Register what red lines, pay and images do in the worker; gives images' side, to be warmed later."""
    from bitable_sync.platforms.connect import connect
    from bot.care import Care
    from bot.care import register_worker as register_care
    from creative.wire import register_worker as register_art
    from payslip.keeping import kept as pay_ends
    from payslip.wire import register_worker as register_pay
    from rules.cockpit.wire import register_worker as register_cockpit
    from rules.day import counter
    from rules.day import kept as ends_of
    from rules.wire import WorkerDeps, make_policy, register_worker

    policy = make_policy(floor, admins(floor))
    deps = WorkerDeps(floor, feishu.im, feishu.approval, connect(floor, vault), policy, feishu.task)
    register_worker(engine, router, scheduler, sync, deps)
    if vault is not None:
        register_pay(engine, router, scheduler, sync, floor, feishu, vault)
    register_cockpit(engine, router, scheduler, floor, feishu.contact)
    keep = floor.manifest.retention
    ends = [*pay_ends(keep.payslip_months), *ends_of(keep.notice_days)]
    register_care(engine, scheduler, Care(floor, feishu.im, counter(policy.max_age), ends))
    return register_art(engine, router, scheduler, sync, floor, feishu)


def run_websocket(settings: Settings) -> None:
    """Hold the long connection until it is silent or SIGTERM; the supervisor starts it again."""
    from bot.longconn import run
    from runtime.floor import open_floor

    run(floor := open_floor(settings), tap_router(floor))


# --- the command line ---


@click.group(cls=Friendly, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="chorus")
def main() -> None:
    """Chorus: pay, red lines and images of an e-commerce company, inside Feishu."""


@main.command()
@click.option("--role", type=click.Choice(["all", *ROLES]), default="all", help="which process to run")
def serve(role: str) -> None:
    """Run the server: all roles supervised, or one role in this process."""
    from runtime.db import migrate
    from runtime.manifest import load_manifest

    settings = settings_with_log()
    manifest = load_manifest(settings.manifest)
    run = {"web": run_web, "worker": run_worker, "websocket": run_websocket}
    if role != "all":
        run[role](settings)
        return
    process.begin()
    from runtime import metrics
    from runtime.reload import Reloading
    from runtime.supervise import GRACE, Child, Supervisor

    metrics.prepare(settings.var_dir / "metrics")
    migrate(settings.database_url)
    for module in ("granian", "bot.web", "rules.wire"):  # loaded once here, inherited by every child
        import_module(module)
    process.begun()
    roles = ROLES if manifest.connection == "websocket" else ROLES[:2]
    children = [Child(each, partial(run[each], settings)) for each in roles]
    grace = GRACE + settings.leave_seconds
    raise SystemExit(Supervisor(children, grace=grace, reload=Reloading(settings.manifest, manifest)).run())


@main.command()
def migrate() -> None:
    """Bring the database to this version; ``serve`` does it too."""
    from runtime.db import migrate as bring_up

    settings = settings_with_log()
    settings.var_dir.mkdir(parents=True, exist_ok=True)
    bring_up(settings.database_url)
    click.echo("The database is up to date.")


@main.command()
@click.option("--dry-run", is_flag=True, help="show what would be done and change nothing")
def setup(dry_run: bool) -> None:  # a command-line flag
    """Create or complete the base in Feishu: tables, fields, views, roles, subscription."""
    from bitable_sync.setup import Setup

    with opened() as (floor, feishu, sync):
        job = Setup(feishu, sync, floor.manifest, floor.settings)
        steps = job.plan() if dry_run else job.apply(lambda step: click.echo(f"  done  {step.line}"))
        for step in steps if dry_run else ():
            click.echo(f"  would {step.line}")
        base = job.base()
        todos = [] if dry_run else job.outstanding()
    if not steps:
        click.echo("Nothing to do: the base is as it should be.")
    click.echo(f"base: {base or 'not created yet'}")
    for todo in todos:
        click.echo(f"  still for you  {todo.sentence}；{todo.next_step}")


@main.command()
@click.option(
    "--accept-deletes",
    metavar="TABLE[/CONNECTION]",
    help="a person has looked: the rows missing from this table, or from a connection, are meant to be gone",
)
@click.option("--watch", is_flag=True, help="look again every 30 seconds and say what changed, until Ctrl-C")
def doctor(accept_deletes: str | None, watch: bool) -> None:  # a command-line flag
    """Examine the installation; each finding comes with the next step. Exit code 1 if something fails."""
    from bitable_sync import doctor_show
    from bitable_sync.cli import take_deletes
    from rules.doctor import take_missing

    if accept_deletes is not None:
        (take_missing if "/" in accept_deletes else take_deletes)(opened, accept_deletes)
        return
    with opened() as (floor, feishu, sync):
        look = partial(examine_all, floor, feishu, sync)
        raise SystemExit(doctor_show.watch(look, floor.clock) if watch else doctor_show.show(look()))


def examine_all(floor: Floor, feishu: Feishu, sync: Sync) -> list[Check]:
    """Have every part examine its side of the installation."""
    from bitable_sync import doctor, reach, upkeep
    from bitable_sync.platforms.doctor import examine as examine_platforms
    from bitable_sync.setup import Setup
    from creative.doctor import examine as examine_art
    from payslip.doctor import examine as examine_pay
    from rules import doctor as red_lines
    from rules.cockpit.doctor import examine as examine_cockpit
    from runtime.vault import open_vault

    checks = doctor.examine(floor, feishu, sync, Setup(feishu, sync, floor.manifest, floor.settings))
    vault = open_vault(floor.settings)
    checks += [*reach.examine(floor), *upkeep.examine(floor), *examine_platforms(floor, vault)]
    more = [*examine_pay(floor, feishu, sync, vault), *red_lines.examine(floor), *examine_art(floor, feishu)]
    return [*checks, *more, *examine_cockpit(floor)]


@main.command()
@click.argument("open_id")
@click.option("--dry-run", is_flag=True, help="show what would be done and change nothing")
def erase(open_id: str, dry_run: bool) -> None:  # a command-line flag
    """Erase a person on request: say what was removed, what the law keeps and until when."""
    from bot.care import personal_here
    from bot.cli import erase_person
    from payslip.keeping import personal as pay
    from rules.day import personal as red_lines
    from runtime.erasing import personal_here as trail

    with opened() as (floor, _feishu, _sync):
        keep = floor.manifest.retention
        everything = [*personal_here(), *red_lines(), *pay(keep.payslip_months), *trail(keep.audit_months)]
        erase_person(floor, open_id, everything, dry_run=dry_run)


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def demo(options: tuple[str, ...]) -> None:
    """Show the whole company on this machine; --once plays a day and checks it.

    Further options: --port and --sandbox-port, --seed (same seed, same company), --var for its data.
    """
    os.chdir(HOME)
    # It becomes the demo: a parent would hear Ctrl-C too and kill it before all is stopped.
    os.execv(sys.executable, [sys.executable, "-m", "sandbox.demo", *options])  # noqa: S606 - our own program


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def sandbox(options: tuple[str, ...]) -> None:
    """Run only the Feishu-compatible sandbox on loopback."""
    os.execv(sys.executable, [sys.executable, "-m", "sandbox", *options])  # noqa: S606 - our own program


for command in (*OPERATIONS, payroll, shops, metrics_command):
    main.add_command(command)
main.first = ("demo", "setup", "doctor", "serve")


class opened:  # noqa: N801  # used as a with-block
    """Open floor, client and sync for a command that talks to Feishu, and close them after it."""

    def __enter__(self) -> tuple[Floor, Feishu, Sync]:
        """Open, migrating the database first."""
        from bitable_sync.context import build_sync
        from runtime.db import migrate as bring_up
        from runtime.floor import open_floor
        from runtime.vault import open_vault

        settings = settings_with_log()
        settings.var_dir.mkdir(parents=True, exist_ok=True)
        bring_up(settings.database_url)
        self._floor = open_floor(settings)
        self._feishu = client(self._floor)
        sync = build_sync(self._floor, self._feishu, specs(), open_vault(settings))
        return self._floor, self._feishu, sync

    def __exit__(self, *_error: object) -> None:
        """Close."""
        self._feishu.close()
        self._floor.close()


for make in (import_command, defaults_command):
    payroll.add_command(make(opened))


if __name__ == "__main__":
    main()
