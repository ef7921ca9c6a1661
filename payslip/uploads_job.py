"""The worker's side of files that HR sends: look at one, then import it, all or nothing.

The content is downloaded when it is needed and never kept; from the look to the import only its digest is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import datetime
from functools import partial
from typing import Any

import structlog

from bitable_sync import diff
from bitable_sync.cells import UnwritableError
from bitable_sync.changes import Change, differing
from payslip import uploads_store as store
from payslip.deps import Payroll
from payslip.documents import EmployeeNo, Month
from payslip.imports import IMPORTABLE, ImportPlan, Sheet, SheetRefused, plan_import, read_file
from payslip.jobs import Collecting
from payslip.sheets import LARGEST_FILE
from payslip.specs import EMPLOYEES
from payslip.uploads_card import upload_card
from payslip.uploads_guess import guess_kind, guess_month
from payslip.uploads_model import (
    FAULTS_SHOWN,
    WARNINGS_SHOWN,
    Found,
    Upload,
    UploadState,
    imported,
    looked,
    wrong,
)
from payslip.uploads_veil import told, veiled
from runtime import audit
from runtime.errors import ChorusError, ConfigError, PermanentError
from runtime.feishu.errors import FeishuError, NotFound, TooLarge
from runtime.jobrun import JobRun

_log = structlog.get_logger("payslip.uploads")

CHANGED = "文件变了，和核对时的不是同一个；请重新发送"
UNKNOWN_KIND = "认不出这个文件对应哪张表，请在上面选择"
TOO_LARGE = f"文件超过 {LARGEST_FILE // 1024 // 1024} MB，请只保留要导入的列和行，或分成几个文件"
RECALLED = "下载不到这个文件，可能已撤回；请重新发送"
FORBIDDEN = "飞书不允许下载这个文件；请联系管理员检查应用权限和会话的保密设置"
UNREACHABLE = "飞书暂时没有响应，请过一会儿再点“重新检查”"
UNFINISHED = "写入没有完成：飞书没有响应，可能只写了一部分；请点“重新检查”，已写入的行会算作不变"


class Importing:
    """The jobs ``payroll.upload`` and ``payroll.upload_apply``."""

    def __init__(self, deps: Payroll) -> None:
        self.deps = deps
        self.collecting = Collecting(deps)

    def check(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """Look at a file and show on its card what would be done; nothing is changed."""
        upload_id, turn = str(args["upload"]), int(args["turn"])
        if not run.step("begin", lambda: self._at(upload_id, turn, UploadState.CHECKING)):
            return
        found = self._tried(run, "look", upload_id, lambda upload: self._look(upload)[0], UNREACHABLE)
        run.step("keep", lambda: self._keep_look(upload_id, turn, found))
        run.attempt("show", lambda: self._show(upload_id, str(run.id)))

    def apply(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """Download and plan again, push when it is the same file and nothing is wrong, show what was done."""
        upload_id, turn, cause = str(args["upload"]), int(args["turn"]), str(run.id)
        if not run.step("begin", lambda: self._at(upload_id, turn, UploadState.APPLYING)):
            return
        at = datetime.fromisoformat(run.step("at", lambda: self._now().isoformat(timespec="seconds")))
        plans: list[ImportPlan] = []
        found = self._tried(run, "plan", upload_id, partial(self._plan, plans), UNREACHABLE)
        if not found.faults:
            push = partial(self._push, plans, found, at, cause)
            found = self._tried(run, "push", upload_id, push, UNFINISHED)
            run.attempt("tell", lambda: self._tell_runs(upload_id, at))
        run.step("keep", lambda: self._keep_import(upload_id, turn, found))
        run.attempt("show", lambda: self._show(upload_id, cause))

    # --- looking ---

    def _look(self, upload: Upload) -> tuple[Found, ImportPlan | None]:
        """Download, read, guess what was not chosen, plan; the plan only when it may be applied."""
        data = self._download(upload)
        digest = hashlib.sha256(data).hexdigest()
        try:
            sheet = read_file(upload.name, data)
        except SheetRefused as refused:
            faults = [told(each) for each in refused.faults]
            more = max(0, len(faults) - FAULTS_SHOWN)
            return replace(wrong(upload, *faults[:FAULTS_SHOWN]), more=more), None
        kind = upload.kind or guess_kind(sheet)
        month = upload.month or guess_month(sheet, kind, self._now())
        if kind is None:
            return Found(None, month, digest, faults=(UNKNOWN_KIND,)), None
        plan, known = self._planned(sheet, kind, month)
        faults = [told(each, known) for each in plan.errors[:FAULTS_SHOWN]]
        more = plan.faults - len(faults)
        if plan.ok:
            found = [veiled(each, known) for each in self._obstacles(plan)]
            faults, more = found[:FAULTS_SHOWN], max(0, len(found) - FAULTS_SHOWN)
        new = sum(change.new for change in plan.changes)
        counts = (0, 0, 0) if faults else (new, len(plan.changes) - new, plan.unchanged)
        warnings = [veiled(each, known) for each in plan.warnings[:WARNINGS_SHOWN]]
        return Found(kind, month, digest, *counts, faults, more, warnings), None if faults else plan

    def _download(self, upload: Upload) -> bytes:
        return self.deps.im.get_resource(upload.id, upload.file_key, most=LARGEST_FILE)

    def _planned(self, sheet: Sheet, kind: str, month: Month) -> tuple[ImportPlan, frozenset[str]]:
        """The plan against the tables as they are now, and the numbers of all employees."""
        mirror, key = self.deps.sync.mirror, IMPORTABLE[kind].key
        for table in sorted({EMPLOYEES, key}):
            self._reread(table)
        known = {
            EmployeeNo(str(row.values["no"])): str(row.values.get("name") or "")
            for row in mirror.rows(EMPLOYEES)
            if isinstance(row.values.get("no"), str)
        }
        existing = [row.values for row in mirror.rows(key)]
        return plan_import(sheet, kind, month, known, existing), frozenset(known)

    def _reread(self, table: str) -> None:
        """Read a table anew. Runs are told what people changed: its events will find nothing new here."""
        mirror = self.deps.sync.mirror
        met = mirror.age(table, self._now()) is not None
        before = {row.record_id: row for row in mirror.rows(table)} if met else {}
        self.deps.sync.puller.pull(table)
        if not met:
            return
        spec, after = self.deps.sync.specs.table(table), {row.record_id: row for row in mirror.rows(table)}
        changes = []
        for record_id in sorted(before.keys() | after.keys()):
            old, new = before.get(record_id), after.get(record_id)
            keys = differing(spec, old.values, new.values) if old and new else ()
            if keys or not (old and new):
                changes.append(Change(table, old, new, keys))
        if changes:
            self.collecting.changed(table, changes)

    def _obstacles(self, plan: ImportPlan) -> list[str]:
        """Why the table would not take all of the rows: then it gets none."""
        sync = self.deps.sync
        spec, bound = sync.specs.table(plan.spec.key), sync.bindings.fresh(plan.spec.key)
        rows = plan.stamped(self._now())
        used = sorted({key for row in rows for key in row})
        lost = [key for key in used if key not in bound.fields or bound.fields[key].state != "ok"]
        if lost:
            names = "、".join(spec.field(key).name for key in lost)
            return [f"表格里的列“{names}”不见了或改了类型，请先恢复"]
        wanted = diff.keyed(spec, rows)
        there = sync.mirror.by_keys(spec.key, wanted)
        found = [each.sentence for each in diff.plan(spec, wanted, there).conflicts]
        for values in wanted.values():
            try:
                diff.encode(spec, bound, values)
            except UnwritableError as error:
                found.append(str(error))
        return list(dict.fromkeys(found))

    # --- importing ---

    def _plan(self, plans: list[ImportPlan], upload: Upload) -> Found:
        """Look again at what was shown: the same bytes, the same table and month, as the tables are now."""
        found, plan = self._look(upload)
        if found.digest is None or found.digest == upload.digest:
            plans += [plan] if plan is not None else []
            return found
        return wrong(upload, CHANGED)

    def _push(self, plans: list[ImportPlan], found: Found, at: datetime, cause: str, upload: Upload) -> Found:
        """Write the rows; after a restart they are planned anew, what stands there already is left out."""
        if not plans:
            anew = self._plan(plans, upload)
            if anew.faults:
                return anew
        plan = plans[-1]
        rows = plan.stamped(at)
        if rows:
            done = self.deps.sync.pusher.upsert(plan.spec.key, rows, cause=cause)
            left = [*(each.sentence for each in done.conflicts), *done.refused]
            if left:  # somebody changed the table in the very moment
                return replace(
                    wrong(upload, *(veiled(each) for each in left[:FAULTS_SHOWN])), digest=found.digest
                )
        return found

    def _tell_runs(self, upload_id: str, at: datetime) -> int:
        """Open runs take the rows over, signed ones lose their signatures; also after a half-done push."""
        upload = self._load(upload_id)
        if upload is None or upload.kind is None:
            return 0
        table = IMPORTABLE[upload.kind].key
        return self.collecting.taken(table, at)

    # --- state ---

    def _now(self) -> datetime:
        return self.deps.clock.now()

    def _load(self, upload_id: str) -> Upload | None:
        with self.deps.db.read() as conn:
            return store.load(conn, upload_id)

    def _at(self, upload_id: str, turn: int, state: UploadState) -> bool:
        upload = self._load(upload_id)
        return upload is not None and upload.turn == turn and upload.state is state

    def _tried(
        self, run: JobRun, name: str, upload_id: str, act: Callable[[Upload], Found], unreachable: str
    ) -> Found:
        """Do something with a file; a failure becomes words for its card."""
        upload = self._load(upload_id)
        assert upload is not None  # noqa: S101 - files are never deleted
        try:
            return Found(**run.attempt(name, lambda: asdict(act(upload))))
        except ChorusError as error:
            code = error.code if isinstance(error, FeishuError) else None
            _log.warning("upload failed", upload=upload_id, step=name, error=type(error).__name__, code=code)
            return replace(wrong(upload, _why(error, unreachable)), digest=upload.digest)

    def _keep_look(self, upload_id: str, turn: int, found: Found) -> bool:
        with self.deps.db.begin() as conn:
            upload = store.load(conn, upload_id, lock=True)
            if upload is None or upload.turn != turn:  # kept before, or asked anew meanwhile
                return False
            store.save(conn, looked(upload, found))
            return True

    def _keep_import(self, upload_id: str, turn: int, found: Found) -> bool:
        with self.deps.db.begin() as conn:
            upload = store.load(conn, upload_id, lock=True)
            if upload is None or upload.turn != turn:
                return False
            moved = imported(upload, found)
            store.save(conn, moved.upload)
            audit.record(
                conn, at=self._now(), actor=upload.sender, action="payroll.import",
                subject=f"table:{IMPORTABLE[str(upload.kind)].key}", reason=moved.reason.value,
                detail={
                    "upload": upload.id, "digest": upload.digest, "month": upload.month,
                    "rows": found.new + found.changed,
                },
            )  # fmt: skip
            return True

    def _show(self, upload_id: str, uuid: str) -> bool:
        """Bring the file's card to its newest state; the first time, send it."""
        upload = self._load(upload_id)
        if upload is None:
            return False
        data = upload_card(upload, self._now()).data
        if upload.card is not None:
            try:
                self.deps.im.update_card(upload.card, data)
            except PermanentError:  # recalled, or older than 14 days
                return False
            return True
        sent = self.deps.im.send_card(upload.sender, data, uuid=uuid)
        with self.deps.db.begin() as conn:
            latest = store.load(conn, upload_id, lock=True)
            if latest is not None:
                store.save(conn, replace(latest, card=sent.message_id))
        return True


def _why(error: ChorusError, unreachable: str) -> str:
    """A failure in words for HR, without the platform's own."""
    if isinstance(error, TooLarge):
        return TOO_LARGE
    if isinstance(error, NotFound):
        return RECALLED
    if isinstance(error, FeishuError) and isinstance(error, PermanentError):
        return FORBIDDEN
    if isinstance(error, ConfigError | PermanentError):
        return veiled(str(error))
    return unreachable
