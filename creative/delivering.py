"""A version is finished: it is put into its row, and those who decide get a card with pictures."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Any

from bitable_sync.cells import EMPTY, Attachment, CellValue
from creative import store
from creative.composing import LAYERED
from creative.deps import Art
from creative.effects import commit
from creative.looking import Looking
from creative.model import Call, CallState, Cause, MadeFile, State, Variant, Version
from creative.specs import REQUESTS
from creative.studio.label import label_json, read_label
from runtime.errors import PermanentError
from runtime.jobrun import JobRun

NOTE_LENGTH = 900
SAME, ALTERED = "原样", "标识仍在，字节被改"
MOST_FILES = 100
"""Attachments a cell holds; docs: 附件字段说明."""


class Delivering:
    """The job ``art.deliver``."""

    def __init__(self, deps: Art, looking: Looking) -> None:
        self.deps = deps
        self.looking = looking

    def deliver(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """Write the row, then ask for a decision. The version before stays in the row."""
        with self.deps.db.read() as conn:
            version = store.load_version(conn, str(args["version"]))
            request = store.load_request(conn, version.request_id) if version else None
        if version is None or request is None or request.version != version.version or request.state.over:
            return
        if self.deps.sync.mirror.get(REQUESTS, request.id) is not None:
            run.attempt("row", lambda: self._row(version))
            self._read_back(run, version)
        run.step("ask", lambda: self._ask(version))
        self.looking.look_again(request.id)

    def _row(self, version: Version) -> bool:
        with self.deps.db.read() as conn:
            files, calls = store.files_of(conn, version.id), store.calls_of(conn, version.grounds)
            cost = store.spent_on(conn, version.request_id)
        pictures = [each for each in files if each.format not in LAYERED]
        layered = [each for each in files if each.format in LAYERED]
        values: dict[str, CellValue] = {
            "results": self._with(version, "results", pictures),
            "layered": self._with(version, "layered", layered),
            "prompt": _prompts(calls) or EMPTY,
            "model": "、".join(sorted({each.model for each in calls if each.blob})) or "本地绘制",
            "cost": cost,
            "version": Decimal(version.version),
        }
        return self.deps.sync.pusher.write(REQUESTS, version.request_id, values)

    def _with(self, version: Version, column: str, files: Sequence[MadeFile]) -> CellValue:
        """The newest first, then what stands there: nothing is taken away while the cell has room."""
        row = self.deps.sync.mirror.get(REQUESTS, version.request_id)
        value = row.values.get(column) if row else EMPTY
        standing = (
            [each for each in value if isinstance(each, Attachment)] if isinstance(value, tuple) else []
        )
        new = [Attachment(str(each.file_token), each.name, each.size) for each in files if each.file_token]
        together = tuple(dict.fromkeys([*new, *standing]))[:MOST_FILES]
        return together or EMPTY

    def _read_back(self, run: JobRun, version: Version) -> None:
        """Look at what lies in the base: a file may only be published with its hidden sign."""
        with self.deps.db.read() as conn:
            labelled = [each for each in store.files_of(conn, version.id) if each.label and not each.verified]
        for made in labelled:
            run.deliver(
                f"verify {made.id}", partial(self._look_at, version, made), partial(self._verified, made)
            )

    def _look_at(self, version: Version, made: MadeFile) -> str:
        file = Attachment(str(made.file_token), made.name, made.size)
        return compare(
            made, self.deps.sync.attachments.download(REQUESTS, version.request_id, "results", file)
        )

    def _verified(self, made: MadeFile, found: str) -> None:
        with self.deps.db.begin() as conn:
            store.note_verified(conn, made.id, found)

    def _ask(self, version: Version) -> str:
        """Commit that the version waits for a decision, or that nothing came of it."""
        now = self.deps.clock.now()
        with self.deps.db.begin() as conn:
            request = store.load_request(conn, version.request_id, lock=True)
            if request is None or request.version != version.version or not request.state.under_way:
                return "overtaken"
            store.finish_version(conn, version.id, now)
            variants, calls = store.variants_of(conn, version.id), store.calls_of(conn, version.grounds)
            good = any(each.preview for each in variants)
            state = State.REVIEW if good else State.REVISE
            note = summary(version, variants, calls)
            asked = replace(request, state=state, note=note, turn=request.turn + 1, changed_at=now)
            commit(
                self.deps.db, conn, self.deps.queue, asked, "delivered" if good else "nothing_fits", tell=True
            )
        return state.value


def summary(version: Version, variants: Sequence[Variant], calls: Sequence[Call]) -> str:
    """What 说明 says of a finished version: what is there, what is missing and why, what it took."""
    good = [each for each in variants if each.preview]
    lines = (
        [f"第 {version.version} 次：{len(good)} 版，请在卡片上定稿或重做"]
        if good
        else ["没有一版能用，请修改后再试"]
    )
    faults = dict.fromkeys(fault for each in variants for fault in each.faults)
    lines += [f"没有出图：{fault}" for fault in faults]
    trouble = dict.fromkeys(each.note for each in calls if each.state is not CallState.STORED and each.note)
    lines += [f"{note}（{sum(each.note == note for each in calls)} 张）" for note in trouble]
    lines += dict.fromkeys(note for each in variants for note in each.notes)
    lines += dict.fromkeys(f"{photo.name}：{note}" for photo in version.photos or () for note in photo.notes)
    if version.cause is Cause.COPY and good:
        lines.append("沿用原来的底图，没有花费")
    return "\n".join(lines)[:NOTE_LENGTH]


def _prompts(calls: Sequence[Call]) -> str:
    """The prompts as they went out, for repeating: model, chance and digest beside each."""
    lines = [
        f"第{each.variant}版 {each.orientation.value} · {each.model} · seed {each.seed} · {each.digest[:12]}"
        f"\n{each.prompt}"
        for each in calls
        if each.prompt
    ]
    return "\n\n".join(lines)[:20000]


def compare(made: MadeFile, back: bytes) -> str:
    """What was read back of a file: it must be what went up; at least its hidden sign must be there.

    Raises:
        PermanentError: the sign is gone; nobody may publish the file.
    """
    if hashlib.sha256(back).hexdigest() == made.blob:
        return SAME
    label = read_label(back)
    if label is None or label_json(label) != made.label:
        raise PermanentError(
            f"{made.name}: the base gave back a file without its AI label. Do not publish it; look at what "
            "changes files between here and Feishu, then replay this work."
        )
    return ALTERED
