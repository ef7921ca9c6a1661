"""What developers look at: every request, event and tap as it happens, and the page around it."""

import re
from typing import Any

from sandbox.kernel import ApiError, Reply, Request, Routes, World
from sandbox.page_frame import CLAIM, document
from sandbox.recorder import Call

SHOWN = 300
KEPT_AT_MOST = 3_000
"""How far back a filter looks; a page that looks further would keep the platform waiting."""
LONGEST_TEXT = 4_000
LONGEST_LIST = 200
CODE = re.compile(rb'^\{\s*"code"\s*:\s*"?(-?\d+)')
Body = dict[str, Any]

routes = Routes("page")


@routes.add("GET", "/developer", auth="none", claim=CLAIM)
def developer(_world: World, _req: Request) -> Reply:
    """The developer drawer as a page of its own."""
    body = (
        '<header class="desk-head"><a href="/" aria-label="换一个人">沙箱</a><h1>开发者</h1>'
        '<a href="/backoffice">店铺 / 投放 / ERP 后台</a></header><main id="developer"></main>'
    )
    return document("开发者", body, "desk developer", "developer")


@routes.add("GET", "/_sandbox/view/traffic", auth="none", claim=CLAIM, locked=False)
def traffic(world: World, req: Request) -> Body:
    """The newest lines, newest first: ?kind=request|event|tap&area=&status=ok|bad&words=."""
    areas = {route.pattern: route.area for route in world.routes}
    kind, area = req.query.get("kind", ""), req.query.get("area", "")
    status, words = req.query.get("status", ""), req.query.get("words", "").strip().lower()

    def wanted(line: Body) -> bool:
        said = f"{line['what']} {line['result']} {line['who']}".lower()
        return (
            area in ("", line["area"]) and words in said and status in ("", "ok" if line["good"] else "bad")
        )

    lines: list[Body] = []
    if kind in ("", "request"):
        calls = world.control.recorder.newest(KEPT_AT_MOST)
        lines += _some((_call_line(call, areas.get(call.route, "")) for call in calls), wanted)
    if kind in ("", "event"):
        lines += _some((_event_line(event) for event in world.events.newest(KEPT_AT_MOST)), wanted)
    if kind in ("", "tap"):
        lines += _some((_tap_line(world, tap) for tap in reversed(list(world.callbacks.log))), wanted)
    lines.sort(key=lambda line: (line["at"], line["n"]), reverse=True)
    return {
        "lines": lines[:SHOWN],
        "areas": sorted({route.area for route in world.routes} - {"page", "control"}),
        "pending": world.events.pending(),
        "now": world.clock.now().isoformat(),
        "offset": world.clock.offset,
        "company": world.company,
    }


def _some(lines: Any, wanted: Any) -> list[Body]:
    found = []
    for line in lines:
        if wanted(line):
            found.append(line)
            if len(found) == SHOWN:
                break
    return found


def _call_line(call: Call, area: str) -> Body:
    code = CODE.match(call.response[:64])
    number = int(code[1]) if code else 0
    good = 0 < call.status < 400 and number in (0, 10000)
    result = "断开" if call.status == 0 else f"{call.status}" + (f" · {number}" if number else "")
    return {
        "kind": "request",
        "n": call.n,
        "at": call.at,
        "area": area,
        "what": f"{call.method} {call.path}",
        "result": result,
        "good": good,
        "who": call.headers.get("user-agent", "").split("/")[0],
        "ms": round(call.ms, 1),
        "tries": 1,
    }


def _event_line(event: Body) -> Body:
    attempts = event["attempts"]
    words = {
        "queued": "等待",
        "delivered": "已送达",
        "failed": "已放弃",
        "dropped": "已丢弃",
        "unsubscribed": "无人订阅",
    }
    last = attempts[-1] if attempts else {"ms": 0, "status": None, "error": ""}
    result = words.get(event["state"], event["state"])
    if event["state"] == "queued" and attempts:
        result = f"将重试 · {last['error'] or last['status']}"
    return {
        "kind": "event",
        "n": event["n"],
        "at": attempts[-1]["at"] if attempts else event["due"],
        "area": "events",
        "what": event["event_type"],
        "result": result,
        "good": event["state"] == "delivered" or not attempts,
        "who": event["app_id"],
        "ms": last["ms"],
        "tries": len(attempts),
    }


def _tap_line(world: World, tap: Body) -> Body:
    person = world.people.get(tap["open_id"])
    outcome = tap["outcome"]
    said = f"{outcome['http_status']}" if not outcome["client_code"] else f"客户端 {outcome['client_code']}"
    return {
        "kind": "tap",
        "n": tap["n"],
        "at": tap["at"],
        "area": "callbacks",
        "what": f"card.action.trigger {tap['action'].get('name') or tap['action'].get('tag') or ''}",
        "result": said,
        "good": not outcome["client_code"],
        "who": person.name if person else tap["open_id"],
        "ms": outcome["ms"],
        "tries": 1,
    }


@routes.add("GET", "/_sandbox/view/traffic/:kind/:n", auth="none", claim=CLAIM, locked=False)
def detail(world: World, req: Request) -> Body:
    """One line with everything known about it; long texts and lists cut, files only named."""
    number = int(req.params["n"]) if req.params["n"].isdecimal() else 0
    found: Body | None = None
    if req.params["kind"] == "request":
        call = world.control.recorder.call(number)
        found = call.view() if call else None
    elif req.params["kind"] == "event":
        found = world.events.delivery(number)
    elif req.params["kind"] == "tap":
        found = next((dict(t) for t in world.callbacks.log if t["n"] == number), None)
    if found is None:
        raise ApiError(404, "no such line; it may have been forgotten by a reset", status=404)
    return {"detail": trimmed(found)}


def trimmed(value: Any) -> Any:
    """The value with long texts and long lists cut, and told so."""
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        return f"{value[:LONGEST_TEXT]}…（共 {len(value)} 字）"
    if isinstance(value, list):
        cut = [trimmed(item) for item in value[:LONGEST_LIST]]
        return [*cut, f"…（共 {len(value)} 项）"] if len(value) > LONGEST_LIST else cut
    if isinstance(value, dict):
        return {key: trimmed(item) for key, item in value.items()}
    return value
