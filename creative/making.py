"""A version begins: its photos are fetched and looked at, and its calls are planned. Nothing is paid here."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from bitable_sync.cells import Attachment
from creative import store
from creative.budget import beyond_request
from creative.deps import Art
from creative.effects import call_work, commit, compose_work
from creative.intake import orientations
from creative.looking import Looking
from creative.model import Call, CallState, Cause, Photo, PhotoRef, State, Version
from creative.painting import Prepared, prepare_photo
from creative.specs import BRANDS, REQUESTS
from runtime.errors import PermanentError
from runtime.feishu.errors import NotFound, NotPermitted
from runtime.jobrun import JobRun
from runtime.work import Work

LARGEST_PHOTO = 40 * 1024 * 1024
GONE = "下载不到“{name}”，可能刚被替换或删除；请重新上传"
FORBIDDEN = "飞书不允许读取“{name}”；请管理员检查应用对这张表的权限"
TOO_LARGE = "“{name}”有 {size:.0f} MB，超过 40 MB；请先缩小再上传"


class Making:
    """The job ``art.make``."""

    def __init__(self, deps: Art, looking: Looking) -> None:
        self.deps = deps
        self.looking = looking

    def make(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """Fetch photos and logos, cut the product out, plan the calls; or say what must be changed."""
        with self.deps.db.read() as conn:
            version = store.load_version(conn, str(args["version"]))
        if version is None:
            return
        found = [
            run.attempt(f"photo {number}", lambda ref=ref: asdict(self._photo(version, ref)))  # type: ignore[misc]
            for number, ref in enumerate(version.brief.photos)
        ]
        for key in ("logo", "logo_dark"):
            run.attempt(key, lambda key=key: self._logo(version, key))  # type: ignore[misc]
        prepared = [Prepared(**each) for each in found]
        if not run.step("plan", lambda: self._plan(version, prepared)):
            self.looking.look_again(version.request_id)

    def _photo(self, version: Version, ref: PhotoRef) -> Prepared:
        data = self._download(version.request_id, "photos", ref)
        if isinstance(data, Prepared):
            return data
        blob = self.deps.blobs.put(data)
        try:
            return self.deps.painter.run(prepare_photo, str(self.deps.blobs.root), blob, ref.name)
        except PermanentError as error:
            return Prepared(ref.name, blob, fault=f"“{ref.name}”：{error}")

    def _download(self, record_id: str, column: str, ref: PhotoRef) -> bytes | Prepared:
        if ref.size > LARGEST_PHOTO:
            return Prepared(ref.name, "", fault=TOO_LARGE.format(name=ref.name, size=ref.size / 1024 / 1024))
        cell = Attachment(ref.file_token, ref.name, ref.size)
        try:
            return self.deps.sync.attachments.download(REQUESTS, record_id, column, cell)
        except NotFound:
            return Prepared(ref.name, "", fault=GONE.format(name=ref.name))
        except NotPermitted:
            return Prepared(ref.name, "", fault=FORBIDDEN.format(name=ref.name))

    def _logo(self, version: Version, key: str) -> str:
        """Fetch a logo of the brand; a logo that cannot be had is left out, the brand's name stands in."""
        ref: PhotoRef | None = getattr(version.brief.brand, key)
        row = next(
            (
                row
                for row in self.deps.sync.mirror.rows(BRANDS)
                if row.values.get("name") == version.brief.brand.name
            ),
            None,
        )
        if ref is None or row is None:
            return ""
        try:
            cell = Attachment(ref.file_token, ref.name, ref.size)
            data = self.deps.sync.attachments.download(BRANDS, row.record_id, key, cell)
        except (NotFound, NotPermitted):
            return ""
        with self.deps.db.begin() as conn:
            blob = self.deps.blobs.put(data)
            store.note_logo(self.deps.db, conn, ref.file_token, blob)
        return blob

    def _plan(self, version: Version, found: list[Prepared]) -> bool:
        """Commit what follows: calls to be made, variants to be composed, or the end."""
        faults = [each.fault for each in found if each.fault]
        with self.deps.db.begin() as conn:
            request = store.load_request(conn, version.request_id, lock=True)
            if request is None or request.version != version.version or not request.state.under_way:
                return False
            if not faults:
                faults = self._beyond(conn, version)
            if faults:
                revised = replace(
                    request, state=State.REVISE, note="\n".join(faults), turn=request.turn + 1,
                    changed_at=self.deps.clock.now(),
                )  # fmt: skip
                commit(self.deps.db, conn, self.deps.queue, revised, "bad_input", tell=True)
                return False
            photos = [
                Photo(each.name, each.blob, each.product, each.cut, each.method, each.notes) for each in found
            ]
            store.keep_photos(conn, version.id, photos)
            self.deps.queue.put(conn, *self._works(conn, version))
        return True

    def _beyond(self, conn: Any, version: Version) -> list[str]:
        """Refuse before any money is spent what would surely go beyond the request's allowance."""
        if version.cause is Cause.COPY:
            return []
        over = beyond_request(conn, self.deps.policy, version.request_id, version.brief)
        return [over] if over else []

    def _works(self, conn: Any, version: Version) -> list[Work]:
        numbers = range(1, version.brief.variants + 1)
        needed = orientations(version.brief)
        if version.cause is Cause.COPY or not needed:
            return [compose_work(version.id, number) for number in numbers]
        calls = [
            Call(
                f"{version.id}:{number}:{each.value}", version.id, number, each, CallState.PLANNED,
                version.asked_by, seed=seed_of(version.id, number),
            )
            for number in numbers for each in needed
        ]  # fmt: skip
        store.add_calls(self.deps.db, conn, calls)
        return [call_work(call.id) for call in calls]


def seed_of(version: str, variant: int) -> int:
    """The chance of a variant: the same for ever, different from its neighbours'; 0 to 2**31 - 1."""
    digest = hashlib.sha256(f"{version}:{variant}".encode()).digest()
    return int.from_bytes(digest[:4], "big") % 2**31
