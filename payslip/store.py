"""SQL of pay runs. Every function works in the caller's transaction; sealed columns pass through unread."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Row

from payslip import tables as t
from payslip.documents import EmployeeNo, Month, RunId
from payslip.model import Anomaly, AnomalyKind, Run, RunState, SlipState
from payslip.months import add
from payslip.run import OPEN, PAID, Reason, Step
from runtime import audit
from runtime.ids import OpenId

CHUNK = 500
WRITTEN_AT_ONCE = 100
"""Sealed rows of one transaction (about 10 KB each): a tap that waits for the one writer must not notice."""

_RUN = [field.name for field in fields(Run)]
_RUN_COLUMNS = [t.runs.c[name] for name in _RUN]


@dataclass(frozen=True, slots=True)
class PersonRow:
    """One person of a run as stored: who they are in the clear, what they earn sealed."""

    run_id: RunId
    employee_no: EmployeeNo
    open_id: OpenId | None
    name: str
    department: str
    supervisor: OpenId | None
    sealed_input: str | None
    sealed_pay: str | None
    input_digest: str | None
    pay_digest: str | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class OpenAnomaly:
    """A stored anomaly and who settled it, if anybody did."""

    anomaly: Anomaly
    settled_by: OpenId | None = None
    settled_at: datetime | None = None
    reason: str | None = None


def insert(conn: Connection, table: sa.Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that knows ON CONFLICT, of whichever database this is."""
    return sqlite.insert(table) if conn.dialect.name == "sqlite" else postgresql.insert(table)


