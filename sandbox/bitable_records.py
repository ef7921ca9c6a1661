"""Record endpoints of bitable-v1: create, update, delete, their batches, batch_get and search."""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from sandbox import bitable_model as m
from sandbox.bitable_cells import Writing, cells_of
from sandbox.bitable_errors import answers, refuse
from sandbox.bitable_read import Reading
from sandbox.bitable_rights import Rights, rights_of
from sandbox.bitable_search import Filter, sort_records, view_test
from sandbox.kernel import Rate, Request, Routes, World

routes = Routes("bitable")
ROOT = "/open-apis/bitable/v1/apps/:app_token/tables/:table_id/records"
DOC = "docs bitable-v1/app-table-record"
WRITE, READ = Rate(per_second=50), Rate(per_second=20)
Body = dict[str, Any]
ID_TYPES = ("open_id", "union_id", "user_id")


def id_type_of(given: Any) -> str:
    """The id type asked for; 1254010 when there is no such type."""
    id_type = given or "open_id"
    if id_type not in ID_TYPES:
        raise refuse(1254010)
    return str(id_type)


def body_of(req: Request) -> Body:
    """The JSON body; 1254000 when it is not JSON, 1254001 when not an object."""
    try:
        body = json.loads(req.raw or b"{}")
    except ValueError as broken:
        raise refuse(1254000) from broken
    if not isinstance(body, dict):
        raise refuse(1254001)
    return body


def _list(body: Body, key: str, most: int) -> list[Any]:
    """A list member of a write body; 1254001 when missing or empty, 1254104 when too long."""
    found = body.get(key)
    if not isinstance(found, list) or not found:
        raise refuse(1254001)
    if len(found) > most:
        raise refuse(1254104)
    return found


def _writable(table: m.Table, rights: Rights, *, records: Sequence[m.Record] = (), cells: Any = ()) -> None:
    if table.read_only or not rights.may_edit(records, cells):
        raise refuse(1254302)


def _echo(record: m.Record, fields: Any) -> Body:
    return {"fields": dict(fields), "id": record.id, "record_id": record.id}


def _create(world: World, req: Request, rows: list[Any]) -> list[Body]:
    base, table = world.bitable.opened(req)
    rights = rights_of(world, base, table, world.bitable.operator(req), app=req.identity == "app")
    writing = Writing(world, base, table, id_type_of(req.query.get("user_id_type")))
    cells = [cells_of(writing, _fields(row)) for row in rows]
    if table.read_only or not all(rights.may_fill(row) for row in cells):
        raise refuse(1254302)
    writing.accept_options()
    records = world.bitable.add_records(base, table, world.bitable.operator(req), cells)
    return [_echo(record, row["fields"]) for record, row in zip(records, rows, strict=True)]


def _fields(row: Any) -> Any:
    if not isinstance(row, Mapping) or not isinstance(row.get("fields"), Mapping):
        raise refuse(1254001)
    return row["fields"]


def _update(world: World, req: Request, rows: list[Any]) -> list[Body]:
    base, table = world.bitable.opened(req)
    operator = world.bitable.operator(req)
    rights = rights_of(world, base, table, operator, app=req.identity == "app")
    writing = Writing(world, base, table, id_type_of(req.query.get("user_id_type")))
    edits = []
    for row in rows:
        if not isinstance(row, Mapping):
            raise refuse(1254001)
        record = world.bitable.record(table, row.get("record_id", ""))
        cells = cells_of(writing, _fields(row))
        _writable(table, rights, records=[record], cells=cells)
        edits.append((record, cells))
    writing.accept_options()
    world.bitable.edit_records(base, table, operator, edits)
    return [_echo(record, row["fields"]) for (record, _), row in zip(edits, rows, strict=True)]


def _delete(world: World, req: Request, ids: list[Any]) -> list[Body]:
    base, table = world.bitable.opened(req)
    operator = world.bitable.operator(req)
    rights = rights_of(world, base, table, operator, app=req.identity == "app")
    records = [world.bitable.record(table, record_id) for record_id in dict.fromkeys(ids)]
    if table.read_only or not rights.may_delete:
        raise refuse(1254302)
    _writable(table, rights, records=records)
    world.bitable.remove_records(base, table, operator, records)
    return [{"deleted": True, "record_id": record.id} for record in records]


@routes.add("POST", ROOT, rate=WRITE, auth="any", locked=False, claim=f"{DOC}/create, 2025-07-21")
@answers("write")
def create(world: World, req: Request) -> Mapping[str, Any]:
    """Add one record; the answer echoes what was sent."""
    base, table = world.bitable.opened(req)
    row = body_of(req)
    with world.bitable.writing(table):
        done: Mapping[str, Any] = world.bitable.once(
            base, req, lambda: {"record": _create(world, req, [row])[0]}
        )
        return done


