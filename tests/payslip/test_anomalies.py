"""Every kind of anomaly at its border, the words people read, and that no amount stands in them."""

import re
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payslip.accounts import AccountState
from payslip.anomalies import find, label, veil
from payslip.documents import Pay, Person
from payslip.model import Anomaly, AnomalyKind
from tests.payslip.kit import CITY_PARAMS, PARAMS, books, declaration, one_off, person
from tests.payslip.paid import account, pay

QUIET: dict[str, Any] = {
    "change_warn": Decimal(30),
    "account_state": AccountState.SAME,
    "shared_accounts": (),
    "attendance_present": True,
    "has_feishu_account": True,
}


def look(
    who: Person | None = None, what: Pay | str | None = None, before: Pay | None = None, **known: Any
) -> list[Anomaly]:
    """Find with everything else in order."""
    settings = known.pop("books", None) or books()
    who = who or person(account=account())
    return find(settings, who, pay() if what is None else what, before, **QUIET | known)


def sentence(found: list[Anomaly], kind: AnomalyKind) -> str:
    """The one sentence of a kind; fails when there is none or anything else."""
    assert [each.kind for each in found] == [kind]
    return found[0].sentence


def test_an_ordinary_month_has_nothing_to_look_at() -> None:
    """No anomaly for a person with everything in order, compared with the same pay."""
    assert look(before=pay()) == []


def test_an_anomaly_names_the_person() -> None:
    """Number and name come from the frozen inputs."""
    found = look(has_feishu_account=False)
    assert (found[0].employee_no, found[0].name) == ("E001", "王芳")
    assert sentence(found, AnomalyKind.NO_PERSON) == "员工表没有填飞书账号，工资条推不到本人"


# --- change against last month ---


@pytest.mark.parametrize(
    ("gross", "net", "said"),
    [
        ("13000.00", "8000.00", None),  # exactly 30 %: not more than 30 %
        ("13000.01", "8000.00", "应发较上月增加 30.1%"),
        ("7000.00", "8000.00", None),
        ("6999.99", "8000.00", "应发较上月减少 30.1%"),
        ("10000.00", "5599.99", "实发较上月减少 30.1%"),
        ("20000.00", "16000.00", "应发较上月增加 100.0%，实发较上月增加 100.0%"),
    ],
)
def test_a_change_beyond_the_limit_is_told_with_its_percentage(
    gross: str, net: str, said: str | None
) -> None:
    """More than 30 % of gross or net, up or down; the limit itself is not more."""
    found = look(what=pay(gross=gross, net=net), before=pay())
    assert found == [] if said is None else sentence(found, AnomalyKind.CHANGED) == said


def test_a_change_from_nothing_has_no_percentage() -> None:
    """Last month's net was zero: said in words, nothing is divided."""
    found = look(before=pay(net="0.00", gross="10000.00"))
    assert sentence(found, AnomalyKind.CHANGED) == "上月实发为零，本月不为零"


def test_a_change_of_somebody_who_joined_last_month_says_so() -> None:
    """A half month before explains the change."""
    who = person(account=account(), join=date(2026, 9, 15))
    found = look(who, before=pay(gross="5000.00", net="4000.00"))
    assert sentence(found, AnomalyKind.CHANGED).endswith("（2026-09-15 入职）")


def test_a_leaver_in_the_month_explains_a_change_and_is_no_leaver_with_pay() -> None:
    """Leaving on the 10th is an ordinary last month."""
    who = person(account=account(), leave=date(2026, 10, 10))
    found = look(who, pay(gross="3000.00", net="2500.00", minimum_wage_base="3000.00"), pay())
    assert sentence(found, AnomalyKind.CHANGED).endswith("（2026-10-10 离职）")


def test_somebody_paid_before_but_not_last_month_is_told() -> None:
    """Paid this year, nothing last month, something now."""
    past = {"paid": "2026-05", "income": "1", "exempt": "0", "special": "0", "withheld": "0"}
    found = look(person(account=account(), history=[past]))
    assert sentence(found, AnomalyKind.CHANGED) == "今年发过工资，但上月没有工资记录"


# --- the person ---


def test_missing_attendance_is_told_only_of_those_who_worked() -> None:
    """A leaver of an earlier month needs none."""
    assert sentence(look(attendance_present=False), AnomalyKind.NO_ATTENDANCE) == "没有 2026-10 的考勤汇总"
    gone = person(account=account(), leave=date(2026, 8, 31))
    nothing = pay(gross="0.00", net="0.00")
    kinds = {each.kind for each in look(gone, nothing, attendance_present=False)}
    assert AnomalyKind.NO_ATTENDANCE not in kinds


