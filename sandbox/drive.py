"""Drive: subscribing to a document's events, and the files behind Bitable attachments.

Source: drive-v1 file/subscribe (2025-07) and media pages (Feishu docs): 20 MiB in one piece, 4 MiB blocks
above, Adler-32 as a decimal, 5 calls a second without concurrency (1061045), upload ids and temporary links
live 24 h.
"""

import json
import mimetypes
import threading
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from sandbox import drive_sharing
from sandbox.bitable_model import Base
from sandbox.kernel import ApiError, Rate, Reply, Request, Routes, World

routes = Routes("drive")
FILES = "/open-apis/drive/v1/files/:file_token"
MEDIAS = "/open-apis/drive/v1/medias"
DOC = "docs drive-v1"
LIMIT = 20 * 1024 * 1024
BLOCK = 4 * 1024 * 1024
DAY = 86_400.0
FIVE = Rate(per_second=5)
SUBSCRIBE_SCOPES = ("docs:doc", "docs:event:subscribe", "drive:drive", "sheets:spreadsheet")
MEDIA_SCOPES = ("bitable:app", "docs:document.media:upload", "docs:document.media:download", "drive:drive")
FILE_TYPES = ("doc", "docx", "sheet", "bitable", "file", "folder", "slides")
Body = dict[str, Any]

REFUSALS: dict[int, tuple[str, int]] = {
    1061002: ("params error.", 400),
    1061003: ("not found.", 404),
    1061004: ("forbidden.", 403),
    1061008: ("invalid file name.", 400),
    1061021: ("upload id expire.", 400),
    1061043: ("file size beyond limit.", 400),
    1061044: ("parent node not exist.", 400),
    1061045: ("can retry.", 400),
    1062007: ("upload user not match.", 400),
    1062008: ("checksum param Invalid.", 400),
    1062009: ("the actual size is inconsistent with the parameter declaration size.", 400),
    1062010: ("block missing, please upload all blocks.", 400),
    1062011: ("block num out of bounds.", 400),
    1069602: ("param error", 400),
    1069603: ("forbidden", 403),
    1069604: ("not found", 400),
    1069605: ("not subscribed", 400),
}


def refuse(code: int) -> ApiError:
    """The refusal with its text and status."""
    msg, status = REFUSALS[code]
    return ApiError(code, msg, status=status)


@dataclass(frozen=True, slots=True)
class Media:
    """One uploaded file; ``parent`` is the base it belongs to."""

    token: str
    name: str
    mime: str
    data: bytes
    parent: str


