"""Images and files of messages: upload, and download from a message."""

import re
import struct
from typing import Any
from urllib.parse import quote

from sandbox.im_state import Blob
from sandbox.kernel import ApiError, Rate, Reply, Request, Routes, World

TIER = Rate(per_minute=1000, per_second=50)
UPLOAD = ("im:resource", "im:resource:upload")
IMAGE_LIMIT = 10 * 1024 * 1024
FILE_LIMIT = 30 * 1024 * 1024
RESOURCE_LIMIT = 100 * 1024 * 1024
FILE_KINDS = ("opus", "mp4", "pdf", "doc", "xls", "ppt", "stream")
MAGIC = {
    b"\x89PNG\r\n\x1a\n": "png",
    b"\xff\xd8\xff": "jpeg",
    b"GIF8": "gif",
    b"BM": "bmp",
    b"RIFF": "webp",
    b"\x00\x00\x01\x00": "x-icon",
    b"II*\x00": "tiff",
    b"MM\x00*": "tiff",
}

routes = Routes("im")


def image_kind(data: bytes) -> str:
    """The format of an image by its first bytes; HEIC hides behind a size.

    Raises:
        ApiError: 234011 when it is none of the accepted formats.
    """
    for magic, kind in MAGIC.items():
        if data.startswith(magic):
            return kind
    if data[4:12] in (b"ftypheic", b"ftypheix", b"ftypmif1"):
        return "heic"
    raise ApiError(234011, "Can't recognize image format", status=400)


def image_size(data: bytes, kind: str) -> tuple[int, int]:
    """Width and height in pixels where the header tells them plainly; else (0, 0)."""
    if kind == "png" and len(data) >= 24:
        width, height = struct.unpack(">II", data[16:24])
    elif kind == "gif" and len(data) >= 10:
        width, height = struct.unpack("<HH", data[6:10])
    elif kind == "jpeg" and (frame := re.search(rb"\xff[\xc0-\xc2].{3}(.{4})", data, re.DOTALL)):
        height, width = struct.unpack(">HH", frame[1])
    else:
        return 0, 0
    return int(width), int(height)


def check_image(data: bytes, image_type: str) -> str:
    """The format of an acceptable image.

    Raises:
        ApiError: 234010 empty, 234006 over 10 MB, 234011 format, 234039 too many pixels.
    """
    if not data:
        raise ApiError(234010, "File's size can't be 0", status=400)
    if len(data) > IMAGE_LIMIT:
        raise ApiError(234006, "The file size exceed the max value", status=400)
    kind = image_kind(data)
    side = 4096 if image_type == "avatar" else 2000 if kind == "gif" else 12_000
    if max(image_size(data, kind)) > side:
        raise ApiError(234039, f"The image is larger than {side} x {side} pixels", status=400)
    return kind


@routes.add(
    "POST", "/open-apis/im/v1/images", rate=TIER, scopes=UPLOAD, claim="docs im-v1/image/create, read 2026-11"
)
def upload_image(world: World, req: Request) -> dict[str, Any]:
    """Keep an image; the answer is its key. The part may come without a file name."""
    image_type = req.form.get("image_type", "")
    data = req.upload("image")
    if image_type not in ("message", "avatar") or data is None:
        raise ApiError(234001, "Invalid request param.", status=400)
    kind = check_image(data, image_type)
    key = world.ids.image_key()
    world.im.blobs[key] = Blob(req.app.app_id, data, f"image/{kind}", f"{key}.{kind}")
    return {"image_key": key}


@routes.add(
    "GET",
    "/open-apis/im/v1/images/:image_key",
    rate=TIER,
    scopes=("im:resource",),
    claim="docs im-v1/image/get, read 2026-11",
)
def download_image(world: World, req: Request) -> Reply:
    """An image this app uploaded."""
    return file_reply(world.im.blob(req.app.app_id, req.params["image_key"]))


@routes.add(
    "POST", "/open-apis/im/v1/files", rate=TIER, scopes=UPLOAD, claim="docs im-v1/file/create, read 2026-11"
)
def upload_file(world: World, req: Request) -> dict[str, Any]:
    """Keep a file of at most 30 MB; the answer is its key."""
    kind, name, data = req.form.get("file_type", ""), req.form.get("file_name", ""), req.upload("file")
    if kind not in FILE_KINDS or not name or data is None:
        raise ApiError(234001, "Invalid request param.", status=400)
    if not data:
        raise ApiError(234010, "File's size can't be 0", status=400)
    if len(data) > FILE_LIMIT:
        raise ApiError(234006, "The file size exceed the max value", status=400)
    key = world.ids.file_key()
    world.im.blobs[key] = Blob(req.app.app_id, data, "application/octet-stream", name)
    return {"file_key": key}


@routes.add(
    "GET",
    "/open-apis/im/v1/messages/:message_id/resources/:file_key",
    rate=TIER,
    scopes=("im:message", "im:message:readonly", "im:message.history:readonly"),
    claim="docs im-v1/message-resource/get, read 2026-11; a recalled message has no file: our reading",
)
def resource(world: World, req: Request) -> Reply:
    """An image or file of a message in a chat the bot is in; not of a card, and at most 100 MB.

    Raises:
        ApiError: 234001 no such type, 234004 not in the chat, 234043 a card, 234003 no such file in the
            message, 234037 too large.
    """
    if req.query.get("type") not in ("image", "file"):
        raise ApiError(234001, "Invalid request param.", status=400)
    message = world.im.message(req.params["message_id"])
    if req.app.app_id not in world.im.chats[message.chat_id].bots:
        raise ApiError(234004, "App not in chat.", status=400)
    if message.msg_type == "interactive":
        raise ApiError(234043, "Unsupported message type", status=400)
    key = req.params["file_key"]
    if message.deleted or key not in message.content or key not in world.im.blobs:
        raise ApiError(234003, "File not in msg.", status=400)
    if len(world.im.blobs[key].data) > RESOURCE_LIMIT:
        raise ApiError(234037, "Downloaded file size exceeds limit.", status=400)
    return file_reply(world.im.blobs[key])


def file_reply(blob: Blob) -> Reply:
    """Bytes with their name."""
    name = quote(blob.name)
    disposition = f"attachment; filename=\"{name}\"; filename*=UTF-8''{name}"
    return Reply(blob.data, headers={"Content-Type": blob.kind, "Content-Disposition": disposition})
