"""What the jobs of the worker need, handed down explicitly."""

from __future__ import annotations

from dataclasses import dataclass, field

from bitable_sync.context import Sync
from bitable_sync.platforms.gateways import Gateways
from rules.check import Checker, Policy
from rules.review import Reviewer
from rules.views import Sources
from runtime.clock import Clock
from runtime.db import Database
from runtime.feishu.approval import Approval
from runtime.feishu.im import Im
from runtime.feishu.task import Tasks
from runtime.manifest_model import MetricsManifest
from runtime.work import WorkQueue


@dataclass(frozen=True, slots=True)
class Worker:
    """The worker's side of red lines.

    Attributes:
        db: durable database.
        queue: durable work.
        clock: the time.
        sync: the tables.
        im: messages.
        gateways: the platforms.
        sources: the mirror and the words rules use.
        policy: what the configuration decides.
        checker: applies rules.
        reviewer: takes over edits of rules.
        approval: approvals, for changes beyond somebody's allowance.
        mass_delete: more plans than this missing at once are a doubt about the source, not a fact.
        metrics: how long totals are kept, and when effects are looked at.
        tasks: Feishu tasks; None where nothing makes them.
    """

    db: Database
    queue: WorkQueue
    clock: Clock
    sync: Sync
    im: Im
    gateways: Gateways
    sources: Sources
    policy: Policy
    checker: Checker
    reviewer: Reviewer
    approval: Approval
    mass_delete: int = 10
    metrics: MetricsManifest = field(default_factory=MetricsManifest)
    tasks: Tasks | None = None
