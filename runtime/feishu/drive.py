"""Files: subscribing to a base's events, attachments, pictures and files of documents."""

import json
import zlib
from collections.abc import Mapping
from typing import Any, Literal

from runtime.feishu.door import Door
from runtime.feishu.endpoint import MESSAGES, PER_MINUTE_10, PER_MINUTE_100, PER_SECOND_5, UPLOADS, Endpoint
from runtime.feishu.transport import File
from runtime.ids import AppToken, BlockId, DocumentId, FileToken, OpenId

SUBSCRIBE = Endpoint("POST", "/open-apis/drive/v1/files/:file_token/subscribe", MESSAGES, writes=True)
IS_SUBSCRIBED = Endpoint("GET", "/open-apis/drive/v1/files/:file_token/get_subscribe", PER_MINUTE_10)
UNSUBSCRIBE = Endpoint(
    "DELETE",
    "/open-apis/drive/v1/files/:file_token/delete_subscribe",
    PER_MINUTE_10,
    writes=True,
    done=frozenset({1069605}),  # not subscribed
)
UPLOAD_ALL = Endpoint("POST", "/open-apis/drive/v1/medias/upload_all", UPLOADS, writes=True)
UPLOAD_PREPARE = Endpoint("POST", "/open-apis/drive/v1/medias/upload_prepare", UPLOADS, writes=True)
UPLOAD_PART = Endpoint("POST", "/open-apis/drive/v1/medias/upload_part", UPLOADS, writes=True)
UPLOAD_FINISH = Endpoint("POST", "/open-apis/drive/v1/medias/upload_finish", UPLOADS, writes=True)
LIST_FILES = Endpoint("GET", "/open-apis/drive/v1/files", PER_MINUTE_100)
LIST_MEMBERS = Endpoint("GET", "/open-apis/drive/v1/permissions/:token/members", PER_MINUTE_100)
ADD_MEMBER = Endpoint("POST", "/open-apis/drive/v1/permissions/:token/members", PER_MINUTE_100, writes=True)
DOWNLOAD = Endpoint("GET", "/open-apis/drive/v1/medias/:file_token/download", PER_SECOND_5)

ALL_AT_ONCE = 20 * 1024 * 1024
"""Larger files go up in parts."""
NAME_LENGTH = 250
UPLOAD_LANE = "upload"
BITABLE = {"file_type": "bitable"}
Perm = Literal["view", "edit", "full_access"]


