"""The pay day of a company of hundreds or thousands: HR works in bulk, and everybody is patient."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.client import until
from sandbox.office import Seen
from sandbox.payday import NOT_AWAY, READY, REVIEW, PayDay
from sandbox.payday_desk import state_of

SEALED = "推送中"
UNMENDED = "需要先更正数据"


@dataclass
class CrowdDay(PayDay):
    """A pay day in steps, so that something can happen between and during them.

    Args:
        patience: seconds a run may take from one state to the next.
    """

    patience: float = field(kw_only=True, default=120.0)

    def reaches(self, *states: str, without: str = "") -> Seen:
        """Wait until the run's card is in one of these states and does not say ``without``."""

        def look() -> Seen | None:
            card = self.card()
            right = state_of(card) in states and not (without and without in card.text)
            return card if right else None

        # Looked at rarely: the machine is busy with what is waited for.
        deadline, pause = time.monotonic() + self.patience, threading.Event()
        while (found := look()) is None:
            if time.monotonic() > deadline:
                raise TimeoutError(f"the run is not {' or '.join(states)} within {self.patience:g} s")
            pause.wait(0.3)
        return found

    def ask(self) -> None:
        """HR asks for the month and starts it; returns while it is being computed."""
        self.office.say(self.hr["open_id"], f"算薪 {self.month}")
        asked = self.office.card_about(self.hr["open_id"], f"{self.words} 算薪", self.patience)
        self.run_message = asked.message_id
        self.tap(self.hr, "开始算薪")

    def computed(self) -> Seen:
        """Wait until everybody was computed, or it is said who could not be."""
        return self.reaches(REVIEW, READY)

    def complete(self) -> int:
        """HR pastes the attendance Feishu does not have and collects again; how many people lacked it."""
        rows = {row["工号"]: row for row in self.rows_of("考勤汇总", 月份=self.month)}
        named = {row["工号"]: row["姓名"] for row in self.data.tables["员工"]}
        due = max(float(row.get("应出勤天数") or 0) for row in rows.values())
        days = {"应出勤天数": due, "未在职天数": 0} | dict.fromkeys(NOT_AWAY, 0)
        lacking = [no for no in named if not (rows.get(no) or {}).get("应出勤天数")]
        hr = self.hr["open_id"]
        for no in lacking:
            if no in rows:
                self.office.edit(hr, "考勤汇总", rows[no]["record_id"], **days)
        new = [
            {"工号": no, "姓名": named[no], "月份": self.month, **days} for no in lacking if no not in rows
        ]
        self.office.add_many(hr, "考勤汇总", new)
        if lacking:
            self.tap(self.hr, "重新汇集")
            self.reaches(REVIEW, READY, without=UNMENDED)
        return len(lacking)

    def settle_all(self) -> int:
        """HR settles every anomaly, one tap each; how many there were."""
        done = 0
        while state_of(card := self.card()) == REVIEW:
            done += self._settle_one(self.hr, card)
        return done

    def submit(self) -> int:
        """HR submits, everybody asked signs; how many approvals there were. Sealing begins by itself."""
        self.tap_once_ready(self.hr, "提交签批", self.patience)
        run = f"{self.month}.1"
        until(lambda: self._complete(self.forms(run)), self.patience, f"the approvals of {run} are started")
        while waiting := self._waiting(run):
            for open_id in waiting:
                self.office.sign(open_id, comment="同意")
        return len(self.forms(run))

    def slip_counts(self) -> Counter[str]:
        """How many cards about this month's payslip stand in each person's chat."""
        title = f"{self.words} 工资条"
        messages = self.office.control.get("messages")["messages"]
        return Counter(str(each["receiver"]) for each in messages if _title(each) == title)


def _title(message: Mapping[str, Any]) -> str:
    content = message["content"]
    if message["msg_type"] != "interactive" or not isinstance(content, dict):
        return ""
    return str(content.get("header", {}).get("title", {}).get("content", ""))
