"""What everything stands on, opened once and handed down."""

from dataclasses import dataclass

from runtime.clock import Clock, SystemClock
from runtime.db import Database, open_mirror
from runtime.manifest import Manifest, load_manifest
from runtime.settings import Settings
from runtime.work import WorkQueue


@dataclass(frozen=True, slots=True)
class Floor:
    """The opened floor of one process."""

    settings: Settings
    manifest: Manifest
    clock: Clock
    db: Database
    mirror: Database
    queue: WorkQueue

    def close(self) -> None:
        """Close the databases."""
        self.db.close()
        self.mirror.close()


def open_floor(settings: Settings, clock: Clock | None = None) -> Floor:
    """Open databases and manifest for one process; the database must be migrated (`runtime.db.migrate`).

    Args:
        settings: as loaded by `load_settings`.
        clock: what tells the time; the machine's by default.

    Raises:
        ConfigError: the manifest is missing or wrong.
    """
    manifest = load_manifest(settings.manifest)
    db = Database(settings.database_url)
    return Floor(
        settings=settings,
        manifest=manifest,
        clock=clock or SystemClock(),
        db=db,
        mirror=open_mirror(settings.mirror_url),
        queue=WorkQueue(db),
    )
