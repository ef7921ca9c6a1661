"""How the payout of a run looks in finance's chat. No amount, no account."""

from __future__ import annotations

from collections.abc import Sequence

from bot.cards import Card, Element, button, card, columns, header, link, markdown, text
from bot.cards import column as cell
from payslip.cards import both, safe
from payslip.model import Run


def payout_card(
    run: Run, *, waiting: int, held: Sequence[tuple[str, str]], files: Sequence[tuple[str, str]]
) -> Card:
    """Finance: the payout files of a run, and accounts that wait for a second look.

    Args:
        run: the run.
        waiting: people not in any file yet.
        held: (number, name) of those whose account changed.
        files: (file name, address) of what was made.
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
    for no, name in held[:8]:
        said = text(
            f"**{safe(name)}**（{safe(no)}）\n收款账号与上次不同，请向本人核实后放行",
            f"**{safe(name)}** ({safe(no)})\nThe account changed; ask them, then release",
        )
        ask = (
            text("已向本人核实？", "Did you ask them?"),
            text("放行后会进入下一份文件。", "They go into the next file."),
        )
        release = button(text("放行", "Release"), "pay.release", {**value, "no": no}, confirm=ask)
        elements.append(columns(cell(markdown(said), weight=4), cell(release, weight=None)))
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
