"""What was chosen goes into the wiki and the asset library: labelled, with provenance, findable for all."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Any

from bitable_sync.cells import EMPTY, Attachment, CellValue, Person, Url
from creative import store
from creative.archive_page import ArchivedAsset, ArchivedFile, ArchivedFormat, Origin, page, page_title
from creative.composing import LAYERED
from creative.deps import Art
from creative.effects import commit
from creative.finals import Final, relabel
from creative.model import Call, MadeFile, Request, State, Version
from creative.search import SHAPES, Asset, near, words_of
from creative.specs import ASSETS, REQUESTS
from creative.studio.formats import FORMATS
from runtime.clock import day_of
from runtime.errors import PermanentError
from runtime.feishu.errors import FeishuError, NotFound, NotPermitted
from runtime.ids import NodeToken, SpaceId
from runtime.jobrun import JobRun

NO_WIKI = "没有设置知识库，只归档到“素材库”表"


class Archiving:
    """The job ``art.archive``."""

    def __init__(self, deps: Art) -> None:
        self.deps = deps

    def archive(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """Take over a designer's finals, write the page, fill the library; every part may be repeated."""
        with self.deps.db.read() as conn:
            request = store.load_request(conn, str(args["request"]))
            version = store.load_version(conn, request.version_id) if request else None
        if request is None or version is None or request.state is not State.FINAL:
            return
        finals = [Final(**each) for each in run.attempt("finals", lambda: self._finals(request, version))]
        run.step("take over", lambda: self._take_over(version, request, finals))
        for made in self._waiting(version, request):
            run.deliver(f"upload {made.id}", partial(self._upload, made), partial(self._uploaded, made))
        link, trouble = self._page(run, request, version)
        alike = run.attempt("library", lambda: self._library(str(run.id), request, version, link))
        notes = [each.fault for each in finals if each.fault] + ([trouble] if trouble else [])
        if alike:
            notes.append(f"可能和这些重复，请看一眼：{'、'.join(alike)}")
        run.step("done", lambda: self._done(request, link, notes))
        run.attempt("row", lambda: self._row(request, link))

    # --- a designer's finals ---

    def _finals(self, request: Request, version: Version) -> list[dict[str, Any]]:
        """Files of 设计定稿: looked at like any stranger's file, and labelled if they lost their label."""
        row = self.deps.sync.mirror.get(REQUESTS, request.id)
        value = row.values.get("final") if row else EMPTY
        given = [each for each in value if isinstance(each, Attachment)] if isinstance(value, tuple) else []
        return [asdict(self._final(request, version, number, each)) for number, each in enumerate(given, 1)]

    def _final(self, request: Request, version: Version, number: int, file: Attachment) -> Final:
        try:
            data = self.deps.sync.attachments.download(REQUESTS, request.id, "final", file)
        except (NotFound, NotPermitted):
            return Final(file.name, fault=f"设计定稿“{file.name}”下载不到，没有归档")
        blob = self.deps.blobs.put(data)
        made = f"{version.id}:{request.chosen}:final{number}"
        generated = any(each.blob for each in self._calls(version))
        try:
            return self.deps.painter.run(
                relabel, str(self.deps.blobs.root), blob, file.name,
                self.deps.policy.producer if generated else "", made,
            )  # fmt: skip
        except PermanentError as error:
            return Final(file.name, fault=f"设计定稿“{file.name}”没有归档：{error}")

    def _take_over(self, version: Version, request: Request, finals: Sequence[Final]) -> int:
        files = [
            MadeFile(
                each.made,
                version.id,
                request.chosen or 0,
                each.made.rpartition(":")[2],
                each.name,
                each.blob,
                each.size,
                each.width,
                each.height,
                each.label,
                each.dhash,
                (each.source,),
            )
            for each in finals
            if not each.fault
        ]
        with self.deps.db.begin() as conn:
            store.add_files(self.deps.db, conn, files)
        return len(files)

    def _waiting(self, version: Version, request: Request) -> list[MadeFile]:
        with self.deps.db.read() as conn:
            return [
                each for each in store.files_of(conn, version.id, request.chosen) if each.file_token is None
            ]

    def _upload(self, made: MadeFile) -> str:
        return self.deps.sync.attachments.upload(
            REQUESTS, made.name, self.deps.blobs.get(made.blob)
        ).file_token

    def _uploaded(self, made: MadeFile, token: str) -> None:
        with self.deps.db.begin() as conn:
            store.note_upload(conn, made.id, token)

    # --- the page ---

    def _page(self, run: JobRun, request: Request, version: Version) -> tuple[str, str]:
        """The page's address, and a sentence when there is none: the library is filled all the same."""
        if not self.deps.policy.wiki_space:
            return "", NO_WIKI
        try:
            return run.attempt("page", lambda: self._write_page(request, version)), ""
        except (PermanentError, FeishuError) as error:
            return "", f"知识库页面没有写成：{error}"

    def _write_page(self, request: Request, version: Version) -> str:
        policy, feishu = self.deps.policy, self.deps.feishu
        parent = NodeToken(policy.wiki_parent) if policy.wiki_parent else None
        asset, blobs = self._asset(request, version)
        node = feishu.wiki.ensure_page(SpaceId(policy.wiki_space), parent, page_title(asset))
        feishu.docx.write_page(node.document, page(asset), lambda key: self.deps.blobs.get(blobs[key]))
        return f"{policy.site}/wiki/{node.node_token}" if policy.site else node.node_token

    def _asset(self, request: Request, version: Version) -> tuple[ArchivedAsset, Mapping[str, str]]:
        files, brief = self._chosen(request, version), version.brief
        pictures = [each for each in files if each.format not in LAYERED]
        asset = ArchivedAsset(
            number=request.id[-6:],
            version=version.version,
            title=request.title,
            brand=brief.brand.name,
            product=brief.product,
            tags=brief.styles,
            requester=request.requester.name if request.requester else "",
            approver=self._name(request),
            approved_on=day_of(request.changed_at),
            alt=" ".join(
                filter(None, (brief.product, brief.copy.headline.replace("\n", " "), brief.copy.price))
            ),
            row_link=self._row_link(request),
            formats=tuple(
                ArchivedFormat(_archived(each), _format_name(each), bool(each.label), each.label)
                for each in pictures
            ),
            sources=tuple(_archived(each) for each in files if each.format in LAYERED),
            origin=self._origin(request, version),
        )
        return asset, {each.format: each.blob for each in files}

    def _origin(self, request: Request, version: Version) -> Origin:
        calls = [each for each in self._calls(version) if each.variant == request.chosen and each.blob]
        proven = len(version.wording.get("proven") or ())
        with self.deps.db.read() as conn:
            variants = store.variants_of(conn, version.id)
        return Origin(
            provider="、".join(dict.fromkeys(each.provider for each in calls)),
            model="、".join(dict.fromkeys(each.model for each in calls)),
            prompt_digest="、".join(dict.fromkeys(each.digest for each in calls)),
            template=next((each.template for each in variants if each.variant == request.chosen), ""),
            wording_version=str(version.wording.get("rules") or ""),
            verdict=f"通过，{proven} 处需留存依据" if proven else "通过",
        )

    def _row_link(self, request: Request) -> str:
        """Address of the row for people; empty while nobody said where their Feishu is."""
        if not self.deps.policy.site:
            return ""
        bound = self.deps.sync.bindings.require(REQUESTS)
        return f"{self.deps.policy.site}/base/{bound.app_token}?table={bound.table_id}&record={request.id}"

    # --- the library ---

    def _library(self, cause: str, request: Request, version: Version, link: str) -> list[str]:
        """Fill the library; titles of what looks much like it."""
        files = [each for each in self._chosen(request, version) if each.format not in LAYERED]
        calls = [each for each in self._calls(version) if each.variant == request.chosen]
        with self.deps.db.begin() as conn:
            known = store.assets(conn)
            rows, titles = [], dict[str, None]()
            key = next(
                (v.image_key for v in store.variants_of(conn, version.id) if v.variant == request.chosen), ""
            )
            for made in files:
                asset = replace(self._library_asset(request, version, made, link), image_key=key)
                alike = near(asset, known)
                titles |= dict.fromkeys(each.title for each in alike)
                store.add_asset(self.deps.db, conn, asset)
                rows.append(self._row_of(asset, request, version, made, calls, alike))
        if rows:
            self.deps.sync.pusher.upsert(ASSETS, rows, cause=cause)
        return list(titles)

    def _library_asset(self, request: Request, version: Version, made: MadeFile, link: str) -> Asset:
        brief = version.brief
        text = " ".join(
            filter(None, (brief.copy.headline, brief.copy.subline, *brief.copy.points, brief.copy.price))
        )
        shape = SHAPES[FORMATS[made.format].shape] if made.format in FORMATS else ""
        return Asset(
            f"{request.id}-v{version.version}-{made.variant}-{made.format}", request.id, request.title,
            words_of(request.title, brief, _format_name(made), shape), _format_name(made), shape,
            brief.brand.name, made.blob, made.dhash, hashlib.sha256(text.encode()).hexdigest(), link,
            request.changed_at, version.brief.product,
        )  # fmt: skip

    def _row_of(
        self, asset: Asset, request: Request, version: Version, made: MadeFile, calls: Sequence[Call],
        alike: Sequence[Asset],
    ) -> Mapping[str, CellValue]:  # fmt: skip
        brief = version.brief
        return {
            "asset_id": asset.id,
            "title": request.title,
            "file": (Attachment(str(made.file_token), made.name, made.size),),
            "format": asset.format,
            "shape": asset.shape or EMPTY,
            "brand": asset.brand,
            "product": brief.product or EMPTY,
            "tags": brief.styles or EMPTY,
            "text": "\n".join(filter(None, (brief.copy.headline, brief.copy.subline, *brief.copy.points))),
            "wiki": Url("打开归档页", asset.wiki) if asset.wiki.startswith("http") else EMPTY,
            "approver": (Person(request.decided_by),) if request.decided_by else EMPTY,
            "at": request.changed_at,
            "model": "、".join(dict.fromkeys(each.model for each in calls if each.blob)) or "本地绘制",
            "digest": "、".join(dict.fromkeys(each.digest[:16] for each in calls if each.digest)) or EMPTY,
            "label": made.label or EMPTY,
            "sha256": made.blob,
            "dhash": made.dhash,
            "similar": "、".join(each.title for each in alike) or EMPTY,
        }

    # --- the end ---

    def _done(self, request: Request, link: str, notes: Sequence[str]) -> bool:
        now = self.deps.clock.now()
        with self.deps.db.begin() as conn:
            known = store.load_request(conn, request.id, lock=True)
            if known is None or known.state is not State.FINAL:
                return False
            lines = [f"第 {known.chosen} 版已归档", *notes]
            done = replace(
                known,
                state=State.ARCHIVED,
                note="\n".join(lines),
                wiki=link if link.startswith("http") else "",
                turn=known.turn + 1,
                changed_at=now,
            )
            commit(self.deps.db, conn, self.deps.queue, done, "archived")
        return True

    def _row(self, request: Request, link: str) -> bool:
        if self.deps.sync.mirror.get(REQUESTS, request.id) is None:
            return False
        values: dict[str, CellValue] = {"wiki": Url("打开归档页", link) if link.startswith("http") else EMPTY}
        return self.deps.sync.pusher.write(REQUESTS, request.id, values)

    def _chosen(self, request: Request, version: Version) -> list[MadeFile]:
        """The files to be archived: a designer's finals stand in for the composed pictures."""
        with self.deps.db.read() as conn:
            files = [each for each in store.files_of(conn, version.id, request.chosen) if each.file_token]
        finals = [each for each in files if each.format.startswith("final")]
        layered = [each for each in files if each.format in LAYERED]
        return [*finals, *layered] if finals else files

    def _calls(self, version: Version) -> list[Call]:
        with self.deps.db.read() as conn:
            return store.calls_of(conn, version.grounds)

    def _name(self, request: Request) -> str:
        people = (request.requester, request.designer)
        return next((each.name for each in people if each and each.open_id == request.decided_by), "")


def _archived(made: MadeFile) -> ArchivedFile:
    return ArchivedFile(made.format, made.name, made.size, made.blob)


def _format_name(made: MadeFile) -> str:
    if made.format in FORMATS:
        return FORMATS[made.format].name
    return made.format.upper() if made.format in LAYERED else f"设计定稿 {made.width}×{made.height}"
