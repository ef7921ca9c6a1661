"""Reading one row of an input table: values as pay needs them, and what is wrong with it in words.

A sentence names table, column and what to do; it never repeats the content of a cell, for that may be pay.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache

from bitable_sync.cells import EMPTY, CellValue, Person, known
from bitable_sync.spec import TableSpec
from payslip.documents import EmployeeNo, Month, Source
from runtime.clock import SHANGHAI, day_of
from runtime.ids import OpenId

BY_HAND = "人工录入"
"""The source of a row that names none."""

_MONTH = re.compile(r"(20\d\d)\s*(?:[-/.年]\s*(0?[1-9]|1[0-2])\s*月?|(0[1-9]|1[0-2]))")
_BLANKS = re.compile(r"\s+")


@lru_cache(maxsize=65536)  # names, cities, months and sources repeat by the thousand
def clean(text: str) -> str:
    """Text as people mean it: full-width forms made plain, blanks of any width at the ends removed."""
    return _BLANKS.sub(" ", unicodedata.normalize("NFKC", text)).strip()


def plain_name(text: str) -> str:
    """A name for comparing: without any blanks, for “王 芳” and “王　芳” are 王芳."""
    return clean(text).replace(" ", "")


def read_month(text: str) -> Month | None:
    """A month in any spelling people use: 2026-10, 2026/10, 2026.10, 2026年10月, 202610; None for others."""
    found = _MONTH.fullmatch(clean(text))
    return Month(f"{found[1]}-{int(found[2] or found[3]):02d}") if found else None


class Cells:
    """One row; ``faults`` grows with every cell that cannot be used.

    Args:
        spec: the table, for its name and its columns' names.
        values: cells by column key.
    """

    def __init__(self, spec: TableSpec, values: Mapping[str, CellValue]) -> None:
        self.spec = spec
        self.values = values
        self.faults: list[str] = []
        self._source: Source | None = None

    def name(self, key: str) -> str:
        """How people call a column: 员工「城市」."""
        return f"{self.spec.name}「{self.spec.by_key[key].name}」"

    def say(self, key: str, sentence: str) -> None:
        """Note what is wrong with a cell."""
        self.faults.append(f"{self.name(key)}{sentence}")

    def filled(self, key: str) -> bool:
        """Whether anything stands in the cell, readable or not."""
        return self.values.get(key, EMPTY) is not EMPTY

    def text(self, key: str, *, required: bool = False) -> str:
        """Cleaned text; empty when there is none or it cannot be read."""
        value = self._value(key, required=required)
        if value is None or isinstance(value, str):
            text = clean(value or "")
            if not text and value and required:
                self.say(key, "是空的")
            return text
        self.say(key, "应为文字，请改正")
        return ""

    def number(self, key: str, *, required: bool = False, signed: bool = False) -> Decimal | None:
        """A number, not below zero unless ``signed``; None when there is none or it cannot be used."""
        value = self._value(key, required=required)
        if value is None:
            return None
        if not isinstance(value, Decimal) or not value.is_finite():
            self.say(key, "应为数字，请改正")
            return None
        if value < 0 and not signed:
            self.say(key, "不能是负数，请改正")
            return None
        return value

    def share(self, key: str, *, required: bool = False) -> Decimal | None:
        """A share between 0 and 1; 5 typed for 5 % is refused."""
        value = self.number(key, required=required)
        if value is not None and value > 1:
            self.say(key, "超过 100%，请按百分数填写，如 5%")
            return None
        return value

    def day(self, key: str, *, required: bool = False) -> date | None:
        """A calendar day in Chinese time."""
        value = self._value(key, required=required)
        if isinstance(value, datetime):
            return day_of(value)
        if value is None or isinstance(value, date):
            return value
        self.say(key, "应为日期，请改正")
        return None

    def month(self, key: str, *, required: bool = False) -> Month | None:
        """A month in any usual spelling."""
        text = self.text(key, required=required)
        found = read_month(text) if text else None
        if text and found is None:
            self.say(key, "不是月份，请写成 2026-10 这样")
        return found

    def flag(self, key: str) -> bool:
        """A checkbox; one that cannot be read is a fault."""
        value = self._value(key, required=False)
        if value is None or isinstance(value, bool):
            return bool(value)
        self.say(key, "应为勾选框，请改正")
        return False

    def someone(self, key: str) -> OpenId | None:
        """The one person in a cell of people."""
        value = self._value(key, required=False)
        if value is None:
            return None
        people = (
            [item.open_id for item in value if isinstance(item, Person)] if isinstance(value, tuple) else []
        )
        if len(people) != 1:
            self.say(key, "应只填一个人，请改正")
            return None
        return OpenId(people[0])

    def no(self) -> EmployeeNo | None:
        """The employee number, the key by which all tables know a person."""
        return EmployeeNo(text) if (text := self.text("no", required=True)) else None

    def source(self) -> Source:
        """Where the row came from and when; a row without a source was typed by hand."""
        if self._source is None:
            self._source = self._read_source()
        return self._source

    def _read_source(self) -> Source:
        name, at = self.values.get("source", EMPTY), self.values.get("source_at", EMPTY)
        return Source(
            source=clean(name) if isinstance(name, str) else BY_HAND,
            at=at.astimezone(SHANGHAI).isoformat(timespec="seconds") if isinstance(at, datetime) else "",
        )

    def _value(self, key: str, *, required: bool) -> CellValue | None:
        value = self.values.get(key, EMPTY)
        if known(value) and value != "":
            return value
        if value is EMPTY or value == "":
            if required:
                self.say(key, "是空的")
            return None
        kind = self.spec.by_key[key].kind.value
        self.say(key, f"读不出来，应为{_KINDS.get(kind, '文字')}，请改正")
        return None


_KINDS = {
    "number": "数字", "percent": "百分数", "date": "日期", "datetime": "时间", "checkbox": "勾选框",
    "user": "人员", "select": "单个选项",
}  # fmt: skip
