"""The demo company's pay data: believable, complete, repeatable, and it fits the real tables."""

from collections import Counter
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from bitable_sync.cells import Unreadable
from bitable_sync.readers import read
from payslip.defaults import seed_rows
from payslip.specs import PLANS, TABLES
from runtime.db import Database
from sandbox.ads import SHANGHAI
from sandbox.client import Control
from sandbox.office import Office
from sandbox.payday_browser import Browser
from sandbox.payday_data import PayData, enter, last_month, pay_data
from sandbox.server import SandboxServer
from tests.payslip.desk import pay_desk

MONTHS = ("2026-10", "2026-01", "2026-12", "2027-02")


def staff(server: SandboxServer) -> list[dict[str, Any]]:
    """The demo company's people as the control plane lists them."""
    server.world.reset("demo", 1)
    people: list[dict[str, Any]] = Control(server.url).get("people")["people"]
    return people


def day(ms: int) -> date:
    """The day a date cell shows in Shanghai."""
    return datetime.fromtimestamp(ms / 1000, SHANGHAI).date()


def luhn(digits: str) -> bool:
    """Whether the last digit of a card number is right, counted the textbook way."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


@pytest.fixture
def data(sandbox: SandboxServer) -> PayData:
    """October's data."""
    return pay_data(staff(sandbox), "2026-10")


def test_the_same_seed_gives_the_same_data(sandbox: SandboxServer) -> None:
    """A demo can be played again; another seed is another company."""
    people = staff(sandbox)
    assert pay_data(people, "2026-10", 3) == pay_data(people, "2026-10", 3)
    assert pay_data(people, "2026-10", 3) != pay_data(people, "2026-10", 4)


def test_everybody_has_wages_a_score_and_an_account(data: PayData) -> None:
    """Sixty people; accounts are text, cards of 16 or 19 digits that a bank would accept, some are Alipay.

    Nobody shares one but a couple.
    """
    people = data.tables["员工"]
    assert len(people) == len(data.tables["绩效评分"]) == 60
    assert all(row["基本工资"] > 2330 and row["岗位工资"] > 0 and row["绩效基数"] > 0 for row in people)
    accounts = [row["收款账号"] for row in people]
    shared = {row["工号"] for row in people if accounts.count(row["收款账号"]) > 1}
    assert shared == set(data.couple)
    assert len(set(accounts)) == 59
    cards = [a for row, a in zip(people, accounts, strict=True) if row["开户行"] != "支付宝"]
    assert 40 <= len(cards) < 60
    assert all(isinstance(card, str) and len(card) in (16, 19) and luhn(card) for card in cards)


def test_operations_are_paid_by_all_five_kinds_of_commission(data: PayData) -> None:
    """Every plan the company starts with is used, by operators, and one refund is clawed back."""
    kinds = {row["plan"]: row["kind"] for row in seed_rows(PLANS)}
    rows = data.tables["提成数据"]
    assert {kinds[row["提成方案"]] for row in rows} == {
        "固定比例",
        "分段阶梯",
        "全额阶梯",
        "ROI分成",
        "团队池",
    }
    departments = {row["工号"]: row["部门"] for row in data.tables["员工"]}
    assert all(departments[row["工号"]].startswith("运营部/") for row in rows)
    assert [row["对应月份"] for row in rows if "退款扣回" in row] == ["2026-09"]
    assert len({row["团队池"] for row in rows if "团队池" in row}) == 1


@pytest.mark.parametrize("month", MONTHS)
def test_one_joins_one_leaves_one_has_a_first_job(sandbox: SandboxServer, month: str) -> None:
    """Also in January, December and a short month; who left did not join in the same month."""
    data = pay_data(staff(sandbox), month)
    people = {row["飞书账号"][0]["id"]: row for row in data.tables["员工"]}
    joined = [who for who, row in people.items() if f"{day(row['入职日期']):%Y-%m}" == month]
    left = [who for who, row in people.items() if "离职日期" in row]
    assert data.joiner in joined
    assert left == [data.leaver]
    assert data.leaver not in joined
    assert f"{day(people[data.leaver]['离职日期']):%Y-%m}" == month
    assert Counter(row.get("本年首次就业", False) for row in people.values())[True] == (
        0 if month.endswith("12") else 1
    )


@pytest.mark.parametrize("month", MONTHS)
def test_deductions_are_of_the_year_of_the_pay_day(sandbox: SandboxServer, month: str) -> None:
    """December is paid in January, so its deductions start in the new year."""
    rows = pay_data(staff(sandbox), month).tables["专项附加扣除"]
    year = int(month[:4]) + (month[5:] == "12")
    assert 10 < len(rows) < 40
    assert {row["扣除起月"] for row in rows} == {f"{year}-01"}
    assert all(f"{year}-01" <= row["申报月份"] <= max(month, f"{year}-01") for row in rows)


def test_hr_pastes_it_into_the_tables_that_setup_makes(
    sandbox: SandboxServer, database: Database, tmp_path: Path
) -> None:
    """Every cell fits its column and reads back in the product's own eyes; the month comes from the clock."""
    people = staff(sandbox)
    with pay_desk(sandbox, database, tmp_path) as stage:
        office = Office(Control(sandbox.url), stage.floor.manifest.base.name)
        data = pay_data(people, last_month(office))
        written = enter(office, stage.open_id, data)
        assert written["员工"] == 60
        assert written["期初累计"] == (0 if data.month.endswith("12") else 59)
        for spec in TABLES:
            rows = stage.rows(spec.key)
            assert len(rows) == written.get(spec.name, 0)
            for row in rows:
                values = [read(row["fields"].get(field.name), field) for field in spec.fields]
                assert not any(isinstance(value, Unreadable) for value in values)


def test_a_browser_consents_as_its_person_and_comes_back(sandbox: SandboxServer) -> None:
    """The consent page asks who it is; the app's address gets a code of that person, and the state."""
    me = str(staff(sandbox)[7]["open_id"])
    back = f"{sandbox.url}/_sandbox/clock"
    asked = {"client_id": "cli_sandbox0000001", "redirect_uri": back, "state": "s-1"}
    page = Browser(me).open(f"{sandbox.url}/open-apis/authen/v1/authorize?{urlencode(asked)}")
    said = parse_qs(urlsplit(page.url).query)
    assert (page.status, page.url.partition("?")[0], said["state"]) == (200, back, ["s-1"])
    assert sandbox.world.oauth.codes[said["code"][0]].open_id == me


def test_a_form_is_filled_in_by_the_names_it_has(sandbox: SandboxServer) -> None:
    """The consent page's own form can be sent by its button; a field it does not have is refused in words."""
    me, *_, other = (str(person["open_id"]) for person in staff(sandbox))
    browser = Browser(me)
    asked = {"client_id": "cli_sandbox0000001", "redirect_uri": f"{sandbox.url}/_sandbox/clock"}
    page = browser.look(f"{sandbox.url}/open-apis/authen/v1/authorize?{urlencode(asked)}")
    assert "申请登录" in page.text
    denied = browser.submit(page, "拒绝", decision="deny")
    assert parse_qs(urlsplit(denied.url).query)["error"] == ["access_denied"]
    with pytest.raises(LookupError, match="no field"):
        browser.submit(page, "拒绝", pin="1")
    with pytest.raises(LookupError, match="0 forms are '登录'"):
        browser.submit(page, "登录", open_id=other)
