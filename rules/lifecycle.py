"""The life of an alert, as one pure step: what was, what was found, the rule, the time → what is, and why.

    ok → pending → firing → acked → resolved        with *unknown* beside them, drawn at the top of every list

unknown     The data cannot be read, is too old, or the object is gone from it. The former state
            is kept in ``held``; nothing resolves from unknown, and time in it does not count towards the
            for-duration. When data is back the alert goes on where it was, or resolves if the data says so.
gap         What nobody saw counts like unknown: the time between two readings that are further apart than the
            table's data may be old (an outage before it was noticed, a worker that was down).
hysteresis  Between the two thresholds (HOLD) a firing alert stays and a pending one ends.
keep_for    The second clock: a firing alert that is clear again ends only after the rule's ``keep_for``
            (*recovering*); whatever is not clear in between, also a doubt, starts that clock anew.
key         (rule id, object id). Editing a threshold keeps the alert; a new breach after
            ``resolved`` is a new episode of the same alert.
acked       A lease: after ``ACK_LEASE`` a still firing alert returns to firing and reminds. A
            higher severity ends the lease, and a silence, at once.
unseen      An alert that ended by itself before anybody acknowledged it stays listed until somebody does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from bitable_sync.cells import Person
from rules.model import Alert, Doubt, Finding, Reason, Rule, State, Verdict
from runtime.clock import FARTHEST

ACK_LEASE = timedelta(hours=8)
VALUE_STEP = Decimal("0.1")  # a number that moved by this share of the threshold is worth a fresh card

_ALIVE = (State.FIRING, State.ACKED)
_QUIET = (State.OK, State.RESOLVED)


@dataclass(frozen=True, slots=True)
class Step:
    """The outcome: the alert as it is now and, if a card or the audit should know, the named reason."""

    alert: Alert
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """Until when the data of a table is known.

    Attributes:
        upto: of what time the data is that is looked at now.
        before: of what time it was at the last look; None when nobody looked before.
        reach: over a gap up to this long what was seen last is held.
        by_source: the same as ``upto`` for the rows of one connection; "" for rows that name none.
    """

    upto: datetime
    before: datetime | None
    reach: timedelta
    by_source: Mapping[str, datetime] = field(default_factory=dict)

    def of(self, source: str) -> Known:
        """Until when the rows of a connection are known: another's answer says nothing about them."""
        upto = self.by_source.get(source, self.by_source.get("", self.upto))
        return Known(upto, self.before, self.reach)


def step(alert: Alert, finding: Finding, rule: Rule, now: datetime, known: Known | None = None) -> Step:
    """Apply one finding to one alert.

    Args:
        alert: the memory so far (``State.OK``, episode 0 for an object never seen).
        finding: what the rule says about the object now; older than ``alert.data_at`` changes nothing, unless
            that lies ahead: then a wrong clock wrote it.
        rule: the rule in force.
        now: aware time.
        known: until when the object's table is known; None: without a gap until now.
    """
    seen, newest = finding.seen_at, alert.data_at
    if seen is not None and newest is not None and seen < newest <= now + FARTHEST:
        return Step(alert)
    alert = replace(
        alert, record_id=finding.record_id or alert.record_id, data_at=finding.seen_at or alert.data_at
    )
    if known is not None:
        alert = _without_gap(alert, finding, known, now)
    if finding.verdict is Verdict.UNKNOWN:
        return _doubt(alert, finding, now)
    back = _back(alert, now)
    if finding.verdict is Verdict.BREACH:
        return _breach(back, finding, rule, now)
    if finding.verdict is Verdict.HOLD and back.alert.state in _ALIVE:
        return _still(back, finding, rule, now)
    return _end(back, finding, rule, now)


def _without_gap(alert: Alert, finding: Finding, known: Known, now: datetime) -> Alert:
    """What nobody saw does not count: a breach's clock stands still meanwhile, a recovery's begins anew."""
    began = alert.pending_since if alert.state is State.PENDING else alert.clear_since
    if began is None:
        return alert
    lost = _lost(began, alert.known_at, known, now, stale=finding.doubt is Doubt.STALE)
    alert = replace(alert, known_at=known.upto)
    if not lost:
        return alert
    if alert.state is State.PENDING:
        return replace(alert, pending_since=began + lost)
    return replace(alert, clear_since=now)


def _lost(
    began: datetime, known_at: datetime | None, known: Known, now: datetime, *, stale: bool
) -> timedelta:
    """How much of the time since ``began`` nobody knew anything of."""
    last = max(began, known.upto)
    if not stale:
        last = max(began, known.before or now, known_at or began)
        if known.upto - last <= known.reach:
            return timedelta()
    return max(timedelta(), now - last)


def _moved(alert: Alert, reason: Reason, **changes: Any) -> Step:
    """A change of state: a new version of the card, and old buttons are stale."""
    changed = replace(alert, version=alert.version + 1, turn=alert.turn + 1, reason=reason, **changes)
    return Step(_drawn(changed), reason)


def _shown(alert: Alert, reason: Reason, **changes: Any) -> Step:
    """A change of what the card shows; its buttons stay good."""
    changed = replace(alert, version=alert.version + 1, reason=reason, **changes)
    return Step(_drawn(changed), reason)


