"""Pay joined to the house: the web side answers taps and pages, the worker side computes, signs and sends.

Without CHORUS_PAY_KEYS pay is off: nothing is registered, and the pages say so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from bot.router import Router
from payslip.actions import Actions
from payslip.deps import Policy, make_policy
from payslip.uploads import APPLY_JOB, CHECK_JOB, HELP, WORDS, UploadChat, UploadTaps
from runtime.clock import Clock
from runtime.vault import Vault
from runtime.work import Work, WorkQueue

if TYPE_CHECKING:
    from flask import Flask

    from bitable_sync.changes import Change
    from bitable_sync.context import Sync
    from payslip.deps import Payroll
    from runtime.engine import Engine
    from runtime.feishu import Feishu
    from runtime.floor import Floor
    from runtime.schedule import Scheduler

LOOK = "check_signatures"
"""Name in the manifest's ``schedules``: how often signatures are looked at without an event."""


def register_taps(router: Router, queue: WorkQueue, clock: Clock, policy: Policy, vault: Vault) -> None:
    """Answer taps on pay cards; in whichever process answers taps."""
    actions = Actions(queue, clock, policy, vault)
    for name in (
        "start", "settle", "sign", "again", "cancel", "remind", "recall", "close",
        "answer", "correct", "release", "payout",
    ):  # fmt: skip
        router.on_tap(f"pay.{name}", getattr(actions, name))
    files = UploadTaps(queue, clock, policy)
    for name in ("kind", "month", "again", "apply"):
        router.on_tap(f"pay.upload_{name}", getattr(files, name))


def register_web(app: Flask, floor: Floor, vault: Vault | None) -> None:
    """Add the pages under ``/pay``."""
    from payslip.downloads import open_file  # noqa: PLC0415 - the web process starts without
    from payslip.pages import PageDeps, register_pages  # noqa: PLC0415

    policy = make_policy(floor.manifest, floor.settings)
    register_pages(
        app,
        PageDeps(
            floor.db, floor.queue, floor.clock, vault, floor.settings, policy.tenant, policy.company,
            policy.contact, policy.may_pay, open_file(vault, policy, floor.clock) if vault else _no_files,
            policy.may_run,
        ),
    )  # fmt: skip


def register_worker(
    engine: Engine,
    router: Router,
    scheduler: Scheduler,
    sync: Sync,
    floor: Floor,
    feishu: Feishu,
    vault: Vault,
) -> Payroll:
    """Register jobs, chat commands, events, schedules, and what follows from edits of input tables."""
    from payslip.attendance_marks import Marks  # noqa: PLC0415
    from payslip.columns import Structuring  # noqa: PLC0415
    from payslip.deps import Payroll  # noqa: PLC0415 - only the worker needs the rest
    from payslip.presence import Presence  # noqa: PLC0415

    structuring = Structuring(floor.db, floor.queue, floor.clock, sync, feishu)
    structuring.register(engine)  # before pay listens: what is in force changes first
    policy = make_policy(floor.manifest, floor.settings)
    operator = policy.attendance_operator
    marks = Marks(floor.db, vault)
    presence = Presence(feishu.contact, feishu.attendance, operator, marks) if operator else None
    deps = Payroll(
        floor.db, floor.queue, floor.clock, sync, feishu.im, feishu.approval, presence, vault, policy,
        structuring,
    )  # fmt: skip
    register_jobs(engine, deps)
    register_hearing(router, deps)
    when = floor.manifest.schedules.get(LOOK)
    if when is not None:
        scheduler.every(LOOK, when, _tick)
    return deps


def register_jobs(engine: Engine, deps: Payroll) -> None:
    """Register the durable work of pay."""
    from payslip.approving import Approving  # noqa: PLC0415
    from payslip.disputes import Disputes  # noqa: PLC0415
    from payslip.jobs import Collecting  # noqa: PLC0415
    from payslip.paying import Paying  # noqa: PLC0415
    from payslip.sealing import Sealing  # noqa: PLC0415
    from payslip.sending import Sending  # noqa: PLC0415
    from payslip.sheet_again import SheetAgain  # noqa: PLC0415
    from payslip.uploads_job import Importing  # noqa: PLC0415

    collecting, approving, sending = Collecting(deps), Approving(deps), Sending(deps)
    paying, disputes = Paying(deps), Disputes(deps)
    engine.register("payroll.collect", collecting.collect)
    engine.register("payroll.refresh", collecting.refresh)
    engine.register("payroll.card", collecting.card)
    engine.register("payroll.imported", collecting.imported)
    engine.register("payroll.anomalies", collecting.anomalies)
    engine.register("payroll.sheet", SheetAgain(deps).again)
    engine.register("payroll.sign", approving.sign)
    engine.register("payroll.look", approving.look)
    engine.register("payroll.tick", approving.tick)
    engine.register("payroll.withdraw", approving.withdraw)
    engine.register("payroll.told_void", approving.told_void)
    engine.register("payroll.seal", Sealing(deps).seal)
    engine.register("payroll.push", sending.push)
    engine.register("payroll.pushed", sending.pushed)
    engine.register("payroll.remind", sending.remind)
    engine.register("payroll.reminder", sending.reminder)
    engine.register("payroll.recall", sending.recall)
    engine.register("payroll.recall_all", sending.recall_all)
    engine.register("payroll.take_back", sending.take_back)
    engine.register("payroll.slip_rows", sending.slip_rows)
    engine.register("pay.slip_row", sending.slip_rows)
    engine.register("payroll.finance", paying.finance)
    engine.register("payroll.payout", paying.payout)
    engine.register("pay.dispute", disputes.told)
    engine.register("payroll.answered", disputes.answered)
    engine.register("pay.pin_reset_told", disputes.pin_reset)
    importing = Importing(deps)
    engine.register(CHECK_JOB, importing.check)
    engine.register(APPLY_JOB, importing.apply)


def register_hearing(router: Router, deps: Payroll) -> None:
    """Hear chat commands, approval events and edits of input tables."""
    from payslip import commands  # noqa: PLC0415
    from payslip.approving import APPROVAL_EVENTS, Approving  # noqa: PLC0415
    from payslip.jobs import Collecting  # noqa: PLC0415
    from payslip.pin import Pins  # noqa: PLC0415
    from payslip.specs import INPUT_TABLES  # noqa: PLC0415

    pins = Pins(deps.db, deps.queue, deps.clock, deps.vault)
    chat = commands.Commands(deps.queue, deps.clock, deps.policy, pins.reset)
    router.on_command(commands.RUN_WORDS, chat.run, help=commands.RUN_HELP)
    router.on_command(commands.CORRECT_WORDS, chat.correct, help=commands.CORRECT_HELP)
    router.on_command(commands.SLIP_WORDS, chat.slips, help=commands.SLIP_HELP)
    router.on_command(commands.RESET_WORDS, chat.reset_pin, help=commands.RESET_HELP)
    files = UploadChat(deps.queue, deps.clock, deps.policy)
    router.on_file(files.file)
    router.on_command(WORDS, files.word, help=HELP)
    for event in APPROVAL_EVENTS:
        router.on_event(event, Approving(deps).events)
    collecting = Collecting(deps)
    for table in INPUT_TABLES:
        deps.sync.changes.on_change(table, _edited(collecting.changed, table))


def _edited(changed: Callable[[str, Sequence[Change]], None], table: str) -> Callable[[list[Change]], None]:
    return lambda changes: changed(table, changes)


def _tick(_at: datetime) -> Work:
    return Work("payroll.tick", "", "", {})


def _no_files(_conn: object, _file: str, _by: str) -> None:
    return None
