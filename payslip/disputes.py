"""Jobs about disputes and PINs: tell HR that something is disputed, tell the employee what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import sqlalchemy as sa

from payslip import store
from payslip import tables as t
from payslip.cards import dispute_card
from payslip.deps import Payroll
from payslip.documents import Month
from payslip.sending import load_slip
from runtime.ids import OpenId
from runtime.jobrun import JobRun


class Disputes:
    """The jobs ``pay.dispute``, ``payroll.answered`` and ``pay.pin_reset_told``."""

    def __init__(self, deps: Payroll) -> None:
        self.deps = deps

    def told(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """Tell HR: everyone who may lead a run, except the person concerned."""
        found = self._load(str(args["dispute"]))
        if found is None or found.state != "open":
            return
        policy = self.deps.policy
        people = [*policy.hr, *([policy.hr_head] if policy.hr_head else [])]
        for person in dict.fromkeys(people):
            if person != found.open_id:
                uuid = f"{run.id}:{person}"
                run.attempt(f"send:{person}", partial(self._send, found, person, uuid))

    def _load(self, dispute: str) -> sa.Row[Any] | None:
        with self.deps.db.read() as conn:
            return conn.execute(sa.select(t.disputes).where(t.disputes.c.id == dispute)).first()

    def _send(self, found: sa.Row[Any], person: OpenId, uuid: str) -> str:
        with self.deps.db.read() as conn:
            who = store.person(conn, found.run_id, found.employee_no)
        month = Month(str(found.run_id).partition(".")[0])
        url = self.deps.policy.link(f"/pay/d/{found.id}")
        name = who.name if who else ""
        card = dispute_card(month, name, found.employee_no, found.line, found.id, url)
        return str(self.deps.im.send_card(person, card.data, uuid=uuid).message_id)

    def answered(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """Tell the employee that there is an answer; it is read on the page."""
        found = self._load(str(args["dispute"]))
        if found is None:
            return
        with self.deps.db.read() as conn:
            slip = load_slip(conn, found.run_id, found.employee_no)
        if slip is None or slip.open_id is None:
            return
        receiver, uuid = slip.open_id, str(run.id)
        said = (
            f"你对工资条“{found.line}”的异议已有答复，请查看：{self.deps.policy.link(f'/pay/s/{slip.token}')}"
        )
        run.attempt("send", lambda: str(self.deps.im.send_text(receiver, said, uuid=uuid).message_id))

    def pin_reset(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """Tell a person that HR reset their PIN: if they did not ask for it, they should say so."""
        receiver, uuid = str(args["open_id"]), str(run.id)
        said = "人事已重置你的工资条密码，下次打开时请设置新密码。如果不是你要求的，请马上联系人事。"
        run.attempt("send", lambda: str(self.deps.im.send_text(receiver, said, uuid=uuid).message_id))
