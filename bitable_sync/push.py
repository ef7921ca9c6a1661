"""Push: bring rows of a table to the wanted state, sending only the cells that differ.

The platform has no upsert, no unique columns and no conditional writes, so the mirror decides what is new,
and a small durable note (``bitable_pending``) makes a create safe against crashes and lost answers: a key
that may have been sent before is looked up before it is sent again. Run the pushes of one table in one lane.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import sqlalchemy as sa

from bitable_sync.apart import Apart, stranger_sentence
from bitable_sync.bindings import Bindings, BoundTable
from bitable_sync.cells import EMPTY, CellValue, UnwritableError
from bitable_sync.diff import Conflict, Plan, differing, encode, keyed, plan, token
from bitable_sync.drift import DriftFinding
from bitable_sync.lookup import Found, find_by_key
from bitable_sync.mirror import Mirror, chunks
from bitable_sync.pull import Puller
from bitable_sync.spec import TableSpec
from bitable_sync.tables import PENDING
from bitable_sync.wire_errors import GONE_RECORD, UNKNOWN_FIELD, code_of, without_words
from runtime.clock import Clock
from runtime.errors import ChorusError, ConfigError, UnknownOutcome
from runtime.ids import RecordId

if TYPE_CHECKING:
    from runtime.feishu import Feishu

T = TypeVar("T")
BATCH = 500  # records per write; the wire limit is 1000, its error texts and the vendor's advice say 500
STRANGER = "stranger"
SENDS = 3  # how often one create is sent before the outcome is left to the durable engine


@dataclass(frozen=True, slots=True)
class PushReport:
    """What a push did.

    Attributes:
        created: record ids of new rows.
        updated: record ids of changed rows.
        unchanged: rows that were already so (nothing was sent for them).
        conflicts: business keys that stand in several rows; those rows were left alone.
        refused: sentences about single rows that could not be written (unknown option, wrong type) or only
            without their people (the platform refuses one); others went.
    """

    created: tuple[RecordId, ...] = ()
    updated: tuple[RecordId, ...] = ()
    unchanged: int = 0
    conflicts: tuple[Conflict, ...] = ()
    refused: tuple[str, ...] = ()


class Pusher:
    """Writes rows. ``after`` is called with the table key when conflicts were met (people are then told)."""

    def __init__(
        self, feishu: Feishu, bindings: Bindings, mirror: Mirror, puller: Puller, *, clock: Clock
    ) -> None:
        self.feishu = feishu
        self.bindings = bindings
        self.mirror = mirror
        self.puller = puller
        self.clock = clock
        self.after: Callable[[str], None] = lambda _table: None

    def upsert(self, table_key: str, rows: Sequence[Mapping[str, CellValue]], *, cause: str) -> PushReport:
        """Create or change rows so that each business key has these values.

        Args:
            table_key: which table; it must have a business key in its spec.
            rows: field key → value; each row must carry its complete business key, other columns may be
                left out and then stay as they are. ``EMPTY`` clears a cell.
            cause: what this push belongs to (a work id); the same cause and content gives the same
                client_token.

        Raises:
            UnwritableError: a row without business key; nothing was sent.
            ConfigError: the table is not bound or its key column is missing; the sentence says what to do.
            TransientError, UnknownOutcome: call again with the same arguments; what was done is not done
            twice.
        """
        spec = self.mirror.specs.table(table_key)
        self.mirror.require(table_key)
        wanted = keyed(spec, rows)
        bound = self._ready(spec)
        self._recall(spec, bound, wanted)
        usable = {key: _usable(bound, values) for key, values in wanted.items()}
        todo = plan(spec, usable, self.mirror.by_keys(table_key, usable))
        refused = self._refuse(spec, bound, todo)
        new = Apart[str](spec, lambda rows: self._create(spec, rows, cause))
        old = Apart[RecordId](spec, lambda rows: self._update_some(spec, rows), strangers=new.strangers)
        created = self._create_all(spec, todo.creates, new)
        updated = self._update_all(todo.updates, old)
        if self._strangers(table_key, new.strangers, new.seen | old.seen) or todo.conflicts:
            self.after(table_key)
        refused = (*refused, *new.refused, *old.refused)
        return PushReport(created, updated, todo.unchanged, tuple(todo.conflicts), refused)

    def write(self, table_key: str, record_id: str, values: Mapping[str, CellValue]) -> bool:
        """Set some cells of one row; True if anything had to be sent.

        Raises:
            UnwritableError: a value does not fit its column (an unknown option, for instance).
            PermanentError: the row no longer exists.
        """
        spec = self.mirror.specs.table(table_key)
        self.mirror.require(table_key)
        bound = self.bindings.require(table_key)
        row = self.mirror.get(table_key, record_id)
        changed = _usable(bound, values) if row is None else differing(row.values, _usable(bound, values))
        if not changed:
            return False
        encode(spec, bound, changed)  # refuses what does not fit before anything is sent
        self._update(spec, {RecordId(record_id): changed})
        return True

    def remove(self, table_key: str, record_ids: Sequence[RecordId]) -> None:
        """Delete rows of a table that only Chorus fills; those already gone are no error.

        Raises:
            TransientError, UnknownOutcome: call again; what was deleted is not missed.
        """
        self.mirror.require(table_key)
        for part in chunks(list(record_ids), BATCH):
            try:
                self._delete(table_key, part)
            except ChorusError as error:
                if not isinstance(error, UnknownOutcome) and code_of(error) not in GONE_RECORD:
                    raise
                _found, absent = self.puller.read_back(self.bindings.require(table_key), part)
                self._delete(table_key, [record_id for record_id in part if record_id not in absent])
            self.mirror.remove(table_key, part)

    def _delete(self, table_key: str, record_ids: Sequence[RecordId]) -> None:
        def send(bound: BoundTable) -> None:
            self.feishu.bitable.batch_delete(bound.app_token, bound.table_id, record_ids)

        if record_ids:
            self._call(table_key, send)

    # --- before sending ---

    def _ready(self, spec: TableSpec) -> BoundTable:
        bound = self.bindings.fresh(spec.key)
        for key in spec.business_key:
            column = bound.fields.get(key)
            if column is None or column.state != "ok":
                found = "；".join(
                    f.sentence for f in self.bindings.findings.all(spec.key) if f.subject == key
                )
                raise ConfigError(
                    found or f"表「{bound.name}」的主键列「{spec.field(key).name}」不可用；运行 chorus setup"
                )
        if self.mirror.age(spec.key, self.clock.now()) is None:
            self.puller.pull(spec.key)  # without knowing what is there every row would look new
        return bound

    def _recall(
        self, spec: TableSpec, bound: BoundTable, wanted: Mapping[str, Mapping[str, CellValue]]
    ) -> None:
        """Look up keys whose create was begun earlier and whose end we did not see."""
        query = sa.select(PENDING.c.key).where(PENDING.c.table_key == spec.key)
        with self.bindings.db.read() as conn:
            begun = set(conn.execute(query).scalars()) & set(wanted)
        if begun:
            self._learn(spec, bound, {key: wanted[key] for key in begun})

    def _learn(
        self, spec: TableSpec, bound: BoundTable, wanted: Mapping[str, Mapping[str, CellValue]]
    ) -> Found:
        now = self.clock.now()
        found = find_by_key(self.feishu, spec, bound, wanted)
        for rows in found.values():
            self.mirror.put_raw(spec.key, rows, seen_at=now)
        self._settled(spec.key, found)
        return found

    def _refuse(self, spec: TableSpec, bound: BoundTable, todo: Plan) -> tuple[str, ...]:
        """Take rows that cannot be encoded out of the plan; their sentences."""
        sentences: list[str] = []
        for rows in (todo.creates, todo.updates):
            for key in list(rows):
                try:
                    encode(spec, bound, rows[key])  # type: ignore[index]
                except UnwritableError as error:
                    del rows[key]  # type: ignore[arg-type]
                    sentences.append(str(error))
        return tuple(sentences)

    # --- sending ---

    def _call(self, table_key: str, send: Callable[[BoundTable], T]) -> T:
        """Send with the names the columns have now; on "no such field" read the schema and send once more."""
        try:
            return self._send(table_key, send)
        except ChorusError as error:
            if code_of(error) not in UNKNOWN_FIELD:
                raise
        self.bindings.refresh(table_key)
        self.after(table_key)
        return self._send(table_key, send)

    def _send(self, table_key: str, send: Callable[[BoundTable], T]) -> T:
        try:
            return send(self.bindings.require(table_key))
        except ChorusError as error:
            if self.mirror.specs.table(table_key).private:
                raise without_words(error) from None
            raise

    def _create_all(
        self, spec: TableSpec, creates: Mapping[str, Mapping[str, CellValue]], new: Apart[str]
    ) -> tuple[RecordId, ...]:
        ids: list[RecordId] = []
        for part in chunks(list(creates), BATCH):
            self._begin(spec.key, part)
            ids += map(RecordId, new.write({key: creates[key] for key in part}))
        return tuple(ids)

    def _create(
        self, spec: TableSpec, rows: dict[str, Mapping[str, CellValue]], cause: str
    ) -> list[RecordId]:
        """Create rows; when the answer is lost, look which exist and send only the others again."""
        ids: list[RecordId] = []
        for attempt in range(SENDS):
            try:
                stamp = token(cause, spec.key, attempt, self.mirror.seal.digest(spec, rows))
                new = self._send_new(spec, list(rows.values()), stamp)
            except UnknownOutcome:
                if attempt == SENDS - 1:
                    raise
                found = self._learn(spec, self.bindings.require(spec.key), rows)
                ids += [RecordId(record_id) for existing in found.values() for record_id in existing]
                rows = {key: values for key, values in rows.items() if key not in found}
                if not rows:
                    break
            else:
                made = dict(zip(new, rows.values(), strict=True))
                self.mirror.put(spec.key, made, seen_at=self.clock.now())
                self._settled(spec.key, rows)
                return ids + new
        return ids

    def _send_new(
        self, spec: TableSpec, rows: Sequence[Mapping[str, CellValue]], stamp: str
    ) -> list[RecordId]:
        def send(bound: BoundTable) -> list[RecordId]:
            fields = [encode(spec, bound, values) for values in rows]
            made = self.feishu.bitable.batch_create(
                bound.app_token, bound.table_id, fields, client_token=stamp
            )
            return list(made)

        return self._call(spec.key, send)

    def _update_all(
        self, updates: Mapping[RecordId, Mapping[str, CellValue]], old: Apart[RecordId]
    ) -> tuple[RecordId, ...]:
        done: list[RecordId] = []
        for part in chunks(list(updates), BATCH):
            done += map(RecordId, old.write({record_id: updates[record_id] for record_id in part}))
        return tuple(done)

    def _update_some(self, spec: TableSpec, rows: dict[RecordId, Mapping[str, CellValue]]) -> list[RecordId]:
        """Update rows but those that somebody deleted meanwhile."""
        try:
            self._update(spec, rows)
        except ChorusError as error:
            if code_of(error) not in GONE_RECORD:
                raise
            rows = self._without_gone(spec, rows)
            if rows:
                self._update(spec, rows)
        return list(rows)

    def _update(self, spec: TableSpec, rows: Mapping[RecordId, Mapping[str, CellValue]]) -> None:
        def send(bound: BoundTable) -> None:
            encoded = [(record_id, encode(spec, bound, values)) for record_id, values in rows.items()]
            sendable = [(record_id, fields) for record_id, fields in encoded if fields]
            if sendable:
                self.feishu.bitable.batch_update(bound.app_token, bound.table_id, sendable)

        try:
            self._call(spec.key, send)
        except UnknownOutcome:
            self._call(spec.key, send)  # the same values into the same rows: sending twice is harmless
        self.mirror.merge(spec.key, rows, seen_at=self.clock.now())

    def _without_gone(
        self, spec: TableSpec, rows: Mapping[RecordId, Mapping[str, CellValue]]
    ) -> dict[RecordId, Mapping[str, CellValue]]:
        """A batch is all or nothing: drop rows somebody deleted; the next push creates them anew."""
        _found, absent = self.puller.read_back(self.bindings.require(spec.key), list(rows))
        self.mirror.remove(spec.key, absent)
        return {record_id: values for record_id, values in rows.items() if record_id not in absent}

    def _strangers(self, table_key: str, refused: Mapping[str, str], seen: Collection[str]) -> bool:
        """Note people the platform refused, forget those it takes again; whether anything changed."""
        if not refused and not seen:
            return False
        known = {f.subject: f for f in self.bindings.findings.all(table_key) if f.kind == STRANGER}
        kept = [f for subject, f in known.items() if subject not in seen and subject not in refused]
        if len(kept) == len(known) and not refused:
            return False
        found = [DriftFinding(table_key, f.subject, f.sentence, kind=STRANGER) for f in kept]
        found += [
            DriftFinding(table_key, open_id, stranger_sentence(name), kind=STRANGER)
            for open_id, name in refused.items()
        ]
        self.bindings.findings.replace(table_key, STRANGER, found, self.clock.now())
        return refused.keys() != known.keys()

    # --- the durable note ---

    def _begin(self, table_key: str, keys: Sequence[str]) -> None:
        rows = [{"table_key": table_key, "key": key, "at": self.clock.now()} for key in keys]
        with self.bindings.db.begin() as conn:
            conn.execute(self.bindings.db.insert(PENDING).on_conflict_do_nothing(), rows)

    def _settled(self, table_key: str, keys: Collection[str]) -> None:
        with self.bindings.db.begin() as conn:
            for part in chunks(list(keys), BATCH):
                gone = sa.and_(PENDING.c.table_key == table_key, PENDING.c.key.in_(part))
                conn.execute(sa.delete(PENDING).where(gone))


def _usable(bound: BoundTable, values: Mapping[str, CellValue]) -> dict[str, CellValue]:
    """Leave out columns that are missing or retyped (told as drift); normalise the ways to say empty."""
    return {
        key: EMPTY if value in ("", ()) else value
        for key, value in values.items()
        if key in bound.fields and bound.fields[key].state == "ok"
    }
