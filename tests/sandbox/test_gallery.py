"""The gallery: every card is there, in the language and width asked for, and nothing runs on the page."""

import json
import re

import pytest
import requests

from sandbox.card_html import Draw
from sandbox.gallery import CARDS, PICTURES
from sandbox.server import SandboxServer

KEYS = sorted(file.stem for file in CARDS.glob("*.json"))


def get(sandbox: SandboxServer, path: str) -> requests.Response:
    """Open a page."""
    return requests.get(sandbox.url + path, timeout=10)


def test_every_card_is_on_the_page_for_desktop_and_phone(sandbox: SandboxServer) -> None:
    """One article a file, each in two frames, and nothing the renderer does not know."""
    page = get(sandbox, "/gallery").text
    assert sorted(re.findall(r'<article id="([\w-]+)"', page)) == KEYS
    assert page.count('class="frame desk"') == page.count('class="frame phone"') == len(KEYS)
    assert 'class="unknown"' not in page


def test_language_theme_and_width_are_chosen_by_the_address(sandbox: SandboxServer) -> None:
    """Links lead there, so the page needs no script; a wrong choice is the usual one."""
    page = get(sandbox, "/gallery?lang=en_us&theme=dark&width=phone").text
    assert "Adjust budget" in page
    assert "调整预算" not in page
    assert '<html lang="en" data-theme="dark">' in page
    assert 'class="frame desk"' not in page
    usual = get(sandbox, "/gallery?lang=<script>&theme=x&width=y").text
    assert "调整预算" in usual
    assert "<script" not in usual


def test_one_card_has_a_page_of_its_own(sandbox: SandboxServer) -> None:
    """For pictures and for looking closely; the switches stay with it."""
    page = get(sandbox, "/gallery/alert-firing?theme=dark").text
    assert page.count("<article") == 1
    assert "/gallery/alert-firing?lang=en_us&amp;theme=dark" in page
    assert get(sandbox, "/gallery/no-such-card").status_code == 404


def test_questions_asked_before_a_tap_are_shown(sandbox: SandboxServer) -> None:
    """What the client asks before a dangerous button is part of the card."""
    page = get(sandbox, "/gallery/pay-pushed").text
    assert "撤回全部工资条？" in page
    assert "内容会被销毁" in page


def test_no_script_may_run(sandbox: SandboxServer) -> None:
    """The policy forbids scripts, frames of others and forms that lead away."""
    policy = get(sandbox, "/gallery").headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "frame-ancestors 'self'" in policy


@pytest.mark.parametrize("name", ["../../../app", "..%2f..%2fapp", "serum-main%00", "nothing"])
def test_pictures_come_only_from_their_folder(sandbox: SandboxServer, name: str) -> None:
    """A name is a name, not a way through the disk."""
    assert get(sandbox, f"/gallery/picture/{name}").status_code == 404


def test_a_sample_picture_is_served(sandbox: SandboxServer) -> None:
    """Cards about images show images."""
    answer = get(sandbox, "/gallery/picture/serum-main")
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert answer.content == (PICTURES / "serum-main.jpg").read_bytes()


def nobody(_open_id: str) -> str:
    """Knows no names."""
    return ""


def drawn(*elements: object) -> str:
    """A card of these components as HTML."""
    return Draw(nobody, "zh_cn").card({"schema": "2.0", "body": {"elements": list(elements)}})


@pytest.mark.parametrize("mode", ["none", "stretch", "flow", "bisect", "trisect"])
def test_columns_break_as_their_mode_says(mode: str) -> None:
    """The style sheet knows each mode; widths travel as tracks."""
    column = {"tag": "column", "width": "weighted", "weight": 2, "elements": []}
    fixed = {"tag": "column", "width": "120px", "elements": []}
    html = drawn({"tag": "column_set", "flex_mode": mode, "columns": [column, fixed]})
    assert f"cols flex-{mode} " in html
    assert "--tracks:minmax(0,2fr) 120px" in html


def test_a_table_stands_as_its_columns_say() -> None:
    """Numbers right with separators, dates as days, options in their colour, alignment by column."""
    table = {
        "tag": "table",
        "header_style": {"background_style": "none", "bold": True},
        "columns": [
            {"name": "n", "data_type": "number", "format": {"symbol": "¥", "precision": 2}},
            {"name": "d", "data_type": "date", "horizontal_align": "center"},
            {"name": "o", "data_type": "options"},
        ],
        "rows": [{"n": 12345.5, "d": 1772416800000, "o": [{"text": "严重", "color": "red"}]}],
    }
    html = drawn(table)
    assert '<td class="num">¥12,345.50</td>' in html
    assert '<td class=" al-center">2026-03-02</td>' in html
    assert '<span class="tag tag-red">严重</span>' in html
    assert "plain bold" in html


def test_pictures_have_the_size_and_corners_they_ask_for() -> None:
    """And a corner that is no length is left out."""
    picture = {"tag": "img", "img_key": "k", "size": "small", "corner_radius": "8px"}
    assert 'style="width:60px;border-radius:8px"' in drawn(picture)
    assert "url(" not in drawn({**picture, "corner_radius": "8px;background:url(x)"})


def test_a_disabled_button_says_why() -> None:
    """The reason stands at the button."""
    why = {"content": "等<一>下"}
    button = {"tag": "button", "text": {"content": "提交"}, "disabled": True, "disabled_tips": why}
    assert 'title="等&lt;一&gt;下"' in drawn(button)
    assert " disabled>" in drawn(button)


def test_every_file_is_of_one_kind() -> None:
    """A file holds a card, a text or a toast."""
    for key in KEYS:
        data = json.loads((CARDS / f"{key}.json").read_text("utf-8"))
        assert len({"card", "text", "toast"} & set(data)) == 1
