"""Drive: uploads into bases, blocks of documents and folders, whole and in parts.

Source: drive-v1 media and upload pages (Feishu docs, 2025): 20 MiB in one piece, 4 MiB blocks above, Adler-32
as a decimal, 5 calls a second without concurrency (1061045), upload ids live 24 h.
"""

import json
import zlib
from collections.abc import Mapping
from typing import Any

from sandbox.bitable_model import Base
from sandbox.docx_model import FILE, IMAGE
from sandbox.drive_model import BLOCK, DAY, LIMIT, Body, Place, Upload, refuse, root_of
from sandbox.kernel import Rate, Request, Routes, World

routes = Routes("drive")
MEDIAS = "/open-apis/drive/v1/medias"
FOLDERS = "/open-apis/drive/v1/files"
DOC = "docs drive-v1"
FIVE = Rate(per_second=5)
MEDIA_SCOPES = ("bitable:app", "docs:document.media:upload", "drive:drive")
FILE_SCOPES = ("drive:drive", "drive:file", "drive:file:upload")


def announced(world: World, req: Request, given: Mapping[str, Any]) -> tuple[str, Place, int]:
    """File name, place and size an upload announces.

    Raises:
        ApiError: 1061008 name, 1061002 kind or size, 1061044 no such place, 1061004 not the caller's to fill.
    """
    name, kind = str(given.get("file_name") or ""), str(given.get("parent_type") or "")
    if not name or len(name) > 250:
        raise refuse(1061008)
    size, parent = str(given.get("size", "")), str(given.get("parent_node") or "")
    into_folder = req.path.startswith(FOLDERS)
    if not size.isdigit() or (kind == "explorer") != into_folder or (into_folder and size == "0"):
        raise refuse(1061002)
    if kind in ("bitable_image", "bitable_file"):
        place = base_place(world, req, kind, parent)
    elif kind in ("docx_image", "docx_file"):
        place = block_place(world, req, kind, parent, str(given.get("extra") or ""))
    elif kind == "explorer":
        place = folder_place(world, req, parent)
    else:
        raise refuse(1061002)
    return name, place, int(size)


def base_place(world: World, req: Request, kind: str, parent: str) -> Place:
    """A base the caller manages."""
    base: Base | None = world.bitable.bases.get(parent)
    if base is None:
        raise refuse(1061044)
    if req.identity == "app" and req.app.app_id not in base.managers:
        raise refuse(1061004)
    return Place(kind, parent)


def block_place(world: World, req: Request, kind: str, parent: str, extra: str) -> Place:
    """A block of the document that ``extra`` names; the document itself is taken, and of no use later."""
    try:
        route = str(json.loads(extra)["drive_route_token"])
    except (ValueError, KeyError, TypeError):
        raise refuse(1061002) from None
    document = world.docx.documents.get(route)
    block = document.blocks.get(parent) if document else None
    wanted = IMAGE if kind == "docx_image" else FILE
    if document is None or block is None or (block.kind != wanted and parent != route):
        raise refuse(1061044)
    if not world.docx.open_to(req, document, edit=True):
        raise refuse(1061004)
    return Place(kind, parent, route)


def folder_place(world: World, req: Request, parent: str) -> Place:
    """The caller's own root folder; the sandbox has no others."""
    who = world.bitable.operator(req)
    if not parent.startswith("fldroot"):
        raise refuse(1061044)
    if parent != root_of(who):
        raise refuse(1061004)
    return Place("explorer", parent, who)


def checked(req: Request, size: int) -> bytes:
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


def upload_all(world: World, req: Request) -> Body:
    """Upload up to 20 MiB in one piece."""
    with world.drive.one_at_a_time():
        name, place, size = announced(world, req, req.form)
        if size > LIMIT:
            raise refuse(1061043)
        return {"file_token": world.drive.keep(place, name, checked(req, size)).token}


def upload_prepare(world: World, req: Request) -> Body:
    """Announce an upload in parts of 4 MiB."""
    name, place, size = announced(world, req, req.json())
    if size == 0:
        raise refuse(1061002)
    until = world.clock.time() + DAY
    upload = Upload(world.ids.text(24), name, place, size, world.bitable.operator(req), until)
    world.drive.uploads[upload.id] = upload
    return {"upload_id": upload.id, "block_size": BLOCK, "block_num": upload.blocks}


def under_way(world: World, req: Request, upload_id: Any) -> Upload:
    """The upload a call goes on with.

    Raises:
        ApiError: 1061021 unknown or older than a day, 1062007 somebody else's.
    """
    upload: Upload | None = world.drive.uploads.get(str(upload_id))
    if upload is None or upload.until < world.clock.time():
        raise refuse(1061021)
    if upload.who != world.bitable.operator(req):
        raise refuse(1062007)
    return upload


def upload_part(world: World, req: Request) -> Body:
    """One part; all but the last are whole blocks."""
    with world.drive.one_at_a_time():
        upload = under_way(world, req, req.form.get("upload_id"))
        seq, size = req.form.get("seq", ""), req.form.get("size", "")
        if not seq.isdigit() or not size.isdigit():
            raise refuse(1061002)
        if int(seq) >= upload.blocks:
            raise refuse(1062011)
        wanted = BLOCK if int(seq) < upload.blocks - 1 else upload.size - BLOCK * (upload.blocks - 1)
        if int(size) != wanted:
            raise refuse(1062009)
        upload.parts[int(seq)] = checked(req, int(size))
        return {}


def upload_finish(world: World, req: Request) -> Body:
    """Put the parts together."""
    body = req.json()
    upload = under_way(world, req, body.get("upload_id"))
    if body.get("block_num") != upload.blocks or len(upload.parts) != upload.blocks:
        raise refuse(1062010)
    data = b"".join(upload.parts[seq] for seq in range(upload.blocks))
    del world.drive.uploads[upload.id]
    return {"file_token": world.drive.keep(upload.place, upload.name, data).token}


for root, scopes, page in ((MEDIAS, MEDIA_SCOPES, "media"), (FOLDERS, FILE_SCOPES, "upload")):
    for step in (upload_all, upload_prepare, upload_part, upload_finish):
        name = step.__name__
        routes.add(
            "POST",
            f"{root}/{name}",
            rate=FIVE,
            auth="any",
            locked=name in ("upload_prepare", "upload_finish"),
            scopes=scopes,
            claim=f"{DOC}/{page}/{name}, 2025",
        )(step)


@routes.add(
    "GET",
    "/open-apis/drive/explorer/v2/root_folder/meta",
    rate=FIVE,
    auth="any",
    scopes=("drive:drive", "drive:drive:readonly", "drive:drive.metadata:readonly"),
    claim=f"{DOC}/folder/get-root-folder-meta, 2025",
)
def root_folder(world: World, req: Request) -> Body:
    """The caller's root folder."""
    who = world.bitable.operator(req)
    return {"token": root_of(who), "id": str(zlib.crc32(who.encode())), "user_id": who}
