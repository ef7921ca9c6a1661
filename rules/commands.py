"""Chat commands about alerts."""

from sqlalchemy.engine import Connection

from bot.model import ChatMessage, Reply
from rules.access import may_see
from rules.cards import digest_card
from rules.check import Policy
from rules.model import Rule
from rules.rulebook import load_entries
from rules.store import open_alerts
from rules.views import Sources, find_row

LONGEST = 10
WORDS = ("我的预警", "预警", "alerts")
HELP = "列出和你有关、还没有恢复的预警"


class Commands:
    """Answers to chat messages.

    Args:
        sources: the mirror and the words rules use.
        policy: who is told when nobody is responsible.
    """

    def __init__(self, sources: Sources, policy: Policy) -> None:
        self.sources = sources
        self.policy = policy

    def mine(self, conn: Connection, message: ChatMessage) -> Reply:
        """我的预警: the open alerts that concern the sender, unknown first, then the worst."""
        rules: dict[str, Rule] = {
            rule_id: entry.rule
            for rule_id, (entry, _) in load_entries(conn, self.sources.catalog).items()
            if entry.rule is not None
        }
        mine = []
        for alert in open_alerts(conn):
            row = find_row(self.sources, alert)
            seen = may_see(alert, rules.get(alert.rule_id), row, self.policy.fallback, message.sender)
            if alert.open and seen is not None:
                mine.append(alert)
        if not mine:
            return Reply(text="你现在没有未恢复的预警")
        card = digest_card(mine[:LONGEST], rules, len(mine))
        return Reply(text=f"你有 {len(mine)} 条未恢复的预警", card=card.data)
