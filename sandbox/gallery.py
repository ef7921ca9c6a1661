"""``/gallery``: every card the product can send, in all its states, on a desktop and on a phone.

The product writes its cards as JSON into ``docs/cards`` (a test of the product keeps them fresh); this page
draws these files as the messenger draws a card in a chat. The sandbox itself knows no card of the product.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from sandbox.card_html import Draw, esc
from sandbox.kernel import ApiError, Reply, Request, Routes, World

CLAIM = "our own web client, 2026-11"
DOCS = Path(__file__).resolve().parent.parent / "docs"
CARDS, PICTURES = DOCS / "cards", DOCS / "images" / "gallery"
LANGUAGES = {"zh_cn": "中文", "en_us": "English"}
THEMES = {"auto": ("跟随系统", "System"), "light": ("浅色", "Light"), "dark": ("深色", "Dark")}
WIDTHS = {"both": ("并排", "Both"), "desk": ("电脑", "Desktop"), "phone": ("手机", "Phone")}
PEOPLE = {"ou_chen": "陈晓雯", "ou_liu": "刘思远", "ou_zhao": "赵海燕"}
LIMIT_KB = 30
TITLE = ("卡片图库", "Card gallery")
NAME = re.compile(r"[a-z0-9-]{1,60}")
POLICY = (
    "default-src 'none'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
"""No script at all; the drawing of a card carries widths and gaps as style attributes."""

routes = Routes("page")


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of ``docs/cards``: its name, and what it holds."""

    key: str
    data: Mapping[str, Any]

    def said(self, part: str, language: str) -> str:
        """``group`` or ``name`` in a language."""
        return str(self.data[part].get(language) or self.data[part]["zh_cn"])

    @property
    def card(self) -> dict[str, Any] | None:
        """The card, if it is one."""
        return self.data.get("card")


@dataclass(frozen=True, slots=True)
class Looks:
    """How the gallery is looked at: language, theme, widths, and which one card (all when empty)."""

    language: str = "zh_cn"
    theme: str = "auto"
    width: str = "both"
    key: str = ""

    def link(self, **changes: str) -> str:
        """The address of the same page, looked at otherwise."""
        now = {"lang": self.language, "theme": self.theme, "width": self.width, **changes}
        standard = {"lang": "zh_cn", "theme": "auto", "width": "both"}
        asked = {name: value for name, value in now.items() if value != standard[name]}
        path = f"/gallery/{self.key}" if self.key else "/gallery"
        return path + (f"?{urlencode(asked)}" if asked else "")

    def pick(self, chinese: str, english: str) -> str:
        """A word of the page itself."""
        return english if self.language == "en_us" else chinese


def entries() -> list[Entry]:
    """All cards in their order; none when the product has written none."""
    found = [Entry(file.stem, json.loads(file.read_text("utf-8"))) for file in CARDS.glob("*.json")]
    return sorted(found, key=lambda entry: int(entry.data["order"]))


@routes.add("GET", "/gallery", auth="none", claim=CLAIM)
def gallery(_world: World, req: Request) -> Reply:
    """Every card: ?lang=zh_cn|en_us&theme=auto|light|dark&width=both|desk|phone."""
    return page(entries(), looks(req, ""))


@routes.add("GET", "/gallery/:key", auth="none", claim=CLAIM)
def one(_world: World, req: Request) -> Reply:
    """One card, for looking closely and for pictures of it."""
    key = req.params["key"]
    found = [entry for entry in entries() if entry.key == key]
    if not found:
        raise ApiError(404, "no card of this name; see /gallery", status=404)
    return page(found, looks(req, key))


@routes.add("GET", "/gallery/picture/:name", auth="none", claim=CLAIM)
def picture(_world: World, req: Request) -> Reply:
    """A sample picture that stands in cards about images."""
    name = req.params["name"]
    file = PICTURES / f"{name}.jpg"
    if not NAME.fullmatch(name) or not file.is_file():
        raise ApiError(404, "no such picture", status=404)
    head = {"Content-Type": "image/jpeg", "Cache-Control": "max-age=3600"}
    return Reply(file.read_bytes(), headers=head, bulky=True)


def looks(req: Request, key: str) -> Looks:
    """What the address asks for; what it asks for wrongly is the usual."""
    asked = req.query
    language, theme, width = (asked.get(name, "") for name in ("lang", "theme", "width"))
    return Looks(
        language if language in LANGUAGES else "zh_cn",
        theme if theme in THEMES else "auto",
        width if width in WIDTHS else "both",
        key,
    )


def page(shown: list[Entry], looks: Looks) -> Reply:
    """The whole page."""
    groups: dict[str, list[Entry]] = {}
    for entry in shown:
        groups.setdefault(entry.said("group", looks.language), []).append(entry)
    draw = Draw(
        lambda open_id: PEOPLE.get(open_id, ""), looks.language, lambda key: f"/gallery/picture/{key}"
    )
    body = "".join(
        section(number, name, members, draw, looks) for number, (name, members) in enumerate(groups.items())
    )
    if not shown:
        words = looks.pick(
            "还没有卡片：请在项目的克隆里运行。", "No cards: run it in a clone of the project."
        )
        body = f'<p class="none">{words}</p>'
    html = (
        f'{head(looks)}<body class="width-{looks.width}">{bar(looks)}'
        f'<div class="page">{contents(groups, looks)}<main>{body}</main></div></body></html>'
    )
    return Reply(html, headers={"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff"})


