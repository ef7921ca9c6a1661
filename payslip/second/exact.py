"""Exact numbers, months as whole numbers, and careful reading of plain JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from fractions import Fraction
from functools import lru_cache
from typing import Any, cast

Doc = Mapping[str, Any]
CENT = Fraction(1, 100)
_PLAIN = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?")
_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")


class SecondError(ValueError):
    """Pay cannot be computed; the sentence (Chinese, no amounts) says why and where to look."""


def exact(value: object, what: str) -> Fraction:
    """A number of a document: decimal text, never a binary float.

    Args:
        value: the JSON value.
        what: its name in the sentence of a refusal.

    Raises:
        SecondError: the value is no plain decimal text.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return Fraction(value)
    found = _fraction(value) if isinstance(value, str) else None
    if found is None:
        raise SecondError(f"“{what}”不是数字，请检查输入")
    return found


@lru_cache(maxsize=8192)
def _fraction(text: str) -> Fraction | None:
    """Kept, because rates, limits and parameters are the same texts for everybody."""
    return Fraction(text) if _PLAIN.fullmatch(text) else None


def field(doc: Doc, key: str) -> Any:
    """A key that must be there.

    Raises:
        SecondError: it is missing.
    """
    try:
        return doc[key]
    except (KeyError, TypeError) as error:  # TypeError: no document at all
        raise SecondError(f"输入缺少“{key}”，请重新收集数据") from error


def number(doc: Doc, key: str) -> Fraction:
    """A number that must be there.

    Raises:
        SecondError: missing, or no number.
    """
    return exact(field(doc, key), key)


def optional(doc: Doc, key: str) -> Fraction | None:
    """A number, or None where the document says null.

    Raises:
        SecondError: the key is missing, or the value is no number.
    """
    value = field(doc, key)
    return None if value is None else exact(value, key)


def word(doc: Doc, key: str) -> str:
    """A text that must be there.

    Raises:
        SecondError: missing, or no text.
    """
    value = field(doc, key)
    if not isinstance(value, str):
        raise SecondError(f"“{key}”不是文本，请重新收集数据")
    return value


def flag(doc: Doc, key: str) -> bool:
    """A yes or no that must be there.

    Raises:
        SecondError: missing, or neither true nor false.
    """
    value = field(doc, key)
    if not isinstance(value, bool):
        raise SecondError(f"“{key}”不是是/否，请重新收集数据")
    return value


def rows(doc: Doc, key: str) -> Sequence[Doc]:
    """A list of documents that must be there.

    Raises:
        SecondError: missing, or no list.
    """
    value = field(doc, key)
    if not isinstance(value, list | tuple):
        raise SecondError(f"“{key}”不是列表，请重新收集数据")
    return value


def table(doc: Doc, key: str) -> Doc:
    """A document inside a document that must be there.

    Raises:
        SecondError: missing, or no document.
    """
    value = field(doc, key)
    if not isinstance(value, Mapping):
        raise SecondError(f"“{key}”不是表，请重新收集数据")
    return cast("Doc", value)


def rounded(value: Fraction, unit: Fraction = CENT, mode: str = "half_up") -> Fraction:
    """The multiple of ``unit`` that stands for ``value`` (docs/PAY.md, rules 1 and 6).

    Args:
        value: exact.
        unit: greater than 0, e.g. 1/100 for cents.
        mode: ``half_up`` (half away from zero), ``up`` (away from zero) or ``down`` (toward zero).

    Raises:
        SecondError: a unit that is not positive, or an unknown mode.
    """
    if unit <= 0 or mode not in {"half_up", "up", "down"}:
        raise SecondError("社保公积金方案的舍入单位或舍入方式无效，请在表中改正")
    return _count(value / unit, mode) * unit


def _count(value: Fraction, mode: str) -> int:
    """The whole number that stands for ``value``, by whole-number division alone."""
    whole, rest = divmod(abs(value.numerator), value.denominator)
    away = rest > 0 if mode == "up" else mode == "half_up" and 2 * rest >= value.denominator
    size = whole + 1 if away else whole
    return -size if value.numerator < 0 else size


def spelled(value: Fraction) -> str:
    """Decimal text with two places, e.g. ``-0.50``."""
    cents = _count(value * 100, "half_up")
    whole, rest = divmod(abs(cents), 100)
    return f"{'-' if cents < 0 else ''}{whole}.{rest:02d}"


def month_index(text: str) -> int:
    """``YYYY-MM`` as year × 12 + month, so that months are counted by subtraction.

    Raises:
        SecondError: no such month.
    """
    if not isinstance(text, str) or not _MONTH.fullmatch(text):
        raise SecondError("月份要写成 2026-10 的样子，请检查输入")
    return int(text[:4]) * 12 + int(text[5:])


def day(doc: Doc, key: str) -> date | None:
    """A date in ISO text, or None where the document says null.

    Raises:
        SecondError: missing, or no date.
    """
    value = field(doc, key)
    if value is None:
        return None
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise SecondError(f"“{key}”不是日期，请检查输入") from error


def index_of(when: date) -> int:
    """The month of a day, counted like `month_index`."""
    return when.year * 12 + when.month
