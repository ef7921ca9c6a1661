"""What the summary of a group shows, gathered from our own tables. No outside call."""

import hashlib
import json
from collections.abc import Sequence

from sqlalchemy.engine import Connection

from bot.cards import Card
from rules import store
from rules.groups import Group, Member
from rules.model import Rule
from rules.rulebook import load_entry
from rules.storms import storms
from rules.summary import Summary
from rules.views import Sources


def summarize(conn: Connection, sources: Sources, group: Group, found: Sequence[Member]) -> Summary:
    """What a group's card shows now, from our own tables."""
    alerts = [member.alert for member in found]
    rules: dict[str, Rule] = {}
    for rule_id in {alert.rule_id for alert in alerts}:
        entry = load_entry(conn, rule_id, sources.catalog)
        if entry and entry.rule:
            rules[rule_id] = entry.rule
    sizes = {table: sources.mirror.count(table) for table in {rule.table for rule in rules.values()}}
    return Summary(
        alerts,
        rules,
        over=frozenset(member.alert.id for member in found if member.over),
        storms=storms(store.open_counts(conn, rules), sizes, rules),
        page=group.page,
        group=group.id,
        code=group.code,
    )


def print_of(card: Card) -> str:
    """A digest of what a card says, to see whether a message shows it already."""
    return hashlib.sha256(json.dumps(card.data, sort_keys=True).encode()).hexdigest()[:16]
