"""Lanes held by one caller at a time among all processes: by a lock on a file, or by a lease in the database.

With SQLite all processes live on one machine, so the machine keeps their lanes: taking and giving back costs
13 µs in place of two commits, and the lane of a process that was killed is free at once. With PostgreSQL
there may be several machines, so a row says who holds a lane and until when.
"""

import fcntl
import hashlib
import os
import secrets
from pathlib import Path
from typing import Protocol

import sqlalchemy as sa

from runtime.clock import Clock
from runtime.db import Database
from runtime.feishu.tables import leases

LEASE_SECONDS = 60.0
"""Longer than any call with its pacing and token renewal can take; a dead holder blocks no longer."""


class Lanes(Protocol):
    """Where lanes are held. Nothing waits; threads of one process must not ask for one lane at once."""

    def take(self, key: str) -> bool:
        """Hold a lane from now on; False when somebody else does."""

    def give(self, key: str) -> None:
        """Let others have it."""


def lanes_of(db: Database, clock: Clock) -> Lanes:
    """Return the lanes that all users of a database share."""
    path = sa.make_url(db.url).database if db.dialect == "sqlite" else None
    return FileLanes(Path(path).parent / "lanes") if path else LeaseLanes(db, clock)


class FileLanes:
    """Lanes of one machine.

    Args:
        folder: beside the database; has a small file for each lane ever used.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: dict[str, int] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def take(self, key: str) -> bool:
        """Hold a lane from now on; False when somebody else does."""
        # Opened each time: a file left open would be shared with a forked child, and so would the lock.
        name = hashlib.sha256(key.encode()).hexdigest()[:32]
        file = os.open(self._folder / name, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return False
        self._held[key] = file
        return True

    def give(self, key: str) -> None:
        """Let others have it; closing the file unlocks it."""
        os.close(self._held.pop(key))


class LeaseLanes:
    """Lanes of all machines on one database.

    Args:
        db: where the leases stand.
        clock: tells when one has ended.
    """

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._holder = secrets.token_hex(8)

    def take(self, key: str) -> bool:
        """Hold a lane for `LEASE_SECONDS`; False when somebody else does."""
        now = self._clock.now().timestamp()
        insert = self._db.insert(leases).values(key=key, holder=self._holder, until=now + LEASE_SECONDS)
        take_over = insert.on_conflict_do_update(
            index_elements=[leases.c.key],
            set_={"holder": insert.excluded.holder, "until": insert.excluded.until},
            # A lease that ends later than any can was written by a clock that has been set right since.
            where=sa.or_(leases.c.until < now, leases.c.until > now + 2 * LEASE_SECONDS),
        )
        with self._db.begin() as conn:
            return conn.execute(take_over.returning(leases.c.key)).first() is not None

    def give(self, key: str) -> None:
        """Let others have it."""
        mine = (leases.c.key == key) & (leases.c.holder == self._holder)
        with self._db.begin() as conn:
            conn.execute(sa.delete(leases).where(mine))