@routes.add(
    "POST",
    f"{ROOT}/batch_create",
    rate=WRITE,
    auth="any",
    locked=False,
    claim=f"{DOC}/batch_create, 2025-07-21",
)
@answers("write")
def batch_create(world: World, req: Request) -> Mapping[str, Any]:
    """Add up to 1000 records, all or none."""
    base, table = world.bitable.opened(req)
    rows = _list(body_of(req), "records", 1000)
    with world.bitable.writing(table):
        done: Mapping[str, Any] = world.bitable.once(
            base, req, lambda: {"records": _create(world, req, rows)}
        )
        return done


@routes.add(
    "PUT", f"{ROOT}/:record_id", rate=WRITE, auth="any", locked=False, claim=f"{DOC}/update, 2025-07-21"
)
@answers("write")
def update(world: World, req: Request) -> Body:
    """Change the named cells of one record; null clears."""
    _, table = world.bitable.opened(req)
    row = {**body_of(req), "record_id": req.params["record_id"]}
    with world.bitable.writing(table):
        return {"record": _update(world, req, [row])[0]}


@routes.add(
    "POST",
    f"{ROOT}/batch_update",
    rate=WRITE,
    auth="any",
    locked=False,
    claim=f"{DOC}/batch_update, 2024-11-28",
)
@answers("write")
def batch_update(world: World, req: Request) -> Body:
    """Change up to 1000 records, all or none."""
    _, table = world.bitable.opened(req)
    rows = _list(body_of(req), "records", 1000)
    with world.bitable.writing(table):
        return {"records": _update(world, req, rows)}


@routes.add(
    "DELETE", f"{ROOT}/:record_id", rate=WRITE, auth="any", locked=False, claim=f"{DOC}/delete, 2026-02-02"
)
@answers("write")
def delete(world: World, req: Request) -> Body:
    """Delete one record."""
    _, table = world.bitable.opened(req)
    with world.bitable.writing(table):
        return _delete(world, req, [req.params["record_id"]])[0]


@routes.add(
    "POST",
    f"{ROOT}/batch_delete",
    rate=WRITE,
    auth="any",
    locked=False,
    claim=f"{DOC}/batch_delete, 2026-02-02",
)
@answers("write")
def batch_delete(world: World, req: Request) -> Body:
    """Delete up to 500 records, all or none."""
    _, table = world.bitable.opened(req)
    ids = _list(body_of(req), "records", 500)
    with world.bitable.writing(table):
        return {"records": _delete(world, req, ids)}


@routes.add("POST", f"{ROOT}/batch_get", rate=READ, auth="any", claim=f"{DOC}/batch_get, 2025-07-21")
@answers("get")
def batch_get(world: World, req: Request) -> Body:
    """Read up to 100 records by id; ``user_id_type`` stands in the body."""
    base, table = world.bitable.opened(req)
    body = body_of(req)
    ids = _list(body, "record_ids", 100)
    if not all(isinstance(record_id, str) and record_id.startswith("rec") for record_id in ids):
        raise refuse(1254006)
    reading = Reading(world, base, table, id_type_of(body.get("user_id_type")))
    rights = rights_of(world, base, table, world.bitable.operator(req), app=req.identity == "app")
    found, absent, forbidden = [], [], []
    for record_id in ids:
        record = table.records.get(record_id)
        if record is None or world.bitable.lagging(record):
            absent.append(record_id)
        elif not rights.may_see(record):
            forbidden.append(record_id)
        else:
            found.append(record)
    drawn = reading.fields(found, rights.columns())
    records = []
    for record, fields in zip(found, drawn, strict=True):
        item: Body = {"fields": fields, "record_id": record.id}
        if body.get("automatic_fields"):
            item |= reading.automatic(record)
        if body.get("with_shared_url"):
            item["shared_url"] = f"{world.base_url}/record/{base.token}{record.id}"
        records.append(item)
    return {"records": records, "forbidden_record_ids": forbidden, "absent_record_ids": absent}


