"""What follows from a decision about a request: the works that are put in its transaction."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Connection

from creative import store
from creative.model import Request, Version
from runtime import audit
from runtime.db import Database
from runtime.work import Work, WorkQueue

MODEL_LANES, STUDIO_LANES = 4, 2
"""Calls of image models, and variants being composed, at once."""
SYSTEM = "system:creative"


def commit(
    db: Database, conn: Connection, queue: WorkQueue, request: Request, reason: str, *,
    actor: str = SYSTEM, version: Version | None = None, tell: bool = False,
) -> None:  # fmt: skip
    """Write a request with everything that follows.

    Args:
        db: for its dialect.
        conn: the caller's write transaction.
        queue: where work is put in the same transaction.
        request: to be saved.
        reason: named reason, for the audit.
        actor: who decided.
        version: a version to be made.
        tell: those who decide get a card.
    """
    store.save_request(db, conn, request)
    audit.record(
        conn, at=request.changed_at, actor=actor, action="art.change", subject=f"art:{request.id}",
        reason=reason, detail={"state": request.state.name, "version": request.version, "turn": request.turn},
    )  # fmt: skip
    works = []
    if version is not None:
        store.add_version(conn, version)
        works.append(make_work(version.id))
    works.append(mark_work(request.id, f"{request.turn}:{reason}:{request.changed_at.isoformat()}"))
    if tell:
        works += card_works(db, conn, request, request.changed_at)
    works += refresh_works(conn, request)
    queue.put(conn, *works)


def make_work(version: str) -> Work:
    """Fetch the photos of a version and plan its calls."""
    return Work(
        "art.make", f"art-make:{version}", f"art-request:{version.rpartition(':')[0]}", {"version": version}
    )


def call_work(call: str) -> Work:
    """Generate one background; calls of different pictures go side by side in a few lanes."""
    return Work("art.generate", f"art-call:{call}", f"art-model:{_lane(call, MODEL_LANES)}", {"call": call})


def compose_work(version: str, variant: int) -> Work:
    """Compose one variant; neighbours go to different lanes."""
    lane = (_lane(version, STUDIO_LANES) + variant) % STUDIO_LANES
    args = {"version": version, "variant": variant}
    return Work("art.compose", f"art-compose:{version}:{variant}", f"art-studio:{lane}", args)


def upload_work(version: str, variant: int, painted: Mapping[str, Any]) -> Work:
    """Upload the files of a composed variant.

    Feishu takes one upload at a time, so one lane does it, and the lanes of composing go on with the next.
    """
    args = {"version": version, "variant": variant, "painted": dict(painted)}
    return Work("art.upload", f"art-upload:{version}:{variant}", "art-upload", args)


def deliver_work(version: str) -> Work:
    """Put a version into its row and tell people."""
    lane = f"art-request:{version.rpartition(':')[0]}"
    return Work("art.deliver", f"art-deliver:{version}", lane, {"version": version})


def archive_work(request: Request) -> Work:
    """Archive what was chosen."""
    lane = f"art-request:{request.id}"
    return Work(
        "art.archive", f"art-archive:{request.version_id}:{request.chosen}", lane, {"request": request.id}
    )


def mark_work(request_id: str, suffix: str) -> Work:
    """Write 状态 and 说明 of a row as they are then."""
    return Work(
        "art.mark", f"art-mark:{request_id}:{suffix}", f"art-row:{request_id}", {"request": request_id}
    )


def check_mark_work(table: str, record_id: str, at: datetime) -> Work:
    """Write 校验结果 of a brand, layout or word."""
    args = {"table": table, "record": record_id}
    return Work(
        "art.check_mark", f"art-check:{table}:{record_id}:{at.isoformat()}", f"art-row:{record_id}", args
    )


def card_works(db: Database, conn: Connection, request: Request, at: datetime) -> list[Work]:
    """Send the request's card to everyone who decides."""
    works = []
    for receiver in request.receivers():
        card = store.add_card(db, conn, request, receiver, at)
        works.append(Work("art.card", f"art-card:{card}", f"receiver:{receiver}", {"card": card}))
    return works


def refresh_works(conn: Connection, request: Request) -> list[Work]:
    """Bring the cards that are out to what is."""
    out = {str(card["receiver"]) for card in store.cards_of(conn, request.id) if card["message_id"]}
    return [refresh_work(request, receiver) for receiver in sorted(out)]


def refresh_work(request: Request, receiver: str, *, suffix: str = "") -> Work:
    """Bring one receiver's cards to what is."""
    work_id = f"art-refresh:{request.id}:{request.turn}:{receiver}{suffix}"
    return Work("art.refresh", work_id, f"receiver:{receiver}", {"request": request.id, "receiver": receiver})


def copy_work(version: Version) -> Work:
    """Write texts that were changed on a card into the row, once."""
    return Work(
        "art.write_copy", f"art-copy:{version.id}", f"art-row:{version.request_id}", {"version": version.id}
    )


def _lane(text: str, count: int) -> int:
    return zlib.crc32(text.encode()) % count
