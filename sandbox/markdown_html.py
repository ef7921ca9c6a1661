"""Card markdown as HTML: the part of it that cards use.

Source: Feishu docs card-json-v2-components/content-components/rich-text, Jul 2025.
"""

import html
import re
from collections.abc import Callable

NameOf = Callable[[str], str]

ENTITY = re.compile(r"&amp;(#\d+|#x[0-9a-fA-F]+|[a-zA-Z]+);")
FONT = re.compile(
    r"&lt;font color=(?:&#x27;|&quot;)?([\w-]+)(?:&#x27;|&quot;)?&gt;(.*?)&lt;/font&gt;", re.DOTALL
)
TAG = re.compile(
    r"&lt;text_tag color=(?:&#x27;|&quot;)?([\w-]+)(?:&#x27;|&quot;)?&gt;(.*?)&lt;/text_tag&gt;", re.DOTALL
)
AT = re.compile(
    r"&lt;at (?:id|user_id)=(?:&#x27;|&quot;)?([\w-]+)(?:&#x27;|&quot;)?&gt;(.*?)&lt;/at&gt;", re.DOTALL
)
PERSON = re.compile(r"&lt;person id\s?=\s?(?:&#x27;|&quot;)?([\w-]+).*?&gt;(.*?)&lt;/person&gt;", re.DOTALL)
LINK = re.compile(r"\[([^\]]+)\]\(([^)\s]+)\)")
INLINE = (
    (re.compile(r"`([^`]+)`"), r"<code>\1</code>"),
    (re.compile(r"\*\*(.+?)\*\*", re.DOTALL), r"<b>\1</b>"),
    (re.compile(r"(?<![\w*])\*([^*\n]+)\*(?![\w*])"), r"<i>\1</i>"),
    (re.compile(r"~~(.+?)~~", re.DOTALL), r"<s>\1</s>"),
    (re.compile(r"&lt;br\s*/?&gt;"), "<br>"),
)
HEADING = re.compile(r"(#{1,6})\s+(.*)")
ITEM = re.compile(r"(\s*)(?:[-*]|(\d+)\.)\s+(.*)")
RULE = re.compile(r"\s*(?:---+|\*\*\*+|<hr\s*/?>)\s*")
TABLE_LINE = re.compile(r"\s*\|?\s*:?-{2,}")


def inline(text: str, name_of: NameOf) -> str:
    """One run of text: bold, italics, code, links, colours, mentions."""
    out = ENTITY.sub(r"&\1;", html.escape(text))
    out = AT.sub(lambda m: f'<span class="at">@{who(m[1], m[2], name_of)}</span>', out)
    out = PERSON.sub(lambda m: f'<span class="at">{who(m[1], m[2], name_of)}</span>', out)
    out = FONT.sub(r'<span class="font-\1">\2</span>', out)
    out = TAG.sub(r'<span class="tag tag-\1">\2</span>', out)
    out = LINK.sub(safe_link, out)
    for pattern, replacement in INLINE:
        out = pattern.sub(replacement, out)
    return out


def who(person: str, given: str, name_of: NameOf) -> str:
    """The name of somebody mentioned."""
    return "所有人" if person == "all" else html.escape(name_of(person)) or given or html.escape(person)


def safe_link(found: re.Match[str]) -> str:
    """A link; only http(s) addresses can be clicked."""
    if not found[2].startswith(("http://", "https://")):
        return found[1]
    return f'<a href="{found[2]}" target="_blank" rel="noreferrer">{found[1]}</a>'


def markdown(text: str, name_of: NameOf) -> str:
    """Blocks: headings, lists, quotes, code, tables, rules and paragraphs."""
    lines = text.split("\n")
    out: list[str] = []
    at = 0
    while at < len(lines):
        line = lines[at]
        if line.startswith("```"):
            end = next((n for n in range(at + 1, len(lines)) if lines[n].startswith("```")), len(lines))
            out.append(f"<pre>{html.escape(chr(10).join(lines[at + 1 : end]))}</pre>")
            at = end + 1
        elif "|" in line and at + 1 < len(lines) and TABLE_LINE.match(lines[at + 1]):
            end = next((n for n in range(at, len(lines)) if "|" not in lines[n]), len(lines))
            out.append(table(lines[at], lines[at + 2 : end], name_of))
            at = end
        elif ITEM.match(line):
            end = next((n for n in range(at, len(lines)) if not ITEM.match(lines[n])), len(lines))
            out.append(listing(lines[at:end], name_of))
            at = end
        else:
            out.append(block(line, name_of))
            at += 1
    return "".join(out)


def block(line: str, name_of: NameOf) -> str:
    """One line that stands for itself."""
    heading = HEADING.match(line)
    if heading:
        return f'<div class="h{len(heading[1])}">{inline(heading[2], name_of)}</div>'
    if RULE.fullmatch(line):
        return "<hr>"
    if line.startswith(">"):
        return f"<blockquote>{inline(line[1:].strip(), name_of)}</blockquote>"
    return f"<p>{inline(line, name_of)}</p>" if line.strip() else '<p class="gap"></p>'


def listing(lines: list[str], name_of: NameOf) -> str:
    """A list; indented items stand further in."""
    items = []
    for line in lines:
        found = ITEM.match(line)
        if found:
            mark = f"{found[2]}." if found[2] else "•"
            depth = len(found[1]) // 2
            items.append(
                f'<div class="li" style="margin-left:{depth * 16}px"><span class="mark">{mark}</span>'
                f"<span>{inline(found[3], name_of)}</span></div>"
            )
    return "".join(items)


def table(head: str, rows: list[str], name_of: NameOf) -> str:
    """A markdown table."""

    def cells(line: str, tag: str) -> str:
        return "".join(
            f"<{tag}>{inline(c.strip(), name_of)}</{tag}>" for c in line.strip().strip("|").split("|")
        )

    body = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows)
    return f'<div class="scroll"><table><tr>{cells(head, "th")}</tr>{body}</table></div>'
