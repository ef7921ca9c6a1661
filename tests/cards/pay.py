"""Cards of pay: the run in every state, payslips, disputes, payout, files that HR sends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime

from bot.words import text
from payslip.cards import (
    dispute_card,
    dispute_done_card,
    recalled_card,
    run_card,
    slip_card,
    start_card,
)
from payslip.documents import EmployeeNo, Month, RunId
from payslip.model import EVERYONE, Anomaly, AnomalyKind, Run, RunState
from payslip.payout_card import payout_card
from payslip.signing import SignatureState
from payslip.store import OpenAnomaly
from payslip.uploads_card import upload_card
from payslip.uploads_model import Upload, UploadState
from payslip.views import PartView, RunView
from runtime.ids import MessageId, OpenId
from tests.cards.shown import Shown

RUNS, SLIPS, FILES = ("算薪", "Pay runs"), ("工资条与代发", "Payslips and payout"), ("导入文件", "Imports")
NOW = datetime(2026, 11, 3, 2, 30, tzinfo=UTC)
MONTH = Month("2026-10")
RUN = Run(RunId("2026-10.1"), MONTH, 1, date(2026, 11, 10), RunState.DRAFT, OpenId("ou_hr"), NOW, turn=4)
HOST = "https://chorus.example.com"
COMPANY = "悦然服饰"
FOUND = (
    ("YR0017", "周佳怡", AnomalyKind.CHANGED, "应发合计较上月增加 42%，实发工资较上月增加 38%"),
    ("YR0031", "孙浩", AnomalyKind.ACCOUNT_CHANGED, "收款账号与上次发放时不同，请向本人核实"),
    ("YR0045", "吴桐", AnomalyKind.NO_ATTENDANCE, "没有 2026-10 的考勤汇总"),
    ("YR0052", "郑爽", AnomalyKind.NOT_COMPUTED, "绩效系数为空，无法计算绩效工资"),
)


def anomalies() -> tuple[OpenAnomaly, ...]:
    """What a real month brings."""
    return tuple(
        OpenAnomaly(Anomaly(EmployeeNo(no), name, kind, sentence)) for no, name, kind, sentence in FOUND
    )


def run(state: RunState, **known: object) -> RunView:
    """A run of 62 people."""
    view = RunView(replace(RUN, state=state, headcount=62), people=62, computed=62, settled=7)
    return replace(view, **known)  # type: ignore[arg-type]


def signatures(*states: SignatureState) -> tuple[PartView, ...]:
    """Approvals of the departments and of the whole."""
    names = ("客服部", "运营部", "设计部", EVERYONE)
    return tuple(
        PartView(name, state.value, "绩效系数有两人填反了" if state is SignatureState.REFUSED else "")
        for name, state in zip(names, states, strict=True)
    )


def runs() -> Iterator[Shown]:
    """A run from its beginning to its end."""
    yield Shown("pay-start", RUNS, ("开始算薪", "Start"), start_card(MONTH, "2026-11-10"))
    asked, done, refused = SignatureState.ASKED, SignatureState.APPROVED, SignatureState.REFUSED
    slips = {"sent": 14, "read": 9, "confirmed": 36, "disputed": 2, "failed": 1}
    again = replace(RUN, id=RunId("2026-10.2"), version=2, replaces=RUN.id, state=RunState.REVIEWED)
    noted = replace(RUN, state=RunState.CALCULATED, note="“绩效评分”有改动，已作废的签批：客服部、运营部")
    views = (
        ("draft", "汇集数据", "Collecting", run(RunState.DRAFT, computed=0, settled=0)),
        ("collected", "核算中", "Computing", run(RunState.COLLECTED, computed=25, settled=0)),
        ("calculated", "待处理异常", "Anomalies to settle",
         run(RunState.CALCULATED, unsettled=anomalies(), left=11, blocking=1, settled=3)),
        ("changed", "数据有改动，签批作废", "Signatures void",
         replace(run(RunState.CALCULATED, unsettled=anomalies()[:1], left=1), run=noted)),
        ("reviewed", "待提交签批", "Ready to be signed", run(RunState.REVIEWED)),
        ("signing", "签批中", "Being signed",
         run(RunState.SIGNING, parts=signatures(done, asked, refused, asked))),
        ("approved", "已批准", "Approved", run(RunState.APPROVED, parts=signatures(done, done, done, done))),
        ("sealed", "推送中", "Sending", run(RunState.SEALED, slips={"sealed": 40, "sent": 22})),
        ("pushed", "已推送", "Sent", run(RunState.PUSHED, slips=slips)),
        ("closed", "已结束", "Closed", run(RunState.CLOSED, slips={"confirmed": 60, "read": 2})),
        ("cancelled", "已取消", "Cancelled",
         replace(run(RunState.CANCELLED), run=replace(RUN, state=RunState.CANCELLED, note="已取消"))),
        ("correction", "更正批次", "A correction", RunView(again, people=1, computed=1, settled=1)),
    )  # fmt: skip
    for key, zh, en, view in views:
        yield Shown(f"pay-{key}", RUNS, (zh, en), run_card(view))


def slips() -> Iterator[Shown]:
    """What employees, HR and finance get."""
    url, until = f"{HOST}/pay/s/4f1c", datetime(2026, 11, 15, 10, tzinfo=UTC)
    pushed = replace(RUN, state=RunState.PUSHED)
    names = ("代发_2026-10_招商银行_001.xlsx", "代发_2026-10_支付宝_002.xlsx")
    files = [(name, f"{HOST}/pay/files/{number}") for number, name in enumerate(names, 7)]
    held, stands = (
        [("YR0031", "孙浩"), ("YR0044", "何敏")],
        text("已答复，维持原结果", "answered, the result stands"),
    )
    cards = (
        ("slip", "工资条", "Payslip", slip_card(MONTH, COMPANY, url, until, corrected=False)),
        ("slip-corrected", "更正后的工资条", "Corrected payslip",
         slip_card(MONTH, COMPANY, url, until, corrected=True)),
        ("slip-recalled", "已撤回", "Recalled", recalled_card(MONTH, COMPANY)),
        ("dispute", "有异议（人事）", "Disputed (HR)",
         dispute_card(MONTH, "李伟", "YR0007", "绩效工资", "d1", f"{HOST}/pay/d/d1")),
        ("dispute-answered", "异议已答复", "Dispute answered",
         dispute_done_card(MONTH, "李伟", "绩效工资", stands)),
        ("payout", "代发文件（财务）", "Payout (finance)",
         payout_card(pushed, waiting=60, held=held, files=[])),
        ("payout-made", "代发文件已生成", "Payout made",
         payout_card(pushed, waiting=0, held=[], files=files)),
        ("payout-open", "有人不在文件里", "Not everybody paid",
         payout_card(pushed, waiting=0, held=[], files=files[:1], lacking=["孙浩"], overpaid=["何敏"])),
    )  # fmt: skip
    for key, zh, en, shown in cards:
        yield Shown(f"pay-{key}", SLIPS, (zh, en), shown)


def files() -> Iterator[Shown]:
    """A file that HR sent, in every state."""
    base = Upload(
        MessageId("om_file"), "file_1", "10月绩效评分.xlsx", OpenId("ou_hr"), kind="绩效评分", month=MONTH,
        digest="5f2c81d09a", turn=2,
    )  # fmt: skip
    ready = replace(base, state=UploadState.READY, new=48, changed=6, unchanged=8)
    faults = (
        "第 7 行 绩效系数“1,3”不是数字，例如 1.3",
        "第 15 行 工号 YR0913 不在“员工”里",
        "第 22 行 与第 9 行是同一个人（YR0031）",
    )
    uploads = (
        ("checking", "正在检查", "Checking", replace(base, state=UploadState.CHECKING, digest=None)),
        ("unsure", "认不出是哪张表", "Table not recognised",
         replace(base, state=UploadState.FAULTY, kind=None, month=None, name="新建表格.xlsx",
                 faults=("从列名看不出这是哪张表，请在上面选择",))),
        ("faulty", "有错误", "Faults", replace(base, state=UploadState.FAULTY, faults=faults, more=4)),
        ("ready", "可以导入", "Ready",
         replace(ready, warnings=("“员工”里有 2 人不在文件里：何敏、吴桐",))),
        ("same", "没有变化", "No changes", replace(base, state=UploadState.SAME, unchanged=62)),
        ("applying", "正在导入", "Importing", replace(ready, state=UploadState.APPLYING)),
        ("done", "已导入", "Imported", replace(ready, state=UploadState.DONE)),
    )  # fmt: skip
    for key, zh, en, upload in uploads:
        yield Shown(f"file-{key}", FILES, (zh, en), upload_card(upload, NOW))


def cards() -> Iterator[Shown]:
    """Every card of pay."""
    yield from runs()
    yield from slips()
    yield from files()
