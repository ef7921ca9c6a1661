"""The words of the wording check: verdicts, words of the book, findings, reports. Types only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Verdict(StrEnum):
    """What is done about a text. ``rank`` orders them."""

    PASS = "pass"  # noqa: S105  (no password)
    """Nothing to do."""
    EVIDENCE = "evidence"
    """Allowed only with a proof that stands next to it in the picture."""
    BLOCK = "block"
    """Has to be changed."""

    @property
    def rank(self) -> int:
        """0 for ``pass`` to 2 for ``block``."""
        return list(Verdict).index(self)


class Proof(StrEnum):
    """What an evidence text has to name so that a claim may stand."""

    SOURCE = "source"
    """An institution and a date or period (广告法 art. 11)."""
    WINDOW = "window"
    """The beginning and the end of an offer."""
    PRICE = "price"
    """A date and an amount at which the thing was really sold."""
    NUMBER = "number"
    """The number of a patent, registration, approval or certificate."""
    STANDARD = "standard"
    """A national, industry or local standard (GB/T 1535)."""


class Pack(StrEnum):
    """An industry with words of its own. Without any, the rules for ordinary goods hold."""

    COSMETICS = "cosmetics"
    FOOD = "food"
    HEALTH = "health"
    EDUCATION = "education"
    FINANCE = "finance"
    PROPERTY = "property"
    MEDICAL = "medical"


PACKS: Final = {
    "化妆品": Pack.COSMETICS, "食品": Pack.FOOD, "保健食品": Pack.HEALTH, "教育": Pack.EDUCATION,
    "金融": Pack.FINANCE, "房产": Pack.PROPERTY, "医疗": Pack.MEDICAL,
}  # fmt: skip
"""Industries as people choose them."""


class Origin(StrEnum):
    """Who put a word into the book."""

    BUILTIN = "builtin"
    PEOPLE = "people"
    NAME = "name"
    """A brand or model name the caller allowed for this text."""


@dataclass(frozen=True, slots=True)
class Word:
    """One word of the book.

    Args:
        text: as people read it (``最佳``, ``NO.1``).
        key: its skeleton (see `normalise.normalise`); what is searched for.
        verdict: what a hit means when no context says otherwise. ``PASS`` makes the words inside it harmless
            (``最佳赏味期`` protects ``最佳``).
        category: Chinese, what people read (``绝对化用语``).
        clause: the basis in Chinese; for ``PASS`` why it is harmless.
        suggestion: Chinese, what to write instead.
        contexts: keys of `contexts.CONTEXTS` that may make a hit milder.
        phrases: texts that make a hit pass when they stand in the same sentence (written by people).
        proof: what evidence has to name.
        channels: only texts for these channels are looked at; empty means all.
        tight: a gap in the middle counts as the end of one word and the start of another when both sides go
            on (``舒适之极 品质保证`` is no ``极品``).
        extend: the quote takes the next one or two characters with it (``最`` → ``最舒服``).
        digits_before, digits_after: the word only counts next to a number (``7天美白``).
        origin: who added it.
    """

    text: str
    key: str
    verdict: Verdict
    category: str
    clause: str
    suggestion: str
    contexts: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()
    proof: Proof = Proof.SOURCE
    channels: tuple[str, ...] = ()
    tight: bool = False
    extend: bool = False
    digits_before: bool = False
    digits_after: bool = False
    origin: Origin = Origin.BUILTIN


@dataclass(frozen=True, slots=True)
class Finding:
    """One place that has to be changed or proven.

    Args:
        field: key of the text it stands in (``headline``).
        start, end: half-open range in the original text, in Python characters (code points).
        line, column: the same start for people, both from 1.
        quote: exactly ``text[start:end]``.
        word: the word of the book, or a name for what was found (``不可见字符``).
        category, clause, suggestion: Chinese, for people.
        verdict: ``BLOCK`` or ``EVIDENCE``.
        satisfied: an ``EVIDENCE`` finding whose proof is there; it no longer counts in the report's verdict.
        missing: Chinese, what the evidence does not name yet.
    """

    field: str
    start: int
    end: int
    line: int
    column: int
    quote: str
    word: str
    category: str
    verdict: Verdict
    clause: str
    suggestion: str
    satisfied: bool = False
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Exemption:
    """A suspicious place that passes, and why; kept so that an auditor can follow it.

    Args:
        field, start, end, quote: as in `Finding`.
        word: the suspicious word of the book.
        reason: Chinese, why it is harmless here.
        clause: Chinese, what allows it.
    """

    field: str
    start: int
    end: int
    quote: str
    word: str
    reason: str
    clause: str


@dataclass(frozen=True, slots=True)
class Report:
    """What the check found in the texts of one picture.

    Args:
        verdict: the worst of all findings that are not satisfied.
        findings: in the order of fields and positions.
        exemptions: in the same order.
        footnote: the text that has to stand in the picture beside the claims, ``""`` if there is none or it
            stands in a text already.
        version: version of book and rules, for the provenance row.
    """

    verdict: Verdict
    findings: tuple[Finding, ...]
    exemptions: tuple[Exemption, ...]
    footnote: str
    version: str

    @property
    def passed(self) -> bool:
        """Whether the texts may become pixels."""
        return self.verdict is Verdict.PASS
