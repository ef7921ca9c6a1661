"""The functions formulas may call, and how their values turn into numbers, text and truth."""

import math
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

DAY = 86_400_000
MANY = 1_000
_ZONE = ZoneInfo("Asia/Shanghai")


class Fault(Exception):  # noqa: N818 - it is a value of the formula, not a failure of ours
    """A formula that has no value: ``#DIV/0!``, ``#VALUE!``, ``#NUM!``, ``#REF!``."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class Moment(float):
    """A point in time in days since the epoch, so that dates add and subtract as days."""

    __slots__ = ()

    def ms(self) -> int:
        """Milliseconds since the epoch."""
        return round(float(self) * DAY)


def flat(values: Sequence[Any]) -> list[Any]:
    """Values with lists (columns) laid out, blanks dropped."""
    out: list[Any] = []
    for value in values:
        if isinstance(value, list):
            out.extend(part for part in value if part is not None)
        elif value is not None:
            out.append(value)
    return out


def num(value: Any) -> float:
    """A value as a double; blank is 0, text must be a number."""
    if value is None or value == "":
        return 0.0
    if isinstance(value, list):
        parts = flat(value)
        return num(parts[0]) if len(parts) == 1 else math.fsum(num(part) for part in parts)
    try:
        return float(value)
    except (TypeError, ValueError) as bad:
        raise Fault("#VALUE!") from bad


def text(value: Any) -> str:
    """A value as text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, list):
        return ",".join(text(part) for part in flat(value))
    if isinstance(value, Moment):
        return _date(value, "YYYY/MM/DD")
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
    return str(value)


def truth(value: Any) -> bool:
    """A value as a condition."""
    if isinstance(value, str):
        return value.upper() == "TRUE" or value not in ("", "FALSE", "0")
    if isinstance(value, list):
        return bool(flat(value))
    return bool(value)


def blank(value: Any) -> bool:
    """Whether a value is empty."""
    return value is None or value in ("", [])


def _date(moment: Moment, pattern: str) -> str:
    when = datetime.fromtimestamp(moment.ms() / 1000, _ZONE)
    for ours, theirs in (
        ("YYYY", "%Y"), ("MM", "%m"), ("DD", "%d"), ("HH", "%H"), ("mm", "%M"), ("ss", "%S"),
    ):  # fmt: skip
        pattern = pattern.replace(ours, theirs)
    return when.strftime(pattern)


def _numbers(values: Sequence[Any]) -> list[float]:
    return [num(value) for value in flat(values) if not isinstance(value, str) or value.strip()]


def round_half_away(value: float, digits: float = 0) -> float:
    """ROUND as spreadsheets do it: halves away from zero, on doubles."""
    scale = 10.0 ** int(digits)
    return math.copysign(math.floor(abs(value) * scale + 0.5) / scale, value)


def _shift(value: Any, digits: Any, how: Callable[[float], float]) -> float:
    scale = 10.0 ** int(num(digits))
    return math.copysign(how(abs(num(value)) * scale) / scale, num(value))


def _format(value: Any, pattern: Any) -> str:
    shape = text(pattern)
    if isinstance(value, Moment):
        return _date(value, shape)
    comma = "," if "," in shape else ""
    percent = shape.endswith("%")
    body = shape.rstrip("%").replace("#", "").replace(",", "")
    places = len(body.split(".")[1]) if "." in body else 0
    amount = num(value) * (100 if percent else 1)
    return f"{round_half_away(amount, places):{comma}.{places}f}" + ("%" if percent else "")


def _average(*values: Any) -> float:
    found = _numbers(values)
    if not found:
        raise Fault("#DIV/0!")
    return math.fsum(found) / len(found)


def _sum(*values: Any) -> float:
    total = 0.0
    for value in _numbers(values):
        total += value
    return total


def _mod(value: Any, by: Any) -> float:
    if num(by) == 0:
        raise Fault("#DIV/0!")
    return num(value) - num(by) * math.floor(num(value) / num(by))


def _sqrt(value: Any) -> float:
    if num(value) < 0:
        raise Fault("#NUM!")
    return math.sqrt(num(value))


