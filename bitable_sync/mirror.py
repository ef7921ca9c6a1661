"""The local copy of the tables.

What was last seen of each row, kept as plain JSON and decoded when looked at.

The mirror can be thrown away at any time and pulled again; it lives in a database (file) of its own so that a
large pull never delays a small commit. Reading it never calls the platform.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bitable_sync.cells import EMPTY, CellValue, UnwritableError
from bitable_sync.codecs import canon, keep, read
from bitable_sync.quiet import unfit, unquoted
from bitable_sync.sealing import RowSeal
from bitable_sync.spec import Specs, TableSpec
from runtime import fastjson
from runtime.clock import FARTHEST, Clock, from_us, to_us
from runtime.db import Database, mirror_metadata
from runtime.ids import RecordId

if TYPE_CHECKING:
    from runtime.vault import Vault

ROWS = sa.Table(
    "mirror_rows",
    mirror_metadata,
    sa.Column("table_key", sa.String(64), primary_key=True),
    sa.Column("record_id", sa.String(64), primary_key=True),
    sa.Column("key", sa.Text),  # the business key as one text; null when a part is empty or unreadable
    # JSON: field key -> value in read shape, empty cells left out; of a private table sealed
    sa.Column("data", sa.Text, nullable=False),
    sa.Column("seen_at", sa.BigInteger, nullable=False),  # µs: when the read that gave this row began
    sa.Column("generation", sa.BigInteger, nullable=False, default=0),  # the pull that last saw the row
    sa.Index("mirror_rows_key", "table_key", "key"),
)
STATE = sa.Table(
    "mirror_tables",
    mirror_metadata,
    sa.Column("table_key", sa.String(64), primary_key=True),
    sa.Column("pulled_at", sa.BigInteger),  # µs: begin of the last complete pull
    sa.Column("generation", sa.BigInteger, nullable=False, default=0),
    # grows with every change of the table here
    sa.Column("revision", sa.BigInteger, nullable=False, default=0),
)
CHUNK = 500
Id = TypeVar("Id", bound=str)


class Cells(Mapping[str, CellValue]):
    """The cells of one row by field key, decoded when asked for. Every key of the spec is present.

    Of a private table nothing is shown: not in ``repr``, nor what stands in a cell that cannot be read.
    """

    __slots__ = ("_done", "_raw", "_spec")

    def __init__(self, raw: str | Mapping[str, Any], spec: TableSpec) -> None:
        self._raw = raw if isinstance(raw, str | dict) else dict(raw)
        self._spec = spec
        self._done: dict[str, CellValue] = {}

    def __getitem__(self, key: str) -> CellValue:
        if key not in self._done:
            field = self._spec.by_key[key]
            value = read(self._kept(key), field)
            self._done[key] = unquoted(value, field) if self._spec.private else value
        return self._done[key]

    def _kept(self, key: str) -> Any:
        if isinstance(self._raw, str):
            self._raw = fastjson.loads(self._raw)
        return self._raw.get(key) if isinstance(self._raw, dict) else None

    def alike(self, other: Cells, key: str) -> bool:
        """Whether a cell is kept in the very same form in another row; then it need not be decoded."""
        mine, theirs = self._kept(key), other._kept(key)
        return type(mine) is type(theirs) and bool(mine == theirs)

    def __iter__(self) -> Iterator[str]:
        return (field.key for field in self._spec.fields)

    def __len__(self) -> int:
        return len(self._spec.fields)

    def __repr__(self) -> str:
        return "Cells(private)" if self._spec.private else f"Cells({dict(self)!r})"


@dataclass(frozen=True, slots=True)
class Row:
    """One row as last seen. ``seen_at`` is when that reading began (aware UTC).

    Age decides what rules may do.
    """

    table: str
    record_id: RecordId
    values: Mapping[str, CellValue]
    seen_at: datetime


def business_key(spec: TableSpec, values: Mapping[str, CellValue]) -> str | None:
    """The business key of a row as one text; None if the table has none or a part is empty or unreadable."""
    parts = [canon(values.get(key, EMPTY)) for key in spec.business_key]
    return None if not parts or None in parts else "\x1f".join(part or "" for part in parts)


def _raw_key(spec: TableSpec, raw: Mapping[str, Any]) -> str | None:
    return business_key(spec, {key: read(raw.get(key), spec.by_key[key]) for key in spec.business_key})


class Mirror:
    """Rows by table key. Safe to use from several threads and processes.

    Args:
        db: where rows are kept.
        specs: all tables.
        vault: seals rows of private tables; without one they are refused in a sentence, others go on.
        clock: tells which readings cannot have been yet.
    """

    def __init__(self, db: Database, specs: Specs, vault: Vault | None = None, *, clock: Clock) -> None:
        self._clock = clock
        self.db = db
        self.specs = specs
        self.seal = RowSeal(vault)

    def may(self, table: str) -> bool:
        """Whether the rows of a table may be kept here: always, but for a private table without a key."""
        return self.seal.may(self.specs.table(table))

    def require(self, table: str) -> None:
        """Refuse a table that may not be kept here (`PrivateTable`), before anything is asked or sent."""
        self.seal.require(self.specs.table(table))

    # --- looking ---

    def rows(self, table: str) -> list[Row]:
        """All rows of a table, in order of record id."""
        query = sa.select(ROWS).where(ROWS.c.table_key == table).order_by(ROWS.c.record_id)
        return self._rows(table, query)

    def holding(self, table: str, key: str) -> list[Row]:
        """The rows in which something stands in a column; cheap where that is few rows of many."""
        query = sa.select(ROWS).where(ROWS.c.table_key == table).order_by(ROWS.c.record_id)
        if not self.specs.table(table).private:  # what is sealed must be opened to be looked at
            query = query.where(ROWS.c.data.contains(f'"{key}":', autoescape=True))
        return [row for row in self._rows(table, query) if row.values[key] != EMPTY]

    def get(self, table: str, record_id: str) -> Row | None:
        """One row, or None if the mirror does not know it."""
        found = self.many(table, [record_id])
        return found.get(RecordId(record_id))

    def many(self, table: str, record_ids: Collection[str]) -> dict[RecordId, Row]:
        """Those of the named rows that the mirror knows."""
        found: dict[RecordId, Row] = {}
        for chunk in chunks(sorted(record_ids), CHUNK):
            query = sa.select(ROWS).where(ROWS.c.table_key == table, ROWS.c.record_id.in_(chunk))
            found.update((row.record_id, row) for row in self._rows(table, query))
        return found

    def find(self, table: str, key_values: Mapping[str, CellValue]) -> list[Row]:
        """All rows whose business key has these values (more than one = a conflict people must settle)."""
        key = business_key(self.specs.table(table), key_values)
        return [] if key is None else self.by_keys(table, [key]).get(key, [])

    def by_keys(self, table: str, keys: Collection[str]) -> dict[str, list[Row]]:
        """Rows by the text of their business key, for many keys at once."""
        found: dict[str, list[Row]] = {}
        spec = self.specs.table(table)
        with self.db.read() as conn:
            for chunk in chunks(sorted(keys), CHUNK):
                # Ordered here: asked for an order by the primary key, SQLite walks through the whole table.
                query = sa.select(ROWS).where(ROWS.c.table_key == table, ROWS.c.key.in_(chunk))
                for record in sorted(conn.execute(query), key=lambda each: str(each.record_id)):
                    found.setdefault(record.key, []).append(self._row(spec, record))
        return found

    def duplicates(self, table: str) -> dict[str, list[RecordId]]:
        """Business keys that stand in more than one row."""
        more = (
            sa.select(ROWS.c.key)
            .where(ROWS.c.table_key == table, ROWS.c.key.is_not(None))
            .group_by(ROWS.c.key)
            .having(sa.func.count() > 1)
        )
        query = sa.select(ROWS.c.key, ROWS.c.record_id).where(ROWS.c.table_key == table, ROWS.c.key.in_(more))
        found: dict[str, list[RecordId]] = {}
        with self.db.read() as conn:
            for key, record_id in conn.execute(query.order_by(ROWS.c.record_id)):
                found.setdefault(key, []).append(RecordId(record_id))
        return found

    def count(self, table: str) -> int:
        """How many rows of the table the mirror holds."""
        with self.db.read() as conn:
            query = sa.select(sa.func.count()).select_from(ROWS).where(ROWS.c.table_key == table)
            return int(conn.execute(query).scalar_one())

    def first(self, table: str) -> RecordId | None:
        """The id of one row (the lowest), or None for an empty table."""
        query = sa.select(sa.func.min(ROWS.c.record_id)).where(ROWS.c.table_key == table)
        with self.db.read() as conn:
            found: str | None = conn.execute(query).scalar_one()
        return None if found is None else RecordId(found)

    def age(self, table: str, now: datetime) -> timedelta | None:
        """Time since the last complete pull began; None if there never was one (then nothing is known)."""
        pulled = self.state(table)[0]
        return None if pulled is None else now - pulled

    def revision(self, table: str) -> int:
        """A number that grows with every change of the table in the mirror."""
        return self.state(table)[2]

    def state(self, table: str) -> tuple[datetime | None, int, int]:
        """(begin of the last complete pull, its generation, revision)."""
        with self.db.read() as conn:
            found = conn.execute(sa.select(STATE).where(STATE.c.table_key == table)).first()
        if found is None:
            return None, 0, 0
        return (
            (from_us(found.pulled_at) if found.pulled_at is not None else None),
            found.generation,
            found.revision,
        )

    # --- changing ---

    def put(
        self,
        table: str,
        rows: Mapping[Id, Mapping[str, CellValue]],
        *,
        seen_at: datetime,
        generation: int = 0,
    ) -> None:
        """Keep whole rows given as typed values (record id → field key → value).

        A missing key is an empty cell.
        """
        spec = self.specs.table(table)
        kept = {
            record_id: {key: _kept(value, spec, key) for key, value in values.items()}
            for record_id, values in rows.items()
        }
        self.put_raw(table, kept, seen_at=seen_at, generation=generation)

    def put_raw(
        self, table: str, rows: Mapping[Id, Mapping[str, Any]], *, seen_at: datetime, generation: int = 0
    ) -> None:
        """Keep whole rows in read shape, by field key.

        A row already seen by a later reading is left alone.
        """
        if not rows:
            return
        spec, at = self.specs.table(table), to_us(seen_at)
        records = [
            {"table_key": table, "record_id": record_id, "key": _raw_key(spec, raw),
             "data": self.seal.close(spec, record_id, dump(raw)), "seen_at": at, "generation": generation}
            for record_id, raw in rows.items()
        ]  # fmt: skip
        insert = self.db.insert(ROWS)
        new = insert.excluded
        # A row seen later keeps its content, yet this pull did see that it exists.
        later = sa.and_(ROWS.c.seen_at > new.seen_at, ROWS.c.seen_at <= self._latest())
        statement = insert.on_conflict_do_update(
            index_elements=[ROWS.c.table_key, ROWS.c.record_id],
            set_={
                "key": sa.case((later, ROWS.c.key), else_=new.key),
                "data": sa.case((later, ROWS.c.data), else_=new.data),
                "seen_at": sa.case((later, ROWS.c.seen_at), else_=new.seen_at),
                "generation": sa.case(
                    (new.generation > ROWS.c.generation, new.generation), else_=ROWS.c.generation
                ),
            },
        )
        with self.db.begin() as conn:
            conn.execute(statement, records)
            self._touch(conn, table)

    def merge(self, table: str, rows: Mapping[Id, Mapping[str, CellValue]], *, seen_at: datetime) -> None:
        """Change some cells of several rows; a row the mirror does not know is kept with just these cells."""
        spec = self.specs.table(table)
        old = self.raw(table, list(rows))
        merged = {
            record_id: {
                **old.get(record_id, {}),
                **{key: _kept(v, spec, key) for key, v in values.items()},
            }
            for record_id, values in rows.items()
        }
        self.put_raw(table, merged, seen_at=seen_at)

    def remove(self, table: str, record_ids: Iterable[str]) -> None:
        """Forget rows that are confirmed to be gone."""
        with self.db.begin() as conn:
            for chunk in chunks(sorted(record_ids), CHUNK):
                conn.execute(sa.delete(ROWS).where(ROWS.c.table_key == table, ROWS.c.record_id.in_(chunk)))
            self._touch(conn, table)

    def begin_pull(self, table: str) -> int:
        """Number of a new pull; rows it sees carry it."""
        with self.db.begin() as conn:
            self._touch(conn, table)
            conn.execute(
                sa.update(STATE).where(STATE.c.table_key == table).values(generation=STATE.c.generation + 1)
            )
            return int(
                conn.execute(sa.select(STATE.c.generation).where(STATE.c.table_key == table)).scalar_one()
            )

    def end_pull(self, table: str, *, started: datetime) -> None:
        """The pull that began at ``started`` saw the whole table."""
        with self.db.begin() as conn:
            conn.execute(sa.update(STATE).where(STATE.c.table_key == table).values(pulled_at=to_us(started)))

    def unseen(self, table: str, *, generation: int, before: datetime) -> list[RecordId]:
        """Rows the pull ``generation`` did not see and nobody wrote since it began.

        Candidates for deleted.
        """
        at = ROWS.c.seen_at
        query = sa.select(ROWS.c.record_id).where(
            ROWS.c.table_key == table, ROWS.c.generation < generation,
            sa.or_(at < to_us(before), at > self._latest()),
        )  # fmt: skip
        with self.db.read() as conn:
            return [RecordId(found) for found in conn.execute(query.order_by(ROWS.c.record_id)).scalars()]

    # --- inside ---

    def _latest(self) -> int:
        """The last moment a reading can have begun; what lies further ahead came by a wrong clock."""
        return to_us(self._clock.now() + FARTHEST)

    def _rows(self, table: str, query: sa.Select[Any]) -> list[Row]:
        spec = self.specs.table(table)
        with self.db.read() as conn:
            return [self._row(spec, record) for record in conn.execute(query)]

    def _row(self, spec: TableSpec, record: Any) -> Row:
        data = self.seal.open(spec, record.record_id, record.data) if spec.private else record.data
        return Row(spec.key, RecordId(record.record_id), Cells(data, spec), from_us(record.seen_at))

    def raw(self, table: str, record_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Rows as they are kept: read shape by field key."""
        found: dict[str, dict[str, Any]] = {}
        spec = self.specs.table(table)
        with self.db.read() as conn:
            for chunk in chunks(sorted(record_ids), CHUNK):
                query = sa.select(ROWS.c.record_id, ROWS.c.data)
                query = query.where(ROWS.c.table_key == table, ROWS.c.record_id.in_(chunk))
                rows = conn.execute(query)
                found.update((rid, fastjson.loads(self.seal.open(spec, rid, data))) for rid, data in rows)
        return found

    def _touch(self, conn: Connection, table: str) -> None:
        insert = self.db.insert(STATE).values(table_key=table, generation=0, revision=1)
        conn.execute(
            insert.on_conflict_do_update(
                index_elements=[STATE.c.table_key], set_={"revision": STATE.c.revision + 1}
            )
        )


def dump(raw: Mapping[str, Any]) -> str:
    """The stored text of a row; empty cells are left out as the platform does."""
    return fastjson.dumps({k: v for k, v in raw.items() if v is not None})


def chunks(items: Sequence[Any], size: int) -> Iterator[list[Any]]:
    """The items in pieces of at most ``size``."""
    for start in range(0, len(items), size):
        yield list(items[start : start + size])


def _kept(value: CellValue, spec: TableSpec, key: str) -> Any:
    field = spec.field(key)
    try:
        return keep(value, field)
    except UnwritableError:
        if spec.private:
            raise unfit(field) from None
        raise
