"""The words of red lines: rules, thresholds, scopes, findings, alerts, tasks.

Types only; nothing here decides.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from bitable_sync.cells import Person
from rules.tree import Condition, Number, Truth
from runtime.ids import AlertId, RecordId, RuleId, TaskId


class Comparison(StrEnum):
    """On which side of the threshold the red zone lies; the values are the options people pick."""

    BELOW = "低于"
    AT_MOST = "低于或等于"
    ABOVE = "高于"
    AT_LEAST = "高于或等于"

    @property
    def downwards(self) -> bool:
        """Whether small numbers are the bad ones."""
        return self in (Comparison.BELOW, Comparison.AT_MOST)


class Severity(StrEnum):
    """How bad a breach is; compare with ``rank``."""

    NOTICE = "提醒"
    WARNING = "警告"
    CRITICAL = "严重"

    @property
    def rank(self) -> int:
        """0 for 提醒 to 2 for 严重."""
        return list(Severity).index(self)


class Action(StrEnum):
    """What a card may offer."""

    ADJUST = "调整预算"
    RESTOCK = "紧急补货"
    PAUSE = "暂停计划"
    ACK = "知道了"


class Unit(StrEnum):
    """How a metric is written for people."""

    MONEY = "money"
    COUNT = "count"
    RATIO = "ratio"
    PERCENT = "percent"


@dataclass(frozen=True, slots=True)
class Metric:
    """A number that rules may watch: ``value`` is one column, or a formula over several.

    See ``rules/metrics.py``.
    """

    key: str
    name: str
    name_en: str
    value: Number
    unit: Unit


@dataclass(frozen=True, slots=True)
class Fixed:
    """A threshold that is a number. ``text`` is what the person wrote (``1:3``)."""

    value: Decimal
    text: str


@dataclass(frozen=True, slots=True)
class OfField:
    """A threshold that is another column of the same row, times a factor (``安全库存的 80%``)."""

    key: str
    name: str
    factor: Decimal
    text: str


@dataclass(frozen=True, slots=True)
class Computed:
    """A threshold computed from the row: the right side of an expression, as ``text``."""

    value: Number
    text: str


Limit = Fixed | OfField | Computed


@dataclass(frozen=True, slots=True)
class Rule:
    """A valid rule. ``recover`` None means the default margin of 10 % beyond the threshold.

    ``table`` is the key of a data table, ``owner_key`` a person column of it, ``floor`` the spend in yuan and
    ``sample`` the number of orders or sales under which nothing is decided. ``condition`` is set when the
    rule is an expression of more than one comparison: it alone decides, and there are neither value nor
    limit. ``keep_for``: so long an object must be well before the alert ends. ``covers``: while a shop is
    over this line, nothing new is told of its plans and SKUs.
    """

    id: RuleId
    name: str
    table: str
    metric: Metric
    comparison: Comparison
    limit: Limit
    recover: Limit | None
    scope: tuple[Condition, ...]
    hold_for: timedelta
    floor: Decimal | None
    severity: Severity
    owner_key: str
    cc: tuple[Person, ...]
    cc_may_act: bool
    actions: tuple[Action, ...]
    enabled: bool
    sample: Decimal | None = None
    condition: Truth | None = None
    keep_for: timedelta = timedelta(0)
    covers: bool = False

    def __hash__(self) -> int:
        return hash(self.id)  # what is compiled of a rule is looked up by it with every row that changes


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one cell of a rule row: the column's name and a sentence with an example."""

    column: str
    sentence: str


class Verdict(StrEnum):
    """What one rule says about one row."""

    BREACH = "breach"  # over the red line
    HOLD = "hold"  # between the two thresholds, or too little spend: whatever was, stays
    CLEAR = "clear"  # beyond the recovery threshold
    OUT = "out"  # the row no longer belongs to the scope
    UNKNOWN = "unknown"  # cannot be judged; never a match, never OK


