"""What may be asked of the platforms, and what is proposed."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.limits import (
    Refusal,
    Standing,
    Wish,
    budget_rules,
    check_budget,
    check_pieces,
    floor_by_spend,
    moved_stock,
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


LESS, MORE = Wish(less=True, zh="赚得少", en="x"), Wish(less=False, zh="快用完", en="x")
money = st.decimals(min_value=0, max_value=100_000, places=2)


@given(budget=money, spend=money, platform=st.sampled_from(["抖音", "淘宝"]))
def test_a_proposal_is_always_one_the_platform_takes(budget: Decimal, spend: Decimal, platform: str) -> None:
    """Property: whatever is proposed passes the check, and goes the way that was wished."""
    rules = budget_rules(platform)
    for wish in (LESS, MORE):
        proposal = propose_budget(budget=budget, spend=spend, rules=rules, wish=wish)
        if proposal.amount is None:
            assert wish.less, "there is always room for more"
            assert budget - floor_by_spend(spend, rules) < 2 * rules.unit
        else:
            checked = check_budget(proposal.amount, budget=budget, spend=spend, changes_today=0, rules=rules)
            assert checked is None
            assert (proposal.amount < budget) is wish.less
            assert wish.zh in proposal.zh


def test_more_is_about_a_third_more_and_at_most_what_the_platform_knows() -> None:
    """2,000 becomes 2,600; where nearly all is spent the platform's 105 % count; the largest stays."""
    assert propose_budget(budget=Decimal(2000), spend=Decimal(1950), wish=MORE).amount == 2600
    assert propose_budget(budget=Decimal(2000), spend=Decimal(3000), wish=MORE).amount == 3200
    assert propose_budget(budget=Decimal(9_000_000), spend=Decimal(0), wish=MORE).amount is None


LOW = Standing(
    sellable=Decimal(30), on_way=Decimal(20), safety=Decimal(100), sales_7d=Decimal(70), lead_days=Decimal(5)
)


def test_the_restock_proposal_shows_its_reasoning() -> None:
    """Ten a day for five days of delivery plus seven, plus safety 100.

    Minus 30 sellable and 20 on the way = 170.
    """
    proposal = propose_pieces(LOW)
    assert proposal.amount == 170
    for part in ("日均销 10 件", "到货 5 天", "安全库存 100", "可售 30", "在途 20"):
        assert part in proposal.zh
    assert "箱规" not in proposal.zh


@pytest.mark.parametrize(
    ("pack", "pieces"), [("24", 192), ("170", 170), ("0", 170), ("-5", 170), ("2.5", 170)]
)
def test_a_restock_is_in_whole_boxes(pack: str, pieces: int) -> None:
    """The box is the SKU's own and stands in the reasoning; one that is none counts as one piece."""
    proposal = propose_pieces(replace(LOW, pack=Decimal(pack)))
    assert proposal.amount == pieces
    assert (f"箱规 {pack} 件" in proposal.zh) is (pack in ("24", "170"))


def test_without_sales_the_stock_is_filled_up() -> None:
    """The ERP's upper bound, else twice the safety stock; the text says that sales are not known."""
    unknown = replace(LOW, sales_7d=None)
    bounded = propose_pieces(replace(unknown, most=Decimal(255)))
    assert bounded.amount == 205
    assert propose_pieces(unknown).amount == 150
    assert "没有销量数据" in bounded.zh


def test_enough_on_the_way_proposes_nothing() -> None:
    """Goods that are coming are not bought twice."""
    proposal = propose_pieces(replace(LOW, on_way=Decimal(500), lead_days=None))
    assert proposal.amount is None
    assert "暂不需要" in proposal.zh


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"on_way": Decimal(520)}, "在途 20 → 520"),
        ({"sellable": Decimal(47)}, "可售 30 → 47"),
        ({"sales_7d": Decimal(14)}, "近 7 日销量 70 → 14"),
        ({"sales_7d": None}, "近 7 日销量 70 → 未知"),
        ({"sellable": Decimal(46)}, None),
        ({"sellable": Decimal(0), "on_way": Decimal(10)}, None),
        ({"sales_7d": Decimal(140)}, None),
    ],
)
def test_a_purchase_is_held_against_how_the_sku_stands_now(
    changes: dict[str, Decimal | None], said: str | None
) -> None:
    """170 pieces were decided: 17 fewer needed is another decision, 16 fewer or more needed is the same."""
    moved = moved_stock(LOW, replace(LOW, **changes), Decimal(170))  # type: ignore[arg-type]
    assert (None if moved is None else said is not None and said in moved) is (True if said else None)
    boxes = replace(LOW, **changes, pack=Decimal(1000))  # type: ignore[arg-type]
    assert moved_stock(LOW, boxes, Decimal(170)) is None, "less than a box is no difference"


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
