"""Rows of the tables of images are looked at: edits of requests, and of what requests are made with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import structlog

from bitable_sync.cells import EMPTY, CellValue
from bitable_sync.changes import Change
from bitable_sync.mirror import Row
from creative import shelf, store
from creative.deps import Art
from creative.effects import check_mark_work, commit, mark_work
from creative.intake import look
from creative.model import Brief
from creative.specs import BRANDS, REQUESTS, TEMPLATES, WORDS
from creative.vocabulary import check_words, verdict
from runtime.errors import ChorusError
from runtime.jobrun import JobRun
from runtime.work import Work

_log = structlog.get_logger(__name__)

SHELVES = (BRANDS, TEMPLATES, WORDS)


class Looking:
    """Listens to edits; and the jobs ``art.sweep``, ``art.mark`` and ``art.check_mark``."""

    def __init__(self, deps: Art) -> None:
        self.deps = deps

    def listeners(self) -> Mapping[str, Callable[[list[Change]], None]]:
        """What is to be called with the changes of each table."""
        found: dict[str, Callable[[list[Change]], None]] = {REQUESTS: self.requests_changed}
        for table in SHELVES:
            found[table] = lambda _changes, table=table: self.shelf_changed(table)  # type: ignore[misc]
        return found

    def requests_changed(self, changes: list[Change]) -> None:
        """Look at each row that was edited. Doing so twice decides nothing twice."""
        for change in changes:
            self.look(change.record_id, change.after)

    def look(self, record_id: str, row: Row | None) -> None:
        """Decide about one row and commit what follows."""
        now = self.deps.clock.now()
        with self.deps.db.begin() as conn:
            known = store.load_request(conn, record_id, lock=True)
            previous = store.load_version(conn, known.version_id) if known and known.version else None
            values = row.values if row else None
            found = look(
                record_id, values, known, shelf.load_shelf(conn), partial(verdict, conn), previous, now
            )
            if found.request is not None:
                commit(
                    self.deps.db, conn, self.deps.queue, found.request, found.reason,
                    version=found.version, tell=found.tell,
                )  # fmt: skip
            elif found.mark:
                self.deps.queue.put(conn, mark_work(record_id, f"again:{now.isoformat()}"))

    def look_again(self, record_id: str) -> None:
        """Look at a row whose edits waited while a version was being made."""
        row = self.deps.sync.mirror.get(REQUESTS, record_id)
        if row is not None:
            self.look(record_id, row)

    def shelf_changed(self, table: str) -> None:
        """Check the rows of brands, layouts or words; good ones are in force from now on."""
        rows = self.deps.sync.mirror.rows(table)
        now = self.deps.clock.now()
        with self.deps.db.begin() as conn:
            in_force = shelf.in_force(conn, table)
            found = check_words(rows) if table == WORDS else shelf.check_rows(table, rows, in_force)
            # A mirror that was never pulled whole does not show that a row is gone.
            whole = self.deps.sync.mirror.age(table, now) is not None
            changed = shelf.keep(self.deps.db, conn, table, found, whole=whole)
            self.deps.queue.put(conn, *(check_mark_work(table, each, now) for each in changed))

    def sweep(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """Read the tables again, in case an event was lost, and look at every row.

        A base that does not answer is logged; the next beat reads it.
        """
        del args
        try:
            for table in (*SHELVES, REQUESTS):
                run.attempt(f"read {table}", partial(self._read, table), tries=4)
        except ChorusError as error:
            _log.warning("art.tables_not_read", error=str(error))
            return
        for table in SHELVES:
            self.shelf_changed(table)
        for row in self.deps.sync.mirror.rows(REQUESTS):
            self.look(row.record_id, row)

    def _read(self, table: str) -> int:
        return self.deps.sync.puller.pull(table).rows

    def mark(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """Write 状态, 说明 and what else Chorus fills: always the newest."""
        run.attempt("write", lambda: self._mark(str(args["request"])))

    def write_copy(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """Write texts that were changed on a card into the row, once."""
        with self.deps.db.read() as conn:
            version = store.load_version(conn, str(args["version"]))
        if version is not None and self.deps.sync.mirror.get(REQUESTS, version.request_id) is not None:
            cells = _copy_cells(version.brief)
            run.attempt("write", lambda: self.deps.sync.pusher.write(REQUESTS, version.request_id, cells))

    def check_mark(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """Write 校验结果 of a row: always the newest sentence."""
        table, record_id = str(args["table"]), str(args["record"])

        def write() -> bool:
            with self.deps.db.read() as conn:
                sentence = shelf.sentence_of(conn, table, record_id)
            if self.deps.sync.mirror.get(table, record_id) is None:
                return False  # deleted meanwhile
            return self.deps.sync.pusher.write(table, record_id, {"check_result": sentence or EMPTY})

        run.attempt("write", write)

    def _mark(self, request_id: str) -> bool:
        with self.deps.db.read() as conn:
            request = store.load_request(conn, request_id)
        if request is None or self.deps.sync.mirror.get(REQUESTS, request_id) is None:
            return False
        values: dict[str, CellValue] = {"status": request.state.value, "note": request.note or EMPTY}
        changed = self.deps.sync.pusher.write(REQUESTS, request_id, values)
        with self.deps.db.begin() as conn:
            store.note_shown(conn, request)
        return changed


def sweep_work(_at: object) -> Work:
    """The regular look at everything."""
    return Work("art.sweep", "", "", {})


def _copy_cells(brief: Brief) -> dict[str, CellValue]:
    """The texts of a brief as cells: copy changed on a card must stand in the row as well."""
    copy = brief.copy
    texts = {
        "headline": copy.headline, "subline": copy.subline, "points": "\n".join(copy.points),
        "price": copy.price, "cta": copy.cta, "footnote": copy.footnote,
    }  # fmt: skip
    return {key: text or EMPTY for key, text in texts.items()}
