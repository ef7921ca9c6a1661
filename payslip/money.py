"""Exact figures, and the three ways money is rounded and written.

Divisions are carried out to 120 digits. What looks like a half cent to within 10⁻⁴⁰ is one: `settle` removes
the tail that a truncated fraction leaves, so 1/3 × 0.015 rounds like 0.005. Figures of 10³¹ and more are
refused.
"""

from __future__ import annotations

from decimal import (
    ROUND_DOWN,
    ROUND_HALF_EVEN,
    ROUND_HALF_UP,
    ROUND_UP,
    Context,
    Decimal,
    DivisionByZero,
    InvalidOperation,
    Overflow,
    localcontext,
)
from functools import lru_cache
from typing import Final

from payslip.documents import Rounding

EXACT: Final = Context(
    prec=120, rounding=ROUND_HALF_EVEN, Emax=30, traps=[InvalidOperation, DivisionByZero, Overflow]
)
"""The context of every computation here; see the module's words."""

ZERO: Final = Decimal(0)
CENT: Final = Decimal("0.01")
_GUARD: Final = Decimal("1e-40")
_MODES: Final = {"half_up": ROUND_HALF_UP, "up": ROUND_UP, "down": ROUND_DOWN}


def settle(value: Decimal) -> Decimal:
    """A value without the tail that a truncated division left; for comparing and before rounding."""
    return value.quantize(_GUARD, ROUND_HALF_EVEN, context=EXACT)


def cents(value: Decimal) -> Decimal:
    """To 0.01, half away from zero; never minus zero."""
    short = value.quantize(CENT, ROUND_HALF_UP, context=EXACT)
    if short != value:
        short = settle(value).quantize(CENT, ROUND_HALF_UP, context=EXACT)
    return EXACT.plus(short)


def places(value: Decimal, digits: int) -> Decimal:
    """To `digits` decimals (negative: tens, hundreds, …), half away from zero."""
    return EXACT.plus(settle(value).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP, context=EXACT))


def to_unit(value: Decimal, unit: Decimal, mode: Rounding) -> Decimal:
    """To a multiple of `unit` yuan: ``half_up``, ``up`` away from zero or ``down`` toward zero."""
    quantum = _quantum(unit)
    if quantum is not None:
        return cents(settle(value).quantize(quantum, _MODES[mode], context=EXACT))
    with localcontext(EXACT):
        return cents(settle(value / unit).quantize(Decimal(1), _MODES[mode]) * unit)


@lru_cache(maxsize=64)
def _quantum(unit: Decimal) -> Decimal | None:
    """A power of ten as `quantize` wants it; None for any other unit."""
    short = unit.normalize()
    return short if short.as_tuple().digits == (1,) else None


def plain(value: Decimal) -> Decimal:
    """The same value with at least two decimals and no idle zeros, so that equal figures have equal bytes."""
    short = cents(value)
    return short if short == value else value.normalize(EXACT)


def spell(value: Decimal) -> str:
    """A figure as people read it: ``8,000``, ``1.1``, ``367.8161`` (at most four decimals)."""
    text = format(value, ",.4f").rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


@lru_cache(maxsize=256)
def percent(rate: Decimal) -> str:
    """A rate as people read it: 0.004 is ``0.4%``."""
    return f"{spell(rate * 100)}%"
