"""The storm fuse: so much of a table is over one line at once that the source itself is in doubt.

It says so to everybody concerned. News of such a rule comes as one summary a person, however few are theirs,
and cards of their own that were sent before are drawn anew with the sentence. It holds nothing back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from rules import store
from rules.model import Rule

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from bitable_sync.mirror import Mirror

STORM_AT, STORM_SHARE = 30, Decimal("0.3")
"""So many objects over one line at once, and so large a part of their table: first doubt the data."""


@dataclass(frozen=True, slots=True)
class Storm:
    """So much of a table is over one line that the source itself is in doubt."""

    rule: str
    table: str
    over: int
    of: int


@dataclass(frozen=True, slots=True)
class Fuse:
    """Whether a rule is in a storm, before a check and after it."""

    was: bool
    now: bool

    @property
    def turned(self) -> bool:
        """Whether cards that stand somewhere say something else now."""
        return self.was != self.now


CALM = Fuse(was=False, now=False)


def storms(counts: Mapping[str, int], sizes: Mapping[str, int], rules: Mapping[str, Rule]) -> list[Storm]:
    """The rules that look like bad data rather than bad business.

    Args:
        counts: rule id → objects over its line now.
        sizes: table key → rows it has.
        rules: by rule id.
    """
    found = []
    for rule_id, count in sorted(counts.items()):
        rule = rules.get(rule_id)
        size = max(count, sizes.get(rule.table, 0)) if rule else 0
        if rule and many(count, size):
            found.append(Storm(rule.name, rule.table, count, size))
    return found


def many(count: int, size: int) -> bool:
    """Whether so many of a table of this size are a storm."""
    return count >= STORM_AT and count >= size * STORM_SHARE


def raging(conn: Connection, mirror: Mirror, rule: Rule) -> bool:
    """Whether a rule is in a storm now. The table is counted only where that can matter."""
    return fuse(conn, mirror, rule, 0).now


def fuse(conn: Connection, mirror: Mirror, rule: Rule, grown: int) -> Fuse:
    """How the fuse of a rule stands before and after so many more of its objects are over the line.

    Args:
        conn: a transaction in which the change is not written yet.
        mirror: where the table's rows are counted.
        rule: the rule.
        grown: by how many objects the change makes it more; negative for fewer.
    """
    before = store.open_counts(conn, [rule.id]).get(rule.id, 0)
    after = before + grown
    if max(before, after) < STORM_AT:
        return CALM
    size = mirror.count(rule.table)
    return Fuse(many(before, size), many(after, size))
