"""SQL of images. Every function works inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy.engine import Connection

from bitable_sync.cells import Person
from creative import tables
from creative.model import (
    Brief,
    Call,
    CallState,
    Cause,
    MadeFile,
    Photo,
    Request,
    State,
    Variant,
    Version,
)
from creative.providers.model import Orientation
from creative.search import Asset
from runtime.clock import SHANGHAI, day_of
from runtime.db import Database

_BRIEF = TypeAdapter(Brief)
_PHOTOS = TypeAdapter(tuple[Photo, ...])

SPENT = (CallState.SENT.value, CallState.STORED.value, CallState.UNKNOWN.value)
"""What counts against budgets: what was paid, what may have been, what is under way."""


# --- requests ---


def load_request(conn: Connection, request_id: str, *, lock: bool = False) -> Request | None:
    """A request; ``lock`` keeps others from deciding about it until the transaction ends."""
    query = sa.select(tables.requests).where(tables.requests.c.id == request_id)
    row = conn.execute(query.with_for_update() if lock else query).mappings().one_or_none()
    return None if row is None else _request(row)


def save_request(db: Database, conn: Connection, request: Request) -> None:
    """Write a request, new or known."""
    values = {
        "id": request.id, "state": request.state.value, "version": request.version, "turn": request.turn,
        "seen": request.seen, "title": request.title, "requester": _dump(request.requester),
        "designer": _dump(request.designer), "owners": list(request.owners), "note": request.note,
        "chosen": request.chosen, "decided_by": request.decided_by, "wiki": request.wiki,
        "changed_at": request.changed_at, "shown": request.shown,
    }  # fmt: skip
    change = {key: value for key, value in values.items() if key != "id"}
    insert = db.insert(tables.requests).values(values)
    conn.execute(insert.on_conflict_do_update(index_elements=["id"], set_=change))


def note_shown(conn: Connection, request: Request) -> None:
    """Note that the row says now where a request stands, unless it has moved on meanwhile."""
    table = tables.requests
    same = table.update().where(table.c.id == request.id, table.c.state == request.state.value)
    conn.execute(same.values(shown=request.state.value))


def _request(row: Mapping[Any, Any]) -> Request:
    return Request(
        row["id"], State(row["state"]), row["version"], row["turn"], row["seen"], row["title"],
        _person(row["requester"]), _person(row["designer"]), tuple(row["owners"] or ()), row["note"],
        row["chosen"], row["decided_by"], row["wiki"], row["changed_at"], row["shown"],
    )  # fmt: skip


def _dump(person: Person | None) -> str | None:
    return None if person is None else f"{person.open_id} {person.name}"


def _person(text: str | None) -> Person | None:
    if not text:
        return None
    open_id, _, name = text.partition(" ")
    return Person(open_id, name)


# --- versions ---


def add_version(conn: Connection, version: Version) -> None:
    """Freeze a version."""
    conn.execute(
        tables.versions.insert().values(
            id=version.id, request_id=version.request_id, version=version.version, cause=version.cause.value,
            brief=_BRIEF.dump_python(version.brief, mode="json"), reason=version.reason,
            grounds=version.grounds, asked_by=version.asked_by, asked_at=version.asked_at,
            wording=dict(version.wording),
            photos=None if version.photos is None else [asdict(each) for each in version.photos],
        )
    )  # fmt: skip


def load_version(conn: Connection, wanted: str) -> Version | None:
    """A version by id."""
    query = sa.select(tables.versions).where(tables.versions.c.id == wanted)
    row = conn.execute(query).mappings().one_or_none()
    if row is None:
        return None
    return Version(
        row["id"], row["request_id"], row["version"], Cause(row["cause"]),
        _BRIEF.validate_python(row["brief"]), row["reason"], row["grounds"], row["asked_by"],
        row["asked_at"], None if row["photos"] is None else _PHOTOS.validate_python(row["photos"]),
        row["wording"],
    )  # fmt: skip


def lock_version(conn: Connection, wanted: str) -> None:
    """Keep others from counting what of a version is done until the transaction ends."""
    conn.execute(sa.select(tables.versions.c.id).where(tables.versions.c.id == wanted).with_for_update())


def keep_photos(conn: Connection, wanted: str, photos: Iterable[Photo]) -> None:
    """Note what became of a version's photos."""
    values = {"photos": [asdict(each) for each in photos]}
    conn.execute(tables.versions.update().where(tables.versions.c.id == wanted).values(values))


