"""The life of an alert, step by step."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules import lifecycle
from rules.lifecycle import ACK_LEASE, acknowledge, close, step, vanish, withdraw
from rules.model import Alert, Doubt, Finding, Reason, Rule, Severity, State, Verdict
from rules.store import new_alert
from runtime.ids import RecordId, RuleId
from tests.rules.kit import LI, START, WANG, rule

MINUTE = timedelta(minutes=1)


def found(verdict: Verdict, value: str = "2", limit: str = "3", doubt: Doubt | None = None) -> Finding:
    """A finding."""
    unknown = verdict is Verdict.UNKNOWN
    return Finding(
        "1001",
        RecordId("rec_1"),
        verdict,
        None if unknown else Decimal(value),
        Decimal(limit),
        Decimal("3.3"),
        doubt or (Doubt.EMPTY if unknown else None),
        "“消耗”是空的" if unknown else "",
    )


def fresh() -> Alert:
    """An alert that never was."""
    return new_alert(RuleId("r"), "1001", "plans", Severity.WARNING)


def walk(
    verdicts: list[Verdict], of: Rule | None = None, gap: timedelta = MINUTE
) -> tuple[Alert, list[Reason | None]]:
    """Let findings come one after the other; the alert and the reasons."""
    alert, reasons = fresh(), list[Reason | None]()
    for number, verdict in enumerate(verdicts):
        result = step(alert, found(verdict), of or rule(), START + gap * number)
        alert = result.alert
        reasons.append(result.reason)
    return alert, reasons


B, H, C, U, O = Verdict.BREACH, Verdict.HOLD, Verdict.CLEAR, Verdict.UNKNOWN, Verdict.OUT  # noqa: E741


@pytest.mark.parametrize(
    ("verdicts", "hold_for", "state", "reasons"),
    [
        ([B], "", State.FIRING, [Reason.FIRED]),
        ([B, B, B], "2分钟", State.FIRING, [Reason.BREACH_BEGAN, None, Reason.FIRED]),
        ([B, C, B], "2分钟", State.PENDING, [Reason.BREACH_BEGAN, Reason.BREACH_ENDED, Reason.BREACH_BEGAN]),
        ([B, H], "2分钟", State.OK, [Reason.BREACH_BEGAN, Reason.BREACH_ENDED]),
        ([B, H, H], "", State.FIRING, [Reason.FIRED, None, None]),
        ([B, H, C], "", State.RESOLVED, [Reason.FIRED, None, Reason.RECOVERED]),
        ([B, O], "", State.RESOLVED, [Reason.FIRED, Reason.LEFT_SCOPE]),
        ([B, U], "", State.UNKNOWN, [Reason.FIRED, Reason.DATA_UNREADABLE]),
        ([B, U, U, B], "", State.FIRING, [Reason.FIRED, Reason.DATA_UNREADABLE, None, Reason.DATA_BACK]),
        ([B, U, H], "", State.FIRING, [Reason.FIRED, Reason.DATA_UNREADABLE, Reason.DATA_BACK]),
        ([B, U, C], "", State.RESOLVED, [Reason.FIRED, Reason.DATA_UNREADABLE, Reason.RECOVERED]),
        ([U], "", State.UNKNOWN, [Reason.DATA_UNREADABLE]),
        ([U, C], "", State.OK, [Reason.DATA_UNREADABLE, Reason.DATA_BACK]),
        ([C, H, O], "", State.OK, [None, None, None]),
        ([B, C, C], "", State.RESOLVED, [Reason.FIRED, Reason.RECOVERED, None]),
        ([B, C, B], "", State.FIRING, [Reason.FIRED, Reason.RECOVERED, Reason.FIRED]),
    ],
)
def test_states_follow_the_findings(
    verdicts: list[Verdict], hold_for: str, state: State, reasons: list[Reason | None]
) -> None:
    """Each sequence of findings, a minute apart, ends in its state, for the named reasons."""
    alert, seen = walk(verdicts, rule(hold_for=hold_for))
    assert (alert.state, seen) == (state, reasons)


def test_time_in_doubt_does_not_count_as_breach() -> None:
    """With 3 minutes to wait: one minute of breach, ten unknown, then breach again leaves two to go."""
    of, alert = rule(hold_for="3分钟"), fresh()
    for minute, verdict in ((0, B), (1, U), (11, B)):
        alert = step(alert, found(verdict), of, START + MINUTE * minute).alert
    assert alert.state is State.PENDING
    assert step(alert, found(B), of, START + MINUTE * 12).alert.state is State.PENDING
    assert step(alert, found(B), of, START + MINUTE * 13).alert.state is State.FIRING


@pytest.mark.parametrize("doubt", [Doubt.ZERO_BASE, Doubt.STALE, Doubt.VANISHED])
def test_an_object_without_alert_gets_none_for_a_doubt_that_is_nobodys_fault(doubt: Doubt) -> None:
    """A plan that has spent nothing yet, or a stale table, opens no alert; an open one becomes unknown."""
    quiet = step(fresh(), found(U, doubt=doubt), rule(), START)
    assert (quiet.alert.state, quiet.reason) == (State.OK, None)
    firing = walk([B])[0]
    assert step(firing, found(U, doubt=doubt), rule(), START).alert.state is State.UNKNOWN


def test_a_moved_threshold_keeps_the_alert() -> None:
    """Editing the threshold while firing: same alert, same episode, a new version that names the edit."""
    alert = walk([B])[0]
    moved = step(alert, found(B, limit="2.5"), rule(), START + MINUTE)
    assert (moved.alert.id, moved.alert.episode, moved.reason) == (alert.id, 1, Reason.THRESHOLD_MOVED)
    assert moved.alert.turn == alert.turn, "open buttons stay good"


def test_a_threshold_that_clears_says_so() -> None:
    """When only the threshold changed, the end is not called a recovery."""
    ended = step(walk([B])[0], found(C, limit="1"), rule(), START + MINUTE)
    assert ended.reason is Reason.THRESHOLD_CLEARED


def test_a_new_breach_is_a_new_episode_of_the_same_alert() -> None:
    """The key is (rule, object); acknowledgement and times start anew."""
    alert = acknowledge(walk([B])[0], WANG, START).alert
    alert = step(alert, found(C), rule(), START + MINUTE).alert
    again = step(alert, found(B), rule(), START + 2 * MINUTE).alert
    assert (again.id, again.episode, again.state, again.acked_by) == (alert.id, 2, State.FIRING, None)


def test_an_acknowledgement_is_a_lease() -> None:
    """Eight hours later a still firing alert comes back; before that it stays quiet."""
    alert = acknowledge(walk([B])[0], WANG, START).alert
    assert step(alert, found(B), rule(), START + ACK_LEASE - MINUTE).alert.state is State.ACKED
    back = step(alert, found(B), rule(), START + ACK_LEASE)
    assert (back.alert.state, back.reason) == (State.FIRING, Reason.ACK_EXPIRED)


KEEP = rule(keep_for="5分钟")


def test_the_second_clock_keeps_a_recovery_waiting() -> None:
    """With 恢复持续 5分钟 the alert ends five minutes after it is clear, and shows 恢复中 before."""
    alert = walk([B])[0]
    clearing = step(alert, found(C, value="4"), KEEP, START)
    assert (clearing.alert.state, clearing.alert.recovering) == (State.FIRING, True)
    assert (clearing.reason, clearing.alert.turn) == (Reason.RECOVERING, alert.turn)
    early = step(clearing.alert, found(C, value="4"), KEEP, START + 4 * MINUTE)
    assert (early.reason, early.alert.open) == (None, True)
    done = step(early.alert, found(C, value="4"), KEEP, START + 5 * MINUTE)
    assert (done.alert.state, done.reason, done.alert.recovering) == (State.RESOLVED, Reason.RECOVERED, False)


@pytest.mark.parametrize(
    ("between", "reason"), [(B, Reason.RELAPSED), (H, Reason.RELAPSED), (U, Reason.DATA_UNREADABLE)]
)
def test_whatever_is_not_clear_starts_the_second_clock_anew(between: Verdict, reason: Reason) -> None:
    """A breach, the middle ground and a gap: none of them is a part of having recovered."""
    clearing = step(walk([B])[0], found(C, value="4"), KEEP, START).alert
    broken = step(clearing, found(between), KEEP, START + 4 * MINUTE)
    assert (broken.reason, broken.alert.clear_since) == (reason, None)
    again = step(broken.alert, found(C, value="4"), KEEP, START + 6 * MINUTE)
    assert again.alert.open
    assert step(again.alert, found(C, value="4"), KEEP, START + 11 * MINUTE).alert.state is State.RESOLVED


@pytest.mark.parametrize("end", [O, C])
def test_leaving_the_scope_or_an_edit_does_not_wait(end: Verdict) -> None:
    """The second clock is about numbers: an object out of scope, or under a moved threshold, ends at once."""
    finding = found(end, limit="1")
    assert step(walk([B])[0], finding, KEEP, START).alert.state is State.RESOLVED


@pytest.mark.parametrize(
    ("taken", "end", "unseen"), [(False, C, True), (True, C, False), (False, O, True), (True, O, False)]
)
def test_what_came_and_went_unseen_is_remembered(end: Verdict, *, taken: bool, unseen: bool) -> None:
    """An end by itself before anybody took it stays to be seen, till the next episode or a person."""
    alert = acknowledge(walk([B])[0], WANG, START).alert if taken else walk([B])[0]
    ended = step(alert, found(end, value="4"), rule(), START).alert
    assert (ended.state, ended.unseen) == (State.RESOLVED, unseen)
    known = lifecycle.seen(ended, WANG, START)
    assert (known.alert.unseen, known.reason) == (False, Reason.SEEN if unseen else None)
    assert not step(ended, found(B), rule(), START).alert.unseen


def test_a_rule_that_goes_leaves_nothing_to_be_seen() -> None:
    """Somebody switched it off: that is no alert that came and went."""
    assert not withdraw(walk([B])[0], Reason.RULE_DISABLED, START).alert.unseen


def test_a_hand_over_begins_a_lease_of_the_other() -> None:
    """Given to LI, it is LI's for eight hours; LI's own 知道了 forgets who gave it."""
    given = lifecycle.hand_over(walk([B])[0], LI, WANG, START).alert
    assert (given.state, given.acked_by, given.handed_by, given.helpers) == (State.ACKED, LI, WANG, (LI,))
    assert given.acked_until == START + ACK_LEASE
    assert acknowledge(given, LI, START).alert.handed_by is None


def test_a_silence_survives_the_episode_and_not_worse_news() -> None:
    """A flapping object stays silent; a raised severity does not."""
    quiet = lifecycle.mute(walk([B])[0], START + MINUTE * 60, WANG).alert
    again = step(step(quiet, found(C), rule(), START).alert, found(B), rule(), START).alert
    assert again.muted_until == START + MINUTE * 60
    assert step(again, found(B), rule(severity="严重"), START).alert.muted_until is None


def test_a_higher_severity_ends_the_lease_and_a_lower_does_not() -> None:
    """Worse news wakes people again."""
    alert = acknowledge(walk([B])[0], WANG, START).alert
    raised = step(alert, found(B), rule(severity="严重"), START)
    assert (raised.alert.state, raised.reason) == (State.FIRING, Reason.SEVERITY_RAISED)
    lowered = step(alert, found(B), rule(severity="提醒"), START)
    assert (lowered.alert.state, lowered.reason) == (State.ACKED, Reason.SEVERITY_LOWERED)


def test_acknowledging_an_unknown_alert_is_remembered_when_data_is_back() -> None:
    """Somebody takes an alert whose data is missing; later it is in hand, not firing."""
    alert = acknowledge(walk([B, U])[0], WANG, START).alert
    assert alert.state is State.UNKNOWN
    assert step(alert, found(B), rule(), START + MINUTE).alert.state is State.ACKED


def test_a_vanished_object_is_unknown_until_a_person_says_so() -> None:
    """Absence is not recovery: the alert stays open until somebody confirms, or the data returns."""
    gone = vanish(walk([B])[0], "不在了", START)
    assert (gone.alert.state, gone.reason, gone.alert.sentence) == (State.UNKNOWN, Reason.VANISHED, "不在了")
    assert gone.alert.open
    closed = close(gone.alert, WANG, START)
    assert (closed.alert.state, closed.reason, closed.alert.acked_by) == (
        State.RESOLVED,
        Reason.CLOSED_BY_PERSON,
        WANG,
    )
    assert step(gone.alert, found(B), rule(), START).alert.state is State.FIRING


def test_a_vanished_object_nobody_was_told_of_just_ends() -> None:
    """Pending or quiet, there is nothing to explain."""
    pending = walk([B], rule(hold_for="5分钟"))[0]
    assert vanish(pending, "x", START).alert.state is State.OK
    assert vanish(fresh(), "x", START).reason is None


@pytest.mark.parametrize("reason", [Reason.RULE_DISABLED, Reason.RULE_DELETED, Reason.RULE_RETARGETED])
def test_a_rule_that_goes_closes_its_alerts_by_name(reason: Reason) -> None:
    """Firing, in hand or unknown: closed, and the card says why."""
    for before in (walk([B])[0], walk([B, U])[0], acknowledge(walk([B])[0], WANG, START).alert):
        done = withdraw(before, reason, START)
        assert (done.alert.state, done.reason) == (State.RESOLVED, reason)
    assert withdraw(fresh(), reason, START).reason is None


def test_only_a_visible_move_of_the_number_makes_a_new_version() -> None:
    """Ten percent of the threshold is worth a fresh card, and never makes an open button stale."""
    alert = walk([B])[0]
    small = step(alert, found(B, value="1.8"), rule(), START)
    assert (small.reason, small.alert.version, small.alert.value) == (None, alert.version, Decimal("1.8"))
    big = step(alert, found(B, value="1.5"), rule(), START)
    assert (big.reason, big.alert.version, big.alert.turn) == (
        Reason.VALUE_MOVED,
        alert.version + 1,
        alert.turn,
    )


@given(st.lists(st.integers(100, 299), min_size=1, max_size=30), st.integers(0, 29))
def test_a_card_drawn_at_any_time_is_never_a_step_away(hundredths: list[int], sent: int) -> None:
    """It is sent when its receiver's turn comes, with the number of that moment; it may move on since."""
    alert, drawn = walk([B])[0], None
    for number, each in enumerate(hundredths):
        before = alert.version
        alert = step(alert, found(B, value=str(Decimal(each) / 100)), rule(), START).alert
        if number == sent or (drawn is not None and alert.version > before):
            drawn = alert.value
        assert alert.value is not None
        assert alert.limit is not None
        assert drawn is None or abs(alert.value - drawn) < alert.limit * lifecycle.VALUE_STEP