class Pages:
    """Opaque page tokens: where the page ended, for which question, in which revision, and when."""

    def __init__(self, world: World, table: m.Table, question: Any) -> None:
        self.world = world
        self.table = table
        asked = json.dumps([table.id, question], sort_keys=True, default=str)
        self.digest = hashlib.blake2b(asked.encode(), digest_size=8).hexdigest()

    def issue(self, after: int) -> str:
        """A token for the page after position ``after``."""
        inside = [self.digest, after, self.table.revision, int(self.world.clock.time())]
        return base64.urlsafe_b64encode(json.dumps(inside).encode()).decode()

    def read(self, token: str) -> int:
        """The position in a token; 1254030 when broken or too old, 1254002 when of another search."""
        try:
            digest, after, revision, issued = json.loads(base64.urlsafe_b64decode(token))
        except (ValueError, TypeError, binascii.Error) as broken:
            raise refuse(1254030) from broken
        if self.world.clock.time() - issued > self.world.bitable.page_token_seconds:
            raise refuse(1254030)
        if digest != self.digest or (self.world.bitable.strict_pages and revision != self.table.revision):
            raise refuse(1254002)
        return int(after)


def page_size(given: str | None, most: int = 500, default: int = 20) -> int:
    """A page size from the query; 1254011 outside 1…``most``."""
    if given in (None, ""):
        return default
    if not str(given).isdigit() or not 1 <= int(str(given)) <= most:
        raise refuse(1254011)
    return int(str(given))


def _columns(table: m.Table, names: Any, rights: Rights) -> list[m.Field]:
    if names in (None, []):
        return rights.columns()
    if not isinstance(names, list) or len(names) > 200 or not all(isinstance(n, str) for n in names):
        raise refuse(1254024)
    chosen = []
    for name in names:
        column = table.field_named(name)
        if column is None:
            raise refuse(1254045)
        chosen.append(column)
    return [column for column in chosen if column in rights.columns()]


def _select(world: World, base: m.Base, table: m.Table, body: Body, rights: Rights, id_type: str) -> Any:
    """The records a search finds, or None when it is simply the whole table in order."""
    tests = []
    sort = body.get("sort") or []
    given = Filter(world, base, table, id_type=id_type).test(body.get("filter") or {})
    if given is not None:
        tests.append(given)
    elif not sort and body.get("view_id"):
        view = table.views.get(body["view_id"])
        if view is None:
            raise refuse(1254042 if str(body["view_id"]).startswith("vew") else 1254005)
        own = view_test(world, base, table, view)
        tests += [own] if own else []
    if not rights.sees_all:
        tests.append(rights.may_see)
    if not tests and not sort:
        return None
    records = list(table.live())
    for test in tests:
        records = [record for record in records if test(record)]
    return sort_records(world, table, records, sort) if sort else records


def page_of(table: m.Table, pages: Pages, token: str | None, size: int, choose: Any) -> Any:
    """One page and what follows: (records, has_more, next token or None, total)."""
    after = pages.read(token) if token else 0
    # What a search finds stays as long as the table does, and for an hour, because "Today" moves on.
    stamp = (table.revision, pages.world.clock.ms() // 3_600_000)
    kept = table.answers.get(pages.digest)
    if kept is None or kept[0] != stamp:
        found = choose()
        if found is None:
            records = table.page(after, size + 1)
            more = len(records) > size
            records = records[:size]
            return records, more, pages.issue(records[-1].seq) if more else None, len(table.records)
        if len(table.answers) >= 4:
            table.answers.clear()
        kept = table.answers[pages.digest] = (stamp, found)
    records = kept[1][after : after + size]
    more = after + size < len(kept[1])
    return records, more, pages.issue(after + size) if more else None, len(kept[1])


@routes.add("POST", f"{ROOT}/search", rate=READ, auth="any", claim=f"{DOC}/search, 2025-05-08")
@answers("search")
def search(world: World, req: Request) -> Body:
    """Find records, up to 500 a page; ``view_id`` counts only without filter and sort."""
    base, table = world.bitable.opened(req)
    body = body_of(req)
    size = page_size(req.query.get("page_size"))
    id_type = id_type_of(req.query.get("user_id_type"))
    operator = world.bitable.operator(req)
    rights = rights_of(world, base, table, operator, app=req.identity == "app")
    columns = _columns(table, body.get("field_names"), rights)
    question = [body.get("filter"), body.get("sort"), body.get("view_id"), operator, id_type]
    pages = Pages(world, table, question)
    records, more, token, total = page_of(
        table,
        pages,
        req.query.get("page_token"),
        size,
        lambda: _select(world, base, table, body, rights, id_type),
    )
    reading = Reading(world, base, table, id_type)
    drawn = reading.fields(records, columns)
    items: list[Body] = [
        {"fields": fields, "record_id": record.id} for fields, record in zip(drawn, records, strict=True)
    ]
    if body.get("automatic_fields") is True:
        for item, record in zip(items, records, strict=True):
            item.update(reading.automatic(record))
    answer: Body = {"items": items, "has_more": more, "total": total}
    return {**answer, "page_token": token} if token else answer
