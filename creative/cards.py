"""How a request looks as a card. Pure: the same view gives the same card, in Chinese and English."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.cards import (
    Card,
    Element,
    Severity,
    Text,
    button,
    card,
    collapsible,
    column,
    columns,
    form,
    header,
    image,
    link,
    markdown,
    note,
    submit,
    text,
    text_input,
)
from bot.words import counted, safe
from creative.model import Request, State, Variant
from creative.search import Asset
from creative.views import REDO, ArtView

STATE_EN = {
    State.DRAFT: "Draft", State.REVISE: "Please change", State.MAKING: "Being made",
    State.REVIEW: "Your decision", State.FINAL: "Chosen", State.ARCHIVED: "Archived",
    State.FAILED: "Failed", State.CANCELLED: "Cancelled",
}  # fmt: skip
_LOOK: Mapping[State, Severity] = {
    State.REVISE: "warning", State.FAILED: "critical", State.ARCHIVED: "resolved", State.FINAL: "resolved",
    State.CANCELLED: "muted", State.DRAFT: "muted",
}  # fmt: skip
NOTE_LINES = 8


def request_card(view: ArtView) -> Card:
    """The card of a request, in whatever state it is."""
    request = view.request
    if view.old:
        return _old(view)
    elements = list(_body(view))
    if request.state is State.REVIEW:
        elements += _form(view) if view.form else [_buttons(view)]
    state = text(request.state.value, STATE_EN[request.state])
    title = text(f"{request.title}：{request.state.value}", f"{request.title}: {STATE_EN[request.state]}")
    number = _round(request.version) if request.version else None
    head = header(
        request.title or text("素材需求", "Image request"),
        subtitle=number,
        severity=_LOOK.get(request.state, "info"),
        tags=[state],
    )
    return card(head, elements, summary=title, fill=request.state is State.REVIEW)


def _round(number: int) -> Text:
    return text(f"第 {number} 次出图", f"Round {number}")


def _old(view: ArtView) -> Card:
    request, version = view.request, view.version
    number = version.version if version else 0
    said = text(
        f"这是第 {number} 次的样图，已经有第 {request.version} 次；请看最新的卡片。旧样图仍在表格里。",
        f"These are variants of round {number}; see the newest card for round {request.version}.",
    )
    head = header(
        request.title, subtitle=_round(number), severity="muted", tags=[text("已有新的", "Replaced")]
    )
    return card(
        head, [markdown(said)], summary=text(f"{request.title}：已有新的样图", f"{request.title}: replaced")
    )


def _body(view: ArtView) -> list[Element]:
    request = view.request
    if request.state is State.REVIEW:
        return [*_variants(view), *([] if view.form else [_numbers(view), *_notes(request)])]
    if request.state is State.MAKING:
        return [markdown(text(f"{safe(request.note)}…", "Being made, usually a few minutes…"))]
    if request.state in (State.FINAL, State.ARCHIVED):
        return _chosen(view)
    lines = [markdown(safe(request.note))]
    if request.state is State.REVISE:
        hint = text(
            "在表格里改好后会自动再看一遍，不用重新提交。", "Change the row; it is looked at again by itself."
        )
        lines.append(note(hint))
    return lines


def _variants(view: ArtView) -> list[Element]:
    """Two variants side by side, each with its own button below."""
    shown = [each for each in view.variants if each.image_key]
    cells = [_variant(view, each) for each in shown]
    return [columns(*cells[start : start + 2], flex="bisect") for start in range(0, len(cells), 2)]


def _variant(view: ArtView, variant: Variant) -> Element:
    count, template = (view.files or {}).get(variant.variant, 0), safe(variant.template)
    caption = text(
        f"**第 {variant.variant} 版**\n<font color='grey'>{template} · {count} 个文件</font>",
        f"**No. {variant.variant}**\n<font color='grey'>{template} · {counted(count, 'file')}</font>",
    )
    elements = [image(variant.image_key, f"第 {variant.variant} 版"), markdown(caption)]
    if not view.form:
        sure = (
            text(f"定稿第 {variant.variant} 版？", f"Choose no. {variant.variant}?"),
            text(
                "其他版会留在表格里，这一版会归档到知识库。",
                "The others stay in the table; this one is archived.",
            ),
        )
        value = {**_value(view.request), "n": variant.variant}
        elements.append(
            button(text(f"定稿第 {variant.variant} 版", f"Choose no. {variant.variant}"), "art.choose", value,
                   kind="primary", confirm=sure)
        )  # fmt: skip
    return column(*elements)


def _numbers(view: ArtView) -> Element:
    models = safe("、".join(view.models))
    count = len(view.version.brief.formats) if view.version else 0
    return note(
        text(
            f"{count} 个尺寸 · 已花费 ¥{view.cost:,.2f} · {models or '本地绘制'}",
            f"{counted(count, 'size')} · ¥{view.cost:,.2f} so far · {models or 'painted here'}",
        )
    )


def _notes(request: Request) -> list[Element]:
    """The sentences of 说明 beyond the first; what is missing must not be overlooked."""
    lines = request.note.splitlines()[1:]
    if not lines:
        return []
    said = "\n".join(f"- {safe(line)}" for line in lines[:NOTE_LINES])
    return [collapsible(text(f"有 {len(lines)} 点请留意", counted(len(lines), "note")), markdown(said))]


def _buttons(view: ArtView) -> Element:
    value = _value(view.request)
    return columns(
        column(button(text("重做", "Redo"), "art.redo", value), weight=None),
        column(button(text("改文案", "Change copy"), "art.copy", value), weight=None),
        flex="flow",
    )


def _chosen(view: ArtView) -> list[Element]:
    request = view.request
    chosen = next((each for each in view.variants if each.variant == request.chosen), None)
    elements: list[Element] = []
    if chosen is not None and chosen.image_key:
        elements.append(image(chosen.image_key, f"第 {chosen.variant} 版"))
    elements.append(markdown(safe(request.note)))
    if request.wiki:
        elements.append(link(text("打开归档页", "Open the page"), request.wiki, kind="primary"))
    return elements


def _form(view: ArtView) -> list[Element]:
    fault = []
    if view.fault is not None:
        zh, en = (safe(part) for part in view.fault)
        fault = [markdown(text(f"<font color='red'>{zh}</font>", f"<font color='red'>{en}</font>"))]
    fields = _redo_fields(view) if view.form == REDO else _copy_fields(view)
    value = _value(view.request)
    send = submit(text("提交", "Submit"), f"art.{view.form}_submit", value)
    cancel = button(text("取消", "Cancel"), "art.cancel_form", value, kind="text")
    return [*fault, form(f"art_{view.form}", *fields, send), cancel]


def _redo_fields(view: ArtView) -> Sequence[Element]:
    hint = text(
        "会重新生成底图，产生费用；你的话会写进提示词。", "Backgrounds are generated again, at a cost."
    )
    placeholder = text(
        "如：背景太乱，换成干净的木桌和早晨的光", "e.g. too busy; a clean table, morning light"
    )
    typed = (view.typed or {}).get("reason", "")
    field = text_input(
        "reason",
        text("哪里不满意", "What should be different"),
        placeholder=placeholder,
        default=typed[:200],
        required=True,
        max_length=200,
        multiline=True,
    )
    return [note(hint), field]


COPY_FIELDS: tuple[tuple[str, Text, int, bool], ...] = (
    ("headline", text("主标题", "Headline"), 80, True),
    ("subline", text("副标题", "Subline"), 80, False),
    ("points", text("卖点（每行一条）", "Points (one a line)"), 200, False),
    ("price", text("价格/利益点", "Price"), 40, False),
    ("cta", text("行动按钮", "Button"), 20, False),
    ("footnote", text("小字", "Footnote"), 200, False),
)


def _copy_fields(view: ArtView) -> Sequence[Element]:
    hint = text("沿用现在的底图重新排版，不花费用。", "Composed again over the same backgrounds, at no cost.")
    fields: list[Element] = [note(hint)]
    now = copy_texts(view)
    for name, label, most, required in COPY_FIELDS:
        default = (view.typed or now).get(name, "")[:most]
        many = name in ("headline", "points")
        fields.append(
            text_input(name, label, default=default, required=required, max_length=most, multiline=many)
        )
    return fields


def copy_texts(view: ArtView) -> dict[str, str]:
    """The texts of the version the card is about, by the names of the form's fields."""
    return {} if view.version is None else view.version.brief.copy.texts()


def _value(request: Request) -> dict[str, object]:
    return {"id": request.id, "v": request.turn}


def search_card(words: str, found: Sequence[Asset], total: int) -> Card:
    """What a search found: one line a request, with its picture and page."""
    title = text(f"找到 {total} 个素材", f"{counted(total, 'asset')} found")
    lines: list[Element] = []
    for asset in found:
        said = markdown(
            f"**{safe(asset.title)}**\n{safe(asset.format)} · {safe(asset.brand)} · {asset.at:%Y-%m-%d}"
        )
        cells = [column(said, weight=3)]
        if asset.image_key:
            cells.insert(0, column(image(asset.image_key, asset.title), weight=1))
        if asset.wiki:
            cells.append(column(link(text("打开", "Open"), asset.wiki), weight=None))
        lines.append(columns(*cells, flex="none"))
    if total > len(found):
        more = text(
            f"还有 {total - len(found)} 个；多写一个词，或到“素材库”表里看", f"{total - len(found)} more"
        )
        lines.append(note(more))
    return card(header(text(f"找素材：{safe(words)}", f"Assets: {safe(words)}")), lines, summary=title)
