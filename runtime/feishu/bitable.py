"""The records of a Bitable base; the structure comes from `runtime.feishu.bitable_structure`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runtime.feishu.bitable_structure import TABLE, Item, Structure
from runtime.feishu.door import chunks
from runtime.feishu.endpoint import PER_SECOND_20, PER_SECOND_50, Endpoint
from runtime.ids import AppToken, RecordId, TableId

SEARCH = Endpoint("POST", TABLE + "/records/search", PER_SECOND_20)
BATCH_GET = Endpoint("POST", TABLE + "/records/batch_get", PER_SECOND_20)
BATCH_CREATE = Endpoint("POST", TABLE + "/records/batch_create", PER_SECOND_50, writes=True)
BATCH_UPDATE = Endpoint("POST", TABLE + "/records/batch_update", PER_SECOND_50, writes=True)
BATCH_DELETE = Endpoint("POST", TABLE + "/records/batch_delete", PER_SECOND_50, writes=True)

SEARCH_PAGE = 500
GET_PER_CALL = 100
WRITE_PER_CALL = 1000
"""What the wire takes; batches of 500 are what the platform's own tools use."""
DELETE_PER_CALL = 500

STALE_PAGE_CODES = frozenset({1254030, 1254002})
"""A search with a page token that is refused by one of these must start again from the first page."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a search.

    Args:
        items: `{record_id, fields{column name: value}, …}`; empty cells are absent from `fields`.
        has_more: there is another page, under `page_token`.
        page_token: opaque; None on the last page.
        total: matches of the whole search.
    """

    items: tuple[Item, ...]
    has_more: bool
    page_token: str | None
    total: int


@dataclass(frozen=True, slots=True)
class BatchGot:
    """Records read by id.

    Args:
        records: those found, in the shape of a search.
        absent: ids that do not exist (any more).
        forbidden: ids the app may not read.
    """

    records: tuple[Item, ...]
    absent: tuple[RecordId, ...]
    forbidden: tuple[RecordId, ...]


class Bitable(Structure):
    """Reading and writing records.

    Values are the wire's own: None in a write clears the cell, an absent key leaves it. A batch is written as
    a whole or not at all. Answers to writes echo what was sent, not what stands there: read again where it
    matters.
    Source: docs bitable-v1/app-table-record pages of the same names.
    """

    def search(
        self,
        app: AppToken,
        table: TableId,
        *,
        field_names: Sequence[str] | None = None,
        filter: Mapping[str, Any] | None = None,  # noqa: A002 - the wire's own word
        sort: Sequence[Mapping[str, Any]] | None = None,
        page_token: str | None = None,
        page_size: int = SEARCH_PAGE,
        automatic_fields: bool = False,
    ) -> Page:
        """Return one page of matching records.

        Args:
            app: the base.
            table: the table.
            field_names: columns wanted, all if None.
            filter: `{conjunction, conditions[{field_name, operator, value[]}]}`; formula and lookup columns
                cannot be filtered, dates only by whole days of the base's time zone.
            sort: `[{field_name, desc}]`.
            page_token: from the page before.
            page_size: 1–500.
            automatic_fields: add who created and changed each record, and when (ms).

        Raises:
            FeishuError: its `code` is in `STALE_PAGE_CODES` when the scan must start again.
        """
        wanted = {"field_names": field_names, "filter": filter, "sort": sort}
        body: dict[str, Any] = {name: value for name, value in wanted.items() if value is not None}
        if automatic_fields:
            body["automatic_fields"] = True
        data = self._door.call(
            SEARCH,
            paths={"app_token": app, "table_id": table},
            query={"page_size": page_size, "page_token": page_token, "user_id_type": "open_id"},
            body=body,
        )
        more = bool(data.get("has_more"))
        return Page(
            items=tuple(data.get("items") or ()),
            has_more=more,
            page_token=(data.get("page_token") or None) if more else None,
            total=int(data.get("total") or 0),
        )

    def find(self, app: AppToken, table: TableId, key: Mapping[str, str]) -> tuple[Item, ...]:
        """Return the records whose columns equal all given texts: how an `Ambiguous` create is settled.

        Args:
            app: the base.
            table: the table.
            key: column name to text; text, number and select columns can be asked for this way.
        """
        conditions = [{"field_name": name, "operator": "is", "value": [value]} for name, value in key.items()]
        return self.search(app, table, filter={"conjunction": "and", "conditions": conditions}).items

    def batch_get(self, app: AppToken, table: TableId, record_ids: Sequence[RecordId]) -> BatchGot:
        """Read records by id, any number (100 per call)."""
        records: list[Item] = []
        absent: list[RecordId] = []
        forbidden: list[RecordId] = []
        for part in chunks(record_ids, GET_PER_CALL):
            body = {"record_ids": list(part), "user_id_type": "open_id"}
            data = self._door.call(BATCH_GET, paths={"app_token": app, "table_id": table}, body=body)
            records += data.get("records") or []
            absent += data.get("absent_record_ids") or []
            forbidden += data.get("forbidden_record_ids") or []
        return BatchGot(tuple(records), tuple(absent), tuple(forbidden))

    def batch_create(
        self, app: AppToken, table: TableId, records: Sequence[Mapping[str, Any]], *, client_token: str
    ) -> tuple[RecordId, ...]:
        """Create records and return their ids in the order given.

        Args:
            app: the base.
            table: the table.
            records: the fields of each, column name to value; at most 1,000.
            client_token: uuid4-shaped key of this batch (`keys.client_token`). It only suppresses duplicates:
                a repeat is refused as `Ambiguous` (1255006, 1254608), and the caller finds its rows by
                business key.
        """
        _within(records, WRITE_PER_CALL)
        body = {"records": [{"fields": dict(fields)} for fields in records]}
        query = {"client_token": client_token, "user_id_type": "open_id"}
        return _ids(self._change(BATCH_CREATE, app, table, query=query, body=body))

    def batch_update(
        self, app: AppToken, table: TableId, records: Sequence[tuple[RecordId, Mapping[str, Any]]]
    ) -> tuple[RecordId, ...]:
        """Change at most 1,000 records: None clears a cell, unnamed cells stay. Repeating is safe."""
        _within(records, WRITE_PER_CALL)
        body = {
            "records": [{"record_id": record_id, "fields": dict(fields)} for record_id, fields in records]
        }
        return _ids(self._change(BATCH_UPDATE, app, table, query={"user_id_type": "open_id"}, body=body))

    def batch_delete(self, app: AppToken, table: TableId, record_ids: Sequence[RecordId]) -> None:
        """Delete records, at most 500."""
        _within(record_ids, DELETE_PER_CALL)
        self._change(BATCH_DELETE, app, table, body={"records": list(record_ids)})


def _ids(data: Mapping[str, Any]) -> tuple[RecordId, ...]:
    records = data.get("records") or ()
    return tuple(RecordId(str(record.get("record_id") or record.get("id") or "")) for record in records)


def _within(records: Sequence[object], most: int) -> None:
    if not 1 <= len(records) <= most:
        msg = f"Bitable takes 1 to {most} records a call, not {len(records)}; send them in parts."
        raise ValueError(msg)
