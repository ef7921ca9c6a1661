"""Which Feishu table and which column stands for which spec: bound by id, current names kept beside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from bitable_sync.drift import BoundField, DriftFinding, Findings, compare
from bitable_sync.spec import Specs
from bitable_sync.tables import BASE, BOUND_FIELDS, BOUND_TABLES, PENDING
from runtime.clock import Clock
from runtime.db import Database
from runtime.errors import ConfigError
from runtime.ids import AppToken, TableId

if TYPE_CHECKING:
    from runtime.feishu import Feishu

NEW_BASE = "@base"  # stands in bitable_pending for the base itself; no table key can be this
STALE_SCHEMA = timedelta(hours=1)  # a rename whose event was lost is noticed at the latest after this


@dataclass(frozen=True, slots=True)
class BoundTable:
    """A table as it stands in Feishu now; ``fields`` by field key, those whose column is missing included."""

    key: str
    app_token: AppToken
    table_id: TableId
    name: str
    fields: Mapping[str, BoundField]
    refreshed_at: datetime | None

    def readable(self) -> dict[str, BoundField]:
        """Columns that exist, whatever their type: what cannot be read shows as unreadable cells."""
        return {key: field for key, field in self.fields.items() if field.state != "missing"}

    def names(self) -> dict[str, str]:
        """Current column name → field key, of the columns that exist."""
        return {field.name: key for key, field in self.readable().items()}

    def ids(self) -> dict[str, str]:
        """Field key → field id, of the columns that exist."""
        return {key: field.field_id for key, field in self.readable().items()}


def last_id(bound: BoundTable, key: str) -> str:
    """Id of the column that stood for a field the last time it was there, empty if there never was one."""
    found = bound.fields.get(key)
    return found.field_id if found is not None else ""


class Bindings:
    """Reads and keeps the bindings; asks Feishu only in ``refresh``."""

    def __init__(self, db: Database, specs: Specs, clock: Clock, feishu: Feishu | None = None) -> None:
        self.db = db
        self.specs = specs
        self.clock = clock
        self.feishu = feishu
        self.findings = Findings(db)

    def base(self) -> AppToken | None:
        """The base of this installation, if setup made or was told one."""
        with self.db.read() as conn:
            found = conn.execute(
                sa.select(BASE.c.app_token).where(BASE.c.name == "main")
            ).scalar_one_or_none()
        return None if found is None else AppToken(found)

    def set_base(self, app_token: str, url: str = "") -> None:
        """Remember the base; the intention to make one is fulfilled."""
        row = {"app_token": app_token, "url": url, "at": self.clock.now()}
        with self.db.begin() as conn:
            insert = self.db.insert(BASE).values(name="main", **row)
            conn.execute(insert.on_conflict_do_update(index_elements=[BASE.c.name], set_=row))
            conn.execute(sa.delete(PENDING).where(PENDING.c.table_key == NEW_BASE))

    def intend_base(self, name: str) -> datetime:
        """Keep that a base of this name is about to be made; gives back since when that is intended."""
        row = {"table_key": NEW_BASE, "key": name, "at": self.clock.now()}
        with self.db.begin() as conn:
            conn.execute(self.db.insert(PENDING).values(**row).on_conflict_do_nothing())
        return self.intended_base(name) or self.clock.now()

    def intended_base(self, name: str) -> datetime | None:
        """Since when a base of this name is being made without our knowing how it ended, or None."""
        query = sa.select(PENDING.c.at).where(PENDING.c.table_key == NEW_BASE, PENDING.c.key == name)
        with self.db.read() as conn:
            found: datetime | None = conn.execute(query).scalar_one_or_none()
        return found

    def forget_intended_base(self) -> None:
        """Making a base was refused: nothing is open any more."""
        with self.db.begin() as conn:
            conn.execute(sa.delete(PENDING).where(PENDING.c.table_key == NEW_BASE))

    def get(self, table_key: str) -> BoundTable | None:
        """The binding of a table, or None if setup has not made it."""
        return self._read(table_key).get(table_key)

    def all(self) -> dict[str, BoundTable]:
        """The bindings of all tables by key."""
        return self._read()

    def _read(self, *keys: str) -> dict[str, BoundTable]:
        tables, columns = sa.select(BOUND_TABLES), sa.select(BOUND_FIELDS)
        if keys:
            tables = tables.where(BOUND_TABLES.c.table_key.in_(keys))
            columns = columns.where(BOUND_FIELDS.c.table_key.in_(keys))
        with self.db.read() as conn:
            found = conn.execute(tables).all()
            fields: dict[str, dict[str, BoundField]] = {table.table_key: {} for table in found}
            for f in conn.execute(columns) if found else ():
                if f.table_key in fields:
                    fields[f.table_key][f.field_key] = BoundField(
                        f.field_key, f.field_id, f.name, f.type, tuple(f.options), f.state
                    )
        return {
            each.table_key: BoundTable(
                each.table_key, AppToken(each.app_token), TableId(each.table_id), each.name,
                self._looked_at(each.table_key, fields[each.table_key]), each.refreshed_at,
            )
            for each in found
        }  # fmt: skip

    def _looked_at(self, table_key: str, fields: Mapping[str, BoundField]) -> Mapping[str, BoundField]:
        """Those columns that are still the table's: one that no longer is stays bound all the same."""
        if not self.specs.has(table_key):
            return fields
        spec = self.specs.table(table_key)
        return {key: field for key, field in fields.items() if spec.has(key)}

    def require(self, table_key: str) -> BoundTable:
        """The binding of a table; ConfigError telling to run setup if there is none."""
        found = self.get(table_key)
        if found is None:
            raise ConfigError(
                f"the table {table_key!r} is not bound to a Feishu table yet; run `chorus setup`"
            )
        return found

    def key_of(self, app_token: str, table_id: str) -> str | None:
        """Our key of a Feishu table, or None for a table that is not ours."""
        query = sa.select(BOUND_TABLES.c.table_key)
        query = query.where(BOUND_TABLES.c.app_token == app_token, BOUND_TABLES.c.table_id == table_id)
        with self.db.read() as conn:
            found: str | None = conn.execute(query).scalar_one_or_none()
            return found

    def bind(self, table_key: str, app_token: str, table_id: str, name: str) -> None:
        """Say which Feishu table stands for a spec; its columns are bound by ``bind_fields``."""
        row = {"app_token": app_token, "table_id": table_id, "name": name}
        with self.db.begin() as conn:
            insert = self.db.insert(BOUND_TABLES).values(table_key=table_key, **row)
            conn.execute(insert.on_conflict_do_update(index_elements=[BOUND_TABLES.c.table_key], set_=row))

    def bind_fields(self, table_key: str, fields: Sequence[BoundField]) -> None:
        """Keep these column bindings (others stay)."""
        with self.db.begin() as conn:
            for f in fields:
                row = {"field_id": f.field_id, "name": f.name, "type": f.type, "options": list(f.options),
                       "state": f.state}  # fmt: skip
                insert = self.db.insert(BOUND_FIELDS).values(table_key=table_key, field_key=f.key, **row)
                keys = [BOUND_FIELDS.c.table_key, BOUND_FIELDS.c.field_key]
                conn.execute(insert.on_conflict_do_update(index_elements=keys, set_=row))

    def refresh(self, table_key: str, live: Sequence[Mapping[str, Any]] | None = None) -> list[DriftFinding]:
        """Read the columns as they are now: names, types, options. Findings are stored, and given back.

        Args:
            table_key: which table.
            live: its field list if the caller has just read it.
        """
        bound = self.require(table_key)
        if live is None:
            if self.feishu is None:
                raise ConfigError("this process does not talk to Feishu; refresh the schema in the worker")
            live = self.feishu.bitable.list_fields(bound.app_token, bound.table_id)
        fresh, findings = compare(self.specs.table(table_key), bound.name, bound.fields, live)
        self.bind_fields(table_key, list(fresh.values()))
        now = self.clock.now()
        with self.db.begin() as conn:
            conn.execute(
                sa.update(BOUND_TABLES).where(BOUND_TABLES.c.table_key == table_key).values(refreshed_at=now)
            )
        self.findings.replace(table_key, "drift", findings, now)
        return findings

    def fresh(self, table_key: str) -> BoundTable:
        """The binding, its schema at most an hour old."""
        bound = self.require(table_key)
        if bound.refreshed_at is None or self.clock.now() - bound.refreshed_at > STALE_SCHEMA:
            self.refresh(table_key)
            bound = self.require(table_key)
        return bound
