"""What of the platforms is not in order, each with the next step. Looks at our own state only."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from bitable_sync.doctor import Check, Level
from bitable_sync.platforms.connect import Connector
from bitable_sync.platforms.credentials import Credentials, Entry
from bitable_sync.platforms.kinds import KINDS
from runtime.clock import SHANGHAI
from runtime.errors import ChorusError
from runtime.floor import Floor
from runtime.manifest_model import ConnectionManifest
from runtime.vault import Vault

NAME = "平台连接"
SOON = timedelta(days=3)
"""An authorisation that ends by then is worth a warning."""


def examine(floor: Floor, vault: Vault | None) -> list[Check]:
    """One finding a connection of the manifest; never raises for what it finds."""
    store = Credentials(floor.db, vault, floor.clock) if vault is not None else None
    entries = {each.name: each for each in store.entries()} if store is not None else {}
    connector = Connector(store, floor.clock)
    now = floor.clock.now()
    return [check(each, connector, entries, now) for each in floor.manifest.connections]


def check(
    each: ConnectionManifest, connector: Connector, entries: Mapping[str, Entry], now: datetime
) -> Check:
    """Whether a connection is set up, and until when it may be used."""
    title, label = f"{NAME}·{each.name}", KINDS[each.kind].label
    try:
        connector.build(each)
    except ChorusError as error:
        return Check(Level.FAIL, title, str(error), "按这句话处理后重新运行 chorus doctor")
    entry = entries.get(each.credential or each.name)
    if entry is not None and entry.problem:
        return Check(Level.FAIL, title, entry.problem, "请店主重新授权")
    ends = None if entry is None else entry.ends_at or entry.expires_at
    if ends is not None and ends - now < SOON:
        until = f"{ends.astimezone(SHANGHAI):%m月%d日 %H:%M}"
        step = "令牌会自动续期；若到时仍未续上，请店主重新授权"
        return Check(Level.WARN, title, f"{label}的授权到 {until} 为止", step)
    return Check(Level.OK, title, f"{label}已配置，提供 {'、'.join(each.fed)}")
