"""Rows of the table 文案词库 → a book: people add words, let words pass, or switch a built-in word off.

A row that is wrong changes nothing and is told why in a sentence; the others hold. The built-in words stand
in no table: an update of Chorus brings new ones without touching what people wrote.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bitable_sync.cells import EMPTY, CellValue, Unreadable
from bitable_sync.spec import FieldSpec, Kind, TableSpec
from creative.wording.book import WordBook, builtin_book, category_defaults, category_names
from creative.wording.model import Origin, Proof, Verdict, Word
from creative.wording.normalise import normalise

WORDS = "art_words"

VERDICTS: Mapping[str, Verdict] = {"禁用": Verdict.BLOCK, "需证明": Verdict.EVIDENCE, "放行": Verdict.PASS}
"""What people pick in 判定."""

LONGEST_WORD = 30
"""Most characters of a word; a sentence is no word."""

MOST_PHRASES = 20
"""Most phrases in 例外语境."""

_OWN_CATEGORY = "自定义"
_SEPARATORS = "、，,;；|\n"

WORDS_TABLE = TableSpec(
    WORDS,
    "文案词库",
    (
        FieldSpec("word", "词", Kind.TEXT, description="要禁用、要证明或要放行的词；2 到 30 个字"),
        FieldSpec(
            "verdict", "判定", Kind.SELECT, options=tuple(VERDICTS), description="放行内置词时请写理由"
        ),
        FieldSpec("category", "类别", Kind.SELECT, options=(*category_names(), _OWN_CATEGORY)),
        FieldSpec("clause", "法条", Kind.TEXT, description="留空时用类别的法条"),
        FieldSpec("suggestion", "建议", Kind.TEXT, description="可以改成什么；判定为放行时写放行的理由"),
        FieldSpec("contexts", "例外语境", Kind.TEXT, description="同一句里出现这些词就放行；多个用顿号隔开"),
        FieldSpec("enabled", "启用", Kind.CHECKBOX),
        FieldSpec("check_result", "校验结果", Kind.TEXT, description="由 Chorus 填写：哪里不对，或已启用"),
    ),
    ("word",),
)
"""The table people extend the book in."""

_NAMES = {field.key: field.name for field in WORDS_TABLE.fields}


def parse_rows(
    rows: Sequence[Mapping[str, CellValue]], base: WordBook | None = None
) -> tuple[WordBook, Mapping[int, tuple[str, ...]]]:
    """Put the rows of 文案词库 on top of a book.

    Args:
        rows: cells by field key of `WORDS_TABLE`, as `bitable_sync` reads them. Rows without 启用 are checked
            but do not hold.
        base: the book to extend; the built-in one for ordinary goods if None.

    Returns:
        The book with all good rows, and index of a row → what is wrong with it (never an empty tuple).
        Nothing raises on account of a row.
    """
    book = base or builtin_book()
    words: dict[str, Word] = {}
    problems: dict[int, tuple[str, ...]] = {}
    for index, cells in enumerate(rows):
        result = _parse(cells, book)
        if isinstance(result, Word) and cells.get("enabled") is True:
            if result.key in words:
                result = (f"“{result.text}”前面已经有一行，请合并成一行或停用其中一行",)
            else:
                words[result.key] = result
        if not isinstance(result, Word):
            problems[index] = result
    return book.with_words(words.values()), problems


def _parse(cells: Mapping[str, CellValue], book: WordBook) -> Word | tuple[str, ...]:
    unread = tuple(
        f"“{_NAMES[key]}”读不出来：{cell.reason}"
        for key, cell in cells.items()
        if isinstance(cell, Unreadable) and key in _NAMES
    )
    if unread:
        return unread
    text, said = _plain(cells.get("word")), _plain(cells.get("suggestion"))
    key = normalise(text).skeleton
    builtin = next((word for word in book.by_key.get(key, ()) if not word.channels), None)
    verdict = VERDICTS.get(_plain(cells.get("verdict")))
    phrases = _phrases(_plain(cells.get("contexts")))
    problems = [
        *_word_problems(text, key, builtin),
        *_verdict_problems(verdict, builtin, said),
        *_phrase_problems(phrases, key),
    ]
    if problems or verdict is None:
        return tuple(problems)
    category = _plain(cells.get("category")) or (builtin.category if builtin else _OWN_CATEGORY)
    return _word(text, key, verdict, category, _plain(cells.get("clause")), said, phrases, builtin)


def _word_problems(text: str, key: str, builtin: Word | None) -> list[str]:
    if not text:
        return ["还没有填“词”，请写一个词"]
    if not key:
        return [f"“{text}”里没有文字，请写一个词"]
    if len(key) < 2 and builtin is None:
        return [f"“{text}”只有一个字，会误伤很多文案，请写完整的词"]
    if len(text) > LONGEST_WORD:
        return [f"“词”有 {len(text)} 字，请只写词本身，最多 {LONGEST_WORD} 字"]
    return []


def _verdict_problems(verdict: Verdict | None, builtin: Word | None, said: str) -> list[str]:
    if verdict is None:
        return [f"请在“判定”选一个：{'、'.join(VERDICTS)}"]
    milder = builtin is not None and verdict.rank < builtin.verdict.rank
    if builtin is not None and milder and not said:
        return [f"“{builtin.text}”是内置词（{builtin.clause}），放宽它要在“建议”写明理由，理由会留在记录里"]
    return []


def _phrase_problems(phrases: Sequence[str], key: str) -> list[str]:
    if len(phrases) > MOST_PHRASES:
        return [f"“例外语境”有 {len(phrases)} 个，最多 {MOST_PHRASES} 个，请分别判断"]
    return [
        f"例外语境“{phrase}”会让这个词永远放行，请写更长的词语"
        for phrase in phrases
        if normalise(phrase).skeleton in key
    ]


def _word(
    text: str,
    key: str,
    verdict: Verdict,
    category: str,
    clause: str,
    said: str,
    phrases: tuple[str, ...],
    builtin: Word | None,
) -> Word:
    defaults = category_defaults(category) or {}
    basis = clause or (builtin.clause if builtin else defaults.get("clause", "本公司规定（自定义词库）"))
    if verdict is Verdict.PASS:
        suggestion = f"自定义词库放行：{said}" if said else "自定义词库放行"
    else:
        suggestion = _suggested(said) or (
            builtin.suggestion if builtin else defaults.get("suggestion", "换一个说法")
        )
    proof = builtin.proof if builtin else Proof(defaults.get("proof", "") or "source")
    contexts = builtin.contexts if builtin and verdict is not Verdict.PASS else ()
    return Word(
        text, key, verdict, category, basis, suggestion, contexts, phrases, proof,
        tight=builtin.tight if builtin else False,
        extend=builtin.extend if builtin else False,
        digits_before=builtin.digits_before if builtin else False,
        digits_after=builtin.digits_after if builtin else False,
        origin=Origin.PEOPLE,
    )  # fmt: skip


def _suggested(said: str) -> str:
    """People write only the better word (优选); a longer text is a sentence already."""
    return (
        f"可改为“{said}”"
        if said and len(said) <= 10 and not said.startswith(("可", "请", "改", "删"))
        else said
    )


def _phrases(cell: str) -> tuple[str, ...]:
    for separator in _SEPARATORS:
        cell = cell.replace(separator, "\n")
    return tuple(dict.fromkeys(part.strip() for part in cell.split("\n") if normalise(part).skeleton))


def _plain(cell: CellValue | None) -> str:
    return "" if cell is None or cell is EMPTY else str(cell).strip()
