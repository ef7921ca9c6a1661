"""What is made of objects nobody lists: facts, doubts, and what a person has confirmed."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.missing import Doubted, Sorted, confirm, keep_doubted, load_doubted, open_questions, sort_out
from runtime import tables as floor
from tests.rules.kit import START, House

OPEN, SURE = Doubted("jd", confirmed=False), Doubted("jd", confirmed=True)


def lost(*keys: str) -> dict[str, str]:
    """Objects of jd that it did not list."""
    return dict.fromkeys(keys, "jd")


@pytest.mark.parametrize(
    ("missing", "there", "known", "found"),
    [
        (lost("1", "2"), "12", {}, Sorted(frozenset("12"))),
        (lost("1", "2", "3"), "123", {}, Sorted(doubted=lost("1", "2", "3"))),
        # one more is part of the same doubt, however few it is
        (lost("1", "2", "3", "4"), "1234", dict.fromkeys("123", OPEN), Sorted(doubted=lost("4"))),
        # those that are left stay in doubt, though they are few now
        (lost("1"), "1", dict.fromkeys("123", OPEN), Sorted(over=frozenset("23"))),
        # the connection did not answer this time: nothing is known, nothing is over
        ({}, "123", dict.fromkeys("123", OPEN), Sorted()),
        # a person has confirmed: facts, even together with one that is in doubt
        (lost("1", "2", "3"), "123", {"1": SURE, "2": SURE, "3": OPEN}, Sorted(frozenset("12"))),
        # confirmed, and listed again before it was marked
        ({}, "", {"1": SURE}, Sorted(over=frozenset("1"))),
        # confirmed, and its connection is silent: it waits
        ({}, "1", {"1": SURE}, Sorted()),
    ],
)
def test_few_are_facts_many_are_a_doubt_until_somebody_says_so(
    missing: Mapping[str, str], there: str, known: Mapping[str, Doubted], found: Sorted
) -> None:
    """Two may vanish at once."""
    assert sort_out(missing, set(there), known, 2) == found


KEYS = st.sampled_from("123456")


@given(
    steps=st.lists(st.tuples(st.sets(KEYS), st.booleans(), st.booleans()), max_size=12),
    limit=st.integers(1, 4),
)
def test_nothing_in_doubt_is_marked_before_it_was_confirmed(
    steps: list[tuple[set[str], bool, bool]], limit: int
) -> None:
    """Whatever is listed when, whenever the platform is silent and whenever somebody confirms."""
    known: dict[str, Doubted] = {}
    marked: set[str] = set()
    for listed, answered, confirms in steps:
        there = set("123456") - listed - marked
        before = dict(known)
        found = sort_out(lost(*(there if answered else ())), there, before, limit)
        assert all(before.get(key, SURE).confirmed for key in found.gone)
        assert len(found.gone - before.keys()) <= limit
        marked |= found.gone
        known = {k: v for k, v in before.items() if k not in found.over | found.gone}
        known |= dict.fromkeys(found.doubted, OPEN)
        assert known.keys() <= there
        if answered:
            assert known.keys() == there - marked, "nothing that is missing is neither marked nor in doubt"
        if confirms:
            known = dict.fromkeys(known, SURE)


@pytest.mark.db
def test_a_question_names_exactly_what_is_asked(house: House) -> None:
    """One a table and connection; confirmed it is no question, and what comes later is another one."""
    with house.db.begin() as conn:
        keep_doubted(conn, "plans", Sorted(doubted={"1": "jd", "2": "jd", "3": "qc"}), START)
        jd, qc = open_questions(conn)
        assert [(each.connection, each.count) for each in (jd, qc)] == [("jd", 2), ("qc", 1)]
        assert confirm(conn, jd, "ou_zhao", START) == 2
        keep_doubted(conn, "plans", Sorted(doubted={"4": "jd"}), START)
        left = {each.connection: each for each in open_questions(conn)}
        assert (left["jd"].count, left["qc"]) == (1, qc)
        assert left["jd"].digest != jd.digest
        assert {key for key, each in load_doubted(conn, "plans").items() if each.confirmed} == {"1", "2"}
        keep_doubted(conn, "plans", Sorted(gone=frozenset("12"), over=frozenset("3")), START)
        assert load_doubted(conn, "plans") == {"4": OPEN}
    (row,) = house.rows(floor.audit, action="missing.confirm")
    assert (row.actor, row.subject, row.detail) == ("ou_zhao", "missing:plans/jd", {"objects": 2})