def upsert(conn: Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows or overwrite the given columns of those whose primary key exists."""
    if not rows:
        return
    keys = [column.name for column in table.primary_key]
    statement = insert(conn, table)
    changed = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    conn.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed), list(rows))


# --- runs ---


def load_run(conn: Connection, run_id: str, *, lock: bool = False) -> Run | None:
    """One run; ``lock`` holds it until the transaction ends."""
    query = sa.select(*_RUN_COLUMNS).where(t.runs.c.id == run_id)
    row = conn.execute(query.with_for_update() if lock else query).first()
    return None if row is None else _run(row)


def runs_of(conn: Connection, month: Month) -> list[Run]:
    """All runs of a month, oldest first."""
    query = sa.select(t.runs).where(t.runs.c.month == month).order_by(t.runs.c.version)
    return [_run(row) for row in conn.execute(query)]


def has_correction(conn: Connection, run: Run) -> bool:
    """Whether a correction of a run is open or out."""
    r = t.runs.c
    query = sa.select(r.id).where(r.month == run.month, r.version > run.version, r.replaces.is_not(None))
    return conn.execute(query.where(r.state != RunState.CANCELLED.value).limit(1)).first() is not None


def open_runs(conn: Connection) -> list[Run]:
    """Runs whose inputs may still change."""
    query = sa.select(t.runs).where(t.runs.c.state.in_([state.value for state in OPEN]))
    return [_run(row) for row in conn.execute(query.order_by(t.runs.c.id))]


def runs_in(conn: Connection, states: Collection[RunState]) -> list[Run]:
    """Runs in any of these states, oldest first."""
    query = sa.select(t.runs).where(t.runs.c.state.in_([state.value for state in states]))
    return [_run(row) for row in conn.execute(query.order_by(t.runs.c.id))]


def add_run(conn: Connection, run: Run) -> None:
    """Store a new run with its audit row."""
    conn.execute(t.runs.insert().values(**_values(run), changed_at=run.opened_at))
    note(conn, run, run.starter, Reason.OPENED, run.opened_at)


def save_step(conn: Connection, step: Step, *, actor: str, at: datetime) -> Run:
    """Store a decision with its audit row."""
    values = _values(step.run) | {"changed_at": at}
    conn.execute(t.runs.update().where(t.runs.c.id == step.run.id).values(**values))
    note(conn, step.run, actor, step.reason, at)
    return step.run


def note(
    conn: Connection, run: Run, actor: str, reason: str, at: datetime, **detail: str | int | None
) -> None:
    """One audit row about a run; details hold no amounts."""
    audit.record(
        conn, at=at, actor=actor, action=f"payroll.{run.state.value}", subject=f"run:{run.id}",
        reason=str(reason), detail={"turn": run.turn, "digest": run.digest, **detail},
    )  # fmt: skip


def save_books(conn: Connection, run_id: RunId, sealed: str) -> None:
    """Keep the frozen books of a run, sealed."""
    conn.execute(t.runs.update().where(t.runs.c.id == run_id).values(sealed_books=sealed))


def sealed_books(conn: Connection, run_id: RunId) -> str | None:
    """The sealed books of a run."""
    found: str | None = conn.execute(
        sa.select(t.runs.c.sealed_books).where(t.runs.c.id == run_id)
    ).scalar_one_or_none()
    return found


def _run(row: Row[Any]) -> Run:
    read = {name: getattr(row, name) for name in _RUN}
    read["state"] = RunState(read["state"])
    read["scope"] = None if read["scope"] is None else tuple(read["scope"])
    return Run(**read)


def _values(run: Run) -> dict[str, Any]:
    values = {name: getattr(run, name) for name in _RUN}
    values["state"] = run.state.value
    values["scope"] = None if run.scope is None else list(run.scope)
    return values


# --- people ---


def people(conn: Connection, run_id: RunId, nos: Collection[str] | None = None) -> list[PersonRow]:
    """The people of a run by employee number."""
    query = sa.select(t.people).where(t.people.c.run_id == run_id).order_by(t.people.c.employee_no)
    if nos is None:
        return [_person(row) for row in conn.execute(query)]
    found: list[PersonRow] = []
    for chunk in chunks(sorted(nos)):
        found += [_person(row) for row in conn.execute(query.where(t.people.c.employee_no.in_(chunk)))]
    return found


def each_person(conn: Connection, run_id: RunId) -> Iterator[PersonRow]:
    """The people of a run one after the other, some hundred in memory: what is sealed of all is large."""
    for part in chunks(numbers(conn, run_id)):
        yield from people(conn, run_id, part)


def numbers(conn: Connection, run_id: RunId, *, with_pay: bool = False) -> list[EmployeeNo]:
    """The employee numbers of a run in order; only of those who have pay, if asked."""
    query = sa.select(t.people.c.employee_no).where(t.people.c.run_id == run_id)
    if with_pay:
        query = query.where(t.people.c.pay_digest.is_not(None))
    return [EmployeeNo(no) for no in conn.execute(query.order_by(t.people.c.employee_no)).scalars()]


def marks(conn: Connection, run_id: RunId) -> list[PersonRow]:
    """The people of a run by employee number without what is sealed: names, roles and digests."""
    sealed = (t.people.c.sealed_input, t.people.c.sealed_pay)
    columns = [sa.null().label(c.name) if c in sealed else c for c in t.people.c]
    query = sa.select(*columns).where(t.people.c.run_id == run_id).order_by(t.people.c.employee_no)
    return [_person(row) for row in conn.execute(query)]


def person(conn: Connection, run_id: RunId, no: EmployeeNo) -> PersonRow | None:
    """One person of a run."""
    return next(iter(people(conn, run_id, [no])), None)


def put_people(conn: Connection, rows: Sequence[PersonRow]) -> None:
    """Store people of a run, replacing what stood there."""
    names = [field.name for field in fields(PersonRow)]
    for chunk in chunks(rows):
        upsert(conn, t.people, [{name: getattr(row, name) for name in names} for row in chunk])


def drop_people(conn: Connection, run_id: RunId, nos: Collection[str]) -> None:
    """Forget people who are no longer part of an open run."""
    for chunk in chunks(sorted(nos)):
        conn.execute(t.people.delete().where(t.people.c.run_id == run_id, t.people.c.employee_no.in_(chunk)))


def _person(row: Row[Any]) -> PersonRow:
    return PersonRow(**{field.name: getattr(row, field.name) for field in fields(PersonRow)})


def earlier(conn: Connection, before: Run) -> Iterator[tuple[Run, PersonRow]]:
    """People of paid runs before this one, oldest first: what later months build on.

    A person whose slip was replaced or recalled counts only in the run that replaced it. Nothing of the run's
    own month counts: what a correction corrects is what it is computed in place of.
    """
    gone = [SlipState.REPLACED.value, SlipState.RECALLED.value]
    p, r, s = t.people.c, t.runs.c, t.slips.c
    query = (
        sa.select(t.people, t.runs.c.id.label("rid"))
        .join(t.runs, r.id == p.run_id)
        .join(t.slips, sa.and_(s.run_id == p.run_id, s.employee_no == p.employee_no))
        .where(r.state.in_([state.value for state in PAID]), s.state.not_in(gone))
        .where(r.month < before.month)
        .order_by(r.pay_date, r.month, r.version)
    )
    if before.scope is not None:
        query = query.where(p.employee_no.in_(list(before.scope)))
    known: dict[str, Run] = {}
    for row in conn.execute(query):
        if row.rid not in known:
            found = load_run(conn, row.rid)
            assert found is not None  # noqa: S101 - joined above
            known[row.rid] = found
        yield known[row.rid], _person(row)


# --- anomalies ---


def put_anomalies(conn: Connection, run_id: RunId, found: Sequence[Anomaly]) -> None:
    """Replace a run's anomalies; one that says the same as before stays as it is, settled or not."""
    before = {(a.anomaly.employee_no, a.anomaly.kind): a.anomaly for a in anomalies(conn, run_id)}
    now = {(each.employee_no, each.kind): each for each in found}
    gone = [key for key, old in before.items() if key not in now or now[key].sentence != old.sentence]
    c = t.anomalies.c
    one = (c.run_id == run_id) & (c.employee_no == sa.bindparam("no")) & (c.kind == sa.bindparam("of"))
    if gone:
        conn.execute(t.anomalies.delete().where(one), [{"no": no, "of": kind.value} for no, kind in gone])
    rows = [
        {
            "run_id": run_id, "employee_no": no, "kind": kind.value, "name": each.name,
            "sentence": each.sentence, "settled_by": None, "settled_at": None, "reason": None,
        }
        for (no, kind), each in now.items()
        if (no, kind) not in before or before[no, kind].sentence != each.sentence
    ]  # fmt: skip
    if rows:
        conn.execute(t.anomalies.insert(), rows)


def anomalies(conn: Connection, run_id: RunId) -> list[OpenAnomaly]:
    """A run's anomalies, blocking kinds first."""
    query = sa.select(t.anomalies).where(t.anomalies.c.run_id == run_id)
    found = [
        OpenAnomaly(
            Anomaly(EmployeeNo(row.employee_no), row.name, AnomalyKind(row.kind), row.sentence),
            row.settled_by, row.settled_at, row.reason,
        )
        for row in conn.execute(query)
    ]  # fmt: skip
    order = list(AnomalyKind)
    return sorted(
        found, key=lambda a: (not a.anomaly.kind.blocks, order.index(a.anomaly.kind), a.anomaly.employee_no)
    )


def settle(
    conn: Connection, run_id: RunId, no: str, kind: str, *, by: OpenId, at: datetime, reason: str
) -> bool:
    """A person takes an anomaly on themselves; False when it was settled or is gone."""
    c = t.anomalies.c
    done = conn.execute(
        t.anomalies.update()
        .where(c.run_id == run_id, c.employee_no == no, c.kind == kind, c.settled_by.is_(None))
        .values(settled_by=by, settled_at=at, reason=reason)
    )
    return done.rowcount == 1


# --- cards of a run ---


def add_card(conn: Connection, message_id: str, run_id: RunId, open_id: str, turn: int) -> None:
    """Remember a message that shows a run."""
    row = {"message_id": message_id, "run_id": run_id, "open_id": open_id, "shown_turn": turn}
    upsert(conn, t.cards, [row])


def stale_cards(conn: Connection, run_id: RunId, turn: int) -> list[str]:
    """Messages that show an older turn of a run."""
    query = sa.select(t.cards.c.message_id).where(t.cards.c.run_id == run_id, t.cards.c.shown_turn < turn)
    return list(conn.execute(query.order_by(t.cards.c.message_id)).scalars())


def shown(conn: Connection, message_id: str, turn: int) -> None:
    """A card shows a turn now."""
    conn.execute(t.cards.update().where(t.cards.c.message_id == message_id).values(shown_turn=turn))


# --- payslips ---


def reopen_disputes(conn: Connection, run: Run) -> list[str]:
    """Disputes that a correction was opened for, open again because it will not come; their ids."""
    d = t.disputes.c
    ended = t.disputes.update().where(d.run_id == (run.replaces or ""), d.state == "corrected")
    ended = ended.where(d.employee_no.in_(list(run.scope or ())), d.answered_at >= run.opened_at)
    ended = ended.values(state="open", answered_by=None, answered_at=None).returning(d.id)
    return sorted(conn.execute(ended).scalars())


def readers(conn: Connection, run: Run) -> dict[EmployeeNo, OpenId]:
    """To whom each employee's last payslip before a run went, what the run corrects included."""
    s = t.slips.c
    query = (
        sa.select(s.employee_no, s.open_id)
        .where(s.run_id != run.id, s.month <= run.month, s.month >= add(run.month, -12))
        .where(s.open_id.is_not(None), s.state != SlipState.SEALED.value)
        .order_by(s.month, s.version)
    )
    if run.scope is not None:
        query = query.where(s.employee_no.in_(list(run.scope)))
    return {EmployeeNo(no): OpenId(open_id) for no, open_id in conn.execute(query)}


def destroy_unsent(conn: Connection, run_id: RunId) -> None:
    """Forget sealed payslips that nobody has been told of; their keys go with them."""
    s = t.slips.c
    conn.execute(t.slips.delete().where(s.run_id == run_id, s.state == SlipState.SEALED.value))


def any_sent(conn: Connection, run_id: RunId) -> bool:
    """Whether anybody was told of a payslip of this run."""
    s = t.slips.c
    query = sa.select(s.employee_no).where(s.run_id == run_id, s.state != SlipState.SEALED.value)
    return conn.execute(query.limit(1)).first() is not None


def has_payout(conn: Connection, run_id: RunId) -> bool:
    """Whether a payout file of this run exists that was not withdrawn."""
    f = t.payouts.c
    query = sa.select(f.id).where(f.run_id == run_id, f.sealed_file != "")
    return conn.execute(query.limit(1)).first() is not None


def recall_slips(conn: Connection, run_id: RunId) -> None:
    """Destroy the content of every payslip of a run: without the wrapped key nobody can open a copy of it."""
    conn.execute(
        t.slips.update()
        .where(t.slips.c.run_id == run_id)
        .values(state=SlipState.RECALLED.value, sealed_slip=None)
    )


def all_signed(conn: Connection, run: Run) -> bool:
    """Whether every approval of the run's digest stood as approved when it was last looked at."""
    s = t.signatures.c
    query = sa.select(s.state).where(s.run_id == run.id, s.digest == (run.digest or "")).distinct()
    return list(conn.execute(query).scalars()) == ["approved"]


def chunks(items: Iterable[Any], size: int = CHUNK) -> Iterator[list[Any]]:
    """Lists of at most ``size``."""
    part: list[Any] = []
    for item in items:
        part.append(item)
        if len(part) == size:
            yield part
            part = []
    if part:
        yield part
