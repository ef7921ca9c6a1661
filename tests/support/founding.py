"""What setup leaves behind on both sides, done once for each kind of base and put back for later tests.

Setting a base up is two hundred calls; a test that is not about setup only needs its result.
"""

from __future__ import annotations

import hashlib
from typing import Any

import sqlalchemy as sa

from bitable_sync.setup import Setup
from bitable_sync.tables import BASE, BOUND_FIELDS, BOUND_TABLES, FINDINGS
from runtime.db import Database
from sandbox.keep import dump, restore

KEPT = (BASE, BOUND_TABLES, BOUND_FIELDS, FINDINGS)
_left: dict[str, tuple[bytes, dict[str, list[dict[str, Any]]]]] = {}


def found(sandbox: Any, database: Database, setup: Setup) -> None:
    """Have the base set up. On a sandbox just reset its whole world is put back; a base there is goes on.

    Args:
        sandbox: the session's sandbox server, with the people the base is for.
        database: migrated and empty.
        setup: of this base; applied the first time only.
    """
    if setup.base() is not None:
        setup.apply()
        return
    kind = _kind(sandbox, setup)
    if kind not in _left:
        setup.apply()
        with database.read() as conn:
            rows = {
                table.name: [dict(row._mapping) for row in conn.execute(sa.select(table))] for table in KEPT
            }
        _left[kind] = dump(sandbox.world), rows
        return
    world, rows = _left[kind]
    with sandbox.world.lock:
        restore(sandbox.world, world)
    with database.begin() as conn:
        for table in KEPT:
            if rows[table.name]:
                conn.execute(sa.insert(table), rows[table.name])


def _kind(sandbox: Any, setup: Setup) -> str:
    """Everything the outcome of a setup depends on."""
    people = sorted(sandbox.world.people)
    about = (
        tuple(setup.specs),
        setup.manifest,
        setup.settings.admin_open_id,
        people,
        sandbox.world.limits_on,
    )
    return hashlib.sha256(repr(about).encode()).hexdigest()
