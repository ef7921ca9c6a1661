"""Image providers on loopback: OpenAI, Volcengine Ark (Seedream), Qwen-Image; every picture is billed.

The dialects stand in ``images_openai`` and ``images_china``; how pictures look in ``images_scenes``.
"""

from __future__ import annotations

from typing import Any

from sandbox import images_china, images_openai
from sandbox.images_state import ImagesState, error_view, refusal
from sandbox.kernel import ApiError, Reply, Request, Routes, World

CONTROL = "our own control plane, 2026-11"
STORE = "volcengine docs and alibabacloud help: links expire after a day, 2026-11"
KNOBS = ("latency", "quota", "per_minute", "blocked", "sketches")

__all__ = ["ImagesState", "routes"]

routes = Routes("images", on_error=error_view)
routes.include(images_openai.routes)
routes.include(images_china.routes)


@routes.add("GET", "/image-store/:name", auth="none", claim=STORE)
def fetch(world: World, req: Request) -> Reply:
    """The file behind an address that an answer named; gone after a day."""
    until, kind, data = world.images.files.get(req.params["name"], (0.0, "", b""))
    if world.clock.time() >= until:
        raise refusal(403, "AccessDenied", "Request has expired.", kind="access_denied")
    return Reply(data, headers={"Content-Type": kind}, bulky=True)


@routes.add("GET", "/_sandbox/world/images", auth="none", claim=CONTROL)
def show(world: World, _req: Request) -> dict[str, Any]:
    """What was billed: {images, by_prompt: {sha256 of the prompt: pictures}, bills: […]}."""
    return world.images.ledger()


@routes.add("POST", "/_sandbox/world/images", auth="none", claim=CONTROL)
def turn(world: World, req: Request) -> dict[str, Any]:
    """Set knobs: latency (seconds), quota (pictures left or null), per_minute, blocked, sketches.

    ``blocked`` is {word: input|output}; with ``sketches`` each size is painted once.
    """
    for name, value in req.json().items():
        if name not in KNOBS:
            raise ApiError(400, f"{name}: no such knob; there are {', '.join(KNOBS)}", status=400)
        setattr(world.images, name, value)
    return {name: getattr(world.images, name) for name in KNOBS}
