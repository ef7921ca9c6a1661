"""Payouts of signed runs on a real database: nobody twice, nobody held, everything sealed and audited."""

from decimal import Decimal

import pytest

from payslip import accounts, payout
from payslip import tables as t
from payslip.documents import Account, Carry, RunId
from payslip.downloads import open_file
from payslip.history import History
from payslip.model import Run, RunState
from payslip.payout import CannotPay, Facts, Payer, PayoutFile, Template
from runtime.clock import ManualClock
from runtime.db import Database
from runtime.vault import CannotOpen, Keys, Vault
from tests.payslip.paid import CARD, FINANCE, NEW, NOW, TENANT, PaidHouse, account, employee, no, run
from tests.payslip.paid import pay as paid
from tests.payslip.people import policy

pytestmark = pytest.mark.db

NETS = {1: "8000.10", 2: "7000.20", 3: "0.00"}


@pytest.fixture
def house(database: Database) -> PaidHouse:
    """One sealed run of three people; the third has nothing to get."""
    built = PaidHouse(database)
    built.add(run(), [(employee(n), paid(no(n), net)) for n, net in NETS.items()])
    return built


def facts(house: PaidHouse, mine: Run, payees: list[payout.Payee]) -> Facts:
    """The facts of a run as the command line and the worker make them."""
    with house.db.read() as conn:
        batch, share = payout.next_batch(conn, mine.id), payout.may_share(conn, mine.id)
    return Facts(mine.id, mine.month, mine.pay_date, payout.total(payees), Payer(), batch, share)


def plan(house: PaidHouse, mine: Run | None = None) -> list[payout.Payee]:
    """Who gets how much now."""
    with house.db.read() as conn:
        return payout.plan(conn, house.vault, TENANT, mine or run())


def make(house: PaidHouse, mine: Run | None = None) -> list[PayoutFile]:
    """Plan and make."""
    payees = plan(house, mine)
    return payout.make_payout(payees, Template.CMB, facts(house, mine or run(), payees))


def keep(house: PaidHouse, files: list[PayoutFile]) -> list[str]:
    """Store."""
    with house.db.begin() as conn:
        return payout.store_payout(conn, house.vault, TENANT, files, by=FINANCE, at=NOW)


def fetch(house: PaidHouse, payout_id: str, by: str | None = FINANCE) -> PayoutFile:
    """Download."""
    with house.db.begin() as conn:
        return payout.open_payout(conn, house.vault, TENANT, payout_id, by=by, at=NOW)


def withdraw(house: PaidHouse, payout_id: str) -> None:
    """Take a file back."""
    with house.db.begin() as conn:
        payout.withdraw_payout(conn, payout_id, by=FINANCE, reason="选错了银行", at=NOW)


def change_account(house: PaidHouse) -> Account:
    """E001 was last paid to another account than the run's."""
    former = account(f"{CARD}77", holder="员工乙")
    with house.db.begin() as conn:
        accounts.record_paid(conn, run().id, {no(1): accounts.fingerprint(house.vault, former)}, at=NOW)
        accounts.check(conn, house.vault, run().id, [employee(1)], at=NOW)
    return former


def test_a_stored_file_comes_back_as_it_was_with_an_audit_row(house: PaidHouse) -> None:
    """Made and downloaded: two audit rows naming who, file and rows; the bytes are the same."""
    files = make(house)
    assert keep(house, files) == ["2026-10.1-01-cmb"]
    assert fetch(house, "2026-10.1-01-cmb") == files[0]
    (made,), (opened,) = house.audit("payroll.payout.make"), house.audit("payroll.payout.open")
    for row in (made, opened):
        assert (row.actor, row.subject) == (FINANCE, "run:2026-10.1")
        assert row.detail == {"file": "2026-10.1-01-cmb", "rows": 2}


def test_a_page_that_notes_the_download_itself_gets_no_second_audit_row(house: PaidHouse) -> None:
    """``by=None``: the caller's row is enough."""
    fetch(house, keep(house, make(house))[0], by=None)
    assert house.audit("payroll.payout.open") == []


