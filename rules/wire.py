"""Red lines joined to the house.

The web side answers taps and chat, the worker side checks, tells and acts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from bitable_sync.cells import Person
from bitable_sync.mirror import Mirror
from bot.router import Router
from rules.check import Checker, Policy
from rules.commands import HELP, PREVIEW_HELP, PREVIEW_WORDS, WORDS, Commands
from rules.confirming import Confirming
from rules.handling import Handling
from rules.metrics import Catalog, build_catalog
from rules.missing_taps import MissingTaps
from rules.model import Action
from rules.outages import CONFIRM
from rules.review import Reviewer
from rules.specs import DATA_TABLES, PLANS, RULES, SHOPS, STOCK, TABLES
from rules.views import Sources
from runtime.clock import Clock
from runtime.when import parse_age
from runtime.work import Work, WorkQueue

if TYPE_CHECKING:
    # What only the worker needs is imported when the worker asks for it: the web process starts without.
    from bitable_sync.changes import Change
    from bitable_sync.context import Sync
    from bitable_sync.platforms.gateways import Gateways
    from rules.deps import Worker
    from runtime.engine import Engine
    from runtime.feishu.approval import Approval
    from runtime.feishu.im import Im
    from runtime.feishu.task import Tasks
    from runtime.floor import Floor
    from runtime.schedule import Scheduler

SCHEDULES: Mapping[str, str] = {"pull_ads": PLANS, "pull_stock": STOCK, "pull_shops": SHOPS}
"""Name in the manifest's ``schedules`` → table key."""

CHECK, RECONCILE, LOOK = "check_rules", "reconcile", "check_approvals"

APPROVALS: Mapping[Action, str] = {Action.ADJUST: "budget", Action.RESTOCK: "purchase"}
"""Action → its name under ``approvals`` in the manifest."""


@dataclass(frozen=True, slots=True)
class WebDeps:
    """What the web side needs: no network, only our own tables."""

    queue: WorkQueue
    clock: Clock
    mirror: Mirror
    policy: Policy


@dataclass(frozen=True, slots=True)
class WorkerDeps:
    """What the worker side needs besides engine, router, scheduler and sync."""

    floor: Floor
    im: Im
    approval: Approval
    gateways: Gateways
    policy: Policy
    tasks: Tasks


def make_policy(floor: Floor, fallback: tuple[Person, ...] = ()) -> Policy:
    """The policy of a configuration.

    Args:
        floor: for the manifest.
        fallback: who is told when an object has neither responsible person nor cc.
    """
    ages = {
        table: parse_age(text)
        for table, text in floor.manifest.limits.max_age.items()
        if table in DATA_TABLES
    }
    codes = {action: floor.manifest.approvals.get(name) for action, name in APPROVALS.items()}
    return Policy(
        tuple(fallback),
        ages,
        {action: each.code for action, each in codes.items() if each and each.code},
        floor.manifest.limits.single_cards,
        floor.manifest.limits.confirm_above,
        floor.manifest.tasks.feishu,
        floor.manifest.creative.site.rstrip("/"),
    )


def catalog() -> Catalog:
    """The words rules may use: our own tables by the names setup gives them."""
    return build_catalog(TABLES)


def register_web(router: Router, deps: WebDeps) -> None:
    """Answer taps on alert cards and the chat command 我的预警."""
    sources = Sources(deps.mirror, catalog())
    actions = Handling(deps.queue, deps.clock, sources, deps.policy)
    router.on_tap("alert.ack", actions.ack)
    router.on_tap("alert.close", actions.close)
    router.on_tap("alert.show", actions.show)
    router.on_tap("more.open", actions.more)
    router.on_tap("more.cancel", actions.cancel_form)
    router.on_tap("mute.set", actions.mute)
    router.on_tap("mute.end", actions.unmute)
    router.on_tap("hand.over", actions.hand_over)
    router.on_tap("plan.pause", actions.pause)
    router.on_tap(CONFIRM, MissingTaps(deps.queue, deps.clock, sources.catalog).confirm)
    confirming = Confirming(deps.queue, deps.clock, sources)
    router.on_tap("preview.keep", confirming.keep)
    router.on_tap("preview.stop", confirming.stop)
    router.on_tap("group.page", actions.page)
    router.on_tap("group.ack", actions.ack_all)
    for form in ("adjust", "restock"):
        router.on_tap(f"{form}.open", actions.open_form)
        router.on_tap(f"{form}.submit", actions.submit)
        router.on_tap(f"{form}.cancel", actions.cancel_form)
    register_commands(router, sources, deps.policy)


def register_commands(router: Router, sources: Sources, policy: Policy) -> None:
    """Answer chat; in whichever process handles messages."""
    commands = Commands(sources, policy)
    router.on_command(WORDS, commands.mine, help=HELP)
    router.on_command(PREVIEW_WORDS, commands.preview, help=PREVIEW_HELP)


def build_worker(sync: Sync, deps: WorkerDeps) -> Worker:
    """Assemble the worker's side."""
    from rules.deps import Worker  # noqa: PLC0415 - only the worker loads it

    floor = deps.floor
    sources = Sources(sync.mirror, catalog())
    checker = Checker(floor.db, floor.queue, floor.clock, sync.mirror, sources.catalog, deps.policy)
    return Worker(
        floor.db, floor.queue, floor.clock, sync, deps.im, deps.gateways, sources, deps.policy, checker,
        Reviewer(checker), deps.approval, floor.manifest.limits.mass_delete, floor.manifest.metrics,
        deps.tasks,
    )  # fmt: skip


