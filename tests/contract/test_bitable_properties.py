"""What must hold for any sequence of writes and any arithmetic, tried with made-up ones."""

import itertools
import math
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.bitable_formula import Fault, compile_formula
from sandbox.bitable_people import BitableState
from sandbox.bitable_records import batch_create, batch_delete, search
from sandbox.kernel import Request, World

COUNTER = itertools.count()


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """A world without a server."""
    made = World()
    made.reset("empty", seed=1)
    made.bitable.write_seconds = 0.0
    yield made
    made.close()


def ask(world: World, app: str, table: str, body: bytes = b"{}", **query: str) -> Request:
    """A request as the server hands it to a handler."""
    place = {"app_token": app, "table_id": table}
    return Request("POST", "", place, query, {}, {}, body, {}, {}, world.default_app)


class NoFields:
    """A formula host for expressions without references."""

    def own(self, key: str) -> Any:
        """No field exists."""
        raise ValueError(key)

    def column(self, table_id: str, field_id: str) -> Any:
        """No table exists."""
        raise ValueError(table_id, field_id)

    def now_ms(self) -> int:
        """The beginning of time."""
        return 0

    def midnight_ms(self) -> int:
        """The beginning of time."""
        return 0


numbers = st.integers(-50, 50).map(str)
expressions = st.recursive(
    numbers,
    lambda inner: st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda p: f"({p[0]}{p[1]}{p[2]})"),
    max_leaves=12,
)


@given(expressions)
def test_arithmetic_is_that_of_doubles(expression: str) -> None:
    """Nested arithmetic gives what doubles give; a division by zero anywhere is #DIV/0!."""
    code = compile_formula(expression, "tbl", NoFields())
    try:
        expected = float(eval(expression))  # noqa: S307 - digits and operators only
    except ZeroDivisionError:
        with pytest.raises(Fault, match="#DIV/0!"):
            code(None)
        return
    assert math.isclose(code(None), expected, rel_tol=1e-12, abs_tol=1e-12)


steps = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(1, 7)),
        st.tuples(st.just("drop"), st.integers(0, 40)),
        st.tuples(st.just("page"), st.integers(1, 5)),
    ),
    max_size=25,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(steps, st.integers(0, 12))
def test_a_scan_among_writes_gives_what_stayed_exactly_once(
    world: World, plan: list[tuple[str, int]], before: int
) -> None:
    """Records that stand from the first page to the last come exactly once, whatever is written."""
    state: BitableState = world.bitable
    base = state.create_base(f"库{next(COUNTER)}")
    rows = [{"名称": str(n)} for n in range(before)]
    table = state.seed_table(base.token, "表", [("名称", 1)], rows)
    stayed = set(table.records)
    seen: list[str] = []
    token, open_pages = "", True

    def page(size: int) -> None:
        nonlocal token, open_pages
        query = {"page_size": str(size)} | ({"page_token": token} if token else {})
        answer = dict(search(world, ask(world, base.token, table.id, **query)))  # type: ignore[arg-type]
        seen.extend(item["record_id"] for item in answer["items"])
        token, open_pages = answer.get("page_token", ""), answer["has_more"]

    for verb, amount in plan:
        if verb == "add":
            body = '{"records":[' + ",".join(['{"fields":{}}'] * amount) + "]}"
            batch_create(world, ask(world, base.token, table.id, body.encode()))
        elif verb == "drop" and table.records:
            gone = list(table.records)[amount % len(table.records)]
            batch_delete(world, ask(world, base.token, table.id, f'{{"records":["{gone}"]}}'.encode()))
            stayed.discard(gone)
        elif verb == "page" and open_pages:
            page(amount)
    while open_pages:
        page(5)
    assert len(seen) == len(set(seen))
    assert stayed <= set(seen)
