"""Table and field endpoints of bitable-v1."""

from typing import Any

from sandbox import bitable_fields as f
from sandbox.bitable_errors import answers, refuse
from sandbox.bitable_records import body_of, page_size
from sandbox.bitable_schema import add_field, change_field, check_table_name, create_table, drop_field
from sandbox.kernel import Rate, Request, Routes, World

routes = Routes("bitable")
TABLES = "/open-apis/bitable/v1/apps/:app_token/tables"
FIELDS = f"{TABLES}/:table_id/fields"
DOC = "docs bitable-v1"
READ, WRITE = Rate(per_second=20), Rate(per_second=10)
Body = dict[str, Any]


def page(items: list[Body], key: str, req: Request, *, always_token: bool = False) -> Body:
    """One page of a structure listing; the token is the id of the page's last item."""
    size = page_size(req.query.get("page_size"), 100)
    token = req.query.get("page_token")
    start = 0
    if token:
        places = [at for at, item in enumerate(items) if item[key] == token]
        if not places:
            raise refuse(1254030)
        start = places[0] + 1
    shown = items[start : start + size]
    more = start + size < len(items)
    answer: Body = {"items": shown, "has_more": more, "total": len(items)}
    if shown and (more or always_token):
        answer["page_token"] = shown[-1][key]
    return answer


@routes.add(
    "GET", TABLES, rate=READ, auth="any", claim=f"{DOC}/app-table/list, 2025-07; page_token always present"
)
@answers("table")
def list_tables(world: World, req: Request) -> Body:
    """The tables of a base."""
    base = world.bitable.open(req)
    items = [{"table_id": t.id, "revision": t.revision, "name": t.name} for t in base.tables.values()]
    return page(items, "table_id", req, always_token=True)


@routes.add("POST", TABLES, rate=WRITE, auth="any", claim=f"{DOC}/app-table/create, 2025-07")
@answers("table")
def create(world: World, req: Request) -> Body:
    """Create a table, with fields or with one text field."""
    base = world.bitable.open(req)
    spec = body_of(req).get("table")
    if not isinstance(spec, dict):
        raise refuse(1254001)
    fields = spec.get("fields")
    if fields is None and spec.get("default_view_name"):
        raise refuse(1254001)
    if fields is not None and (not isinstance(fields, list) or not all(isinstance(x, dict) for x in fields)):
        raise refuse(1254001)
    operator = world.bitable.operator(req)
    columns = fields if fields is not None else [{"field_name": "文本", "type": 1}]
    table = create_table(
        world.bitable, base, spec.get("name", ""), columns, operator, spec.get("default_view_name") or "表格"
    )
    view = next(iter(table.views))
    return {"table_id": table.id, "default_view_id": view, "field_id_list": list(table.fields)}


@routes.add(
    "POST", f"{TABLES}/batch_create", rate=WRITE, auth="any", claim=f"{DOC}/app-table/batch_create, 2025-07"
)
@answers("table")
def batch_create(world: World, req: Request) -> Body:
    """Create several tables by name, all or none."""
    base = world.bitable.open(req)
    specs = body_of(req).get("tables")
    if not isinstance(specs, list) or not specs or not all(isinstance(s, dict) for s in specs):
        raise refuse(1254001)
    names = [check_table_name(base, spec.get("name")) for spec in specs]
    if len(set(names)) != len(names):
        raise refuse(1254013)
    if len(base.tables) + len(names) > 100:
        raise refuse(1254100)
    made = [
        create_table(
            world.bitable, base, name, [{"field_name": "文本", "type": 1}], world.bitable.operator(req)
        )
        for name in names
    ]
    return {"table_ids": [table.id for table in made]}


@routes.add("PATCH", f"{TABLES}/:table_id", rate=WRITE, auth="any", claim=f"{DOC}/app-table/patch, 2025-07")
@answers("table")
def rename(world: World, req: Request) -> Body:
    """Rename a table; an empty or the same name succeeds and changes nothing."""
    base, table = world.bitable.opened(req)
    name = body_of(req).get("name")
    if name and name != table.name:
        table.name = check_table_name(base, name, table)
        base.revision += 1
    return {"name": table.name}


