"""The doctor's look at the installation itself: backups, the audit trail, the nightly deleting, the disk."""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bitable_sync.doctor import Check, Level
from runtime.upkeep import BROKEN, Chore, Done, last

if TYPE_CHECKING:
    from runtime.floor import Floor

BACKUP, TRAIL, KEEPING, DISK = "备份", "审计链", "定期清理", "磁盘"
NIGHTLY: Final = timedelta(hours=36)
"""A nightly job that was not seen for so long has not run."""
LITTLE, LEAST = 5 * 1024**3, 1024**3
"""Bytes left from which on the disk is a warning, and a fault: SQLite needs room for its log, backups for a
whole copy."""


def examine(floor: Floor) -> list[Check]:
    """Run every check; reads our own tables and asks the disk."""
    now, keep = floor.clock.now(), floor.manifest.retention
    with floor.db.read() as conn:
        done = {chore: last(conn, chore) for chore in Chore}
    folders = {_device(each): each for each in (floor.settings.blob_dir, floor.settings.var_dir)}
    return [
        check_backup(done[Chore.BACKUP], keep.backup_days, now, ready=floor.settings.backup_key is not None),
        check_trail(done[Chore.CHAIN], now),
        check_keeping(done[Chore.KEEPING], now),
        *(check_disk(folder) for folder in folders.values()),
    ]


def check_backup(done: Done | None, days: int, now: datetime, *, ready: bool) -> Check:
    """Whether there is a backup that is not too old.

    Args:
        done: the newest.
        days: how old it may be; 0 = backups are made by other means.
        now: the moment.
        ready: whether a key to seal it is set.
    """
    if days == 0:
        return Check(Level.OK, BACKUP, "清单里写明备份由别的方式完成（retention.backup_days: 0）")
    step = "运行 chorus backup 文件名，并每小时定时运行一次（docs/DEPLOY.md）"
    if not ready:
        step = f"先用 chorus backup --new-key 生成密钥，写入 CHORUS_BACKUP_KEY；再{step}"
    if done is None:
        return Check(Level.WARN, BACKUP, "从来没有备份过，这台机器坏了就什么都没有了", step)
    said = f"最近一次备份在 {_ago(now - done.at)}前"
    if now - done.at > timedelta(days=days):
        return Check(Level.WARN, BACKUP, f"{said}，超过 {days} 天", step)
    return Check(Level.OK, BACKUP, said)


def check_trail(done: Done | None, now: datetime) -> Check:
    """Whether the audit chain was whole when it was last looked through."""
    if done is None:
        return Check(Level.WARN, TRAIL, "审计链还没有核对过", "运行 chorus audit verify；以后每晚自动核对")
    if done.reason == BROKEN:
        step = "运行 chorus audit verify 看第一处断开的地方，并与更早的备份比较"
        return Check(Level.FAIL, TRAIL, f"核对不通过：{done.detail.get('fault', '')}", step)
    said = f"{_ago(now - done.at)}前核对过，{done.detail.get('entries', 0)} 条都完整"
    if now - done.at > NIGHTLY:
        return Check(Level.WARN, TRAIL, said, "核对 chorus serve 是否在运行；或运行 chorus audit verify")
    return Check(Level.OK, TRAIL, said)


def check_keeping(done: Done | None, now: datetime) -> Check:
    """Whether what is too old is deleted each night."""
    step = "核对 chorus serve 是否在运行，以及 schedules.retention"
    if done is None:
        return Check(Level.WARN, KEEPING, "到期的数据还没有清理过；第一次在 serve 启动后的凌晨", step)
    said = f"最近一次清理在 {_ago(now - done.at)}前"
    return (
        Check(Level.WARN, KEEPING, said, step) if now - done.at > NIGHTLY else Check(Level.OK, KEEPING, said)
    )


def _device(folder: Path) -> int | str:
    """The disk a folder lies on; one that cannot be seen stands for itself."""
    try:
        return folder.stat().st_dev
    except OSError:
        return str(folder)


def check_disk(folder: Path, free: int | None = None) -> Check:
    """Whether there is room where we write.

    Args:
        folder: where.
        free: bytes left; None = ask.
    """
    try:
        left = shutil.disk_usage(folder).free if free is None else free
    except OSError as error:
        return Check(Level.FAIL, DISK, f"看不到 {folder}：{error.strerror}", "检查目录权限和挂载")
    said = f"{folder} 还剩 {left / 1024**3:.1f} GB"
    step = "清理磁盘或换大一点的；写满后事件会被拒收，飞书会重发，但最多七小时"
    if left < LEAST:
        return Check(Level.FAIL, DISK, said, step)
    return Check(Level.WARN, DISK, said, step) if left < LITTLE else Check(Level.OK, DISK, said)


def _ago(span: timedelta) -> str:
    minutes = int(span.total_seconds() // 60)
    if minutes < 120:
        return f"{max(minutes, 0)} 分钟"
    return f"{minutes // 60} 小时" if minutes < 72 * 60 else f"{minutes // (24 * 60)} 天"