@dataclass(slots=True)
class Upload:
    """An upload in parts."""

    id: str
    name: str
    parent: str
    size: int
    who: str
    until: float
    parts: dict[int, bytes] = field(default_factory=dict)

    @property
    def blocks(self) -> int:
        """How many parts there must be."""
        return max(1, -(-self.size // BLOCK))


class DriveState:
    """``world.drive``: media by token, uploads under way, temporary links."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.media: dict[str, Media] = {}
        self.uploads: dict[str, Upload] = {}
        self.links: dict[str, tuple[str, float]] = {}
        self._busy = threading.Lock()

    def reset(self, _world: World, _company: str, _seed: int) -> None:
        """Forget everything."""
        self.media.clear()
        self.uploads.clear()
        self.links.clear()

    @contextmanager
    def one_at_a_time(self) -> Iterator[None]:
        """Uploads do not run side by side: the second is told to retry (1061045)."""
        if not self._busy.acquire(blocking=False):
            raise refuse(1061045)
        try:
            with self.world.lock:
                yield
            time.sleep(self.world.bitable.write_seconds)
        finally:
            self._busy.release()

    def put(self, parent: str, name: str, data: bytes) -> Media:
        """Keep a file as if somebody had uploaded it into the base ``parent``."""
        mime = mimetypes.guess_type(name)[0] or "application/octet-stream"
        media = Media(self.world.ids.file_token(), name, mime, data, parent)
        self.media[media.token] = media
        return media


# -- subscriptions ------------------------------------------------------------


def _document(world: World, req: Request) -> Base:
    """The base a subscription speaks of, if the caller manages it."""
    if req.query.get("file_type") not in FILE_TYPES:
        raise refuse(1069602)
    base: Base | None = world.bitable.bases.get(req.params["file_token"])
    if base is None or req.query["file_type"] != "bitable":
        raise refuse(1069604)
    who = req.app.app_id if req.identity == "app" else req.identity
    if who not in base.managers and world.bitable.operator(req) != base.owner:
        raise refuse(1069603)
    return base


@routes.add(
    "POST",
    f"{FILES}/subscribe",
    rate=Rate(per_minute=1000, per_second=50),
    auth="any",
    scopes=SUBSCRIBE_SCOPES,
    claim=f"{DOC}/file/subscribe, 2025-07-15",
)
def subscribe(world: World, req: Request) -> Body:
    """Subscribe to a base's events; a second time changes nothing."""
    _document(world, req).subscribers[req.app.app_id] = world.bitable.operator(req)
    return {}


@routes.add(
    "GET",
    f"{FILES}/get_subscribe",
    rate=Rate(per_minute=10),
    auth="any",
    scopes=SUBSCRIBE_SCOPES,
    claim=f"{DOC}/file/get_subscribe, 2025; false, not 1069605, seen live",
)
def get_subscribe(world: World, req: Request) -> Body:
    """Whether the app is subscribed."""
    return {"is_subscribe": req.app.app_id in _document(world, req).subscribers}


@routes.add(
    "DELETE",
    f"{FILES}/delete_subscribe",
    rate=Rate(per_minute=10),
    auth="any",
    scopes=SUBSCRIBE_SCOPES,
    claim=f"{DOC}/file/delete_subscribe, 2025",
)
def delete_subscribe(world: World, req: Request) -> Body:
    """End a subscription."""
    if _document(world, req).subscribers.pop(req.app.app_id, None) is None:
        raise refuse(1069605)
    return {}


# -- uploads ------------------------------------------------------------


def _announced(world: World, req: Request, given: Mapping[str, Any]) -> tuple[str, str, int]:
    """File name, parent base and size an upload announces."""
    name, parent = str(given.get("file_name") or ""), str(given.get("parent_node") or "")
    if not name or len(name) > 250:
        raise refuse(1061008)
    if (
        given.get("parent_type") not in ("bitable_image", "bitable_file")
        or not str(given.get("size", "")).isdigit()
    ):
        raise refuse(1061002)
    base: Base | None = world.bitable.bases.get(parent)
    if base is None:
        raise refuse(1061044)
    if req.identity == "app" and req.app.app_id not in base.managers:
        raise refuse(1061004)
    return name, parent, int(given["size"])


def _checked(req: Request, size: int) -> bytes:
    """The uploaded bytes, of the announced size and checksum."""
    data = req.upload("file")
    if data is None:
        raise refuse(1061002)
    if len(data) != size:
        raise refuse(1062009)
    checksum = req.form.get("checksum")
    if checksum and checksum != str(zlib.adler32(data)):
        raise refuse(1062008)
    return data


@routes.add(
    "POST",
    f"{MEDIAS}/upload_all",
    rate=FIVE,
    auth="any",
    locked=False,
    scopes=MEDIA_SCOPES,
    claim=f"{DOC}/media/upload_all, 2025",
)
def upload_all(world: World, req: Request) -> Body:
    """Upload up to 20 MiB in one piece."""
    with world.drive.one_at_a_time():
        name, parent, size = _announced(world, req, req.form)
        if size > LIMIT:
            raise refuse(1061043)
        return {"file_token": world.drive.put(parent, name, _checked(req, size)).token}


@routes.add(
    "POST",
    f"{MEDIAS}/upload_prepare",
    rate=FIVE,
    auth="any",
    scopes=MEDIA_SCOPES,
    claim=f"{DOC}/media/upload_prepare, 2025",
)
def upload_prepare(world: World, req: Request) -> Body:
    """Announce an upload in parts of 4 MiB."""
    name, parent, size = _announced(world, req, req.json())
    if size == 0:
        raise refuse(1061002)
    until = world.clock.time() + DAY
    upload = Upload(world.ids.text(24), name, parent, size, world.bitable.operator(req), until)
    world.drive.uploads[upload.id] = upload
    return {"upload_id": upload.id, "block_size": BLOCK, "block_num": upload.blocks}


def _upload(world: World, req: Request, upload_id: Any) -> Upload:
    upload: Upload | None = world.drive.uploads.get(str(upload_id))
    if upload is None or upload.until < world.clock.time():
        raise refuse(1061021)
    if upload.who != world.bitable.operator(req):
        raise refuse(1062007)
    return upload


@routes.add(
    "POST",
    f"{MEDIAS}/upload_part",
    rate=FIVE,
    auth="any",
    locked=False,
    scopes=MEDIA_SCOPES,
    claim=f"{DOC}/media/upload_part, 2025",
)
def upload_part(world: World, req: Request) -> Body:
    """One part; all but the last are whole blocks."""
    with world.drive.one_at_a_time():
        upload = _upload(world, req, req.form.get("upload_id"))
        seq, size = req.form.get("seq", ""), req.form.get("size", "")
        if not seq.isdigit() or not size.isdigit():
            raise refuse(1061002)
        if int(seq) >= upload.blocks:
            raise refuse(1062011)
        wanted = BLOCK if int(seq) < upload.blocks - 1 else upload.size - BLOCK * (upload.blocks - 1)
        if int(size) != wanted:
            raise refuse(1062009)
        upload.parts[int(seq)] = _checked(req, int(size))
        return {}


@routes.add(
    "POST",
    f"{MEDIAS}/upload_finish",
    rate=FIVE,
    auth="any",
    scopes=MEDIA_SCOPES,
    claim=f"{DOC}/media/upload_finish, 2025",
)
def upload_finish(world: World, req: Request) -> Body:
    """Put the parts together."""
    body = req.json()
    upload = _upload(world, req, body.get("upload_id"))
    if body.get("block_num") != upload.blocks or len(upload.parts) != upload.blocks:
        raise refuse(1062010)
    data = b"".join(upload.parts[seq] for seq in range(upload.blocks))
    del world.drive.uploads[upload.id]
    return {"file_token": world.drive.put(upload.parent, upload.name, data).token}


# -- downloads ------------------------------------------------------------


def _readable(world: World, req: Request, token: str) -> Media:
    """A file the caller may read; with advanced permissions on, ``extra`` must say where it is attached."""
    media: Media | None = world.drive.media.get(token)
    if media is None:
        raise refuse(1061003)
    base: Base | None = world.bitable.bases.get(media.parent)
    if base is None or (req.identity == "app" and req.app.app_id not in base.managers):
        raise refuse(1061004)
    if base.is_advanced:
        try:
            place = json.loads(req.query.get("extra") or "{}")["bitablePerm"]["tableId"]
        except (ValueError, KeyError, TypeError):
            raise refuse(1061004) from None
        if place not in base.tables:
            raise refuse(1061004)
    return media


def _send(media: Media, wanted: str | None) -> Reply:
    headers = {
        "Content-Type": media.mime,
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(media.name)}",
    }
    if wanted and wanted.startswith("bytes="):
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        start = int(first or 0)
        end = min(int(last or len(media.data) - 1), len(media.data) - 1)
        headers["Content-Range"] = f"bytes {start}-{end}/{len(media.data)}"
        return Reply(media.data[start : end + 1], status=206, headers=headers)
    return Reply(media.data, headers=headers)


@routes.add(
    "GET",
    f"{MEDIAS}/:file_token/download",
    rate=FIVE,
    auth="any",
    scopes=MEDIA_SCOPES,
    claim=f"{DOC}/media/download, 2025",
)
def download(world: World, req: Request) -> Reply:
    """The bytes of a file; ``Range`` is honoured."""
    return _send(_readable(world, req, req.params["file_token"]), req.headers.get("range"))


@routes.add(
    "GET",
    f"{MEDIAS}/batch_get_tmp_download_url",
    rate=FIVE,
    auth="any",
    scopes=MEDIA_SCOPES,
    claim=f"{DOC}/media/batch_get_tmp_download_url, 2025",
)
def temporary_links(world: World, req: Request) -> Body:
    """Links to up to five files that need no token and live 24 h."""
    tokens = req.query_all.get("file_tokens", [])
    if not 1 <= len(tokens) <= 5:
        raise refuse(1061002)
    links = []
    for token in tokens:
        media = _readable(world, req, token)
        code = world.ids.text(40)
        world.drive.links[code] = (media.token, world.clock.time() + DAY)
        url = f"{world.base_url}/space/api/box/stream/download/authcode/?code={code}"
        links.append({"file_token": token, "tmp_download_url": url})
    return {"tmp_download_urls": links}


@routes.add(
    "GET",
    "/space/api/box/stream/download/authcode",
    auth="none",
    claim=f"{DOC}/media/batch_get_tmp_download_url, 2025",
)
def by_link(world: World, req: Request) -> Reply:
    """A file by its temporary link."""
    token, until = world.drive.links.get(req.query.get("code", ""), ("", 0.0))
    if until < world.clock.time() or token not in world.drive.media:
        raise refuse(1061003)
    return _send(world.drive.media[token], req.headers.get("range"))


routes.include(drive_sharing.routes)
