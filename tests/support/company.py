"""What the stages of pay, red lines and images share: people edit the base, events arrive, work is done."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from bitable_sync.changes import RECORD_CHANGED
from bitable_sync.setup import Setup
from bot.model import Event
from bot.router import Router
from runtime.feishu import Feishu
from runtime.floor import Floor
from runtime.ids import EventId
from runtime.work import Work, status_table
from tests.support.wait import until


@dataclass
class Company:
    """The product on one side, the people of the sandbox's company on the other."""

    sandbox: Any
    floor: Floor
    feishu: Feishu
    sync: Any
    setup: Setup
    engine: Any
    router: Router
    web: Router
    _count: Iterator[int] = field(default_factory=itertools.count, init=False, repr=False)

    @property
    def editor(self) -> str:
        """Open id of who edits the base: the head of the company."""
        return str(next(iter(self.sandbox.world.people.values())).open_id)

    @property
    def app(self) -> str:
        """The base."""
        return str(self.setup.base())

    def table(self, key: str) -> str:
        """Id of a table."""
        return str(self.sync.bindings.require(key).table_id)

    def rows(self, key: str) -> list[dict[str, Any]]:
        """What stands in a table of the base."""
        found: list[dict[str, Any]] = self.sandbox.world.bitable.rows(self.app, self.table(key))
        return found

    def row(self, key: str, **wanted: str) -> dict[str, Any] | None:
        """The row whose columns show these texts."""
        for row in self.rows(key):
            if all(shown(row["fields"].get(name)) == value for name, value in wanted.items()):
                return row
        return None

    def add(self, key: str, *rows: Mapping[str, Any], quiet: bool = False) -> list[str]:
        """A person adds rows; each event arrives unless ``quiet``."""
        table, bitable = self.table(key), self.sandbox.world.bitable
        ids = [str(bitable.add_as(self.editor, self.app, table, dict(row))["record_id"]) for row in rows]
        if not quiet:
            self.arrive(key, *ids)
        return ids

    def edit(self, key: str, record_id: str, *, quiet: bool = False, **cells: Any) -> None:
        """A person edits cells; the event arrives unless ``quiet``."""
        self.sandbox.world.bitable.edit_as(self.editor, self.app, self.table(key), record_id, cells)
        if not quiet:
            self.arrive(key, record_id)

    def delete(self, key: str, record_id: str) -> None:
        """A person deletes a row; the event arrives."""
        self.sandbox.world.bitable.delete_as(self.editor, self.app, self.table(key), record_id)
        self.arrive(key, record_id, action="record_deleted")

    def arrive(self, key: str, *record_ids: str, action: str = "record_edited") -> None:
        """Hand the change event to the handlers, as the drain does."""
        body = {
            "file_type": "bitable", "file_token": self.app, "table_id": self.table(key),
            "operator_id": {"open_id": self.editor},
            "action_list": [{"record_id": each, "action": action} for each in record_ids],
        }  # fmt: skip
        self.happens(RECORD_CHANGED, body)

    def happens(self, kind: str, body: Mapping[str, Any]) -> None:
        """An event, handled at once."""
        event = Event(EventId(f"ev{next(self._count)}"), kind, self.floor.clock.now(), body)
        for handler in self.router.event_handlers(kind):
            handler([event])

    def put(self, *works: Work) -> None:
        """Put work."""
        with self.floor.db.begin() as conn:
            self.floor.queue.put(conn, *works)

    def stored(self, table: sa.Table, **wanted: Any) -> list[Any]:
        """Rows of one of our own tables."""
        query = sa.select(table).where(*(table.c[name] == value for name, value in wanted.items()))
        with self.floor.db.read() as conn:
            return list(conn.execute(query))

    def idle(self, timeout: float = 30) -> None:
        """Wait until no work waits or runs."""
        status = status_table(self.floor.db)
        query = sa.select(sa.func.count()).where(status.c.status.in_(["ENQUEUED", "PENDING"]))

        def none_left() -> bool:
            with self.floor.db.read() as conn:
                return conn.execute(query).scalar_one() == 0

        until(none_left, timeout=timeout, what="all work is done")


def shown(cell: Any) -> str:
    """The text of a cell in read shape."""
    if isinstance(cell, list):
        return "".join(
            part.get("text", part.get("name", "")) if isinstance(part, dict) else str(part) for part in cell
        )
    return "" if cell is None else str(cell)
