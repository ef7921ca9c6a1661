"""How pay looks in the chat. Pure, in Chinese and English; every card is checked, none holds an amount."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.cards import (
    Card,
    Element,
    Severity,
    Text,
    button,
    card,
    columns,
    facts,
    form,
    header,
    hr,
    link,
    markdown,
    note,
    submit,
    text,
    text_input,
)
from bot.cards import column as cell
from payslip.documents import Month
from payslip.model import EVERYONE, Run, RunState, SlipState
from payslip.run import OPEN, STATE_EN, STATE_ZH
from payslip.signing import SignatureState
from payslip.store import OpenAnomaly
from payslip.views import PartView, RunView
from runtime.clock import SHANGHAI

REASON = "reason_"
"""What the names of reason inputs begin with; a number follows."""

_ESCAPES = str.maketrans({char: f"&#{ord(char)};" for char in "<>*_~`[]\\&"})
_LOOK: dict[RunState, Severity] = {
    RunState.CALCULATED: "warning",
    RunState.CANCELLED: "muted",
    RunState.CLOSED: "muted",
    RunState.PUSHED: "resolved",
    RunState.SEALED: "resolved",
}
_SIGNATURE = {
    SignatureState.ASKED: ("grey", text("等待签批", "waiting")),
    SignatureState.APPROVED: ("green", text("已通过", "approved")),
    SignatureState.REFUSED: ("red", text("未通过", "refused")),
    SignatureState.REVERTED: ("red", text("已撤销", "reverted")),
}


def safe(data: str) -> str:
    """Text from tables as it must stand in markdown: it mentions nobody and draws no links."""
    return data.translate(_ESCAPES)


def month_text(month: Month) -> Text:
    """A month in both languages."""
    year, number = month.split("-")
    return text(f"{year} 年 {int(number)} 月", month)


def _both(zh: str, en: str, month: Month) -> Text:
    words = month_text(month)
    return text(zh.format(words.zh), en.format(words.en))


# --- starting ---


def start_card(month: Month, pay_date: str) -> Card:
    """Asked before a run is opened: which month, paid when."""
    title = _both("{} 算薪", "Pay for {}", month)
    said = text(
        "开始后会自动汇集考勤、绩效、提成和扣除，算出每个人的工资并核对两遍。异常会先列出来，处理完才能提交签批。",
        "Attendance, scores, commission and deductions are collected, everyone's pay is computed twice and "
        "compared. Anomalies are listed first; nobody signs before they are settled.",
    )
    return card(
        header(title, severity="info"),
        [
            markdown(said),
            facts([(text("发薪日", "Pay date"), pay_date)]),
            button(text("开始算薪", "Start"), "pay.start", {"m": month}, kind="primary_filled"),
        ],
        summary=title,
    )


# --- the run, for HR ---


def run_card(view: RunView) -> Card:
    """A run in whatever state it is, for the people who lead it."""
    run = view.run
    title = _both("{} 算薪", "Pay for {}", run.month)
    tags = [text(STATE_ZH[run.state], STATE_EN[run.state])]
    subtitle = text(f"批次 {run.id}", f"Run {run.id}")
    if run.replaces:
        subtitle = text(f"批次 {run.id} · 更正 {run.replaces}", f"Run {run.id} · corrects {run.replaces}")
    elements: list[Element] = []
    if run.note and run.note != tags[0].zh:
        elements.append(markdown(f"<font color='red'>{safe(run.note)}</font>"))
    elements.append(_figures(view))
    elements += _body(view)
    elements.append(note(_footer(run)))
    head = header(title, subtitle=subtitle, severity=_LOOK.get(run.state, "info"), tags=tags)
    return card(head, elements, summary=text(f"{title.zh}：{tags[0].zh}", f"{title.en}: {tags[0].en}"))


def _figures(view: RunView) -> Element:
    pairs: list[tuple[Text, str]] = [
        (text("发薪日", "Pay date"), f"{view.run.pay_date:%Y-%m-%d}"),
        (text("人数", "People"), f"{view.computed} / {view.people}"),
    ]
    if view.slips:
        sent = view.slip_count(*(set(SlipState) - {SlipState.SEALED, SlipState.FAILED}))
        seen = view.slip_count(SlipState.READ, SlipState.CONFIRMED, SlipState.DISPUTED)
        pairs += [
            (text("已推送", "Sent"), str(sent)),
            (text("已查看", "Read"), str(seen)),
            (text("已确认", "Confirmed"), str(view.slip_count(SlipState.CONFIRMED))),
            (text("有异议", "Disputed"), str(view.slip_count(SlipState.DISPUTED))),
        ]
    else:
        pairs += [
            (text("待处理异常", "Anomalies open"), str(view.left)),
            (text("已处理异常", "Settled"), str(view.settled)),
        ]
    return facts(pairs)


def _body(view: RunView) -> list[Element]:
    run = view.run
    if run.state in (RunState.DRAFT, RunState.COLLECTED):
        waiting = text(
            "正在汇集数据并核算，完成后会更新这张卡片。", "Collecting and computing; this card will follow."
        )
        return [markdown(waiting), _buttons(view)]
    if run.state is RunState.CALCULATED:
        return [*_anomalies(view), hr(), _buttons(view)]
    if run.state is RunState.REVIEWED:
        ready = text(
            "两次核算一致，异常都已处理。可以提交签批：各部门主管、人事负责人、财务负责人。",
            "Both computations agree and every anomaly is settled. Ready to be signed.",
        )
        return [markdown(ready), _buttons(view)]
    if run.state in (RunState.SIGNING, RunState.APPROVED):
        return [*_parts(view.parts), _buttons(view)]
    return [*_after(view), _buttons(view)] if run.state in (RunState.SEALED, RunState.PUSHED) else []


def _anomalies(view: RunView) -> list[Element]:
    if not view.left:
        return [markdown(text("没有待处理的异常。", "No anomalies."))]
    elements: list[Element] = []
    for place, each in enumerate(view.unsettled):
        elements += [hr(), *_anomaly(view.run, each, place)]
    more = view.left - len(view.unsettled)
    if more:
        elements.append(note(text(f"还有 {more} 条，处理完这些会接着列出", f"{more} more follow")))
    return elements


def _anomaly(run: Run, each: OpenAnomaly, place: int) -> list[Element]:
    found = each.anomaly
    colour = "red" if found.kind.blocks else "orange"
    kind = f"<text_tag color='{colour}'>{found.kind.value}</text_tag>"
    said = f"**{safe(found.name)}**（{safe(found.employee_no)}）{kind}\n{safe(found.sentence)}"
    if found.kind.blocks:
        fix = text("需要先更正数据，再点“重新汇集”", "Mend the data, then collect again")
        return [markdown(said), note(fix)]
    value = {"id": run.id, "t": run.turn, "no": found.employee_no, "k": found.kind.name}
    # Names must differ within a card, whatever form they stand in.
    reason = text_input(
        f"{REASON}{place}", text("处理理由", "Reason"), required=True, max_length=200,
        placeholder=text("例如：本月晋升调薪，已核对", "e.g. promoted, checked"),
    )  # fmt: skip
    done = submit(text("确认无误", "Confirm"), "pay.settle", value, kind="primary") | {
        "name": f"settle_{place}"
    }
    return [markdown(said), form(f"anomaly_{place}", reason, done)]


def _parts(parts: Sequence[PartView]) -> list[Element]:
    lines = []
    for part in parts:
        name = text("人事与财务", "HR and finance") if part.name == EVERYONE else text(part.name, part.name)
        colour, state = _SIGNATURE[SignatureState(part.state)]
        why = f"（{safe(part.reason)}）" if part.reason else ""
        zh, en = (f"<font color='{colour}'>{said}</font>{why}" for said in state.both)
        lines.append(text(f"- {safe(name.zh)}：{zh}", f"- {safe(name.en)}: {en}"))
    if not lines:
        return [markdown(text("正在提交签批…", "Starting the approvals…"))]
    zh, en = ("\n".join(line.both[at] for line in lines) for at in (0, 1))
    return [markdown(text(zh, en))]


def _after(view: RunView) -> list[Element]:
    if view.run.state is RunState.SEALED:
        return [markdown(text("工资条正在推送，可以随时关掉这张卡片。", "Payslips are being sent."))]
    failed = view.slip_count(SlipState.FAILED)
    if failed:
        words = text(
            f"**{failed} 人没有收到**，请看工资条状态表", f"**Not reached: {failed}**; see 工资条状态"
        )
        return [markdown(words)]
    return []


def _buttons(view: RunView) -> Element:
    run = view.run
    value = {"id": run.id, "t": run.turn}
    found: list[Element] = []
    if run.state is RunState.REVIEWED:
        found.append(button(text("提交签批", "Submit"), "pay.sign", value, kind="primary_filled"))
    if run.state in (RunState.CALCULATED, RunState.REVIEWED):
        found.append(button(text("重新汇集", "Collect again"), "pay.again", value))
    if run.state in OPEN:
        ask = (
            text("取消这个批次？", "Cancel this run?"),
            text("已收到的签批会作废。", "Signatures become void."),
        )
        found.append(button(text("取消批次", "Cancel run"), "pay.cancel", value, confirm=ask))
    if run.state is RunState.PUSHED:
        found.append(button(text("提醒未确认的人", "Remind"), "pay.remind", value))
        ask = (
            text("结束这个批次？", "Close this run?"),
            text("结束后不再提醒。", "Nobody is reminded after that."),
        )
        found.append(button(text("结束批次", "Close"), "pay.close", value, confirm=ask))
    if run.state in (RunState.SEALED, RunState.PUSHED):
        ask = (
            text("撤回全部工资条？", "Recall all payslips?"),
            text(
                "内容会被销毁，所有人都打不开；还没有生成代发文件时才能撤回。", "Their content is destroyed."
            ),
        )
        found.append(button(text("撤回", "Recall"), "pay.recall", value, kind="danger", confirm=ask))
    return columns(*(cell(each, weight=None) for each in found), flex="flow")


def _footer(run: Run) -> Text:
    at = run.opened_at.astimezone(SHANGHAI)
    return text(
        f"发起于 {at:%m-%d %H:%M} · 金额只在表格和工资条里", f"Opened {at:%m-%d %H:%M} · no amounts here"
    )


# --- people ---


def slip_card(month: Month, company: str, url: str, deadline: datetime, *, corrected: bool) -> Card:
    """Tells an employee that the payslip is there. The page asks who they are; the card says nothing."""
    title = _both("{} 工资条", "Payslip {}", month)
    until = deadline.astimezone(SHANGHAI)
    said = text(
        f"你的工资条已经准备好，请在 {until:%m-%d %H:%M} 前查看并确认。有疑问可以在页面里对某一行提出异议。",
        f"Your payslip is ready. Please confirm it by {until:%m-%d %H:%M}; a line can be disputed there.",
    )
    elements: list[Element] = []
    if corrected:
        elements.append(markdown(text("**这是更正后的版本**，取代之前的工资条。", "**Corrected version.**")))
    elements += [
        markdown(said),
        link(text("查看工资条", "Open payslip"), url, kind="primary_filled"),
        note(text("仅你本人可见：需要飞书登录和个人密码，转发给别人也打不开", "Only you can open it")),
    ]
    return card(header(title, subtitle=company, severity="info"), elements, summary=title)


def recalled_card(month: Month, company: str) -> Card:
    """What the card becomes when its slip was recalled."""
    title = _both("{} 工资条", "Payslip {}", month)
    said = text("这份工资条已撤回，新的会再发给你。", "This payslip was recalled; a new one will follow.")
    return card(header(title, subtitle=company, severity="muted"), [markdown(said)], summary=title)


def dispute_card(month: Month, name: str, no: str, line: str, dispute: str, url: str) -> Card:
    """Tells HR that somebody disputes a line; what they wrote is read on the page."""
    title = _both("{} 工资条有异议", "Payslip {} disputed", month)
    reply = form(
        f"answer_{dispute}",
        text_input(
            "answer",
            text("答复（本人会在工资条里看到）", "Answer"),
            required=True,
            max_length=500,
            multiline=True,
        ),
        submit(text("答复，维持原结果", "Answer, keep the result"), "pay.answer", {"id": dispute}),
    )
    ask = (
        text("开一个更正批次？", "Open a correction?"),
        text(
            "会按现在的数据重新核算这一个人，并重新签批。", "This person is computed anew and signed again."
        ),
    )
    return card(
        header(title, severity="warning"),
        [
            markdown(
                text(f"**{safe(name)}**（{safe(no)}）对“{safe(line)}”有异议。", f"{safe(name)}: {safe(line)}")
            ),
            link(text("看异议内容", "Read it"), url),
            reply,
            button(text("数据有误，开更正批次", "Correct it"), "pay.correct", {"id": dispute}, confirm=ask),
        ],
        summary=title,
    )


def dispute_done_card(month: Month, name: str, line: str, how: Text) -> Card:
    """A dispute that was dealt with."""
    title = _both("{} 工资条异议", "Payslip {} dispute", month)
    said = text(f"{safe(name)} · “{safe(line)}”：{how.zh}", f"{safe(name)} · {safe(line)}: {how.en}")
    return card(header(title, severity="resolved"), [markdown(said)], summary=title)