def finish_version(conn: Connection, wanted: str, at: datetime) -> bool:
    """Note that a version stands in the row; False when it was noted before."""
    table = tables.versions
    done = table.update().where(table.c.id == wanted, table.c.done_at.is_(None)).values(done_at=at)
    return conn.execute(done).rowcount > 0


def note_logo(db: Database, conn: Connection, file_token: str, blob: str) -> None:
    """Note which blob a logo is."""
    insert = db.insert(tables.logos).values(file_token=file_token, blob=blob)
    conn.execute(insert.on_conflict_do_nothing())


def logo(conn: Connection, file_token: str) -> str | None:
    """The blob of a logo that was fetched."""
    query = sa.select(tables.logos.c.blob).where(tables.logos.c.file_token == file_token)
    return conn.execute(query).scalar_one_or_none()


# --- calls ---


def add_calls(db: Database, conn: Connection, calls: Iterable[Call]) -> None:
    """Plan calls; those that exist stay as they are."""
    for call in calls:
        values = asdict(call) | {"state": call.state.value, "orientation": call.orientation.value}
        conn.execute(db.insert(tables.calls).values(values).on_conflict_do_nothing())


def load_call(conn: Connection, call_id: str, *, lock: bool = False) -> Call | None:
    """One call."""
    query = sa.select(tables.calls).where(tables.calls.c.id == call_id)
    row = conn.execute(query.with_for_update() if lock else query).mappings().one_or_none()
    return None if row is None else _call(row)


def calls_of(conn: Connection, wanted: str) -> list[Call]:
    """The calls of a version, in order."""
    query = sa.select(tables.calls).where(tables.calls.c.version_id == wanted).order_by(tables.calls.c.id)
    return [_call(row) for row in conn.execute(query).mappings()]


def change_call(conn: Connection, call_id: str, state: CallState, **values: Any) -> None:
    """Move a call on."""
    table = tables.calls
    conn.execute(table.update().where(table.c.id == call_id).values(state=state.value, **values))


def spent(conn: Connection, *, since: datetime, requester: str | None = None) -> Decimal:
    """Yuan spent, perhaps spent, or under way since a moment, by everybody or by one person."""
    table = tables.calls
    query = sa.select(table.c.cost).where(table.c.state.in_(SPENT), table.c.sent_at >= since)
    return _sum(conn, query if requester is None else query.where(table.c.requester == requester))


def spent_on(conn: Connection, request_id: str) -> Decimal:
    """Yuan spent, perhaps spent, or under way on a request, ever."""
    table = tables.calls
    mine = table.c.version_id.startswith(f"{request_id}:", autoescape=True)
    return _sum(conn, sa.select(table.c.cost).where(table.c.state.in_(SPENT), mine))


def _sum(conn: Connection, query: sa.Select[Any]) -> Decimal:
    """Amounts are exact texts in the database, so they are added here."""
    return sum((cost for cost in conn.execute(query).scalars() if cost is not None), Decimal(0))


def made_by_day(conn: Connection, since: date) -> list[tuple[date, int, Decimal]]:
    """(day in Shanghai, pictures made, yuan spent or perhaps spent) since a day, oldest first.

    A picture is a variant that was composed; days without either are left out.
    """
    start = datetime.combine(since, time(), SHANGHAI)
    made, calls = tables.variants.c, tables.calls.c
    found: dict[date, tuple[int, Decimal]] = {}
    for at in conn.execute(sa.select(made.done_at).where(made.done_at >= start)).scalars():
        count, cost = found.get(day_of(at), (0, Decimal(0)))
        found[day_of(at)] = (count + 1, cost)
    query = sa.select(calls.sent_at, calls.cost).where(calls.state.in_(SPENT), calls.sent_at >= start)
    for at, more in conn.execute(query):
        count, cost = found.get(day_of(at), (0, Decimal(0)))
        found[day_of(at)] = (count, cost + (more or Decimal(0)))
    return [(day, *found[day]) for day in sorted(found)]


def _call(row: Mapping[Any, Any]) -> Call:
    return Call(
        row["id"], row["version_id"], row["variant"], Orientation(row["orientation"]),
        CallState(row["state"]), row["requester"], row["provider"], row["model"], row["prompt"],
        row["digest"], row["seed"], row["cost"], row["blob"], row["note"],
    )  # fmt: skip


# --- files ---


def add_files(db: Database, conn: Connection, files: Iterable[MadeFile]) -> None:
    """Note composed files; those that are noted stay as they are."""
    for made in files:
        values = asdict(made) | {"inputs": list(made.inputs)}
        conn.execute(db.insert(tables.files).values(values).on_conflict_do_nothing())


