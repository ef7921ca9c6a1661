"""The list of guards fits the code and the page: each invariant has one that can be taken out."""

import re
from pathlib import Path

import pytest

from tests.guards import CONTRACTS, MUTATIONS, Mutation
from tests.mutations import mutated

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "INVARIANTS.md").read_text("utf-8")


def test_every_invariant_has_a_guard_that_is_taken_out() -> None:
    """By number; and its test is one that the invariant names."""
    parts = dict(re.findall(r"^\*\*(\d+)\. (.+?)(?=^\*\*\d+\. |\Z)", PAGE, re.MULTILINE | re.DOTALL))
    assert {int(number) for number in parts} == {each.invariant for each in MUTATIONS}
    unnamed = [
        each.test
        for each in MUTATIONS
        if (f"`{each.test}`" if each.test != CONTRACTS else "ontracts") not in parts[str(each.invariant)]
    ]
    assert unnamed == []


@pytest.mark.parametrize("each", MUTATIONS, ids=lambda each: each.guard)
def test_each_guard_stands_where_the_list_says(each: Mutation) -> None:
    """Once, so that taking it out takes out that and nothing else."""
    assert (ROOT / each.file).read_text("utf-8").count(each.old) == 1


def test_a_test_that_notices_nothing_is_told(tmp_path: Path) -> None:
    """The runner tells a test that fails without the guard from one that does not, and puts the file back."""
    (tmp_path / "guard.py").write_text("RIGHT = True\n")
    (tmp_path / "test_it.py").write_text(
        "def test_looks():\n    assert open('guard.py').read() == 'RIGHT = True\\n'\n\n"
        "def test_sleeps():\n    pass\n"
    )
    for test, survives in (("test_it.py::test_looks", False), ("test_it.py::test_sleeps", True)):
        planted = Mutation(0, "x", "guard.py", "True", "False", test)
        assert mutated(tmp_path, planted) is survives
        assert (tmp_path / "guard.py").read_text() == "RIGHT = True\n"
