"""State change → what follows from it, in the same transaction.

Audit, notices, refreshed cards, board rows.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.engine import Connection

from rules import store, told
from rules.grouping import SINGLE_CARDS, Telling, group_works, notify_works
from rules.model import Alert, Reason, Task, TaskState
from rules.storms import CALM, Fuse
from runtime import audit
from runtime.ids import RuleId
from runtime.work import Work, WorkQueue

BOARD_BEAT = timedelta(seconds=2)
SYSTEM = "system:rules"
_SILENT = {Reason.VALUE_MOVED, Reason.DATA_BACK, None}


@dataclass(frozen=True, slots=True)
class Changed:
    """One alert after a step; ``reason`` None means that only its numbers moved.

    ``actor`` is for the audit.
    """

    alert: Alert
    reason: Reason | None
    actor: str = SYSTEM


def commit(
    conn: Connection,
    queue: WorkQueue,
    changed: Sequence[Changed],
    tellings: Sequence[Telling],
    now: datetime,
    most: int = SINGLE_CARDS,
    fuse: Fuse = CALM,
) -> None:
    """Write alerts with everything that follows. Nothing here calls outside.

    Args:
        conn: the caller's write transaction.
        queue: where work is put in the same transaction.
        changed: alerts to save.
        tellings: messages decided for them.
        now: aware time of the decision.
        most: messages a person gets one by one in a window.
        fuse: whether the rule whose alerts these are is in a storm.
    """
    store.save_alerts(conn, [item.alert for item in changed])
    store.note_episodes(conn, [(item.alert, item.reason) for item in changed])
    audit.record_all(conn, [_audit(item, now) for item in changed if item.reason not in _SILENT])
    visible = [item.alert for item in changed if item.reason is not None]
    works = [*group_works(conn, visible, now), *notify_works(conn, tellings, now, most, storm=fuse.now)]
    works += refresh_works(conn, visible)
    if visible:
        works.append(board_work(now))
    queue.put(conn, *works)


def _audit(item: Changed, now: datetime) -> audit.Entry:
    alert = item.alert
    return {
        "at": now,
        "actor": item.actor,
        "action": "alert.change",
        "subject": f"alert:{alert.id}",
        "reason": str(item.reason),
        "detail": {
            "rule": str(alert.rule_id), "object": alert.object_id, "state": alert.state.value,
            "episode": alert.episode, "value": _plain(alert.value), "limit": _plain(alert.limit),
            "in_hand_of": alert.acked_by.open_id if alert.acked_by else None,
        },
    }  # fmt: skip


def _plain(value: object) -> str | None:
    return None if value is None else str(value)


def refresh_works(conn: Connection, alerts: Collection[Alert]) -> list[Work]:
    """Bring every copy of these alerts' cards to the newest version."""
    holders = told.receivers_of(conn, [alert.id for alert in alerts])
    return [
        refresh_work(alert, receiver) for alert in alerts for receiver in sorted(holders.get(alert.id, ()))
    ]


def refresh_work(alert: Alert, receiver: str, suffix: str = "", *, anew: bool = False) -> Work:
    """Bring one receiver's copies to the newest version (``alert.version`` or later).

    ``anew``: also those that show it, because what they say beside it has changed.
    """
    args = {"alert_id": alert.id, "receiver": receiver}
    return Work(
        "rules.refresh",
        f"refresh:{alert.id}:{alert.version}:{receiver}{suffix}",
        f"receiver:{receiver}",
        args | {"anew": True} if anew else args,
    )


def storm_works(conn: Connection, rule_id: RuleId, fuse: Fuse, now: datetime) -> list[Work]:
    """Draw anew whatever shows an open alert of a rule, because its storm began or ended.

    Also where a message is still on its way: in its receiver's lane this comes after it.
    """
    alive = store.alive_of(conn, rule_id)
    by_id = {str(alert.id): alert for alert in alive}
    singles = told.singles_of(conn, by_id)
    suffix = f":storm:{int(fuse.now)}:{now:%Y%m%d%H%M%S%f}"
    return [
        *group_works(conn, alive, now),
        *(refresh_work(by_id[alert_id], who, suffix, anew=True) for alert_id, who in sorted(singles)),
    ]


def board_work(now: datetime) -> Work:
    """Bring 预警看板 and 处理任务 up to date: at most one work a beat, each takes everything that is due."""
    beat = int(now.timestamp() // BOARD_BEAT.total_seconds())
    return Work("rules.board", f"board:{beat}", "table:alerts", {}, delay=BOARD_BEAT)


def mark_work(rule_id: RuleId, number: int) -> Work:
    """Write the decided sentence into the rule's row."""
    return Work("rules.mark", f"mark:{rule_id}:{number}", "table:rules", {"rule_id": rule_id})


def act_work(task: Task) -> Work:
    """Carry a task out; one at a time for each object of the platform."""
    return Work("rules.act", f"act:{task.id}", f"object:{task.object_id}", {"task_id": task.id})


LOOK_AFTER = timedelta(seconds=1)
"""An event may come a moment before the approval can be read as it says."""


def ask_work(task: Task) -> Work:
    """Start the approval a large change waits for."""
    return Work("rules.ask", f"ask:{task.id}", f"approval:{task.id}", {"task_id": task.id})


def look_work(task: Task, cause: str) -> Work:
    """Look at the approval of a task; one look for each cause."""
    name = f"look:{task.id}:{cause}"
    return Work("rules.look", name, f"approval:{task.id}", {"task_id": task.id}, LOOK_AFTER)


def first_works(task: Task, *, feishu: bool) -> list[Work]:
    """What follows from a task just submitted: to act, or to ask first; and its Feishu task."""
    first = ask_work(task) if task.state is TaskState.WAITING else act_work(task)
    return [first, *feishu_works(task, wanted=feishu)]


def feishu_works(task: Task, *, wanted: bool) -> list[Work]:
    """Make the Feishu task of an action, or have it say how the action ended, where they are wanted at all.

    One at a time, so that an end never overtakes a beginning and trouble is told once.
    """
    name = f"feishu_task:{task.id}:{'begun' if task.state.running else 'over'}"
    return [Work("rules.feishu_task", name, "feishu_tasks", {"task_id": task.id})] if wanted else []


def pull_work(table: str, name: str) -> Work:
    """Pull fresh numbers of a table; the pulls of one table run one at a time."""
    return Work("rules.pull", f"pull:{table}:{name}", f"table:{table}", {"table": table})