def test_nothing_readable_stands_in_the_database(house: PaidHouse) -> None:
    """No amount, no account, no holder beside the sealed file; without the key it does not open."""
    keep(house, make(house))
    (row,) = house.rows(t.payouts)
    text = repr(row)
    assert not any(word in text for word in (CARD, "8000.10", "员工乙"))
    with pytest.raises(CannotOpen), house.db.begin() as conn:
        payout.open_payout(conn, Vault(Keys({"x": NEW})), TENANT, row.id, by=FINANCE, at=NOW)
    with pytest.raises(CannotOpen), house.db.begin() as conn:
        payout.open_payout(conn, house.vault, "another", row.id, by=FINANCE, at=NOW)


def test_a_file_moved_to_another_row_does_not_open(house: PaidHouse) -> None:
    """The place is part of the seal."""
    keep(house, make(house))
    with house.db.begin() as conn:
        conn.execute(t.payouts.update().values(id="2026-10.1-09-cmb"))
    with pytest.raises(CannotOpen):
        fetch(house, "2026-10.1-09-cmb")


def test_nobody_is_paid_twice(house: PaidHouse) -> None:
    """After the first file nothing is due; a file made beside it is refused when it is stored."""
    rival = make(house)
    keep(house, make(house))
    assert [payee.due for payee in plan(house)] == [Decimal(0)] * 3
    assert make(house) == []
    with pytest.raises(CannotPay, match="避免重复付款"):
        keep(house, rival)
    assert len(house.rows(t.payouts)) == 1


def test_a_held_account_waits_and_goes_into_the_next_file_after_its_release(house: PaidHouse) -> None:
    """Held out of the first file, alone in the second; afterwards the account is the known one."""
    change_account(house)
    first = make(house)
    assert [member.no for member in first[0].members] == ["E002"]
    keep(house, first)
    assert make(house) == []
    assert next(payee for payee in plan(house) if payee.no == "E001").held == payout.HELD_CHANGED
    with house.db.begin() as conn:
        refused = accounts.release(
            conn, run().id, no(1), FINANCE, is_finance=lambda who: who == FINANCE, at=NOW
        )
    assert refused is None
    second = make(house)
    assert [(member.no, str(member.amount)) for member in second[0].members] == [("E001", "8000.10")]
    assert keep(house, second) == ["2026-10.1-02-cmb"]
    fetch(house, "2026-10.1-02-cmb")
    known = {row.employee_no: row for row in house.rows(t.accounts)}
    assert known["E001"].confirmed_by == FINANCE
    assert known["E001"].fingerprint == accounts.fingerprint(house.vault, employee(1).account or account())


def test_accounts_are_known_once_the_file_was_opened(house: PaidHouse) -> None:
    """A file nobody downloaded has paid nobody."""
    keep(house, make(house))
    assert house.rows(t.accounts) == []
    fetch(house, "2026-10.1-01-cmb")
    assert sorted(row.employee_no for row in house.rows(t.accounts)) == ["E001", "E002"]


def test_a_correction_pays_the_difference(house: PaidHouse) -> None:
    """More: the rest. Less: nothing, and the earlier run pays nothing once more either."""
    keep(house, make(house))
    better = run("2026-10.2", replaces=run().id, scope=(no(1), no(2)))
    house.add(better, [(employee(1), paid(no(1), "8100.15")), (employee(2), paid(no(2), "6900.00"))])
    (file,) = make(house, better)
    assert [(member.no, str(member.amount)) for member in file.members] == [("E001", "100.05")]
    keep(house, [file])
    assert make(house, better) == []
    assert make(house) == []


def test_a_file_of_a_correction_counts_for_the_run_it_corrects(house: PaidHouse) -> None:
    """Paid by the correction first: the corrected run owes these people nothing."""
    better = run("2026-10.2", replaces=run().id, scope=(no(1),))
    house.add(better, [(employee(1), paid(no(1), "8100.15"))])
    keep(house, make(house, better))
    (file,) = make(house)
    assert [member.no for member in file.members] == ["E002"]


