"""The card of the payout, for finance. No amounts."""

from __future__ import annotations

from collections.abc import Sequence

from bot.cards import Card, Element, button, card, columns, header, link, markdown, note, text
from bot.cards import column as cell
from bot.words import safe
from payslip.cards import both
from payslip.model import Run

SHOWN = 8
"""Names of one list on the card."""


def payout_card(
    run: Run,
    *,
    waiting: int,
    held: Sequence[tuple[str, str]],
    files: Sequence[tuple[str, str]],
    lacking: Sequence[str] = (),
    overpaid: Sequence[str] = (),
) -> Card:
    """Finance: the payout files of a run, and accounts that wait for a second look.

    Args:
        run: the run.
        waiting: people not in any file yet.
        held: (number, name) of those whose account changed.
        files: (file name, address) of what was made.
        lacking: names of those who are in no file because their account cannot be used.
        overpaid: names of those who got more by earlier files than a correction found.
    """
    title = both("{} 代发文件", "Payout {}", run.month)
    value = {"id": run.id}
    elements: list[Element] = [
        markdown(
            text(
                "签批已通过。下载需要登录和个人密码，每次下载都会留痕。",
                "Signed. A download needs sign-in and PIN, and is recorded.",
            )
        )
    ]
    elements += [_held(run, no, name) for no, name in held[:SHOWN]]
    if len(held) > SHOWN:
        more = len(held) - SHOWN
        elements.append(note(text(f"还有 {more} 人的账号待核实，放行后会接着列出", f"{more} more follow")))
    elements += _unpaid(lacking, overpaid)
    for name, url in files:
        elements.append(link(text(f"下载 {name}", f"Download {name}"), url))
    if waiting:
        label = text(f"生成代发文件（{waiting} 人）", f"Make the file ({waiting})")
        elements.append(button(label, "pay.payout", value, kind="primary_filled"))
    return card(
        header(title, subtitle=text(f"批次 {run.id}", f"Run {run.id}"), severity="info"),
        elements,
        summary=title,
    )


def _unpaid(lacking: Sequence[str], overpaid: Sequence[str]) -> list[Element]:
    """What no file settles, so that finance does not take the month for paid."""
    found: list[Element] = []
    if lacking:
        said = (
            f"**{len(lacking)} 人不在文件里**，没有可用的收款账号：{_names(lacking)}。请人事在员工表补齐，"
            "再给机器人发“更正 月份 工号”，由更正批次付款；用其他方式付清的请留凭证。"
        )
        found.append(markdown(text(said, f"In no file, no usable account: {_names(lacking)}")))
    if overpaid:
        said = (
            f"**{len(overpaid)} 人更正后少于已付**：{_names(overpaid)}。多付的部分下次算薪在税后自动扣回，"
            "请人事先告知本人，不要另收现金；已离职的没有下次，请向本人收回。"
        )
        found.append(markdown(text(said, f"Paid too much, deducted next month: {_names(overpaid)}")))
    return found


def _names(names: Sequence[str]) -> str:
    shown = "、".join(safe(name) for name in names[:SHOWN])
    return shown if len(names) <= SHOWN else f"{shown}等 {len(names)} 人"


def _held(run: Run, no: str, name: str) -> Element:
    """Somebody whose account changed, with the button that lets them go."""
    said = text(
        f"**{safe(name)}**（{safe(no)}）\n收款账号与上次不同，请向本人核实后放行",
        f"**{safe(name)}** ({safe(no)})\nThe account changed; ask them, then release",
    )
    ask = (
        text("已向本人核实？", "Did you ask them?"),
        text("放行后会进入下一份文件。", "They go into the next file."),
    )
    release = button(text("放行", "Release"), "pay.release", {"id": run.id, "no": no}, confirm=ask)
    return columns(cell(markdown(said), weight=4), cell(release, weight=None))
