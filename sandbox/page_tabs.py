"""The other two tabs of the web client: approvals that wait for a person, and tables to look at and edit."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.approval_state import waiting
from sandbox.card_html import esc
from sandbox.client import plain
from sandbox.kernel import Reply, Request, Routes, World

CLAIM = "our own web client, 2026-11"
SHANGHAI = ZoneInfo("Asia/Shanghai")
EDITABLE = {1: "text", 2: "number", 3: "select", 5: "date", 7: "checkbox"}
ROWS_SHOWN = 200

routes = Routes("page")


@routes.add("GET", "/people/:open_id/tasks", auth="none", claim=CLAIM)
def tasks(world: World, req: Request) -> Reply:
    """What waits for this person's decision."""
    parts = []
    for instance, task in waiting(world, req.params["open_id"]):
        starter = world.people.get(instance.starter)
        names = {
            widget.get(key): widget.get("name")
            for widget in instance.definition.widgets
            for key in ("custom_id", "id")
        }
        lines = "".join(
            f"<dt>{esc(names.get(widget.get('id')) or widget.get('id'))}</dt>"
            f"<dd>{esc(said(widget.get('value')))}</dd>"
            for widget in instance.form
        )
        verbs = "".join(
            f'<button class="btn {look}" data-verb="{verb}" data-code="{instance.code}">{label}</button>'
            for verb, label, look in (
                ("approve", "同意", "btn-primary_filled"),
                ("reject", "拒绝", "btn-danger"),
            )
        )
        parts.append(
            f'<div class="task"><h3>{esc(instance.definition.name)}</h3><dl><dt>发起人</dt>'
            f"<dd>{esc(starter.name if starter else '')}</dd>"
            f"<dt>节点</dt><dd>{esc(task.node.name)}</dd>{lines}</dl>"
            f'<div class="row"><input placeholder="意见（可不填）">{verbs}</div></div>'
        )
    return Reply({"html": "".join(parts)})


def said(value: Any) -> str:
    """The value of a form widget in one line."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@routes.add("GET", "/people/:open_id/bases", auth="none", claim=CLAIM)
def bases(world: World, req: Request) -> Reply:
    """The list of tables, and the grid of the chosen one: ?table=<app_token>/<table_id>."""
    chosen = req.query.get("table", "")
    lines, first = [], ""
    for base in world.bitable.bases.values():
        lines.append(f'<p class="base">{esc(base.name)}</p>')
        for table in base.tables.values():
            key = f"{base.token}/{table.id}"
            first = first or key
            on = " on" if key == (chosen or first) else ""
            lines.append(
                f'<a class="chat{on}" data-table="{key}"><span class="about"><b>{esc(table.name)}</b>'
                f"<i>{len(table.records)} 行</i></span></a>"
            )
    current = chosen or first
    title, html = grid(world, req.params["open_id"], *current.split("/")) if current else ("", "")
    return Reply({"list": "".join(lines), "html": html, "title": title, "table": current})


def grid(world: World, open_id: str, app_token: str, table_id: str) -> tuple[str, str]:
    """Name and HTML of a table as a person sees it."""
    table = world.bitable.table(world.bitable.base(app_token), table_id)
    columns = list(table.fields.values())
    head = "".join(f"<th>{esc(column.name)}</th>" for column in columns)
    records = world.bitable.view_as(open_id, app_token, table_id)[:ROWS_SHOWN]
    rows = []
    for number, record in enumerate(records, 1):
        cells = "".join(cell(column, (record.get("fields") or {}).get(column.name)) for column in columns)
        rows.append(f'<tr data-record="{esc(record["record_id"])}"><td class="no">{number}</td>{cells}</tr>')
    return table.name, f'<table class="grid"><tr><th></th>{head}</tr>{"".join(rows)}</table>'


def cell(column: Any, value: Any) -> str:
    """One cell; what a person may type into says how."""
    kind = EDITABLE.get(column.type, "")
    options = (
        f' data-options="{esc(json.dumps([o.name for o in column.options]))}"' if kind == "select" else ""
    )
    marks = f' data-kind="{kind}" data-field="{esc(column.name)}" tabindex="0"{options}' if kind else ""
    return f"<td{marks}>{shown(column.type, value)}</td>"


def shown(kind: int, value: Any) -> str:
    """A cell's value for people."""
    if value in (None, "", []):
        return ""
    if kind in (5, 1001, 1002) and isinstance(value, int | float):
        return datetime.fromtimestamp(value / 1000, SHANGHAI).strftime("%Y-%m-%d %H:%M")
    if kind == 7:
        return "☑" if value else "☐"
    if kind in (3, 4):
        options = value if isinstance(value, list) else [value]
        return "".join(f'<span class="tag">{esc(plain(option))}</span>' for option in options)
    if isinstance(value, Mapping) and "value" not in value and "text" not in value:
        return esc(value.get("name", ""))
    return esc(plain(value))
