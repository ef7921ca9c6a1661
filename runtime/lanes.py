"""The engine's one queue and how its records are written; with `engine`, the only importer of its library.

The queue's limits stand here because `migrate` writes them into the database, where every worker reads them.
It has no limits of rate: the library would count starts twice for every lane at every poll, half the cost of
a work, and `runtime.feishu.limits` keeps the exact pace towards Feishu anyway.
"""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from dbos import DBOS, DBOSClient, Serializer

from runtime.db import Database
from runtime.errors import PermanentError
from runtime.work import QUEUE

APPLICATION = "chorus"
POLL_SECONDS = 0.075
"""Work waits half of it on average, and never 100 ms; shorter costs an idle worker over 5 % of a core."""
CLAIMS = 64
"""How many works one worker may hold, sleeping ones included; how many are busy is bounded in `engine`."""


class JsonSerializer(Serializer):
    """Keeps the engine's records readable: JSON in place of pickled Python."""

    def name(self) -> str:
        """Return the name stored beside every value."""
        return "chorus_json"

    def serialize(self, data: Any) -> str:
        """Write plain values; an error becomes its text."""
        if isinstance(data, BaseException):
            data = {"__error__": f"{type(data).__name__}: {data}"}
        return json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)

    @classmethod
    def deserialize(cls, serialized_data: str) -> Any:
        """Read plain values; an error comes back as a `PermanentError` with the same text."""
        data = json.loads(serialized_data)
        if isinstance(data, dict) and "__error__" in data:
            return PermanentError(data["__error__"])
        if isinstance(data, dict) and data.keys() == {"args", "kwargs"}:
            return {"args": tuple(data["args"]), "kwargs": data["kwargs"]}
        return data


def prepare_database(url: str) -> None:
    """Create or upgrade the engine's own tables and its queue; part of `runtime.db.migrate`.

    Args:
        url: address with driver, as given by `normalise_url`.
    """
    DBOS.migrate(url)
    db = Database(url)
    try:
        make_client(db).register_queue(
            QUEUE,
            partition_concurrency=1,
            worker_concurrency=CLAIMS,
            polling_interval_sec=POLL_SECONDS,
        )
    finally:
        db.close()


def look_first(library: Any, db: Database) -> None:
    """Let the launched library look for work only when a small statement says that some waits.

    It looks at every poll with a statement over all lanes, which it makes anew each time (D89 has
    the figures). dbos 3.4 asks `dequeue_scopes` before each look; no scope, no look.
    """
    status = "workflow_status" if db.dialect == "sqlite" else "dbos.workflow_status"
    waits = sa.text(
        f"SELECT EXISTS (SELECT 1 FROM {status} WHERE queue_name = :queue AND status = 'ENQUEUED')"  # noqa: S608 - a name of ours
    )
    database = library._sys_db  # noqa: SLF001 - 3.4 has no public name
    scopes = database.dequeue_scopes

    def found(queue_name: str) -> Any:
        with database.engine.connect() as conn:
            return scopes(queue_name) if conn.execute(waits, {"queue": queue_name}).scalar_one() else []

    database.dequeue_scopes = found


def make_client(db: Database) -> DBOSClient:
    """Return a client of the engine that works inside our own transactions."""
    return DBOSClient(
        # Its own transactions read and then write; begun as writers they cannot collide half way.
        system_database_engine=db.engine.execution_options(chorus_write=True),
        serializer=JsonSerializer(),
        application_name=APPLICATION,
        lazy=True,
    )
