"""Whether the two computations of pay agree to the cent."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from payslip.documents import Pay

_CENT = Decimal("0.01")
_ZERO = Decimal(0)


def differences(pay: Pay, again: Mapping[str, str]) -> list[str]:
    """Where the second computation differs from the first.

    Args:
        pay: what the first computed.
        again: what `payslip.second.recompute` gave, by the names of ``Pay.amounts()``.

    Returns:
        The names (never the amounts) of what differs by a cent or more or stands on one side only, sorted;
        empty when the two agree. A line of 0 may be missing on either side; a total or a carry may not.
        A code that stands twice in ``pay`` is a difference: people would see two lines, the comparison one.
    """
    first = pay.amounts()
    codes = [f"line:{line.code}" for line in pay.lines if line.kind != "info"]
    found = {code for code in codes if codes.count(code) > 1}
    for name in first.keys() | again.keys():
        absent = _ZERO if name.startswith("line:") else None
        here = first.get(name, absent)
        there = _amount(again[name]) if name in again else absent
        if here is None or there is None or abs(here - there) >= _CENT:
            found.add(name)
    return sorted(found)


def _amount(text: str) -> Decimal | None:
    """A decimal text as number; None for what is none, so that it can agree with nothing."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    return value if value.is_finite() else None
