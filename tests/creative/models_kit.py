"""What tests of image models share: profiles on the sandbox, small pictures, answers word for word."""

import base64
import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from PIL import Image

from creative.providers import open_model
from creative.providers.model import ImageModel, Kind, Orientation, PictureOrder, Profile
from sandbox.images_state import KEY
from sandbox.server import SandboxServer
from tests.contract.kit import control

PATHS = {Kind.OPENAI: "/v1", Kind.ARK: "/api/v3", Kind.QWEN: "/compatible-mode/v1"}
GENERATIONS = "*/images/generations"
ORDER = PictureOrder("春节 空台面", Orientation.SQUARE, requester="0123456789abcdef" * 2)
QUICK: dict[Kind, dict[str, Any]] = {
    Kind.OPENAI: {"sizes": dict.fromkeys(Orientation, (816, 816))},
    Kind.QWEN: {"sizes": dict.fromkeys(Orientation, (512, 512))},
    Kind.ARK: {"model": "doubao-seedream-4-0-250828", "sizes": dict.fromkeys(Orientation, (960, 960))},
}
"""The smallest pictures each provider paints."""
Open = Callable[..., ImageModel]


def opened_on(sandbox_server: SandboxServer) -> Iterator[Open]:
    """Opens a profile on the sandbox, each once (TLS is set up each time); closes them in the end."""
    opened: dict[str, ImageModel] = {}

    def opening(profile: Profile, **changes: Any) -> ImageModel:
        there = replace(profile, **{"base_url": sandbox_server.url + PATHS[profile.kind], **changes})
        if repr(there) not in opened:
            opened[repr(there)] = open_model(there, KEY)
        return opened[repr(there)]

    yield opening
    for model in opened.values():
        model.close()


def bills(sandbox: SandboxServer) -> list[dict[str, Any]]:
    """What the sandbox has billed."""
    return list(control(sandbox, "GET", "world/images")["data"]["bills"])


def png(colour: tuple[int, int, int], side: int = 32) -> bytes:
    """A small picture of one colour."""
    out = io.BytesIO()
    Image.new("RGB", (side, side), colour).save(out, "PNG")
    return out.getvalue()


def answer(status: int = 200, body: Any = "", done: bool = False, **headers: str) -> dict[str, Any]:
    """A fault that answers word for word."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return {"kind": "answer", "status": status, "body": body, "done": done, "headers": named}


def said(code: str, message: str = "no", kind: str = "invalid_request_error") -> dict[str, Any]:
    """An error object."""
    return {"error": {"code": code, "message": message, "type": kind, "param": None}}


def item(**fields: Any) -> dict[str, Any]:
    """A good answer with one item."""
    return {"created": 1, "data": [fields]}


def b64(data: bytes) -> str:
    """Base64."""
    return base64.b64encode(data).decode()


PAGE = "<html><body>502 Bad Gateway</body></html>"
WHOLE = png((9, 9, 9), 900)
