"""Dressed-up words are found at their place; strange input is judged, not refused; work grows with length."""

import sys
import unicodedata
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from creative.wording.automaton import Automaton
from creative.wording.book import builtin_book
from creative.wording.check import LIMITS, LONGEST, check
from creative.wording.model import Verdict
from creative.wording.normalise import normalise

BOOK = builtin_book()
INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u034f\u3164\u2800\u180e"
BIDI = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c"
MARKS = "\u0336\u0300\u20dd\u20e3\ufe0f"


def quotes(text: str, field: str = "points") -> list[str]:
    return [each.quote for each in check({field: text}, BOOK).findings]


@pytest.mark.parametrize(
    ("text", "quote"),
    [
        ("甄选最 佳面料", "最 佳"),
        ("最　佳", "最　佳"),
        ("最*佳", "最*佳"),
        ("最🔥佳", "最🔥佳"),
        ("最👨‍👩‍👧佳", "最👨‍👩‍👧佳"),
        ("最—佳", "最—佳"),
        ("最·佳", "最·佳"),
        ("最，佳", "最，佳"),
        ("最\n佳", "最\n佳"),
        ("最丶佳", "最丶佳"),
        ("最ー佳", "最ー佳"),
        ("最\u0336佳\u0336", "最\u0336佳"),
        ("最⃝佳", "最⃝佳"),
        ("国 家 级", "国 家 级"),
        ("國家級工藝", "國家級"),
        ("頂級", "頂級"),
        ("絕對正品", "絕對"),
        ("無敵", "無敵"),
        ("獨一無二", "獨一無二"),
        ("蕞佳", "蕞佳"),
        ("囯家级", "囯家级"),
        ("第①", "第①"),
        ("第1", "第1"),
        ("第１", "第１"),
        ("第壹", "第壹"),
        ("第Ⅰ", "第Ⅰ"),
        ("第1️⃣", "第1"),
        ("第㊀", "第㊀"),
        ("NO.1", "NO.1"),
        ("no1", "no1"),
        ("N0.1", "N0.1"),
        ("Νo.1", "Νo.1"),
        ("Nо.1", "Nо.1"),
        ("ＮＯ．１", "ＮＯ．１"),
        ("Ⓝⓞ①", "Ⓝⓞ①"),
        ("🅽🅾❶", "🅽🅾❶"),
        ("🅝🅞➊", "🅝🅞➊"),
        ("𝐍𝐎.𝟏", "𝐍𝐎.𝟏"),
        ("№1", "№1"),
        ("N O . 1", "N O . 1"),
        ("TОP1", "TОP1"),
        ("T0P l", "T0P l"),
        ("ＴＯＰ①", "ＴＯＰ①"),
        ("１００％有效", "１００％有效"),
        ("100 % 有效", "100 % 有效"),
        ("zui佳", "zui佳"),
        ("销量🥇", "销量🥇"),
        ("最🇨🇳佳", "最🇨🇳佳"),
        ("顶ji", "顶ji"),
    ],
)
def test_a_dressed_up_word_is_found_where_it_stands(text: str, quote: str) -> None:
    """Spaces, marks, emoji, strokes, other scripts, circled and squared letters do not hide a word."""
    assert quote in quotes(text)
    assert check({"points": text}, BOOK).verdict is Verdict.BLOCK


def test_squared_secret_and_the_like_read_as_their_characters() -> None:
    """㊙ reads 秘, ㊎ reads 金; each keeps its one-character span."""
    read = normalise("㊙㊎Ⓐ❷½")
    assert read.skeleton.startswith("秘金a2")
    assert read.starts[:4] == (0, 1, 2, 3)
    assert {(s, e) for s, e in zip(read.starts[4:], read.ends[4:], strict=True)} == {(4, 5)}


