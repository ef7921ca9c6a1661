"""Images joined to the house: the web side answers taps, the worker side makes and archives."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from bot.router import Router
from creative.actions import Actions, handlers
from creative.commands import HELP, WORDS, find
from creative.deps import Policy, make_policy

if TYPE_CHECKING:
    from bitable_sync.context import Sync
    from bitable_sync.mirror import Mirror
    from creative.deps import Art
    from creative.providers.model import ImageModel
    from runtime.clock import Clock
    from runtime.db import Database
    from runtime.engine import Engine
    from runtime.feishu import Feishu
    from runtime.floor import Floor
    from runtime.schedule import Scheduler
    from runtime.settings import Settings
    from runtime.work import WorkQueue

SWEEP = "check_images"
"""Name in the manifest's ``schedules``: how often the tables of images are read without an event."""


def register_taps(
    router: Router, db: Database, queue: WorkQueue, clock: Clock, policy: Policy, mirror: Mirror
) -> None:
    """Answer taps on cards of requests, and the chat command 找素材; in whichever process answers taps."""
    for name, handler in handlers(Actions(db, queue, clock, policy, mirror)).items():
        router.on_tap(name, handler)
    register_commands(router)


def register_commands(router: Router) -> None:
    """Answer chat; in whichever process handles messages."""
    if router.command(WORDS[0]) is None:
        router.on_command(WORDS, find, help=HELP)


def register_worker(
    engine: Engine, router: Router, scheduler: Scheduler, sync: Sync, floor: Floor, feishu: Feishu,
    deps: Art | None = None,
) -> Art:  # fmt: skip
    """Register jobs, the schedule, and what follows from edits; ``deps`` where they are made already."""
    from creative.archiving import Archiving  # noqa: PLC0415 - only the worker loads what works on pixels
    from creative.composing import Composing  # noqa: PLC0415
    from creative.delivering import Delivering  # noqa: PLC0415
    from creative.generating import Generating  # noqa: PLC0415
    from creative.looking import Looking, sweep_work  # noqa: PLC0415
    from creative.making import Making  # noqa: PLC0415
    from creative.stumbling import told  # noqa: PLC0415
    from creative.telling import Telling  # noqa: PLC0415

    deps = deps or build_worker(sync, floor, feishu)
    looking, telling, composing = Looking(deps), Telling(deps), Composing(deps)
    engine.register("art.make", told(deps, Making(deps, looking).make))
    engine.register("art.generate", told(deps, Generating(deps).generate))
    engine.register("art.compose", told(deps, composing.compose))
    engine.register("art.upload", told(deps, composing.upload))
    engine.register("art.deliver", told(deps, Delivering(deps, looking).deliver))
    engine.register("art.archive", told(deps, Archiving(deps).archive))
    engine.register("art.mark", looking.mark)
    engine.register("art.check_mark", looking.check_mark)
    engine.register("art.write_copy", looking.write_copy)
    engine.register("art.sweep", looking.sweep)
    engine.register("art.card", telling.card)
    engine.register("art.refresh", telling.refresh)
    register_commands(router)
    for table, listener in looking.listeners().items():
        sync.changes.on_change(table, listener)
    when = floor.manifest.schedules.get(SWEEP)
    if when is not None:
        scheduler.every(SWEEP, when, sweep_work)
    return deps


def build_worker(sync: Sync, floor: Floor, feishu: Feishu) -> Art:
    """Assemble the worker's side."""
    from creative.blobs import Blobs  # noqa: PLC0415 - only the worker
    from creative.deps import Art  # noqa: PLC0415
    from creative.painter import Painter  # noqa: PLC0415

    policy = make_policy(floor.manifest, floor.settings)
    return Art(
        floor.db, floor.queue, floor.clock, sync, feishu, Blobs(floor.settings.blob_dir), Painter(),
        _models(policy, floor.settings), policy,
    )  # fmt: skip


def _models(policy: Policy, settings: Settings) -> Callable[[], tuple[ImageModel, ...]]:
    """The image models, made when the first picture is asked for: their library takes a second to import."""

    @cache
    def make() -> tuple[ImageModel, ...]:
        from creative.providers import open_model  # noqa: PLC0415

        return tuple(
            open_model(each, settings.image_keys[each.name].get_secret_value()) for each in policy.profiles
        )

    return make
