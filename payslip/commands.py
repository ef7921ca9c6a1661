"""Chat: 算薪 and 更正 for HR, 工资条 for everybody, 重置密码 for HR."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy.engine import Connection

from bot.model import ChatMessage, Reply
from payslip import store
from payslip.actions import card_work
from payslip.cards import start_card
from payslip.deps import Policy, pay_date_of
from payslip.documents import EmployeeNo
from payslip.model import RunState
from payslip.opening import Wish, newest_of, open_run, read_month
from payslip.run import Refusal
from runtime.clock import Clock
from runtime.ids import OpenId
from runtime.work import WorkQueue

RUN_WORDS, RUN_HELP = ("算薪", "payroll"), "人事：开始或查看一个月的算薪，如“算薪 2026-10”"
CORRECT_WORDS = ("更正", "correct")
CORRECT_HELP = "人事：工资条发出后更正几个人，如“更正 2026-10 YR0007”"
SLIP_WORDS, SLIP_HELP = ("工资条", "payslip"), "打开我的工资条"
RESET_WORDS, RESET_HELP = ("重置密码", "resetpin"), "人事：重置同事的工资条密码，如“重置密码 @张三”"

Reset = Callable[[Connection, OpenId, OpenId], None]


class Commands:
    """The chat commands of pay; worker side.

    Args:
        queue: takes the cards to send.
        clock: the time.
        policy: who may.
        reset: forgets a person's PIN: (transaction, whose, by whom).
    """

    def __init__(self, queue: WorkQueue, clock: Clock, policy: Policy, reset: Reset) -> None:
        self.queue = queue
        self.clock = clock
        self.policy = policy
        self.reset = reset

    def run(self, conn: Connection, message: ChatMessage) -> Reply | None:
        """算薪 [月份]: the month's run, or the card that starts it."""
        if not self.policy.may_run(message.sender):
            return Reply("只有人事可以算薪。想看自己的工资条，请发送“工资条”。")
        month = read_month(message.words[1] if len(message.words) > 1 else "", self.clock.now())
        if month is None:
            return Reply("请写明月份，例如：算薪 2026-10")
        runs = [run for run in store.runs_of(conn, month) if run.state is not RunState.CANCELLED]
        if message.group:
            return Reply("请在与我的单聊里算薪。")
        if runs:
            self.queue.put(conn, card_work(runs[-1], message.sender, message.message_id))
            return None
        pay_date = pay_date_of(month, self.policy.pay_day)
        return Reply(card=start_card(month, f"{pay_date:%Y-%m-%d}").data, text=f"{month} 算薪")

    def correct(self, conn: Connection, message: ChatMessage) -> Reply | None:
        """更正 月份 工号…: compute some people of a month anew after its payslips went out.

        For what HR finds itself, and for who was left out; a dispute has its own button for it.
        """
        if not self.policy.may_run(message.sender):
            return Reply("只有人事可以更正工资。对自己的工资条有疑问，请在工资条里提出异议。")
        if message.group:
            return Reply("请在与我的单聊里更正。")
        now, words = self.clock.now(), message.words
        month = read_month(words[1], now) if len(words) > 2 else None
        if month is None:
            return Reply("请写明月份和工号，例如：更正 2026-10 YR0007")
        nos = tuple(EmployeeNo(no) for no in sorted(set(words[2:])))
        base = newest_of(conn, month, nos)
        if isinstance(base, Refusal):
            return Reply(base.sentence)
        if any(row.open_id == message.sender for row in store.marks(conn, base.id) if row.employee_no in nos):
            return Reply("自己的工资要由另一位人事更正。")
        wish = Wish(month, message.sender, replaces=base.id, scope=nos)
        found = open_run(conn, self.queue, self.policy, wish, now)
        if isinstance(found, Refusal):
            return Reply(found.sentence)
        self.queue.put(conn, card_work(found, message.sender, message.message_id))
        return None

    def slips(self, conn: Connection, message: ChatMessage) -> Reply:
        """工资条: where one's own payslips are."""
        del conn, message
        return Reply(f"你的工资条在这里（需要登录和个人密码）：{self.policy.link('/pay')}")

    def reset_pin(self, conn: Connection, message: ChatMessage) -> Reply:
        """重置密码 @某人: HR forgets a colleague's PIN; the colleague is told."""
        if not self.policy.may_run(message.sender):
            return Reply("只有人事可以重置密码。")
        others = [each for each in message.mentions if each != message.sender]
        if len(others) != 1:
            return Reply("请 @ 一位同事，例如：重置密码 @张三。自己的密码请另一位人事重置。")
        self.reset(conn, others[0], message.sender)
        return Reply("已重置，系统会通知本人重新设置密码。")
