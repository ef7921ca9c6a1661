"""Change events: hints that are coalesced, re-read, compared with the mirror; only real differences go on.

Events come twice, late, out of order and with an encoding of their own (facts: "记录变更" event), so
nothing in them is believed except *which* records to look at. The echo of our own write changes nothing,
because the mirror already holds what was written: recognised by value, never by a time window.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from bitable_sync.bindings import Bindings
from bitable_sync.cells import CellValue
from bitable_sync.codecs import same
from bitable_sync.mirror import CHUNK, Cells, Mirror, Row, chunks, dump
from bitable_sync.pull import Puller, guard
from bitable_sync.spec import Kind, TableSpec
from bot.model import Event
from runtime.clock import Clock
from runtime.db import mirror_metadata
from runtime.ids import RecordId

RECORD_CHANGED = "drive.file.bitable_record_changed_v1"
FIELD_CHANGED = "drive.file.bitable_field_changed_v1"
STAMPS = frozenset({Kind.CREATED_TIME, Kind.MODIFIED_TIME, Kind.AUTO_NUMBER})

UNREPORTED = sa.Table(
    "mirror_unreported",
    mirror_metadata,
    # A change stands in the mirror whose listeners have not been told yet; written before they are called, so
    # that a crash between repeats the telling instead of losing it.
    sa.Column("table_key", sa.String(64), primary_key=True),
    sa.Column("record_id", sa.String(64), primary_key=True),
    sa.Column("before", sa.Text),  # the row before, as the mirror stores rows; null = the row is new
)


@dataclass(frozen=True, slots=True)
class Change:
    """One row really differs: ``before`` is None for a new row, ``after`` is None for a deleted one.

    ``differing``: keys of the columns that differ, when the row was there before and still is. ``by``: who
    edited it last, as the events said; "" when no event told.
    """

    table: str
    before: Row | None
    after: Row | None
    differing: tuple[str, ...] = ()
    by: str = ""

    @property
    def record_id(self) -> RecordId:
        """The row's id."""
        row = self.after or self.before
        assert row is not None  # noqa: S101 - one of the two is always there
        return row.record_id

    def fields(self) -> tuple[str, ...]:
        """Keys of the columns that differ; all of them for a new or deleted row."""
        row = self.after or self.before
        if row is None or self.before is None or self.after is None:
            return tuple(row.values) if row else ()
        return self.differing


Listener = Callable[[list[Change]], None]


