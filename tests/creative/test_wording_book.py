"""The book itself: its data, its version, what people add to it, and the sentences it speaks."""

from collections import Counter
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bitable_sync.cells import EMPTY, CellValue, Unreadable
from creative.wording import book as data
from creative.wording.book import builtin_book, category_names
from creative.wording.check import check
from creative.wording.contexts import CONTEXTS
from creative.wording.explain import LIMIT, explain, sentence
from creative.wording.model import Finding, Origin, Pack, Report, Verdict, Word
from creative.wording.normalise import normalise
from creative.wording.rows import VERDICTS, WORDS_TABLE, parse_rows

BOOK = builtin_book()
PACKS = [(), *((pack,) for pack in Pack), tuple(Pack)]


def row(
    word: str, verdict: str = "禁用", *, enabled: bool = True, **cells: CellValue
) -> dict[str, CellValue]:
    return {"word": word, "verdict": verdict, "enabled": enabled, **cells}


@pytest.mark.parametrize("packs", PACKS)
def test_every_word_of_the_book_is_complete(packs: tuple[Pack, ...]) -> None:
    """Each has a key, a clause, advice, and contexts that exist; single characters are deliberate."""
    for word in builtin_book(packs).words:
        assert word.key == normalise(word.text).skeleton
        assert word.clause
        assert word.suggestion
        assert set(word.contexts) <= set(CONTEXTS)
        assert len(word.key) > 1 or word.text == "最"


@pytest.mark.parametrize("packs", PACKS[:-1])
def test_no_word_stands_twice(packs: tuple[Pack, ...]) -> None:
    """A row written twice would hide the other; only a pack may replace a common word."""
    chosen = packs[0] if packs else ""
    rows = [each for each in data._rows("words") if each["pack"] == chosen]
    keys = Counter((word.key, word.channels) for each in rows for word in data._words(each))
    assert [key for key, count in keys.items() if count > 1] == []


def test_every_common_word_is_found_by_the_check() -> None:
    """No word is shadowed: each of them, written alone, is told (最多 alone is a mere quantity)."""
    for word in BOOK.words:
        if word.channels or word.verdict is Verdict.PASS:
            continue
        text = f"{'7' if word.digits_before else ''}{word.text}{'8' if word.digits_after else ''}"
        report = check({"points": text}, BOOK)
        assert word.text in {each.word for each in (*report.findings, *report.exemptions)}
        assert "order" in word.contexts or not report.passed, word.text


def test_every_harmless_word_is_harmless() -> None:
    """Each of them, written alone, passes."""
    for word in BOOK.words:
        if word.verdict is Verdict.PASS:
            assert check({"points": word.text}, BOOK).passed, word.text


def test_every_rule_about_contexts_is_used() -> None:
    """A rule nobody names is dead."""
    used = {key for packs in PACKS for word in builtin_book(packs).words for key in word.contexts}
    assert used == set(CONTEXTS)


def test_the_version_tells_books_apart() -> None:
    """Same words, same version, in any order; another word, another version."""
    assert builtin_book().version == BOOK.version
    assert replace(BOOK, words=tuple(reversed(BOOK.words))).version == BOOK.version
    versions = {builtin_book(packs).version for packs in PACKS}
    assert len(versions) == len(PACKS)
    changed = BOOK.with_words([replace(BOOK.words[0], suggestion="换个说法")])
    assert changed.version != BOOK.version


def test_people_add_words() -> None:
    """A good row blocks or asks for proof with its own clause and advice."""
    book, problems = parse_rows(
        [
            row("全屋神器", category="绝对化用语", suggestion="多用途"),
            row("爆款王", "需证明", clause="公司规定 3 号"),
        ]
    )
    assert problems == {}
    report = check({"headline": "全屋神器 爆款王"}, book)
    first, second = report.findings
    assert (first.quote, first.verdict, first.clause) == ("全屋神器", Verdict.BLOCK, "《广告法》第九条第三项")
    assert first.suggestion == "可改为“多用途”"
    assert (second.verdict, second.clause) == (Verdict.EVIDENCE, "公司规定 3 号")
    assert report.version == book.version != BOOK.version


