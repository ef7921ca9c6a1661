"""One variant is composed; then its files go up into the base."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from typing import Any

from creative import store
from creative.deps import Art
from creative.effects import deliver_work, upload_work
from creative.making import seed_of
from creative.model import CallState, MadeFile, Variant, Version
from creative.painting import Painted, PaintedFile, Painting, paint
from creative.specs import REQUESTS
from runtime.errors import PermanentError
from runtime.jobrun import JobRun

LAYERED = ("psd", "svg")


class Composing:
    """The jobs ``art.compose`` and ``art.upload``."""

    def __init__(self, deps: Art) -> None:
        self.deps = deps

    def compose(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """Paint a variant and note its files; they are uploaded while the next variant is painted.

        Nothing is recorded beside the files: after a kill the same pixels are painted once more.
        """
        version_id, number = str(args["version"]), int(args["variant"])
        version = self._unfinished(version_id, number)
        if version is None:
            return
        run.deliver("paint", lambda: self._paint(version, number), partial(self._note, version, number))

    def upload(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """Upload each file of a variant once; the last variant of a version delivers it."""
        version_id, number = str(args["version"]), int(args["variant"])
        version = self._unfinished(version_id, number)
        if version is None:
            return
        with self.deps.db.read() as conn:
            waiting = [each for each in store.files_of(conn, version_id, number) if each.file_token is None]
        for made in waiting:
            self._upload(run, made)
        run.deliver("done", lambda: args["painted"], partial(self._done, version, number))

    def _unfinished(self, version_id: str, number: int) -> Version | None:
        """The version, unless this variant of it is done."""
        with self.deps.db.read() as conn:
            version = store.load_version(conn, version_id)
            done = {each.variant for each in store.variants_of(conn, version_id)}
        return None if number in done else version

    def _paint(self, version: Version, number: int) -> dict[str, Any]:
        try:
            painting = self._painting(version, number)
            return asdict(self.deps.painter.run(paint, str(self.deps.blobs.root), painting))
        except PermanentError as error:
            return asdict(Painted("", (), None, (str(error),), ()))

    def _painting(self, version: Version, number: int) -> Painting:
        brief, brand = version.brief, version.brief.brand
        with self.deps.db.read() as conn:
            calls = [each for each in store.calls_of(conn, version.grounds) if each.variant == number]
            logos = [
                (store.logo(conn, ref.file_token) or "") if ref else ""
                for ref in (brand.logo, brand.logo_dark)
            ]
        photos = version.photos or ()
        photo = photos[(number - 1) % len(photos)] if photos else None
        grounds = {
            each.orientation.value: each.blob
            for each in calls
            if each.state is CallState.STORED and each.blob
        }
        return Painting(
            number,
            f"{_stem(brief.title)}_v{version.version}",
            brief.copy,
            brand.name,
            brand.colours,
            brand.safe,
            logos[0],
            logos[1],
            photo.product if photo else "",
            photo.cut if photo else False,
            photo.method if photo else "",
            grounds,
            brief.formats,
            brief.template,
            seed_of(version.grounds, number),
            self.deps.policy.mark,
            self.deps.policy.producer,
            f"{version.id}:{number}",
        )

    def _note(self, version: Version, number: int, painted: Mapping[str, Any]) -> None:
        with self.deps.db.begin() as conn:
            inputs = self._inputs(version, number)
            store.add_files(
                self.deps.db, conn,
                [
                    MadeFile(
                        f"{version.id}:{number}:{each.format}", version.id, number, each.format, each.name,
                        each.blob, each.size, each.width, each.height, each.label, each.dhash, inputs,
                    )
                    for each in (PaintedFile(**told) for told in painted["files"])
                ],
            )  # fmt: skip
            told = {name: value for name, value in painted.items() if name != "files"}
            self.deps.queue.put(conn, upload_work(version.id, number, told))

    def _inputs(self, version: Version, number: int) -> tuple[str, ...]:
        """Hashes of everything a variant is made of: photos, backgrounds, and the brief itself."""
        painting = self._painting(version, number)
        brief = hashlib.sha256(
            repr((painting.copy, painting.template, painting.colours)).encode()
        ).hexdigest()
        photos = [each.sha256 for each in version.photos or ()]
        return (
            *photos,
            *sorted(painting.grounds.values()),
            *filter(None, (painting.logo, painting.logo_dark)),
            brief,
        )

    def _upload(self, run: JobRun, made: MadeFile) -> None:
        """Put a file into the base; an upload that is repeated does no harm."""

        def send() -> str:
            data = self.deps.blobs.get(made.blob)
            return self.deps.sync.attachments.upload(REQUESTS, made.name, data).file_token

        def note(token: str) -> None:
            with self.deps.db.begin() as conn:
                store.note_upload(conn, made.id, token)

        run.deliver(f"upload {made.format}", send, note)

    def _done(self, version: Version, number: int, painted: Mapping[str, Any]) -> None:
        with self.deps.db.begin() as conn:
            store.lock_version(conn, version.id)
            variant = Variant(
                version.id, number, painted["template"], painted["preview"], tuple(painted["faults"]),
                tuple(painted["notes"]),
            )  # fmt: skip
            store.finish_variant(self.deps.db, conn, variant, self.deps.clock.now())
            if len(store.variants_of(conn, version.id)) == version.brief.variants:
                self.deps.queue.put(conn, deliver_work(version.id))


def _stem(title: str) -> str:
    plain = re.sub(r"[^\w一-鿿-]+", "-", title).strip("-")
    return plain[:40] or "素材"
