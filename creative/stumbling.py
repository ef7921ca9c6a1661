"""When a job gives up: the request says so where people look, and the work is parked as everywhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from creative import store
from creative.deps import Art
from creative.effects import commit
from creative.model import State
from runtime.errors import ChorusError
from runtime.jobrun import JobRun
from runtime.log import mask_text

Job = Callable[[JobRun, Mapping[str, Any]], None]

NOT_MADE = "没有做完：{why}\n可以请管理员重放这项任务；或清空“状态”重新开始，会再产生费用"
NOT_ARCHIVED = "{note}\n归档没有做完：{why}\n请管理员处理后重放这项任务；定稿不受影响"


def told(deps: Art, job: Job) -> Job:
    """A job that tells the people of its request when it gives up, and gives up as before.

    Whoever replays the parked work later finishes the request all the same.
    """

    def perform(run: JobRun, args: Mapping[str, Any]) -> None:
        try:
            job(run, args)
        except Exception as error:
            _tell(deps, _request_of(args), _sentence(error))
            raise

    return perform


def _tell(deps: Art, request_id: str, why: str) -> None:
    now = deps.clock.now()
    with deps.db.begin() as conn:
        request = store.load_request(conn, request_id, lock=True)
        if request is None or request.state not in (State.MAKING, State.FINAL):
            return
        if request.state is State.MAKING:
            state, note = State.FAILED, NOT_MADE.format(why=why)
        else:
            state, note = State.FINAL, NOT_ARCHIVED.format(note=request.note.splitlines()[0], why=why)
        failed = replace(request, state=state, note=note, turn=request.turn + 1, changed_at=now)
        commit(deps.db, conn, deps.queue, failed, "gave_up", tell=state is State.FAILED)


def _request_of(args: Mapping[str, Any]) -> str:
    """``recA`` of what a work is about: ``recA``, ``recA:2`` or ``recA:2:1:square``."""
    return str(args.get("request") or args.get("version") or args.get("call")).split(":", 1)[0]


def _sentence(error: Exception) -> str:
    if isinstance(error, ChorusError):
        return (mask_text(str(error)) or type(error).__name__)[:300]
    return f"程序出错（{type(error).__name__}），日志里有详情"
