"""The words of images: briefs, requests, versions, calls. Types only; nothing here decides.

What concerns pixels alone stands in ``creative/studio/model.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from bitable_sync.cells import Person
from creative.providers.model import Orientation
from creative.studio.model import Copy


class State(StrEnum):
    """Where a request stands; the values are the options of the column 状态."""

    DRAFT = "草稿"
    REVISE = "待修改"
    MAKING = "生成中"
    REVIEW = "待审"
    FINAL = "已定稿"
    ARCHIVED = "已归档"
    FAILED = "失败"
    CANCELLED = "已取消"

    @property
    def under_way(self) -> bool:
        """A version is being made; one that failed is finished when its parked work is replayed."""
        return self in (State.MAKING, State.FAILED)

    @property
    def over(self) -> bool:
        """Nothing more is made; edits of the row change nothing."""
        return self in (State.FINAL, State.ARCHIVED, State.CANCELLED)


class Cause(StrEnum):
    """Why a version is made."""

    NEW = "new"
    REDO = "redo"
    """Everything again, with a reason; costs money."""
    COPY = "copy"
    """Composed again over the backgrounds that are there; costs nothing."""


class CallState(StrEnum):
    """How far a background is."""

    PLANNED = "planned"
    SENT = "sent"
    STORED = "stored"
    UNKNOWN = "unknown"
    """It may have been made and billed, and nothing was received: never sent again."""
    REFUSED = "refused"
    """The provider's moderation or our own budget said no; nothing was billed."""
    FAILED = "failed"
    """No provider could be reached; nothing was billed."""

    @property
    def settled(self) -> bool:
        """Nothing more will come."""
        return self not in (CallState.PLANNED, CallState.SENT)


@dataclass(frozen=True, slots=True)
class PhotoRef:
    """A product photo of a row: its token in the base and its name."""

    file_token: str
    name: str
    size: int = 0


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo that was fetched and looked at.

    Attributes:
        name: as the person has it.
        sha256: of the file they gave; names the blob.
        product: blob of the cut-out (RGBA PNG).
        cut: whether it stands free of its background.
        method: how it was cut.
        notes: sentences for the designer.
    """

    name: str
    sha256: str
    product: str
    cut: bool
    method: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BrandRules:
    """A row of 品牌规范 as a version froze it. Colours are ``#RRGGBB``; logos are blobs' hashes."""

    name: str
    colours: Mapping[str, str] = field(default_factory=dict)
    logo: PhotoRef | None = None
    logo_dark: PhotoRef | None = None
    tone: str = ""
    wanted: str = ""
    unwanted: str = ""
    names: tuple[str, ...] = ()
    safe: float = 0.05
    owners: tuple[str, ...] = ()
    industries: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Brief:
    """What a row asks for, read and valid.

    Attributes:
        title: for people.
        copy: the letters.
        evidence: source of claims.
        product: what is shown, in words.
        brand: the brand's rules.
        styles: words for the scene.
        remark: the operator's own words for the scene.
        photos: product photos.
        formats: keys of ``studio.formats``.
        template: name and layout data, or None: chosen by the seed.
        variants: how many.
    """

    title: str
    copy: Copy
    evidence: str
    product: str
    brand: BrandRules
    styles: tuple[str, ...]
    remark: str
    photos: tuple[PhotoRef, ...]
    formats: tuple[str, ...]
    template: tuple[str, Mapping[str, Any]] | None
    variants: int


@dataclass(frozen=True, slots=True)
class Request:
    """A line of 素材需求 as we know it.

    Attributes:
        id: record id.
        state: see ``State``.
        version: newest version; 0 before the first.
        turn: grows with every decision.
        seen: digest of the row's input when it was last looked at.
        title: for people.
        requester, designer: who may decide.
        owners: open_ids of the brand's people, who may too.
        note: the sentence in 说明.
        chosen: variant that was chosen.
        decided_by: who chose.
        wiki: address of the page.
        changed_at: of the last change.
        shown: the state that was last written into the row; "" while it still has to be.
    """

    id: str
    state: State
    version: int
    turn: int
    seen: str
    title: str
    requester: Person | None
    designer: Person | None
    owners: tuple[str, ...]
    note: str
    chosen: int | None
    decided_by: str | None
    wiki: str
    changed_at: datetime
    shown: str = ""

    @property
    def version_id(self) -> str:
        """Id of the newest version."""
        return version_id(self.id, self.version)

    def may_decide(self, open_id: str) -> bool:
        """Whether a person may choose, redo or change copy."""
        named = {each.open_id for each in (self.requester, self.designer) if each is not None}
        return open_id in named or open_id in self.owners

    def receivers(self) -> tuple[str, ...]:
        """Who gets the card: requester and designer, once each."""
        people = [each.open_id for each in (self.requester, self.designer) if each is not None]
        return tuple(dict.fromkeys(people))


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a request; never changed after it was planned, but for what was found out."""

    id: str
    request_id: str
    version: int
    cause: Cause
    brief: Brief
    reason: str
    grounds: str
    asked_by: str
    asked_at: datetime
    photos: tuple[Photo, ...] | None
    wording: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """One background to be generated."""

    id: str
    version_id: str
    variant: int
    orientation: Orientation
    state: CallState
    requester: str
    provider: str = ""
    model: str = ""
    prompt: str = ""
    digest: str = ""
    seed: int = 0
    cost: Decimal | None = None
    blob: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class MadeFile:
    """One composed file."""

    id: str
    version_id: str
    variant: int
    format: str
    name: str
    blob: str
    size: int
    width: int
    height: int
    label: str
    dhash: str
    inputs: tuple[str, ...]
    file_token: str | None = None
    verified: str = ""


@dataclass(frozen=True, slots=True)
class Variant:
    """One variant as it was delivered.

    Attributes:
        version_id: whose.
        variant: 1, 2, …
        template: the layout's name.
        preview: blob of the small picture for cards; None when no format could be delivered.
        faults: sentences about formats that are missing.
        notes: sentences for the designer.
        image_key: the preview's key for cards; "" until it was uploaded.
    """

    version_id: str
    variant: int
    template: str
    preview: str | None
    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    image_key: str = ""


def version_id(request_id: str, version: int) -> str:
    """Id of a version: ``recA:3``."""
    return f"{request_id}:{version}"
