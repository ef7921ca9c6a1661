"""Three ways to judge a row say the same: the reference below, the exact judgement, whole columns at once.

The reference computes in Decimal, straight from the tree, and knows nothing of closures, doubles or masks.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from bitable_sync.cells import EMPTY, Unreadable
from bitable_sync.mirror import Cells, Row
from rules import vector
from rules.compiled import Program, program
from rules.evaluate import evaluate
from rules.freshness import Freshness
from rules.model import Doubt, Finding, Rule, Verdict
from rules.parse import RuleText, parse
from rules.scan import Needs, make_block, scan
from rules.scan import given as columns_of
from rules.specs import GONE, PLANS, PLANS_TABLE
from rules.tree import PAST, All, Arith, Column, Compare, Const, Either, Extreme, Is, Ratio, Tree
from runtime.ids import RecordId, RuleId
from tests.rules.kit import CATALOG, START, rule

WORDS = CATALOG.by_key(PLANS)
Raw = Mapping[str, Any]


# --- the reference ---


class UnknownError(Exception):
    """The reference cannot compute it."""


def value_of(tree: Tree, row: Row, past: Mapping[str, Decimal]) -> Decimal:
    """A number of a row, or `UnknownError`."""
    match tree:
        case Const(value):
            return value
        case Column(key, _):
            found = past.get(key, EMPTY) if PAST in key else row.values[key]
            if not isinstance(found, Decimal) or not found.is_finite() or abs(found) >= 10**15:
                raise UnknownError
            return found
        case Arith(op, left, right):
            one, other = value_of(left, row, past), value_of(right, row, past)
            return {"+": one + other, "-": one - other, "*": one * other}[op]
        case Ratio(left, right, _):
            one, other = value_of(left, row, past), value_of(right, row, past)
            if other == 0:
                raise UnknownError
            return one / other
        case Extreme(most, parts):
            values = sorted(value_of(part, row, past) for part in parts)
            return values[-1] if most else values[0]
    raise AssertionError(tree)


def truth_of(tree: Tree | None, row: Row, past: Mapping[str, Decimal]) -> bool | None:
    """A condition of a row; None when it is unknown."""
    match tree:
        case None:
            return True
        case Compare(op, left, right):
            try:
                one, other = value_of(left, row, past), value_of(right, row, past)
            except UnknownError:
                return None
            signs = {"<": one < other, "<=": one <= other, ">": one > other, ">=": one >= other}
            return {**signs, "==": one == other, "!=": one != other}[op]
        case Is(condition, strict):
            cell = row.values[condition.key]
            if isinstance(cell, Unreadable) or (strict and cell is EMPTY):
                return None
            text = "" if cell is EMPTY else str(cell)
            if isinstance(cell, Decimal):
                text = format(cell.normalize(), "f")
            if condition.operator == "包含":
                return condition.values[0] in text
            return (text in condition.values) == (condition.operator == "=")
        case All(parts):
            held = [truth_of(part, row, past) for part in parts]
            return False if False in held else None if None in held else True
        case Either(parts):
            held = [truth_of(part, row, past) for part in parts]
            return True if True in held else None if None in held else False
    raise AssertionError(tree)


def expected(made: Program, row: Row, past: Mapping[str, Decimal]) -> Verdict:
    """What the reference says of a row; between the thresholds counts as clear."""
    if row.values["status"] == GONE:
        return Verdict.UNKNOWN
    inside = truth_of(made.scope, row, past)
    if inside is not True:
        return Verdict.OUT if inside is False else Verdict.UNKNOWN
    try:
        for column, least in made.floors:
            if value_of(column, row, past) < least:
                return Verdict.HOLD
        held = truth_of(made.condition or made.breach, row, past)
        if made.condition is None:
            value_of(made.recover, row, past)
    except UnknownError:
        return Verdict.UNKNOWN
    return Verdict.UNKNOWN if held is None else Verdict.BREACH if held else Verdict.CLEAR


# --- rules and rows that lie on every edge ---

AMOUNTS: Sequence[Any] = (
    0, 0, 1, 3, 7, 10, 100, 300, 1000, 0.1, 0.2, 0.3, 0.7, 2.1, 33.33, 99.99, 0.01, 1e-7, -0.3, -5,
    123456789.01, 999999999999.99, 1e14, 1e15, 1e22, 1e-16, 5e-324, None, "", "abc", "12.5", " 7 ",
    "0.30000000000000000001", "1e-400", "NaN", True, [{"text": "3"}], {"!": "读不出来"}, [1, 2],
)  # fmt: skip
SOURCES: Sequence[Any] = ("qc", "jd", " jd ", "old", None, "", {"!": "读不出来"}, [{"text": "jd"}])
"""What may stand in 数据来源: two connections, one nobody knows any more, and none."""
STATES: Sequence[Any] = ("投放中", "投放中", "已暂停", GONE, None, {"!": "选项读不出"}, [{"text": "投放中"}])
COLUMNS = ("消耗", "成交金额", "日预算", "成交订单数", "ROI", "预算消耗率", "昨日(成交金额)", "上周(消耗)")
CONSTANTS = ("0", "0.1", "0.3", "1", "3", "0.7", "300", "33.33", "0.3333333333333333", "999999999999.99")
amounts = st.sampled_from(AMOUNTS)
numbers = st.recursive(
    st.sampled_from([*COLUMNS, *CONSTANTS]),
    lambda inner: st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from("+-*/"), inner),
        st.builds("{}({}, {})".format, st.sampled_from(("min", "max")), inner, inner),
        st.builds("abs({})".format, inner),
        st.builds("-{}".format, inner),
    ),
    max_leaves=5,
)
comparisons = st.one_of(
    st.builds("{} {} {}".format, numbers, st.sampled_from(("<", "<=", ">", ">=", "==", "!=")), numbers),
    st.builds("{} <= {} < {}".format, numbers, numbers, numbers),
    st.builds('状态 {} "{}"'.format, st.sampled_from(("=", "!=")), st.sampled_from(("投放中", "已暂停"))),
)
expressions = st.recursive(
    comparisons,
    lambda inner: st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from(("and", "or", "且", "或")), inner),
        st.builds("not ({})".format, inner),
    ),
    max_leaves=4,
)
SCOPES = ("", "状态=投放中", "平台≠淘宝", "消耗>=0.3", "计划名称 包含 新品 且 成交订单数<7", "消耗=0.3")
plain_texts = st.builds(
    RuleText, name=st.just("规则"), table=st.just("计划日报"),
    metric=st.sampled_from(("ROI", "消耗", "日预算", "预算消耗率", "成交金额环比", "消耗同比上周")),
    comparison=st.sampled_from(("低于", "低于或等于", "高于", "高于或等于")),
    threshold=st.sampled_from(("3", "1:3", "0.3", "30%", "日预算", "日预算的 10%", "消耗*0.7", "-5", "0")),
    scope=st.sampled_from(SCOPES), recover=st.sampled_from(("", "成交金额", "日预算的 120%")),
    floor=st.sampled_from(("", "0.3", "100")), sample=st.sampled_from(("", "3")), enabled=st.just(True),
)  # fmt: skip
expert_texts = st.builds(
    RuleText, name=st.just("规则"), table=st.just("计划日报"), expression=expressions,
    scope=st.sampled_from(SCOPES), floor=st.sampled_from(("", "100")), enabled=st.just(True),
)  # fmt: skip
rows = st.lists(
    st.fixed_dictionaries(
        dict.fromkeys(("spend", "gmv", "budget", "orders"), amounts)
        | {"status": st.sampled_from(STATES), "platform": st.sampled_from(("抖音", "淘宝", None))}
        | {"name": st.sampled_from(("夏季新品", "旧款", None)), "source": st.sampled_from(SOURCES)}
    ),
    min_size=1,
    max_size=12,
)
pasts = st.dictionaries(
    st.sampled_from(("gmv@day", "spend@week")), st.sampled_from([Decimal(n) for n in ("0", "3", "33.33")])
)


freshes = st.builds(
    Freshness,
    others=st.sampled_from(("", "旧")),
    by_source=st.dictionaries(st.sampled_from(("qc", "jd")), st.sampled_from(("", "旧"))),
    missing=st.dictionaries(st.sampled_from(("p0", "p3")), st.just("少了")),
)


def made_rule(text: RuleText) -> Rule:
    """The rule, if it is one."""
    found = parse(RuleId("r"), text, CATALOG)
    assume(isinstance(found, Rule))
    assert isinstance(found, Rule)
    return found


def named(raws: Sequence[Raw]) -> list[dict[str, Any]]:
    """The rows with an id each, as the mirror keeps them."""
    return [{"plan_id": f"p{n}", **raw} for n, raw in enumerate(raws)]


def typed(raws: Sequence[Raw]) -> list[Row]:
    """The rows as the event path has them."""
    return [Row(PLANS, RecordId(f"r{n}"), Cells(raw, PLANS_TABLE), START) for n, raw in enumerate(raws)]


def plain(verdict: Verdict) -> Verdict:
    """Between the thresholds counts as clear, but for a floor, which the caller knows."""
    return Verdict.CLEAR if verdict is Verdict.HOLD else verdict


SAID = {
    vector.FINE: Verdict.CLEAR, vector.BREACH: Verdict.BREACH, vector.UNKNOWN: Verdict.UNKNOWN,
    vector.OUT: Verdict.OUT, vector.HELD: Verdict.CLEAR,
}  # fmt: skip


@settings(max_examples=400)
@given(text=st.one_of(plain_texts, expert_texts), raws=rows, then=pasts)
@example(
    text=RuleText(name="x", table="计划日报", expression="消耗 + 日预算 <= 0.3", enabled=True),
    raws=[{"spend": 0.1, "budget": 0.2}, {"spend": 0.1, "budget": 0.20000000000000004}],
    then={},
)
@example(
    text=RuleText(name="x", table="计划日报", expression="消耗*日预算 <= 成交金额*成交订单数", enabled=True),
    raws=[{"spend": 94906267, "budget": 94906267, "gmv": 375299979828137, "orders": 24}],
    then={},
)
@example(
    text=RuleText(name="x", table="计划日报", expression="1 / (消耗 - 日预算 - 成交金额) < 0", enabled=True),
    raws=[{"spend": 0.3, "budget": 0.1, "gmv": 0.2}],
    then={},
)
@example(
    text=RuleText(name="x", table="计划日报", expression="ROI * 3 < 1", enabled=True),
    raws=[{"spend": 3, "gmv": 1}, {"spend": 3.0000000000000004, "gmv": 1}], then={},
)  # fmt: skip
def test_reference_exact_judgement_and_columns_agree(
    text: RuleText, raws: list[Raw], then: dict[str, Decimal]
) -> None:
    """Whatever the rule and the cells: the scan, the exact verdict and the reference agree."""
    of, raws = made_rule(text), named(raws)
    past = {"p0": then}
    made, found = program(of), {item.object_id: item for item in evaluate(of, typed(raws), WORDS, past=past)}
    ids, block = make_block(raws, PLANS_TABLE, Needs.of([made]), columns_of(past))
    codes = vector.judge(made, block).codes
    for key, row, code in zip(ids, typed(raws), codes, strict=True):
        says = plain(found[key].verdict)
        assert says is plain(expected(made, row, past.get(key, {})))
        assert code == vector.CLOSE or SAID[int(code)] is says


@given(text=st.one_of(plain_texts, expert_texts), raws=rows, then=pasts, twice=st.booleans(), fresh=freshes)
@example(
    text=RuleText(name="x", table="计划日报", expression="消耗 > 5", enabled=True),
    raws=[{"spend": 9, "source": source} for source in ("qc", "jd", None, "old")],
    then={}, twice=False, fresh=Freshness("", {"qc": "", "jd": "旧"}, {"p0": "少了"}),
)  # fmt: skip
def test_a_scan_leaves_out_nothing_that_matters(
    text: RuleText, raws: list[Raw], then: dict[str, Decimal], twice: bool, fresh: Freshness
) -> None:
    """What is over a line or worth an alert is put aside, the rest is counted rightly.

    Rows of a connection whose numbers are too old count as unknown on both paths, and no other row does.
    """
    of, kept, past = made_rule(text), named(raws), {"p0": then}
    pieces = [kept[:2], kept[2:]]
    always = {"p1"} if twice else set()
    answer = scan(pieces, PLANS_TABLE, [program(of)], [always], columns_of(past), fresh=fresh)[0]
    found = evaluate(of, typed(kept), WORDS, past=past, fresh=fresh)
    findings = {item.object_id: item for item in found}
    for row in typed(kept):
        key = str(row.values["plan_id"])
        assert (findings[key].doubt is Doubt.STALE) == bool(fresh.of_row(key, row.values))
    for key, item in findings.items():
        if item.verdict is Verdict.BREACH or (item.doubt is not None and item.doubt.opens) or key in always:
            assert key in answer.worth
    left = Counter(plain(item.verdict) for key, item in findings.items() if key not in answer.worth)
    rest = Counter({Verdict.CLEAR: answer.rest.pop(Verdict.HOLD, 0)}) + answer.rest
    assert rest == +left


def test_ordinary_rows_are_decided_by_columns() -> None:
    """Prices in cents, counts and round thresholds: next to nothing has to be judged again."""
    texts = (
        RuleText(name="a", table="计划日报", metric="日预算", comparison="低于", threshold="300"),
        RuleText(name="b", table="计划日报", metric="ROI", comparison="低于", threshold="1:3"),
        RuleText(
            name="c", table="计划日报", metric="消耗", comparison="高于或等于", threshold="日预算的 90%"
        ),
        RuleText(name="d", table="计划日报", expression="成交金额 - 消耗 < 500 and 成交订单数 >= 3"),
    )
    raws = named([
        {"spend": n * 7 % 900 + 0.25, "gmv": n * 31 % 4000 + 0.37, "budget": 300 - n % 2, "orders": n % 9}
        for n in range(2000)
    ])  # fmt: skip
    for text in texts:
        made = program(rule(text))
        _, block = make_block(raws, PLANS_TABLE, Needs.of([made]), columns_of({}))
        codes = vector.judge(made, block).codes
        assert (codes == vector.CLOSE).sum() < 10
        assert {vector.FINE, vector.BREACH} <= set(codes.tolist())


def test_the_answer_names_value_limit_and_recovery() -> None:
    """An expression of one comparison has what a rule of single cells has."""
    of = rule(metric="", comparison="", threshold="", expression="3 > ROI", scope="", recover="1:4")
    found: Finding = evaluate(of, typed(named([{"spend": 1000, "gmv": 2000}])), WORDS)[0]
    assert (found.verdict, found.value, found.limit, found.recover_at) == (
        Verdict.BREACH, Decimal(2), Decimal(3), Decimal(4),
    )  # fmt: skip
    assert evaluate(of, typed(named([{"spend": 1000, "gmv": 3500}])), WORDS)[0].verdict is Verdict.HOLD


@pytest.mark.parametrize(
    ("expression", "values", "verdict"),
    [
        ("ROI < 3 and 消耗 > 500", {"spend": 400, "gmv": None}, Verdict.CLEAR),
        ("ROI < 3 and 消耗 > 500", {"spend": 600, "gmv": None}, Verdict.UNKNOWN),
        ("ROI < 3 or 消耗 > 500", {"spend": 600, "gmv": None}, Verdict.BREACH),
        ("ROI < 3 or 消耗 > 500", {"spend": 400, "gmv": None}, Verdict.UNKNOWN),
        ("not (ROI < 3) or 消耗 > 500", {"spend": 400, "gmv": None}, Verdict.UNKNOWN),
        ("ROI < 3 or 消耗 > 500", {"spend": 0, "gmv": 0}, Verdict.UNKNOWN),
        ('平台 != "淘宝" and 消耗 > 5', {"spend": 6, "platform": None}, Verdict.UNKNOWN),
    ],
)
def test_what_is_unknown_decides_nothing_unless_the_rest_does(
    expression: str, values: Raw, verdict: Verdict
) -> None:
    """False and unknown is false, true or unknown is true, anything else with unknown is unknown."""
    of = rule(metric="", comparison="", threshold="", scope="", expression=expression)
    assert evaluate(of, typed(named([values])), WORDS)[0].verdict is verdict


def test_the_sentence_names_the_first_cell_that_is_in_the_way() -> None:
    """People learn which cell to fill, also behind functions; a renamed column by its new name."""
    of = rule(
        metric="", comparison="", threshold="", scope="", expression="min(消耗, 日预算) / 成交订单数 > 5"
    )
    cases = {
        "“日预算”是空的": {"spend": 1, "orders": 2},
        "“成交订单数”读不出数字": {"spend": 1, "budget": 5, "orders": "几单"},
        "成交订单数 为 0，无法计算": {"spend": 1, "budget": 5, "orders": 0},
        "“消耗”的数字太大": {"spend": 1e18, "budget": 5, "orders": 1},
    }
    for sentence, values in cases.items():
        assert sentence in evaluate(of, typed(named([values])), WORDS)[0].sentence
    renamed = WORDS.also([("今日花费", "spend")])
    assert "“今日花费”" in evaluate(of, typed(named([{}])), renamed)[0].sentence


def test_an_unreadable_scope_keeps_its_sentence() -> None:
    """The doubt says that it is the scope which cannot be judged."""
    assert evaluate(rule(scope="消耗>=500"), typed(named([{"spend": "x"}])), WORDS)[0].sentence.startswith(
        "范围条件无法判断：“"
    )
