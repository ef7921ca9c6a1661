"""What must hold for every person: balance, monotony, replay, a year that adds up."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from payslip.calculate import calculate
from payslip.documents import Books, Person, canonical
from tests.payslip import kit

CENT = Decimal("0.01")
money = st.decimals(min_value=0, max_value=200_000, places=2)
small = st.decimals(min_value=0, max_value=3_000, places=2)
days = st.decimals(min_value=0, max_value=23, places=1)


@st.composite
def people(draw: st.DrawFn) -> Person:
    """People of every sort: absent, ill, in debt, with bonus, commission and back-payments."""
    kinds = ["补发", "法院扣划", "损失赔偿", "离职补偿", "全年一次性奖金"]
    items = [
        kit.one_off(kind, str(draw(money)), separate=kind == "全年一次性奖金")
        for kind in draw(st.lists(st.sampled_from(kinds), max_size=5, unique=True))
    ]
    late = {"month": "2026-09", "employee": {"养老": draw(small)}, "employer": {"医疗": draw(small)}}
    return kit.person(
        fields={
            "基本工资": draw(money),
            "绩效系数": draw(st.decimals(min_value=0, max_value=2, places=2)),
            "缺勤天数": draw(days),
            "病假天数": draw(days),
            "工作日加班": draw(days),
        },
        one_off=items,
        commission=[{"plan": "分段提成", "base": draw(money) * 9, "clawback": draw(small)}],
        carry={"receivable": draw(small), "clawback": draw(small), "damages": draw(small)},
        social_base=draw(money),
        fund_base=draw(money),
        fund_rate=draw(st.none() | st.decimals(min_value=0, max_value=Decimal("0.2"), places=3)),
        backpay=draw(st.sampled_from([[], [late]])),
        additional=[kit.declaration(str(draw(small)))],
        join=draw(st.dates(min_value=kit.person().join, max_value=kit.books().pay_date)),
        low_income=draw(st.booleans()),
        history=draw(
            st.sampled_from(
                [
                    [],
                    [
                        {
                            "paid": "2026-09",
                            "income": "90000",
                            "exempt": "0",
                            "special": "9000",
                            "withheld": "900",
                        }
                    ],
                ]
            )
        ),
    )


@given(people())
def test_pay_balances_to_the_cent(person: Person) -> None:
    """Gross and what is owed equal net and everything taken; the totals are the sums of their lines."""
    pay = calculate(kit.books(), person)
    sums = {
        kind: sum((line.amount for line in pay.lines if line.kind == kind), Decimal(0))
        for kind in ("earning", "pretax", "social", "tax", "aftertax", "carry", "employer")
    }
    totals = pay.totals
    assert totals.gross + sums["carry"] == totals.net + totals.social + totals.tax + totals.aftertax
    assert totals.gross == sums["earning"] - sums["pretax"]
    assert (totals.social, totals.tax) == (sums["social"], sums["tax"])
    assert (totals.aftertax, totals.employer) == (sums["aftertax"], sums["employer"])
    assert totals.net >= 0
    assert pay.carry.receivable == sums["carry"]
    assert all(value == value.quantize(CENT) for value in pay.amounts().values())
    assert not any(character.isdigit() for words in pay.warnings for character in words)


@given(people(), st.randoms(use_true_random=False))
def test_replay_and_the_order_of_rows_change_no_byte(person: Person, chance: Any) -> None:
    """The same inputs give the same bytes; so do components and rules in another order."""
    books = kit.books()
    first = canonical(calculate(books, person))
    structure, social = list(books.structure), list(books.social)
    chance.shuffle(structure)
    chance.shuffle(social)
    mixed = books.model_copy(update={"structure": tuple(structure), "social": tuple(social)})
    assert canonical(calculate(mixed, person)) == first
    read = Person.model_validate_json(canonical(person))
    assert canonical(calculate(Books.model_validate_json(canonical(books)), read)) == first


@given(st.integers(0, 30_000_000), st.integers(0, 1_000_000), small, st.integers(0, 100_000_000))
def test_more_wage_never_means_less_net(cents: int, more: int, monthly: Decimal, before: int) -> None:
    """Holds for wages, whose cumulative tax is continuous; at a bonus taxed apart it does not (next test)."""
    history = [
        {"paid": "2026-09", "income": Decimal(before) / 100, "exempt": 0, "special": 0, "withheld": "1234.56"}
    ]
    books = kit.flat_books(social=(kit.social("养老", "0.08"),))

    def net(wage: Decimal) -> Decimal:
        person = kit.flat_person(
            wage, str(monthly), history=history, carry={"receivable": "30", "damages": "40"}
        )
        pay = calculate(books, person)
        # What is owed or left over counts against the net: it will be taken later.
        return pay.totals.net - pay.carry.receivable - pay.carry.damages

    assert net(Decimal(cents + more) / 100) >= net(Decimal(cents) / 100)


@given(st.sampled_from([36_000, 144_000, 300_000, 420_000, 660_000, 960_000]), st.integers(1, 100_000))
def test_a_bonus_breaks_monotony_only_inside_the_warned_zones(limit: int, above: int) -> None:
    """One yuan more may cost thousands; whenever a smaller bonus at the limit nets more, the slip warns."""

    def slip(bonus: Decimal) -> tuple[Decimal, bool]:
        item = kit.one_off("全年一次性奖金", str(bonus), separate=True)
        pay = calculate(kit.flat_books("2026-01"), kit.flat_person(90_000, one_off=[item]))
        return pay.totals.net, any("少发一些" in words for words in pay.warnings)

    at_limit, _ = slip(Decimal(limit))
    over, warned = slip(Decimal(limit) + Decimal(above) / 2)
    assert warned is (over < at_limit)


def year_tax(taxable: Decimal) -> Decimal:
    """The year's tax slice by slice, without quick deductions: an independent reading of the table."""
    tax, low = Decimal(0), Decimal(0)
    for row in kit.ANNUAL_TABLE:
        high = taxable if row["upto"] is None else min(taxable, Decimal(row["upto"]))
        if high > low:
            tax += (high - low) * Decimal(row["rate"])
            low = high
    return tax.quantize(CENT, ROUND_HALF_UP)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(500_000, 20_000_000), min_size=12, max_size=12), st.integers(0, 300_000))
def test_twelve_months_add_up_to_the_years_tax(wages: list[int], share: int) -> None:
    """As each month rounds only the cumulative tax, the sum is the year's tax to the cent, never less.

    It is more only when an early month withheld more than the year owes, which the employer does not refund.
    """
    pays = kit.run_year([Decimal(wage) / 100 for wage in wages], str(Decimal(share) / 100))
    withheld = sum((kit.lines(pay)["个人所得税"] for pay in pays), Decimal(0))
    income = sum((pay.totals.gross for pay in pays), Decimal(0))
    owed = year_tax(max(Decimal(0), income - 60_000 - 12 * Decimal(share) / 100))
    assert pays[-1].trail.due == owed
    assert withheld == max(pay.trail.due for pay in pays)
    assert withheld == owed - pays[-1].trail.carried
