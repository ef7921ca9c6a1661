"""Finding archived material by words, and telling what looks much like it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from creative.model import Brief
from creative.studio.hashing import distance
from creative.studio.model import Shape

SHAPES: Mapping[Shape, str] = {
    Shape.SQUARE: "方图",
    Shape.PORTRAIT: "竖图",
    Shape.TALL: "长竖图",
    Shape.WIDE: "横图",
    Shape.BANNER: "横幅",
}

ALIKE = 6
"""Bits of 64 in which perceptual hashes may differ; measured: same layout with other words differs by 2-6, so
this is only a hint and only together with the same words or product (facts of 2026-11-23)."""

SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "横版": ("横图", "横幅"), "横": ("横图", "横幅"), "竖版": ("竖图", "长竖图"), "竖": ("竖图", "长竖图"),
    "方版": ("方图",), "主图": ("主图",), "方形": ("方图",), "竖屏": ("长竖图",),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asset:
    """One archived file.

    Attributes:
        id: ``<row>-v<version>-<variant>-<format>``.
        words: everything it can be found by, lower case.
        text_digest: of the letters in it.
    """

    id: str
    request_id: str
    title: str
    words: str
    format: str
    shape: str
    brand: str
    sha256: str
    dhash: str
    text_digest: str
    wiki: str
    at: datetime
    product: str = ""
    image_key: str = ""


def words_of(title: str, brief: Brief, format_name: str, shape: str) -> str:
    """Everything an asset can be found by."""
    copy = brief.copy
    parts = (
        title,
        brief.brand.name,
        brief.product,
        *brief.styles,
        format_name,
        shape,
        copy.headline,
        copy.subline,
        *copy.points,
        copy.price,
        copy.cta,
    )
    return " ".join(part for part in parts if part).lower()


def search(query: str, assets: Iterable[Asset]) -> list[Asset]:
    """Assets that have every word of a query, the newest first.

    A word for a shape finds all its kinds: 横版 finds 横图 and 横幅.
    """
    wanted = [SYNONYMS.get(word, (word,)) for word in re.split(r"[\s,，、]+", query.lower()) if word]
    found = [
        asset for asset in assets
        if wanted and all(any(kind in asset.words for kind in kinds) for kinds in wanted)
    ]  # fmt: skip
    return sorted(found, key=lambda asset: asset.at, reverse=True)


def near(asset: Asset, known: Sequence[Asset]) -> list[Asset]:
    """Assets of other requests that are the same file, or look alike and say or show the same."""
    return [
        other
        for other in known
        if other.request_id != asset.request_id
        and (
            other.sha256 == asset.sha256
            or (
                other.shape == asset.shape
                and bool(asset.dhash and other.dhash)
                and distance(asset.dhash, other.dhash) <= ALIKE
                and (
                    other.text_digest == asset.text_digest
                    or (bool(asset.product) and other.product == asset.product)
                )
            )
        )
    ]
