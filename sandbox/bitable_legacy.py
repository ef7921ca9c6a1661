"""The older record reads (GET list and get): kept for regression tests, with their numbers as text.

Source: app-table-record/list and /get (Feishu docs, 2024-09) and the formula filter guide (2024-05).
"""

import json
from typing import Any

from sandbox import bitable_model as m
from sandbox.bitable_errors import answers, refuse
from sandbox.bitable_formula import compile_formula, normalise
from sandbox.bitable_functions import Fault, truth
from sandbox.bitable_read import Reading
from sandbox.bitable_records import DOC, Pages, id_type_of, page_of, page_size
from sandbox.bitable_rights import rights_of
from sandbox.bitable_search import Test, sort_records, view_test
from sandbox.bitable_state import TableHost
from sandbox.kernel import Rate, Request, Routes, World

routes = Routes("bitable")
ROOT = "/open-apis/bitable/v1/apps/:app_token/tables/:table_id/records"
READ = Rate(per_second=20)
Body = dict[str, Any]


def _formula_test(world: World, base: m.Base, table: m.Table, source: str) -> Test:
    """The test of a filter formula; 1254018 when it cannot be understood, 1254107 when too long."""
    if len(source) > 2000:
        raise refuse(1254107)

    def id_of(name: str) -> str | None:
        column = table.field_named(name)
        if column is not None and column.type in (m.FORMULA, m.LOOKUP):
            raise refuse(1254018)
        return column.id if column else None

    try:
        code = compile_formula(normalise(source, table.id, id_of), table.id, TableHost(world, base, table))
    except ValueError as unclear:
        raise refuse(1254018) from unclear

    def test(record: m.Record) -> bool:
        try:
            return truth(code(record))
        except Fault:
            return False

    return test


def _sort_keys(given: str) -> list[Body]:
    """``["field DESC","other ASC"]`` as sort keys."""
    if len(given) > 1000:
        raise refuse(1254108)
    try:
        parts = json.loads(given)
    except ValueError as broken:
        raise refuse(1254016) from broken
    keys = []
    for part in parts if isinstance(parts, list) else [None]:
        name, _, way = str(part).rpartition(" ")
        if way not in ("ASC", "DESC"):
            raise refuse(1254016)
        keys.append({"field_name": name, "desc": way == "DESC"})
    return keys


def _draw(world: World, base: m.Base, table: m.Table, req: Request, records: list[m.Record]) -> list[Body]:
    reading = Reading(world, base, table, id_type_of(req.query.get("user_id_type")))
    names = json.loads(req.query.get("field_names") or "[]")
    as_array = req.query.get("text_field_as_array") == "true"
    readers = [
        (column.name, reading.legacy(column, text_as_array=as_array))
        for column in table.fields.values()
        if not names or column.name in names
    ]
    items = []
    for record in records:
        drawn = {name: value for name, read in readers if (value := read(record)) is not None}
        item: Body = {"fields": drawn, "id": record.id, "record_id": record.id}
        if req.query.get("automatic_fields") == "true":
            item |= reading.automatic(record)
        items.append(item)
    return items


@routes.add("GET", ROOT, rate=READ, auth="any", claim=f"{DOC}/list, 2024-09-18; numbers as text seen live")
@answers("search")
def list_records(world: World, req: Request) -> Body:
    """List records the older way, with a formula as filter."""
    base, table = world.bitable.opened(req)
    size = page_size(req.query.get("page_size"))
    source, sort, view_id = (req.query.get(key, "") for key in ("filter", "sort", "view_id"))
    rights = rights_of(world, base, table, world.bitable.operator(req), app=req.identity == "app")

    def choose() -> list[m.Record] | None:
        tests: list[Test] = [] if rights.sees_all else [rights.may_see]
        if source:
            tests.append(_formula_test(world, base, table, source))
        elif view_id and not sort:
            view = table.views.get(view_id)
            if view is None:
                raise refuse(1254042)
            own = view_test(world, base, table, view)
            tests += [own] if own else []
        if not tests and not sort:
            return None
        records = [record for record in table.live() if all(test(record) for test in tests)]
        return sort_records(world, table, records, _sort_keys(sort)) if sort else records

    pages = Pages(world, table, ["list", source, sort, view_id, req.identity])
    records, more, token, total = page_of(table, pages, req.query.get("page_token"), size, choose)
    answer: Body = {"items": _draw(world, base, table, req, records), "has_more": more, "total": total}
    return {**answer, "page_token": token} if token else answer


@routes.add("GET", f"{ROOT}/:record_id", rate=READ, auth="any", claim=f"{DOC}/get, 2024-09-18")
@answers("get")
def get_record(world: World, req: Request) -> Body:
    """Read one record the older way."""
    base, table = world.bitable.opened(req)
    record = world.bitable.record(table, req.params["record_id"])
    rights = rights_of(world, base, table, world.bitable.operator(req), app=req.identity == "app")
    if not rights.may_see(record):
        raise refuse(1254302)
    return {"record": _draw(world, base, table, req, [record])[0]}