def files_of(conn: Connection, wanted: str, variant: int | None = None) -> list[MadeFile]:
    """The files of a version (and variant), in the order they were made."""
    query = sa.select(tables.files).where(tables.files.c.version_id == wanted)
    if variant is not None:
        query = query.where(tables.files.c.variant == variant)
    rows = conn.execute(query.order_by(tables.files.c.variant, tables.files.c.id)).mappings()
    return [MadeFile(**{**row, "inputs": tuple(row["inputs"])}) for row in rows]


def note_upload(conn: Connection, file_id: str, token: str) -> None:
    """Note where a file lies in the base."""
    table = tables.files
    conn.execute(table.update().where(table.c.id == file_id).values(file_token=token))


def note_verified(conn: Connection, file_id: str, found: str) -> None:
    """Note what was read back of a file after its upload."""
    table = tables.files
    conn.execute(table.update().where(table.c.id == file_id).values(verified=found))


def note_preview(conn: Connection, version: str, variant: int, image_key: str) -> None:
    """Note the key under which a variant's preview may stand in cards."""
    table = tables.variants
    wanted = table.update().where(table.c.version_id == version, table.c.variant == variant)
    conn.execute(wanted.values(image_key=image_key))


# --- variants ---


def finish_variant(db: Database, conn: Connection, done: Variant, at: datetime) -> None:
    """Note that a variant's files are all in the base."""
    values = asdict(done) | {
        "id": f"{done.version_id}:{done.variant}", "faults": list(done.faults), "notes": list(done.notes),
        "done_at": at,
    }  # fmt: skip
    conn.execute(db.insert(tables.variants).values(values).on_conflict_do_nothing())


def variants_of(conn: Connection, wanted: str) -> list[Variant]:
    """The finished variants of a version."""
    table = tables.variants
    query = sa.select(table).where(table.c.version_id == wanted).order_by(table.c.variant)
    return [
        Variant(
            row["version_id"], row["variant"], row["template"], row["preview"], tuple(row["faults"]),
            tuple(row["notes"]), row["image_key"],
        )
        for row in conn.execute(query).mappings()
    ]  # fmt: skip


# --- cards ---


def add_card(db: Database, conn: Connection, request: Request, receiver: str, at: datetime) -> str:
    """Note that somebody is to get the card of the newest version; its id."""
    card_id = f"{request.version_id}:{request.state.name}:{receiver}"
    values = {
        "id": card_id, "request_id": request.id, "version": request.version, "receiver": receiver, "at": at,
        "shown_turn": -1,
    }  # fmt: skip
    conn.execute(db.insert(tables.cards).values(values).on_conflict_do_nothing())
    return card_id


def cards_of(conn: Connection, request_id: str) -> list[Mapping[str, Any]]:
    """All cards of a request, oldest first."""
    query = sa.select(tables.cards).where(tables.cards.c.request_id == request_id)
    return [dict(row) for row in conn.execute(query.order_by(tables.cards.c.at)).mappings()]


def load_card(conn: Connection, card_id: str) -> Mapping[str, Any] | None:
    """One card."""
    row = conn.execute(sa.select(tables.cards).where(tables.cards.c.id == card_id)).mappings().one_or_none()
    return None if row is None else dict(row)


def note_card(conn: Connection, card_id: str, *, turn: int, message: tuple[str, str] | None = None) -> None:
    """Note what a card shows, and after sending which message it is."""
    values: dict[str, Any] = {"shown_turn": turn}
    if message is not None:
        values |= {"message_id": message[0], "chat_id": message[1]}
    conn.execute(tables.cards.update().where(tables.cards.c.id == card_id).values(values))


def chat_with(conn: Connection, receiver: str) -> str | None:
    """The chat with a person, from any card they were sent."""
    table = tables.cards
    query = sa.select(table.c.chat_id).where(table.c.receiver == receiver, table.c.chat_id.is_not(None))
    return conn.execute(query.limit(1)).scalar_one_or_none()


# --- the library ---


def add_asset(db: Database, conn: Connection, asset: Asset) -> None:
    """Note an archived file; the newest description of it counts."""
    values = asdict(asset)
    change = {key: value for key, value in values.items() if key != "id"}
    insert = db.insert(tables.assets).values(values)
    conn.execute(insert.on_conflict_do_update(index_elements=["id"], set_=change))


def assets(conn: Connection) -> list[Asset]:
    """Everything that was archived, oldest first."""
    rows = conn.execute(sa.select(tables.assets).order_by(tables.assets.c.at)).mappings()
    return [Asset(**row) for row in rows]