def test_an_older_reading_changes_nothing() -> None:
    """A slow scan that read before a newer event is ignored."""
    alert = replace(walk([B])[0], data_at=START)
    late = replace(found(C), seen_at=START - MINUTE)
    assert step(alert, late, rule(), START) == lifecycle.Step(alert)


def test_a_reading_of_a_clock_that_was_ahead_makes_nobody_deaf() -> None:
    """What seems read an hour from now is not newer than this; two minutes may be another machine."""
    alert = replace(walk([B])[0], data_at=START + timedelta(hours=1))
    right = replace(found(C), seen_at=START)
    assert step(alert, right, rule(), START).alert.state is State.RESOLVED
    close = replace(alert, data_at=START + MINUTE)
    assert step(close, right, rule(), START) == lifecycle.Step(close)


verdicts = st.lists(st.sampled_from([B, H, C, U, O]), max_size=12)


@given(verdicts, st.integers(0, 3))
def test_unknown_never_resolves(seen: list[Verdict], wait: int) -> None:
    """Property: no unknown finding ends an open alert, and none starts an episode."""
    of, alert, now = rule(hold_for=f"{wait}分钟"), fresh(), START
    for verdict in seen:
        now += MINUTE
        before, result = alert, step(alert, found(verdict), of, now)
        alert = result.alert
        if verdict is U:
            assert alert.open == before.open
            assert alert.episode == before.episode
        assert alert.turn >= before.turn
        assert alert.version >= alert.turn


@given(verdicts)
def test_repeating_a_finding_changes_nothing(seen: list[Verdict]) -> None:
    """Property: an event delivered twice, or a scan after an event, decides nothing new."""
    alert = walk(seen)[0] if seen else fresh()
    for verdict in (B, H, C, U, O):
        once = step(alert, found(verdict), rule(), START + timedelta(hours=1))
        twice = step(once.alert, found(verdict), rule(), START + timedelta(hours=1))
        assert (twice.alert, twice.reason) == (once.alert, None)
