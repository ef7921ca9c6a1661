"""The cockpit joined to the house: pages in the web process, chat command and upkeep in the worker."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from sqlalchemy.engine import Connection

from bitable_sync.mirror import Mirror
from rules.cockpit.access import Viewers, make_viewers
from rules.cockpit.commands import HELP, WORDS, Commands
from rules.cockpit.jobs import EVERY, JOB, SCHEDULE, AddressBook, Keeping
from rules.metrics import build_catalog
from rules.specs import PLANS, SHOPS, STOCK, TABLES
from runtime.when import parse_age
from runtime.work import Work

if TYPE_CHECKING:
    from flask import Flask

    from bot.router import Router
    from runtime.engine import Engine
    from runtime.floor import Floor
    from runtime.schedule import Scheduler


def viewers_of(floor: Floor) -> Viewers:
    """Who may look, by the manifest and the environment."""
    return make_viewers(floor.manifest.cockpit.viewers, floor.settings.admin_open_id)


Made = Callable[[Connection, date], Iterable[tuple[date, int, Decimal]]]
"""(day, images made, yuan spent) since a day: another feature's, handed in by the composition root."""


def register_web(app: Flask, floor: Floor, mirror: Mirror, made: Made | None = None) -> None:
    """Add the pages under ``/cockpit``.

    Args:
        app: the web process's app.
        floor: settings, manifest, database, clock.
        mirror: the tables as last seen.
        made: images; None where they are not in use.
    """
    from rules.cockpit.board import Boards  # noqa: PLC0415 - the worker starts without
    from rules.cockpit.desk import PageDeps  # noqa: PLC0415
    from rules.cockpit.model import ArtDay  # noqa: PLC0415
    from rules.cockpit.pages import register_pages  # noqa: PLC0415

    settings, manifest = floor.settings, floor.manifest
    art = None if made is None else lambda conn, since: [ArtDay(*each) for each in made(conn, since)]
    fed = {table for each in manifest.connections for table in each.fed}
    tokens = {
        PLANS: settings.ads_access_token,
        STOCK: settings.erp_access_token,
        SHOPS: settings.shop_access_token,
    }
    connected = {table: token is not None or table in fed for table, token in tokens.items()}
    ages = {table: parse_age(age) for table, age in manifest.limits.max_age.items()}
    boards = Boards(floor.db, mirror, floor.clock, build_catalog(TABLES), ages, connected, art)
    company = manifest.payroll.company or manifest.name
    register_pages(app, PageDeps(floor.db, floor.clock, settings, viewers_of(floor), boards, company))


def register_worker(
    engine: Engine, router: Router, scheduler: Scheduler, floor: Floor, book: AddressBook
) -> Keeping:
    """Register the chat command, the upkeep and its schedule.

    Args:
        engine: performs the job.
        router: for the chat command.
        scheduler: gets the schedule; the manifest may name another pace.
        floor: settings, manifest, database, clock.
        book: Feishu's address book.
    """
    viewers = viewers_of(floor)
    chat = Commands(viewers, floor.clock, f"{floor.settings.origin}/cockpit")
    router.on_command(WORDS, chat.cockpit, help=HELP)
    keeping = Keeping(floor.db, floor.clock, book, viewers)
    engine.register(JOB, keeping.keep)
    pace = floor.manifest.schedules.get(SCHEDULE, EVERY)
    scheduler.every(SCHEDULE, pace, lambda _at: Work(JOB, "", "", {}))
    return keeping
