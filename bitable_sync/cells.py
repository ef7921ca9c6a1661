"""The value of one cell, in Python types, with *empty* and *unreadable* as values of their own.

Unknown is not OK: a cell that is empty or that cannot be understood is never silently zero.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Final, TypeAlias

from runtime.errors import PermanentError


class Empty(Enum):
    """The type of ``EMPTY``; an enum so that type checkers can narrow on ``is EMPTY``."""

    EMPTY = "empty"

    def __bool__(self) -> bool:
        return False


EMPTY: Final = Empty.EMPTY


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A cell whose content does not fit its column; ``reason`` is a Chinese sentence naming both."""

    reason: str


@dataclass(frozen=True, slots=True)
class Person:
    """A Feishu user in a cell. The name is for showing only and takes no part in equality."""

    open_id: str
    name: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Url:
    """A link with its shown text."""

    text: str
    link: str


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file in a cell; ``file_token`` is valid only inside the base it was uploaded to.

    ``size`` in bytes.
    """

    file_token: str
    name: str = field(default="", compare=False)
    size: int = field(default=0, compare=False)
    mime: str = field(default="", compare=False)


CellValue: TypeAlias = (
    str
    | Decimal
    | datetime
    | date
    | bool
    | tuple[Person, ...]
    | tuple[str, ...]
    | Url
    | tuple[Attachment, ...]
    | Empty
    | Unreadable
)


class UnwritableError(PermanentError):
    """A value that does not fit its column; the sentence names the table, the column and the value."""


def known(value: CellValue) -> bool:
    """Whether a cell holds a usable value (neither empty nor unreadable)."""
    return value is not EMPTY and not isinstance(value, Unreadable)
