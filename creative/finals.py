"""A designer's final picture: looked at like a stranger's file, and labelled again if it lost its label."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from creative.blobs import Blobs
from creative.studio.hashing import dhash
from creative.studio.label import label_json, read_label, write_label
from creative.studio.model import AigcLabel
from creative.studio.photo import PhotoRefused, open_photo


@dataclass(frozen=True, slots=True)
class Final:
    """One final. ``fault``: why it cannot be archived. ``source``: hash of what the designer gave."""

    name: str
    made: str = ""
    blob: str = ""
    source: str = ""
    size: int = 0
    width: int = 0
    height: int = 0
    label: str = ""
    dhash: str = ""
    fault: str = ""


def relabel(root: str, blob: str, name: str, producer: str, made: str) -> Final:
    """Check a final and see to its hidden sign; runs in a painter.

    Args:
        root: folder of the blobs.
        blob: what the designer gave.
        name: file name.
        producer: code for the sign; "" when nothing of it was generated, then it is left as it is.
        made: its unique number.
    """
    blobs = Blobs(Path(root))
    data = blobs.get(blob)
    try:
        photo = open_photo(data, name)
    except PhotoRefused as refused:
        return Final(name, fault=f"设计定稿“{name}”没有归档：{refused.sentence}")
    label = read_label(data)
    if label is None and producer:
        label = AigcLabel(producer, hashlib.sha256(made.encode()).hexdigest()[:32])
        try:
            data = write_label(data, label)
        except ValueError:
            return Final(
                name, fault=f"设计定稿“{name}”没有归档：这种格式写不了 AI 标识，请存成 JPG、PNG 或 WebP"
            )
    sign = label_json(label) if label else ""
    return Final(
        name, made, blobs.put(data), blob, len(data), photo.width, photo.height, sign, dhash(photo.image)
    )
