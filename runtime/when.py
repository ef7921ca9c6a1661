"""How the manifest writes times: `every 5m`, a cron line in Asia/Shanghai, ages such as `15m`. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_AGE = re.compile(r"(\d{1,6})\s*([smhd])")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat", "sun")
_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 7))
_ITEM = re.compile(r"(?:\*|(\d+)(?:-(\d+))?)(?:/(\d+))?")
_NAMED = re.compile(r"(?:sun|mon|tue|wed|thu|fri|sat)(?:-(?:sun|mon|tue|wed|thu|fri|sat))?")

EXPECTED = '"every 30s", "every 10m", "every 1h", or a cron line such as "0 9 * * mon-fri" (Asia/Shanghai)'


@dataclass(frozen=True, slots=True)
class Every:
    """A fixed interval, aligned to the wall clock."""

    interval: timedelta


@dataclass(frozen=True, slots=True)
class Cron:
    """Five cron fields: minute, hour, day of month, month, day of week as English names."""

    minute: str
    hour: str
    day: str
    month: str
    weekday: str


def parse_age(text: str) -> timedelta:
    """Read `30s`, `15m`, `2h` or `1d`.

    Raises:
        ValueError: a sentence fragment saying what is expected.
    """
    match = _AGE.fullmatch(text.strip())
    if match is None or int(match[1]) == 0:
        msg = f'expected a time span such as "30s", "15m", "2h" or "1d", not "{text}"'
        raise ValueError(msg)
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def parse_when(text: str) -> Every | Cron:
    """Read an interval or a cron line.

    Raises:
        ValueError: a sentence fragment saying what is expected.
    """
    words = text.split()
    if words[:1] == ["every"]:
        try:
            return Every(parse_age("".join(words[1:])))
        except ValueError:
            msg = f'expected {EXPECTED}, not "{text}"'
            raise ValueError(msg) from None
    if len(words) != len(_FIELDS):
        msg = f'expected {EXPECTED}, not "{text}"'
        raise ValueError(msg)
    for word, (name, low, high) in zip(words, _FIELDS, strict=True):
        _check_field(word.lower(), name, low, high)
    minute, hour, day, month, weekday = words
    return Cron(minute, hour, day, month, _named_days(weekday.lower()))


def _check_field(word: str, name: str, low: int, high: int) -> None:
    for item in word.split(","):
        if name == "weekday" and _NAMED.fullmatch(item):
            continue
        match = _ITEM.fullmatch(item)
        numbers = [int(n) for n in (match[1], match[2]) if n] if match else []
        ordered = numbers == sorted(numbers)
        if match is None or match[3] == "0" or not ordered or any(not low <= n <= high for n in numbers):
            msg = f'expected the {name} of a cron line to lie between {low} and {high}, not "{item}"'
            raise ValueError(msg)


def _named_days(word: str) -> str:
    """Replace weekday numbers by names: cron counts from Sunday, the scheduler's library from Monday."""
    return ",".join(_named_item(item) for item in word.split(","))


def _named_item(item: str) -> str:
    match = _ITEM.fullmatch(item)
    if match is None or match[1] is None:
        return item
    first, last, step = int(match[1]), int(match[2] or match[1]), int(match[3] or 1)
    return ",".join(dict.fromkeys(_DAYS[day] for day in range(first, last + 1, step)))
