"""How a file that HR sent looks in the chat. No amount, no account, no content of cells."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.cards import (
    Card,
    Element,
    Severity,
    Text,
    button,
    card,
    columns,
    facts,
    header,
    markdown,
    note,
    select,
    text,
)
from bot.cards import column as cell
from bot.words import counted, safe
from payslip.cards import month_text
from payslip.documents import Month
from payslip.months import add, month_of
from payslip.uploads_model import KINDS, UNDATED, Upload, UploadState
from runtime.clock import day_of

MONTHS_OFFERED = 14

_STATE: dict[UploadState, tuple[Severity, Text]] = {
    UploadState.CHECKING: ("info", text("正在检查", "Checking")),
    UploadState.FAULTY: ("warning", text("不能导入", "Cannot be imported")),
    UploadState.READY: ("info", text("可以导入", "Ready")),
    UploadState.SAME: ("muted", text("没有变化", "No changes")),
    UploadState.APPLYING: ("info", text("正在导入", "Importing")),
    UploadState.DONE: ("resolved", text("已导入", "Imported")),
}
_WAITING = {
    UploadState.CHECKING: text(
        "正在核对文件，完成后会更新这张卡片。", "The file is being checked; this card will follow."
    ),
    UploadState.APPLYING: text(
        "正在写入表格，完成后会更新这张卡片。", "Rows are being written; this card will follow."
    ),
}


def upload_card(upload: Upload, now: datetime) -> Card:
    """The card of a file in whatever state it is.

    Args:
        upload: the file.
        now: decides which months are offered.
    """
    severity, tag = _STATE[upload.state]
    head = header(
        text("导入文件", "Import a file"), subtitle=upload.name or "…", severity=severity, tags=[tag]
    )
    elements = [markdown(_WAITING[upload.state])] if upload.state in _WAITING else _body(upload, now)
    if upload.state not in (UploadState.APPLYING, UploadState.SAME):
        elements.append(note(_footer(upload)))
    return card(head, elements, summary=text(f"{upload.name}：{tag.zh}", f"{upload.name}: {tag.en}"))


def _body(upload: Upload, now: datetime) -> list[Element]:
    if upload.state is UploadState.DONE:
        return [_done(upload), _figures(upload)]
    elements = [_choices(upload, now)] if upload.digest is not None else []
    if upload.faults:
        return [*elements, _faults(upload), _again(upload)]
    elements.append(_figures(upload))
    if upload.warnings:
        elements.append(_list(text("**请留意**", "**Please note**"), upload.warnings))
    if upload.state is UploadState.SAME:
        same = text("表格里已经是这些数据，不需要导入。", "The table holds all of this already.")
        return [*elements, markdown(same)]
    label = text("导入", "Import")
    return [*elements, button(label, "pay.upload_apply", _value(upload), kind="primary_filled")]


def _choices(upload: Upload, now: datetime) -> Element:
    """What the file is taken for; both can be changed."""
    value = _value(upload)
    kind = select(
        "kind", [(each, each) for each in KINDS], "pay.upload_kind", value,
        placeholder=text("选择表", "Choose a table"), initial=upload.kind,
    )  # fmt: skip
    cells = [cell(note(text("导入到", "Into")), kind)]
    if upload.kind is not None and upload.kind not in UNDATED:
        months = [(each, month_text(each)) for each in _months(upload.month, now)]
        month = select(
            "month", months, "pay.upload_month", value,
            placeholder=text("选择月份", "Choose a month"), initial=upload.month,
        )  # fmt: skip
        cells.append(cell(note(text("月份", "Month")), month))
    return columns(*cells, flex="bisect")


def _months(chosen: Month | None, now: datetime) -> list[Month]:
    """This month and those before it, newest first, and the chosen one wherever it lies."""
    newest = month_of(day_of(now))
    offered = {add(newest, -back) for back in range(MONTHS_OFFERED)}
    return sorted(offered | ({chosen} if chosen else set()), reverse=True)


def _figures(upload: Upload) -> Element:
    return facts(
        [
            (text("新增", "New"), text(f"{upload.new} 行", str(upload.new))),
            (text("改动", "Changed"), text(f"{upload.changed} 行", str(upload.changed))),
            (text("不变", "Unchanged"), text(f"{upload.unchanged} 行", str(upload.unchanged))),
        ],
        per_row=3,
    )


def _faults(upload: Upload) -> Element:
    count = len(upload.faults) + upload.more
    faults = counted(count, "fault")
    title = text(f"**有 {count} 处需要改正，什么都没有导入**", f"**{faults}; nothing was imported**")
    rest = [text(f"还有 {upload.more} 处", f"{upload.more} more")] if upload.more else []
    return _list(title, upload.faults, rest)


def _list(title: Text, sentences: Sequence[str], rest: Sequence[Text] = ()) -> Element:
    lines = [title, *(text(f"- {safe(each)}", f"- {safe(each)}") for each in sentences), *rest]
    zh, en = ("\n".join(line.both[at] for line in lines) for at in (0, 1))
    return markdown(text(zh, en))


def _again(upload: Upload) -> Element:
    return button(text("重新检查", "Check again"), "pay.upload_again", _value(upload))


def _done(upload: Upload) -> Element:
    count, kind = upload.new + upload.changed, safe(str(upload.kind))
    month = month_text(upload.month) if upload.month and upload.kind not in UNDATED else None
    zh, en = (f"（{month.zh}）", f" ({month.en})") if month else ("", "")
    rows = counted(count, "row")
    return markdown(text(f"**已导入 {count} 行**到“{kind}”{zh}", f"**{rows} imported** into {kind}{en}"))


def _footer(upload: Upload) -> Text:
    if upload.state is UploadState.FAULTY:
        return text(
            "改好文件后重新发送；如果改的是表格，点“重新检查”",
            "Mend the file and send it again; if you mended the table, check again",
        )
    if upload.state is UploadState.DONE:
        return text(f"来源记为“文件 {safe(upload.name)}”", f"Source: 文件 {safe(upload.name)}")
    mark = upload.digest[:8] if upload.digest else ""
    zh, en = (f" · 校验码 {mark}", f" · checksum {mark}") if mark else ("", "")
    return text(
        f"点“导入”之前不会改动任何数据；有一处错误就都不导入{zh}",
        f"Nothing changes before you tap Import; all rows or none{en}",
    )


def _value(upload: Upload) -> dict[str, object]:
    return {"id": upload.id, "t": upload.turn}
