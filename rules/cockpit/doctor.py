"""What of the cockpit is not in order, each with the next step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from bitable_sync.doctor import Check, Level
from rules.cockpit.access import LISTS_GOOD, make_viewers
from rules.cockpit.board import NAMES, USUAL_AGE
from rules.cockpit.figures import source
from rules.cockpit.look import ago
from rules.cockpit.store import pulls
from rules.cockpit.tables import departments
from runtime.when import parse_age

if TYPE_CHECKING:
    from runtime.floor import Floor

NAME, FRESH = "指挥舱", "数据新鲜度"


def examine(floor: Floor) -> list[Check]:
    """Run every check of the cockpit; reads our own tables only."""
    viewers = make_viewers(floor.manifest.cockpit.viewers, floor.settings.admin_open_id)
    checks = [_named(floor), *(_department(floor, each) for each in viewers.departments), *_fresh(floor)]
    if floor.settings.public_url is None:
        said = "没有设置 CHORUS_PUBLIC_URL，卡片里的链接只能在这台机器上打开"
        checks.append(
            Check(Level.WARN, NAME, said, "设置 CHORUS_PUBLIC_URL，并在开发者后台登记 /cockpit/callback")
        )
    return checks


def _named(floor: Floor) -> Check:
    named, admin = floor.manifest.cockpit.viewers, floor.settings.admin_open_id
    step = "在 feishu_app.yaml 的 cockpit.viewers 写上人（ou_…）或部门（od-…）"
    if named:
        return Check(Level.OK, NAME, f"{len(named)} 个人或部门可以查看")
    if admin:
        return Check(Level.WARN, NAME, "没有指定查看人，只有管理员能打开", step)
    return Check(Level.WARN, NAME, "没有指定查看人，也没有管理员，谁也打不开", step)


def _fresh(floor: Floor) -> list[Check]:
    """How old the numbers of each source are that was ever read."""
    now, ages = floor.clock.now(), floor.manifest.limits.max_age
    with floor.db.read() as conn:
        read = pulls(conn)
    found = []
    for table, name in NAMES.items():
        if table not in read:
            continue
        limit = parse_age(ages[table]) if table in ages else USUAL_AGE
        stands = source(table, name, *read[table], limit=limit, now=now)
        said = f"{name}：{ago(stands.pulled_at, now)}取到" + (f"；{stands.error}" if stands.error else "")
        step = "核对 chorus serve 是否在运行、平台连接是否正常" if not stands.good or stands.error else ""
        level = Level.OK if not step else Level.WARN if stands.good else Level.FAIL
        found.append(Check(level, FRESH, said, step))
    return found


def _department(floor: Floor, department: str) -> Check:
    with floor.db.read() as conn:
        row = conn.execute(sa.select(departments).where(departments.c.id == department)).first()
    if row is None:
        step = "启动 chorus serve，半小时内会读到"
        return Check(Level.WARN, NAME, f"部门 {department} 的名单还没有读到，里面的人暂时打不开", step)
    now = floor.clock.now()
    if row.read_at is None or now - row.read_at >= LISTS_GOOD:
        said = f"部门 {department} 的名单读不到（上次读到：{ago(row.read_at, now)}）：{row.error}"
        return Check(Level.FAIL, NAME, said, "核对部门 ID，并把这个部门放进应用的通讯录权限范围")
    if not row.people:
        step = "核对部门 ID，并把这个部门放进应用的通讯录权限范围"
        return Check(Level.WARN, NAME, f"部门 {department} 里没有人", step)
    return Check(Level.OK, NAME, f"部门 {department} 有 {len(row.people)} 人，{ago(row.read_at, now)}读到")
