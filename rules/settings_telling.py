"""The sentences of ``settings_rows.py``, brought into their rows; only what differs is written."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from bitable_sync.cells import EMPTY
from rules.deps import Worker
from rules.rulebook import load_entries
from rules.settings_rows import CHECKED, faults
from rules.specs import ALLOWANCES, DATA_TABLES, DUTY, SILENCES
from runtime.ids import RecordId
from runtime.jobrun import JobRun
from runtime.work import Work

SETTINGS = (ALLOWANCES, SILENCES, DUTY)
"""Tables people configure red lines by, besides the rules themselves."""
JOB = "rules.settings"


class SettingsTelling:
    """The look at the three tables, and the job ``rules.settings``."""

    def __init__(self, deps: Worker) -> None:
        self.deps = deps

    def look(self) -> None:
        """Put the writing of every table whose rows do not say what is wrong with them."""
        for table in SETTINGS:
            todo = self.todo(table)
            if todo:
                with self.deps.db.begin() as conn:
                    self.deps.queue.put(conn, _work(table, todo))

    def todo(self, table: str) -> dict[RecordId, tuple[str, str]]:
        """Record id → (what 校验结果 says, what it should say), where they differ."""
        rows = self.deps.sources.mirror.rows(table)
        names = self.deps.gateways.names
        wanted = faults(table, rows, rules=self._rules(), known=self._known, connections=names)
        said = {row.record_id: _plain(row.values.get(CHECKED, EMPTY)) for row in rows}
        return {key: (said[key], wanted[key]) for key in wanted if said[key] != wanted[key]}

    def tell(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """Write what differs now."""
        table = str(args["table"])
        for record_id, (_, sentence) in sorted(self.todo(table).items()):
            run.attempt(f"write:{record_id}", self._writer(table, record_id, sentence))

    def _writer(self, table: str, record_id: RecordId, sentence: str) -> Any:
        def write() -> bool:
            if self.deps.sync.mirror.get(table, record_id) is None:
                return False  # deleted meanwhile
            return self.deps.sync.pusher.write(table, record_id, {CHECKED: sentence or EMPTY})

        return write

    def _rules(self) -> set[str]:
        with self.deps.db.read() as conn:
            entries = load_entries(conn, self.deps.sources.catalog).values()
            return {entry.name for entry, _ in entries if entry.name}

    def _known(self, part: str) -> bool:
        mirror = self.deps.sources.mirror
        if any(mirror.by_keys(table, [part]) for table in DATA_TABLES):
            return True
        names = (_plain(row.values.get("name")) for table in DATA_TABLES for row in mirror.rows(table))
        return part in names


def _plain(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _work(table: str, todo: Mapping[RecordId, tuple[str, str]]) -> Work:
    digest = sha256(repr(sorted(todo.items())).encode()).hexdigest()[:16]
    return Work(JOB, f"settings:{table}:{digest}", f"table:{table}", {"table": table})
