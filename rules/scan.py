"""Whole tables through all rules at once: which objects are worth looking at, and how many are not.

Rows are taken from the mirror in pieces, turned into columns, judged by ``vector.py`` and forgotten, so
memory does not grow with the table. What comes out decides nothing: objects that may be over a line, cannot
be judged or have a live alert are then judged one by one by ``evaluate.py``, on the path that an edit takes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

import numpy as np

from bitable_sync.codecs import read
from bitable_sync.readers import storable
from bitable_sync.spec import FieldSpec, TableSpec
from rules import vector as v
from rules.compiled import Program
from rules.evaluate import Past
from rules.freshness import FRESH, Freshness
from rules.metrics import usable
from rules.model import Verdict
from rules.specs import SOURCE
from rules.tree import LARGEST, PAST, Is, Tree, below, columns

PIECE: Final = 16_384
"""Rows judged at once: few enough for the processor's cache, so many that numpy's calls weigh little."""
_VERDICTS = {v.FINE: Verdict.CLEAR, v.UNKNOWN: Verdict.UNKNOWN, v.OUT: Verdict.OUT, v.HELD: Verdict.HOLD}
_PLAIN = {int, float, type(None)}


@dataclass(frozen=True, slots=True)
class FormerColumn:
    """A figure of former days of some objects: numbers, or not-a-number where nobody knows.

    ``odd``: which of them a double does not hold as they are written.
    """

    values: v.Floats
    odd: v.Flags


Former = Callable[[Sequence[str]], Mapping[str, FormerColumn]]
"""Object ids → their figures of former days by key (``gmv@week``); what is not in it nobody knows."""


@dataclass
class Scanned:
    """What a rule is about to say of a table.

    Attributes:
        worth: objects to be judged exactly.
        rest: how many rows of other objects stand how; those that are clear and those between the thresholds
            are one number, under ``CLEAR``.
        values: the metric by object, rounded, if it was asked for.
    """

    worth: set[str] = field(default_factory=set)
    rest: Counter[Verdict] = field(default_factory=Counter)
    values: dict[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Needs:
    """The columns that some rules read."""

    numbers: tuple[str, ...]
    words: tuple[str, ...]

    def cells(self, spec: TableSpec) -> list[str]:
        """The cells of a row that are read for them, the object's id first."""
        own = [key for key in self.numbers if PAST not in key]
        return [spec.business_key[0], *own, *self.words]

    @classmethod
    def of(cls, programs: Iterable[Program], more: Iterable[str] = ()) -> Needs:
        """Collect them; ``more``: columns of words that are needed besides."""
        numbers, words = dict[str, None](), dict.fromkeys(more)
        for made in programs:
            trees = (made.scope, made.condition, made.breach, made.recover, *(c for c, _ in made.floors))
            numbers.update(dict.fromkeys(columns(*trees)))
            words.update(dict.fromkeys(each.condition.key for each in _words(*trees)))
            if made.may_be_gone:
                words["status"] = None
        return cls(tuple(numbers), tuple(words))


def _words(*trees: Tree | None) -> list[Is]:
    """The comparisons of words in some trees."""
    found: list[Is] = []
    for tree in trees:
        if tree is not None:
            found += [tree] if isinstance(tree, Is) else _words(*below(tree))
    return found


def needs_of(programs: Iterable[Program], fresh: Freshness) -> Needs:
    """The columns that a scan of a table reads; where numbers may be too old, also where they came from."""
    return Needs.of(programs, [SOURCE] if fresh.doubts else ())


def scan(
    pieces: Iterable[Sequence[Mapping[str, Any]]],
    spec: TableSpec,
    programs: Sequence[Program],
    always: Sequence[AbstractSet[str]],
    past: Former,
    *,
    fresh: Freshness = FRESH,
    keep_values: bool = False,
) -> list[Scanned]:
    """Look through a table.

    Args:
        pieces: its rows in read shape (`bitable_sync.pieces`), at least the cells of `needs_of`.
        spec: the table.
        programs: rules of it.
        always: for each rule the objects that are to be judged whatever stands in their rows.
        past: gives figures of former days, asked once a piece.
        fresh: which rows have numbers too old to judge by.
        keep_values: give the metric of every object, too.

    Returns:
        One answer a rule.
    """
    needs, found = needs_of(programs, fresh), [Scanned() for _ in programs]
    leaves = [(_own_columns(made), _words(made.scope, made.condition)) for made in programs]
    anyone = frozenset[str]().union(*always)
    for piece in pieces:
        ids, block = make_block(piece, spec, needs, past)
        old = _too_old(ids, block, fresh)
        where: dict[str, list[int]] = {}
        if anyone:
            for place, key in enumerate(ids):
                if key in anyone:
                    where.setdefault(key, []).append(place)
        for made, own, keys, answer in zip(programs, leaves, always, found, strict=True):
            judged, unreadable = v.judge(made, block), block.unreadable(*own)
            if old is not None:
                judged.codes[old] = v.UNKNOWN
                unreadable = None if unreadable is None else unreadable & ~old
            for key in keys & where.keys():
                judged.codes[where[key]] = v.CLOSE
            _sort(judged.codes, unreadable, ids, answer)
            if keep_values and judged.values is not None:
                _keep(judged.codes, judged.values, ids, answer.values)
    return found


