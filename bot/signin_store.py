"""Sign-ins under way, kept in a table of the feature whose pages they lead to."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import sqlalchemy as sa

from bot.signin import LIFE, Attempt
from runtime.clock import Clock
from runtime.db import Database

MOST: Final = 20_000
"""Sign-ins under way at most: whoever is not signed in can make a row, so there is an end to them."""


class SignIns:
    """Sign-ins under way (`bot.signin.Attempts`).

    Args:
        db: durable database.
        clock: the time.
        table: with the columns ``state`` (key), ``verifier``, ``goal`` and ``at``.
    """

    def __init__(self, db: Database, clock: Clock, table: sa.Table) -> None:
        self._db = db
        self._clock = clock
        self._table = table

    def begin(self, key: str, attempt: Attempt) -> bool:
        """Keep one; old ones are swept out. False when too many are under way."""
        old = self._clock.now() - LIFE - timedelta(minutes=1)
        with self._db.begin() as conn:
            conn.execute(self._table.delete().where(self._table.c.at <= old))
            count = conn.execute(sa.select(sa.func.count()).select_from(self._table)).scalar_one()
            if count >= MOST:
                return False
            values = {"state": key, "verifier": attempt.verifier, "goal": attempt.goal, "at": attempt.at}
            conn.execute(self._table.insert().values(**values))
        return True

    def take(self, key: str) -> Attempt | None:
        """Give one back, once."""
        c = self._table.c
        gone = self._table.delete().where(c.state == key)
        with self._db.begin() as conn:
            row = conn.execute(gone.returning(c.verifier, c.goal, c.at)).first()
        return None if row is None else Attempt(*row)