def test_an_added_word_is_found_in_disguise_too() -> None:
    """People write the plain word; the tricks are the check's business."""
    book, _ = parse_rows([row("全屋神器")])
    assert not check({"headline": "全＊屋 神🔥器"}, book).passed


def test_people_switch_a_built_in_word_off_with_a_reason() -> None:
    """The reason stands in the log of each picture; without one the word stays."""
    book, problems = parse_rows([row("顶级", "放行", suggestion="法务 2026-11-02 同意：系列名")])
    assert problems == {}
    report = check({"headline": "顶级系列"}, book)
    assert report.passed
    assert ["法务 2026-11-02 同意" in each.reason for each in report.exemptions] == [True]
    silent, problems = parse_rows([row("顶级", "放行")])
    assert "理由" in problems[0][0]
    assert not check({"headline": "顶级系列"}, silent).passed


def test_people_let_a_longer_text_pass() -> None:
    """A name of one's own that holds a built-in word is harmless from then on, and only there."""
    book, problems = parse_rows([row("最佳拍档系列", "放行", suggestion="产品线名称")])
    assert problems == {}
    assert check({"headline": "最佳拍档系列"}, book).passed
    assert not check({"headline": "最佳拍档系列，最佳选择"}, book).passed


def test_a_phrase_excuses_in_the_same_sentence_only() -> None:
    """例外语境 reaches to the end of the sentence."""
    book, problems = parse_rows([row("神器", contexts="游戏、剧本")])
    assert problems == {}
    assert check({"headline": "遊戲里的神器"}, book).passed
    assert not check({"headline": "厨房神器。游戏里也有"}, book).passed


def test_a_row_that_is_off_does_nothing() -> None:
    """It is still looked at, so that its problem is known before it is switched on."""
    book, problems = parse_rows([row("全屋神器", enabled=False), row("", enabled=False)])
    assert book.version == BOOK.version
    assert set(problems) == {1}


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        (row(""), "还没有填"),
        (row("好"), "只有一个字"),
        (row("***"), "没有文字"),
        (row("长" * 31), "31 字"),
        (row("神器", ""), "请在“判定”选一个"),
        (row("神器", "也许"), "请在“判定”选一个"),
        (row("顶级", "需证明"), "理由"),
        (row("神器", contexts="器"), "永远放行"),
        (row("神器", contexts="、".join(f"语境{n}" for n in range(30))), "最多 20 个"),
        ({"word": Unreadable("不是文本"), "verdict": "禁用", "enabled": True}, "“词”读不出来：不是文本"),
        ({"word": EMPTY, "verdict": EMPTY}, "还没有填"),
        ({}, "还没有填"),
    ],
)
def test_a_wrong_row_is_told_what_to_do(cells: dict[str, CellValue], says: str) -> None:
    """It changes nothing, and the others hold."""
    book, problems = parse_rows([cells, row("全屋神器")])
    assert set(problems) == {0}
    assert says in "".join(problems[0])
    assert "全屋神器" in {word.text for word in book.words}


def test_a_word_written_twice_is_told() -> None:
    """The first row holds; the second learns why it does not, also when only dressed differently."""
    book, problems = parse_rows([row("神器"), row("神 器", "需证明")])
    assert set(problems) == {1}
    assert book.by_key["神器"][0].verdict is Verdict.BLOCK


def test_added_words_say_who_added_them() -> None:
    """So that an audit tells the company's words from ours."""
    book, _ = parse_rows([row("神器")])
    assert [word.text for word in book.words if word.origin is Origin.PEOPLE] == ["神器"]


CELLS = st.one_of(st.text(max_size=12), st.sampled_from([*VERDICTS, *category_names()]), st.booleans(),
                  st.just(EMPTY), st.decimals(allow_nan=False).map(Decimal))  # fmt: skip


