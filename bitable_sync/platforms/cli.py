"""``chorus shops …``: the authorisations of the platforms. Secrets are typed unseen or piped in, never shown.

Every command imports what it needs when it is called.
"""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from runtime.cli import Friendly, settings_with_log
from runtime.errors import ConfigError

if TYPE_CHECKING:
    from bitable_sync.platforms.credentials import Credentials, Pair
    from runtime.floor import Floor


@click.group(cls=Friendly)
def shops() -> None:
    """Shops, advertising accounts and ERPs: credentials of the connections in the manifest."""


@contextmanager
def _opened() -> Iterator[tuple[Floor, Credentials]]:
    from bitable_sync.platforms.credentials import Credentials
    from runtime.db import migrate
    from runtime.floor import open_floor
    from runtime.vault import open_vault

    loaded = settings_with_log()
    vault = open_vault(loaded)
    if vault is None:
        raise ConfigError(
            "Credentials are kept sealed, and there is no key: make one with `chorus payroll new-key` and "
            "set CHORUS_PAY_KEYS."
        )
    loaded.var_dir.mkdir(parents=True, exist_ok=True)
    migrate(loaded.database_url)
    floor = open_floor(loaded)
    try:
        yield floor, Credentials(floor.db, vault, floor.clock)
    finally:
        floor.close()


@shops.command()
@click.argument("name")
@click.option("--kind", help="kind of platform, when the manifest has no connection of this name yet")
def add(name: str, kind: str | None) -> None:
    """Enter the credentials of connection NAME, or replace them."""
    from bitable_sync.platforms.kinds import KINDS

    with _opened() as (floor, store):
        kind = kind or _kind_of(floor, name)
        if kind not in KINDS:
            raise click.BadParameter(f"{kind} is none of {', '.join(KINDS)}.")
        asked = KINDS[kind]
        if not asked.needs:
            raise click.BadParameter(f"{asked.label} needs no credentials.")
        keys = {key: _secret(key) for key in asked.needs}
        pair = _pair() if asked.refresh else None
        store.enter(name, asked.credentials or kind, keys, pair)
        _note(floor, "shops.add", name)
    click.echo(f"{name}: kept, sealed. `chorus doctor` says whether the connection works.")


@shops.command("list")
def list_command() -> None:
    """List the authorisations: kind, until when, what is wrong. Shows no secret."""
    from runtime.clock import SHANGHAI

    with _opened() as (_floor, store):
        entries = store.entries()
    for each in entries:
        until = f"until {each.expires_at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}" if each.expires_at else ""
        click.echo("  ".join(filter(None, (each.name, each.kind, until, each.problem))))
    if not entries:
        click.echo("There is none yet; enter one with `chorus shops add NAME`.")


@shops.command()
@click.argument("name")
def remove(name: str) -> None:
    """Forget the credentials of NAME."""
    with _opened() as (floor, store):
        if not store.remove(name):
            raise click.BadParameter(f"there are no credentials called {name}.")
        _note(floor, "shops.remove", name)
    click.echo(f"{name}: forgotten.")


def _kind_of(floor: Floor, name: str) -> str:
    for each in floor.manifest.connections:
        if name == (each.credential or each.name):
            return each.kind
    raise ConfigError(f"The manifest has no connection {name}; add it under `connections`, or give --kind.")


def _secret(label: str) -> str:
    value: str = click.prompt(label, hide_input=True)
    return value.strip()


def _pair() -> Pair:
    from bitable_sync.platforms.credentials import Pair

    access = _secret("access_token")
    refresh = click.prompt("refresh_token (empty if there is none)", default="", hide_input=True).strip()
    hours = click.prompt("valid for how many hours more (0 = not known)", type=int, default=0)
    return Pair(access, refresh, hours * 3600 or None)


def _note(floor: Floor, action: str, name: str) -> None:
    from runtime.audit import record

    with floor.db.begin() as conn:
        record(
            conn, at=floor.clock.now(), actor=f"cli:{getpass.getuser()}", action=action,
            subject=f"connection:{name}", reason="asked_by_operator", detail={},
        )  # fmt: skip
