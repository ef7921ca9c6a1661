"""What of red lines is not in order, each with the next step: whether Feishu tasks are written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitable_sync.doctor import Check, Level
from rules.feishu_tasks import last_trouble

if TYPE_CHECKING:
    from runtime.floor import Floor

NAME = "飞书任务"


def examine(floor: Floor) -> list[Check]:
    """Run every check of red lines; reads our own tables only. Permissions are looked at all together."""
    if not floor.manifest.tasks.feishu:
        return []
    with floor.db.read() as conn:
        trouble = last_trouble(conn)
    if trouble:
        step = "按这句话处理；下一次处理动作会再试。不需要时把 tasks.feishu 改为 false"
        return [Check(Level.WARN, NAME, f"最近一个飞书任务没有写成：{trouble}", step)]
    return [Check(Level.OK, NAME, "已打开，处理动作同时是飞书任务")]