@pytest.mark.parametrize(
    ("one_offs", "about"),
    [((), "没有一次性项目"), ((one_off("离职补偿", "9000"), one_off("补发", "10")), "含离职补偿、补发")],
)
def test_a_leaver_of_an_earlier_month_with_pay_is_told_with_what_it_is_for(
    one_offs: tuple[dict[str, Any], ...], about: str
) -> None:
    """Left in August, paid in October."""
    gone = person(account=account(), leave=date(2026, 8, 31), one_off=one_offs)
    said = sentence(look(gone), AnomalyKind.LEAVER)
    assert said == f"已于 2026-08-31 离职，本月仍有工资，{about}"


def test_somebody_who_joins_later_but_is_paid_is_told() -> None:
    """Joining on 2 November, paid for October."""
    found = look(person(account=account(), join=date(2026, 11, 2)))
    assert sentence(found, AnomalyKind.WARNING) == "2026-11-02 才入职，本月却有工资"


def test_a_deduction_over_the_cap_of_law_is_told() -> None:
    """The sum per item in the tax month counts; without the parameter nothing is checked."""
    two = [declaration("1500"), declaration("1500.01", "2026-03")]
    who = person(account=account(), additional=two)
    capped = books(params=PARAMS | {"上限:赡养老人": "3000"})
    assert sentence(look(who, books=capped), AnomalyKind.WARNING) == "专项附加扣除“赡养老人”超过每月上限"
    assert look(who) == []
    at_cap = person(account=account(), additional=[declaration("3000"), declaration("9", "2026-11")])
    assert look(at_cap, books=capped) == []


# --- accounts ---


def test_accounts_shared_and_changed_and_missing_are_told() -> None:
    """Each by its own kind."""
    both = look(shared_accounts=("李雷", "韩梅"), account_state=AccountState.CHANGED)
    assert {each.kind: each.sentence for each in both} == {
        AnomalyKind.ACCOUNT_SHARED: "与李雷、韩梅的收款账号相同",
        AnomalyKind.ACCOUNT_CHANGED: "收款账号与上次发放时不同，付款前须由另一位财务确认",
    }
    none = look(person(account=None), account_state=AccountState.MISSING)
    assert sentence(none, AnomalyKind.NO_ACCOUNT) == "员工表没有填收款账号"


def test_nobody_needs_an_account_for_nothing() -> None:
    """Net zero and no account: only the zero is told."""
    found = look(person(account=None), pay(net="0.00"), account_state=AccountState.MISSING)
    assert sentence(found, AnomalyKind.NET_ZERO) == "实发为零"


def test_an_account_no_bank_takes_is_told_before_anybody_signs() -> None:
    """A number that a spreadsheet made a float of."""
    found = look(person(account=account("6.22202E+18")))
    assert sentence(found, AnomalyKind.NO_ACCOUNT) == "收款账号不能用于发放：账号应为 8–30 位数字"


def test_a_holder_who_is_somebody_else_is_told() -> None:
    """Blanks and full-width forms are no difference; another name is."""
    assert look(person(account=account(holder="王 芳"))) == []
    other = look(person(account=account(holder="李雷")))
    assert sentence(other, AnomalyKind.WARNING) == "收款户名与姓名不一致"


# --- pay ---


def test_a_shortfall_is_told_as_such() -> None:
    """A receivable is more than a zero."""
    found = look(what=pay(net="0.00", carry={"receivable": "120.00"}))
    assert sentence(found, AnomalyKind.NET_ZERO) == "应扣的超过应发，实发为零，差额结转下期由员工应付"


@pytest.mark.parametrize(
    ("base", "fields", "said"),
    [
        ("2330.00", {}, None),
        ("2329.99", {}, "本月没有缺勤和请假，不得低于标准"),
        ("2000.00", {"病假天数": "8", "事假天数": "1"}, "本月有事假、病假，依法可以低于标准，请核对"),
        ("2000.00", {"未在职天数": "3"}, None),
    ],
)
def test_below_the_minimum_wage_is_told_for_whole_months(
    base: str, fields: dict[str, str], said: str | None
) -> None:
    """Absence lowers it lawfully, and the sentence says so; a broken month is not compared."""
    found = look(person(account=account(), fields=fields), pay(minimum_wage_base=base))
    if said is None:
        assert found == []
    else:
        assert sentence(found, AnomalyKind.MINIMUM_WAGE) == f"计入最低工资的部分低于成都最低工资标准；{said}"


def test_a_joiner_in_the_month_and_a_city_without_a_minimum_are_not_compared() -> None:
    """Only full months, and only where the parameter stands."""
    low = pay(minimum_wage_base="100.00")
    assert look(person(account=account(), join=date(2026, 10, 2)), low) == []
    city = {"成都": {key: value for key, value in CITY_PARAMS["成都"].items() if key != "最低工资"}}
    assert look(what=low, books=books(city_params=city)) == []


