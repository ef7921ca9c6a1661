"""A file that HR sent to the bot: where it is, and the moves from one state to the next. Pure.

A file is looked at (nothing is changed), its card says what would be done, a person taps, and then the very
same file is looked at again and imported. ``turn`` grows with every move: an old card decides nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from payslip.documents import Month
from runtime.ids import MessageId, OpenId

FAULTS_SHOWN = 10
WARNINGS_SHOWN = 5

KINDS = ("员工", "考勤汇总", "绩效评分", "提成数据", "专项附加扣除", "一次性项目", "期初累计")
"""The tables of `imports_columns.IMPORTABLE`, which the web process does not load."""
UNDATED = frozenset({"员工", "期初累计"})
"""Tables to which the month of an import means nothing."""


class UploadState(StrEnum):
    """Where a file is."""

    CHECKING = "checking"
    FAULTY = "faulty"
    READY = "ready"
    SAME = "same"  # everything stands in the table already
    APPLYING = "applying"
    DONE = "done"


class Reason(StrEnum):
    """Why a file moved on; stands in the audit trail."""

    TABLE_CHOSEN = "table_chosen"
    MONTH_CHOSEN = "month_chosen"
    CHECKED_AGAIN = "checked_again"
    IMPORT_ASKED = "import_asked"
    IMPORTED = "imported"
    NOT_IMPORTED = "not_imported"


@dataclass(frozen=True, slots=True)
class Upload:
    """A file.

    Attributes:
        id: the message it stands in.
        file_key: names its content within the message.
        name: as the sender calls it.
        sender: who sent it, and who alone may import it.
        state: where it is.
        turn: grows with every move.
        kind: the table it is taken for, by the name people know; None = nobody can tell yet.
        month: the month worked it is taken for.
        digest: SHA-256 of the content the card speaks of; None = it could not be read.
        new: rows that are not in the table.
        changed: rows that differ from the table's.
        unchanged: rows that stand there already.
        faults: what is wrong, in words; the first ones.
        more: how many faults there are besides.
        warnings: what to know before importing.
        card: the message that shows it; None = none yet.
    """

    id: MessageId
    file_key: str
    name: str
    sender: OpenId
    state: UploadState = UploadState.CHECKING
    turn: int = 0
    kind: str | None = None
    month: Month | None = None
    digest: str | None = None
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    faults: tuple[str, ...] = ()
    more: int = 0
    warnings: tuple[str, ...] = ()
    card: MessageId | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What a look at the file found; plain JSON, and no content of cells."""

    kind: str | None = None
    month: str | None = None
    digest: str | None = None
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    faults: Sequence[str] = field(default=())
    more: int = 0
    warnings: Sequence[str] = field(default=())


@dataclass(frozen=True, slots=True)
class Moved:
    """A file in its next state, and why."""

    upload: Upload
    reason: Reason


@dataclass(frozen=True, slots=True)
class Refused:
    """Why not, in words for the person who tapped."""

    sentence: str


def wrong(upload: Upload, *sentences: str) -> Found:
    """A look that ended before rows were compared: table and month stay as they are."""
    return Found(upload.kind, upload.month, None, faults=sentences)


def choose(upload: Upload, *, kind: str | None = None, month: Month | None = None) -> Moved | Refused:
    """Take the file for another table or month, and look again."""
    if kind is not None and kind not in KINDS:
        return Refused("请从列表里选一张表")
    # A month that was guessed without knowing the table is guessed anew with it.
    kept = upload.month if upload.kind is not None else None
    reason = Reason.TABLE_CHOSEN if kind is not None else Reason.MONTH_CHOSEN
    return _look(replace(upload, kind=kind or upload.kind, month=month or kept), reason)


def again(upload: Upload) -> Moved | Refused:
    """Look again: the tables may have been mended meanwhile."""
    return _look(upload, Reason.CHECKED_AGAIN)


def _look(upload: Upload, reason: Reason) -> Moved | Refused:
    if upload.state is UploadState.APPLYING:
        return Refused("正在导入，请等它完成")
    if upload.state is UploadState.DONE:
        return Refused("这个文件已经导入过；要再导入，请重新发送")
    return Moved(replace(upload, state=UploadState.CHECKING, turn=upload.turn + 1), reason)


def approve(upload: Upload) -> Moved | Refused:
    """Import it, as the card showed it."""
    if upload.state is not UploadState.READY or upload.digest is None:
        return Refused("现在不能导入，请先看卡片上的提示")
    return Moved(replace(upload, state=UploadState.APPLYING, turn=upload.turn + 1), Reason.IMPORT_ASKED)


def looked(upload: Upload, found: Found) -> Upload:
    """The file after a look at it."""
    state = UploadState.READY if found.new + found.changed else UploadState.SAME
    return _with(upload, found, UploadState.FAULTY if found.faults else state)


def imported(upload: Upload, found: Found) -> Moved:
    """The file after the attempt to import it."""
    if found.faults:
        return Moved(_with(upload, found, UploadState.FAULTY), Reason.NOT_IMPORTED)
    return Moved(_with(upload, found, UploadState.DONE), Reason.IMPORTED)


def _with(upload: Upload, found: Found, state: UploadState) -> Upload:
    changes: dict[str, Any] = {
        "kind": found.kind, "month": Month(found.month) if found.month else None, "digest": found.digest,
        "new": found.new, "changed": found.changed, "unchanged": found.unchanged,
        "faults": tuple(found.faults), "more": found.more, "warnings": tuple(found.warnings),
    }  # fmt: skip
    return replace(upload, state=state, turn=upload.turn + 1, **changes)
