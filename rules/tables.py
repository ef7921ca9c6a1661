"""The durable tables of red lines. Each dataclass field of an alert or task is a column of the same name."""

from enum import StrEnum
from typing import Any, Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from bitable_sync.cells import Person
from rules.model import Action, Doubt, Reason, Severity, State, TaskState
from runtime.db import Json, Money, Utc, metadata

E = TypeVar("E", bound=StrEnum)


class Word(TypeDecorator[E], Generic[E]):
    """A member of an enumeration, stored as its text."""

    impl = sa.Text
    cache_ok = True

    def __init__(self, words: type[E]) -> None:
        super().__init__()
        self.words = words

    def process_bind_param(self, value: E | None, dialect: Dialect) -> str | None:
        """Store the text."""
        del dialect
        return None if value is None else self.words(value).value

    def process_result_value(self, value: str | None, dialect: Dialect) -> E | None:
        """Give back the member."""
        del dialect
        return None if value is None else self.words(value)


class People(TypeDecorator[tuple[Person, ...]]):
    """Persons, stored as ``[[open_id, name], …]``."""

    impl = Json
    cache_ok = True

    def process_bind_param(self, value: tuple[Person, ...] | None, dialect: Dialect) -> Any:
        """Store pairs."""
        del dialect
        return [[person.open_id, person.name] for person in value or ()]

    def process_result_value(self, value: Any, dialect: Dialect) -> tuple[Person, ...]:
        """Give back persons."""
        del dialect
        return tuple(Person(open_id, name) for open_id, name in value or ())


class Somebody(TypeDecorator[Person]):
    """One person or nobody, stored as ``[open_id, name]``."""

    impl = Json
    cache_ok = True

    def process_bind_param(self, value: Person | None, dialect: Dialect) -> Any:
        """Store the pair."""
        del dialect
        return None if value is None else [value.open_id, value.name]

    def process_result_value(self, value: Any, dialect: Dialect) -> Person | None:
        """Give back the person."""
        del dialect
        return None if value is None else Person(value[0], value[1])


rule_rows = sa.Table(
    "rule_rows",
    metadata,
    sa.Column("rule_id", sa.Text, primary_key=True),
    sa.Column("seen", Json),
    sa.Column("good", Json),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("enabled", sa.Boolean, nullable=False),
    sa.Column("problems", Json, nullable=False),
    sa.Column("verdict", sa.Text, nullable=False),
    sa.Column("marks", sa.Integer, nullable=False),
    sa.Column("marked_at", Utc),
    sa.Column("deleted_at", Utc),
)
"""One row a line of 预警规则.

``seen`` is what stands there, ``good`` the last valid text, which stays in force.
"""

