"""Turning the make-believe attendance: lateness, leave, overtime, groups, and what an operator sees."""

from datetime import date
from typing import Any

from sandbox.attendance_state import Absence, ExtraWork, Sheet
from sandbox.kernel import ApiError, Person, Request, Routes, World

CONTROL = "our own control plane, 2026-11"

routes = Routes("attendance")


def known_person(world: World, req: Request) -> Person:
    """The person named in the path by any of their ids or their employee number.

    Raises:
        ApiError: 1220004 when nobody is.
    """
    value = req.params["person"]
    for kind in ("open_id", "user_id", "employee_no"):
        person = world.find_person(value, kind)
        if person is not None:
            return person
    raise ApiError(1220004, f"no person {value}", status=400)


def sheet_view(sheet: Sheet) -> dict[str, Any]:
    """A sheet as the control plane shows and takes it."""
    return {
        "groups": sheet.groups,
        "late": sorted(day.isoformat() for day in sheet.late),
        "absent": sorted(day.isoformat() for day in sheet.absent),
        "leaves": [
            {"name": x.name, "first": x.first.isoformat(), "last": x.last.isoformat(), "half": x.half,
             "status": x.status}
            for x in sheet.leaves
        ],
        "overtime": [
            {"day": x.day.isoformat(), "hours": x.hours, "rule": x.rule, "status": x.status}
            for x in sheet.overtime
        ],
        "values": sheet.values,
        "since": sheet.since.isoformat() if sheet.since else None,
        "until": sheet.until.isoformat() if sheet.until else None,
    }  # fmt: skip


@routes.add("GET", "/_sandbox/world/attendance/:person/:month", auth="none", claim=CONTROL)
def show_sheet(world: World, req: Request) -> dict[str, Any]:
    """One person's month."""
    return sheet_view(world.attendance.sheet(known_person(world, req), req.params["month"]))


@routes.add("POST", "/_sandbox/world/attendance/:person/:month", auth="none", claim=CONTROL)
def turn_sheet(world: World, req: Request) -> dict[str, Any]:
    """Set groups, since, until, late, absent, leaves, overtime of a month, or texts of columns (values)."""
    person, month = known_person(world, req), req.params["month"]
    sheet = world.attendance.sheet(person, month)
    body = req.json()
    unknown = set(body) - set(sheet_view(sheet))
    if unknown:
        raise ApiError(1220001, f"no such knob on a month: {', '.join(sorted(unknown))}", status=400)
    number = f"{person.employee_no}{month.replace('-', '')}"
    for name in ("late", "absent"):
        if name in body:
            setattr(sheet, name, {date.fromisoformat(text) for text in body[name]})
    for name in ("since", "until"):
        if name in body:
            setattr(sheet, name, date.fromisoformat(body[name]) if body[name] else None)
    if "leaves" in body:
        sheet.leaves = [
            Absence(
                f"L{number}{place}",
                item["name"],
                date.fromisoformat(item["first"]),
                date.fromisoformat(item.get("last", item["first"])),
                bool(item.get("half")),
                int(item.get("status", 2)),
            )
            for place, item in enumerate(body["leaves"], 1)
        ]
    if "overtime" in body:
        sheet.overtime = [
            ExtraWork(
                f"O{number}{place}",
                date.fromisoformat(item["day"]),
                float(item["hours"]),
                int(item.get("rule", 2)),
                int(item.get("status", 2)),
            )
            for place, item in enumerate(body["overtime"], 1)
        ]
    sheet.groups = [str(name) for name in body.get("groups", sheet.groups)]
    sheet.values.update({str(code): str(text) for code, text in body.get("values", {}).items()})
    return sheet_view(sheet)


@routes.add("POST", "/_sandbox/world/attendance-view/:person", auth="none", claim=CONTROL)
def turn_view(world: World, req: Request) -> dict[str, Any]:
    """Hide columns (``hidden``: codes) from an operator's report, or a person (``unseen``) from the app."""
    person = known_person(world, req)
    body = req.json()
    if "hidden" in body:
        world.attendance.hidden[person.open_id] = {str(code) for code in body["hidden"]}
    if "unseen" in body:
        (world.attendance.unseen.add if body["unseen"] else world.attendance.unseen.discard)(person.open_id)
    return {"hidden": sorted(world.attendance.hidden.get(person.open_id, ()))}
