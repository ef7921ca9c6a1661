"""Pull: read a whole table into the mirror, page by page, while the next page is already on its way.

A pull only ever adds knowledge: a row is forgotten only when the platform confirms by id that it is gone, and
never many at once (``limits.mass_delete``): an emptied or forbidden table must not look like "all is well".
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bitable_sync.bindings import Bindings, BoundTable
from bitable_sync.drift import DriftFinding
from bitable_sync.mirror import Mirror, chunks
from bitable_sync.wire_errors import STALE_PAGE, UNKNOWN_FIELD, code_of
from runtime.clock import Clock
from runtime.errors import ChorusError, TransientError
from runtime.ids import RecordId

if TYPE_CHECKING:
    from runtime.feishu import Feishu
    from runtime.feishu.bitable import Page

AHEAD = 4  # pages asked for before they are needed; about 500 kB each
PAGE = 500  # records per search page, the platform's maximum
BATCH_GET = 100  # ids per batch_get, the platform's maximum
RESTARTS = 3
PAUSES = 3  # the platform asks for on one page
FIELD_NAMES = 200  # names search accepts


@dataclass(frozen=True, slots=True)
class PullReport:
    """What a pull found.

    Attributes:
        table: the table key.
        rows: rows seen.
        removed: rows confirmed gone and forgotten.
        kept: rows that seem gone but were kept, being more than the guard allows (or not to be confirmed).
        restarts: how often the scan began again.
        findings: sentences for people.
    """

    table: str
    rows: int
    removed: int
    kept: int
    restarts: int
    findings: tuple[str, ...] = ()


class Puller:
    """Pulls tables. More than ``mass_delete`` vanished rows are kept until a person has looked.

    ``after`` is called with the table key at the end of each pull (people are then told what was found).
    """

    def __init__(
        self, feishu: Feishu, bindings: Bindings, mirror: Mirror, *, clock: Clock, mass_delete: int = 10
    ) -> None:
        self.feishu = feishu
        self.bindings = bindings
        self.mirror = mirror
        self.clock = clock
        self.mass_delete = mass_delete
        self.after: Callable[[str], None] = lambda _table: None
        self._strange: dict[str, set[str]] = {}  # table key -> names of columns that are not ours

    def pull(self, table_key: str, *, accept_deletes: bool = False) -> PullReport:
        """Read the whole table.

        Args:
            table_key: which table.
            accept_deletes: a person has looked and agrees that however many rows are gone.

        Raises:
            ConfigError: the table is not bound; run setup. Or it is private and no key is set.
            TransientError: Feishu was busy; pull again, nothing is lost.
        """
        self.mirror.require(table_key)
        bound = self.bindings.fresh(table_key)
        restarts, renamed = 0, False
        while True:
            started, generation = self.clock.now(), self.mirror.begin_pull(table_key)
            try:
                seen = self._scan(bound, started, generation)
                break
            except ChorusError as error:
                if code_of(error) in UNKNOWN_FIELD and not renamed:
                    renamed = True
                    self.bindings.refresh(table_key)
                    bound = self.bindings.require(table_key)
                elif code_of(error) not in STALE_PAGE or restarts >= RESTARTS:
                    raise
                restarts += 1
        self.mirror.end_pull(table_key, started=started)
        unseen = self.mirror.unseen(table_key, generation=generation, before=started)
        removed, kept = self._vanished(bound, unseen, accept_deletes=accept_deletes)
        self.after(table_key)
        sentences = [f.sentence for f in self.bindings.findings.all(table_key)]
        return PullReport(table_key, seen, removed, kept, restarts, tuple(sentences))

    def read_back(
        self, bound: BoundTable, record_ids: Sequence[str]
    ) -> tuple[dict[str, dict[str, Any]], set[str]]:
        """Re-read rows by id: (rows in read shape by field key, ids the platform says do not exist)."""
        items: list[Mapping[str, Any]] = []
        absent: set[str] = set()
        for part in chunks([RecordId(r) for r in record_ids], BATCH_GET):
            got = self.feishu.bitable.batch_get(bound.app_token, bound.table_id, part)
            absent.update(got.absent)
            items.extend(got.records)
        names = self._names_for(bound, items)
        return {str(item["record_id"]): by_key(item, names) for item in items}, absent

    def _names_for(self, bound: BoundTable, items: Sequence[Mapping[str, Any]]) -> Mapping[str, str]:
        """The names of our columns in these rows.

        A name never met may be a column of ours renamed a moment ago, whose event is still under way; read by
        the old name its cell would look empty. So the schema is read once for every new name.
        """
        names, strange = bound.names(), self._strange.setdefault(bound.key, set())
        met = {name for item in items for name in item.get("fields") or {}}
        if met <= names.keys() | strange:
            return names
        self.bindings.refresh(bound.key)
        names = self.bindings.require(bound.key).names()
        strange |= met
        strange -= names.keys()
        return names

    def _scan(self, bound: BoundTable, started: datetime, generation: int) -> int:
        names = bound.names()
        seen: set[str] = set()
        with closing(_ahead(lambda token: self._page(bound, names, token))) as pages:
            for page in pages:
                rows = {str(item["record_id"]): by_key(item, names) for item in page.items}
                self.mirror.put_raw(bound.key, rows, seen_at=started, generation=generation)
                seen.update(rows)
        return len(seen)

    def _page(self, bound: BoundTable, names: Mapping[str, str], token: str | None) -> Page:
        """One page. A pause the platform asks for is kept by the client's next call; the scan goes on."""
        wanted = list(names) if 0 < len(names) <= FIELD_NAMES else None
        for pauses in range(PAUSES + 1):
            try:
                return self.feishu.bitable.search(
                    bound.app_token, bound.table_id, field_names=wanted, page_token=token, page_size=PAGE
                )
            except TransientError as error:
                if error.wait is None or pauses == PAUSES:
                    raise
        raise AssertionError  # the last round returns or raises

    def _vanished(
        self, bound: BoundTable, unseen: Sequence[RecordId], *, accept_deletes: bool
    ) -> tuple[int, int]:
        """Settle rows the scan did not show: (forgotten, kept)."""
        limit = len(unseen) if accept_deletes else self.mass_delete
        absent: set[str] = set()
        for part in chunks(list(unseen), BATCH_GET):
            now = self.clock.now()
            found, gone = self.read_back(bound, part)
            self.mirror.put_raw(bound.key, found, seen_at=now)
            absent.update(gone)
            if len(absent) > limit:
                break
        finding = guard(bound, len(unseen)) if len(absent) > limit else None
        self.bindings.findings.replace(
            bound.key, "mass_delete", [finding] if finding else [], self.clock.now()
        )
        if finding:
            return 0, len(unseen)
        if absent:
            self.mirror.remove(bound.key, absent)
        return len(absent), len(unseen) - len(absent)


