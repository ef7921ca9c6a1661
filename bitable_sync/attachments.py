"""Files in cells: upload into the base first, then put the token into the cell; download by token.

A file token is valid only inside the base it was uploaded to, and writing an attachment cell replaces the
whole list, so adding keeps the files that are there (Feishu docs: 附件字段说明).
"""

from __future__ import annotations

import mimetypes
from typing import TYPE_CHECKING

from bitable_sync.bindings import Bindings
from bitable_sync.cells import Attachment
from bitable_sync.mirror import Mirror
from bitable_sync.push import Pusher
from runtime.errors import PermanentError
from runtime.ids import FileToken

if TYPE_CHECKING:
    from runtime.feishu import Feishu

MAX_FILES = 100  # attachments per cell


class Attachments:
    """Moves files between our side and attachment cells."""

    def __init__(self, feishu: Feishu, bindings: Bindings, mirror: Mirror, pusher: Pusher) -> None:
        self.feishu = feishu
        self.bindings = bindings
        self.mirror = mirror
        self.pusher = pusher

    def upload(self, table_key: str, name: str, data: bytes) -> Attachment:
        """Upload a file into the base of a table.

        Put the result into a cell with ``Pusher.write`` or ``add``.

        Args:
            table_key: a table of the base.
            name: file name with its ending, ≤ 250 characters; the ending decides image or file.
            data: the content; above 20 MB it is sent in parts.
        """
        bound = self.bindings.require(table_key)
        mime = mimetypes.guess_type(name)[0] or "application/octet-stream"
        token = self.feishu.drive.upload_media(bound.app_token, name, data, image=mime.startswith("image/"))
        return Attachment(str(token), name, len(data), mime)

    def add(self, table_key: str, record_id: str, field_key: str, *files: Attachment) -> None:
        """Add files to a cell, keeping those the mirror knows; a file already there is not added twice.

        Raises:
            PermanentError: the cell would hold more than 100 files.
        """
        row = self.mirror.get(table_key, record_id)
        value = row.values[field_key] if row else ()
        standing = (
            [item for item in value if isinstance(item, Attachment)] if isinstance(value, tuple) else []
        )
        wanted = tuple(dict.fromkeys([*standing, *files]))
        if len(wanted) > MAX_FILES:
            raise PermanentError(f"单元格最多 {MAX_FILES} 个附件，现在会有 {len(wanted)} 个；请先移走一些")
        self.pusher.write(table_key, record_id, {field_key: wanted})

    def download(self, table_key: str, record_id: str, field_key: str, file: Attachment) -> bytes:
        """The content of a file in a cell; the cell is named so that it works under advanced permissions."""
        bound = self.bindings.require(table_key)
        cell = {bound.fields[field_key].field_id: {record_id: [file.file_token]}}
        extra = {"bitablePerm": {"tableId": bound.table_id, "attachments": cell}}
        return self.feishu.drive.download_media(FileToken(file.file_token), extra=extra)