@settings(max_examples=40)
@given(st.lists(st.dictionaries(st.sampled_from([f.key for f in WORDS_TABLE.fields]), CELLS), max_size=4))
def test_any_row_is_taken_or_told(rows: list[dict[str, CellValue]]) -> None:
    """Nothing raises, and what is enabled is either in force or has a problem."""
    book, problems = parse_rows(rows)
    added = {word.key for word in book.words if word.origin is Origin.PEOPLE}
    for index, cells in enumerate(rows):
        if cells.get("enabled") is True and index not in problems:
            assert normalise(str(cells["word"])).skeleton in added
    assert all(sentences and all(sentences) for sentences in problems.values())


def test_a_finding_is_told_with_place_clause_and_replacement() -> None:
    """The sentence of the specification."""
    report = check({"headline": "本季最佳面料"}, BOOK)
    assert explain(report) == (
        "主标题第 3–4 字“最佳”：绝对化用语（《广告法》第九条第三项），可改为“优选”或“甄选”"
    )


def test_the_worst_comes_first_and_lines_are_named() -> None:
    """What must be changed stands before what must be proven."""
    report = check({"headline": "行业首创", "points": "好用\n全国第一"}, BOOK)
    first, second = explain(report).split("\n")
    assert first.startswith("卖点第 2 行第 1–4 字“全国第一”")
    assert second.startswith("主标题第 1–4 字“行业首创”")
    assert "引证来源还缺：出具机构的全名" in second


def test_hidden_characters_are_not_put_into_the_explanation() -> None:
    """An override inside a quote would turn the card's own text around."""
    report = check({"headline": "最\u202e佳\n\ud800"}, BOOK)
    told = explain(report)
    assert "“最佳”" in told
    assert "文字方向控制符" in told
    assert told.encode()
    assert "\u202e" not in told


def test_a_report_that_passed_says_so() -> None:
    """And that the proof becomes a footnote."""
    assert explain(check({"headline": "好用"}, BOOK)) == "文案检查通过"
    proven = check({"headline": "行业首创"}, BOOK, evidence="艾瑞咨询，2025年")
    assert explain(proven) == "文案检查通过；引证来源会作为脚注写在图上"


@pytest.mark.parametrize("limit", [40, 60, 100, 200, LIMIT])
def test_an_explanation_is_never_too_long(limit: int) -> None:
    """Whole sentences as long as they fit, and the number of those that do not."""
    report = check({"points": "，".join(["最佳", "国家级", "全国第一", "首创", "治愈", "顶级"] * 20)}, BOOK)
    told = explain(report, limit=limit)
    assert 0 < len(told) <= limit
    assert "另有" in told


@given(st.text(max_size=80), st.integers(40, 120))
def test_any_report_is_explained_within_the_limit(text: str, limit: int) -> None:
    """Whatever the texts, the cell takes it."""
    assert 0 < len(explain(check({"headline": text}, BOOK, evidence=text[:9]), limit=limit)) <= limit


def test_a_limit_too_small_for_a_sentence_is_refused() -> None:
    """The caller learns the least."""
    with pytest.raises(ValueError, match="at least 40"):
        explain(check({}, BOOK), limit=39)


def test_a_missing_statement_has_no_place() -> None:
    """Nothing is quoted where nothing stands."""
    (finding,) = check({"headline": "每天一粒"}, builtin_book((Pack.HEALTH,))).findings
    assert isinstance(finding, Finding)
    assert sentence(finding).startswith("脚注缺少“本品不能代替药物”")


def test_types_are_frozen() -> None:
    """Reports are evidence; nobody edits them."""
    report = check({}, BOOK)
    assert isinstance(report, Report)
    with pytest.raises(AttributeError):
        report.verdict = Verdict.BLOCK  # type: ignore[misc]
    assert isinstance(BOOK.words[0], Word)
