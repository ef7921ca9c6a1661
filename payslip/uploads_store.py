"""SQL of the files that HR sends: one row a file."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from payslip import tables as t
from payslip.documents import Month
from payslip.uploads_model import Upload, UploadState
from runtime.ids import MessageId, OpenId


def load(conn: Connection, upload_id: str, *, lock: bool = False) -> Upload | None:
    """A file by the id of its message; with ``lock`` it stays ours until the transaction ends."""
    query = sa.select(t.uploads).where(t.uploads.c.id == upload_id)
    row = conn.execute(query.with_for_update() if lock else query).mappings().first()
    return _upload(row) if row is not None else None


def add(conn: Connection, upload: Upload, at: datetime) -> None:
    """Keep a new file; the caller knows that its message was never met."""
    conn.execute(t.uploads.insert().values(at=at, **_values(upload)))


def save(conn: Connection, upload: Upload) -> None:
    """Keep what is known of a file now."""
    conn.execute(t.uploads.update().where(t.uploads.c.id == upload.id).values(**_values(upload)))


def _values(upload: Upload) -> dict[str, Any]:
    return {
        "id": upload.id, "file_key": upload.file_key, "name": upload.name, "sender": upload.sender,
        "state": upload.state.value, "turn": upload.turn, "kind": upload.kind, "month": upload.month,
        "digest": upload.digest, "new": upload.new, "changed": upload.changed,
        "unchanged": upload.unchanged, "faults": list(upload.faults), "more": upload.more,
        "warnings": list(upload.warnings), "card_id": upload.card,
    }  # fmt: skip


def _upload(row: RowMapping) -> Upload:
    return Upload(
        id=MessageId(row["id"]), file_key=row["file_key"], name=row["name"], sender=OpenId(row["sender"]),
        state=UploadState(row["state"]), turn=row["turn"], kind=row["kind"],
        month=Month(row["month"]) if row["month"] else None, digest=row["digest"], new=row["new"],
        changed=row["changed"], unchanged=row["unchanged"], faults=tuple(row["faults"]), more=row["more"],
        warnings=tuple(row["warnings"]), card=MessageId(row["card_id"]) if row["card_id"] else None,
    )  # fmt: skip
