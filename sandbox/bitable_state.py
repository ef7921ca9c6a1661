"""The state behind ``world.bitable``: bases, the per-table write lock, and the verbs that change records."""

import contextlib
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sandbox import bitable_model as m
from sandbox.bitable_errors import refuse
from sandbox.bitable_events import Change, tell_records
from sandbox.bitable_formula import DAY, Code, compile_formula, moment_of
from sandbox.bitable_functions import Fault
from sandbox.bitable_read import evaluate, plain
from sandbox.kernel import App, Request, World


class TableHost:
    """Resolves the references of one table's formulas; survives renames and type changes, not deletions."""

    def __init__(self, world: World, base: m.Base, table: m.Table) -> None:
        self.world = world
        self.base = base
        self.table = table
        self._columns: dict[tuple[str, str], tuple[int, list[Any]]] = {}

    def own(self, key: str) -> Code:
        """Reader of a field of the row by id or name."""
        column = self.table.fields.get(key) or self.table.field_named(key)
        if column is None:
            raise ValueError(f"no field {key!r}")
        return self._cell(self.table, column.id)

    def column(self, table_id: str, field_id: str) -> Code:
        """Reader of all values of a field of another table."""
        other = self.base.tables.get(table_id)
        if other is None or field_id not in other.fields:
            raise ValueError(f"no field {field_id!r} in table {table_id!r}")
        read = self._cell(other, field_id)

        def values(_: Any) -> list[Any]:
            kept = self._columns.get((table_id, field_id))
            if kept is None or kept[0] != other.revision:
                kept = (other.revision, [read(record) for record in list(other.live())])
                self._columns[table_id, field_id] = kept
            return kept[1]

        return values

    def _cell(self, table: m.Table, field_id: str) -> Code:
        def read(record: m.Record) -> Any:
            column = table.fields.get(field_id)
            if column is None:
                raise Fault("#REF!")
            return self._value(column, record)

        return read

    def _value(self, column: m.Field, record: m.Record) -> Any:
        kind = column.type
        if kind == m.FORMULA:
            value = evaluate(column, record)
            if isinstance(value, str) and value.startswith("#") and value.endswith(("!", "?")):
                raise Fault(value)
            return value
        if kind in (m.CREATED_AT, m.MODIFIED_AT):
            return moment_of(record.created_ms if kind == m.CREATED_AT else record.modified_ms)
        kept = record.cells.get(column.id)
        if kept is None:
            return False if kind == m.CHECKBOX else None
        if kind == m.DATE:
            return moment_of(kept)
        if kind in (m.NUMBER, m.CHECKBOX):
            return kept
        return plain(self.world, column, record)

    def now_ms(self) -> int:
        """The sandbox's time."""
        return self.world.clock.ms()

    def midnight_ms(self) -> int:
        """Start of today in the base's zone, shifted so that day arithmetic in UTC days works."""
        return midnight(self.base, self.world.clock.ms())


def zone(base: m.Base) -> ZoneInfo:
    """The base's time zone."""
    return ZoneInfo(base.time_zone)


def midnight(base: m.Base, ms: int, days: int = 0) -> int:
    """Milliseconds of the midnight that starts the day of ``ms`` in the base's zone, ``days`` later."""
    local = datetime.fromtimestamp(ms / 1000, zone(base)).replace(hour=0, minute=0, second=0, microsecond=0)
    return int((local + timedelta(days=days)).timestamp() * 1000)