def _delete(world: World, req: Request, ids: list[Any]) -> None:
    base = world.bitable.open(req)
    tables = [world.bitable.table(base, str(table_id)) for table_id in dict.fromkeys(ids)]
    if len(tables) >= len(base.tables):
        raise refuse(1254034)
    for table in tables:
        del base.tables[table.id]
    base.revision += 1


@routes.add("DELETE", f"{TABLES}/:table_id", rate=WRITE, auth="any", claim=f"{DOC}/app-table/delete, 2025-07")
@answers("table")
def delete(world: World, req: Request) -> Body:
    """Delete a table; the last one stays."""
    _delete(world, req, [req.params["table_id"]])
    return {}


@routes.add(
    "POST", f"{TABLES}/batch_delete", rate=WRITE, auth="any", claim=f"{DOC}/app-table/batch_delete, 2025-07"
)
@answers("table")
def batch_delete(world: World, req: Request) -> Body:
    """Delete up to 50 tables."""
    ids = body_of(req).get("table_ids")
    if not isinstance(ids, list) or not 1 <= len(ids) <= 50:
        raise refuse(1254001)
    _delete(world, req, ids)
    return {}


@routes.add("GET", FIELDS, rate=READ, auth="any", claim=f"{DOC}/app-table-field/list, 2025-07")
@answers("field")
def list_fields(world: World, req: Request) -> Body:
    """The fields of a table, in order; with ``view_id`` hidden ones are marked."""
    base, table = world.bitable.opened(req)
    segments = req.query.get("text_field_as_array") == "true"
    items = [f.wire(column, base, listing=True, segments=segments) for column in table.fields.values()]
    view_id = req.query.get("view_id")
    if view_id:
        view = table.views.get(view_id)
        if view is None:
            raise refuse(1254042)
        for item in items:
            item["is_hidden"] = item["field_id"] in view.hidden_fields
    return page(items, "field_id", req)


@routes.add(
    "POST", FIELDS, rate=WRITE, auth="any", locked=False, claim=f"{DOC}/app-table-field/create, 2025-07"
)
@answers("field")
def create_field(world: World, req: Request) -> Any:
    """Add a field."""
    base, table = world.bitable.opened(req)
    spec = body_of(req)
    with world.bitable.writing(table):

        def make() -> Body:
            column = add_field(world.bitable, base, table, spec, world.bitable.operator(req))
            return {"field": f.wire(column, base)}

        return world.bitable.once(base, req, make)


@routes.add(
    "PUT",
    f"{FIELDS}/:field_id",
    rate=WRITE,
    auth="any",
    locked=False,
    claim=f"{DOC}/app-table-field/update, 2025-07; no difference is 1254606",
)
@answers("field")
def update_field(world: World, req: Request) -> Body:
    """Change a field; ``type`` is a must and ``property`` is replaced whole."""
    base, table = world.bitable.opened(req)
    column = table.fields.get(req.params["field_id"])
    if column is None:
        raise refuse(1254044 if req.params["field_id"].startswith("fld") else 1254009)
    spec = body_of(req)
    with world.bitable.writing(table):
        change_field(world.bitable, base, table, column, spec, world.bitable.operator(req))
        return {"field": f.wire(column, base)}


@routes.add(
    "DELETE",
    f"{FIELDS}/:field_id",
    rate=WRITE,
    auth="any",
    locked=False,
    claim=f"{DOC}/app-table-field/delete, 2025-07",
)
@answers("field")
def delete_field(world: World, req: Request) -> Body:
    """Delete a field; the index field stays."""
    base, table = world.bitable.opened(req)
    column = table.fields.get(req.params["field_id"])
    if column is None:
        raise refuse(1254044)
    with world.bitable.writing(table):
        drop_field(world.bitable, base, table, column, world.bitable.operator(req))
        return {"field_id": column.id, "deleted": True}
