"""Tell people, in the base where they work, what is wrong: in the row it concerns, or in the log table.

Declarative: the wanted sentences are computed from the findings, and only differences are written; a settled
problem clears its sentence.
"""

from __future__ import annotations

import structlog

from bitable_sync.bindings import Bindings
from bitable_sync.cells import EMPTY, CellValue
from bitable_sync.diff import conflict
from bitable_sync.drift import DriftFinding, Finding
from bitable_sync.mirror import Mirror
from bitable_sync.push import Pusher
from bitable_sync.spec import SYNC_ISSUE, SYNC_LOG
from runtime.clock import Clock
from runtime.errors import ChorusError
from runtime.ids import RecordId

log = structlog.get_logger(__name__)
SETTLED = "已解决"


class Telling:
    """Writes findings into the base."""

    def __init__(self, bindings: Bindings, mirror: Mirror, pusher: Pusher, *, clock: Clock) -> None:
        self.bindings = bindings
        self.mirror = mirror
        self.pusher = pusher
        self.clock = clock

    def tell(self, table_key: str) -> None:
        """Bring what stands in the base about a table in line with its findings.

        Telling is a courtesy: if it fails it is logged and tried again at the next pull; data goes on
        meanwhile.
        """
        if table_key == SYNC_LOG:
            return
        try:
            in_rows = self._conflicts(table_key)
            whole = [f for f in self.bindings.findings.all(table_key) if f.kind != "conflict"]
            if self._has_log():
                self._log_table(table_key, whole)
            elif whole:
                first = self.mirror.first(table_key)
                if first is not None:
                    in_rows[first] = "；".join([f.sentence for f in whole] + [in_rows.get(first, "")]).strip(
                        "；"
                    )
            if self._has_column(table_key):
                self._rows(table_key, in_rows)
            for finding in self.bindings.findings.all(table_key):
                if not finding.told:
                    self.bindings.findings.told(finding, self.clock.now())
        except ChorusError as error:
            log.warning("sync.telling_failed", table=table_key, error=str(error))

    def _conflicts(self, table_key: str) -> dict[RecordId, str]:
        """Store the present conflicts as findings; the sentence for each row concerned."""
        spec = self.mirror.specs.table(table_key)
        found = [conflict(spec, key, ids) for key, ids in self.mirror.duplicates(table_key).items()]
        findings = [DriftFinding(table_key, c.key[:200], c.sentence, kind="conflict") for c in found]
        self.bindings.findings.replace(table_key, "conflict", findings, self.clock.now())
        return {record_id: c.sentence for c in found for record_id in c.record_ids}

    def _has_log(self) -> bool:
        return self.mirror.specs.has(SYNC_LOG) and self.bindings.get(SYNC_LOG) is not None

    def _has_column(self, table_key: str) -> bool:
        bound = self.bindings.get(table_key)
        column = bound.fields.get(SYNC_ISSUE) if bound else None
        return column is not None and column.state == "ok"

    def _log_table(self, table_key: str, findings: list[Finding]) -> None:
        wanted = {f"{f.table}.{f.subject} ({f.kind})": f.sentence for f in findings}
        rows: list[dict[str, CellValue]] = []
        known: dict[str, CellValue] = {}
        if self.mirror.age(SYNC_LOG, self.clock.now()) is not None:
            known = {str(row.values["subject"]): row.values["sentence"] for row in self.mirror.rows(SYNC_LOG)}
        for subject in known:
            if subject.startswith(f"{table_key}.") and subject not in wanted and known[subject] != SETTLED:
                wanted[subject] = SETTLED
        now = self.clock.now()
        for subject, sentence in wanted.items():
            if known.get(subject) != sentence:
                rows.append({"subject": subject, "sentence": sentence, "at": now})
        if rows:
            self.pusher.upsert(SYNC_LOG, rows, cause=f"tell:{table_key}")

    def _rows(self, table_key: str, wanted: dict[RecordId, str]) -> None:
        told = {row.record_id: row for row in self.mirror.holding(table_key, SYNC_ISSUE)}
        for record_id, row in sorted((told | self.mirror.many(table_key, wanted)).items()):
            sentence = wanted.get(record_id) or EMPTY
            if sentence != row.values[SYNC_ISSUE]:
                self.pusher.write(table_key, record_id, {SYNC_ISSUE: sentence})
