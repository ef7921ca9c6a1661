"""The sync of one process, assembled: what features get into their hands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bitable_sync.attachments import Attachments
from bitable_sync.bindings import Bindings
from bitable_sync.changes import FIELD_CHANGED, RECORD_CHANGED, Changes
from bitable_sync.growing import Grown
from bitable_sync.mirror import Mirror
from bitable_sync.pull import Puller
from bitable_sync.push import Pusher
from bitable_sync.spec import Specs
from bitable_sync.telling import Telling
from bot.model import SELF_CHECK
from runtime.mirror import prepare

FILE_EDITED = "drive.file.edit_v1"

if TYPE_CHECKING:
    from bot.router import Router
    from runtime.feishu import Feishu
    from runtime.floor import Floor
    from runtime.vault import Vault


@dataclass(frozen=True, slots=True)
class Sync:
    """Everything a feature needs of the tables; belongs to the worker process (it talks to Feishu)."""

    specs: Specs
    bindings: Bindings
    mirror: Mirror
    puller: Puller
    pusher: Pusher
    changes: Changes
    attachments: Attachments
    telling: Telling

    def register(self, router: Router) -> None:
        """Take the record and column events of the base from the inbox."""
        router.on_event(RECORD_CHANGED, self.changes.handle_records)
        router.on_event(FIELD_CHANGED, self.changes.handle_fields)
        # Comes beside each of them where the app subscribed to it; it says nothing more.
        router.on_event(FILE_EDITED, lambda _events: None)
        router.on_event(SELF_CHECK, lambda _events: None)  # the doctor looks whether it was handled


def build_mirror(floor: Floor, specs: Specs, vault: Vault | None = None) -> Mirror:
    """The mirror alone, for a process that never calls Feishu (the web process).

    Args:
        floor: databases, manifest.
        specs: all tables; the manifest's table names and the columns added at run time are put in.
        vault: `runtime.vault.open_vault(settings)`; None refuses private tables, others go on.
    """
    prepare(floor.mirror)  # the floor may have been opened before the tables' modules were imported
    whole = specs.renamed(floor.manifest.base.tables).growing(Grown(floor.db).fields)
    return Mirror(floor.mirror, whole, vault, clock=floor.clock)


def build_sync(floor: Floor, feishu: Feishu, specs: Specs, vault: Vault | None = None) -> Sync:
    """Assemble the sync of a worker.

    Args:
        floor: databases, clock, manifest.
        feishu: the client.
        specs: all tables; the manifest's table names and the columns added at run time are put in.
        vault: `runtime.vault.open_vault(settings)`; None refuses private tables, others go on.
    """
    limit = floor.manifest.limits.mass_delete
    mirror = build_mirror(floor, specs, vault)
    bindings = Bindings(floor.db, mirror.specs, floor.clock, feishu)
    puller = Puller(feishu, bindings, mirror, clock=floor.clock, mass_delete=limit)
    pusher = Pusher(feishu, bindings, mirror, puller, clock=floor.clock)
    changes = Changes(bindings, mirror, puller, clock=floor.clock, mass_delete=limit)
    telling = Telling(bindings, mirror, pusher, clock=floor.clock)
    puller.after = pusher.after = changes.after = telling.tell
    attachments = Attachments(feishu, bindings, mirror, pusher)
    return Sync(mirror.specs, bindings, mirror, puller, pusher, changes, attachments, telling)