def _drawn(alert: Alert) -> Alert:
    """Every card is drawn anew, with this number."""
    return replace(alert, shown_value=alert.value, shown_most=alert.value)


def _measured(alert: Alert, finding: Finding) -> Alert:
    if finding.value is None:
        return alert
    return replace(alert, value=finding.value, limit=finding.limit, recover_at=finding.recover_at)


def _doubt(alert: Alert, finding: Finding, now: datetime) -> Step:
    doubt = finding.doubt or Doubt.NOT_A_NUMBER
    if alert.state is State.UNKNOWN:
        if alert.doubt is doubt and alert.sentence == finding.sentence:
            return Step(alert)
        return _shown(alert, _doubt_reason(doubt), doubt=doubt, sentence=finding.sentence)
    if alert.state in _QUIET and not doubt.opens:
        return Step(alert)
    # What was over comes back as nothing special: "recovered" would be said of what was closed otherwise.
    held = State.OK if alert.state in _QUIET else alert.state
    return _moved(
        alert, _doubt_reason(doubt), state=State.UNKNOWN, held=held, unknown_since=now, doubt=doubt,
        sentence=finding.sentence, clear_since=None,
    )  # fmt: skip


def _doubt_reason(doubt: Doubt) -> Reason:
    named = {Doubt.STALE: Reason.DATA_STALE, Doubt.VANISHED: Reason.VANISHED}
    return named.get(doubt, Reason.DATA_UNREADABLE)


def _back(alert: Alert, now: datetime) -> Step:
    """Leave unknown: the held state returns, and the time spent in doubt does not count as pending."""
    if alert.state is not State.UNKNOWN:
        return Step(alert)
    held = alert.held or State.OK
    since = alert.pending_since
    if held is State.PENDING and since is not None and alert.unknown_since is not None:
        since += now - alert.unknown_since
    return _moved(
        alert,
        Reason.DATA_BACK,
        state=held,
        held=None,
        unknown_since=None,
        doubt=None,
        sentence="",
        pending_since=since,
    )


def _breach(back: Step, finding: Finding, rule: Rule, now: datetime) -> Step:
    alert = back.alert
    if alert.state in _ALIVE:
        return _still(back, finding, rule, now)
    measured = _measured(alert, finding)
    if alert.state in _QUIET:
        measured = replace(
            measured, episode=alert.episode + 1, pending_since=now, severity=rule.severity, fired_at=None,
            acked_at=None, acked_by=None, acked_until=None, ack_count=0, resolved_at=None, sentence="",
            raised=0, lapse=0, level=0, level_at=None, helpers=(), clear_since=None, handed_by=None,
        )  # fmt: skip
    waited = now - (measured.pending_since or now)
    if waited >= rule.hold_for:
        return _moved(
            measured, Reason.FIRED, state=State.FIRING, fired_at=now, severity=rule.severity, unseen=False
        )
    if alert.state is State.PENDING:
        return Step(measured, back.reason)
    return _moved(measured, Reason.BREACH_BEGAN, state=State.PENDING)


def _still(back: Step, finding: Finding, rule: Rule, now: datetime) -> Step:
    """A firing or acknowledged alert goes on; say what people should see of it."""
    before, alert = back.alert, replace(_measured(back.alert, finding), clear_since=None)
    if rule.severity.rank > alert.severity.rank:
        return _moved(
            alert, Reason.SEVERITY_RAISED, state=State.FIRING, severity=rule.severity, acked_until=None,
            raised=rule.severity.rank, muted_until=None, muted_by=None,
        )  # fmt: skip
    if _lapsed(alert, now):
        return _lapse(alert)
    if rule.severity is not alert.severity:
        return _shown(alert, Reason.SEVERITY_LOWERED, severity=rule.severity)
    if alert.limit != before.limit:
        return _shown(alert, Reason.THRESHOLD_MOVED)
    if before.clear_since is not None:
        return _shown(alert, Reason.RELAPSED)
    if back.reason is not None:
        return Step(_drawn(alert), back.reason)
    if _visibly(alert):
        return _shown(alert, Reason.VALUE_MOVED)
    return Step(_drawn_too(alert))


def _lapsed(alert: Alert, now: datetime) -> bool:
    return alert.state is State.ACKED and alert.acked_until is not None and now >= alert.acked_until


def _lapse(alert: Alert) -> Step:
    """The lease ran out: it counts as unanswered since it was taken, so that it escalates at once."""
    return _moved(
        alert, Reason.ACK_EXPIRED, state=State.FIRING, acked_until=None, lapse=alert.ack_count,
        level_at=alert.acked_at,
    )  # fmt: skip


def _visibly(alert: Alert) -> bool:
    """Whether the number is a step away from one that a card of this version may have been drawn with."""
    if alert.value is None or not alert.limit:
        return False
    step = abs(alert.limit) * VALUE_STEP
    drawn = (alert.shown_value, alert.shown_most)
    return any(abs(alert.value - number) >= step for number in drawn if number is not None)


