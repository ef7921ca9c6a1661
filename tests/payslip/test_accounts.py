"""Accounts: what is the same account, what no bank takes, and holds that only a second person releases."""

import pytest

from payslip import accounts
from payslip import tables as t
from payslip.accounts import SENTENCES, AccountState, ReleaseReason, clean, faults, fingerprint, shared
from payslip.documents import Account, EmployeeNo
from payslip.model import RunState
from runtime.db import Database
from runtime.vault import Keys, Vault
from tests.payslip.paid import CARD, CFO, FINANCE, NEW, NOW, OLD, STARTER, PaidHouse, account, employee, no
from tests.payslip.paid import pay as paid
from tests.payslip.paid import run as new_run
from tests.payslip.paid import vault as make_vault

FIRST, CORRECTED = new_run(), new_run("2026-11.1")


def in_finance(person: str) -> bool:
    """Who has the finance role in these tests; the starter has it too."""
    return person in {FINANCE, STARTER, "ou_E001", CFO}


# --- pure ---


@pytest.mark.parametrize(
    ("typed", "tidy"),
    [
        (account("6222 0212-0000", " 招行 成都分行 ", "王　芳"), ("622202120000", "招行成都分行", "王芳")),
        (account("６２２２０２１２", "工行", "王\u200b芳"), ("62220212", "工行", "王芳")),
        (account("62220212", "HSBC Bank", "John   Smith "), ("62220212", "HSBC Bank", "John Smith")),
        (account("62220212", "工行", "阿依古丽•买买提"), ("62220212", "工行", "阿依古丽·买买提")),
        (account("62220212", "工行", "阿依古丽．买买提"), ("62220212", "工行", "阿依古丽·买买提")),
        (account("Wang-Fang@Example.com ", "支 付 宝", "王芳"), ("wang-fang@example.com", "支付宝", "王芳")),
    ],
)  # fmt: skip
def test_accounts_are_made_as_banks_want_them(typed: Account, tidy: tuple[str, str, str]) -> None:
    """Half-width, no invisible characters, no blanks in Chinese names; an e-mail keeps its hyphen."""
    got = clean(typed)
    assert (got.number, got.bank, got.holder) == tidy


@pytest.mark.parametrize(
    ("odd", "fault"),
    [
        (account("6.22202E+18"), "账号应为 8–30 位数字"),
        (account("=1+62220212"), "账号应为 8–30 位数字"),
        (account("1234567"), "账号应为 8–30 位数字"),
        (account("6222020000000010000"), "账号第 15 位以后全为零，疑似被表格软件当成数字丢了精度"),
        (account(bank=" "), "开户行为空"),
        (account(holder="\t"), "户名为空"),
        (account(holder="=HYPERLINK(1)"), "户名有不该有的字符"),
        (account(holder="＝王芳"), "户名有不该有的字符"),
        (account(holder="+王芳"), "户名有不该有的字符"),
        (account(holder="@王芳"), "户名有不该有的字符"),
        (account(holder="-王芳"), "户名有不该有的字符"),
        (account(holder="王芳2"), "户名有不该有的字符"),
        (account("12345", "支付宝"), "支付宝账号应为手机号或邮箱"),
        (account("-a@b.com", "支付宝"), "支付宝账号应为手机号或邮箱"),
        (account("13800138000", "支付宝", "王𬱖"), "户名有支付宝文件写不下的生僻字"),
    ],
)
def test_what_no_bank_takes_is_said_without_the_number(odd: Account, fault: str) -> None:
    """One phrase a fault; no digit run of the account stands in it."""
    assert faults(odd) == (fault,)
    assert odd.number not in fault


@pytest.mark.parametrize(
    "fine",
    [
        account(),
        account("6222020000000000004"),  # zeros to the fifteenth digit only
        account("6222021234567910"),  # a Luhn number that ends in a zero by nature
        account("13800138000", "支付宝"),
        account("wang.fang+pay@mail.example.cn", "支付宝"),
        account("6217002870012345678", "建设银行", "王𬱖"),  # a workbook holds every character
    ],
)
def test_good_accounts_have_no_fault(fine: Account) -> None:
    """Nineteen digits, mobile numbers, e-mails, rare characters in a workbook."""
    assert faults(fine) == ()


