"""How the cockpit writes numbers and times, in Chinese and in units people think in (万). Pure."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from runtime.clock import SHANGHAI, day_of

NOTHING = "—"
WAN = Decimal(10000)
YI = Decimal(100000000)
WEEKDAYS = "一二三四五六日"


def yuan(value: Decimal | None) -> str:
    """An amount: ``¥8,240``, ``¥1.24万``, ``¥12.4万``, ``¥1.32亿``; a dash when it is not known."""
    if value is None:
        return NOTHING
    sign, size = ("−" if value < 0 else ""), abs(value)
    if size >= YI:
        return f"{sign}¥{_round(size / YI, 2)}亿"
    if size >= WAN:
        return f"{sign}¥{_round(size / WAN, 1 if size >= 10 * WAN else 2)}万"
    return f"{sign}¥{_round(size, 0)}"


def count(value: Decimal | int | None) -> str:
    """A number of things: ``8,240``, ``12.4万``."""
    if value is None:
        return NOTHING
    whole = Decimal(value)
    return f"{_round(whole / WAN, 1)}万" if abs(whole) >= WAN else f"{_round(whole, 0)}"


def ratio(value: Decimal | None) -> str:
    """ROI with two decimals."""
    return NOTHING if value is None else _round(value, 2)


def percent(value: Decimal | None) -> str:
    """A change with its sign: ``+12.3%``, ``−4.0%``; "" when there is nothing to compare with."""
    if value is None:
        return ""
    sign = "−" if value < 0 else "+"
    return f"{sign}{_round(abs(value) * 100, 1)}%"


def _round(value: Decimal, places: int) -> str:
    return f"{value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP):,f}"


def span(value: timedelta | None) -> str:
    """How long: ``不到 1 分钟``, ``12 分钟``, ``3 小时 20 分``, ``2 天``."""
    if value is None:
        return NOTHING
    seconds = int(value.total_seconds())
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if seconds < 60:
        return "不到 1 分钟"
    if minutes < 60:
        return f"{minutes} 分钟"
    if days < 1:
        rest = minutes % 60
        return f"{hours} 小时 {rest} 分" if rest else f"{hours} 小时"
    return f"{days} 天"


def ago(at: datetime | None, now: datetime) -> str:
    """How long ago: ``刚刚``, ``12 分钟前``; "从未" for never."""
    if at is None:
        return "从未"
    past = now - at
    return "刚刚" if past < timedelta(minutes=1) else f"{span(past)}前"


def moment(at: datetime | None, now: datetime) -> str:
    """A moment in Shanghai: ``14:05`` today, ``11-27 14:05`` on another day."""
    if at is None:
        return NOTHING
    local, today = at.astimezone(SHANGHAI), day_of(now)
    return f"{local:%H:%M}" if local.date() == today else f"{local:%m-%d %H:%M}"


def day(value: date) -> str:
    """A day with its weekday: ``11-28 周六``."""
    return f"{value:%m-%d} 周{WEEKDAYS[value.weekday()]}"
