"""What a look at a row of 素材需求 decides. Pure: row and what we know in; request and version out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from creative.brief import Missing, Shelf, Values, Wrong, input_digest, person, read_brief
from creative.model import Brief, Cause, Request, State, Version, version_id
from creative.providers.model import Orientation
from creative.studio.formats import FORMATS, orientation
from creative.studio.model import Ground

BESIDES = "—— 现有样图 ——"
"""In 说明 of a row that was edited while its variants wait: what follows is about them."""
COPIED = "还没有开始：这一行带着别的“状态”；改好以后清空“状态”就会开始"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the wording check says of a brief.

    Attributes:
        fault: a sentence when the words must be changed, else empty.
        record: what is kept with the version: verdict, rules' version, exemptions.
        footnote: the source that must be printed with a claim, or "".
    """

    fault: str
    record: Mapping[str, Any]
    footnote: str = ""


@dataclass(frozen=True, slots=True)
class Intake:
    """The outcome.

    Attributes:
        request: as it is now; None when there is nothing to remember.
        version: a version to be made, or None.
        reason: named reason for the audit trail.
        mark: 状态 and 说明 of the row are to be written.
        tell: the requester is to be told by a card.
    """

    request: Request | None
    version: Version | None
    reason: str
    mark: bool = False
    tell: bool = False


def look(
    record_id: str,
    values: Values | None,
    known: Request | None,
    shelf: Shelf,
    check: Callable[[Brief], Judgement],
    previous: Version | None,
    now: datetime,
) -> Intake:
    """Decide what a row asks for now.

    Args:
        record_id: the row.
        values: its cells; None when it was deleted.
        known: what we know of it.
        shelf: brands and layouts in force.
        check: the wording check.
        previous: the newest version, when there is one.
        now: the time.
    """
    if values is None:
        return _deleted(known, now)
    status, digest = str(values.get("status") or ""), input_digest(values)
    base = _read_people(known or _blank(record_id, now), values)
    base = replace(base, shown=status or base.shown)
    if known is not None and known.state.over:
        return _over(base, digest, status)
    if status == State.CANCELLED.value:
        return _moved(base, State.CANCELLED, "已取消；不会再生成", "cancelled", digest, now)
    if status == State.DRAFT.value:
        return _moved(base, State.DRAFT, "还是草稿；在表格里清空“状态”就会开始", "draft", digest, now)
    if known is None:
        if status:
            # Copied with its state, or its request was lost: making it again would cost money.
            return _moved(base, State.DRAFT, COPIED, "copied", digest, now)
        return _examine(base, values, digest, shelf, check, now)
    strayed = status != known.state.value  # somebody changed the cell by hand
    if known.state is State.MAKING:
        return Intake(None, None, "being_made", mark=strayed)
    if known.state is State.REVIEW:
        return _edited(base, values, digest, shelf, check, previous, now, strayed=strayed)
    emptied = not status and bool(known.shown)
    if digest == known.seen and not emptied:
        return Intake(None, None, "unchanged", mark=strayed)
    return _examine(replace(base, shown=status), values, digest, shelf, check, now)


def next_version(
    request: Request, brief: Brief, judged: Judgement, cause: Cause, by: str, now: datetime, *,
    grounds: str = "", reason: str = "",
) -> tuple[Request, Version]:  # fmt: skip
    """The request with one version more, and that version.

    Args:
        request: as it is.
        brief: what the version freezes.
        judged: of the wording check.
        cause: why.
        by: who asked (open_id).
        now: the time.
        grounds: the version whose backgrounds are used; empty = its own.
        reason: what should be different, in the person's words.
    """
    number, brief = request.version + 1, sourced(brief, judged.footnote)
    own = version_id(request.id, number)
    version = Version(
        own, request.id, number, cause, brief, reason, grounds or own, by, now, None, judged.record
    )
    note = "正在排版" if grounds else "正在生成，通常几分钟"
    moved = replace(
        request, state=State.MAKING, version=number, turn=request.turn + 1, note=note, chosen=None,
        title=brief.title, owners=brief.brand.owners, changed_at=now,
    )  # fmt: skip
    return moved, version


def sourced(brief: Brief, footnote: str) -> Brief:
    """The source of a claim stands in the picture (广告法 Art. 11), unless it is written there already."""
    standing = brief.copy.footnote
    if not footnote or footnote in standing:
        return brief
    together = f"{standing}\n{footnote}" if standing else footnote
    return replace(brief, copy=replace(brief.copy, footnote=together))


def costs_money(old: Brief, new: Brief) -> bool:
    """Whether a change of the brief changes the backgrounds, or asks for more of them."""
    scene = [
        (each.product, each.styles, each.remark, each.brand.name, each.brand.tone, each.brand.wanted,
         each.brand.unwanted)
        for each in (old, new)
    ]  # fmt: skip
    return (
        scene[0] != scene[1]
        or new.variants > old.variants
        or not set(orientations(new)) <= set(orientations(old))
    )