def test_a_fingerprint_knows_the_account_however_typed_and_only_with_the_key() -> None:
    """Blanks make no difference, every part does; another root key gives another fingerprint."""
    keys = make_vault()
    mark = fingerprint(keys, account("6222020000012345678"))
    assert fingerprint(keys, account("6222 0200 0001 2345 678", holder="王 芳")) == mark
    others = {
        fingerprint(keys, account("6222020000012345679")),
        fingerprint(keys, account("6222020000012345678", bank="工商银行")),
        fingerprint(keys, account("6222020000012345678", holder="王方")),
        fingerprint(Vault(Keys({"x": NEW})), account("6222020000012345678")),
    }
    assert mark not in others
    assert len(others) == 4
    assert "6222" not in mark


def test_a_fingerprint_survives_a_new_key_in_front() -> None:
    """Rotation must not make everybody's account a changed one."""
    ring = Vault(Keys({"new": NEW, "old": OLD}))
    assert fingerprint(ring, account()) == fingerprint(make_vault(), account())


def test_who_shares_an_account_knows_the_others() -> None:
    """By number, typed differently; people without an account share nothing."""
    people = [
        employee(1),
        employee(2, account=account(f"{CARD[:4]} {CARD[4:]}01", "招行", "王芳")),
        employee(3),
        employee(4, account=None),
        employee(5, account=account(" ")),
        employee(6, account=account("")),
    ]
    assert shared(people) == {"E001": (people[1].name,), "E002": (people[0].name,)}


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ((True, False, False, True, False), ReleaseReason.RELEASED),
        ((False, False, False, True, False), ReleaseReason.NOT_FINANCE),
        ((True, True, False, True, False), ReleaseReason.STARTER),
        ((True, False, True, True, False), ReleaseReason.OWN),
        ((True, False, False, False, False), ReleaseReason.NOT_HELD),
        ((True, False, False, True, True), ReleaseReason.ALREADY),
    ],
)
def test_who_may_release(case: tuple[bool, bool, bool, bool, bool], reason: ReleaseReason) -> None:
    """Only one of the combinations releases."""
    finance, starter, own, held, released = case
    decided = accounts.decide_release(finance=finance, starter=starter, own=own, held=held, released=released)
    assert decided is reason


# --- stored ---


@pytest.fixture
def house(database: Database) -> PaidHouse:
    """A run of three, each paid before to the accounts they have."""
    built = PaidHouse(database)
    built.add(FIRST, [(employee(n), paid(no(n))) for n in (1, 2, 3)], {"E001": "ou_E001"})
    with database.begin() as conn:
        marks = {no(n): fingerprint(built.vault, employee(n).account or account()) for n in (1, 2)}
        accounts.record_paid(conn, FIRST.id, marks, at=NOW)
    return built


CHANGED = employee(1, account=account(f"{CARD}99", "工商银行", "员工乙"))


def check(house: PaidHouse, *people: object) -> dict[EmployeeNo, AccountState]:
    """Check accounts in a transaction of its own."""
    with house.db.begin() as conn:
        return accounts.check(conn, house.vault, FIRST.id, people, at=NOW)  # type: ignore[arg-type]


def held(house: PaidHouse, *people: object) -> set[str]:
    """Who must wait now."""
    with house.db.read() as conn:
        return set(accounts.unreleased(conn, house.vault, FIRST.id, people))  # type: ignore[arg-type]


def release(house: PaidHouse, by: str, number: int = 1) -> str | None:
    """Try to release; gives the refusal's sentence."""
    with house.db.begin() as conn:
        refused = accounts.release(
            conn, FIRST.id, no(number), by, is_finance=in_finance, at=NOW  # type: ignore[arg-type]
        )  # fmt: skip
    return None if refused is None else refused.sentence


@pytest.mark.db
def test_new_same_changed_and_missing_are_told_apart_and_only_changed_is_held(house: PaidHouse) -> None:
    """A first payment is no change; a hold leaves an audit row without the account."""
    states = check(house, CHANGED, employee(2), employee(3), employee(4, account=None))
    assert states == {
        "E001": AccountState.CHANGED,
        "E002": AccountState.SAME,
        "E003": AccountState.NEW,
        "E004": AccountState.MISSING,
    }
    assert [(row.employee_no, row.released_by) for row in house.rows(t.holds)] == [("E001", None)]
    assert held(house, CHANGED, employee(2), employee(3)) == {"E001"}
    (row,) = house.audit("payroll.account.hold")
    assert (row.subject, row.detail) == ("run:2026-10.1", {"employee_no": "E001"})


