"""The control plane's own routes: reset, clock, faults, recorder, limits, scopes.

Acting as a person stands beside what is acted on: taps in ``callbacks``, cells in ``bitable``, and so on.
"""

import threading
from collections.abc import Mapping
from typing import Any

from sandbox.faults import Faults
from sandbox.kernel import ApiError, Reply, Request, Routes, World
from sandbox.limits import Limiter
from sandbox.recorder import Recorder

CLAIM = "our own control plane, 2026-11"

routes = Routes("control")


class ControlState:
    """Faults, recorder and call counters of one world."""

    transient = ("faults", "recorder", "limiter")

    def __init__(self, world: World) -> None:
        self.faults = Faults()
        self.recorder = Recorder()
        self.limiter = Limiter(world.clock)
        self.quota_left: int | None = None

    def reset(self, _world: World, _company: str, _seed: int) -> None:
        """Withdraw faults, forget calls."""
        self.faults.clear()
        self.recorder.clear()
        self.limiter.clear()
        self.quota_left = None


@routes.add("POST", "/_sandbox/reset", auth="none", claim=CLAIM)
def reset(world: World, req: Request) -> dict[str, Any]:
    """Found the company anew: {company, seed}."""
    body = req.json()
    world.reset(str(body.get("company", world.company)), int(body.get("seed", 1)))
    return {"company": world.company}


@routes.add("GET", "/_sandbox/clock", auth="none", claim=CLAIM)
def read_clock(world: World, _req: Request) -> dict[str, Any]:
    """What time it is here."""
    return {"now": world.clock.now().isoformat(), "time": world.clock.time()}


@routes.add("POST", "/_sandbox/clock", auth="none", claim=CLAIM, locked=False)
def move_clock(world: World, req: Request) -> dict[str, Any]:
    """Jump {advance: seconds} forward; everything due meanwhile happens."""
    world.clock.advance(float(req.json().get("advance", 0)))
    return {"now": world.clock.now().isoformat(), "time": world.clock.time()}


@routes.add("GET", "/_sandbox/faults", auth="none", claim=CLAIM)
def list_faults(world: World, _req: Request) -> dict[str, Any]:
    """All ordered faults and how often each struck."""
    return {"faults": world.control.faults.listing()}


@routes.add("POST", "/_sandbox/faults", auth="none", claim=CLAIM)
def order_fault(world: World, req: Request) -> dict[str, Any]:
    """Order a fault; see ``faults.Faults.order``."""
    return {"id": world.control.faults.order(req.json()).id}


@routes.add("DELETE", "/_sandbox/faults", auth="none", claim=CLAIM)
def clear_faults(world: World, _req: Request) -> dict[str, Any]:
    """Withdraw all faults."""
    world.control.faults.clear()
    return {}


@routes.add("DELETE", "/_sandbox/faults/:id", auth="none", claim=CLAIM)
def clear_fault(world: World, req: Request) -> dict[str, Any]:
    """Withdraw one fault."""
    if not req.params["id"].isdecimal() or not world.control.faults.withdraw(int(req.params["id"])):
        raise ApiError(404, f"no fault {req.params['id']} is ordered", status=404)
    return {}


@routes.add("GET", "/_sandbox/requests", auth="none", claim=CLAIM, locked=False)
def recorded(world: World, req: Request) -> dict[str, Any]:
    """Recorded calls: ?since=<n>&path=<part of a path>."""
    since = int(req.query.get("since", "0"))
    return {"requests": world.control.recorder.calls(since, req.query.get("path", ""))}


@routes.add("POST", "/_sandbox/limits", auth="none", claim=CLAIM)
def switch_limits(world: World, req: Request) -> dict[str, Any]:
    """Turn rate limits {on: bool}; {quota_left: n} sets how many calls the month still allows."""
    body = req.json()
    if "on" in body:
        world.limits_on = bool(body["on"])
    if "quota_left" in body:
        world.control.quota_left = None if body["quota_left"] is None else int(body["quota_left"])
    world.control.limiter.clear()
    return {"on": world.limits_on, "quota_left": world.control.quota_left}


@routes.add("POST", "/_sandbox/scopes", auth="none", claim=CLAIM)
def change_scopes(world: World, req: Request) -> dict[str, Any]:
    """Take scopes away or give them back: {app_id?, revoke: [], grant: []}."""
    body = req.json()
    app = world.apps.get(str(body.get("app_id", world.default_app.app_id)))
    if app is None:
        raise ApiError(10003, "no app has this app_id", status=400)
    app.revoked_scopes |= set(body.get("revoke") or [])
    app.revoked_scopes -= set(body.get("grant") or [])
    return {"revoked": sorted(app.revoked_scopes)}


@routes.add("GET", "/_sandbox/coverage", auth="none", claim=CLAIM)
def coverage(world: World, _req: Request) -> dict[str, Any]:
    """Every endpoint with the source of its behaviour; docs/sandbox-coverage.md is made from this."""
    return {
        "routes": [describe(route) for route in world.routes if not route.pattern.startswith("/_sandbox")]
    }


def describe(route: Any) -> Mapping[str, Any]:
    """One line of the coverage list."""
    rate = route.rate
    return {
        "area": route.area,
        "method": route.method,
        "path": route.pattern,
        "auth": route.auth,
        "rate": {"per_minute": rate.per_minute, "per_second": rate.per_second} if rate else None,
        "scopes": list(route.scopes),
        "claim": route.claim,
    }


@routes.add("POST", "/_sandbox/threads", auth="none", claim=CLAIM)
def threads(_world: World, _req: Request) -> Reply:
    """How many threads run, for leak hunts."""
    return Reply({"threads": threading.active_count()})
