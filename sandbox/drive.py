"""Drive: subscribing to a document's events, and reading what was uploaded (see `drive_uploads`).

Source: drive-v1 file/subscribe (2025-07) and media pages (Feishu docs): temporary links live 24 h.
"""

import json
import mimetypes
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

from sandbox import drive_sharing, drive_uploads
from sandbox.bitable_model import Base
from sandbox.drive_model import DAY, Body, Media, Place, Upload, refuse
from sandbox.kernel import Rate, Reply, Request, Routes, World

routes = Routes("drive")
FILES = "/open-apis/drive/v1/files/:file_token"
MEDIAS = "/open-apis/drive/v1/medias"
DOC = "docs drive-v1"
FIVE = Rate(per_second=5)
SUBSCRIBE_SCOPES = ("docs:doc", "docs:event:subscribe", "drive:drive", "sheets:spreadsheet")
MEDIA_SCOPES = ("bitable:app", "docs:document.media:upload", "docs:document.media:download", "drive:drive")
FILE_TYPES = ("doc", "docx", "sheet", "bitable", "file", "folder", "slides")


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
        return self.keep(Place("bitable_file", parent), name, data)

    def keep(self, place: Place, name: str, data: bytes) -> Media:
        """Keep an uploaded file, byte for byte."""
        mime = mimetypes.guess_type(name)[0] or "application/octet-stream"
        token = self.world.ids.file_token()
        media = Media(token, name, mime, data, place.parent, place.kind, place.route)
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


# -- downloads ------------------------------------------------------------


def _readable(world: World, req: Request, token: str) -> Media:
    """A file the caller may read, wherever it belongs to."""
    media: Media | None = world.drive.media.get(token)
    if media is None or media.kind == "explorer":
        raise refuse(1061003)  # files of folders have a download of their own
    if media.kind.startswith("docx"):
        document = world.docx.documents.get(media.route)
        if document is None or not world.docx.open_to(req, document, edit=False):
            raise refuse(1061004)
        return media
    _attached(world, req, media)
    return media


def _attached(world: World, req: Request, media: Media) -> None:
    """An attachment; with advanced permissions on, ``extra`` must say where it is attached."""
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


routes.include(drive_uploads.routes)
routes.include(drive_sharing.routes)
