"""JSON of the wire: fast, and exactly as strict as before."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime import fastjson

NUMBERS = st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False)
PLAIN = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(PLAIN)
def test_what_is_written_is_read_back_by_anybody(value: object) -> None:
    """Half of a surrogate pair included: it stays an escape, so the text can always be encoded."""
    text = fastjson.dumps(value)
    assert fastjson.loads(text.encode()) == value == json.loads(text)


@pytest.mark.parametrize("raw", [b"NaN", b"[-Infinity]", b"1e400", b"", b"{", b"\xff", b'{"a":1}x', b"[1,]"])
def test_what_is_no_json_is_refused(raw: bytes) -> None:
    """Numbers beyond all bounds included."""
    with pytest.raises(ValueError):  # noqa: PT011 - the decoders' own
        fastjson.loads(raw)


@pytest.mark.parametrize("value", [datetime(2026, 1, 1, tzinfo=UTC), object()])
def test_only_plain_values_are_written(value: object) -> None:
    """A time or an object is a mistake, not a text."""
    with pytest.raises(TypeError):
        fastjson.dumps(value)


def test_half_of_a_pair_travels() -> None:
    """A message cut inside an emoji is kept as it came."""
    assert fastjson.loads(b'"\\ud800"') == "\ud800"
    assert fastjson.dumps(["\ud800"]) == '["\\ud800"]'
