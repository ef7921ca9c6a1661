"""Calendar months as ``YYYY-MM``: they compare like time, and this is what else one does with them."""

from __future__ import annotations

import calendar
import re
from datetime import date

from payslip.documents import Month

_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")


def parse(text: str) -> Month:
    """Read a month as people type it into a table.

    Raises:
        ValueError: not ``YYYY-MM``; the sentence says what is expected.
    """
    cleaned = text.strip()
    if _MONTH.fullmatch(cleaned) is None or cleaned.startswith("0000"):
        msg = f"“{cleaned}”不是月份，请写成 2026-10 这样"
        raise ValueError(msg)
    return Month(cleaned)


def month_of(day: date) -> Month:
    """The month a day lies in."""
    return Month(f"{day.year:04d}-{day.month:02d}")


def year(month: Month) -> int:
    """2026 of ``2026-10``."""
    return int(month[:4])


def number(month: Month) -> int:
    """10 of ``2026-10``."""
    return int(month[5:])


def add(month: Month, count: int) -> Month:
    """The month `count` months later (earlier when negative)."""
    at = year(month) * 12 + number(month) - 1 + count
    return Month(f"{at // 12:04d}-{at % 12 + 1:02d}")


def apart(earlier: Month, later: Month) -> int:
    """How many months lie from one to the other: 1 from 2026-12 to 2027-01; negative the other way round."""
    return (year(later) - year(earlier)) * 12 + number(later) - number(earlier)


def count(start: Month, end: Month) -> int:
    """How many months from `start` to `end`, both included; 0 when `end` is before `start`."""
    return max(0, apart(start, end) + 1)


def first_day(month: Month) -> date:
    """The first day of the month."""
    return date(year(month), number(month), 1)


def last_day(month: Month) -> date:
    """The last day of the month."""
    return date(year(month), number(month), calendar.monthrange(year(month), number(month))[1])