class BitableStore:
    """Bases and records. Schema verbs are in ``bitable_schema``, people's actions in ``bitable_people``.

    Switches (reset with the world): ``write_seconds`` how long a write holds its table;
    ``replay_client_tokens`` answer a reused client_token with the first answer, not 1255006; ``replica_lag``
    seconds a new record cannot be found by id; ``page_token_seconds`` life of a page token; ``strict_pages``
    refuse a token once changed tables; ``advanced_delay`` seconds until advanced permissions take effect;
    ``timeouts`` how many of the next writes are done but answer 1255040 (HTTP 504).
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.bases: dict[str, m.Base] = {}
        self.defaults()

    def awake(self) -> None:
        """Compile the formulas of a kept state."""
        for base in self.bases.values():
            for table in base.tables.values():
                for column in table.fields.values():
                    if column.type == m.FORMULA:
                        with contextlib.suppress(ValueError):  # one that no longer fits reads as empty
                            self.compile(base, table, column)

    def defaults(self) -> None:
        """Set every switch to its default."""
        self.write_seconds = 0.003
        self.replay_client_tokens = False
        self.replica_lag = 0.0
        self.page_token_seconds = 600.0
        self.strict_pages = False
        self.advanced_delay = 0.0
        self.timeouts = 0

    def reset(self, _world: World, _company: str, _seed: int) -> None:
        """Forget every base and switch."""
        self.bases.clear()
        self.defaults()

    # -- finding things --------------------------------------------------

    def base(self, token: str) -> m.Base:
        """The base with this token; 1254003, 1254040 or 1254036."""
        if not token.isalnum() or len(token) < 10:
            raise refuse(1254003)
        base = self.bases.get(token)
        if base is None:
            raise refuse(1254040)
        if base.copying_until > self.world.clock.time():
            raise refuse(1254036)
        return base

    def open(self, req: Request) -> m.Base:
        """The base a request names, if the caller has any right on it; 91403 when not."""
        base = self.base(req.params["app_token"])
        if req.identity == "app" and req.app.app_id not in base.managers:
            raise refuse(91403)
        return base

    def table(self, base: m.Base, table_id: str) -> m.Table:
        """A table of a base; 1254004 or 1254041."""
        if not table_id.startswith("tbl"):
            raise refuse(1254004)
        table = base.tables.get(table_id)
        if table is None:
            raise refuse(1254041)
        return table

    def opened(self, req: Request) -> tuple[m.Base, m.Table]:
        """The base and table a request names."""
        base = self.open(req)
        return base, self.table(base, req.params["table_id"])

    def record(self, table: m.Table, record_id: str) -> m.Record:
        """A record by id, invisible while the replica lags; 1254006 or 1254043."""
        if not isinstance(record_id, str) or not record_id.startswith("rec"):
            raise refuse(1254006)
        record = table.records.get(record_id)
        if record is None or self.lagging(record):
            raise refuse(1254043)
        return record

    def lagging(self, record: m.Record) -> bool:
        """Whether a just-created record cannot be found by id yet."""
        return self.replica_lag > 0 and self.world.clock.ms() - record.created_ms < self.replica_lag * 1000

    def operator(self, req: Request) -> str:
        """Who a request acts as: the app's own bot, or the person of a user token."""
        return req.app.open_id if req.identity == "app" else req.identity

    # -- writing --------------------------------------------------

    @contextmanager
    def writing(self, *tables: m.Table) -> Iterator[None]:
        """Hold the write lock of tables for the length of one write; a second writer gets 1254291."""
        held: list[m.Table] = []
        try:
            for table in tables:
                if not table.write_lock.acquire(blocking=False):
                    raise refuse(1254291)
                held.append(table)
            with self.world.lock:
                yield
            if self.write_seconds:
                time.sleep(self.write_seconds)
            if self.timeouts > 0:
                self.timeouts -= 1
                raise refuse(1255040)
        finally:
            for table in held:
                table.write_lock.release()

    def once(self, base: m.Base, req: Request, do: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
        """Run a create guarded by ``client_token``: 1254037 malformed, 1255006 used before."""
        token = req.query.get("client_token", "")
        if not token:
            return do()
        try:
            fine = uuid.UUID(token).version == 4 and len(token) == 36
        except ValueError:
            fine = False
        if not fine:
            raise refuse(1254037)
        used = base.used_tokens.get(token)
        if used is not None:
            if self.replay_client_tokens:
                answer: Mapping[str, Any] = used[1]
                return answer
            raise refuse(1255006)
        answer = do()
        base.used_tokens[token] = (req.path, answer)
        return answer

    def add_records(
        self, base: m.Base, table: m.Table, operator: str, rows: Sequence[m.Cells], *, tell: bool = True
    ) -> list[m.Record]:
        """Append records; computed and default cells are filled in, mirror links set, subscribers told."""
        now = self.world.clock.ms()
        autos = [c for c in table.fields.values() if c.type == m.AUTO]
        stamps = [c for c in table.fields.values() if c.type == m.DATE and (c.props or {}).get("auto_fill")]
        links = [c for c in table.fields.values() if c.type == m.DUPLEX]
        records: list[m.Record] = []
        for cells in rows:
            kept = {key: value for key, value in cells.items() if value is not None}
            for column in autos:
                kept[column.id] = serial(base, column, table.next_number, now)
            for column in stamps:
                kept.setdefault(column.id, now)
            record = m.Record(table.next_seq, self.world.ids.record(), kept, operator, now, operator, now)
            table.next_seq += 1
            table.next_number += 1
            table.add(record)
            records.append(record)
        self._bump(base, table)
        for column in links:
            for record in records:
                self._mirror(base, column, record, (), record.cells.get(column.id, ()), operator)
        if tell:
            changes = [Change("record_added", record, None, record.cells) for record in records]
            tell_records(self.world, base, table, operator, changes)
        return records

    def edit_records(
        self, base: m.Base, table: m.Table, operator: str, edits: Sequence[tuple[m.Record, m.Cells]]
    ) -> None:
        """Change cells; None clears; unnamed cells stay."""
        now = self.world.clock.ms()
        changes: list[Change] = []
        mirrored: list[tuple[m.Field, m.Record, Any, Any]] = []
        for record, cells in edits:
            before = dict(record.cells)
            for field_id, value in cells.items():
                column = table.fields[field_id]
                if column.type == m.DUPLEX:
                    mirrored.append((column, record, before.get(field_id, ()), value or ()))
                if value is None:
                    record.cells.pop(field_id, None)
                else:
                    record.cells[field_id] = value
            record.modified_by, record.modified_ms = operator, now
            changes.append(Change("record_edited", record, before, dict(record.cells)))
        self._bump(base, table)
        for column, record, old, new in mirrored:
            self._mirror(base, column, record, old, new, operator)
        tell_records(self.world, base, table, operator, changes)

    def remove_records(
        self, base: m.Base, table: m.Table, operator: str, records: Sequence[m.Record]
    ) -> None:
        """Delete records; links to them disappear with them."""
        changes = [Change("record_deleted", record, record.cells, None) for record in records]
        for record in records:
            table.remove(record)
        self._bump(base, table)
        self._unlink(base, table, {record.id for record in records}, operator)
        tell_records(self.world, base, table, operator, changes)

    def _unlink(self, base: m.Base, table: m.Table, gone: set[str], operator: str) -> None:
        for other in base.tables.values():
            columns = [
                c
                for c in other.fields.values()
                if c.type in (m.LINK, m.DUPLEX) and (c.props or {}).get("table_id") == table.id
            ]
            if not columns:
                continue
            edits = []
            for record in other.live():
                lost = {
                    c.id: tuple(i for i in record.cells[c.id] if i not in gone) or None
                    for c in columns
                    if c.id in record.cells and gone.intersection(record.cells[c.id])
                }
                if lost:
                    edits.append((record, lost))
            self._quietly(base, other, operator, edits)

    def _mirror(
        self, base: m.Base, column: m.Field, record: m.Record, old: Any, new: Any, operator: str
    ) -> None:
        """Keep the other side of a duplex link in step."""
        spec = column.props or {}
        other = base.tables.get(spec.get("table_id", ""))
        back = spec.get("back_field_id", "")
        if other is None or back not in other.fields:
            return
        edits: list[tuple[m.Record, m.Cells]] = []
        for record_id in {*old, *new}:
            target = other.records.get(record_id)
            if target is None:
                continue
            linked = tuple(i for i in target.cells.get(back, ()) if i != record.id)
            linked = (*linked, record.id) if record_id in new else linked
            if linked != target.cells.get(back, ()):
                edits.append((target, {back: linked or None}))
        self._quietly(base, other, operator, edits)

    def _quietly(
        self, base: m.Base, table: m.Table, operator: str, edits: Sequence[tuple[m.Record, m.Cells]]
    ) -> None:
        """Edit without following links any further."""
        if not edits:
            return
        changes = []
        for record, cells in edits:
            before = dict(record.cells)
            record.cells.update(cells)
            for key in [key for key, value in cells.items() if value is None]:
                del record.cells[key]
            record.modified_by, record.modified_ms = operator, self.world.clock.ms()
            changes.append(Change("record_edited", record, before, dict(record.cells)))
        self._bump(base, table)
        tell_records(self.world, base, table, operator, changes)

    def _bump(self, base: m.Base, table: m.Table) -> None:
        table.revision += 1
        base.revision += 1
        self.world.pulse.touch("bitable")

    def compile(self, base: m.Base, table: m.Table, column: m.Field) -> None:
        """Make a formula field computable; ValueError in words when its expression cannot be understood."""
        source = (column.props or {}).get("formula_expression", "")
        column.compiled = (
            compile_formula(source, table.id, TableHost(self.world, base, table)) if source else None
        )


def serial(base: m.Base, column: m.Field, count: int, now_ms: int) -> str:
    """The text of an automatic number (property auto_serial)."""
    rule = (column.props or {}).get("auto_serial") or {}
    if rule.get("type") != "custom":
        return str(count)
    parts = []
    for option in rule.get("options") or []:
        if option["type"] == "system_number":
            parts.append(str(count).zfill(int(option.get("value") or 1)))
        elif option["type"] == "fixed_text":
            parts.append(str(option.get("value", "")))
        else:
            shape = str(option.get("value") or "yyyyMMdd")
            for ours, theirs in (("yyyy", "%Y"), ("MM", "%m"), ("dd", "%d")):
                shape = shape.replace(ours, theirs)
            parts.append(datetime.fromtimestamp(now_ms / 1000, zone(base)).strftime(shape))
    return "".join(parts) or str(count)


__all__ = ["DAY", "App", "BitableStore", "TableHost", "midnight", "serial", "zone"]
