"""Valid inputs, changed a little: bytes, text, trees. All chance comes from the generator that is given."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

ODD_TEXTS = (
    "", " ", "\0", "\ud800", "\ufeff", "\u202e", "a\r\nb: c", "=1+1", "x" * 5000, "🙂" * 300, "９", "NaN",
    "-0", "1e999", "9" * 400, "0x10", "1_000", "null", "{}", "[]", "../../etc/passwd", "%00", "'; --",
    "{{7*7}}", "ou_operator", "al_1", "2026-10.1", "<img src=x>",
)  # fmt: skip
ODD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2**31, 2**63, 2**64, -(2**63), 10**40, 0.1, 1e308, [], {}, [[]], [None],
    {"": ""},
)  # fmt: skip
ODD_BYTES = (
    b"\x00",
    b"\xff",
    b"\xfe\xff",
    b"\x80",
    b"\x7f",
    b"\r\n",
    b'"',
    b"\\",
    b"{",
    b"}",
    b"[",
    b"PK\x03\x04",
)


def raw(rng: Random, data: bytes) -> bytes:
    """Bytes with a few changes: flipped, cut, doubled, moved, put in."""
    found = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        at, end = sorted((rng.randint(0, len(found)), rng.randint(0, len(found))))
        kind = rng.randrange(6)
        if kind == 0 and found:
            found[at % len(found)] ^= 1 << rng.randrange(8)
        elif kind == 1 and found:
            found[at % len(found)] = rng.randrange(256)
        elif kind == 2:
            del found[at : min(end, at + 64)]
        elif kind == 3:
            found[at:at] = found[at : min(end, at + 64)] * rng.choice((1, 2, 30))
        elif kind == 4:
            found[at:at] = rng.choice(ODD_BYTES)
        else:
            del found[at:]
    return bytes(found)


def text(rng: Random, given: str, words: Sequence[str]) -> str:
    """Text with a few changes, among them words of the language it is written in."""
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        at, end = sorted((rng.randint(0, len(given)), rng.randint(0, len(given))))
        kind, word = rng.randrange(7), rng.choice(words)
        if kind == 0:
            given = given[:at] + word + given[at:]
        elif kind == 1:
            given = given[:at] + word + given[min(end, at + 12) :]
        elif kind == 2:
            given = given[:at] + given[min(end, at + 12) :]
        elif kind == 3:
            given = given[:at] + given[at:end] * rng.choice((2, 2, 3, 40)) + given[end:]
        elif kind == 4:
            given = given[:at] + rng.choice(ODD_TEXTS) + given[at:]
        elif kind == 5:
            given = (
                given[:at]
                + chr(rng.choice((rng.randrange(32, 127), rng.randrange(0x3000, 0xFFFF))))
                + given[at:]
            )
        else:
            deep = rng.choice((1, 3, 20, 60, 500))
            given = (
                given[:at]
                + "(" * deep
                + given[at:end]
                + ")" * rng.choice((deep, deep, deep - 1))
                + given[end:]
            )
    return given


def value(rng: Random) -> Any:
    """Something that stands where something else belongs."""
    kind = rng.randrange(8)
    if kind < 4:
        return rng.choice(ODD_TEXTS)
    if kind < 7:
        return rng.choice(ODD_VALUES)
    deep: Any = rng.choice(ODD_TEXTS)
    for _ in range(rng.choice((3, 9, 40, 300))):
        deep = {"a": deep} if rng.random() < 0.5 else [deep]
    return deep


def tree(rng: Random, given: Any) -> Any:
    """A JSON value with one or two places changed, taken away, put in or called otherwise."""
    for _ in range(rng.choice((1, 1, 2, 3))):
        given = _one(rng, given)
    return given


def _one(rng: Random, given: Any) -> Any:
    if isinstance(given, dict) and given:
        key = rng.choice(list(given))
        if rng.random() < 0.75:
            return {**given, key: _one(rng, given[key])}
        rest = {name: each for name, each in given.items() if name != key}
        kind = rng.randrange(3)
        if kind == 0:
            return rest
        return {**rest, str(rng.choice(ODD_TEXTS)): given[key]} if kind == 1 else {**given, "v": value(rng)}
    if isinstance(given, list) and given and rng.random() < 0.6:
        at = rng.randrange(len(given))
        return [*given[:at], _one(rng, given[at]), *given[at + 1 :]]
    return value(rng)