rule_versions = sa.Table(
    "rule_versions",
    metadata,
    sa.Column("rule_id", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("at", Utc, nullable=False),
    sa.Column("body", Json, nullable=False),
)
"""Every valid text a rule ever had."""

rule_previews = sa.Table(
    "rule_previews",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("rule_id", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("at", Utc, nullable=False),
    sa.Column("receivers", Json, nullable=False),
    sa.Column("receiver", sa.Text),
    sa.Column("hits", sa.Integer, nullable=False),
    sa.Column("people", sa.Integer, nullable=False),
    sa.Column("until", Utc),
    sa.Column("answer", sa.Text),
    sa.Column("answered_by", sa.Text),
    sa.Column("answered_at", Utc),
    sa.Column("message_id", sa.Text),
    sa.UniqueConstraint("rule_id", "version"),
)
"""One row a version of a rule that was switched on: who is asked, and until when its news waits for that.

``receivers``: who may be asked, in order; ``receiver``: who was. ``answer``: ok, stop, or none yet.
"""

rule_dryruns = sa.Table(
    "rule_dryruns",
    metadata,
    sa.Column("rule_id", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("at", Utc, nullable=False),
    sa.Column("body", Json),
)
"""What each rule would have done over the history that is kept; ``body`` null when there is none."""

alerts = sa.Table(
    "alerts",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("rule_id", sa.Text, nullable=False),
    sa.Column("object_id", sa.Text, nullable=False),
    sa.Column("table", sa.Text, nullable=False),
    sa.Column("record_id", sa.Text),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("state", Word(State), nullable=False),
    sa.Column("severity", Word(Severity), nullable=False),
    sa.Column("held", Word(State)),
    sa.Column("episode", sa.Integer, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("turn", sa.Integer, nullable=False),
    sa.Column("value", Money),
    sa.Column("limit", Money),
    sa.Column("recover_at", Money),
    sa.Column("shown_value", Money),
    sa.Column("shown_most", Money),
    sa.Column("pending_since", Utc),
    sa.Column("fired_at", Utc),
    sa.Column("acked_at", Utc),
    sa.Column("acked_by", Somebody),
    sa.Column("acked_until", Utc),
    sa.Column("ack_count", sa.Integer, nullable=False),
    sa.Column("unknown_since", Utc),
    sa.Column("doubt", Word(Doubt)),
    sa.Column("resolved_at", Utc),
    sa.Column("reason", Word(Reason)),
    sa.Column("sentence", sa.Text, nullable=False),
    sa.Column("owners", People, nullable=False),
    sa.Column("supervisors", People, nullable=False),
    sa.Column("data_at", Utc),
    sa.Column("raised", sa.Integer, nullable=False, server_default="0"),
    sa.Column("lapse", sa.Integer, nullable=False, server_default="0"),
    sa.Column("level", sa.Integer, nullable=False, server_default="0"),
    sa.Column("level_at", Utc),
    sa.Column("helpers", People, nullable=False, server_default="[]"),
    sa.Column("clear_since", Utc),
    sa.Column("unseen", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("muted_until", Utc),
    sa.Column("muted_by", Somebody),
    sa.Column("handed_by", Somebody),
    sa.Column("shop", sa.Text, nullable=False, server_default=""),
    sa.Column("known_at", Utc),
    sa.Column("board_version", sa.Integer, nullable=False, server_default="0"),
    sa.UniqueConstraint("rule_id", "object_id"),
    sa.Index("ix_alerts_state", "state"),
)
"""One row an alert, for ever the same for (rule, object). ``board_version``: what 预警看板 shows."""

alert_episodes = sa.Table(
    "alert_episodes",
    metadata,
    sa.Column("alert_id", sa.Text, primary_key=True),
    sa.Column("episode", sa.Integer, primary_key=True),
    sa.Column("fired_at", Utc, nullable=False),
    sa.Column("fired_value", Money),
    sa.Column("resolved_at", Utc),
    sa.Column("resolved_value", Money),
    sa.Column("reason", sa.Text),
)
"""One row from firing to the end; written with the state."""

alert_notices = sa.Table(
    "alert_notices",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("alert_id", sa.Text, nullable=False),
    sa.Column("receiver", sa.Text, nullable=False),
    sa.Column("episode", sa.Integer, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("digest_id", sa.Text),
    sa.Column("created_at", Utc, nullable=False),
    sa.Column("sent_at", Utc),
    sa.Column("message_id", sa.Text),
    sa.Column("holds", sa.Integer, nullable=False, server_default="0"),
    sa.UniqueConstraint("alert_id", "receiver", "episode", "key"),
    sa.Index("ix_alert_notices_digest_id", "digest_id"),
    sa.Index("ix_alert_notices_receiver", "receiver", "created_at"),
)
"""What each receiver was told. ``state``: queued, sent, skipped (over before it was told), held (silenced
before it was sent, ``holds`` times; told when that ends), failed.

The id is the send's ``uuid`` (≤ 50 characters; Feishu docs: im/v1/messages). Notices with a ``digest_id``
were told together in one summary message, that group's.
"""

alert_groups = sa.Table(
    "alert_groups",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("receiver", sa.Text, nullable=False),
    sa.Column("opened_at", Utc, nullable=False),
    sa.Column("until", Utc, nullable=False),
    sa.Column("page", sa.Integer, nullable=False, server_default="0"),
    sa.Column("sends", sa.Integer, nullable=False, server_default="0"),
    sa.Column("message_id", sa.Text),
    sa.Column("chat_id", sa.Text),
    sa.Column("shown", sa.Text, nullable=False, server_default=""),
    sa.Column("over_at", Utc),
    sa.Index("ix_alert_groups_receiver", "receiver", "until"),
)
"""Alerts told together: one summary card a person and window.

``until``: so long news joins it. ``sends`` counts how often its message had to be made anew, ``shown`` is the
digest of the card that stands in it, ``over_at`` when its end was told.
"""

connection_cards = sa.Table(
    "connection_cards",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("table", sa.Text, nullable=False),
    sa.Column("receiver", sa.Text, nullable=False),
    sa.Column("since", Utc, nullable=False),
    sa.Column("error", sa.Text, nullable=False),
    sa.Column("message_id", sa.Text),
    sa.Column("over_at", Utc),
    sa.Column("shown", sa.Text, nullable=False, server_default=""),
    sa.Column("answered_by", sa.Text),
    sa.Column("answered_at", Utc),
    sa.UniqueConstraint("table", "receiver", "since"),
)
"""One row a trouble with a connection and person told (``rules/outages.py``).

``table`` is the subject: ``connection:jd`` (no fresh numbers) or ``missing:plans/jd`` (many objects gone at
once); a key of a table alone where no connection of it is known. ``shown``: what the card was last told to
show. ``answered_*``: who confirmed, and when.
"""

alert_cards = sa.Table(
    "alert_cards",
    metadata,
    sa.Column("message_id", sa.Text, primary_key=True),
    sa.Column("alert_id", sa.Text, nullable=False),
    sa.Column("receiver", sa.Text, nullable=False),
    sa.Column("chat_id", sa.Text, nullable=False),
    sa.Column("notice_id", sa.Text, nullable=False),
    sa.Column("shown_version", sa.Integer, nullable=False),
    sa.Column("shown_turn", sa.Integer, nullable=False),
    sa.Column("form", sa.Text),
    sa.Column("form_at", Utc),
    sa.Column("gone", sa.Text),
    sa.Column("sent_at", Utc, nullable=False),
    sa.Index("ix_alert_cards_alert_id", "alert_id"),
)
"""Every copy of a card. ``form``: the form somebody has open in it.

``gone``: why it can no longer be refreshed.
"""

alert_tasks = sa.Table(
    "alert_tasks",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("alert_id", sa.Text, nullable=False),
    sa.Column("episode", sa.Integer, nullable=False),
    sa.Column("kind", Word(Action), nullable=False),
    sa.Column("object_id", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("amount", Money, nullable=False),
    sa.Column("before", Money),
    sa.Column("after", Money),
    sa.Column("state", Word(TaskState), nullable=False),
    sa.Column("asked_by", Somebody, nullable=False),
    sa.Column("asked_at", Utc, nullable=False),
    sa.Column("done_at", Utc),
    sa.Column("result", sa.Text, nullable=False),
    sa.Column("detail", Json),
    sa.Column("board_state", sa.Text, nullable=False, server_default=""),
    sa.Column("approval", sa.Text),
    sa.Column("metric_before", Money),
    sa.Column("metric_after", Money),
    sa.Column("effect", sa.Text, nullable=False, server_default=""),
    sa.Index("ix_alert_tasks_approval", "approval"),
    sa.Index("ix_alert_tasks_alert_id", "alert_id"),
    sa.Index("ix_alert_tasks_object_id", "object_id"),
)
"""Every change of the outside world that a person decided. ``board_state``: what 处理任务 shows."""

alert_feishu_tasks = sa.Table(
    "alert_feishu_tasks",
    metadata,
    sa.Column("task_id", sa.Text, primary_key=True),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("tried_at", Utc, nullable=False),
    sa.Column("guid", sa.Text),
    sa.Column("shown", sa.Text, nullable=False, server_default=""),
    sa.Column("trouble", sa.Text, nullable=False, server_default=""),
    sa.Column("at", Utc),
    sa.Index("ix_alert_feishu_tasks_at", "at"),
)
"""The Feishu task of an action, where the manifest wants one (``tasks.feishu``).

``reason``: why the action was asked for, as it was then. ``tried_at``: the first try to make it, ``guid``
once it is known. ``shown``: the state it shows. ``trouble``: why there is none, or why it is out of date;
``at``: when one of the two last became known.
"""

metric_points = sa.Table(
    "metric_points",
    metadata,
    sa.Column("table", sa.Text, primary_key=True),
    sa.Column("object_id", sa.Text, primary_key=True),
    sa.Column("metric", sa.Text, primary_key=True),
    sa.Column("at", Utc, primary_key=True),
    sa.Column("value", Money, nullable=False),
    sa.Index("ix_metric_points_at", "at"),
)
"""Recent history of watched metrics, for the trend on a card; only changes are kept, for two days."""

metric_turns = sa.Table(
    "metric_turns",
    metadata,
    sa.Column("object_id", sa.Text, primary_key=True),
    sa.Column("metric", sa.Text, primary_key=True),
    sa.Column("table", sa.Text, primary_key=True),
    sa.Column("at", Utc, primary_key=True),
    sa.Column("value", Money, nullable=False),
    sa.Index("ix_metric_turns_at", "at"),
)
"""What of that history is worth keeping for a month (``rules/turns.py``); rules are replayed over it."""

table_looks = sa.Table(
    "table_looks",
    metadata,
    sa.Column("table", sa.Text, primary_key=True),
    sa.Column("upto", Utc, nullable=False),
)
"""Of what time the data was when all rules of a table last looked at all of it."""

data_sources = sa.Table(
    "data_sources",
    metadata,
    sa.Column("table", sa.Text, primary_key=True),
    sa.Column("pulled_at", Utc),
    sa.Column("tried_at", Utc),
    sa.Column("first_at", Utc),
    sa.Column("cursor", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("error", sa.Text, nullable=False),
)
"""When each connection of a data table (``plans/jd``) last brought fresh numbers, when it was first asked,
from which row version on the next pull asks, and what went wrong since.

The row of the table itself (``plans``) is as old as the connection furthest behind.
"""

missing_objects = sa.Table(
    "missing_objects",
    metadata,
    sa.Column("table", sa.Text, primary_key=True),
    sa.Column("object_id", sa.Text, primary_key=True),
    sa.Column("connection", sa.Text, nullable=False),
    sa.Column("since", Utc, nullable=False),
    sa.Column("confirmed_at", Utc),
)
"""Objects their platform stopped listing, too many at once to believe it (``rules/missing.py``).

They go when they are listed again, or when a person has confirmed it and their rows are marked.
"""
