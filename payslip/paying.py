"""Jobs of the payout: tell finance where it stands, make the files once they ask for them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any

from bot.cards import Card
from payslip import payout, store
from payslip.approving import Approving
from payslip.cards_payout import payout_card
from payslip.computing import Computing
from payslip.deps import Payroll
from payslip.model import Run
from payslip.run import PAID
from runtime.clock import SHANGHAI
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
        card = self._card(mine).data  # once for all: it opens everybody's pay
        for person in dict.fromkeys(each for each in people if each is not None):
            run.attempt(f"send:{person}", partial(self._send, card, person, f"{run.id}:{person}"))

    def _send(self, card: Mapping[str, Any], person: OpenId, uuid: str) -> str:
        return str(self.deps.im.send_card(person, card, uuid=uuid).message_id)

    def _card(self, mine: Run) -> Card:
        with self.deps.db.read() as conn:
            payees = payout.plan(conn, self.deps.vault, self.deps.policy.tenant, mine)
            files = [each for each in payout.payouts(conn, mine.id) if not each.void]
            over = payout.overpaid(conn, self.deps.vault, self.deps.policy.tenant, mine)
        held = [(payee.no, payee.name) for payee in payees if payee.held == payout.HELD_CHANGED]
        lacking = [payee.name for payee in payees if payee.due > 0 and payee.lacking]
        return payout_card(
            mine,
            waiting=sum(1 for payee in payees if payee.due > 0 and not payee.held),
            held=sorted(held),
            files=[(each.file_name, self.deps.policy.link(f"/pay/files/{each.id}")) for each in files],
            lacking=lacking,
            overpaid=[payee.name for payee in payees if payee.no in over],
        )

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
        run.attempt("card", lambda: self._send(self._card(mine).data, OpenId(by), f"{run.id}:card"))

    def _day(self, mine: Run) -> date:
        """The day a file made now pays on: pay day, or today when that is over; banks refuse a past one."""
        return max(mine.pay_date, self.deps.clock.now().astimezone(SHANGHAI).date())

    def _make(self, mine: Run, by: str) -> str | None:
        """Make the files, seal and store them; the sentence why not, if not.

        Everything is opened and computed before the writer is held: `payout.store_payout` looks once more
        whether anybody was paid meanwhile.
        """
        vault, tenant = self.deps.vault, self.deps.policy.tenant
        approved = sum(self.computing.nets(mine).values(), Decimal(0))
        try:
            with self.deps.db.read() as conn:
                if self.computing.digest(conn, mine) != mine.digest:
                    return "冻结的数据与签批时不一致，请重新核算并签批"
                facts = payout.Facts(
                    run=mine.id, month=mine.month, pay_date=self._day(mine), approved=approved,
                    payer=self.deps.policy.payer, batch=payout.next_batch(conn, mine.id),
                    may_share=payout.may_share(conn, mine.id),
                )  # fmt: skip
                payees = payout.plan(conn, vault, tenant, mine)
            files = payout.make_payout(payees, self.deps.policy.template, facts)
            with self.deps.db.begin() as conn:
                payout.store_payout(conn, vault, tenant, files, by=by, at=self.deps.clock.now())
        except PermanentError as error:
            return str(error)
        return None if files else "没有需要付款的人"