def orientations(brief: Brief) -> tuple[Orientation, ...]:
    """Which backgrounds a variant of a brief needs."""
    formats = [FORMATS[key] for key in brief.formats]
    wanted = {Orientation(orientation(each.shape)) for each in formats if each.ground is Ground.SCENE}
    return tuple(each for each in Orientation if each in wanted)


def _examine(
    base: Request,
    values: Values,
    digest: str,
    shelf: Shelf,
    check: Callable[[Brief], Judgement],
    now: datetime,
) -> Intake:
    found = read_brief(values, shelf)
    if isinstance(found, Missing):
        if not found.begun:
            return Intake(None, None, "blank")
        return _revise(base, f"还差：{'、'.join(found.columns)}", "incomplete", digest, now, tell=False)
    if isinstance(found, Wrong):
        return _revise(base, "\n".join(found.sentences), "wrong", digest, now)
    judged = check(found)
    if judged.fault:
        return _revise(base, judged.fault, "wording", digest, now)
    asked_by = base.requester.open_id if base.requester else ""
    request, version = next_version(replace(base, seen=digest), found, judged, Cause.NEW, asked_by, now)
    return Intake(request, version, "accepted", mark=True)


def _edited(
    base: Request, values: Values, digest: str, shelf: Shelf, check: Callable[[Brief], Judgement],
    previous: Version | None, now: datetime, *, strayed: bool,
) -> Intake:  # fmt: skip
    """A row whose variants wait for a decision was edited."""
    if digest == base.seen or previous is None:
        return Intake(None, None, "unchanged", mark=strayed)
    found = read_brief(values, shelf)
    if isinstance(found, Missing):
        return _noted(base, f"还差：{'、'.join(found.columns)}；现有样图不变", "incomplete", digest, now)
    if isinstance(found, Wrong):
        return _noted(base, "\n".join((*found.sentences, "现有样图不变")), "wrong", digest, now)
    if costs_money(previous.brief, found):
        note = "对画面的要求改了，重新生成要花费用：请在卡片上点“重做”"
        return _noted(base, note, "needs_redo", digest, now)
    judged = check(found)
    # The name of a request stands in no picture; without one it is the headline, which a card may change.
    if sourced(replace(found, title=previous.brief.title), judged.footnote) == previous.brief:
        # Who decides may have changed: whoever has no card yet gets it.
        standing = replace(base, seen=digest, note=_before_edit(base.note))
        return Intake(standing, None, "same_brief", mark=True, tell=True)
    if judged.fault:
        return _noted(base, f"{judged.fault}\n现有样图不变", "wording", digest, now)
    asked_by = base.requester.open_id if base.requester else ""
    request, version = next_version(
        replace(base, seen=digest), found, judged, Cause.COPY, asked_by, now, grounds=previous.grounds
    )
    return Intake(request, version, "copy_edited", mark=True)


def _blank(record_id: str, now: datetime) -> Request:
    return Request(record_id, State.DRAFT, 0, 0, "", "", None, None, (), "", None, None, "", now)


def _read_people(request: Request, values: Values) -> Request:
    return replace(
        request,
        requester=person(values, "requester"),
        designer=person(values, "designer"),
        title=str(values.get("title") or values.get("headline") or request.title or "")[:60],
    )


def _deleted(known: Request | None, now: datetime) -> Intake:
    if known is None or known.state.over:
        return Intake(None, None, "row_deleted")
    gone = replace(known, state=State.CANCELLED, note="这一行被删除了", turn=known.turn + 1, changed_at=now)
    return Intake(gone, None, "row_deleted")


def _over(base: Request, digest: str, status: str) -> Intake:
    if digest == base.seen:
        wrong = status not in ("", base.state.value)
        return Intake(None, None, "over", mark=wrong)
    note = f"{base.state.value}，改动不会生效；要做新的请复制这一行并清空“状态”"
    return Intake(replace(base, seen=digest, note=note), None, "edited_after_end", mark=True)


def _moved(base: Request, state: State, note: str, reason: str, digest: str, now: datetime) -> Intake:
    if base.state is state and base.version + base.turn > 0:
        return Intake(None, None, "unchanged")
    moved = replace(base, state=state, note=note, seen=digest, turn=base.turn + 1, changed_at=now)
    return Intake(moved, None, reason, mark=True)


def _revise(
    base: Request, note: str, reason: str, digest: str, now: datetime, *, tell: bool = True
) -> Intake:
    moved = replace(base, state=State.REVISE, note=note, seen=digest, turn=base.turn + 1, changed_at=now)
    return Intake(moved, None, reason, mark=True, tell=tell and base.requester is not None)


def _noted(base: Request, note: str, reason: str, digest: str, now: datetime) -> Intake:
    """Say something about an edit above what 说明 says of the variants that are there."""
    note = f"{note}\n{BESIDES}\n{_before_edit(base.note)}"
    return Intake(replace(base, note=note, seen=digest, changed_at=now), None, reason, mark=True)


def _before_edit(note: str) -> str:
    before, found, after = note.partition(f"\n{BESIDES}\n")
    return after if found else before
