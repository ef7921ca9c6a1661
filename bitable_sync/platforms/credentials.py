"""Credentials of the platforms, sealed in the database: app keys for ever, tokens until they are replaced."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from bitable_sync.platforms.tables import credentials as t
from runtime.clock import Clock
from runtime.db import Database
from runtime.errors import ConfigError
from runtime.vault import Vault

SHARE = 0.9
"""A token is replaced when this share of its life is over."""


@dataclass(frozen=True, slots=True)
class Pair:
    """An access token and what it is renewed with; lives in seconds, None = the platform did not say."""

    access: str = field(repr=False)
    refresh: str = field(default="", repr=False)
    seconds: int | None = None
    refresh_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """The tokens in force, and why they cannot be renewed any more (empty = they can)."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    refresh_at: datetime | None
    expires_at: datetime | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """What may be shown of an authorisation."""

    name: str
    kind: str
    expires_at: datetime | None
    ends_at: datetime | None
    problem: str
    changed_at: datetime


class Credentials:
    """The authorisations of one installation.

    Args:
        db: durable database.
        vault: seals them; each value can be opened only under the name it was entered for.
        clock: the time.
    """

    def __init__(self, db: Database, vault: Vault, clock: Clock) -> None:
        self.db = db
        self.vault = vault
        self.clock = clock

    def enter(self, name: str, kind: str, keys: Mapping[str, str], pair: Pair | None) -> None:
        """Take an authorisation over from a person; replaces what stood under the name."""
        row = {
            "name": name, "kind": kind, "sealed_keys": self._seal(name, "keys", dict(keys)),
            "sealed_tokens": None, "refresh_at": None, "expires_at": None, "ends_at": None,
            **(self._tokens(name, pair) if pair else {}), "problem": "", "changed_at": self.clock.now(),
        }  # fmt: skip
        insert = self.db.insert(t).values(row)
        with self.db.begin() as conn:
            conn.execute(insert.on_conflict_do_update(index_elements=[t.c.name], set_=row))

    def renewed(self, name: str, pair: Pair) -> None:
        """Keep a new pair; the old one is gone from here on."""
        self._update(name, **self._tokens(name, pair), problem="", changed_at=self.clock.now())

    def broken(self, name: str, sentence: str) -> None:
        """Note why the tokens cannot be renewed; nobody tries again until a person enters new ones."""
        self._update(name, problem=sentence)

    def remove(self, name: str) -> bool:
        """Forget an authorisation; False when there was none."""
        with self.db.begin() as conn:
            return bool(conn.execute(sa.delete(t).where(t.c.name == name)).rowcount)

    def keys(self, name: str, kind: str) -> Mapping[str, str]:
        """The app keys entered for a name.

        Raises:
            ConfigError: nothing was entered, or for another platform. CannotOpen: the vault's key changed.
        """
        row = self._row(name)
        if row is None or row.kind != kind:
            other = f"（现有的是 {row.kind}）" if row is not None else ""
            raise ConfigError(f"连接 {name} 还没有 {kind} 的凭证{other}；运行 chorus shops add {name} 录入")
        found: dict[str, str] = self._open(name, "keys", row.sealed_keys)
        return found

    def held(self, name: str) -> Held:
        """The tokens in force.

        Raises:
            ConfigError: there are none.
        """
        row = self._row(name)
        if row is None or row.sealed_tokens is None:
            raise ConfigError(f"连接 {name} 还没有令牌；运行 chorus shops add {name} 录入")
        tokens = self._open(name, "tokens", row.sealed_tokens)
        return Held(tokens["access"], tokens["refresh"], row.refresh_at, row.expires_at, row.problem)

    def entries(self) -> list[Entry]:
        """All authorisations by name, without anything secret."""
        columns = (t.c.name, t.c.kind, t.c.expires_at, t.c.ends_at, t.c.problem, t.c.changed_at)
        with self.db.read() as conn:
            return [Entry(*row) for row in conn.execute(sa.select(*columns).order_by(t.c.name))]

    def _row(self, name: str) -> Any:
        with self.db.read() as conn:
            return conn.execute(sa.select(t).where(t.c.name == name)).first()

    def _update(self, name: str, **values: Any) -> None:
        with self.db.begin() as conn:
            conn.execute(sa.update(t).where(t.c.name == name).values(values))

    def _tokens(self, name: str, pair: Pair) -> dict[str, Any]:
        now, life = self.clock.now(), timedelta(seconds=pair.seconds or 0)
        ends = timedelta(seconds=pair.refresh_seconds or 0)
        sealed = self._seal(name, "tokens", {"access": pair.access, "refresh": pair.refresh})
        return {
            "sealed_tokens": sealed,
            "refresh_at": now + life * SHARE if life else None,
            "expires_at": now + life if life else None,
            "ends_at": now + ends if ends else None,
        }

    def _seal(self, name: str, what: str, content: Mapping[str, str]) -> str:
        return self.vault.seal_text(json.dumps(content), ("platform", name, what))

    def _open(self, name: str, what: str, sealed: str) -> dict[str, str]:
        found: dict[str, str] = json.loads(self.vault.open_text(sealed, ("platform", name, what)))
        return found
