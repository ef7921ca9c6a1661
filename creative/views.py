"""What a request's card shows, read in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy.engine import Connection

from creative import store
from creative.model import Request, Variant, Version

REDO, COPY = "redo", "copy"


@dataclass(frozen=True, slots=True)
class ArtView:
    """A request for its card.

    Attributes:
        request: as it is.
        version: the version the card is about; None before the first.
        variants: its finished variants.
        files: how many files of each variant.
        cost: yuan spent on the request so far.
        models: names of the models that made its backgrounds.
        form: the form that is open in this copy, or "".
        typed: what was typed into it when it was refused.
        fault: why it was refused, Chinese and English.
    """

    request: Request
    version: Version | None = None
    variants: tuple[Variant, ...] = ()
    files: Mapping[int, int] | None = None
    cost: Decimal = Decimal(0)
    models: tuple[str, ...] = ()
    form: str = ""
    typed: Mapping[str, str] | None = None
    fault: tuple[str, str] | None = None

    @property
    def old(self) -> bool:
        """A newer version was made since."""
        return self.version is not None and self.version.version != self.request.version


def load_view(conn: Connection, request: Request, number: int | None = None) -> ArtView:
    """Read what the card of a request shows; ``number``: of an older version."""
    version = (
        store.load_version(conn, f"{request.id}:{number or request.version}") if request.version else None
    )
    if version is None:
        return ArtView(request)
    counts: dict[int, int] = {}
    for made in store.files_of(conn, version.id):
        counts[made.variant] = counts.get(made.variant, 0) + 1
    calls = store.calls_of(conn, version.grounds)
    return ArtView(
        request, version, tuple(store.variants_of(conn, version.id)), counts,
        store.spent_on(conn, request.id),
        tuple(sorted({each.model for each in calls if each.blob})),
    )  # fmt: skip