class Doubt(StrEnum):
    """Why a row cannot be judged."""

    EMPTY = "empty"
    NOT_A_NUMBER = "not_a_number"
    ZERO_BASE = "zero_base"
    SCOPE = "scope"
    TWIN = "twin"
    NO_SAMPLE = "no_sample"
    STALE = "stale"
    VANISHED = "vanished"

    @property
    def opens(self) -> bool:
        """Whether a row that had no alert gets one in state unknown.

        A column filled wrongly is worth showing. A zero base is the normal start of a day, no figures of
        former days that of a plan, and a stale source is told once for the whole table, not once a row.
        """
        return self in (Doubt.EMPTY, Doubt.NOT_A_NUMBER, Doubt.SCOPE, Doubt.TWIN)


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule applied to one object at one time.

    ``sentence`` (Chinese) is set for unknown and hold-by-floor.
    """

    object_id: str
    record_id: RecordId | None
    verdict: Verdict
    value: Decimal | None = None
    limit: Decimal | None = None
    recover_at: Decimal | None = None
    doubt: Doubt | None = None
    sentence: str = ""
    seen_at: datetime | None = None

    @property
    def opens(self) -> bool:
        """Whether it may begin an alert where there was none."""
        return self.verdict is Verdict.BREACH or (self.doubt is not None and self.doubt.opens)


class State(StrEnum):
    """Where an alert stands.

    ``UNKNOWN`` lies beside the others and remembers in ``held`` where it came from.
    """

    OK = "ok"
    PENDING = "pending"
    FIRING = "firing"
    ACKED = "acked"
    UNKNOWN = "unknown"
    RESOLVED = "resolved"


class Reason(StrEnum):
    """Why an alert changed; each has a sentence in ``rules/wording.py``."""

    BREACH_BEGAN = "breach_began"
    FIRED = "fired"
    BREACH_ENDED = "breach_ended"
    RECOVERING = "recovering"
    RELAPSED = "relapsed"
    RECOVERED = "recovered"
    THRESHOLD_MOVED = "threshold_moved"
    THRESHOLD_CLEARED = "threshold_cleared"
    SEVERITY_RAISED = "severity_raised"
    SEVERITY_LOWERED = "severity_lowered"
    VALUE_MOVED = "value_moved"
    DATA_UNREADABLE = "data_unreadable"
    DATA_STALE = "data_stale"
    VANISHED = "vanished"
    DATA_BACK = "data_back"
    LEFT_SCOPE = "left_scope"
    RULE_DISABLED = "rule_disabled"
    RULE_DELETED = "rule_deleted"
    RULE_RETARGETED = "rule_retargeted"
    ACKNOWLEDGED = "acknowledged"
    ACK_EXPIRED = "ack_expired"
    ESCALATED = "escalated"
    HANDED_OVER = "handed_over"
    MUTED = "muted"
    UNMUTED = "unmuted"
    SEEN = "seen"
    ACTED = "acted"
    APPROVED = "approved"
    TASK_DONE = "task_done"
    TASK_FAILED = "task_failed"
    CLOSED_BY_PERSON = "closed_by_person"


@dataclass(frozen=True, slots=True)
class Alert:
    """The memory of one (rule, object). Times are aware UTC.

    ``version`` rises with everything a card should show anew; ``turn`` only with what makes an open button
    stale (state, acknowledgement, a submitted action), so that a moving number never refuses a person's tap.
    ``ack_count`` numbers the acknowledgements of the episode. Cards of this version show numbers from
    ``shown_value`` to ``shown_most``: each the one of the moment it was drawn in.

    ``raised`` is the rank a rise of severity reached in this episode, ``lapse`` the number of the
    acknowledgement that ran out last; ``level`` says how far the episode was escalated (since ``level_at``),
    ``helpers`` who was brought in by that or by a hand-over (of ``handed_by``).
    ``clear_since``: well since then, but not for long enough. ``unseen``: it came and went and nobody has
    said that they know. ``shop`` is the object's. ``known_at``: of what time the data was when a running
    clock was last written, which may be later than the table's last look.
    """

    id: AlertId
    rule_id: RuleId
    object_id: str
    table: str
    record_id: RecordId | None
    title: str
    state: State
    severity: Severity
    held: State | None = None
    episode: int = 0
    version: int = 0
    turn: int = 0
    value: Decimal | None = None
    limit: Decimal | None = None
    recover_at: Decimal | None = None
    shown_value: Decimal | None = None
    shown_most: Decimal | None = None
    pending_since: datetime | None = None
    fired_at: datetime | None = None
    acked_at: datetime | None = None
    acked_by: Person | None = None
    acked_until: datetime | None = None
    ack_count: int = 0
    unknown_since: datetime | None = None
    doubt: Doubt | None = None
    resolved_at: datetime | None = None
    reason: Reason | None = None
    sentence: str = ""
    owners: tuple[Person, ...] = ()
    supervisors: tuple[Person, ...] = ()
    data_at: datetime | None = None
    raised: int = 0
    lapse: int = 0
    level: int = 0
    level_at: datetime | None = None
    helpers: tuple[Person, ...] = ()
    clear_since: datetime | None = None
    unseen: bool = False
    muted_until: datetime | None = None
    muted_by: Person | None = None
    handed_by: Person | None = None
    shop: str = ""
    known_at: datetime | None = None

    @property
    def recovering(self) -> bool:
        """Whether it is well again, but not yet for as long as the rule asks."""
        return self.clear_since is not None and self.state in (State.FIRING, State.ACKED)

    @property
    def open(self) -> bool:
        """Whether people still have something to do or to know."""
        if self.state is State.UNKNOWN:
            return self.held in (State.FIRING, State.ACKED)
        return self.state in (State.FIRING, State.ACKED)


class TaskState(StrEnum):
    """The life of one action; the values are the options of 处理任务."""

    WAITING = "待审批"
    QUEUED = "排队中"
    DOING = "执行中"
    DONE = "已完成"
    FAILED = "失败"

    @property
    def running(self) -> bool:
        """Whether the outcome is still open."""
        return self in (TaskState.WAITING, TaskState.QUEUED, TaskState.DOING)


@dataclass(frozen=True, slots=True)
class Task:
    """One change to the outside world that a person decided. ``amount`` in yuan or pieces.

    ``id`` is also the idempotency key towards the platform (``external_id`` of a purchase) and of the
    approval that a large change waits for; ``approval`` is its instance code once it was started.
    ``metric_before`` and ``metric_after`` are the alert's metric at the action and some hours after it, None
    where nobody knew; ``effect`` says both in words (``rules/aftereffect.py``), empty until then.
    """

    id: TaskId
    alert_id: AlertId
    episode: int
    kind: Action
    object_id: str
    title: str
    amount: Decimal
    before: Decimal | None
    after: Decimal | None
    state: TaskState
    asked_by: Person
    asked_at: datetime
    done_at: datetime | None = None
    result: str = ""
    detail: Mapping[str, str] | None = None
    approval: str | None = None
    metric_before: Decimal | None = None
    metric_after: Decimal | None = None
    effect: str = ""