@pytest.mark.db
def test_a_second_person_of_finance_releases_and_everybody_else_is_refused(house: PaidHouse) -> None:
    """Outsider, starter, the employee themself: a sentence and an audit row each; then the right one."""
    check(house, CHANGED)
    tries = ["ou_outsider", STARTER, "ou_E001", FINANCE, FINANCE]
    said = [release(house, who) for who in tries]
    expected = [
        ReleaseReason.NOT_FINANCE, ReleaseReason.STARTER, ReleaseReason.OWN, None, ReleaseReason.ALREADY,
    ]  # fmt: skip
    assert said == [reason and SENTENCES[reason] for reason in expected]
    assert held(house, CHANGED) == set()
    rows = house.audit("payroll.account.release")
    assert [row.actor for row in rows] == tries
    assert [row.reason for row in rows].count("second_person_confirmed") == 1
    (hold,) = house.rows(t.holds)
    assert hold.released_by == FINANCE


@pytest.mark.db
def test_nothing_held_and_a_cancelled_run_are_refused(house: PaidHouse) -> None:
    """There is nothing to release for somebody not held, nor in a run that was cancelled."""
    check(house, CHANGED)
    assert release(house, FINANCE, 2) == SENTENCES[ReleaseReason.NOT_HELD]
    with house.db.begin() as conn:
        conn.execute(t.runs.update().values(state=RunState.CANCELLED.value))
    assert release(house, FINANCE) == SENTENCES[ReleaseReason.NO_RUN]
    assert held(house, CHANGED) == {"E001"}


@pytest.mark.db
def test_a_release_is_of_one_account_only(house: PaidHouse) -> None:
    """Changed once more after the release: held anew. Changed back: held no longer."""
    check(house, CHANGED)
    assert release(house, FINANCE) is None
    again = employee(1, account=account(f"{CARD}98", "工商银行", "员工乙"))
    # Even before anybody checks, the release does not cover the other account.
    assert held(house, again) == {"E001"}
    check(house, again)
    (hold,) = house.rows(t.holds)
    assert hold.released_by is None
    check(house, employee(1))
    assert house.rows(t.holds) == []
    assert held(house, employee(1)) == set()


@pytest.mark.db
def test_collecting_again_keeps_a_release(house: PaidHouse) -> None:
    """The same account checked twice asks nobody twice."""
    check(house, CHANGED)
    assert release(house, FINANCE) is None
    check(house, CHANGED)
    assert held(house, CHANGED) == set()
    assert len(house.audit("payroll.account.hold")) == 1


@pytest.mark.db
def test_a_deleted_hold_row_lets_nothing_through(house: PaidHouse) -> None:
    """Who must wait is computed from the account itself."""
    check(house, CHANGED)
    with house.db.begin() as conn:
        conn.execute(t.holds.delete())
    assert held(house, CHANGED) == {"E001"}


@pytest.mark.db
def test_a_paid_account_is_the_known_one_and_an_older_file_does_not_bring_back_the_former(
    house: PaidHouse,
) -> None:
    """Paid to the new account: no change any more, with who confirmed; a late old file changes nothing."""
    check(house, CHANGED)
    release(house, FINANCE)
    assert CHANGED.account is not None
    mark = fingerprint(house.vault, CHANGED.account)
    old = fingerprint(house.vault, employee(1).account or account())
    later, earlier = NOW.replace(day=10), NOW.replace(day=1)
    with house.db.begin() as conn:
        accounts.record_paid(conn, FIRST.id, {no(1): mark}, at=later)
        accounts.record_paid(conn, CORRECTED.id, {no(1): old}, at=earlier)
    row = next(row for row in house.rows(t.accounts) if row.employee_no == "E001")
    assert (row.fingerprint, row.confirmed_by, row.at) == (mark, FINANCE, later)
    assert check(house, CHANGED) == {"E001": AccountState.SAME}


@pytest.mark.db
def test_no_account_stands_readable_in_the_database(house: PaidHouse) -> None:
    """Neither holds nor accounts nor the audit trail show a number."""
    check(house, CHANGED)
    release(house, FINANCE)
    with house.db.read() as conn:
        for table in t.runs.metadata.sorted_tables:
            if table.name.startswith(("pay_", "audit")):
                assert CARD not in repr(conn.execute(table.select()).all())
