"""A rule that was switched on is previewed to who did it; of a large one the news waits for the answer.

An operator who types 3 for 0.3 must not storm twelve buyers, and a card nobody looks at must not keep a rule
silent: so the rule is in force at once, its alerts stand on the board, but what it would *tell* waits until
somebody says 就这样, or `HOLD` is over, whichever comes first. Deciding is pure; SQL in the caller's
transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rules import tables as t
from rules.rulebook import Entry
from rules.store import insert_new, short_id
from runtime import audit
from runtime.ids import RuleId
from runtime.work import Work

HOLD = timedelta(minutes=15)
"""So long the news of a large rule waits for somebody's answer."""
STOPPING = timedelta(hours=1)
"""So long at most it waits for 启用 to be unticked after somebody said so."""
CONFIRM_ABOVE = 30
"""So many objects make a rule large, unless the manifest differs."""
GROWN = 3
"""A changed rule is previewed when it hits so many times what is open of it."""
AT_ONCE = 3
"""More rules than this switched on together (a table pasted or set up) are previewed only where large."""


class Answer(StrEnum):
    """What somebody said to a preview."""

    KEEP = "ok"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Hits:
    """What a rule would do now: objects over its line, and how many people that concerns."""

    objects: int
    people: int


@dataclass(frozen=True, slots=True)
class Preview:
    """A preview of one version of a rule.

    Attributes:
        id: also the uuid of its message.
        receivers: who may be asked, the first of them is.
        receiver: who was.
        until: until when the rule's news waits; None when it does not.
        answer: what somebody said, None as long as nobody has.
    """

    id: str
    rule_id: RuleId
    version: int
    at: datetime
    receivers: Sequence[str]
    hits: int
    people: int
    until: datetime | None = None
    receiver: str | None = None
    answer: str | None = None
    answered_by: str | None = None
    answered_at: datetime | None = None
    message_id: str | None = None

    def waits(self, now: datetime) -> bool:
        """Whether news of the rule waits for an answer."""
        return self.until is not None and now < self.until


def begins(before: Entry | None, after: Entry) -> bool:
    """Whether an edit switches a rule on."""
    now = after.rule is not None and after.rule.enabled and not after.deleted
    return now and not (before is not None and before.rule is not None and before.rule.enabled)


def changes(before: Entry | None, after: Entry) -> bool:
    """Whether an edit changes a rule that is on and stays on."""
    if after.rule is None or not after.rule.enabled or after.deleted or begins(before, after):
        return False
    return before is not None and before.version != after.version


def preview_of(
    after: Entry, hits: Hits, *, standing: int | None, receivers: Sequence[str], limit: int, now: datetime,
    many: bool = False,
) -> Preview | None:  # fmt: skip
    """The preview of an edited rule, if it needs one.

    Args:
        after: the rule as it is now, in force.
        hits: what it would do now.
        standing: what of it is open already; None for a rule that was just switched on.
        receivers: who may be asked, the first is.
        limit: from so many objects on the rule is large.
        now: aware time.
        many: many rules were switched on at once, so only large ones are worth a card.
    """
    large = hits.objects >= limit and (standing is None or hits.objects >= GROWN * standing)
    if not receivers or (not large and (standing is not None or many)):
        return None
    return Preview(
        short_id("pv_", after.rule_id, after.version), after.rule_id, after.version, now, tuple(receivers),
        hits.objects, hits.people, now + HOLD if large else None,
    )  # fmt: skip


# --- what is stored ---


def open_preview(conn: Connection, preview: Preview) -> list[Work]:
    """Decide to ask; the work of it, nothing when this version was previewed already."""
    row = asdict(preview) | {"receivers": list(preview.receivers)}
    if not insert_new(conn, t.rule_previews, row):
        return []
    _note(conn, preview, "system:rules", "asked", preview.at)
    return [show_work(preview, "send")]


def load_preview(conn: Connection, preview_id: str, *, lock: bool = False) -> Preview | None:
    """One preview."""
    query = sa.select(t.rule_previews).where(t.rule_previews.c.id == preview_id)
    row = conn.execute(query.with_for_update() if lock else query).first()
    return None if row is None else Preview(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name


def waiting_rules(conn: Connection, now: datetime) -> frozenset[str]:
    """The rules whose news waits for an answer now."""
    p = t.rule_previews.c
    return frozenset(conn.execute(sa.select(p.rule_id).where(p.until > now)).scalars())


def change_preview(conn: Connection, preview_id: str, **values: Any) -> None:
    """Change some columns of a preview."""
    conn.execute(sa.update(t.rule_previews).where(t.rule_previews.c.id == preview_id).values(**values))


def close_former(conn: Connection, entry: Entry) -> list[Work]:
    """A newer version of the rule is there: nothing waits for an older one's preview; its card tells."""
    p = t.rule_previews
    older = sa.and_(p.c.rule_id == entry.rule_id, p.c.version < entry.version)
    found = [Preview(**row._mapping) for row in conn.execute(sa.select(p).where(older))]  # noqa: SLF001
    conn.execute(sa.update(p).where(older, p.c.until.is_not(None)).values(until=None))
    unanswered = [each for each in found if each.answer is None and each.message_id is not None]
    return [show_work(each, f"v{entry.version}") for each in unanswered]


def answered(conn: Connection, preview: Preview, answer: Answer, by: str, now: datetime) -> Preview:
    """Somebody answered; what follows is for the caller to put."""
    until = now + STOPPING if answer is Answer.STOP else None
    change_preview(conn, preview.id, answer=answer.value, answered_by=by, answered_at=now, until=until)
    _note(conn, preview, by, answer.value, now)
    found = load_preview(conn, preview.id)
    return found or preview


def _note(conn: Connection, preview: Preview, actor: str, reason: str, now: datetime) -> None:
    audit.record(
        conn, at=now, actor=actor, action="rule.preview", subject=f"rule:{preview.rule_id}", reason=reason,
        detail={"version": preview.version, "objects": preview.hits, "people": preview.people},
    )  # fmt: skip


# --- work ---


def show_work(preview: Preview, why: str) -> Work:
    """Send the card of a preview once, or turn the one that is out to what is."""
    name, lane = f"preview:{preview.id}:{why}", f"receiver:{preview.receivers[0]}"
    return Work("rules.preview", name, lane, {"id": preview.id})


def stop_work(preview: Preview) -> Work:
    """Untick 启用 in the rule's row."""
    return Work("rules.switch_off", f"switch_off:{preview.id}", "table:rules", {"id": preview.id})


def check_work(preview: Preview) -> Work:
    """Tell at once what waited."""
    return Work("rules.check", f"check:{preview.id}", "rules.check", {})


def first_asked(editor: str | None, others: Iterable[str]) -> list[str]:
    """Who is asked, in order: who edited the row, then others; each once."""
    return list(dict.fromkeys(each for each in (editor, *others) if each))