def test_what_could_not_be_computed_says_why_and_blocks() -> None:
    """The problem is the sentence; without one the sentence says that."""
    found = look(what="“绩效工资”无法核算：缺少绩效系数")
    assert sentence(found, AnomalyKind.NOT_COMPUTED) == "“绩效工资”无法核算：缺少绩效系数"
    assert found[0].kind.blocks
    assert sentence(look(what=""), AnomalyKind.NOT_COMPUTED) == "没有算出结果，也没有说明原因"


def test_differences_of_the_second_computation_and_of_bitable_name_lines() -> None:
    """Names people know, at most five, and how many in all."""
    found = look(
        disagree=("line:养老保险（个人）", "total:net", "carry:receivable"), bitable=list("甲乙丙丁戊己")
    )
    assert [(each.kind, each.sentence) for each in found] == [
        (AnomalyKind.DISAGREE, "独立复算结果不同：养老保险（个人）、实发工资、结转：员工应付"),
        (AnomalyKind.BITABLE, "多维表格公式的结果相差一分以上：甲、乙、丙、丁、戊等 6 项"),
    ]


def test_one_kind_is_one_anomaly_however_many_findings() -> None:
    """The table has one row a person and kind, so warnings stand in one sentence."""
    who = person(account=account(holder="李雷"))
    found = look(who, pay(warnings=("年终奖落在临界点附近", "并入综合所得可少缴个税")))
    said = sentence(found, AnomalyKind.WARNING)
    assert said == "收款户名与姓名不一致；年终奖落在临界点附近；并入综合所得可少缴个税"


# --- no amounts ---


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("多发 1 元少得 2,310.10 元", "多发 若干元少得 若干元"),
        ("实发 8000.00，应为 ¥9,000", "实发 若干，应为 若干"),
        ("约 3.6万元", "约 若干万元"),
        ("2026-10 的 3 个月，比例 30.5%", "2026-10 的 3 个月，比例 30.5%"),
    ],
)
def test_amounts_in_sentences_of_others_are_veiled(told: str, shown: str) -> None:
    """Months, counts and percentages stay; money goes."""
    assert veil(told) == shown
    assert shown in look(what=pay(warnings=(told,)))[0].sentence


money = st.decimals("1", "99999.99", places=2).map(str)


@given(gross=money, net=money, old_gross=money, old_net=money, owed=money, base=money)
def test_no_sentence_holds_an_amount(
    gross: str, net: str, old_gross: str, old_net: str, owed: str, base: str
) -> None:
    """Whatever the figures, none of them stands in any sentence."""
    low = pay(
        gross=gross, net=net, minimum_wage_base=base, carry={"receivable": owed},
        warnings=(f"可少缴 {owed} 元", f"临界 {base}"),
    )  # fmt: skip
    before = pay(gross=old_gross, net=old_net)
    said = "".join(each.sentence for each in look(what=low, before=before, disagree=("total:net",)))
    # Percentages have one decimal, amounts two.
    assert re.findall(r"\d+\.\d{2}", said) == []
    assert "元" not in said.replace("若干元", "")


def test_keys_of_amounts_have_names_for_people() -> None:
    """Every total and carry of a Pay has a Chinese name; a line is its own."""
    names = [label(key) for key in pay().amounts()]
    assert "月工资" in names
    assert not [name for name in names if name.isascii()]


# --- earlier runs ---


def test_a_payslip_that_another_account_would_get_is_asked_about() -> None:
    """Two colleagues of one name: whoever the picker chose would read the other's pay."""
    found = look(before=pay(), reader_changed=True)
    assert "工资条会发给新账号" in sentence(found, AnomalyKind.READER_CHANGED)
    assert look(before=pay(), reader_changed=False) == []


@pytest.mark.parametrize(("last", "told"), [("王 芳", False), ("", False), ("王方", True)])
def test_a_number_that_belonged_to_somebody_else_is_told(last: str, told: bool) -> None:
    """Cumulative tax and carries go by number; blanks in a name are nothing."""
    found = look(before=pay(), last_name=last)
    assert [each.kind for each in found] == ([AnomalyKind.WARNING] if told else [])
    assert all("请改用新工号" in each.sentence for each in found)


def test_what_a_leaver_still_owes_is_told_for_there_is_no_next_pay() -> None:
    """Leaving in this month with a carry of any kind; who stays is carried as usual."""
    leaver = person(account=account(), leave=date(2026, 10, 31))
    owing = pay(carry={"clawback": "12.00"})
    assert "没有下期工资可扣" in sentence(look(leaver, owing, pay()), AnomalyKind.LEAVER)
    assert look(leaver, pay(), pay()) == []
    assert look(None, owing, pay()) == []


def test_what_is_deducted_of_an_earlier_month_is_told_first() -> None:
    """A carry the employee owes comes off this month: somebody tells them."""
    who = person(account=account(), carry={"receivable": "88.00"})
    assert "先告知本人" in sentence(look(who, before=pay()), AnomalyKind.WARNING)
