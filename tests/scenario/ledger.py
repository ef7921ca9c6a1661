"""What the product stores, looked up from outside."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from sandbox.stage import Stage


class Ledger:
    """Reads the product's database from outside.

    Args:
        url: its address.
    """

    def __init__(self, url: str) -> None:
        patient = {"timeout": 30} if url.startswith("sqlite") else {}
        self.engine = sa.create_engine(url, connect_args=patient)

    def rows(self, query: str, **values: Any) -> list[dict[str, Any]]:
        """The rows of a query."""
        with self.engine.connect() as conn:
            return [dict(row) for row in conn.execute(sa.text(query), values).mappings()]

    def count(self, query: str, **values: Any) -> int:
        """The one number of a query."""
        with self.engine.connect() as conn:
            return int(conn.execute(sa.text(query), values).scalar_one())

    def unsent(self) -> int:
        """Notices decided and not told yet."""
        return self.count("SELECT count(*) FROM alert_notices WHERE state = 'queued'")

    def behind(self) -> int:
        """Copies of cards that show an older version than there is."""
        return self.count(
            "SELECT count(*) FROM alert_cards c JOIN alerts a ON a.id = c.alert_id "
            "WHERE c.gone IS NULL AND c.shown_version < a.version"
        )

    def states(self) -> dict[str, str]:
        """Article → state of its alert."""
        return {r["object_id"]: r["state"] for r in self.rows("SELECT object_id, state FROM alerts")}

    def contents(self) -> dict[str, bytes]:
        """Table → every value of every row, of all tables whoever made them."""
        found = {}
        with self.engine.connect() as conn:
            about = sa.inspect(conn)
            for schema in about.get_schema_names():
                for name in about.get_table_names(schema) if schema != "information_schema" else ():
                    rows = conn.execute(sa.select(sa.text("*")).select_from(sa.table(name, schema=schema)))
                    values = [value for row in rows for value in row]
                    found[f"{schema}.{name}"] = b"\n".join(
                        value if isinstance(value, bytes) else str(value).encode() for value in values
                    )
        return found

    @contextmanager
    def nothing_can_be_written(self) -> Iterator[None]:
        """Keep every other process from storing events and taps meanwhile."""
        holds = {
            "sqlite": ("BEGIN IMMEDIATE",),
            "postgresql": ("BEGIN", "LOCK TABLE inbox, taps IN EXCLUSIVE MODE"),
        }
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            for statement in holds[self.engine.dialect.name]:
                conn.exec_driver_sql(statement)
            yield
            conn.exec_driver_sql("ROLLBACK")

    def close(self) -> None:
        """Let the database go."""
        self.engine.dispose()


def document(stored: Any) -> Any:
    """A JSON column as it was put in: SQLite hands out its text, PostgreSQL what it means."""
    return json.loads(stored) if isinstance(stored, str) else stored


def database(stage: Stage) -> str:
    """The address of a stage's database."""
    return stage.env.get("DATABASE_URL", f"sqlite:///{stage.folder / 'var' / 'chorus.db'}")
