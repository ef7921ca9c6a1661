"""Formula fields: parse once, run per record, with doubles as Bitable computes.

References are ``bitable::$table[tblX].$field[fldY]`` (another table's field is its whole column), ``[field
name]`` and ``CurrentValue.[field name]``. Source: field guide (Feishu docs, 2025-06) and the filter guide
(2024-05) for the forms; what a fault looks like over REST is unconfirmed, here it is its text
(``#DIV/0!``).
"""

import math
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from sandbox.bitable_functions import DAY, FUNCTIONS, LAZY, Fault, Moment, flat, num, text, truth

__all__ = ["DAY", "Fault", "Host", "Moment", "compile_formula", "normalise"]

Row = Any
Code = Callable[[Row], Any]


class Host(Protocol):
    """What a formula asks of its table."""

    def own(self, key: str) -> Code:
        """Reader of one field of the row, by field id or name; raises ValueError when there is none."""

    def column(self, table_id: str, field_id: str) -> Code:
        """Reader of a whole column of a table (rows of its own table: the row's cell)."""

    def now_ms(self) -> int:
        """The time, for NOW and TODAY."""

    def midnight_ms(self) -> int:
        """Start of today in the base's time zone."""


_TOKEN = re.compile(
    r"""\s*(?:
    (?P<ref>(?:bitable::)?\$table\[(?P<table>\w+)\]\.\$(?:field|column)\[(?P<field>\w+)\])
  | (?P<current>CurrentValue\.\[(?P<named>[^\]]+)\])
  | (?P<own>\$field\[(?P<ownid>\w+)\])
  | (?P<bracket>\[(?P<name>[^\]]+)\])
  | (?P<number>\d+(?:\.\d+)?(?:[eE][-+]?\d+)?|\.\d+)
  | (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
  | (?P<word>[A-Za-z_]\w*)
  | (?P<op><=|>=|<>|!=|==|&&|\|\||[-+*/%^&=<>(),.!;，（）])
  )""",
    re.VERBOSE,
)
_WIDE = {"，": ",", "（": "(", "）": ")", ";": ",", "==": "=", "<>": "!="}


def _tokens(source: str) -> Iterator[tuple[str, Any]]:
    at, end = 0, len(source.rstrip())
    while at < end:
        match = _TOKEN.match(source, at)
        if match is None or match.end() == at:
            raise ValueError(f"unexpected character at {at + 1}: {source[at : at + 10]!r}")
        at = match.end()
        group = match.groupdict()
        if group["ref"]:
            yield "ref", (group["table"], group["field"])
        elif group["current"] or group["bracket"] or group["own"]:
            yield "own", group["named"] or group["name"] or group["ownid"]
        elif group["number"]:
            yield "value", float(group["number"])
        elif group["string"]:
            yield "value", re.sub(r"\\(.)", r"\1", group["string"][1:-1])
        elif group["word"]:
            yield "word", group["word"]
        else:
            yield "op", _WIDE.get(group["op"], group["op"])


def normalise(source: str, table_id: str, id_of: Callable[[str], str | None]) -> str:
    """Spell ``[name]`` references by id, as the platform does, so that a rename does not break them."""

    def swap(match: "re.Match[str]") -> str:
        name = match["named"] or match["name"]
        if not name:
            return match[0]
        field_id = id_of(name)
        if field_id is None:
            raise ValueError(f"no field is called {name!r}")
        lead = match[0][: len(match[0]) - len(match[0].lstrip())]
        return f"{lead}bitable::$table[{table_id}].$field[{field_id}]"

    return _TOKEN.sub(swap, source)


class _Parser:
    """Recursive descent from tokens to closures over a row."""

    def __init__(self, source: str, table_id: str, host: Host) -> None:
        self.tokens = [*_tokens(source), ("end", None)]
        self.at = 0
        self.table_id = table_id
        self.host = host

    def take(self, *ops: str) -> str | None:
        kind, value = self.tokens[self.at]
        if kind == "op" and value in ops:
            self.at += 1
            return str(value)
        return None

    def expect(self, op: str) -> None:
        if not self.take(op):
            raise ValueError(f"expected {op!r}, found {self.tokens[self.at][1]!r}")

    def parse(self) -> Code:
        code = self.either()
        if self.tokens[self.at][0] != "end":
            raise ValueError(f"unexpected {self.tokens[self.at][1]!r}")
        return code

    def either(self) -> Code:
        left = self.both()
        while self.take("||"):
            left = _or(left, self.both())
        return left

    def both(self) -> Code:
        left = self.compare()
        while self.take("&&"):
            left = _and(left, self.compare())
        return left

    def compare(self) -> Code:
        left = self.joined()
        while op := self.take("=", "!=", "<", "<=", ">", ">="):
            left = _binary(_COMPARE[op], left, self.joined())
        return left

    def joined(self) -> Code:
        left = self.sum()
        while self.take("&"):
            left = _binary(lambda a, b: text(a) + text(b), left, self.sum())
        return left

    def sum(self) -> Code:
        left = self.product()
        while op := self.take("+", "-"):
            left = _binary(_add if op == "+" else _subtract, left, self.product())
        return left

    def product(self) -> Code:
        left = self.power()
        while op := self.take("*", "/", "%"):
            left = _binary(_ARITHMETIC[op], left, self.power())
        return left

    def power(self) -> Code:
        left = self.unary()
        while self.take("^"):
            left = _binary(lambda a, b: _finite(lambda: num(a) ** num(b)), left, self.unary())
        return left

    def unary(self) -> Code:
        if self.take("-"):
            inner = self.unary()
            return lambda row: -num(inner(row))
        if self.take("+"):
            return self.unary()
        if self.take("!"):
            inner = self.unary()
            return lambda row: not truth(inner(row))
        return self.postfix()

    def postfix(self) -> Code:
        code = self.primary()
        while self.take("."):
            kind, value = self.tokens[self.at]
            if kind != "word":
                raise ValueError("expected a function after '.'")
            self.at += 1
            code = _call(str(value), [code, *self.arguments()], self.host)
        return code

    def primary(self) -> Code:
        kind, value = self.tokens[self.at]
        self.at += 1
        if kind == "value":
            return lambda _: value
        if kind == "own":
            return self.host.own(value)
        if kind == "ref":
            table_id, field_id = value
            return (
                self.host.own(field_id) if table_id == self.table_id else self.host.column(table_id, field_id)
            )
        if kind == "word":
            return self.word(str(value))
        if (kind, value) == ("op", "("):
            inner = self.either()
            self.expect(")")
            return inner
        raise ValueError("the formula ends too early" if kind == "end" else f"unexpected {value!r}")

    def word(self, name: str) -> Code:
        upper = name.upper()
        if upper in ("TRUE", "FALSE") and self.tokens[self.at] != ("op", "("):
            return lambda _: upper == "TRUE"
        return _call(name, self.arguments(), self.host)

    def arguments(self) -> list[Code]:
        self.expect("(")
        found: list[Code] = []
        if self.take(")"):
            return found
        found.append(self.either())
        while self.take(","):
            found.append(self.either())
        self.expect(")")
        return found


