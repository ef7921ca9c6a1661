"""The doctor's look from outside: do events reach us, are they kept and handled, is a forged one refused?"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from bitable_sync import probe
from bitable_sync.doctor import Check, Level
from bot.longconn import LINE, LINE_SILENT
from bot.tables import inbox
from runtime import beats

if TYPE_CHECKING:
    from runtime.db import Database
    from runtime.floor import Floor

EVENTS, CARDS, KEPT, LINE_NAME = "事件地址", "卡片回调地址", "事件入库", "长连接"
ADDRESSES: Final = {"/webhook/event": EVENTS, "/webhook/card": CARDS}
SLOW: Final = 1.0
"""Seconds for a url_verification answer (Feishu docs)."""
PATIENCE: Final = timedelta(seconds=5)
"""How long a worker may take until it has handled an event of ours; usually it is a tenth of a second."""


def examine(floor: Floor) -> list[Check]:
    """Ask our own addresses, or look at the long connection; sends one event of a type kept for this."""
    settings = floor.settings
    if floor.manifest.connection == "websocket":
        return [check_line(beats.heard(floor.db, LINE), floor.clock.now())]
    if not settings.public_url:
        step = "把飞书后台填写的地址（不带路径）写入 CHORUS_PUBLIC_URL"
        return [Check(Level.WARN, EVENTS, "没有设置公网地址，无法自检", step)]
    key, token = settings.feishu_encrypt_key, settings.feishu_verification_token
    ours = probe.Ours(
        settings.public_url,
        settings.feishu_app_id,
        key.get_secret_value() if key else None,
        token.get_secret_value() if token else None,
    )
    checks: list[Check] = []
    for path in ADDRESSES:
        now = floor.clock.now()
        checks += check_reached(path, probe.ask(ours, path, now), probe.ask(ours, path, now, forged=True))
    if all(check.level is not Level.FAIL for check in checks):
        told = probe.tell(ours, floor.clock.now())
        checks.append(check_kept(told.reached, lambda: _state(floor.db, told.event_id)))
    return checks


def check_reached(path: str, genuine: probe.Reached, forged: probe.Reached) -> list[Check]:
    """One address as seen from outside: a genuine request is answered in time, a forged one refused."""
    name = ADDRESSES[path]
    if genuine.status == 0:
        step = "确认服务已启动、CHORUS_PUBLIC_URL 正确、防火墙和反向代理放行"
        return [Check(Level.FAIL, name, f"公网地址无法访问（{genuine.why}）", step)]
    if genuine.status != 200 or not genuine.echoed:
        step = f"确认反向代理不改请求体、不去掉 X-Lark-* 请求头，且路径 {path} 指向本服务"
        return [Check(Level.FAIL, name, f"公网地址对签名请求回答了 HTTP {genuine.status}", step)]
    checks = [Check(Level.OK, name, f"签名加密的请求 {genuine.seconds * 1000:.0f} 毫秒内得到回答")]
    if genuine.seconds > SLOW:
        sentence = f"回答用了 {genuine.seconds:.1f} 秒，飞书只等 1 秒"
        checks = [Check(Level.WARN, name, sentence, "检查网络和代理")]
    if forged.status != 401:
        step = "不要在代理处代答；确认 FEISHU_ENCRYPT_KEY 与后台一致"
        checks.append(Check(Level.FAIL, name, f"伪造签名的请求没有被拒绝（HTTP {forged.status}）", step))
    return checks


def check_kept(
    reached: probe.Reached, state: Callable[[], str | None], patience: timedelta = PATIENCE
) -> Check:
    """Whether a genuine event that was acknowledged is in our database, and handled.

    Args:
        reached: what its sending came to.
        state: reads the event's state in the inbox; None when it is not there.
        patience: how long a worker may take.
    """
    if reached.status != 200:
        step = "查看服务日志中的 webhook 一行；503 表示数据库写不进去"
        return Check(Level.FAIL, KEPT, f"签名的事件没有被接收（HTTP {reached.status}）", step)
    waiting = Retrying(
        stop=stop_after_delay(patience), wait=wait_fixed(0.1),
        retry=retry_if_result(lambda found: found == "new"), retry_error_callback=lambda _last: "new",
    )  # fmt: skip
    found = waiting(state)
    if found is None:
        step = "确认公网地址背后的服务与这里使用同一个 DATABASE_URL"
        return Check(Level.FAIL, KEPT, "事件得到了 200，却不在这个数据库里", step)
    if found in {"handled", "unhandled"}:
        return Check(Level.OK, KEPT, "签名的事件已经入库并处理")
    step = "确认工作进程在运行（chorus serve），并查看它的日志"
    sentence = f"事件已经入库，但 {patience.total_seconds():.0f} 秒内没有被处理"
    return Check(Level.FAIL, KEPT, sentence, step)


def check_line(heard: datetime | None, now: datetime) -> Check:
    """Whether the long connection lives: when its last frame came."""
    step = "确认 chorus serve 在运行，查看日志中 longconn 的行；本机要能访问飞书的 443 端口"
    if heard is None:
        return Check(Level.FAIL, LINE_NAME, "长连接还从来没有建立过", step)
    silent = (now - heard).total_seconds()
    if silent > LINE_SILENT.total_seconds():
        return Check(Level.FAIL, LINE_NAME, f"长连接已有 {silent:.0f} 秒没有任何消息", step)
    return Check(Level.OK, LINE_NAME, f"使用长连接接收事件，{max(silent, 0):.0f} 秒前还有消息")


def _state(db: Database, event_id: str) -> str | None:
    with db.read() as conn:
        found: str | None = conn.execute(
            sa.select(inbox.c.state).where(inbox.c.event_id == event_id)
        ).scalar()
    return found
