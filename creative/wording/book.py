"""The book of words: what ships with the product, and how it is put together.

Two files in ``creative/wording/data``: ``categories.csv`` (clause, suggestion and contexts a category has in
common) and ``words.csv`` (the words; a row may hold several, joined by ``|``, and what it fills in goes
before the category's; ``#`` stands for a number, ``-`` for no contexts). Words were chosen by us from the
statutes named in each category; state of the law 2026-11.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache, cached_property
from importlib import resources

from creative.wording.automaton import Automaton
from creative.wording.contexts import CONTEXTS
from creative.wording.model import Origin, Pack, Proof, Verdict, Word
from creative.wording.normalise import normalise

_READER = 1
"""To be raised when normalise, hits, proof or check judge the same words differently than before."""

NAME_CLAUSE = "《广告绝对化用语执法指南》第六条第四项：作为商品名称、规格型号、商标使用"


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence that has to stand in every picture of an industry, with its basis."""

    text: str
    clause: str


_STATEMENTS: Mapping[Pack, Statement] = {
    Pack.HEALTH: Statement("本品不能代替药物", "《广告法》第十八条第二款"),
}


@dataclass(frozen=True)
class WordBook:
    """The words in force.

    Args:
        words: each key once for the same channels.
        packs: the industries they were chosen for.
    """

    words: tuple[Word, ...]
    packs: tuple[Pack, ...] = ()

    @cached_property
    def by_key(self) -> Mapping[str, tuple[Word, ...]]:
        """Skeleton → the word for all channels and those of single channels, the worst first."""
        found: dict[str, list[Word]] = {}
        for word in sorted(self.words, key=lambda each: -each.verdict.rank):
            found.setdefault(word.key, []).append(word)
        return {key: tuple(words) for key, words in found.items()}

    @cached_property
    def automaton(self) -> Automaton:
        """Finds the keys."""
        return Automaton(self.by_key)

    @cached_property
    def statements(self) -> tuple[Statement, ...]:
        """What has to be printed."""
        return tuple(_STATEMENTS[pack] for pack in self.packs if pack in _STATEMENTS)

    @cached_property
    def version(self) -> str:
        """Same version, same judgement: 12 hex digits of SHA-256 over the words and rules."""
        body = {
            "reader": _READER,
            "words": sorted(
                (asdict(word) for word in self.words), key=lambda each: (each["key"], each["channels"])
            ),
            "contexts": [asdict(rule) for rule in CONTEXTS.values()],
            "statements": [asdict(each) for each in self.statements],
        }
        return hashlib.sha256(json.dumps(body, ensure_ascii=False, sort_keys=True).encode()).hexdigest()[:12]

    def with_words(self, words: Iterable[Word]) -> WordBook:
        """The book with words added; a new one takes the place of an older one for the same channels."""
        every = {(word.key, word.channels): word for word in (*self.words, *words)}
        return WordBook(tuple(every.values()), self.packs)


@cache
def builtin_book(packs: tuple[Pack, ...] = ()) -> WordBook:
    """The built-in words.

    Args:
        packs: industries of the goods; without one the words for ordinary goods, which always hold unless a
            pack says otherwise (治疗 is forbidden, but a medical device may say it with its approval).

    Returns:
        The book; the same object for the same packs.
    """
    chosen = {"", *packs}
    rows = [row for row in _rows("words") if row["pack"] in chosen]
    rows.sort(key=lambda row: row["pack"] != "")  # a pack's word takes the place of the common one
    book = WordBook((), packs)
    return book.with_words(word for row in rows for word in _words(row))


def category_defaults(name: str) -> Mapping[str, str] | None:
    """The row of ``categories.csv`` with this Chinese name, or None."""
    return next((row for row in _rows("categories") if row["name"] == name), None)


def category_names() -> tuple[str, ...]:
    """Chinese names of the categories, for the options of a table column."""
    return tuple(row["name"] for row in _rows("categories"))


@cache
def _rows(file: str) -> tuple[dict[str, str], ...]:
    text = resources.files("creative.wording").joinpath("data", f"{file}.csv").read_text("utf-8")
    return tuple(csv.DictReader(text.splitlines()))


def _listed(cell: str) -> tuple[str, ...]:
    return tuple(part for part in cell.split("|") if part)


def _words(row: Mapping[str, str]) -> Iterator[Word]:
    category = next(each for each in _rows("categories") if each["category"] == row["category"])
    contexts = row["contexts"] or category["contexts"]
    flags = _listed(row["flags"])
    for text in _listed(row["words"]):
        shown = text.strip("#")
        yield Word(
            shown,
            normalise(shown).skeleton,
            Verdict(row["verdict"]),
            category["name"],
            row["clause"] or category["clause"],
            row["suggestion"] or category["suggestion"],
            () if contexts == "-" else _listed(contexts),
            proof=Proof(row["proof"] or category["proof"] or "source"),
            channels=_listed(row["channels"]),
            tight="tight" in flags,
            extend="extend" in flags,
            digits_before=text.startswith("#"),
            digits_after=text.endswith("#"),
            origin=Origin.BUILTIN,
        )