@pytest.mark.parametrize(
    "text",
    [
        "NO.10", "NO.12号色", "TOP15", "PIANO1", "1100%有效", "ANNO1800", "最           近", "desktop1",
        "第10名顾客", "第十一", "第12届",
    ],
)  # fmt: skip
def test_a_part_of_a_longer_number_or_latin_word_is_none(text: str) -> None:
    """NO.10 holds no NO.1."""
    assert not {"NO.1", "TOP1", "第一", "100%有效"} & {f.word for f in check({"points": text}, BOOK).findings}


@pytest.mark.parametrize("char", [*INVISIBLE, *BIDI])
def test_invisible_characters_are_findings_themselves(char: str) -> None:
    """They must not become pixels, so even harmless copy with one in it has to be typed again."""
    report = check({"headline": f"好物{char}{char}推荐"}, BOOK)
    assert [(f.start, f.end, f.verdict) for f in report.findings] == [(2, 4, Verdict.BLOCK)]
    expected = "文字方向控制符" if char in BIDI else "不可见字符"
    assert report.findings[0].word == expected


def test_reversed_text_does_not_slip_through() -> None:
    """佳最 behind a right-to-left override is read 最佳; the override itself blocks."""
    assert check({"headline": "\u202e佳最\u202c"}, BOOK).verdict is Verdict.BLOCK


@pytest.mark.parametrize("text", ["👨‍👩‍👧 亲子装", "❤️ 推荐", "👍🏽 好用", "café 风", "2️⃣件装", "🏳️‍🌈"])
def test_emoji_and_accents_are_no_hidden_characters(text: str) -> None:
    """Joiners and selectors inside an emoji belong to it."""
    assert quotes(text) == []


@pytest.mark.parametrize("char", ["\ud800", "\ue000", "\uffff", "\x00", "\x1b", "\x0b", "\u2028"])
def test_what_no_font_can_draw_is_told(char: str) -> None:
    """Lone surrogates, private characters, control codes: a finding, no crash."""
    (finding,) = check({"cta": f"买{char}"}, BOOK).findings
    assert (finding.quote, finding.verdict) == (char, Verdict.BLOCK)


@pytest.mark.parametrize(("field", "limit"), [*LIMITS.items(), ("other", LONGEST)])
def test_a_text_that_is_too_long_is_told_by_how_much(field: str, limit: int) -> None:
    """At the limit it passes; one more and the finding marks exactly what is too much."""
    assert check({field: "好" * limit}, BOOK).passed
    (finding,) = check({field: "好" * (limit + 1)}, BOOK).findings
    assert (finding.start, finding.end) == (limit, limit + 1)
    assert str(limit) in finding.suggestion


def test_a_word_behind_the_limit_is_still_found() -> None:
    """A text that is too long is read to its end."""
    assert "最佳" in quotes("好" * 50_000 + "最佳" + "好" * 50_000)


def _lines_run(action: Callable[[], Any]) -> int:
    """How many lines of Python an action executes: work, not time."""
    count = 0

    def trace(_frame: FrameType, event: str, _arg: Any) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        action()
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize(
    "part",
    [
        "好物推荐",
        "最佳",
        "最",
        "国家级，",
        "最 ",
        "最***",
        "第一次",
        "1",
        "\u200b",
        "本店最",
        "🔥",
        "\n",
        "全国",
    ],
)
def test_work_grows_with_the_length_and_not_faster(part: str) -> None:
    """Four times the text is about four times the work, whatever it is made of."""
    check({"points": part * 10}, BOOK)  # fills caches
    short = _lines_run(lambda: check({"points": part * 250}, BOOK, names=("最生活",)))
    long = _lines_run(lambda: check({"points": part * 1000}, BOOK, names=("最生活",)))
    assert long < short * 4.4


def test_the_automaton_finds_all_occurrences() -> None:
    """Keys inside and over one another are all found, as a search word by word does."""
    keys = ["aab", "ab", "b", "baa", "aa"]
    text = "aabaabbaaab"
    expected = {
        (start, start + len(key), key)
        for key in keys
        for start in range(len(text))
        if text.startswith(key, start)
    }
    found = list(Automaton([*keys, "", "b"]).find(text))
    assert set(found) == expected
    assert len(found) == len(expected)


