"""View, form, dashboard and workflow endpoints of bitable-v1."""

import json
from typing import Any

from sandbox import bitable_model as m
from sandbox.bitable_errors import answers, refuse
from sandbox.bitable_people import form_questions
from sandbox.bitable_records import body_of
from sandbox.bitable_schema import add_view
from sandbox.bitable_search import Filter
from sandbox.bitable_tables import page
from sandbox.kernel import Rate, Request, Routes, World

routes = Routes("bitable")
APP = "/open-apis/bitable/v1/apps/:app_token"
VIEWS = f"{APP}/tables/:table_id/views"
FORMS = f"{APP}/tables/:table_id/forms/:form_id"
DOC = "docs bitable-v1"
READ, WRITE = Rate(per_second=20), Rate(per_second=10)
SHARE_LIMITS = ("off", "tenant_editable", "anyone_editable")
Body = dict[str, Any]


def _wire(view: m.View, *, whole: bool = True) -> Body:
    shown: Body = {"view_id": view.id, "view_name": view.name, "view_type": view.type}
    if whole and view.type != "form":
        shown["property"] = {
            "filter_info": view.filter_info,
            "hidden_fields": list(view.hidden_fields),
            "hierarchy_config": view.hierarchy_config or {},
        }
    return shown


def _find(world: World, req: Request, key: str = "view_id") -> tuple[m.Base, m.Table, m.View]:
    base, table = world.bitable.opened(req)
    view_id = req.params[key]
    if not view_id.startswith("vew"):
        raise refuse(1254005)
    view = table.views.get(view_id)
    if view is None:
        raise refuse(1254042)
    return base, table, view


@routes.add("GET", VIEWS, rate=READ, auth="any", claim=f"{DOC}/app-table-view/list, 2025")
@answers("table")
def list_views(world: World, req: Request) -> Body:
    """The views of a table."""
    _, table = world.bitable.opened(req)
    items = [_wire(v, whole=False) | {"view_public_level": "Public"} for v in table.views.values()]
    return page(items, "view_id", req)


@routes.add("GET", f"{VIEWS}/:view_id", rate=READ, auth="any", claim=f"{DOC}/app-table-view/get, 2025")
@answers("get")
def get_view(world: World, req: Request) -> Body:
    """One view with its property."""
    _, _, view = _find(world, req)
    return {"view": _wire(view)}


@routes.add("POST", VIEWS, rate=WRITE, auth="any", locked=False, claim=f"{DOC}/app-table-view/create, 2025")
@answers("table")
def create_view(world: World, req: Request) -> Body:
    """Add a view; ``grid`` unless said otherwise."""
    _, table = world.bitable.opened(req)
    spec = body_of(req)
    with world.bitable.writing(table):
        view = add_view(world.bitable, table, spec.get("view_name"), spec.get("view_type") or "grid")
        return {"view": _wire(view)}


@routes.add(
    "PATCH",
    f"{VIEWS}/:view_id",
    rate=WRITE,
    auth="any",
    locked=False,
    claim=f"{DOC}/app-table-view/patch, 2025; condition value is JSON text of an array",
)
@answers("table")
def patch_view(world: World, req: Request) -> Body:
    """Change name, filter, hidden fields or hierarchy of a view."""
    base, table, view = _find(world, req)
    spec = body_of(req)
    with world.bitable.writing(table):
        name = spec.get("view_name")
        if name and any(other.name == name and other is not view for other in table.views.values()):
            raise refuse(1254020)
        wanted = spec.get("property") or {}
        info = wanted.get("filter_info")
        if info is not None:
            view.filter_info = _filter_info(world, base, table, info)
        if wanted.get("hidden_fields") is not None:
            hidden = list(wanted["hidden_fields"])
            if any(field_id not in table.fields or table.fields[field_id].primary for field_id in hidden):
                raise refuse(1254044)
            view.hidden_fields = hidden
        if wanted.get("hierarchy_config") is not None:
            view.hierarchy_config = dict(wanted["hierarchy_config"])
        view.name = name or view.name
        table.revision += 1
        return {"view": _wire(view)}


def _filter_info(world: World, base: m.Base, table: m.Table, info: Any) -> Body | None:
    if not isinstance(info, dict):
        raise refuse(1254018)
    conditions = [dict(one) for one in info.get("conditions") or []]
    if not conditions:
        return None
    for one in conditions:
        value = one.get("value") or "[]"
        try:
            parsed = json.loads(value) if isinstance(value, str) else None
        except ValueError:
            parsed = None
        if not isinstance(parsed, list):
            raise refuse(1254018)
        one["value"] = value
        column = table.fields.get(str(one.get("field_id")))
        if column is None:
            raise refuse(1254044)
        one.setdefault("condition_id", "con" + world.ids.text(7))
        one["field_type"] = column.type
    kept = {"conjunction": info.get("conjunction", "and"), "conditions": conditions}
    Filter(world, base, table, by_id=True).test(kept)
    return {**kept, "condition_omitted": False}


