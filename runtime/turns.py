"""Whose turn it is to write to a SQLite file: one thread after the other, one process after the other.

Who meets a locked file in SQLite sleeps up to 0.1 s and looks again, and whoever looks first gets it. A
worker with twenty busy threads left the web process waiting for seconds. Here threads wait for a lock of the
process and processes for a lock on a file, so all are woken instead of sleeping; and since a process first
takes its place as the *next* one, a busy process cannot take turn after turn while another waits.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import sqlalchemy as sa

BUSY_SECONDS = 30
"""How long a transaction waits for others to finish writing to a SQLite file."""

_locks: dict[str, threading.Lock] = {}
_making = threading.Lock()


@contextmanager
def turn(url: str) -> Iterator[None]:
    """Wait until nobody of ours writes to a SQLite file; on other databases do nothing.

    Args:
        url: address of the database.

    Raises:
        OperationalError: the other threads of this process did not finish in `BUSY_SECONDS`.
    """
    if not url.startswith("sqlite"):
        yield
        return
    with _making:
        lock = _locks.setdefault(url, threading.Lock())
    if not lock.acquire(timeout=BUSY_SECONDS):
        raise sa.exc.OperationalError("BEGIN IMMEDIATE", {}, sqlite3.OperationalError("database is locked"))
    try:
        mine = _among_processes(_file(url))
        try:
            yield
        finally:
            if mine is not None:
                os.close(mine)
    finally:
        lock.release()


@cache
def _file(url: str) -> str | None:
    database = sa.make_url(url).database
    return None if not database or database == ":memory:" else database


def _among_processes(database: str | None) -> int | None:
    """Take the turn of this process; closing what is returned gives it back, as the process's end does."""
    if database is None:
        return None
    try:
        place = _held(f"{database}-next")
    except FileNotFoundError:  # there is no such folder, which SQLite tells better
        return None
    try:
        return _held(f"{database}-turn")
    finally:
        os.close(place)


def _held(path: str) -> int:
    # Opened each time: a file left open would be shared with a forked child, and so would the lock.
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
    except BaseException:
        os.close(file)
        raise
    return file


def _after_fork() -> None:
    """A child has none of its parent's threads, so nobody would release what they held."""
    global _making  # noqa: PLW0603 - as above
    _locks.clear()
    _making = threading.Lock()


os.register_at_fork(after_in_child=_after_fork)
