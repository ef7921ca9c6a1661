"""Bitable (多维表格): app endpoints; tables, fields, records, views and roles stand in ``bitable_*``."""

import time
from typing import Any

from sandbox import (
    bitable_control,
    bitable_legacy,
    bitable_records,
    bitable_roles,
    bitable_tables,
    bitable_views,
)
from sandbox import bitable_model as m
from sandbox.bitable_errors import answers, refuse
from sandbox.bitable_people import BitableState
from sandbox.bitable_records import body_of
from sandbox.bitable_schema import create_base
from sandbox.bitable_scopes import with_scopes
from sandbox.kernel import Rate, Request, Routes, World

__all__ = ["BitableState", "routes"]

routes = Routes("bitable")
APPS = "/open-apis/bitable/v1/apps"
DOC = "docs bitable-v1/app"
COPY_LIMIT = 50_000
Body = dict[str, Any]


def _name(given: Any) -> str:
    if given is not None and (not isinstance(given, str) or len(given) > 255):
        raise refuse(1254031)
    return given or "未命名多维表格"


def _url(world: World, base: m.Base) -> str:
    return f"{world.base_url}/base/{base.token}"


def _wire(world: World, base: m.Base) -> Body:
    return {
        "app_token": base.token,
        "name": base.name,
        "folder_token": base.folder_token,
        "url": _url(world, base),
        "default_table_id": base.default_table_id,
        "time_zone": base.time_zone,
    }


def _owner(world: World, req: Request) -> tuple[str, set[str]]:
    """Who owns what the caller makes, and who manages it."""
    operator = world.bitable.operator(req)
    return operator, {req.app.app_id if req.identity == "app" else operator}


@routes.add(
    "POST", APPS, rate=Rate(per_minute=20), auth="any", claim=f"{DOC}/create, 2025; blank rows seen live"
)
@answers("table")
def create(world: World, req: Request) -> Body:
    """Create a base with a default table and its blank rows."""
    body = body_of(req)
    owner, managers = _owner(world, req)
    base = create_base(
        world.bitable,
        _name(body.get("name")),
        owner,
        managers,
        time_zone=body.get("time_zone") or "",
        folder_token=body.get("folder_token") or "",
    )
    return {"app": _wire(world, base)}


@routes.add("GET", f"{APPS}/:app_token", rate=Rate(per_second=20), auth="any", claim=f"{DOC}/get, 2025")
@answers("get")
def get(world: World, req: Request) -> Body:
    """What a base is."""
    base: m.Base = world.bitable.open(req)
    return {
        "app": {
            "app_token": base.token,
            "name": base.name,
            "revision": base.revision,
            "is_advanced": base.is_advanced,
            "time_zone": base.time_zone,
            "formula_type": base.formula_type,
            "advance_version": "v2",
        }
    }


@routes.add("PUT", f"{APPS}/:app_token", rate=Rate(per_second=10), auth="any", claim=f"{DOC}/update, 2025")
@answers("table")
def update(world: World, req: Request) -> Body:
    """Rename a base, switch advanced permissions; the two are not atomic."""
    base: m.Base = world.bitable.open(req)
    body = body_of(req)
    if body.get("name") is not None:
        base.name = _name(body["name"])
    wanted = body.get("is_advanced")
    if wanted is not None:
        if not isinstance(wanted, bool):
            raise refuse(1254001)
        if wanted and not base.is_advanced:
            base.advanced_since = world.clock.time()
        base.is_advanced = wanted
    shown = {"app_token": base.token, "name": base.name, "is_advanced": base.is_advanced}
    return {"app": shown | {"time_zone": base.time_zone}}


@routes.add(
    "POST",
    f"{APPS}/:app_token/copy",
    rate=Rate(per_minute=20),
    auth="any",
    locked=False,
    claim=f"{DOC}/copy, 2025; the copy answers 1254036 until it is done",
)
@answers("table")
def copy(world: World, req: Request) -> Body:
    """Copy a base's tables, without records over 50,000 or on request; roles are not copied."""
    body = body_of(req)
    with world.lock:
        old: m.Base = world.bitable.open(req)
        owner, managers = _owner(world, req)
        new = create_base(
            world.bitable, _name(body.get("name") or old.name), owner, managers, time_zone=old.time_zone
        )
        new.tables.clear()
        bare = (
            bool(body.get("without_content")) or sum(len(t.records) for t in old.tables.values()) > COPY_LIMIT
        )
        for table in old.tables.values():
            new.tables[table.id] = _copy_table(world, new, table, bare=bare)
        new.default_table_id = next(iter(new.tables))
        new.copying_until = world.clock.time() + 0.2
    time.sleep(0)
    return {"app": _wire(world, new)}


def _copy_table(world: World, base: m.Base, old: m.Table, *, bare: bool) -> m.Table:
    table = m.Table(old.id, old.name)
    for column in old.fields.values():
        twin = m.Field(column.id, column.name, column.type, column.ui_type, dict(column.props or {}) or None)
        twin.options = [m.Option(o.id, o.name, o.color) for o in column.options]
        twin.primary, twin.description = column.primary, column.description
        table.fields[twin.id] = twin
    for view in old.views.values():
        form = None if view.form is None else m.Form(view.form.name, view.form.shared_url)
        table.views[view.id] = m.View(view.id, view.name, view.type, view.filter_info, form=form)
    for column in table.fields.values():
        if column.type == m.FORMULA:
            world.bitable.compile(base, table, column)
    for record in () if bare else old.live():
        now = world.clock.ms()
        table.add(m.Record(record.seq, record.id, dict(record.cells), base.owner, now, base.owner, now))
    table.next_seq, table.next_number = old.next_seq, old.next_number
    return table


for _part in (bitable_tables, bitable_records, bitable_legacy, bitable_views, bitable_roles, bitable_control):
    routes.include(_part.routes)
routes.items = [with_scopes(route) for route in routes.items]