@given(st.lists(st.text("abc", max_size=4), max_size=8), st.text("abc", max_size=40))
def test_the_automaton_agrees_with_a_plain_search(keys: list[str], text: str) -> None:
    """Against the simplest algorithm there is."""
    expected = {
        (start, start + len(key), key)
        for key in keys
        if key
        for start in range(len(text))
        if text.startswith(key, start)
    }
    assert set(Automaton(keys).find(text)) == expected


ANY_TEXT = st.text(st.characters(), max_size=60)  # lone surrogates included
SEEDS = [
    "最佳",
    "国家级",
    "全国第一",
    "NO.1",
    "100%有效",
    "顶级",
    "全网最低",
    "最终解释权归",
    "7天美白",
    "治愈",
]


@given(st.sampled_from(SEEDS), st.data())
def test_nothing_inserted_turns_a_block_into_a_pass(word: str, data: st.DataObject) -> None:
    """Zero-width characters, direction controls, combining marks: found, at a span that holds the word."""
    filler = st.text(INVISIBLE + BIDI + MARKS, max_size=3)
    parts = [char + data.draw(filler) for char in word]
    text = data.draw(filler) + "".join(parts)
    report = check({"headline": text}, BOOK)
    assert report.verdict is Verdict.BLOCK
    law = [each for each in report.findings if each.category != "文字规范"]
    assert law
    assert [c for c in law[0].quote if c in word] == list(word)


@given(
    st.sampled_from([seed for seed in SEEDS if seed != "7天美白"]),
    st.sampled_from(list(" *·-_~🔥|/#+♥")),
    st.data(),
)
def test_separators_do_not_hide_a_word(word: str, separator: str, data: st.DataObject) -> None:
    """Any of the usual separators, any number of them up to three, between any two characters."""
    counts = data.draw(st.lists(st.integers(0, 3), min_size=len(word), max_size=len(word)))
    text = "".join(char + separator * count for char, count in zip(word, counts, strict=True))
    assert check({"headline": text}, BOOK).verdict is Verdict.BLOCK


@settings(max_examples=200)
@given(ANY_TEXT, ANY_TEXT, st.lists(st.text(max_size=5), max_size=3))
def test_the_check_is_total(text: str, evidence: str, names: list[str]) -> None:
    """Any text gets a report whose places are right."""
    report = check({"headline": text}, BOOK, evidence=evidence, names=names)
    sources = {"headline": text, "evidence": evidence}
    for each in (*report.findings, *report.exemptions):
        assert sources[each.field][each.start : each.end] == each.quote
        assert 0 <= each.start < each.end
    for each in report.findings:
        line = sources[each.field].split("\n")[each.line - 1]
        assert line[each.column - 1] == each.quote[0] or each.quote[0] == "\n"


@given(ANY_TEXT)
def test_normalising_again_changes_nothing(text: str) -> None:
    """Both readings are fixed points, and each character knows an original that produces it."""
    read = normalise(text)
    assert normalise(read.plain).plain == read.plain
    assert normalise(read.skeleton).skeleton == read.skeleton
    assert len(read.plain) == len(read.starts) == len(read.ends)
    assert len(read.skeleton) == len(read.at)
    assert all(s < e <= len(text) for s, e in zip(read.starts, read.ends, strict=True))
    assert list(read.starts) == sorted(read.starts)


@given(ANY_TEXT, st.sampled_from(SEEDS[:6]))
def test_a_forbidden_word_on_its_own_line_is_found_in_any_company(text: str, word: str) -> None:
    """Whatever stands in the line before cannot make it pass."""
    report = check({"points": f"{text}。\n{word}"}, BOOK)
    assert report.verdict is Verdict.BLOCK


def test_composed_and_decomposed_forms_read_alike() -> None:
    """Unicode's forms of one text say the same."""
    text = "ｶﾞ É ㎏ ﬁ Å"
    forms = [unicodedata.normalize(form, text) for form in ("NFC", "NFD", "NFKC", "NFKD")]
    assert len({normalise(each).skeleton for each in forms}) == 1