class Drive:
    """Subscriptions, sharing, media and files. Uploads go one after another, in all processes.

    Source: docs drive-v1/event, drive-v1/media, drive-v1/upload, drive-v1/permission-member and file/list.
    """

    def __init__(self, door: Door) -> None:
        self._door = door

    def subscribe(self, app: AppToken) -> None:
        """Ask for the events of a base; asking again is no error.

        Raises:
            NotPermitted: the app is not a manager of the base (1069603).
        """
        self._door.call(SUBSCRIBE, paths={"file_token": app}, query=BITABLE)

    def is_subscribed(self, app: AppToken) -> bool:
        """Tell whether the app gets the events of a base."""
        return bool(
            self._door.call(IS_SUBSCRIBED, paths={"file_token": app}, query=BITABLE).get("is_subscribe")
        )

    def unsubscribe(self, app: AppToken) -> None:
        """End the events of a base; not being subscribed is no error."""
        self._door.call(UNSUBSCRIBE, paths={"file_token": app}, query=BITABLE)

    def share(self, app: AppToken, open_id: OpenId, perm: Perm = "full_access") -> None:
        """Let a person open a base; Feishu tells them. Sharing again is no error.

        Args:
            app: the base.
            open_id: the person, as this app knows them.
            perm: view, edit, or full_access (可管理: may also share it on and manage its roles).

        Raises:
            NotPermitted: the app does not manage the base (1063002, 1063004).
            Rejected: the id is nobody's, or the base has no room for another person (1063001, 1063003).
        """
        body = {"member_type": "openid", "member_id": open_id, "perm": perm}
        query = {"type": "bitable", "need_notification": "true"}
        self._door.call(ADD_MEMBER, paths={"token": app}, query=query, body=body, lane=f"base:{app}")

    def members(self, app: AppToken) -> list[dict[str, Any]]:
        """Return who a base is shared with: `{member_type, member_id, perm, type}`; people are openid."""
        data = self._door.call(LIST_MEMBERS, paths={"token": app}, query={"type": "bitable"})
        return list(data.get("items") or [])

    def own_files(self) -> list[dict[str, Any]]:
        """Return what lies in the app's own root folder: `{token, name, type, url, created_time (s), …}`.

        The root comes in one piece; only other folders are paged.
        """
        return list(self._door.call(LIST_FILES).get("files") or [])

    def upload_media(self, app: AppToken, name: str, data: bytes, *, image: bool) -> FileToken:
        """Upload an attachment for cells of one base; the token is of no use in another (1254303).

        Args:
            app: the base.
            name: file name, at most 250 characters (cut if longer, keeping the extension).
            data: the content; more than 20 MB goes up in the platform's 4 MB parts.
            image: it is a picture and gets a preview.

        Raises:
            Ambiguous: no usable answer; upload again, an unused upload does no harm.
        """
        place = {"parent_type": "bitable_image" if image else "bitable_file", "parent_node": app}
        return self._upload(name, data, place)

    def upload_to_block(
        self, document: DocumentId, block: BlockId, name: str, data: bytes, *, image: bool
    ) -> FileToken:
        """Upload a picture or file for one block of a document; of no use in another block (1770013).

        Args:
            document: the document the block stands in.
            block: the picture's block (27), or the file's block (23, the child of its view), never the
                document itself.
            name: file name, at most 250 characters (cut if longer, keeping the extension).
            data: the content, stored as it is; more than 20 MB goes up in parts.
            image: the block shows a picture.

        Raises:
            Ambiguous: no usable answer; upload again, an unused upload does no harm.
            NotFound: the block is not in the document (any more) (1061044).
            NotPermitted: the app may not edit the document (1061004).

        Source: docs drive-v1/media/introduction (points of upload), docx-v1 FAQ "how to insert a picture".
        """
        place = {
            "parent_type": "docx_image" if image else "docx_file",
            "parent_node": block,
            "extra": json.dumps({"drive_route_token": document}, separators=(",", ":")),
        }
        return self._upload(name, data, place)

    def download_media(self, file_token: FileToken, extra: Mapping[str, Any] | None = None) -> bytes:
        """Return the content of an attachment, or of a document's picture or file, as it was uploaded.

        Args:
            file_token: from the cell or block.
            extra: needed with advanced permissions:
                `{"bitablePerm": {"tableId": …, "attachments": {field_id: {record_id: [file_token]}}}}`.
        """
        query = {"extra": json.dumps(extra, separators=(",", ":"))} if extra else {}
        return self._door.content(DOWNLOAD, paths={"file_token": file_token}, query=query)

    def _upload(self, name: str, data: bytes, place: Mapping[str, str]) -> FileToken:
        head = {"file_name": _short(name), **place}
        if len(data) > ALL_AT_ONCE:
            return self._upload_in_parts(head, data)
        form: dict[str, str | File] = {
            **head,
            "size": str(len(data)),
            "checksum": _checksum(data),
            "file": (head["file_name"], data, "application/octet-stream"),
        }
        return _token(self._door.call(UPLOAD_ALL, form=form, lane=UPLOAD_LANE))

    def _upload_in_parts(self, head: Mapping[str, str], data: bytes) -> FileToken:
        prepared = self._door.call(UPLOAD_PREPARE, body={**head, "size": len(data)}, lane=UPLOAD_LANE)
        upload_id, size = str(prepared.get("upload_id") or ""), int(prepared.get("block_size") or 0)
        if not upload_id or size <= 0:
            msg = "Feishu prepared an upload without an id or a block size; report this with the file's size."
            raise ValueError(msg)
        count = -(-len(data) // size)
        for number in range(count):
            part = data[number * size : (number + 1) * size]
            piece: dict[str, str | File] = {
                "upload_id": upload_id,
                "seq": str(number),
                "size": str(len(part)),
                "checksum": _checksum(part),
                "file": (head["file_name"], part, "application/octet-stream"),
            }
            self._door.call(UPLOAD_PART, form=piece, lane=UPLOAD_LANE)
        body = {"upload_id": upload_id, "block_num": count}
        return _token(self._door.call(UPLOAD_FINISH, body=body, lane=UPLOAD_LANE))


def _token(data: Mapping[str, Any]) -> FileToken:
    return FileToken(str(data.get("file_token") or ""))


def _checksum(data: bytes) -> str:
    return str(zlib.adler32(data))


def _short(name: str) -> str:
    if len(name) <= NAME_LENGTH:
        return name
    stem, dot, extension = name.rpartition(".")
    ending = dot + extension if stem and len(extension) < 10 else ""
    return name[: NAME_LENGTH - len(ending)] + ending