def register_worker(
    engine: Engine, router: Router, scheduler: Scheduler, sync: Sync, deps: WorkerDeps
) -> Worker:
    """Register jobs, schedules, and what follows from edits in Bitable.

    Args:
        engine: performs the jobs.
        router: for chat commands where the worker handles messages; ignored if they are registered already.
        scheduler: gets the schedules that the manifest names.
        sync: tells of changed rows.
        deps: floor, messages, platforms, policy.
    """
    from rules import aftereffect, dashboards, dryrun  # noqa: PLC0415 - only the worker loads them
    from rules.connection import Connections  # noqa: PLC0415 - only the worker loads it
    from rules.group_sending import GroupSending  # noqa: PLC0415 - only the worker loads it
    from rules.jobs import Tables  # noqa: PLC0415 - only the worker loads it
    from rules.previewing import Previewing  # noqa: PLC0415 - only the worker loads it
    from rules.sending import Sending  # noqa: PLC0415 - only the worker loads it

    worker = build_worker(sync, deps)
    tables, sending = Tables(worker), Sending(worker)
    grouped, previewing = GroupSending(worker), Previewing(worker)
    engine.register("rules.tick", tables.tick)
    engine.register("rules.pull", tables.pull)
    engine.register("rules.check", tables.check)
    engine.register("rules.reconcile", tables.reconcile)
    engine.register("rules.reread", tables.reread)
    engine.register("rules.mark", tables.mark)
    engine.register("rules.board", tables.board)
    engine.register(dashboards.JOB, dashboards.Dashboards(worker).write)
    engine.register(aftereffect.JOB, aftereffect.Effects(worker).look)
    engine.register(dryrun.JOB, dryrun.DryRuns(worker).run)
    engine.register("rules.preview", previewing.show)
    engine.register("rules.switch_off", previewing.switch_off)
    engine.register("rules.notify", sending.notify)
    engine.register("rules.notify_digest", grouped.send)
    engine.register("rules.refresh_digest", grouped.refresh)
    engine.register("rules.refresh", sending.refresh)
    engine.register("rules.connection", Connections(worker).tell)
    _register_actions(engine, router, worker)
    _listen(engine, router, sync, worker, deps.policy)
    _schedule(scheduler, deps.floor.manifest.schedules)
    return worker


def _register_actions(engine: Engine, router: Router, worker: Worker) -> None:
    """What people decided: approved, carried out, shown as a Feishu task."""
    from rules.acting import Acting  # noqa: PLC0415 - only the worker loads it
    from rules.approving import EVENTS, Approving  # noqa: PLC0415 - only the worker loads it
    from rules.feishu_tasks import FeishuTasks  # noqa: PLC0415 - only the worker loads it

    approving = Approving(worker)
    engine.register("rules.act", Acting(worker).act)
    engine.register("rules.ask", approving.ask)
    engine.register("rules.look", approving.look)
    engine.register("rules.look_all", approving.look_all)
    engine.register("rules.feishu_task", FeishuTasks(worker).follow)
    for kind in EVENTS:
        router.on_event(kind, approving.events)


def _listen(engine: Engine, router: Router, sync: Sync, worker: Worker, policy: Policy) -> None:
    """Chat commands, and what follows from edits."""
    if router.command(WORDS[0]) is None:
        register_commands(router, worker.sources, policy)
    _follow_edits(engine, sync, worker)


def _follow_edits(engine: Engine, sync: Sync, worker: Worker) -> None:
    """What is done when people or platforms change rows."""
    from rules import settings_telling  # noqa: PLC0415 - only the worker loads it

    settings = settings_telling.SettingsTelling(worker)
    engine.register(settings_telling.JOB, settings.tell)

    def rules_changed(found: list[Change]) -> None:
        worker.reviewer.review({change.record_id: change.by for change in found if change.by})
        settings.look()  # a silence may name a rule that is there now

    sync.changes.on_change(RULES, rules_changed)
    for table in settings_telling.SETTINGS:
        sync.changes.on_change(table, lambda _changes: settings.look())
    for table in DATA_TABLES:
        sync.changes.on_change(table, _rows_changed(worker, table))


def _rows_changed(worker: Worker, table: str) -> Callable[[list[Change]], None]:
    return lambda changes: worker.checker.rows_changed(table, changes)


def _schedule(scheduler: Scheduler, schedules: Mapping[str, str]) -> None:
    for name, table in SCHEDULES.items():
        if name in schedules:
            scheduler.every(name, schedules[name], _tick(table))
    if CHECK in schedules:
        scheduler.every(CHECK, schedules[CHECK], lambda _at: Work("rules.check", "", "", {}))
    if LOOK in schedules:
        scheduler.every(LOOK, schedules[LOOK], lambda _at: Work("rules.look_all", "", "", {}))
    if RECONCILE in schedules:
        scheduler.every(RECONCILE, schedules[RECONCILE], lambda _at: Work("rules.reconcile", "", "", {}))


def _tick(table: str) -> Callable[[datetime], Work]:
    return lambda _at: Work("rules.tick", "", "", {"table": table})
