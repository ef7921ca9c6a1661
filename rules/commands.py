"""Chat commands about alerts."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy.engine import Connection

from bot.cards import text
from bot.model import ChatMessage, Reply
from rules import history
from rules.access import concerns, may_see
from rules.check import Policy
from rules.compiled import program
from rules.dryrun import load_run
from rules.evaluate import evaluate, object_id
from rules.freshness import load_freshness
from rules.model import Alert, Finding, Rule
from rules.preview import preview_card
from rules.replay import dry_lines
from rules.rulebook import load_entries, renamed_columns
from rules.store import listed_alerts
from rules.summary import Summary, summary_card
from rules.tree import columns
from rules.views import Sources, find_rows

PREVIEW_WORDS = ("规则预览", "preview")
PREVIEW_HELP = "规则预览 规则名称：这条规则现在会触发谁，过去本会触发多少次"
LATER = text("历史回放正在算，一分钟后再发一次就有", "History is being replayed; ask again in a minute")
WORDS = ("我的预警", "预警", "alerts")
HELP = "列出和你有关、还没有恢复的预警，以及来过又走了、你还没看过的"


def listed(
    conn: Connection, sources: Sources, policy: Policy, open_id: str
) -> tuple[list[Alert], dict[str, Rule]]:
    """The alerts on a person's list, and all rules: open ones first, then what came and went unseen."""
    rules: dict[str, Rule] = {
        rule_id: entry.rule
        for rule_id, (entry, _) in load_entries(conn, sources.catalog).items()
        if entry.rule is not None
    }
    found = listed_alerts(conn)
    rows = find_rows(sources, found)
    mine = [
        alert
        for alert in found
        if may_see(alert, rules.get(alert.rule_id), rows.get(alert.id), policy.fallback, open_id)
    ]
    return mine, rules


def listing(alerts: Sequence[Alert], rules: Mapping[str, Rule], page: int = 0) -> Summary:
    """What the answer to 我的预警 shows."""
    return Summary(alerts, rules, over=frozenset(alert.id for alert in alerts if not alert.open), page=page)


def would(
    conn: Connection, sources: Sources, policy: Policy, rule: Rule, open_id: str, now: datetime
) -> tuple[list[Finding], dict[str, str]]:
    """What a rule says of every row now, and the names of the objects that a person may see."""
    words, rows = sources.catalog.by_key(rule.table), sources.mirror.rows(rule.table)
    words = words.also(renamed_columns(conn, sources.catalog)[words.spec.name].items())
    judged = program(rule)
    objects = {key for row in rows if (key := object_id(row, words))}
    before = history.load(conn, rule.table, columns(judged.breach, judged.condition), now, objects)
    everything = {person.open_id for person in (*rule.cc, *policy.fallback)}
    names = {
        str(row.values.get(words.id_key)): str(row.values.get("name"))
        for row in rows
        if open_id in everything or concerns(row, rule, open_id)
    }
    limit = policy.max_age.get(rule.table)
    fresh = load_freshness(conn, rule.table, words.spec.name, limit, now)
    return evaluate(rule, rows, words, fresh=fresh, past=before), names


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
        """我的预警: what concerns the sender: unknown first, the worst, then what came and went unseen."""
        mine, rules = listed(conn, self.sources, self.policy, message.sender)
        if not mine:
            return Reply(text="你现在没有未恢复的预警")
        summary = listing(mine, rules)
        said = f"你有 {summary.open} 条未恢复的预警"
        if summary.over:
            said += f"，{len(summary.over)} 条来过又恢复了、还没有人看过"
        return Reply(text=said, card=summary_card(summary).data)

    def preview(self, conn: Connection, message: ChatMessage) -> Reply:
        """规则预览: what a rule would do. Everybody may count; objects are shown to whom they concern."""
        wanted = message.text.partition(" ")[2].strip()
        entries = [entry for entry, _ in load_entries(conn, self.sources.catalog).values()]
        found = [entry for entry in entries if wanted and wanted in entry.name]
        chosen = next((entry for entry in found if entry.name == wanted), found[0] if found else None)
        if chosen is None:
            names = "、".join(entry.name for entry in entries if entry.name)
            return Reply(
                text=f"没有叫“{wanted}”的规则，请写：规则预览 规则名称。现有的规则：{names or '（还没有）'}"
            )
        if chosen.rule is None:
            return Reply(text=f"“{chosen.name}”还不是有效的规则，请先看它的“校验结果”")
        rule, now = chosen.rule, message.at
        findings, seen = would(conn, self.sources, self.policy, rule, message.sender, now)
        past, made = load_run(conn, chosen)
        card = preview_card(rule, findings, dry_lines(past) if made else [LATER], seen)
        return Reply(text=f"规则预览：{rule.name}", card=card.data)
