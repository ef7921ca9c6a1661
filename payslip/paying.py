"""Jobs of the payout: tell finance where it stands, make the files once they ask for them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from bot.cards import Card
from payslip import accounts, history, payout, store
from payslip.approving import Approving
from payslip.cards import payout_card
from payslip.computing import Computing, net_total
from payslip.deps import Payroll
from payslip.documents import Person
from payslip.model import Run
from payslip.run import PAID
from runtime.errors import PermanentError
from runtime.ids import OpenId
from runtime.jobrun import JobRun


class Paying:
    """The jobs ``payroll.finance`` and ``payroll.payout``."""

    def __init__(self, deps: Payroll) -> None:
        self.deps = deps
        self.computing = Computing(deps)
        self.approving = Approving(deps)

    def finance(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """Send finance a card about the payout as it stands; a new one each time something changed."""
        with self.deps.db.read() as conn:
            mine = store.load_run(conn, str(args["run"]))
        if mine is None or mine.state not in PAID:
            return
        people = [self.deps.policy.finance_head, *self.deps.policy.finance]
        for person in dict.fromkeys(each for each in people if each is not None):
            uuid = f"{run.id}:{person}"
            run.attempt(f"send:{person}", partial(self._send, mine, person, uuid))

    def _send(self, mine: Run, person: OpenId, uuid: str) -> str:
        return str(self.deps.im.send_card(person, self._card(mine).data, uuid=uuid).message_id)

    def _card(self, mine: Run) -> Card:
        vault, tenant = self.deps.vault, self.deps.policy.tenant
        with self.deps.db.read() as conn:
            people = self._frozen(conn, mine)
            held = accounts.unreleased(conn, vault, mine.id, people)
            payees = payout.plan(conn, vault, tenant, mine)
            files = [each for each in payout.payouts(conn, mine.id) if not each.void]
        names = {person.no: person.name for person in people}
        waiting = sum(1 for payee in payees if payee.due > 0 and not payee.held)
        return payout_card(
            mine,
            waiting=waiting,
            held=[(no, names[no]) for no in sorted(held)],
            files=[(each.file_name, self.deps.policy.link(f"/pay/files/{each.id}")) for each in files],
        )

    def _frozen(self, conn: Any, mine: Run) -> list[Person]:
        vault, tenant = self.deps.vault, self.deps.policy.tenant
        opened = (history.open_input(vault, tenant, row) for row in store.people(conn, mine.id))
        return [person for person in opened if person is not None]

    def payout(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """Make the files for everyone who is due and not held, after one more look at the signatures."""
        by = str(args["by"])
        with self.deps.db.read() as conn:
            mine = store.load_run(conn, str(args["run"]))
        if mine is None or mine.state not in PAID:
            return
        why = run.attempt("signatures", lambda: self.approving.standing(mine))
        if why is None:
            why = run.step("make", lambda: self._make(mine, by))
        if why is not None:
            said = f"{mine.month} 代发文件没有生成：{why}"
            run.attempt("say", lambda: str(self.deps.im.send_text(by, said, uuid=f"{run.id}:no").message_id))
            return
        run.attempt("card", lambda: self._send(mine, OpenId(by), f"{run.id}:card"))

    def _make(self, mine: Run, by: str) -> str | None:
        """Make and seal the files in one transaction; the sentence why not, if not."""
        vault, tenant = self.deps.vault, self.deps.policy.tenant
        try:
            with self.deps.db.begin() as conn:
                if self.computing.digest(conn, mine) != mine.digest:
                    return "冻结的数据与签批时不一致，请重新核算并签批"
                facts = payout.Facts(
                    run=mine.id, month=mine.month, pay_date=mine.pay_date,
                    approved=net_total(self.computing.pays(conn, mine)), payer=self.deps.policy.payer,
                    batch=payout.next_batch(conn, mine.id), may_share=payout.may_share(conn, mine.id),
                )  # fmt: skip
                payees = payout.plan(conn, vault, tenant, mine)
                files = payout.make_payout(payees, self.deps.policy.template, facts)
                payout.store_payout(conn, vault, tenant, files, by=by, at=self.deps.clock.now())
        except PermanentError as error:
            return str(error)
        return None if files else "没有需要付款的人"
