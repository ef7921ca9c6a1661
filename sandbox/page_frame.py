"""What every page of the web client has in common: the document with its security headers, and the shell."""

from sandbox.card_html import avatar, esc
from sandbox.kernel import Person, Reply

CLAIM = "our own web client, 2026-11"
STYLES = ("card", "shell", "grid", "desk")
NO_SNIFF = {"X-Content-Type-Options": "nosniff"}
# Cards set margins and widths in style attributes; style elements and scripts come only from here.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; "
    "img-src 'self' data: blob:; connect-src 'self'; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
SVG = (
    '<svg viewBox="0 0 24 24" width="20" fill="none" stroke="currentColor" aria-hidden="true">'
    '<path d="{}"/></svg>'
)
ICONS = {
    "chats": SVG.format("M4 5h16v11H10l-5 4v-4H4z"),
    "tasks": SVG.format("M5 3h14v18H5zM8.5 12l2.5 2.5 4.5-5"),
    "bases": SVG.format("M4 4h16v16H4zM4 10h16M10 4v16"),
    "wiki": SVG.format("M4 5h7v14H4zM13 5h7v14h-7zM7 9h1M16 9h1"),
    "back": SVG.format("M15 5l-7 7 7 7"),
    "shop": SVG.format("M4 10l1.5-5h13L20 10M5 10v9h14v-9M9 19v-5h6v5"),
    "dev": SVG.format("M8 7l-5 5 5 5M16 7l5 5-5 5M13.5 5l-3 14"),
    "send": SVG.format("M4 12l16-7-5 15-4-6z"),
    "clip": SVG.format("M20 11l-8 8a5 5 0 01-7-7l8-8a3.5 3.5 0 015 5l-8 8a2 2 0 01-3-3l7-7"),
}
TABS = (("chats", "消息"), ("tasks", "审批"), ("bases", "多维表格"), ("wiki", "知识库"))


def document(title: str, body: str, kind: str, script: str) -> Reply:
    """A whole page.

    Args:
        title: of the browser's tab; escaped here.
        body: HTML.
        kind: class of the body element.
        script: name of the module in ``web`` that runs the page, without ``.js``.
    """
    links = "".join(f'<link rel="stylesheet" href="/web/{name}.css">' for name in STYLES)
    text = (
        f'<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><title>{esc(title)}</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta name="color-scheme" content="light dark"><link rel="icon" href="data:,">{links}</head>'
        f'<body class="{kind}">{body}<div id="toast" role="status" aria-live="polite"></div>'
        f'<dialog id="ask" aria-labelledby="ask-title"></dialog>'
        f'<script type="module" src="/web/{script}.js"></script></body></html>'
    )
    headers = {
        "Content-Security-Policy": POLICY,
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
        **NO_SNIFF,
    }
    return Reply(text, headers=headers)


def shell(person: Person, language: str) -> str:
    """The frame of a person's page; the script fills it in and keeps it fresh.

    Args:
        person: whose page it is.
        language: zh_cn or en_us, the language of cards.
    """
    tabs = "".join(
        f'<a data-tab="{tab}" href="?tab={tab}" title="{title}" aria-label="{title}">{ICONS[tab]}'
        f'<span>{title}</span><b class="badge" hidden></b></a>'
        for tab, title in TABS
    )
    other, word = ("en_us", "EN") if language == "zh_cn" else ("zh_cn", "中")
    doors = (
        '<a href="/backoffice" target="_blank" title="店铺 / 投放 / ERP 后台" aria-label="后台">'
        f"{ICONS['shop']}</a>"
        f'<button data-do="developer" title="开发者（Ctrl + `）" aria-label="开发者">{ICONS["dev"]}</button>'
        f'<a class="lang" href="?lang={other}" title="卡片的语言" aria-label="卡片语言 {word}">{word}</a>'
    )
    say = (
        '<form id="say"><input name="text" placeholder="发送消息…" aria-label="消息" autocomplete="off">'
        f'<label title="发送文件" tabindex="0" role="button" aria-label="发送文件">{ICONS["clip"]}'
        '<input type="file" hidden></label><button>发送</button></form>'
    )
    back = f'<button class="back" data-do="back" aria-label="返回列表">{ICONS["back"]}</button>'
    return (
        f'<div class="client" data-me="{person.open_id}" data-lang="{language}" data-view="chats">'
        f'<aside class="rail"><a href="/" title="换一个人" aria-label="换一个人">{avatar(person.name)}</a>'
        f'<nav aria-label="功能">{tabs}</nav><div class="doors">{doors}</div></aside>'
        f'<aside class="side"><header>{esc(person.name)}<small>{esc(person.title)}</small></header>'
        '<nav id="chats" aria-label="列表"></nav></aside>'
        f'<main><header class="head">{back}<h1 id="chat-title"></h1><div id="tools"></div></header>'
        f'<div id="messages" tabindex="0" role="log" aria-label="内容"></div>'
        f'<button id="newest" hidden>回到最新</button>{say}</main></div>'
    )
