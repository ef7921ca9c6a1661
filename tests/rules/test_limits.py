"""What may be asked of the platforms, and what is proposed."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.limits import (
    Refusal,
    budget_rules,
    check_budget,
    check_pieces,
    floor_by_spend,
    propose_budget,
    propose_pieces,
    read_amount,
    yuan,
)


@pytest.mark.parametrize(
    ("typed", "amount"),
    [("800", "800"), (" 1,200 ", "1200"), ("¥950.50", "950.50"), ("700元", "700"), ("1，000", "1000")],
)
def test_an_amount_is_read_as_people_type_it(typed: str, amount: str) -> None:
    """Separators, blanks and yuan signs are fine."""
    assert read_amount(typed) == Decimal(amount)


@pytest.mark.parametrize(
    "typed", ["", None, "八百", "-5", "0", "1e3", "NaN", "Infinity", "12.345", "1_000", "８００", "10 20"]
)
def test_anything_else_is_refused_with_a_sentence(typed: object) -> None:
    """No exotic number form slips through to a platform."""
    refusal = read_amount(typed)
    assert isinstance(refusal, Refusal)
    assert refusal.zh
    assert refusal.en


@pytest.mark.parametrize(
    ("new", "budget", "spend", "changes", "words"),
    [
        ("299", "800", "0", 0, "不能低于 ¥300"),
        ("850", "800", "0", 0, "至少调整 ¥100"),
        ("1000", "2000", "1000", 0, "至少 ¥1,100"),
        ("900", "800", "0", 20, "明天再改"),
        ("10000000", "800", "0", 0, "不能高于"),
    ],
)
def test_the_platforms_rules_are_checked_before_anything_is_sent(
    new: str, budget: str, spend: str, changes: int, words: str
) -> None:
    """Minimum, step, 105 % of spend up to the hundred, twenty changes a day.

    Each refusal says what would do.
    """
    refusal = check_budget(Decimal(new), budget=Decimal(budget), spend=Decimal(spend), changes_today=changes)
    assert refusal is not None
    assert words in refusal.zh


@pytest.mark.parametrize(
    ("new", "budget", "spend"), [("300", "800", "0"), ("1100", "2000", "1000"), ("900", "800", "0")]
)
def test_what_the_platform_takes_is_allowed(new: str, budget: str, spend: str) -> None:
    """The exact edges are allowed."""
    assert check_budget(Decimal(new), budget=Decimal(budget), spend=Decimal(spend), changes_today=19) is None


money = st.decimals(min_value=0, max_value=100_000, places=2)


@given(budget=money, spend=money)
def test_a_proposal_is_always_one_the_platform_takes(budget: Decimal, spend: Decimal) -> None:
    """Property: whatever is proposed passes the check, and lowers the budget."""
    proposal = propose_budget(budget=budget, spend=spend)
    if proposal.amount is not None:
        assert check_budget(proposal.amount, budget=budget, spend=spend, changes_today=0) is None
        assert proposal.amount < budget
    else:
        assert budget - floor_by_spend(spend) < 200


def test_the_restock_proposal_shows_its_reasoning() -> None:
    """Ten a day for five days of delivery plus seven, plus safety 100.

    Minus 30 sellable and 20 on the way = 170.
    """
    proposal = propose_pieces(
        sellable=Decimal(30),
        on_way=Decimal(20),
        safety=Decimal(100),
        sales_7d=Decimal(70),
        lead_days=Decimal(5),
    )
    assert proposal.amount == 170
    for part in ("日均销 10 件", "到货 5 天", "安全库存 100", "可售 30", "在途 20"):
        assert part in proposal.zh


def test_without_sales_the_stock_is_filled_up() -> None:
    """The ERP's upper bound, else twice the safety stock; the text says that sales are not known."""
    bounded = propose_pieces(sellable=Decimal(30), on_way=Decimal(20), safety=Decimal(100), most=Decimal(255))
    assert bounded.amount == 210
    assert propose_pieces(sellable=Decimal(30), on_way=Decimal(20), safety=Decimal(100)).amount == 150
    assert "没有销量数据" in bounded.zh


def test_enough_on_the_way_proposes_nothing() -> None:
    """Goods that are coming are not bought twice."""
    proposal = propose_pieces(
        sellable=Decimal(30), on_way=Decimal(500), safety=Decimal(100), sales_7d=Decimal(70), lead_days=None
    )
    assert proposal.amount is None
    assert "暂不需要" in proposal.zh


def test_pieces_are_whole_and_bounded() -> None:
    """Half a shirt cannot be bought, nor a million."""
    assert check_pieces(Decimal("1.5")) is not None
    assert check_pieces(Decimal(100_001)) is not None
    assert check_pieces(Decimal(100_000)) is None


def test_money_is_written_for_people() -> None:
    """Whole yuan without decimals."""
    assert (yuan(Decimal("1234.5")), yuan(Decimal(800))) == ("¥1,234.50", "¥800")


@pytest.mark.parametrize(
    ("new", "words"), [("29", "不能低于 ¥30"), ("80.50", "整数元"), ("100", "至少调整 ¥1"), ("80", None)]
)
def test_another_platform_has_other_rules(new: str, words: str | None) -> None:
    """万相台 takes small whole budgets, whatever is spent and however often it was changed."""
    refusal = check_budget(
        Decimal(new), budget=Decimal(100), spend=Decimal(90), changes_today=25, rules=budget_rules("淘宝")
    )
    assert (None if refusal is None else words in refusal.zh) == (True if words else None)
    assert budget_rules("抖音") == budget_rules("京东") == budget_rules(None)


@given(budget=money, spend=money)
def test_its_proposal_is_one_it_takes(budget: Decimal, spend: Decimal) -> None:
    """Property, as above: passes the check and lowers the budget."""
    rules = budget_rules("淘宝")
    proposal = propose_budget(budget=budget, spend=spend, rules=rules)
    if proposal.amount is not None:
        checked = check_budget(proposal.amount, budget=budget, spend=spend, changes_today=0, rules=rules)
        assert (checked, proposal.amount < budget) == (None, True)