def _too_old(ids: Sequence[str], block: v.Block, fresh: Freshness) -> v.Flags | None:
    """The rows that say nothing because of their source's age; None when there are none."""
    if not fresh.doubts:
        return None
    sources = block.words[SOURCE]
    old = np.array([bool(fresh.of_cell(cell)) for cell in sources.cells], np.bool_)[sources.places]
    if fresh.missing:
        old |= np.fromiter((key in fresh.missing for key in ids), np.bool_, len(ids))
    return old if old.any() else None


def _own_columns(made: Program) -> list[str]:
    keys = columns(made.scope, made.condition, made.breach, made.recover, *(c for c, _ in made.floors))
    return [key for key in keys if PAST not in key]


def _sort(codes: v.Codes, unreadable: v.Flags | None, ids: Sequence[str], answer: Scanned) -> None:
    """Put rows that may need somebody aside, and count the others.

    A row that cannot be judged for want of a base or a sample opens no alert; one such is taken as an
    example.
    """
    worth = (codes == v.BREACH) | (codes == v.CLOSE)
    unknown = codes == v.UNKNOWN
    if unreadable is not None:
        worth |= unknown & unreadable
    if not answer.rest[Verdict.UNKNOWN] and (rest := np.flatnonzero(unknown & ~worth)).size:
        worth[rest[0]] = True
    answer.worth.update(ids[place] for place in np.flatnonzero(worth).tolist())
    left = ~worth
    for code, verdict in _VERDICTS.items():
        answer.rest[verdict] += int(np.count_nonzero(left & (codes == code)))


def _keep(codes: v.Codes, found: v.Floats, ids: Sequence[str], values: dict[str, Decimal]) -> None:
    there = ((codes == v.FINE) | (codes == v.BREACH)) & np.isfinite(found)
    for place in np.flatnonzero(there).tolist():
        values[ids[place]] = Decimal(format(float(found[place]), ".12g"))


# --- rows into columns ---


def make_block(
    rows: Sequence[Mapping[str, Any]], spec: TableSpec, needs: Needs, past: Former
) -> tuple[list[str], v.Block]:
    """Rows in read shape as columns; rows without a business key are left out.

    Returns:
        The objects' ids and the block, in the same order.
    """
    id_field = spec.by_key[spec.business_key[0]]
    named = [(key, row) for row in rows if (key := _object(row.get(id_field.key), id_field))]
    ids = [key for key, _ in named]
    odd = np.zeros(len(ids), np.bool_)
    numbers = {}
    former = past(ids) if any(PAST in key for key in needs.numbers) else {}
    for key in needs.numbers:
        if PAST in key:
            numbers[key] = _former(former.get(key), odd)
        else:
            numbers[key] = _column([row.get(key) for _, row in named], spec.by_key[key], odd)
    words = {key: _encode([row.get(key) for _, row in named], spec.by_key[key]) for key in needs.words}
    return ids, v.Block(len(ids), numbers, words, odd if odd.any() else None)


def _object(raw: Any, field: FieldSpec) -> str:
    value = storable(raw) if type(raw) is str else read(raw, field)
    return value.strip() if isinstance(value, str) else ""


def _column(raws: list[Any], field: FieldSpec, odd: v.Flags) -> v.Numbers:
    """A column of numbers. What is no plain JSON number is read as a single cell would be."""
    strange, whole = list[int](), raws
    if not set(map(type, raws)) <= _PLAIN:
        strange = [place for place, raw in enumerate(raws) if type(raw) not in _PLAIN]
        raws, whole = [raw if type(raw) in _PLAIN else None for raw in raws], raws
    values: v.Floats = np.array(raws, np.float64)
    _fill(values, odd, {place: usable(read(whole[place], field)) for place in strange})
    odd |= (np.abs(values) < v.SMALLEST) & (values != 0)
    return v.numbers(values, ~(np.abs(values) < 10.0**LARGEST))  # None became not-a-number, also bad


def _former(found: FormerColumn | None, odd: v.Flags) -> v.Numbers:
    if found is None:
        return v.numbers(np.ones(len(odd)), np.ones(len(odd), np.bool_))
    odd |= found.odd
    return v.numbers(found.values, np.isnan(found.values))


def given(past: Past) -> Former:
    """Figures that are there already, as columns."""

    def former(ids: Sequence[str]) -> dict[str, FormerColumn]:
        made = {}
        for key in {key for each in ids for key in past.get(each, ())}:
            values, odd = np.full(len(ids), np.nan), np.zeros(len(ids), np.bool_)
            _fill(values, odd, {place: past.get(each, {}).get(key) for place, each in enumerate(ids)})
            made[key] = FormerColumn(values, odd)
        return made

    return former


def _fill(values: v.Floats, odd: v.Flags, exact: Mapping[int, Decimal | None]) -> None:
    """Put exact numbers into a column; those that no double is the shortest spelling of are marked as odd."""
    for place, number in exact.items():
        if number is not None:
            near = float(number)
            values[place] = near
            odd[place] |= Decimal(repr(near)) != number


def _encode(raws: Sequence[Any], field: FieldSpec) -> v.Words:
    """A column of words: every different cell is read once."""
    places: dict[Any, int] = {}
    found = [
        places.setdefault(raw if type(raw) is str else (type(raw), repr(raw)), len(places)) for raw in raws
    ]
    first = dict(zip(reversed(found), reversed(raws), strict=True))
    cells = [read(first[place], field) for place in range(len(places))]
    return v.Words(np.array(found, np.intp), cells)