class Changes:
    """Turns batches of events into changes. Handlers are idempotent: any batch may come again."""

    def __init__(
        self, bindings: Bindings, mirror: Mirror, puller: Puller, *, clock: Clock, mass_delete: int = 10
    ) -> None:
        self.bindings = bindings
        self.mirror = mirror
        self.puller = puller
        self.clock = clock
        self.mass_delete = mass_delete
        self.after: Callable[[str], None] = lambda _table: None
        self._listeners: dict[str, list[Listener]] = {}

    def on_change(self, table_key: str, listener: Listener) -> None:
        """Have ``listener`` called with the real differences of a table, one list per batch of events.

        The mirror already holds the new state. A listener that raises is called again with the same changes
        when the batch is handled again.
        """
        self._listeners.setdefault(table_key, []).append(listener)

    def handle_records(self, events: Sequence[Event]) -> None:
        """Handle record events (``drive.file.bitable_record_changed_v1``).

        Unknown tables are ignored, and so are private ones where no key is set: they are not kept here.
        """
        for table_key, editors in self._hints(events).items():
            self.recheck(table_key, editors, editors=editors)

    def handle_fields(self, events: Sequence[Event]) -> None:
        """Handle column events (``drive.file.bitable_field_changed_v1``).

        Read the schema of each table again.

        A column that came back, changed its type or its name changes how cells read, and rows may have been
        read in between by the old names, so the table is pulled as well.
        """
        for table_key in sorted(self._tables(events)):
            before = self.bindings.require(table_key).fields
            self.bindings.refresh(table_key)
            after = self.bindings.require(table_key).fields
            changed = {k: (f.name, f.type, f.state) for k, f in before.items()} != {
                k: (f.name, f.type, f.state) for k, f in after.items()
            }
            if changed and self.mirror.may(table_key):
                self.puller.pull(table_key)
            self.after(table_key)

    def recheck(
        self, table_key: str, record_ids: Collection[str], *, rounds: int = 3,
        editors: Mapping[str, str] | None = None,
    ) -> list[Change]:  # fmt: skip
        """Re-read rows by id, bring the mirror up to date, tell the listeners; what really differed.

        A row that a write of ours overtook while it was read is read again (at most ``rounds`` times in all):
        the mirror refuses the older reading, and with it a person's edit of another cell of that row.
        ``editors``: record id → who edited it, where that is known.
        """
        self.mirror.require(table_key)
        started = (
            self.clock.now()
        )  # before the names are looked up: a rename in between makes this reading old
        bound = self.bindings.fresh(table_key)
        found, absent = self.puller.read_back(bound, sorted(record_ids))
        before = self.mirror.many(table_key, record_ids)
        spec = self.mirror.specs.table(table_key)
        changed: list[RecordId] = []
        for record_id, raw in found.items():
            old = before.get(RecordId(record_id))
            if old is None or (old.seen_at <= started and differing(spec, old.values, Cells(raw, spec))):
                changed.append(RecordId(record_id))
        gone = [RecordId(rid) for rid in sorted(absent) if RecordId(rid) in before]
        if len(gone) > self.mass_delete:
            self.bindings.findings.add(guard(bound, len(gone)), self.clock.now())
            self.after(table_key)
            gone = []
        self._note(table_key, [*changed, *gone], before)
        self.mirror.put_raw(table_key, found, seen_at=started)
        if gone:
            self.mirror.remove(table_key, gone)
        changes = self.report(table_key, editors)
        known = self.mirror.many(table_key, found) if rounds > 1 else {}
        overtaken = [record_id for record_id, row in known.items() if row.seen_at > started]
        if not overtaken:
            return changes
        return changes + self.recheck(table_key, overtaken, rounds=rounds - 1, editors=editors)

    def report(self, table_key: str, editors: Mapping[str, str] | None = None) -> list[Change]:
        """Tell the listeners of a table what they have not been told; what that was."""
        with self.mirror.db.read() as conn:
            notes = conn.execute(sa.select(UNREPORTED).where(UNREPORTED.c.table_key == table_key)).all()
        now_rows = self.mirror.many(table_key, [note.record_id for note in notes])
        spec, seal, changes = self.mirror.specs.table(table_key), self.mirror.seal, []
        for note in notes:
            record_id = RecordId(note.record_id)
            after = now_rows.get(record_id)
            seen = after.seen_at if after else self.clock.now()
            before = (
                None
                if note.before is None
                else Row(table_key, record_id, Cells(seal.open(spec, record_id, note.before), spec), seen)
            )
            keys = differing(spec, before.values, after.values) if before and after else ()
            if (before or after) and (keys or not (before and after)):
                changes.append(Change(table_key, before, after, keys, (editors or {}).get(record_id, "")))
        if changes:
            for listener in self._listeners.get(table_key, []):
                listener(changes)
        if notes:
            self._told(table_key, [note.record_id for note in notes])
        return changes

    # --- inside ---

    def _tables(self, events: Sequence[Event]) -> set[str]:
        found = {self._table(event) for event in events}
        return {table_key for table_key in found if table_key is not None}

    def _table(self, event: Event) -> str | None:
        return self.bindings.key_of(str(event.body.get("file_token")), str(event.body.get("table_id")))

    def _hints(self, events: Sequence[Event]) -> dict[str, dict[str, str]]:
        """Record ids to look at with who edited last, per table: many events of one record are one look."""
        hints: dict[str, dict[str, str]] = {}
        for event in events:
            table_key = self._table(event)
            if table_key is None or not self.mirror.may(table_key):
                continue
            ids = [
                str(action["record_id"]) for action in event.body.get("action_list") or [] if _named(action)
            ]
            hints.setdefault(table_key, {}).update(dict.fromkeys(ids, _operator(event)))
        return {table_key: ids for table_key, ids in hints.items() if ids}

    def _note(self, table_key: str, record_ids: Sequence[RecordId], before: Mapping[RecordId, Row]) -> None:
        if not record_ids:
            return
        raws = self.mirror.raw(table_key, record_ids)
        spec, seal = self.mirror.specs.table(table_key), self.mirror.seal
        rows = [
            {"table_key": table_key, "record_id": record_id,
             "before": seal.close(spec, record_id, dump(raws[record_id]))
             if record_id in before and record_id in raws else None}
            for record_id in record_ids
        ]  # fmt: skip
        with self.mirror.db.begin() as conn:
            # An older note stays: its "before" is what the listeners were last told.
            conn.execute(self.mirror.db.insert(UNREPORTED).on_conflict_do_nothing(), rows)

    def _told(self, table_key: str, record_ids: Sequence[str]) -> None:
        with self.mirror.db.begin() as conn:
            for part in chunks(list(record_ids), CHUNK):
                told = sa.and_(UNREPORTED.c.table_key == table_key, UNREPORTED.c.record_id.in_(part))
                conn.execute(sa.delete(UNREPORTED).where(told))


def _operator(event: Event) -> str:
    """Who made the edit, as far as the event says."""
    ids = event.body.get("operator_id")
    found = ids.get("open_id") if isinstance(ids, Mapping) else None
    return found if isinstance(found, str) else ""


def _named(action: Any) -> bool:
    return isinstance(action, Mapping) and bool(action.get("record_id"))


def differing(
    spec: TableSpec, before: Mapping[str, CellValue], after: Mapping[str, CellValue]
) -> tuple[str, ...]:
    """Keys of the columns that differ. Times and numbers the platform stamps on every row do not count.

    A formula does: its value is computed after our write and is news to a rule that looks at it.
    """
    counting = [field.key for field in spec.fields if field.kind not in STAMPS]
    if isinstance(before, Cells) and isinstance(after, Cells):
        counting = [key for key in counting if not before.alike(after, key)]
    return tuple(key for key in counting if not same(before[key], after[key]))