FUNCTIONS: dict[str, tuple[int, int, Callable[..., Any]]] = {
    "AND": (1, MANY, lambda *v: all(truth(x) for x in v)),
    "OR": (1, MANY, lambda *v: any(truth(x) for x in v)),
    "NOT": (1, 1, lambda v: not truth(v)),
    "MIN": (1, MANY, lambda *v: min(_numbers(v), default=None)),
    "MAX": (1, MANY, lambda *v: max(_numbers(v), default=None)),
    "SUM": (1, MANY, _sum),
    "AVERAGE": (1, MANY, _average),
    "COUNT": (1, MANY, lambda *v: float(sum(not isinstance(x, str) for x in flat(v)))),
    "COUNTA": (1, MANY, lambda *v: float(len([x for x in flat(v) if x != ""]))),
    "ROUND": (1, 2, lambda v, d=0: round_half_away(num(v), num(d))),
    "ROUNDUP": (1, 2, lambda v, d=0: _shift(v, d, math.ceil)),
    "ROUNDDOWN": (1, 2, lambda v, d=0: _shift(v, d, math.floor)),
    "INT": (1, 1, lambda v: float(math.floor(num(v)))),
    "ABS": (1, 1, lambda v: abs(num(v))),
    "MOD": (2, 2, _mod),
    "POWER": (2, 2, lambda a, b: num(a) ** num(b)),
    "SQRT": (1, 1, _sqrt),
    "VALUE": (1, 1, num),
    "ISBLANK": (1, 1, blank),
    "ISNUMBER": (1, 1, lambda v: isinstance(v, int | float) and not isinstance(v, bool)),
    "CONCATENATE": (1, MANY, lambda *v: "".join(text(x) for x in v)),
    "CONCAT": (1, MANY, lambda *v: "".join(text(x) for x in v)),
    "TEXT": (2, 2, _format),
    "LEN": (1, 1, lambda v: float(len(text(v)))),
    "UPPER": (1, 1, lambda v: text(v).upper()),
    "LOWER": (1, 1, lambda v: text(v).lower()),
    "TRIM": (1, 1, lambda v: text(v).strip()),
    "LEFT": (1, 2, lambda v, n=1: text(v)[: int(num(n))]),
    "RIGHT": (1, 2, lambda v, n=1: text(v)[-int(num(n)) :] if num(n) > 0 else ""),
    "MID": (3, 3, lambda v, s, n: text(v)[int(num(s)) - 1 : int(num(s)) - 1 + int(num(n))]),
    "CONTAINS": (2, MANY, lambda v, *n: any(text(x) in text(v) for x in n)),
    "CONTAIN": (2, MANY, lambda v, *n: any(text(x) in text(v) for x in n)),
    "CONTAINTEXT": (2, 2, lambda v, n: text(n) in text(v)),
    "DAYS": (2, 2, lambda a, b: float(math.floor(num(a)) - math.floor(num(b)))),
    "TODATE": (1, 1, lambda v: v if isinstance(v, Moment) else Moment(num(v) / DAY)),
    "TRUE": (0, 0, lambda: True),
    "FALSE": (0, 0, lambda: False),
}

Code = Callable[[Any], Any]


def _if(row: Any, parts: Sequence[Code]) -> Any:
    if truth(parts[0](row)):
        return parts[1](row)
    return parts[2](row) if len(parts) > 2 else None


def _ifs(row: Any, parts: Sequence[Code]) -> Any:
    for at in range(0, len(parts) - 1, 2):
        if truth(parts[at](row)):
            return parts[at + 1](row)
    return None


def _iferror(row: Any, parts: Sequence[Code]) -> Any:
    try:
        return parts[0](row)
    except Fault:
        return parts[1](row)


def _iserror(row: Any, parts: Sequence[Code]) -> bool:
    try:
        parts[0](row)
    except Fault:
        return True
    return False


def _ifblank(row: Any, parts: Sequence[Code]) -> Any:
    value = parts[0](row)
    return parts[1](row) if blank(value) else value


# Functions that must not evaluate every argument: (least number of arguments, how).
LAZY: dict[str, tuple[int, Callable[[Any, Sequence[Code]], Any]]] = {
    "IF": (2, _if),
    "IFS": (2, _ifs),
    "IFERROR": (2, _iferror),
    "ISERROR": (1, _iserror),
    "IFBLANK": (2, _ifblank),
}
