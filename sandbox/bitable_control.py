"""Control plane of Bitable: act as a person in a base, look into bases, set the switches."""

import base64
import binascii
from typing import Any

from sandbox import bitable_fields as f
from sandbox import drive_model as drive
from sandbox.bitable_errors import answers
from sandbox.bitable_people import form_questions
from sandbox.kernel import Request, Routes, World

routes = Routes("bitable")
CLAIM = "our own control plane, 2026-11"
SWITCHES = ("write_seconds", "replay_client_tokens", "replica_lag", "page_token_seconds", "strict_pages",
    "timeouts",
            "advanced_delay")  # fmt: skip
Body = dict[str, Any]


@routes.add("POST", "/_sandbox/act/edit", auth="none", claim=CLAIM)
@answers("write")
def edit(world: World, req: Request) -> Body:
    """Edit cells as a person: {open_id, app_token, table_id, record_id, fields}."""
    b = req.json()
    return {
        "record": world.bitable.edit_as(
            b["open_id"], b["app_token"], b["table_id"], b["record_id"], b["fields"]
        )
    }


@routes.add("POST", "/_sandbox/act/add", auth="none", claim=CLAIM)
@answers("write")
def add(world: World, req: Request) -> Body:
    """Add a record as a person: {open_id, app_token, table_id, fields}."""
    b = req.json()
    return {"record": world.bitable.add_as(b["open_id"], b["app_token"], b["table_id"], b["fields"])}


@routes.add("POST", "/_sandbox/act/attach", auth="none", claim=CLAIM)
@answers("write")
def attach(world: World, req: Request) -> Body:
    """Upload a file into a base as a person: {app_token, name, data (base64)}; the token goes into a cell.

    Raises:
        ApiError: 1061008 no name, 1061002 no content in base64, 1061043 more than 20 MB.
    """
    b = req.json()
    base = world.bitable.base(str(b.get("app_token", "")))
    name = str(b.get("name", "")).strip()
    try:
        data = base64.b64decode(str(b.get("data", "")), validate=True)
    except binascii.Error:
        data = b""
    if not name:
        raise drive.refuse(1061008)
    if not data:
        raise drive.refuse(1061002)
    if len(data) > drive.LIMIT:
        raise drive.refuse(1061043)
    media = world.drive.put(base.token, name, data)
    return {"file_token": media.token}


@routes.add("POST", "/_sandbox/act/add_many", auth="none", claim=CLAIM)
@answers("write")
def add_many(world: World, req: Request) -> Body:
    """Paste records as a person: {open_id, app_token, table_id, rows: [fields]}; all or none."""
    b = req.json()
    records = world.bitable.paste_as(b["open_id"], b["app_token"], b["table_id"], b["rows"])
    return {"record_ids": records}


@routes.add("POST", "/_sandbox/act/delete", auth="none", claim=CLAIM)
@answers("write")
def delete(world: World, req: Request) -> Body:
    """Delete a record as a person: {open_id, app_token, table_id, record_id}."""
    b = req.json()
    world.bitable.delete_as(b["open_id"], b["app_token"], b["table_id"], b["record_id"])
    return {}


@routes.add("POST", "/_sandbox/act/rename_field", auth="none", claim=CLAIM)
@answers("field")
def rename_field(world: World, req: Request) -> Body:
    """Rename a column as a person: {open_id, app_token, table_id, field, name}; field by id or name."""
    b = req.json()
    field = b.get("field") or b["field_id"]
    world.bitable.rename_field(b["open_id"], b["app_token"], b["table_id"], field, b["name"])
    return {}


@routes.add("POST", "/_sandbox/act/retype_field", auth="none", claim=CLAIM)
@answers("field")
def retype_field(world: World, req: Request) -> Body:
    """Retype a column as a person: {open_id, app_token, table_id, field, type, ui_type?, property?}."""
    b = req.json()
    field = b.get("field") or b["field_id"]
    more = {key: b[key] for key in ("ui_type", "property") if key in b}
    world.bitable.retype_field(b["open_id"], b["app_token"], b["table_id"], field, b["type"], **more)
    return {}


@routes.add("POST", "/_sandbox/act/submit_form", auth="none", claim=CLAIM)
@answers("write")
def submit_form(world: World, req: Request) -> Body:
    """Submit a form as a person: {open_id, app_token, table_id, form_id, fields}."""
    b = req.json()
    form_id = b.get("form_id") or b["view_id"]
    record = world.bitable.submit_form(b["open_id"], b["app_token"], b["table_id"], form_id, b["fields"])
    return {"record": record}


@routes.add("GET", "/_sandbox/bases", auth="none", claim=CLAIM)
@answers("get")
def bases(world: World, _req: Request) -> Body:
    """Every base with its tables and forms."""
    listed = []
    for base in world.bitable.bases.values():
        tables = [
            {
                "table_id": table.id,
                "name": table.name,
                "records": len(table.records),
                "revision": table.revision,
                "forms": [{"form_id": v.id, "name": v.name} for v in table.views.values() if v.form],
            }
            for table in base.tables.values()
        ]
        listed.append({"app_token": base.token, "name": base.name, "tables": tables})
    return {"bases": listed}


@routes.add("GET", "/_sandbox/bases/:app_token/tables/:table_id", auth="none", claim=CLAIM)
@answers("get")
def grid(world: World, req: Request) -> Body:
    """A table as a person sees it: ?open_id=; fields with options, records, form questions."""
    base = world.bitable.base(req.params["app_token"])
    table = world.bitable.table(base, req.params["table_id"])
    forms = {v.id: form_questions(table, v.form) for v in table.views.values() if v.form}
    open_id = req.query.get("open_id")
    records = (
        world.bitable.view_as(open_id, base.token, table.id)
        if open_id
        else world.bitable.rows(base.token, table.id)
    )
    fields = [f.wire(column, base, listing=True) for column in table.fields.values()]
    return {"name": table.name, "fields": fields, "records": records, "forms": forms}


@routes.add("POST", "/_sandbox/bitable", auth="none", claim=CLAIM)
@answers("write")
def switches(world: World, req: Request) -> Body:
    """Set switches of the store, e.g. {write_seconds: 0.2, replica_lag: 3, replay_client_tokens: true}."""
    for key, value in req.json().items():
        if key in SWITCHES:
            setattr(world.bitable, key, type(getattr(world.bitable, key))(value))
    return {key: getattr(world.bitable, key) for key in SWITCHES}
