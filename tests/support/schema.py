"""What a database looks like, and what a migration took away from code that was written before it."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection


@dataclass(frozen=True, slots=True)
class Column:
    """One column, as far as code that writes and reads it depends on it."""

    type: str
    nullable: bool
    default: bool


@dataclass(frozen=True, slots=True)
class Table:
    """One table."""

    columns: dict[str, Column]
    unique: frozenset[tuple[str, ...]]
    checks: frozenset[str]
    foreign: frozenset[tuple[str, ...]]


def look(conn: Connection) -> dict[str, Table]:
    """Describe every table there is."""
    inspector = sa.inspect(conn)
    return {name: _table(inspector, name) for name in inspector.get_table_names()}


def _table(inspector: sa.Inspector, name: str) -> Table:
    columns = {
        str(c["name"]): Column(str(c["type"]), bool(c["nullable"]), c.get("default") is not None)
        for c in inspector.get_columns(name)
    }
    unique = {tuple(sorted(each["column_names"])) for each in inspector.get_unique_constraints(name)}
    unique |= {
        tuple(sorted(str(column) for column in each["column_names"]))
        for each in inspector.get_indexes(name)
        if each["unique"]
    }
    checks = {str(each["sqltext"]) for each in inspector.get_check_constraints(name)}
    foreign = {tuple(sorted(each["constrained_columns"])) for each in inspector.get_foreign_keys(name)}
    return Table(columns, frozenset(unique), frozenset(checks), frozenset(foreign))


def narrowed(before: dict[str, Table], after: dict[str, Table]) -> list[str]:
    """Name everything that code written for `before` may stumble over in `after`."""
    found: list[str] = []
    for name, old in before.items():
        new = after.get(name)
        if new is None:
            found.append(f"{name} is gone")
            continue
        for column, was in old.columns.items():
            found += _column(f"{name}.{column}", was, new.columns.get(column))
        for column, now in new.columns.items():
            if column not in old.columns and not now.nullable and not now.default:
                found.append(f"{name}.{column} must be given")
        found += [f"{name} wants {each} once" for each in sorted(new.unique - old.unique)]
        found += [f"{name} checks {each}" for each in sorted(new.checks - old.checks)]
        found += [f"{name} refers with {each}" for each in sorted(new.foreign - old.foreign)]
    return found


def _column(name: str, was: Column, now: Column | None) -> list[str]:
    if now is None:
        return [f"{name} is gone"]
    found = []
    if now.type != was.type:
        found.append(f"{name} is {now.type}, was {was.type}")
    if was.nullable and not now.nullable:
        found.append(f"{name} must be given")
    if was.default and not now.default and not now.nullable:
        found.append(f"{name} has no default any more")
    return found
