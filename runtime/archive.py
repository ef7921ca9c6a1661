"""Whether an archive from outside may be unpacked, by its declared sizes, which reading never exceeds."""

from __future__ import annotations

import zipfile
from enum import StrEnum

LARGEST_UNPACKED = 300 * 1024 * 1024
LARGEST_STRINGS = 60 * 1024 * 1024
"""Of the part of a workbook that is held in memory as a whole."""
WORST_RATIO = 200
"""How many times larger than packed a part of more than a megabyte may be; spreadsheets stay under 50."""
MOST_PARTS = 2000


class Trouble(StrEnum):
    """Why an archive is not unpacked."""

    LARGE = "large"
    SEALED = "sealed"
    MACROS = "macros"


def trouble(archive: zipfile.ZipFile) -> Trouble | None:
    """What keeps a workbook from being unpacked: a bomb, a password, macros; None when nothing does."""
    parts = archive.infolist()
    dense = any(
        part.file_size > 1_048_576 and part.file_size > WORST_RATIO * max(1, part.compress_size)
        for part in parts
    )
    strings = sum(part.file_size for part in parts if part.filename.endswith("sharedStrings.xml"))
    total = sum(part.file_size for part in parts)
    if len(parts) > MOST_PARTS or total > LARGEST_UNPACKED or strings > LARGEST_STRINGS or dense:
        return Trouble.LARGE
    if any(part.flag_bits & 1 for part in parts):
        return Trouble.SEALED
    macros = any(part.filename.lower().endswith("vbaproject.bin") for part in parts)
    return Trouble.MACROS if macros else None
