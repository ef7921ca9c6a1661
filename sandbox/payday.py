"""One pay day, played by the company's people: from HR's message to money on its way, and one correction.

Every scene asserts on what the other side received: cards in chats, approvals, pages in a browser, rows in
the base, the payout files. Nothing here looks into the product.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from sandbox.client import until
from sandbox.office import Seen
from sandbox.payday_browser import card_links
from sandbox.payday_data import PayData, enter, pay_data
from sandbox.payday_desk import (
    PATIENCE,
    Desk,
    Someone,
    opens,
    questions,
    read_payout,
    spellings,
    state_of,
)
from sandbox.scenes import Script, check

REVIEW, READY, PUSHED, CLOSED = "待处理异常", "待提交签批", "已推送", "已结束"
NOT_AWAY = ("缺勤天数", "事假天数", "病假天数", "迟到次数", "工作日加班", "休息日加班", "节假日加班")


@dataclass
class PayDay(Script, Desk):
    """The script and what it remembers from scene to scene.

    Args:
        office: the company at work.
        command: runs a command of the product and gives its output, e.g. ``stage.run``.
        told: see `Script`.
        seed: of the company's pay data.
    """

    command: Callable[..., str] = field(kw_only=True)
    seed: int = field(kw_only=True, default=1)
    signed_total: Decimal = Decimal(0)
    old_net: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.data: PayData = pay_data(self.office.people, self.month, self.seed)

    def play(self) -> bool:
        """Play the day; True when all passed."""
        return self.perform((
            ("tax tables, rates and the pay structure stand in Bitable", self.defaults),
            ("HR has filled in people, scores, commission, deductions", self.tables),
            ("算薪: a message and a tap; attendance comes, pay is computed twice", self.start),
            ("what is missing is typed in and collected again", self.mend),
            ("anomalies are settled by named people, with a reason", self.settle),
            ("supervisors, HR head and finance sign", self.sign),
            ("everybody has a card, and no card has an amount", self.cards),
            ("an employee signs in, chooses a PIN, sees what HR sees, confirms", self.view),
            ("a forwarded link shows a colleague nothing", self.forward),
            ("finance gets the payout files: the sum is what was signed", self.pay),
            ("another employee disputes a line: HR has a card", self.dispute),
            ("HR mends the score; a correction is computed and signed", self.correct),
            ("the new payslip takes the old one's place", self.replaced),
            ("in the base nobody else sees pay", self.hidden),
        ))  # fmt: skip

    # --- before ---

    def defaults(self) -> str:
        """The installation's first rows, once."""
        self.command("payroll", "defaults")
        counts = {name: len(self.office.rows(name)) for name in ("税率表", "薪酬参数", "薪资结构")}
        check(all(counts.values()), f"rows: {counts}")
        return ", ".join(f"{count} rows in {name}" for name, count in counts.items())

    def tables(self) -> str:
        """HR pastes what the company knows."""
        written = enter(self.office, self.hr["open_id"], self.data)
        for table, count in written.items():
            check(len(self.office.rows(table)) == count, f"{table} has not the {count} rows pasted")
        return ", ".join(f"{table} {count}" for table, count in written.items())

    # --- the run ---

    def start(self) -> str:
        """HR asks for the month and starts it."""
        self.office.say(self.hr["open_id"], f"算薪 {self.month}")
        asked = self.office.card_about(self.hr["open_id"], f"{self.words} 算薪", PATIENCE)
        self.run_message = asked.message_id
        self.tap(self.hr, "开始算薪")
        card = self.reaches(REVIEW, READY)
        return f"{card.title}: {state_of(card)}"

    def mend(self) -> str:
        """Who has no attendance gets a row by hand; HR has everything collected again."""
        joiner = next(row for row in self.data.tables["员工"] if row["飞书账号"][0]["id"] == self.data.joiner)
        rows = [row for row in self.rows_of("考勤汇总", 月份=self.month) if row.get("应出勤天数")]
        missing = {row["工号"] for row in self.data.tables["员工"]} - {row["工号"] for row in rows}
        check(missing == {joiner["工号"]}, f"without attendance: {sorted(missing)}")
        due = max(float(row["应出勤天数"]) for row in rows)
        first = date.fromisoformat(f"{self.month}-01")
        before = sum((first + timedelta(days=day)).weekday() < 5 for day in range(14))
        who = {"工号": joiner["工号"], "姓名": joiner["姓名"], "月份": self.month}
        days = {"应出勤天数": due, "未在职天数": min(before, due)} | dict.fromkeys(NOT_AWAY, 0)
        self.office.add(self.hr["open_id"], "考勤汇总", **who, **days)
        self.tap(self.hr, "重新汇集")
        self.reaches(REVIEW, READY, without="需要先更正数据")
        return f"{len(rows)} rows from Feishu attendance, one typed in for {joiner['姓名']}, who joined"

    def settle(self) -> str:
        """HR head and HR look at every anomaly, each on a card of their own; it lists a few at a time."""
        self.office.say(self.hr_head["open_id"], f"算薪 {self.month}")
        head = self.office.card_about(self.hr_head["open_id"], f"{self.words} 算薪", PATIENCE)
        settled = {self.hr_head["name"]: int(self._settle_one(self.hr_head, head)), self.hr["name"]: 0}
        while state_of(card := self.card()) == REVIEW:
            settled[self.hr["name"]] += self._settle_one(self.hr, card)
        return ", ".join(f"{count} by {name}" for name, count in settled.items())

    def _settle_one(self, who: Someone, card: Seen) -> bool:
        """Give a reason for the first anomaly of a card.

        False when a colleague had settled it, or the card was drawn anew under the finger: look again.
        """
        asked = questions(card, "确认无误")
        check(bool(asked), f"the card lists nothing that a reason can settle: {card.text[:200]}")
        value, field_name = asked[0]
        form = {field_name: "已与本人和主管核对"}
        try:
            sent = self.office.control.post(
                "act/tap", open_id=who["open_id"], message_id=card.message_id, value=value, form=form
            )
        except RuntimeError as refused:
            if "the form has no field" in str(refused):
                return False
            raise
        told = (sent.get("toast") or {}).get("type")
        check(told in ("success", "info"), f"the answer was {sent}")
        return bool(told == "success")

    def sign(self) -> str:
        """The approval centre: departments by their supervisors, the whole by HR head and finance."""
        self.tap_once_ready(self.hr, "提交签批")
        parts = self.sign_all(f"{self.month}.1")
        whole = parts.pop("全公司")
        self.signed_total = Decimal(str(whole["total"]))
        check(int(whole["headcount"]) == len(self.office.people), f"{whole['headcount']} people were signed")
        check({part["digest"] for part in parts.values()} == {whole["digest"]}, "digests differ")
        self.reaches(PUSHED, CLOSED)
        return f"{len(parts)} departments and the whole, all of the digest {whole['digest'][:8]}…"

    # --- payslips ---

    def cards(self) -> str:
        """One card each; amounts stand nowhere in the chats."""
        slips = self.slips()
        check(sorted(slips) == sorted(p["open_id"] for p in self.office.people), f"{len(slips)} have a card")
        check(all(len(cards) == 1 for cards in slips.values()), "somebody has two")
        amounts = spellings(self.results())
        check(len(amounts) > len(slips), "the base shows no amounts to look for")
        said = str([m["content"] for m in self.office.control.get("messages")["messages"]])
        shown = sum(amount in said for amount in amounts)
        check(not shown, f"{shown} amounts of pay stand in messages")
        return f"{len(slips)} cards; {len(amounts)} spellings of amounts are in no message"

    def view(self) -> str:
        """Feishu sign-in, a PIN of one's own, every line; then 确认."""
        page = self.enter(self.reader, self.link(self.reader))
        check(self.net(self.reader) in page.text, f"the page does not show HR's net pay: {page.text[:200]}")
        page = self.browser(self.reader).submit(page, "/confirm")
        check(page.status == 200, f"confirming was answered with {page.status}")
        self.slip_state(self.reader, "已确认")
        return f"{self.reader['name']} saw what HR sees and confirmed; HR reads 已确认"

    def forward(self) -> str:
        """A colleague opens somebody's link, signed in and with a PIN of their own."""
        page = self.enter(self.colleague, self.link(self.reader))
        check(page.status == 404, f"the page answered {page.status}")
        check(not any(a in page.text for a in spellings(self.results())), "the page shows an amount")
        return f"{self.colleague['name']} reads: {page.text[:60]}"

    def pay(self) -> str:
        """Finance makes the files and downloads them; somebody who may not gets nothing."""
        card = self.office.card_about(self.cashier["open_id"], f"{self.words} 代发文件", PATIENCE)
        button = "".join(label for label in card.buttons() if label.startswith("生成代发文件"))
        self.office.tap(self.cashier["open_id"], card.message_id, button)
        card = self.office.card_about(self.cashier["open_id"], "/pay/files/", PATIENCE)
        paid: list[Decimal] = []
        files = [link for link in card_links(card.card) if "/pay/files/" in link]
        for link in files:
            refused = self.enter(self.colleague, link)
            check(refused.status == 404, f"a colleague was answered with {refused.status}")
            page = self.enter(self.cashier, link)
            check("attachment" in str(page.headers.get("Content-Disposition")), f"no file: {page.text[:200]}")
            paid += read_payout(page.raw)
        check(sum(paid) == self.signed_total, "the files do not pay what was signed")
        return f"{len(paid)} payments in {len(files)} files; their sum is the total that was signed"

    # --- a correction ---

    def dispute(self) -> str:
        """An employee says which line is wrong and why; HR reads why on a page, not in the chat."""
        page = self.enter(self.objector, self.link(self.objector))
        why = "绩效系数应为 1.30，主管已确认"
        page = self.browser(self.objector).submit(page, "/dispute", line="绩效工资", text=why)
        check(page.status == 200 and why in page.text, f"disputing was answered with {page.status}")
        card = self.office.card_about(self.hr["open_id"], f"{self.words} 工资条有异议", PATIENCE)
        check(why not in card.text, "the card tells what was written")
        shown = self.enter(self.hr, opens(card))
        check(why in shown.text, f"HR does not read why: {shown.status} {shown.text[:200]}")
        self.slip_state(self.objector, "有异议")
        return f"{self.objector['name']} disputes 绩效工资; HR has the card {card.title}"

    def correct(self) -> str:
        """The score is mended where it stands; one tap opens the correction, the same people sign."""
        self.old_net = self.net(self.objector)
        row = self.row_of("绩效评分", 工号=str(self.objector["employee_no"]))
        self.office.edit(self.hr_second["open_id"], "绩效评分", row["record_id"], 绩效系数=1.3, 评分=130)
        card = self.office.card_about(self.hr["open_id"], f"{self.words} 工资条有异议")
        self.office.tap(self.hr["open_id"], card.message_id, "数据有误，开更正批次")
        card = self.office.card_about(self.hr["open_id"], f"更正 {self.month}.1", PATIENCE)
        self.run_message = card.message_id
        self.reaches(REVIEW, READY)
        while state_of(card := self.card()) == REVIEW:
            self._settle_one(self.hr, card)
        self.tap_once_ready(self.hr, "提交签批")
        parts = self.sign_all(f"{self.month}.2")
        self.reaches(PUSHED, CLOSED)
        return f"批次 {self.month}.2 for {self.objector['name']} alone, signed in {len(parts)} approvals"

    def replaced(self) -> str:
        """The employee has a new card; the old one opens nothing; the sum is the new one."""
        me = str(self.objector["open_id"])
        until(lambda: "更正后的版本" in self.slips()[me][-1].text, PATIENCE, "a card about the new version")
        _old, new = self.slips()[me]
        until(lambda: not list(card_links(self.slips()[me][0].card)), PATIENCE, "the old card is drawn over")
        page = self.enter(self.objector, opens(new))
        net = self.net(self.objector)
        check(net != self.old_net, "a better score did not change the pay")
        check(net in page.text and self.old_net not in page.text, "the page does not show the new net pay")
        check(f"{self.month}.1" in page.text, "the new payslip does not name the one it replaces")
        return f"the old card opens nothing any more; the new payslip names {self.month}.1"

    def hidden(self) -> str:
        """Roles of the base: an operator sees no pay table, a supervisor scores, HR everything."""
        supervisor = self.office.person("运营部/天猫组", 0)
        tables = ("员工", "薪资核算", "提成数据", "一次性项目", "专项附加扣除")
        seen = {
            (who["name"], table): len(self.office.sees(who["open_id"], table))
            for who in (self.colleague, supervisor)
            for table in tables
        }
        check(not any(seen.values()), f"rows seen: {[key for key, count in seen.items() if count]}")
        check(len(self.office.sees(self.hr["open_id"], "薪资核算")) >= 60, "HR does not see the results")
        return f"{self.colleague['name']} and {supervisor['name']} see no row of {', '.join(tables)}"
