"""Opening a run: who may, for which month, and what stands in the way."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.engine import Connection

from payslip import store
from payslip.deps import Policy, pay_date_of
from payslip.documents import EmployeeNo, Month, RunId
from payslip.model import Run, RunState
from payslip.run import OPEN, PAID, STATE_ZH, Refusal
from runtime.clock import SHANGHAI
from runtime.ids import OpenId
from runtime.work import Work, WorkQueue

DISPUTE_JOB = "pay.dispute"
MONTH = re.compile(r"(20\d\d)[-/年.]?(0?[1-9]|1[0-2])月?$")


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks for.

    Attributes:
        month: the month worked.
        starter: who asks.
        pay_date: when money goes out; None = the company's pay day of the next month.
        replaces: the run a correction corrects.
        scope: the employees of a correction.
    """

    month: Month
    starter: OpenId
    pay_date: date | None = None
    replaces: RunId | None = None
    scope: tuple[EmployeeNo, ...] | None = None


def read_month(text: str, now: datetime) -> Month | None:
    """The month people mean: ``2026-10``, ``2026年10月``, ``202610``; nothing means the last month."""
    if not text:
        local = now.astimezone(SHANGHAI)
        year, month = (local.year - 1, 12) if local.month == 1 else (local.year, local.month - 1)
        return Month(f"{year}-{month:02d}")
    found = MONTH.fullmatch(text.strip())
    return Month(f"{found[1]}-{int(found[2]):02d}") if found else None


def decide(
    wish: Wish, runs: Sequence[Run], policy: Policy, now: datetime, later: Sequence[Run] = ()
) -> Run | Refusal:
    """Whether a run may be opened, and which.

    A correction is of the day of payment of what it corrects, so its tax is that of the same month. Once a
    later month went out, its tax and its carries were built on the uncorrected figures: the difference then
    belongs into the next run.

    Args:
        wish: what is asked for.
        runs: every run of that month.
        policy: who may.
        now: the moment.
        later: runs of later months whose payslips went out.
    """
    if not policy.may_run(wish.starter):
        return Refusal("只有人事可以算薪；请联系人事同事")
    local = now.astimezone(SHANGHAI)
    if wish.month > f"{local.year}-{local.month:02d}":
        return Refusal(f"{wish.month} 还没有到")
    waiting = next((run for run in runs if run.state in OPEN), None)
    if waiting is not None:
        return Refusal(f"{wish.month} 已有批次 {waiting.id}（{STATE_ZH[waiting.state]}），请先处理它")
    if wish.replaces is None and any(run.state in PAID for run in runs):
        return Refusal(f"{wish.month} 的工资条已经发出，请用更正批次修改")
    if wish.replaces is not None and not wish.scope:
        return Refusal("更正批次要说明更正谁")
    if wish.replaces is not None and later:
        newest = max(run.month for run in later)
        return Refusal(
            f"{newest} 的工资条已经发出，{wish.month} 不能再更正；差额请填进下一次算薪的一次性项目"
            "（补发、税前扣款）"
        )
    corrected = next((run for run in runs if run.id == wish.replaces), None)
    version = max((run.version for run in runs), default=0) + 1
    return Run(
        id=RunId(f"{wish.month}.{version}"),
        month=wish.month,
        version=version,
        pay_date=_pay_date(wish, corrected, policy),
        state=RunState.DRAFT,
        starter=wish.starter,
        opened_at=now,
        replaces=wish.replaces,
        scope=wish.scope,
    )


def newest_of(conn: Connection, month: Month, nos: Sequence[EmployeeNo]) -> Run | Refusal:
    """The run that paid these people last in a month: what a correction of them replaces.

    Args:
        conn: any transaction.
        month: the month worked.
        nos: employees; who has no payslip yet goes with the newest run of everybody.

    Returns:
        The run, or a sentence: nothing went out yet, or they were not paid by one run.
    """
    out = [run for run in reversed(store.runs_of(conn, month)) if run.state in PAID]
    if not out:
        return Refusal(f"{month} 的工资条还没有发出，直接在表格里改数据即可")
    whole = next((run for run in out if run.scope is None), out[-1])
    found = [next((run for run in out if no in (run.scope or ())), whole) for no in nos]
    if len({run.id for run in found}) != 1:
        return Refusal("这些人现在的工资条在不同的批次里，请分开更正")
    return found[0]


def _pay_date(wish: Wish, corrected: Run | None, policy: Policy) -> date:
    if corrected is not None:
        return corrected.pay_date
    return wish.pay_date or pay_date_of(wish.month, policy.pay_day)


def open_run(conn: Connection, queue: WorkQueue, policy: Policy, wish: Wish, now: datetime) -> Run | Refusal:
    """Open a run and set it to work, in the caller's transaction.

    Returns:
        The run, or a sentence why not.
    """
    later = [run for run in store.runs_in(conn, PAID) if run.month > wish.month]
    decided = decide(wish, store.runs_of(conn, wish.month), policy, now, later)
    if isinstance(decided, Run):
        store.add_run(conn, decided)
        queue.put(conn, collect_work(decided))
    return decided


def lane(run_id: str) -> str:
    """The lane in which everything about a run happens, one thing at a time."""
    return f"run:{run_id}"


def run_work(job: str, run_id: str, cause: str, **args: str | bool) -> Work:
    """A work about a run, in the run's lane; the same cause makes the same work."""
    return Work(job, f"{job}:{run_id}:{cause}", lane(run_id), {"run": run_id, **args})


def collect_work(run: Run, *, fetch: bool = True, cause: str = "") -> Work:
    """Collect and compute a run.

    Args:
        run: the run at this turn.
        fetch: read the tables and attendance anew; without it, only what changed is taken over.
        cause: tells works of one turn apart, e.g. by the revision of the tables.
    """
    return run_work("payroll.collect", run.id, f"{run.turn}:{cause}", fetch=fetch)


def dispute_work(dispute: str, place: str, again: str = "") -> Work:
    """Tell HR of a dispute; ``again`` tells a second time apart, after its correction was given up."""
    cause = f"{dispute}:{again}" if again else dispute
    return Work(DISPUTE_JOB, f"{DISPUTE_JOB}:{cause}", place, {"dispute": dispute})


def sheet_work(run_id: str, cause: str, nos: Sequence[str] = ()) -> Work:
    """Write the rows of a run anew; of some employees, if any are named."""
    return run_work("payroll.sheet", run_id, cause, nos=" ".join(nos))


def refresh_work(run: Run) -> Work:
    """Show a run's newest turn on every card of it."""
    return run_work("payroll.refresh", run.id, str(run.turn))