def _ahead(fetch: Callable[[str | None], Page]) -> Generator[Page, None, None]:
    """Every page of a scan, asked for by a thread of its own up to `AHEAD` pages before they are taken.

    So no slot of the platform's pace is lost while the database flushes. What the thread raises is raised
    where its page would have come.
    """
    coming: queue.SimpleQueue[Future[Page]] = queue.SimpleQueue()
    room, stopped = threading.Semaphore(AHEAD), threading.Event()

    def ask() -> None:
        token, more = None, True
        while more and room.acquire() and not stopped.is_set():
            got: Future[Page] = Future()
            try:
                page = fetch(token)
            except BaseException as error:  # noqa: BLE001 - raised again by whoever takes the page
                got.set_exception(error)
                more = False
            else:
                got.set_result(page)
                token, more = page.page_token, page.has_more
            coming.put(got)

    asking = threading.Thread(target=ask, name="pull-ahead", daemon=True)
    asking.start()
    try:
        more = True
        while more:
            page = coming.get().result()
            room.release()
            yield page
            more = page.has_more
    finally:
        stopped.set()
        room.release()
        asking.join()


def by_key(item: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """The cells of one record of the wire, by field key; columns that are not ours are left out."""
    return {names[name]: value for name, value in (item.get("fields") or {}).items() if name in names}


def guard(bound: BoundTable, count: int) -> DriftFinding:
    """The sentence when more rows vanished at once than a person is likely to have deleted."""
    return DriftFinding(
        bound.key,
        "*",
        f"表「{bound.name}」一次少了 {count} 行，超过保护上限，已保留原有数据：如果确实是有意删除，"
        f"请运行 chorus doctor --accept-deletes {bound.key} 确认，否则请从回收站恢复",
        kind="mass_delete",
    )
