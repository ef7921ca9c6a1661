"""Taking over a changed manifest while the server runs (SIGHUP): schedules, limits, quota, keeping times.

The processes that use them are begun anew one after the other, as at a restart, while the rest goes on: works
under way are finished or resumed, events wait in the inbox. Everything else in the manifest is part of what
Feishu, the base or people were told, and wants `chorus setup` and a restart.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Final

import structlog

from runtime.manifest import Manifest, ManifestError, load_manifest

USERS: Final = {
    "schedules": ("worker",),
    "retention": ("worker",),
    "limits": ("worker", "web"),
    "quota": ("worker", "web"),
}
"""What may change while the server runs → which processes read it."""

log = structlog.get_logger(__name__)


class Reloading:
    """What the supervisor asks on SIGHUP.

    Args:
        path: the manifest.
        manifest: as it was read at the start.
    """

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self._path = path
        self._manifest = manifest

    def __call__(self) -> Collection[str]:
        """The processes that must begin anew; none when nothing changed or the change is refused."""
        try:
            fresh = load_manifest(self._path)
        except ManifestError as error:
            log.error("manifest.not_reloaded", why=f"{error} The manifest read before stays in force.")
            return ()
        changed = {
            name for name in Manifest.model_fields if getattr(fresh, name) != getattr(self._manifest, name)
        }
        fixed = sorted(changed - USERS.keys())
        if fixed:
            log.error("manifest.not_reloaded", why=refusal(fixed))
            return ()
        self._manifest = fresh
        names = {user for name in changed for user in USERS[name]}
        log.info("manifest.reloaded", changed=sorted(changed), begun_anew=sorted(names))
        return names


def refusal(fixed: Collection[str]) -> str:
    """Why a change is not taken over, and what to do."""
    named = ", ".join(f"`{name}`" for name in fixed)
    return (
        f"{named} cannot change while the server runs; nothing was taken over. Run `chorus setup --dry-run`, "
        "then restart `chorus serve`. Without a restart only "
        f"{', '.join(f'`{name}`' for name in USERS)} may change."
    )
