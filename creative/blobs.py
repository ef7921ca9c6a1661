"""Files by the hash of their content, in a folder: written once, never changed, found again after a crash.

Several machines need one folder that all of them see (``CHORUS_BLOB_DIR``).
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

from runtime.errors import PermanentError


class Blobs:
    """A store of files named by their SHA-256.

    Args:
        root: the folder; made when it is first written to.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, data: bytes) -> str:
        """Keep a file durably and return its SHA-256; the same content is kept once."""
        name = hashlib.sha256(data).hexdigest()
        path = self._path(name)
        if path.exists():
            return name
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
        _sync_folder(path.parent)
        return name

    def get(self, name: str) -> bytes:
        """The content.

        Raises:
            PermanentError: it is not there, or it is not what its name says.
        """
        try:
            data = self._path(name).read_bytes()
        except FileNotFoundError:
            raise PermanentError(
                f"The file {name[:12]}… is missing under {self.root.name}; was the folder moved or emptied? "
                "Restore it, or ask for a redo."
            ) from None
        if hashlib.sha256(data).hexdigest() != name:
            raise PermanentError(f"The file {name[:12]}… is damaged on disk; restore it from the backup.")
        return data

    def has(self, name: str) -> bool:
        """Whether it is there."""
        return self._path(name).exists()

    def _path(self, name: str) -> Path:
        if len(name) != 64 or not set(name) <= set("0123456789abcdef"):
            msg = f"{name[:80]!r} is no SHA-256; blobs are asked for by the name that put() gave."
            raise ValueError(msg)
        return self.root / name[:2] / name


def _sync_folder(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