def test_a_figure_that_was_corrected_is_never_paid(house: PaidHouse) -> None:
    """Less by the correction: whichever file is made first, the wrong figure goes into none."""
    better = run("2026-10.2", replaces=run().id, scope=(no(1),))
    house.add(better, [(employee(1), paid(no(1), "7500.00"))])
    (file,) = make(house)
    assert [member.no for member in file.members] == ["E002"]
    keep(house, [file])
    keep(house, make(house, better))
    assert make(house) == []
    with house.db.read() as conn:
        got = payout.paid_before(conn, house.vault, TENANT, run().month)
    assert got == {"E001": Decimal("7500.00"), "E002": Decimal("7000.20")}
    (held,) = [payee for payee in plan(house) if payee.no == "E001"]
    assert (held.held, held.lacking) == ("由更正批次 2026-10.2 发放", False)


def test_what_was_paid_too_much_is_deducted_by_the_next_run_and_once(house: PaidHouse) -> None:
    """The carry of whoever the correction was the last word for; after a later run it is not asked again."""
    keep(house, make(house))
    better = run("2026-10.2", replaces=run().id, scope=(no(1), no(2)))
    house.add(better, [(employee(1), paid(no(1), "7000.00")), (employee(2), paid(no(2), "7000.30"))])
    past = {
        no(1): History(last=better.id, carry=Carry(receivable=Decimal("5.00"))),
        no(2): History(last=better.id),
    }
    with house.db.read() as conn:
        assert payout.overpaid(conn, house.vault, TENANT, better) == {"E001": Decimal("1000.10")}
        assert payout.overpaid(conn, house.vault, TENANT, run()) == {}
        payout.recover(conn, house.vault, TENANT, past)
    assert (past[no(1)].carry.receivable, past[no(2)].carry.receivable) == (Decimal("1005.10"), 0)
    after = {no(1): History(last=RunId("2026-11.1")), no(2): History(last=better.id)}
    with house.db.read() as conn:
        payout.recover(conn, house.vault, TENANT, after)
    assert after[no(1)].carry.receivable == 0


def test_a_run_that_was_recalled_meanwhile_is_not_paid(house: PaidHouse) -> None:
    """Recalled between making and storing: no file. A file of a recalled run stays shut."""
    files = make(house)
    mine = policy(tenant=TENANT)
    with house.db.begin() as conn:
        (stored,) = payout.store_payout(conn, house.vault, TENANT, files, by=FINANCE, at=NOW)
        assert open_file(house.vault, mine, ManualClock(NOW))(conn, stored, FINANCE) is not None
        conn.execute(t.payouts.delete())
        conn.execute(t.runs.update().values(state=RunState.CANCELLED.value))
    with pytest.raises(CannotPay, match="被撤回"):
        keep(house, files)
    assert house.rows(t.payouts) == []
    with house.db.begin() as conn:
        conn.execute(t.runs.update().values(state=RunState.SEALED.value))
    (stored,) = keep(house, files)
    with house.db.begin() as conn:
        conn.execute(t.runs.update().values(state=RunState.CANCELLED.value))
        assert open_file(house.vault, mine, ManualClock(NOW))(conn, stored, FINANCE) is None


def test_another_month_starts_anew(house: PaidHouse) -> None:
    """What October paid is not November's."""
    keep(house, make(house))
    november = run("2026-11.1")
    house.add(november, [(employee(1), paid(no(1), "8000.10"))])
    assert make(house, november)[0].total == Decimal("8000.10")


def test_a_withdrawn_file_is_destroyed_and_its_people_are_due_again(house: PaidHouse) -> None:
    """Its number is not used again; opening or withdrawing it once more is refused in words."""
    (first,) = keep(house, make(house))
    withdraw(house, first)
    with house.db.read() as conn:
        (stored,) = payout.payouts(conn, run().id)
    assert stored.void
    for again in (fetch, withdraw):
        with pytest.raises(CannotPay, match="已作废"):
            again(house, first)
    assert keep(house, make(house)) == ["2026-10.1-02-cmb"]
    (row,) = house.audit("payroll.payout.withdraw")
    assert (row.actor, row.reason) == (FINANCE, "选错了银行")


