"""薪资结构 joined to Bitable: edits are taken over, answered in their rows, installed as formula columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bitable_sync.bindings import BoundTable, last_id
from bitable_sync.diff import token
from bitable_sync.drift import BoundField, DriftFinding
from bitable_sync.growing import Grown
from bitable_sync.spec import FieldSpec, Kind
from bitable_sync.wire_fields import TYPE, compatible, field_body, needs, words
from payslip.specs import PARAMS, PAYROLL, STRUCTURE
from payslip.structure import Known, columns, judge, load_known, save_known
from runtime import audit
from runtime.errors import PermanentError
from runtime.ids import FieldId
from runtime.jobrun import JobRun
from runtime.work import Work

if TYPE_CHECKING:
    from bitable_sync.changes import Change
    from bitable_sync.context import Sync
    from runtime.clock import Clock
    from runtime.db import Database
    from runtime.engine import Engine
    from runtime.feishu import Feishu
    from runtime.work import WorkQueue

JOB = "payroll.structure"
FINDING = "formula"  # kind of the findings about columns that could not be installed


class Structuring:
    """Keeps the structure in force and its columns in line with 薪资结构.

    Args:
        db: durable database.
        queue: durable work.
        clock: the time.
        sync: the tables.
        feishu: the client, for columns.
    """

    def __init__(self, db: Database, queue: WorkQueue, clock: Clock, sync: Sync, feishu: Feishu) -> None:
        self.db = db
        self.queue = queue
        self.clock = clock
        self.sync = sync
        self.feishu = feishu
        self.grown = Grown(db)

    def register(self, engine: Engine) -> None:
        """Register the job and listen to edits; before whoever computes pay from the structure listens."""
        engine.register(JOB, self.structure)
        for table in (STRUCTURE, PARAMS):
            self.sync.changes.on_change(table, self.edited)

    def edited(self, _changes: Sequence[Change]) -> None:
        """Rows were edited: what is in force changes at once, answers and columns follow as durable work."""
        self.review()
        with self.db.begin() as conn:
            self.queue.put(conn, structure_work(self.clock.now()))

    def structure(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """The job ``payroll.structure``: take the table over, answer in its rows, install the columns.

        Args:
            run: the work.
            args: ``fetch`` true reads both tables from Bitable first; without it only if they never were.
        """
        fetch = bool(args.get("fetch"))
        run.attempt("read", lambda: self._read(fetch=fetch))
        run.step("review", self.review)
        run.attempt("answer", self.answer)
        run.attempt("columns", self.install)

    def _read(self, *, fetch: bool) -> int:
        now, read = self.clock.now(), 0
        for table in (STRUCTURE, PARAMS):
            if fetch or self.sync.mirror.age(table, now) is None:
                self.sync.puller.pull(table)
                read += 1
        return read

    # --- what is in force ---

    def review(self) -> int:
        """Take over the mirror's copy of 薪资结构; how many rows changed. Calls nobody outside."""
        mirror, now = self.sync.mirror, self.clock.now()
        if mirror.age(STRUCTURE, now) is None:
            return 0  # nobody knows the table yet, so nothing is taken out of force
        rows, parameters = mirror.rows(STRUCTURE), self._parameters(now)
        with self.db.begin() as conn:
            known = load_known(conn)
            states = judge(rows, known, parameters)
            changed = [state for rid, state in states.items() if known.get(rid) != state]
            gone = [known[rid] for rid in known if rid not in states]
            if changed or gone:
                save_known(conn, list(states.values()), now)
                for state in changed:
                    self._note(conn, state, "invalid" if state.problem else "valid", now)
                for state in gone:
                    self._note(conn, state, "deleted", now)
            force = [state.component for state in states.values() if state.in_force and state.component]
            wanted = columns(force, parameters)
            if wanted != self.grown.fields_in(conn, PAYROLL):
                self.grown.replace(conn, PAYROLL, wanted)
        return len(changed) + len(gone)

    def _parameters(self, now: datetime) -> frozenset[str] | None:
        if self.sync.mirror.age(PARAMS, now) is None:
            return None
        return frozenset(str(row.values["name"]).strip() for row in self.sync.mirror.rows(PARAMS))

    def _note(self, conn: Any, state: Known, reason: str, now: datetime) -> None:
        audit.record(
            conn, at=now, actor="system:payroll", action="payroll.structure",
            subject=f"component:{state.record_id}", reason=reason,
            detail={"name": state.name, "in_force": state.in_force, "problem": state.problem},
        )  # fmt: skip

    # --- answers in the rows ---

    def answer(self) -> int:
        """Write 校验结果 where it says something else; how many rows were written."""
        with self.db.read() as conn:
            known = load_known(conn)
        rows, written = self.sync.mirror.many(STRUCTURE, list(known)), 0
        for record_id, row in rows.items():
            sentence = known[record_id].verdict
            if row.values["check_result"] != sentence:
                written += self.sync.pusher.write(STRUCTURE, record_id, {"check_result": sentence})
        return written

    # --- columns ---

    def install(self) -> dict[str, int]:
        """Create, adopt or change the columns of 薪资核算; nothing is ever deleted. Repeating does no harm.

        Returns:
            How many columns were sent, and how many could not be installed (told in 同步日志 and by doctor).
        """
        bindings, sent, faults = self.sync.bindings, 0, list[DriftFinding]()
        bound = bindings.require(PAYROLL)
        known = dict(bound.fields)  # and what is bound on the way: later columns refer to earlier ones
        live = self.feishu.bitable.list_fields(bound.app_token, bound.table_id)
        for field in self.grown.fields(PAYROLL):
            try:
                sent += self._column(replace(bound, fields=known), field, live, known)
            except PermanentError as error:
                sentence = f"薪资核算的列「{field.name}」没有装好：{error}"
                faults.append(DriftFinding(PAYROLL, field.key, sentence, kind=FINDING))
        bindings.findings.replace(PAYROLL, FINDING, faults, self.clock.now())
        bindings.refresh(PAYROLL)
        if sent or faults:
            self.sync.telling.tell(PAYROLL)
        return {"sent": sent, "faults": len(faults)}

    def _column(
        self,
        bound: BoundTable,
        field: FieldSpec,
        live: Sequence[Mapping[str, Any]],
        known: dict[str, BoundField],
    ) -> int:
        """Bring one column about, and note in ``known`` what stands for it; 1 when something was sent."""
        item = _find(field, bound, live)
        missing = [key for key in needs(field) if key not in bound.ids()]
        if missing:
            raise PermanentError(f"它用到的列还没有：{'、'.join(missing)}")
        body = field_body(field, table_ids={}, table_id=bound.table_id, field_ids=bound.ids())
        if item is None:
            # After somebody deleted the column it is made anew: by another token, as the old one is used up.
            stamp = token("field", bound.table_id, field.key, body, last_id(bound, field.key))
            item = self.feishu.bitable.create_field(bound.app_token, bound.table_id, body, client_token=stamp)
            self._bind(bound.key, field, item, known)
            return 1
        if not compatible(field.kind, int(item["type"])):
            wanted = words(TYPE[field.kind])
            raise PermanentError(f"已有的同名列是{words(int(item['type']))}，应为{wanted}；请给它换个名字")
        self._bind(bound.key, field, item, known)
        if field.kind is not Kind.FORMULA or _formula(item) == _formula(body):
            return 0
        body = {**body, "field_name": str(item["field_name"])}  # people may have renamed it
        field_id = FieldId(str(item["field_id"]))
        self.feishu.bitable.update_field(bound.app_token, bound.table_id, field_id, body)
        return 1

    def _bind(
        self, table_key: str, field: FieldSpec, item: Mapping[str, Any], known: dict[str, BoundField]
    ) -> None:
        column = BoundField(field.key, str(item["field_id"]), str(item["field_name"]), int(item["type"]))
        if known.get(field.key) != column:
            self.sync.bindings.bind_fields(table_key, [column])
            known[field.key] = column


def structure_work(now: datetime, *, fetch: bool = False) -> Work:
    """Bring structure and columns in line with 薪资结构; ``fetch`` reads the tables from Bitable first."""
    return Work(JOB, f"structure:{now.timestamp():.6f}", f"table:{STRUCTURE}", {"fetch": fetch})


def _find(field: FieldSpec, bound: BoundTable, live: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The live column of a field: by id as bound, else by name if it is nobody else's."""
    by_id = {str(item["field_id"]): item for item in live}
    known = bound.fields.get(field.key)
    if known is not None and known.field_id in by_id:
        return by_id[known.field_id]
    taken = {other.field_id for key, other in bound.fields.items() if key != field.key}
    named = (item for item in live if item["field_name"] == field.name)
    return next((item for item in named if str(item["field_id"]) not in taken), None)


def _formula(item: Mapping[str, Any]) -> str:
    """The formula of a column without blanks, in which two spellings of one formula may differ."""
    return "".join(str((item.get("property") or {}).get("formula_expression") or "").split())