def _binary(apply: Callable[[Any, Any], Any], left: Code, right: Code) -> Code:
    return lambda row: apply(left(row), right(row))


def _or(left: Code, right: Code) -> Code:
    return lambda row: truth(left(row)) or truth(right(row))


def _and(left: Code, right: Code) -> Code:
    return lambda row: truth(left(row)) and truth(right(row))


def _finite(compute: Callable[[], Any]) -> float:
    try:
        value = float(compute())
    except (OverflowError, ZeroDivisionError, TypeError) as bad:
        raise Fault("#NUM!") from bad
    if not math.isfinite(value):
        raise Fault("#NUM!")
    return value


def _add(a: Any, b: Any) -> Any:
    total = num(a) + num(b)
    return Moment(total) if isinstance(a, Moment) != isinstance(b, Moment) else total


def _subtract(a: Any, b: Any) -> Any:
    rest = num(a) - num(b)
    return Moment(rest) if isinstance(a, Moment) and not isinstance(b, Moment) else rest


def _divide(a: Any, b: Any) -> float:
    below = num(b)
    if below == 0:
        raise Fault("#DIV/0!")
    return _finite(lambda: num(a) / below)


def _remainder(a: Any, b: Any) -> float:
    below = num(b)
    if below == 0:
        raise Fault("#DIV/0!")
    return num(a) - below * math.floor(num(a) / below)


_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "*": lambda a, b: _finite(lambda: num(a) * num(b)),
    "/": _divide,
    "%": _remainder,
}


def _same(a: Any, b: Any) -> bool:
    if a is None or b is None:
        other = b if a is None else a
        return other in (None, "", 0, False)
    if isinstance(a, str) or isinstance(b, str):
        return text(a) == text(b)
    return num(a) == num(b)


def _order(check: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def compare(a: Any, b: Any) -> bool:
        if isinstance(a, str) and isinstance(b, str):
            return check(a, b)
        return check(num(a), num(b))

    return compare


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": _same,
    "!=": lambda a, b: not _same(a, b),
    "<": _order(lambda a, b: a < b),
    "<=": _order(lambda a, b: a <= b),
    ">": _order(lambda a, b: a > b),
    ">=": _order(lambda a, b: a >= b),
}


def _call(name: str, arguments: Sequence[Code], host: Host) -> Code:
    upper = name.upper()
    if upper == "NOW":
        return lambda _: Moment(host.now_ms() / DAY)
    if upper == "TODAY":
        return lambda _: Moment(host.midnight_ms() / DAY)
    if upper in LAZY:
        least, lazy = LAZY[upper]
        if len(arguments) < least:
            raise ValueError(f"{upper} needs {least} arguments")
        return lambda row: lazy(row, arguments)
    if upper not in FUNCTIONS:
        raise ValueError(f"unknown function {name}")
    least, most, apply = FUNCTIONS[upper]
    if not least <= len(arguments) <= most:
        raise ValueError(f"{upper} takes {least} to {most} arguments")
    return lambda row: apply(*[argument(row) for argument in arguments])


def compile_formula(source: str, table_id: str, host: Host) -> Code:
    """Turn a formula into a function of a record.

    Args:
        source: the expression, with or without a leading ``=``.
        table_id: the table the formula stands in.
        host: what references are resolved against.

    Returns:
        A function giving float, str, bool, Moment or None; it raises Fault for ``#DIV/0!`` and the like.

    Raises:
        ValueError: the expression cannot be understood, in words.
    """
    code = _Parser(source.strip().removeprefix("="), table_id, host).parse()

    def run(row: Row) -> Any:
        value = code(row)
        if isinstance(value, list):
            parts = flat([value])
            return parts[0] if len(parts) == 1 else ",".join(text(part) for part in parts) or None
        if isinstance(value, int) and not isinstance(value, bool):
            return float(value)
        return value

    return run


def moment_of(ms: int) -> Moment:
    """A date cell as a formula sees it."""
    return Moment(ms / DAY)