@routes.add(
    "DELETE",
    f"{VIEWS}/:view_id",
    rate=WRITE,
    auth="any",
    locked=False,
    claim=f"{DOC}/app-table-view/delete, 2025",
)
@answers("table")
def delete_view(world: World, req: Request) -> Body:
    """Delete a view; the last one stays."""
    _, table, view = _find(world, req)
    with world.bitable.writing(table):
        if len(table.views) == 1:
            raise refuse(1254023)
        del table.views[view.id]
        table.revision += 1
        return {}


def _form(world: World, req: Request) -> tuple[m.Table, m.Form]:
    _, table, view = _find(world, req, "form_id")
    if view.form is None:
        raise refuse(1254019)
    return table, view.form


def _form_wire(form: m.Form) -> Body:
    shown: Body = {
        "name": form.name,
        "description": form.description,
        "shared": form.shared,
        "shared_limit": form.shared_limit,
        "submit_limit_once": form.submit_limit_once,
    }
    return {**shown, "shared_url": form.shared_url} if form.shared else shown


@routes.add("GET", FORMS, rate=READ, auth="any", claim=f"{DOC}/app-table-form/get, 2025")
@answers("get")
def get_form(world: World, req: Request) -> Body:
    """A form's metadata; the id is the form view's."""
    return {"form": _form_wire(_form(world, req)[1])}


@routes.add("PATCH", FORMS, rate=WRITE, auth="any", locked=False, claim=f"{DOC}/app-table-form/patch, 2025")
@answers("table")
def patch_form(world: World, req: Request) -> Body:
    """Change a form's metadata."""
    table, form = _form(world, req)
    spec = body_of(req)
    if spec.get("shared_limit", "off") not in SHARE_LIMITS:
        raise refuse(1254001)
    with world.bitable.writing(table):
        for key in ("name", "description", "shared", "shared_limit", "submit_limit_once"):
            if spec.get(key) is not None:
                setattr(form, key, spec[key])
        if form.shared and form.shared_limit == "off":
            form.shared_limit = "tenant_editable"
        return {"form": _form_wire(form)}


@routes.add("GET", f"{FORMS}/fields", rate=READ, auth="any", claim=f"{DOC}/app-table-form-field/list, 2025")
@answers("get")
def list_questions(world: World, req: Request) -> Body:
    """A form's questions."""
    table, form = _form(world, req)
    return page(form_questions(table, form), "field_id", req)


@routes.add(
    "PATCH",
    f"{FORMS}/fields/:field_id",
    rate=WRITE,
    auth="any",
    locked=False,
    claim=f"{DOC}/app-table-form-field/patch, 2025",
)
@answers("table")
def patch_question(world: World, req: Request) -> Body:
    """Change a question: title, description, required, visible."""
    table, form = _form(world, req)
    spec = body_of(req)
    field_id = req.params["field_id"]
    if field_id not in {question["field_id"] for question in form_questions(table, form)}:
        raise refuse(1254049)
    with world.bitable.writing(table):
        kept = form.questions.setdefault(field_id, {})
        for key in ("title", "description", "required", "visible"):
            if spec.get(key) is not None:
                kept[key] = spec[key]
        question = next(q for q in form_questions(table, form) if q["field_id"] == field_id)
        shown = {key: question[key] for key in ("title", "description", "required", "visible")}
        return {"field": shown | ({"pre_field_id": spec["pre_field_id"]} if spec.get("pre_field_id") else {})}


@routes.add(
    "GET",
    f"{APP}/dashboards",
    rate=READ,
    auth="any",
    claim=f"{DOC}/app-dashboard/list, 2025; none exist here",
)
@answers("table")
def list_dashboards(world: World, req: Request) -> Body:
    """The dashboards of a base. They cannot be created over v1, so here there are none."""
    world.bitable.open(req)
    return {"dashboards": [], "has_more": False}


@routes.add(
    "GET",
    f"{APP}/workflows",
    rate=READ,
    auth="any",
    claim=f"{DOC}/app-workflow/list, 2026-02; none exist here",
)
@answers("table")
def list_workflows(world: World, req: Request) -> Body:
    """The automation flows of a base. They cannot be created over v1, so here there are none."""
    world.bitable.open(req)
    return {"workflows": []}
