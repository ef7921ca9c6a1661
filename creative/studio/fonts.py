"""The faces texts are set in: Noto Sans SC in three weights, WenQuanYi Micro Hei for rare hanzi.

Pillow draws an empty box for a character its font lacks and says nothing (measured with Pillow 13.0.0), so
every text is first cut into ``pieces`` by the font that has them; what no font has is named by ``missing``.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Final, Literal

from fontTools.ttLib import TTFont
from PIL import ImageFont, features

from runtime.fonts import CJK

Weight = Literal[400, 700, 900]
"""Regular, bold, black."""

_FOLDER: Final = Path(__file__).with_name("fonts")
FILES: Final[dict[Weight, Path]] = {
    400: _FOLDER / "NotoSansSC-Regular.ttf",
    700: _FOLDER / "NotoSansSC-Bold.ttf",
    900: _FOLDER / "NotoSansSC-Black.ttf",
}
"""Font file of each weight; where they come from stands in ``fonts/README.md``."""

INVISIBLE: Final = dict.fromkeys((0x00AD, 0x200B, 0x200C, 0x200D, 0x2060, 0xFE0E, 0xFE0F, 0xFEFF))
"""Code points that take no room and come in with text pasted from chats and web pages."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Neighbouring characters that one font draws; ``fallback`` when it is WenQuanYi."""

    text: str
    fallback: bool


@dataclass(frozen=True, slots=True)
class Typeface:
    """The bundled family with one way of shaping.

    Args:
        engine: RAQM shapes with HarfBuzz and knows ``halt``; BASIC works without the system's ``libfribidi``
            and leaves full-width punctuation wide. Pillow's wheel does not bundle that library.
    """

    engine: ImageFont.Layout

    def font(self, weight: Weight, size: float, *, fallback: bool = False) -> ImageFont.FreeTypeFont:
        """An open font; ``size`` in pixels per em. Kept open between calls, so do not alter it."""
        return _open(CJK if fallback else FILES[weight], size, self.engine)

    def features(self, *, fallback: bool = False) -> list[str] | None:
        """OpenType features to pass to Pillow: ``halt`` sets full-width punctuation at half its width.

        ``「限时」，抢购！`` at 100 px: 800 px without, 600 px with it. WenQuanYi has no such feature.
        """
        return ["halt"] if self.engine is ImageFont.Layout.RAQM and not fallback else None

    def length(self, text: str, weight: Weight, size: float, *, fallback: bool = False) -> float:
        """Width in pixels that the text advances."""
        return self.font(weight, size, fallback=fallback).getlength(
            text, features=self.features(fallback=fallback)
        )

    def em(self, text: str, weight: Weight, *, fallback: bool = False) -> float:
        """Width in ems, for looking for a size without opening a font for each."""
        return _em(self, text, weight, fallback)


SANS: Final = Typeface(ImageFont.Layout.RAQM if features.check("raqm") else ImageFont.Layout.BASIC)
"""The family shaped as well as this machine can."""

_REFERENCE: Final = 200
"""Pixels per em at which widths in ems are measured; BASIC rounds each advance to a pixel."""


@lru_cache(maxsize=512)
def _open(path: Path, size: float, engine: ImageFont.Layout) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, size, layout_engine=engine)


@lru_cache(maxsize=16384)
def _em(face: Typeface, text: str, weight: Weight, fallback: bool) -> float:
    return face.length(text, weight, _REFERENCE, fallback=fallback) / _REFERENCE


@cache
def _covered(path: Path) -> frozenset[int]:
    """Code points a font file has glyphs for."""
    with TTFont(path, lazy=True) as font:
        return frozenset(font.getBestCmap())


def clean(text: str) -> str:
    """The text as it is drawn: composed characters, single spaces, its line breaks, nothing invisible."""
    plain = unicodedata.normalize("NFC", text).translate(INVISIBLE).replace("\r\n", "\n").replace("\r", "\n")
    return "\n".join(" ".join(line.split()) for line in plain.split("\n")).strip("\n")


def has(character: str) -> bool:
    """Whether the bundled family itself draws this character."""
    return ord(character) in _covered(FILES[400])


def pieces(text: str) -> tuple[Piece, ...]:
    """The text cut where the font changes. Characters no font has count as the family's own."""
    found: list[Piece] = []
    for character in text:
        rare = not has(character) and ord(character) in _covered(CJK)
        if found and found[-1].fallback == rare:
            found[-1] = Piece(found[-1].text + character, rare)
        else:
            found.append(Piece(character, rare))
    return tuple(found)


def missing(text: str) -> tuple[str, ...]:
    """Characters that neither font draws, each once, in the order they come."""
    return tuple(
        dict.fromkeys(c for c in clean(text) if c != "\n" and not has(c) and ord(c) not in _covered(CJK))
    )


def is_emoji(character: str) -> bool:
    """Whether a character is a picture typed as if it were a letter (Unicode 15.1, emoji blocks)."""
    code = ord(character)
    return 0x1F000 <= code <= 0x1FAFF or (
        0x2600 <= code <= 0x27BF and unicodedata.category(character) == "So"
    )
