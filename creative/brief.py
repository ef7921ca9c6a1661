"""A row of 素材需求 becomes a brief, or sentences that say what to change. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from bitable_sync.cells import Attachment, CellValue, Person, Unreadable
from creative.model import BrandRules, Brief, PhotoRef
from creative.specs import FORMAT_NAMES, REQUESTS_TABLE
from creative.studio.formats import FORMATS
from creative.studio.model import Copy

MOST_VARIANTS, USUAL_VARIANTS = 6, 4
MOST_PHOTOS, MOST_POINTS, MOST_FORMATS = 6, 4, 12

INPUTS = (
    "title", "requester", "designer", "brand", "product", "headline", "subline", "points", "price", "cta",
    "footnote", "evidence", "styles", "photos", "formats", "template", "variants", "remark",
)  # fmt: skip
"""Columns whose change is a change of what is asked for."""

REQUIRED = ("headline", "brand", "formats", "requester")

Values = Mapping[str, CellValue]


@dataclass(frozen=True, slots=True)
class Missing:
    """Cells that must still be filled (column names); ``begun``: the row is more than a blank line."""

    columns: tuple[str, ...]
    begun: bool


@dataclass(frozen=True, slots=True)
class Wrong:
    """What must be changed, as sentences for 说明."""

    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shelf:
    """What briefs are made with: valid brands and layouts by name."""

    brands: Mapping[str, BrandRules]
    templates: Mapping[str, Mapping[str, Any]]


def read_brief(values: Values, shelf: Shelf) -> Brief | Missing | Wrong:
    """Read a row.

    Args:
        values: the row's cells by key.
        shelf: brands and layouts in force.
    """
    missing = tuple(key for key in REQUIRED if not values.get(key))
    if missing:
        begun = any(values.get(key) for key in INPUTS)
        return Missing(tuple(_name(key) for key in missing), begun)
    sentences = [
        f"“{_name(key)}”读不懂：{value.reason}"
        for key in INPUTS
        if isinstance(value := values.get(key), Unreadable)
    ]
    if sentences:
        return Wrong(tuple(sentences))
    brand = shelf.brands.get(_text(values, "brand"))
    if brand is None:
        known = "、".join(sorted(shelf.brands)) or "还没有可用的品牌"
        sentences.append(f"“品牌规范”表里没有“{_text(values, 'brand')}”；现有：{known}")
    template = _text(values, "template")
    if template and template not in shelf.templates:
        sentences.append(f"没有叫“{template}”的可用模板；现有：{'、'.join(sorted(shelf.templates))}")
    formats = _formats(values, sentences)
    variants, points, photos = (
        _variants(values, sentences),
        _points(values, sentences),
        _photos(values, sentences),
    )
    if sentences or brand is None:
        return Wrong(tuple(sentences))
    copy = Copy(
        _text(values, "headline"), _text(values, "subline"), points, _text(values, "price"),
        _text(values, "cta"), _text(values, "footnote"),
    )  # fmt: skip
    styles = values.get("styles")
    return Brief(
        _text(values, "title") or copy.headline.replace("\n", " ")[:40],
        copy, _text(values, "evidence"), _text(values, "product"), brand,
        tuple(str(each) for each in styles) if isinstance(styles, tuple) else (),
        _text(values, "remark"), photos, formats,
        (template, shelf.templates[template]) if template else None, variants,
    )  # fmt: skip


def input_digest(values: Values) -> str:
    """Digest of what a row asks for; columns that Chorus fills take no part."""
    plain = {key: _plain(values.get(key)) for key in INPUTS}
    return hashlib.sha256(json.dumps(plain, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def person(values: Values, key: str) -> Person | None:
    """The first person in a cell."""
    value = values.get(key)
    found = [each for each in value if isinstance(each, Person)] if isinstance(value, tuple) else []
    return found[0] if found else None


def _formats(values: Values, sentences: list[str]) -> tuple[str, ...]:
    value = values.get("formats")
    names = [str(each) for each in value] if isinstance(value, tuple) else []
    keys = {each.name: key for key, each in FORMATS.items()}
    unknown = [name for name in names if name not in keys]
    if unknown:
        sentences.append(f"不认识的尺寸：{'、'.join(unknown)}；请从选项里选")
    if len(names) > MOST_FORMATS:
        sentences.append(f"一次最多 {MOST_FORMATS} 个尺寸，现在是 {len(names)} 个；请分成两行")
    return tuple(keys[name] for name in FORMAT_NAMES if name in names)


def _variants(values: Values, sentences: list[str]) -> int:
    value = values.get("variants")
    if not isinstance(value, Decimal):
        return USUAL_VARIANTS
    if value != value.to_integral_value() or not 1 <= value <= MOST_VARIANTS:
        sentences.append(f"“版数”要在 1 到 {MOST_VARIANTS} 之间，现在是 {value:f}")
        return USUAL_VARIANTS
    return int(value)


def _points(values: Values, sentences: list[str]) -> tuple[str, ...]:
    lines = tuple(line.strip(" ·•-　") for line in _text(values, "points").splitlines())
    lines = tuple(line for line in lines if line)
    if len(lines) > MOST_POINTS:
        sentences.append(f"卖点最多 {MOST_POINTS} 条，现在是 {len(lines)} 条；请留下最重要的")
    return lines


def _photos(values: Values, sentences: list[str]) -> tuple[PhotoRef, ...]:
    value = values.get("photos")
    files = [each for each in value if isinstance(each, Attachment)] if isinstance(value, tuple) else []
    if len(files) > MOST_PHOTOS:
        sentences.append(f"商品图最多 {MOST_PHOTOS} 张，现在是 {len(files)} 张；请删掉多余的")
    return tuple(PhotoRef(each.file_token, each.name, each.size) for each in files)


def _text(values: Values, key: str) -> str:
    value = values.get(key)
    return value.strip() if isinstance(value, str) else ""


def _name(key: str) -> str:
    return REQUESTS_TABLE.field(key).name


def _plain(value: CellValue | None) -> Any:
    if isinstance(value, tuple):
        return [_plain(each) for each in value]  # type: ignore[arg-type]
    if isinstance(value, Person):
        return value.open_id
    if isinstance(value, Attachment):
        return value.file_token
    return "" if not value else str(value)
