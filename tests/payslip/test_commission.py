"""Commission: every kind of plan at its edges, refunds, pools to the last cent."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payslip.calculate import calculate
from payslip.commission import share_out
from payslip.documents import Pay
from payslip.errors import CannotCompute
from tests.payslip import kit

BOOKS = kit.books(structure=(kit.component("提成", "[提成金额]"),), social=())


def pay(*entries: dict[str, Any], **about: Any) -> Pay:
    """The pay of somebody who lives on commission."""
    return calculate(BOOKS, kit.person(commission=entries, **about))


def earned(*entries: dict[str, Any], **about: Any) -> Decimal:
    """The month's commission in yuan."""
    return kit.lines(pay(*entries, **about))["提成"]


@pytest.mark.parametrize(
    ("plan", "base", "expected"),
    [
        ("店铺提成", "600000", "9000.00"),
        ("店铺提成", "0.33", "0.00"),
        ("店铺提成", "0.34", "0.01"),
        ("店铺提成", "-100", "-1.50"),
        ("分段提成", "500000", "7500.00"),
        ("分段提成", "600000", "9500.00"),
        ("分段提成", "500000.50", "7500.01"),
        ("分段提成", "0", "0.00"),
        ("全额提成", "100000", "0.00"),
        ("全额提成", "100000.01", "1000.00"),
        ("全额提成", "500000", "5000.00"),
        ("全额提成", "500000.01", "10000.00"),
    ],
)
def test_tiers_end_with_their_upper_limit(plan: str, base: str, expected: str) -> None:
    """Slice and whole differ above a limit; the limit itself belongs to the lower tier."""
    topped = earned({"plan": plan, "base": base}, {"plan": "店铺提成", "base": "1000"})
    assert topped == Decimal(expected) + 15


def test_entries_are_rounded_one_by_one() -> None:
    """Three thirds of a cent are three roundings, not one."""
    assert earned(*[{"plan": "店铺提成", "base": "0.34"}] * 3) == Decimal("0.03")


def test_roi_share_pays_for_what_lies_above_the_target() -> None:
    """Budget 100,000 at target 1:4, reached 1:5: a tenth of the extra 100,000; at the target nothing."""
    above = {"plan": "投放分成", "base": "500000", "spend": "100000", "target": "4"}
    assert earned(above) == 10_000
    assert earned({**above, "base": "400000"}) == 0


def test_refunds_come_off_and_the_rest_is_carried() -> None:
    """Commission never goes below zero; what could not be taken back waits for the next month."""
    entry = {"plan": "店铺提成", "base": "10000", "clawback": "250.255"}
    first = pay(entry)
    assert kit.lines(first)["提成"] == 0
    assert first.carry.clawback == Decimal("100.26")
    assert "转下期" in kit.how(first, "提成")
    second = pay({"plan": "店铺提成", "base": "10000"}, carry=first.carry.model_dump())
    assert kit.lines(second)["提成"] == Decimal("49.74")
    assert second.carry.clawback == 0


def test_a_carry_waits_for_somebody_without_commission() -> None:
    """A month without entries takes nothing back and forgets nothing."""
    assert pay(carry={"clawback": "80"}).carry.clawback == 80


def test_the_pool_is_shared_to_the_last_cent() -> None:
    """Ten cents among three: the cent left goes to the first number; coefficients weigh."""
    even = {"plan": "团队奖金池", "pool": "0.10", "coefficients": {"E003": "1", "E001": "1", "E002": "1"}}
    assert [earned(even, no=no) for no in ("E001", "E002", "E003")] == [
        Decimal("0.04"), Decimal("0.03"), Decimal("0.03"),
    ]  # fmt: skip
    weighed = {"plan": "团队奖金池", "pool": "1000", "coefficients": {"E001": "1.5", "E002": "0.5"}}
    assert earned(weighed) == 750


@given(
    st.decimals(min_value=0, max_value=10**7, places=2),
    st.dictionaries(
        st.from_regex(r"E[0-9]{3}", fullmatch=True),
        st.decimals(min_value=0, max_value=9, places=3),
        min_size=1,
        max_size=12,
    ),
)
def test_a_pool_loses_and_makes_nothing(pool: Decimal, coefficients: dict[str, Decimal]) -> None:
    """Shares add up to the pool and lie within a cent of the exact share."""
    whole = sum(coefficients.values())
    if not whole:
        with pytest.raises(CannotCompute, match="个人系数"):
            share_out(pool, coefficients)
        return
    shares = share_out(pool, coefficients)
    assert sum(shares.values()) == pool
    for no, factor in coefficients.items():
        assert abs(shares[no] * whole - pool * factor) < Decimal("0.01") * whole


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ({"plan": "没有的方案"}, "提成标准里没有“没有的方案”"),
        ({"plan": "投放分成", "base": "5", "target": "4"}, "广告花费为零"),
        ({"plan": "店铺提成", "clawback": "-1"}, "退款扣回为负数"),
        ({"plan": "团队奖金池", "pool": "-1", "coefficients": {"E001": "1"}}, "团队池为负数"),
        ({"plan": "团队奖金池", "pool": "9", "coefficients": {"E002": "1"}}, "没有此人的个人系数"),
        ({"plan": "团队奖金池", "pool": "9", "coefficients": {"E001": "0"}}, "合计要大于零"),
        ({"plan": "团队奖金池", "pool": "9", "coefficients": {"E001": "2", "E002": "-1"}}, "不能有负数"),
    ],
)
def test_what_is_wrong_with_an_entry_is_said(entry: dict[str, Any], says: str) -> None:
    """The sentence names the column and what to do."""
    with pytest.raises(CannotCompute, match=says) as caught:
        pay(entry)
    assert caught.value.component == "提成金额"


def test_a_plan_with_the_wrong_number_of_tiers_is_refused() -> None:
    """A fixed rate has one rate."""
    books = kit.books(plans=[{"name": "固定", "kind": "固定比例", "tiers": []}], social=())
    with pytest.raises(CannotCompute, match="应当只有一档"):
        calculate(books, kit.person(commission=[{"plan": "固定", "base": "1"}]))
    twice = kit.books(plans=[*kit.PLANS, kit.PLANS[0]], social=())
    with pytest.raises(CannotCompute, match="同名"):
        calculate(twice, kit.person())


def test_the_explanation_lets_people_check() -> None:
    """Every entry's figures stand in the line's explanation."""
    slip = pay({"plan": "分段提成", "base": "600000", "clawback": "500"})
    words = kit.how(slip, "提成")
    assert "500,000 × 1.5% + 100,000 × 2% = 9,500" in words
    assert "退款扣回 −500" in words
