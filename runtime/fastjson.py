"""JSON between bytes of the wire and plain values, where there is much of it: orjson, a quarter of the time.

What orjson refuses goes to the standard library: half of a surrogate pair (a message cut inside an emoji)
is no text, but travels as an escape and is kept as one. Not a number and infinity are no JSON.
"""

import json
import math
from typing import Any, Final

import orjson


def _no_constant(_name: str) -> None:
    raise ValueError


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError
    return value


_decode: Final = json.JSONDecoder(parse_constant=_no_constant, parse_float=_finite).decode
_encode: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
_PLAIN: Final = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME


def loads(raw: bytes | str) -> Any:
    """Read JSON.

    Raises:
        ValueError: it is none.
        RecursionError: it is nested too deeply.
    """
    try:
        return orjson.loads(raw)
    except ValueError:
        return _decode(raw if isinstance(raw, str) else raw.decode())


def dumps(value: Any) -> str:
    """Write plain values compactly.

    Raises:
        TypeError: something in it has no JSON form.
    """
    try:
        return orjson.dumps(value, option=_PLAIN).decode()
    except TypeError:
        return _encode(value)
