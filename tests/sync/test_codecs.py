"""Codecs: read shape is not write shape, empty and unreadable are values, numbers stay exact."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitable_sync.cells import EMPTY, Attachment, CellValue, Person, Unreadable, UnwritableError, Url
from bitable_sync.codecs import canon, keep, read, same, write
from bitable_sync.readers import READERS
from bitable_sync.spec import FieldSpec, Kind
from bitable_sync.writers import WRITERS
from runtime.clock import SHANGHAI

NOON = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)
MS = 1772337600000


def col(kind: Kind, **more) -> FieldSpec:
    """A column of a kind, named 金额."""
    return FieldSpec("k", "金额", kind, **more)


READS: list[tuple[Kind, object, CellValue]] = [
    (Kind.TEXT, [{"type": "text", "text": "你"}, {"type": "mention", "text": "@A", "token": "ou_"}], "你@A"),
    (Kind.TEXT, "plain", "plain"),
    (Kind.TEXT, 12.0, "12"),
    (Kind.EMAIL, [{"type": "url", "text": "a@b.cn", "link": "mailto:a@b.cn"}], "a@b.cn"),
    (Kind.NUMBER, 0.1, Decimal("0.1")),
    (Kind.NUMBER, 3, Decimal(3)),
    (Kind.NUMBER, "3", Decimal(3)),
    (Kind.NUMBER, [{"type": "text", "text": " 12.50 "}], Decimal("12.50")),
    (Kind.PERCENT, 0.25, Decimal("0.25")),
    (Kind.SELECT, "投放中", "投放中"),
    (Kind.SELECT, ["投放中"], "投放中"),
    (Kind.MULTI_SELECT, ["a", "b"], ("a", "b")),
    (Kind.DATETIME, MS, NOON),
    (Kind.DATETIME, str(MS), NOON),
    (Kind.DATE, 1772294400000, date(2026, 3, 1)),  # midnight in Shanghai
    (Kind.DATE, 1772323200000, date(2026, 3, 1)),  # midnight in UTC, seen live, is the same day
    (Kind.CHECKBOX, True, True),
    (Kind.CHECKBOX, None, False),
    (Kind.USER, [{"id": "ou_1", "name": "甲", "email": ""}], (Person("ou_1", "甲"),)),
    (Kind.PHONE, "+8613", "+8613"),
    (Kind.URL, {"text": "t", "link": "https://x"}, Url("t", "https://x")),
    (Kind.ATTACHMENT, [{"file_token": "f", "name": "n.png", "size": 3}], (Attachment("f", "n.png", 3),)),
    (Kind.LINK, {"link_record_ids": ["rec1"]}, ("rec1",)),
    (Kind.LINK, ["rec1"], ("rec1",)),
    (Kind.LINK, [{"record_ids": ["rec1", "rec2"], "text": "x"}], ("rec1", "rec2")),
    (Kind.AUTO_NUMBER, "17", "17"),
    (Kind.FORMULA, {"type": 2, "ui_type": "Number", "value": [2.5]}, Decimal("2.5")),
    (Kind.FORMULA, {"type": 2, "value": 2.5}, Decimal("2.5")),
    (Kind.FORMULA, {"type": 1, "value": [{"type": "text", "text": "好"}]}, "好"),
    (Kind.FORMULA, {"type": 5, "value": [MS]}, NOON),
    (Kind.FORMULA, {"type": 2, "value": []}, EMPTY),
    (Kind.FORMULA, 7, Decimal(7)),
    (Kind.NUMBER, {"type": 2, "value": [5]}, Decimal(5)),  # the column became a lookup
]


@pytest.mark.parametrize(("kind", "raw", "value"), READS)
def test_reads(kind: Kind, raw: object, value: CellValue) -> None:
    """Every shape a cell has been seen in becomes one typed value."""
    assert read(raw, col(kind)) == value


@pytest.mark.parametrize("kind", [k for k in Kind if k is not Kind.CHECKBOX])
@pytest.mark.parametrize("raw", [None, "", [], {}])
def test_empty_is_empty(kind: Kind, raw: object) -> None:
    """However the platform says "nothing", it is EMPTY and not zero or an empty text."""
    assert read(raw, col(kind)) is EMPTY
    assert not EMPTY


@pytest.mark.parametrize(
    ("kind", "raw", "found"),
    [
        (Kind.NUMBER, [{"type": "text", "text": "1:3"}], "应为数字，现在是文字“1:3”"),
        (Kind.NUMBER, "1,000", "应为数字"),
        (Kind.NUMBER, float("nan"), "应为数字"),
        (Kind.NUMBER, True, "现在是勾选框"),
        (Kind.DATETIME, "昨天", "应为日期，现在是文字“昨天”"),
        (Kind.DATETIME, 10**20, "应为日期"),
        (Kind.USER, "甲", "应为人员，现在是文字“甲”"),
        (Kind.SELECT, ["a", "b"], "应为单个选项"),
        (Kind.CHECKBOX, "也许", "应为勾选框"),
        (Kind.URL, "没有链接", "应为链接"),
        (Kind.ATTACHMENT, [{"id": "x"}], "应为附件"),
        (Kind.LINK, 5, "应为关联记录，现在是数字 5"),
        (Kind.TEXT, 2**60, "应为文字"),
        (Kind.FORMULA, {"type": 2, "value": [1, 2]}, "应为单个值"),
    ],
)
def test_unreadable_names_column_and_content(kind: Kind, raw: object, found: str) -> None:
    """What does not fit is a sentence with the column and what stands there, never a guess or a crash."""
    value = read(raw, col(kind))
    assert isinstance(value, Unreadable)
    assert value.reason.startswith("「金额」")
    assert found in value.reason


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "value", "text", "id", "link", "file_token", "size", "link_record_ids", "!"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@given(st.sampled_from(list(Kind)), json_values)
def test_reading_never_raises(kind: Kind, raw: object) -> None:
    """Whatever JSON stands in a cell, reading gives a value or a sentence."""
    read(raw, col(kind))


WRITES: list[tuple[Kind, CellValue, object]] = [
    (Kind.TEXT, "a", "a"),
    (Kind.NUMBER, Decimal("0.10"), 0.1),
    (Kind.NUMBER, Decimal(5), 5),
    (Kind.DATETIME, NOON, MS),
    (Kind.DATE, date(2026, 3, 1), 1772294400000),
    (Kind.USER, (Person("ou_1", "甲"),), [{"id": "ou_1"}]),
    (Kind.URL, Url("t", "https://x"), {"text": "t", "link": "https://x"}),
    (Kind.ATTACHMENT, (Attachment("f", "n"),), [{"file_token": "f"}]),
    (Kind.LINK, ("rec1",), ["rec1"]),
    (Kind.MULTI_SELECT, ("a", "a", "b"), ["a", "b"]),
    (Kind.CHECKBOX, EMPTY, False),
    (Kind.TEXT, EMPTY, None),
    (Kind.USER, EMPTY, None),
]


@pytest.mark.parametrize(("kind", "value", "wire"), WRITES)
def test_writes(kind: Kind, value: CellValue, wire: object) -> None:
    """The write shape of each kind; EMPTY is null, which clears the cell."""
    assert write(value, col(kind)) == wire


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (col(Kind.NUMBER), "5"),
        (col(Kind.NUMBER), Decimal("NaN")),
        (col(Kind.NUMBER), Decimal(2**53)),
        (col(Kind.NUMBER), True),
        (col(Kind.TEXT), Decimal(5)),
        (col(Kind.TEXT), "x" * 100_001),
        (col(Kind.DATETIME), datetime(2026, 1, 1)),  # noqa: DTZ001 - a naive time is what is refused
        (col(Kind.DATE), NOON),
        (col(Kind.PHONE), "12 34"),
        (col(Kind.SELECT, options=("a",)), "b"),
        (col(Kind.MULTI_SELECT, options=("a",)), ("a", "b")),
        (col(Kind.FORMULA), Decimal(1)),
        (col(Kind.NUMBER), Unreadable("坏")),
    ],
)
def test_what_does_not_fit_is_refused(field: FieldSpec, value: CellValue) -> None:
    """A value of the wrong type, a number too long for a double, an unknown option.

    Refused before sending.
    """
    with pytest.raises(UnwritableError, match="金额"):
        write(value, field)


def test_live_options_count_not_those_of_the_spec() -> None:
    """What people may choose now decides, and an open column takes anything."""
    assert write("b", col(Kind.SELECT, options=("a",)), options=["b"]) == "b"
    assert write("c", col(Kind.SELECT, options=("a",), open_options=True)) == "c"


@pytest.mark.parametrize(("kind", "raw", "value"), READS)
def test_keeping_loses_nothing(kind: Kind, raw: object, value: CellValue) -> None:
    """What the mirror keeps of a value reads back as the same value."""
    assert read(keep(value, col(kind)), col(kind)) == value


def test_kept_unreadable_stays_unreadable() -> None:
    """A reason put into the mirror comes out again."""
    assert read(keep(Unreadable("坏"), col(Kind.NUMBER)), col(Kind.NUMBER)) == Unreadable("坏")


@given(st.decimals(min_value=-(10**11), max_value=10**11, places=4))
def test_numbers_survive_the_wire(value: Decimal) -> None:
    """An amount written, kept as a double and read again is the same amount."""
    field = col(Kind.NUMBER)
    again = read(write(value, field), field)
    assert again == value
    assert same(again, value)


@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)))  # noqa: DTZ001 - made aware below
def test_times_survive_to_the_millisecond(naive: datetime) -> None:
    """A time written and read again is the same to the millisecond, in any zone."""
    field = col(Kind.DATETIME)
    value = naive.replace(tzinfo=SHANGHAI)
    assert same(read(write(value, field), field), value)


def test_sameness_is_what_a_person_would_say() -> None:
    """Order of people, trailing zeros and shown names make no difference; types do."""
    assert same(Decimal("1.50"), Decimal("1.5"))
    assert same(Decimal(1) / 3, Decimal(str(float(Decimal(1) / 3))))
    assert same((Person("a", "x"), Person("b")), (Person("b"), Person("a", "y")))
    assert not same(False, EMPTY)
    assert not same("1", Decimal(1))


def test_keys() -> None:
    """A business key part is one text; what cannot identify is None."""
    assert [canon(v) for v in (Decimal("1.0"), " a ", date(2026, 3, 1), (Person("b"), Person("a")))] == [
        "1",
        "a",
        "2026-03-01",
        "a,b",
    ]
    assert [canon(v) for v in (EMPTY, Unreadable("x"), "", ())] == [None] * 4


def test_every_kind_has_a_codec() -> None:
    """A new kind cannot be forgotten here."""
    assert set(READERS) == set(WRITERS) == set(Kind)
