"""The tab 多维表格 of the web client: tables, columns, forms, windows of rows."""

from collections.abc import Mapping
from typing import Any

from sandbox import bitable_fields as f
from sandbox import bitable_model as m
from sandbox.bitable_errors import answers, refuse
from sandbox.bitable_people import form_questions
from sandbox.bitable_rights import rights_of, roles_of
from sandbox.kernel import ApiError, Reply, Request, Routes, World
from sandbox.page_rows import Sheet, Wish, listed

CLAIM = "our own web client, 2026-11"
TABLE = "/people/:open_id/tables/:app_token/:table_id"
MOST_ROWS = 500
Body = dict[str, Any]

routes = Routes("page")


def whose(world: World, req: Request) -> str:
    """The open_id of the person whose page this is.

    Raises:
        ApiError: 404 when nobody has it.
    """
    if req.params["open_id"] not in world.people:
        raise ApiError(404, "nobody here has this open_id; go back to /", status=404)
    return req.params["open_id"]


def sheet(world: World, req: Request) -> Sheet:
    """The table a request names, in the eyes of its person."""
    who = whose(world, req)
    base = world.bitable.base(req.params["app_token"])
    table = world.bitable.table(base, req.params["table_id"])
    return Sheet(world, base, table, rights_of(world, base, table, who))


@routes.add("GET", "/people/:open_id/bases", auth="none", claim=CLAIM)
def bases(world: World, req: Request) -> Reply:
    """Every base with its tables, those this person may open first: how many rows they see, and the forms."""
    who = whose(world, req)
    listed_bases = [
        {
            "token": base.token,
            "name": base.name,
            "tables": _tables(world, base, who),
        }
        for base in world.bitable.bases.values()
    ]
    return Reply({"bases": listed_bases})


def _tables(world: World, base: m.Base, who: str) -> list[Body]:
    lines = [_line(Sheet(world, base, t, rights_of(world, base, t, who)), who) for t in base.tables.values()]
    return sorted(lines, key=lambda line: not line["open"])


def _line(seen: Sheet, who: str) -> Body:
    table, rights = seen.table, seen.rights
    count = len(table.records)
    if not rights.sees_all:
        count = len(seen.chosen(Wish(), who))
    return {
        "id": table.id,
        "name": table.name,
        "rows": count,
        "open": rights.may_open,
        "forms": [
            {"id": v.id, "name": v.name}
            for v in table.views.values()
            if v.form and (v.form.shared or rights.may_add)
        ],
    }


@routes.add("GET", TABLE, auth="none", claim=CLAIM)
@answers("get")
def schema(world: World, req: Request) -> Reply:
    """Columns, views, forms and what this person may do."""
    seen = sheet(world, req)
    table, rights = seen.table, seen.rights
    columns = seen.columns()
    return Reply(
        {
            "base": seen.base.name,
            "name": table.name,
            "zone": seen.base.time_zone,
            "revision": table.revision,
            "columns": [column_view(seen, column) for column in columns],
            "hidden": len(table.fields) - len(columns),
            "views": [{"id": v.id, "name": v.name} for v in table.views.values() if not v.form],
            "forms": [form_view(seen, v) for v in table.views.values() if v.form],
            "rights": {
                "open": rights.may_open,
                "add": rights.may_add and not table.read_only,
                "delete": rights.may_delete and not table.read_only,
                "full": rights.sees_all,
                "roles": roles_of(world, seen.base, req.params["open_id"]),
            },
            "read_only": table.read_only,
            "people": [{"id": p.open_id, "name": p.name, "title": p.title} for p in world.people.values()],
        }
    )


def column_view(seen: Sheet, column: m.Field) -> Body:
    """A column as the page needs it."""
    wire: Mapping[str, Any] = f.wire(column, seen.base, listing=True)
    property_ = dict(wire["property"] or {})
    property_.pop("formula_expression", None)
    return {
        "id": column.id,
        "name": column.name,
        "type": column.type,
        "ui": column.ui_type,
        "property": property_,
        "primary": column.primary,
        "computed": column.type in m.COMPUTED,
        "fillable": seen.rights.may_fill([column.id]),
        "description": column.description,
    }


def form_view(seen: Sheet, view: m.View) -> Body:
    """A form with the questions it shows, each with its column."""
    form = view.form
    if form is None:
        raise refuse(1254042)
    shown = [q for q in form_questions(seen.table, form) if q["visible"]]
    questions = [q | {"column": column_view(seen, seen.table.fields[q["field_id"]])} for q in shown]
    return {
        "id": view.id,
        "name": form.name or view.name,
        "description": form.description,
        "open": form.shared or seen.rights.may_add,
        "questions": questions,
    }


@routes.add("GET", f"{TABLE}/rows", auth="none", claim=CLAIM)
@answers("search")
def rows(world: World, req: Request) -> Reply:
    """A window of rows: ?from=&count=&view=&filter=[conditions]&sort=[keys]&words=&known=<revision>.

    ``known`` is the revision a page has drawn already: the answer is only ``{same: true}`` while it is true.
    """
    seen = sheet(world, req)
    if req.query.get("known") == str(seen.table.revision):
        return Reply({"same": True, "revision": seen.table.revision})
    view = seen.table.views.get(req.query.get("view", ""))
    wish = Wish(
        view=view,
        conditions=listed(req.query.get("filter", "")),
        sort=listed(req.query.get("sort", "")),
        words=req.query.get("words", ""),
    )
    start, count = whole(req, "from", 0), min(whole(req, "count", 100), MOST_ROWS)
    found = seen.chosen(wish, req.params["open_id"])
    drawn = seen.rows(found[start : start + count], seen.columns(view))
    return Reply({"revision": seen.table.revision, "total": len(found), "from": start, "rows": drawn})


@routes.add("GET", f"{TABLE}/rows/:record_id", auth="none", claim=CLAIM)
@answers("get")
def row(world: World, req: Request) -> Reply:
    """One row with every column this person sees; 1254043 when it is not for them."""
    seen = sheet(world, req)
    record = world.bitable.record(seen.table, req.params["record_id"])
    if not seen.rights.may_see(record):
        raise refuse(1254043)
    return Reply(seen.rows([record], seen.columns())[0] | {"revision": seen.table.revision})


def whole(req: Request, name: str, default: int) -> int:
    """A query parameter that is a whole number, not below 0; anything else gives the default."""
    text = req.query.get(name, "")
    return int(text) if text.isdecimal() and len(text) < 10 else default
