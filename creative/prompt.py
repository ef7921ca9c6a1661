"""From what a request says to the prompt of one background: a scene, no text, no product. Pure.

A model that is told of words draws letters, and one that is told of a product draws a product. So the copy
goes in as a mood only, prices and calls to action not at all, and the product is named once, as what the
place is for.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from creative.directions import CHINESE, ENGLISH, Direction, Language, direction
from creative.providers.model import Kind, Orientation, Profile
from creative.providers.sizes import size_of
from runtime.errors import ConfigError

LONGEST = {"product": 30, "theme": 40, "points": 60, "tone": 60, "wanted": 60, "styles": 60, "reason": 80}
"""Characters of each value; beyond them a model no longer attends, and Ark's 300 would be gone."""
REASONS = 2
"""Of a long quarrel only the newest reasons count."""
QUOTES = str.maketrans("", "", "\"'“”‘’「」『』《》<>{}`")
"""Models draw what stands in quotes."""


@dataclass(frozen=True, slots=True)
class Brief:
    """What one background is made from; texts as people typed them.

    Args:
        product: its name.
        orientation: decides where room is left.
        theme: headline and subline; used as a mood.
        points: selling points; used as a mood.
        tone: how the brand speaks and looks (温暖、克制).
        wanted, unwanted: the brand's do's and don'ts for pictures.
        styles: the tags picked in the form (极简, 圣诞).
        reasons: why earlier versions were sent back, oldest first.
        people: people may be in it.
        variant: 0, 1, …; each has another composition, light and camera.
        version: 1, 2, …; a redo without a reason shall look different too.
        references: hashes of the pictures that go along; they count for the digest.
    """

    product: str
    orientation: Orientation
    theme: str = ""
    points: tuple[str, ...] = ()
    tone: str = ""
    wanted: tuple[str, ...] = ()
    unwanted: tuple[str, ...] = ()
    styles: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    people: bool = False
    variant: int = 0
    version: int = 1
    references: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is sent, and what proves later what was sent.

    Args:
        text: the prompt; at most the profile's `prompt_limit` characters.
        negative: what must not appear, for models with a field for it; empty for others, whose text says it.
        digest: SHA-256 (hex) of text, negative, seed, size, references, dialect, model and quality.
        seed: 0 to 2**31 - 1; the same brief has the same.
    """

    text: str
    negative: str
    digest: str
    seed: int


def scene_prompt(brief: Brief, profile: Profile) -> Prompt:
    """The prompt of one background for one model.

    Chinese for Ark and Qwen; an English frame around the Chinese values for OpenAI. What does not fit is
    left out, least important first: selling points, theme, tone, the product's name, don'ts, do's, styles,
    reasons. What forbids text and product and leaves room never is.

    Args:
        brief: what was asked for.
        profile: the model it is for.

    Raises:
        ConfigError: `prompt_limit` leaves no room for what must be said, or a size is illegal.
    """
    words = ENGLISH if profile.kind is Kind.OPENAI else CHINESE
    turn = direction(brief.variant, brief.version)
    text = fitted(sentences(brief, words, turn), profile, words)
    negative = ""
    if profile.kind is Kind.QWEN:
        negative = words.comma.join([words.never(brief.people), *cleaned(brief.unwanted, LONGEST["wanted"])])
    seed = int.from_bytes(_sha256([text, brief.variant, brief.version])[:4], "big") >> 1
    size = size_of(profile, brief.orientation)
    all_of_it = [
        text,
        negative,
        seed,
        *size,
        list(brief.references),
        profile.kind.value,
        profile.model,
        profile.quality,
    ]
    return Prompt(text, negative, _sha256(all_of_it).hex(), seed)


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence and how much it matters; 0 is never left out."""

    rank: int
    text: str


def sentences(brief: Brief, words: Language, turn: Direction) -> list[Sentence]:
    """All sentences in reading order; empty ones are not there."""
    styles = words.comma.join(cleaned(brief.styles, LONGEST["styles"]))
    wanted = words.comma.join(cleaned(brief.wanted, LONGEST["wanted"]))
    unwanted = words.comma.join(cleaned(brief.unwanted, LONGEST["wanted"]))
    reasons = words.comma.join(clean(text, LONGEST["reason"]) for text in brief.reasons[-REASONS:])
    points = words.comma.join(cleaned(brief.points, LONGEST["points"]))
    known = (
        (0, words.opening(brief.orientation, turn), "-"),
        (2, words.styles, styles),
        (1, words.reasons, reasons.strip(words.comma)),
        (3, words.wanted, wanted),
        (4, words.unwanted, unwanted),
        (5, words.product, clean(brief.product, LONGEST["product"])),
        (6, words.tone, clean(brief.tone, LONGEST["tone"])),
        (7, words.theme, clean(brief.theme, LONGEST["theme"])),
        (8, words.points, points),
        (0, words.room[brief.orientation], "-"),
        (0, words.forbidden(brief.people), "-"),
    )
    return [Sentence(rank, form.replace("…", value)) for rank, form, value in known if value]


def fitted(known: Sequence[Sentence], profile: Profile, words: Language) -> str:
    """The sentences that fit the profile's limit, in order.

    Raises:
        ConfigError: those of rank 0 alone do not fit.
    """
    kept = list(known)
    while len(text := words.between.join(each.text for each in kept)) > profile.prompt_limit:
        least = max(kept, key=lambda each: each.rank)
        if least.rank == 0:
            raise ConfigError(
                f"Image model {profile.name}: prompt_limit {profile.prompt_limit} is too small; "
                f"set {len(text)} or more."
            )
        kept.remove(least)
    return text


def clean(text: str, longest: int) -> str:
    """A typed text as part of a sentence: one line, nothing invisible, no quotes, not too long."""
    spaced = "".join(" " if c.isspace() else c for c in unicodedata.normalize("NFC", text))
    seen = "".join(c for c in spaced.translate(QUOTES) if not unicodedata.category(c).startswith("C"))
    return " ".join(seen.split())[:longest].strip(" ，。；、,.;…")


def cleaned(texts: Sequence[str], longest: int) -> list[str]:
    """Each text cleaned, in order, without empty and repeated ones, as many as fit in so many characters."""
    kept: dict[str, None] = {}
    for text in texts:
        one = clean(text, longest)
        if one and len(one) + sum(len(other) + 1 for other in kept) <= longest:
            kept[one] = None
    return list(kept)


def _sha256(value: object) -> bytes:
    return hashlib.sha256(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()).digest()