def head(looks: Looks) -> str:
    """Everything before the body."""
    theme = "" if looks.theme == "auto" else f' data-theme="{looks.theme}"'
    return (
        f'<!doctype html><html lang="{looks.pick("zh-CN", "en")}"{theme}><head><meta charset="utf-8">'
        f"<title>{looks.pick(*TITLE)}</title>"
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<link rel="icon" href="data:,"><link rel="stylesheet" href="/web/card.css">'
        '<link rel="stylesheet" href="/web/gallery.css"></head>'
    )


def bar(looks: Looks) -> str:
    """The bar at the top: where this is, and the switches."""
    whole = Looks(looks.language, looks.theme, looks.width).link()
    return (
        f'<header class="bar"><h1><a href="/">{looks.pick("沙箱", "Sandbox")}</a>'
        f'<a href="{esc(whole)}">{looks.pick(*TITLE)}</a></h1>{switches(looks)}</header>'
    )


def switches(looks: Looks) -> str:
    """Language, theme and width, as links: the page needs no script."""
    at = 1 if looks.language == "en_us" else 0
    parts = (
        ("lang", looks.language, LANGUAGES),
        ("theme", looks.theme, {key: words[at] for key, words in THEMES.items()}),
        ("width", looks.width, {key: words[at] for key, words in WIDTHS.items()}),
    )
    return "".join(
        f'<nav class="switch">{"".join(choice(looks, name, now, *each) for each in ways.items())}</nav>'
        for name, now, ways in parts
    )


def choice(looks: Looks, name: str, now: str, key: str, word: str) -> str:
    """One way to look at the gallery."""
    current = ' aria-current="true"' if key == now else ""
    return f'<a href="{esc(looks.link(**{name: key}))}"{current}>{word}</a>'


def contents(groups: Mapping[str, list[Entry]], looks: Looks) -> str:
    """The list of cards at the side."""
    if looks.key:
        return ""
    parts = []
    for number, (name, members) in enumerate(groups.items()):
        lines = "".join(f'<a href="#{esc(e.key)}">{esc(e.said("name", looks.language))}</a>' for e in members)
        parts.append(
            f'<a class="group" href="#g{number}">{esc(name)}<small>{len(members)}</small></a>{lines}'
        )
    return f'<nav class="contents">{"".join(parts)}</nav>'


def section(number: int, name: str, members: list[Entry], draw: Draw, looks: Looks) -> str:
    """A group of cards."""
    inside = "".join(article(entry, draw, looks) for entry in members)
    return f'<section><h2 id="g{number}">{esc(name)}</h2>{inside}</section>'


def article(entry: Entry, draw: Draw, looks: Looks) -> str:
    """One card with its name, on a desktop and on a phone."""
    frames = "".join(
        f'<div class="frame {width}">{content(entry, draw, looks.language)}</div>'
        for width in ("desk", "phone")
        if looks.width in ("both", width)
    )
    about = f"<code>{esc(entry.key)}</code>"
    if entry.card is not None:
        size = len(json.dumps(entry.card, ensure_ascii=False).encode()) / 1024
        about += f" {size:.1f} / {LIMIT_KB} KB"
    single = Looks(looks.language, looks.theme, looks.width, entry.key).link()
    name = esc(entry.said("name", looks.language))
    return (
        f'<article id="{esc(entry.key)}"><h3><a href="{esc(single)}">{name}</a>'
        f'<small>{about}</small></h3><div class="frames">{frames}</div>{asked(entry, draw, looks)}</article>'
    )


def content(entry: Entry, draw: Draw, language: str) -> str:
    """A card, a reply or a toast as the client shows it."""
    if entry.card is not None:
        return draw.card(entry.card)
    toast = entry.data.get("toast")
    if toast is not None:
        return f'<div class="toast toast-{esc(toast["type"])}">{esc(toast["i18n"].get(language, ""))}</div>'
    return f'<div class="bubble">{esc(entry.data.get("text", ""))}</div>'


def asked(entry: Entry, draw: Draw, looks: Looks) -> str:
    """What the client asks before a button of the card does anything."""
    boxes = []
    for button in buttons(entry.card):
        if button.get("confirm"):
            title, text = (esc(draw.words(button["confirm"].get(part))) for part in ("title", "text"))
            no, yes = looks.pick("取消", "Cancel"), looks.pick("确定", "OK")
            boxes.append(
                f'<div class="ask"><b>{title}</b><p>{text}</p><div><span class="btn">{no}</span>'
                f'<span class="btn btn-primary_filled">{yes}</span></div></div>'
            )
    if not boxes:
        return ""
    words = looks.pick("点按后先问", "Asked after a tap")
    head = f"<summary>{words}<small>{len(boxes)}</small></summary>"
    return f'<details class="asks">{head}{"".join(boxes)}</details>'


def buttons(node: Any) -> Iterator[Mapping[str, Any]]:
    """The buttons of a card, in their order."""
    if isinstance(node, dict):
        if node.get("tag") == "button":
            yield node
        for child in node.values():
            yield from buttons(child)
    elif isinstance(node, list):
        for child in node:
            yield from buttons(child)
