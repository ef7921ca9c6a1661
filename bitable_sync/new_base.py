"""Make the base once, even if the answer to that call is lost: the intention is kept, then looked up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import structlog

from bitable_sync.bindings import Bindings
from runtime.errors import ChorusError, ConfigError, UnknownOutcome
from runtime.manifest import BaseManifest

if TYPE_CHECKING:
    from runtime.feishu import Feishu

log = structlog.get_logger(__name__)
CLOCKS = timedelta(minutes=5)  # our clock and Feishu's may differ by this much


def make_base(feishu: Feishu, bindings: Bindings, wanted: BaseManifest) -> None:
    """Create the base and remember it, or take the one an interrupted run has made.

    Raises:
        UnknownOutcome: no answer came and no base is seen yet; run setup again, it looks first.
        ConfigError: several bases could be ours; the message names them.
    """
    since = bindings.intended_base(wanted.name)
    if since is not None and _take(feishu, bindings, wanted.name, since):
        return
    since = bindings.intend_base(wanted.name)
    try:
        made = feishu.bitable.create_app(wanted.name, wanted.time_zone)
    except UnknownOutcome as error:
        if _take(feishu, bindings, wanted.name, since):
            return
        raise UnknownOutcome(
            f"Feishu did not say whether the base {wanted.name} was created, and it does not show yet. "
            f"Wait a minute, then run `chorus setup` again: it looks before it makes one. ({error})"
        ) from error
    except ChorusError:
        bindings.forget_intended_base()  # refused: nothing was made
        raise
    bindings.set_base(str(made["app_token"]), str(made.get("url") or ""))


def ours(files: Sequence[Mapping[str, Any]], name: str, since: datetime) -> list[Mapping[str, Any]]:
    """The bases of this name among the app's files that are not older than the intention to make one."""
    oldest = (since - CLOCKS).timestamp()
    return [
        item
        for item in files
        if item.get("type") == "bitable"
        and item.get("name") == name
        and float(item.get("created_time") or oldest) >= oldest
    ]


def _take(feishu: Feishu, bindings: Bindings, name: str, since: datetime) -> bool:
    found = ours(feishu.drive.own_files(), name, since)
    if len(found) > 1:
        tokens = ", ".join(str(item["token"]) for item in found)
        raise ConfigError(
            f"The app has several new bases called {name}: {tokens}. Set CHORUS_BASE_APP_TOKEN to the one to "
            "use, and run `chorus setup` again."
        )
    for item in found:
        log.info("setup.base_found_again", app_token=item["token"])
        bindings.set_base(str(item["token"]), str(item.get("url") or ""))
    return bool(found)