def test_an_unknown_file_is_said_in_words(house: PaidHouse) -> None:
    """No such file."""
    with pytest.raises(CannotPay, match="没有付款文件 nothing"):
        fetch(house, "nothing")


@pytest.mark.parametrize(
    "state", [RunState.CALCULATED, RunState.SIGNING, RunState.APPROVED, RunState.CANCELLED]
)
def test_only_a_sealed_run_is_paid(house: PaidHouse, state: RunState) -> None:
    """Before sealing anything may change; a cancelled run pays nobody."""
    with pytest.raises(CannotPay, match="封存以后"):
        plan(house, run(state=state))


def test_figures_that_are_not_the_signed_ones_are_not_paid(house: PaidHouse) -> None:
    """Sealed pay exchanged with the key, but not its digest: refused by name."""
    other = PaidHouse(house.db, house.vault)._row(run(), employee(2), paid(no(2), "99999.00"), None)
    with house.db.begin() as conn:
        conn.execute(
            t.people.update().where(t.people.c.employee_no == "E002").values(sealed_pay=other.sealed_pay)
        )
    with pytest.raises(CannotPay, match=f"{employee(2).name} 的数据与签批时不一致"):
        plan(house)


def test_somebody_without_pay_stops_the_payout(house: PaidHouse) -> None:
    """Unknown is not zero."""
    with house.db.begin() as conn:
        conn.execute(t.people.update().where(t.people.c.employee_no == "E002").values(sealed_pay=None))
    with pytest.raises(CannotPay, match="有 1 人没有核算结果"):
        plan(house)


def test_unusable_accounts_wait_with_the_reason_and_the_rest_is_paid(database: Database) -> None:
    """One person's missing account does not keep everybody waiting."""
    house = PaidHouse(database)
    people = [employee(1), employee(2, account=None), employee(3, account=account("123", holder="员工丁"))]
    house.add(run(), [(who, paid(who.no, "10.00")) for who in people])
    held = {payee.no: payee.held for payee in plan(house)}
    assert held == {"E001": "", "E002": "没有收款账号", "E003": "账号应为 8–30 位数字"}
    assert [member.no for member in make(house)[0].members] == ["E001"]


def test_a_settled_shared_account_may_be_paid(database: Database) -> None:
    """Only once a named person settled it for both."""
    house = PaidHouse(database)
    same = account(f"{CARD}55", holder="员工乙")
    house.add(run(), [(employee(n, account=same), paid(no(n), "10.00")) for n in (1, 2)])
    with pytest.raises(CannotPay, match="收款账号重复"):
        make(house)
    with database.begin() as conn:
        for n in (1, 2):
            conn.execute(
                t.anomalies.insert().values(
                    run_id=run().id, employee_no=no(n), kind="收款账号重复", name="x", sentence="x",
                    settled_by="ou_hrhead", settled_at=NOW, reason="夫妻同一账户",
                )
            )  # fmt: skip
    assert len(make(house)[0].members) == 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"state": "reverted", "reason": "审批通过后被撤销"}, "审批通过后被撤销"),
        ({"state": "asked"}, "还没有签批"),
        ({"digest": "another"}, "人事负责人和财务负责人必须是两个人"),
        ({"signed": ["ou_cfo"]}, "必须是两个人"),
    ],
)
def test_a_run_whose_signatures_do_not_stand_is_named(
    house: PaidHouse, change: dict[str, object], said: str
) -> None:
    """All approvals of the digest, by three people; else the sentence why not."""
    with house.db.read() as conn:
        assert payout.unsigned(conn, run()) is None
    with house.db.begin() as conn:
        conn.execute(t.signatures.update().where(t.signatures.c.part == "*").values(**change))
    if "digest" in change:
        with house.db.begin() as conn:
            conn.execute(t.signatures.update().values(**change))
    with house.db.read() as conn:
        assert said in (payout.unsigned(conn, run()) or "")
