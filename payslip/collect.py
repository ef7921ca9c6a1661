"""How inputs come together: rows of all input tables become the books and the people of a run. Pure.

Unknown is not zero. What cannot be read is said in words that name table and column; it stops the people it
concerns and nobody else. The same rows give the same documents, in whatever order they come, so that a digest
over them means something.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from bitable_sync.cells import CellValue
from payslip import months
from payslip.collect_books import Blocks, books, lapsed
from payslip.collect_cells import Cells
from payslip.collect_commission import Pool, pools
from payslip.collect_frame import Frame, Past
from payslip.collect_person import CollectedPerson, collect
from payslip.collect_rows import Own, Problem, Sorted, sort_rows
from payslip.documents import Books, Component, EmployeeNo, Month
from payslip.specs import ATTENDANCE_TABLE, COMMISSION_TABLE, OPENING_TABLE
from runtime.ids import OpenId

__all__ = ["CollectedPerson", "Gathered", "Past", "Problem", "gather"]

NAMED_AT_MOST = 5


@dataclass(frozen=True, slots=True)
class Gathered:
    """Everything a run reads. ``problems`` stop nobody; who is stopped says so in ``people``."""

    books: Books
    people: tuple[CollectedPerson, ...]
    problems: tuple[Problem, ...]


def gather(
    tables: Mapping[str, Sequence[Mapping[str, CellValue]]],
    *,
    month: Month,
    pay_date: date,
    structure: Sequence[Component],
    history: Mapping[EmployeeNo, Past],
    scope: Collection[EmployeeNo] | None = None,
) -> Gathered:
    """Bring books and people together.

    Args:
        tables: the rows of every table of `payslip.specs.INPUT_TABLES`, by table key.
        month: the month worked.
        pay_date: when money goes out; its month and year are those of the tax.
        structure: the components in force (`payslip.structure`).
        history: what earlier runs left, by employee. ``charged`` must hold what was charged for a month *in
            total*, later back-payments included: it is compared with today's rules, and the difference is
            charged once.
        scope: only these employees (a correction); None = everyone.
    """
    rows = sort_rows(tables, month)
    blocks, general = Blocks(), list[str]()
    resolved = books(
        tables, month, pay_date, structure, blocks, general,
        social_since=Month(f"{months.year(month)}-01"),
    )  # fmt: skip
    frame = Frame(resolved, blocks, _pools(rows, resolved), _workdays(rows, month))
    general += lapsed(tables, month)
    problems = [Problem("", "", sentence) for sentence in dict.fromkeys([*blocks.everyone, *general])]
    problems += rows.problems
    everybody: list[CollectedPerson] = []
    for no in sorted(rows.employees):
        own = rows.own.get(no) or Own()
        found = collect(rows.employees[no][0], own, history.get(no), frame)
        if found is not None:
            everybody.append(found[0])
            problems += [Problem(no, found[0].name, note) for note in found[1]]
    people = [who for who in _settle(everybody, rows) if scope is None or who.no in scope]
    if scope is not None:
        problems = [problem for problem in problems if not problem.no or problem.no in scope]
        missing = sorted(set(scope) - {who.no for who in people})
        problems += [Problem(no, "", "要更正的工号本月没有可以核算的人，请核对工号") for no in missing]
    else:
        problems += _vanished(everybody, rows, history, frame)
    problems += _first_tax(people, rows, history, frame)
    return Gathered(resolved, tuple(people), tuple(dict.fromkeys(problems)))


def _vanished(
    everybody: Sequence[CollectedPerson], rows: Sorted, history: Mapping[EmployeeNo, Past], frame: Frame
) -> list[Problem]:
    """Who was paid last month and is not here now without having left: a row deleted or renumbered."""
    here, before = {who.no for who in everybody}, months.add(frame.month, -1)
    found = []
    for no in sorted(no for no, past in history.items() if before in past.charged and no not in here):
        own = rows.employees.get(no)
        if own is None:
            found.append(
                Problem(no, "", "上月发过工资，员工表里已没有这个工号；离职请保留这一行并填“离职日期”")
            )
        elif Cells(own[0].spec, own[0].values).day("leave") is None:
            name = own[0].text("name")
            found.append(Problem(no, name, "上月发过工资，员工「入职日期」却在本月之后，没有算薪，请改正"))
    return found


def _settle(everybody: Sequence[CollectedPerson], rows: Sorted) -> list[CollectedPerson]:
    """Stop who stands twice in 员工, and who shares a Feishu account: one would read the other's payslip."""
    accounts: dict[OpenId, list[EmployeeNo]] = {}
    for who in everybody:
        if who.open_id is not None:
            accounts.setdefault(who.open_id, []).append(who.no)
    settled = []
    for who in everybody:
        stops = [who.problem] if who.problem else []
        times = len(rows.employees[who.no])
        if times > 1:
            stops.append(f"员工表里这个工号有 {times} 行，请只留一行")
        others = [no for no in accounts.get(who.open_id, ()) if no != who.no] if who.open_id else []
        if others:
            stops.append(f"员工「飞书账号」与工号 {'、'.join(others)} 相同，工资条会发给别人，请改正")
        settled.append(replace(who, person=None, problem="；".join(stops)) if stops else who)
    return settled


def _pools(rows: Sorted, resolved: Books) -> Mapping[str, Pool]:
    members: list[tuple[EmployeeNo | None, Cells]] = [
        (no, cells) for no, own in sorted(rows.own.items()) for cells in own.of(COMMISSION_TABLE)
    ]
    members += [(None, cells) for cells in rows.strays]
    return pools(members, {plan.name: plan for plan in resolved.plans})


def _workdays(rows: Sorted, month: Month) -> Decimal:
    """The ordinary month: what most rows of attendance say, else the days from Monday to Friday."""
    said = Counter(
        days
        for own in rows.own.values()
        for cells in own.of(ATTENDANCE_TABLE)
        if (days := Cells(cells.spec, cells.values).number("due_days"))
    )
    if said:
        most = max(said.values())
        return max(days for days, times in said.items() if times == most)
    first, last = months.first_day(month), months.last_day(month)
    whole = [first + timedelta(days=step) for step in range((last - first).days + 1)]
    return Decimal(sum(day.weekday() < 5 for day in whole))


def _first_tax(
    people: Sequence[CollectedPerson], rows: Sorted, history: Mapping[EmployeeNo, Past], frame: Frame
) -> list[Problem]:
    """Whose tax begins in the middle of the year although they were paid before: one sentence for all."""
    if months.number(frame.tax_month) == 1:
        return []
    found = [
        who
        for who in people
        if who.person is not None
        and months.month_of(who.person.join) < frame.month
        and not (who.no in history and history[who.no].paid)
        and not (rows.own.get(who.no) or Own()).of(OPENING_TABLE)
    ]
    if not found:
        return []
    names = "、".join(who.name for who in found[:NAMED_AT_MOST])
    more = f"等 {len(found)} 人" if len(found) > NAMED_AT_MOST else ""
    sentence = (
        f"{names}{more}今年还没有在 Chorus 发放过，期初累计表里也没有，累计预扣的个税会算错；请先填期初累计"
    )
    return [Problem("", "", sentence)]
