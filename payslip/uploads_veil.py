"""Sentences about a file as they may stand in a chat: places and names, but no figures from its cells."""

from __future__ import annotations

import re
from collections.abc import Collection

from payslip.sheets import Fault

HIDDEN = "这个值"
LONGEST_SENTENCE = 200

_TOKEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9.,_-]*[A-Za-z0-9]|[A-Za-z0-9]")
_MONTH = re.compile(r"20\d\d-(?:0[1-9]|1[0-2])")
_DIGITS = re.compile(r"\d{3}|\d[.,]\d")
_COUNTED = re.compile(r"\s*(?:行|列|人|字|处|位|级|MB)")


def told(fault: Fault, known: Collection[str] = ()) -> str:
    """A fault with its place; the sheet is left out, a file has one.

    Args:
        fault: what is wrong.
        known: numbers of employees, which may be named.
    """
    place = f"第 {fault.row} 行" if fault.row is not None else ""
    place += f"“{veiled(fault.column, known)}”" if fault.column else ""
    sentence = veiled(fault.sentence, known)
    return f"{place}：{sentence}" if place else sentence


def veiled(sentence: str, known: Collection[str] = ()) -> str:
    """A sentence in which everything is hidden that could be a figure of a cell.

    The sentences repeat no amounts by themselves. But people exchange columns, or send a list without column
    names, and then an account stands where a number of an employee or a column name is expected.

    Args:
        sentence: any sentence of the import.
        known: numbers of employees, which may be named.
    """

    def shown(found: re.Match[str]) -> str:
        word = found[0]
        counted = word.replace(",", "").isdigit() and _COUNTED.match(sentence, found.end())
        if word in known or _MONTH.fullmatch(word) or counted or not _DIGITS.search(word):
            return word
        return HIDDEN

    text = _TOKEN.sub(shown, sentence)
    return text if len(text) <= LONGEST_SENTENCE else f"{text[: LONGEST_SENTENCE - 1]}…"