def _drawn_too(alert: Alert) -> Alert:
    """A card of this version that is sent or drawn from now on shows this number."""
    if alert.value is None or alert.shown_value is None:
        return alert
    most = alert.shown_value if alert.shown_most is None else alert.shown_most
    return replace(alert, shown_value=min(alert.shown_value, alert.value), shown_most=max(most, alert.value))


def _end(back: Step, finding: Finding, rule: Rule, now: datetime) -> Step:
    alert = back.alert
    if alert.state in _QUIET:
        return back
    if alert.state is State.PENDING:
        return _moved(_measured(alert, finding), Reason.BREACH_ENDED, state=State.OK, pending_since=None)
    reason = _why_ended(alert, finding)
    if reason is Reason.RECOVERED and rule.keep_for:
        if alert.clear_since is None:
            return _shown(_measured(alert, finding), Reason.RECOVERING, clear_since=now)
        if now - alert.clear_since < rule.keep_for:
            return Step(_measured(alert, finding), back.reason)
    unseen = alert.ack_count == 0 and reason in (Reason.RECOVERED, Reason.LEFT_SCOPE)
    return _moved(
        _measured(alert, finding), reason, state=State.RESOLVED, resolved_at=now, acked_until=None,
        clear_since=None, unseen=unseen,
    )  # fmt: skip


def _why_ended(alert: Alert, finding: Finding) -> Reason:
    if finding.verdict is not Verdict.CLEAR:
        return Reason.LEFT_SCOPE
    moved = alert.limit is not None and finding.limit != alert.limit and finding.value == alert.value
    return Reason.THRESHOLD_CLEARED if moved else Reason.RECOVERED


def withdraw(alert: Alert, reason: Reason, now: datetime) -> Step:
    """Close an alert because its rule is disabled, deleted or aimed elsewhere.

    A quiet one just stays quiet.
    """
    if alert.state in _QUIET:
        return Step(alert)
    alive = alert.open
    state = State.RESOLVED if alive else State.OK
    return _moved(
        alert,
        reason,
        state=state,
        held=None,
        unknown_since=None,
        doubt=None,
        pending_since=None,
        sentence="",
        resolved_at=now if alive else alert.resolved_at,
        acked_until=None,
        clear_since=None,
    )


def vanish(alert: Alert, sentence: str, now: datetime) -> Step:
    """The object is gone from the data.

    An open alert becomes unknown, anything else ends: nobody was told of it.
    """
    if alert.state in _QUIET:
        return Step(alert)
    if not alert.open:
        return withdraw(alert, Reason.VANISHED, now)
    return _doubt(
        alert, Finding(alert.object_id, None, Verdict.UNKNOWN, doubt=Doubt.VANISHED, sentence=sentence), now
    )


def acknowledge(alert: Alert, by: Person, now: datetime, *, reason: Reason = Reason.ACKNOWLEDGED) -> Step:
    """A person takes the alert (知道了, or by acting on it); the lease starts anew."""
    held = {"held": State.ACKED} if alert.state is State.UNKNOWN else {"state": State.ACKED}
    return _moved(
        alert,
        reason,
        **held,
        acked_by=by,
        acked_at=now,
        acked_until=now + ACK_LEASE,
        ack_count=alert.ack_count + 1,
        handed_by=None,
    )


def hand_over(alert: Alert, to: Person, by: Person, now: datetime) -> Step:
    """A person gives the alert to another, who has it in hand from now on and is told."""
    helpers = tuple(dict.fromkeys((*alert.helpers, to)))
    taken = acknowledge(replace(alert, helpers=helpers), to, now, reason=Reason.HANDED_OVER).alert
    return Step(replace(taken, handed_by=by), Reason.HANDED_OVER)


def escalate(alert: Alert, to: tuple[Person, ...], level: int, now: datetime) -> Step:
    """Nobody answered in time: more people are brought in. Open buttons stay good."""
    helpers = tuple(dict.fromkeys((*alert.helpers, *to)))
    return _shown(alert, Reason.ESCALATED, helpers=helpers, level=level, level_at=now)


def mute(alert: Alert, until: datetime | None, by: Person) -> Step:
    """A person wants nothing new told of this alert for a while; None ends that."""
    reason = Reason.UNMUTED if until is None else Reason.MUTED
    return _shown(alert, reason, muted_until=until, muted_by=by)


def seen(alert: Alert, by: Person, now: datetime) -> Step:
    """Somebody says that they know of an alert that came and went."""
    if not alert.unseen:
        return Step(alert)
    known = _shown(alert, Reason.SEEN, unseen=False, acked_by=by, acked_at=now).alert
    return Step(replace(known, reason=alert.reason), Reason.SEEN)


def close(alert: Alert, by: Person, now: datetime) -> Step:
    """A person confirms that a vanished object is really gone (button 确认已下线)."""
    closed = withdraw(alert, Reason.CLOSED_BY_PERSON, now)
    return Step(replace(closed.alert, acked_by=by, acked_at=now), closed.reason)


def told(alert: Alert, reason: Reason) -> Step:
    """Something about the alert's task changed: the cards are drawn anew and old buttons are stale."""
    return _moved(alert, reason)
