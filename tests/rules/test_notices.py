"""Who is told what, and when nobody is."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bitable_sync.cells import Person
from rules.lifecycle import acknowledge, step
from rules.model import Alert, Doubt, Finding, Reason, Severity, State, Verdict
from rules.notices import UNKNOWN_PATIENCE, Kind, decide, receivers
from rules.store import new_alert
from runtime.ids import RuleId
from tests.rules.kit import LI, START, WANG, ZHAO, rule


def alert(state: State = State.FIRING, **changes: object) -> Alert:
    """An alert in a state."""
    blank = new_alert(RuleId("r"), "1001", "plans", Severity.WARNING)
    return replace(blank, **{"state": state, "episode": 1, "fired_at": START, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("state", [State.OK, State.PENDING, State.RESOLVED])
def test_quiet_states_tell_nobody(state: State) -> None:
    """Pending is not news yet; a recovery is shown on the cards already sent."""
    assert decide(alert(state), set(), START) is None


def test_a_breach_is_told_once_a_receiver_and_episode() -> None:
    """The second look at the same breach is silent."""
    notice = decide(alert(reason=Reason.FIRED), set(), START)
    assert notice is not None
    assert (notice.kind, notice.key) == (Kind.FIRED, "fired")
    assert decide(alert(reason=Reason.FIRED), {"fired"}, START) is None
    assert decide(alert(reason=Reason.VALUE_MOVED), {"fired"}, START) is None


def test_a_new_owner_is_told_of_an_alert_somebody_has_in_hand() -> None:
    """Handing an object over hands its alert over, with that reason."""
    notice = decide(alert(State.ACKED, reason=Reason.ACKNOWLEDGED), set(), START)
    assert notice is not None
    assert (notice.kind, notice.reason) == (Kind.FIRED, "handed_over")


def test_a_higher_severity_is_told_once() -> None:
    """A raise is news also to those who were told of the breach, whatever happened since."""
    raised = alert(reason=Reason.VALUE_MOVED, severity=Severity.CRITICAL, raised=2)
    notice = decide(raised, {"fired"}, START)
    assert notice is not None
    assert notice.kind is Kind.RAISED
    assert decide(raised, {"fired", notice.key}, START) is None


def test_the_end_of_a_lease_reminds_once_a_lease() -> None:
    """Each acknowledgement can run out once."""
    first = alert(reason=Reason.VALUE_MOVED, ack_count=1, lapse=1)
    notice = decide(first, {"fired"}, START)
    assert notice is not None
    assert notice.key == "reminder:1"
    assert decide(first, {"fired", "reminder:1"}, START) is None
    assert decide(replace(first, ack_count=2, lapse=2), {"fired", "reminder:1"}, START) is not None
    assert decide(replace(first, state=State.ACKED, ack_count=2), {"fired"}, START) is None


def test_missing_data_has_a_slower_clock() -> None:
    """A short gap wakes nobody; after ten minutes it is told once."""
    unknown = alert(State.UNKNOWN, held=State.FIRING, unknown_since=START, reason=Reason.DATA_UNREADABLE)
    assert decide(unknown, {"fired"}, START + UNKNOWN_PATIENCE - timedelta(seconds=1)) is None
    notice = decide(unknown, {"fired"}, START + UNKNOWN_PATIENCE)
    assert notice is not None
    assert notice.kind is Kind.UNKNOWN
    assert decide(unknown, {"fired", notice.key}, START + 2 * UNKNOWN_PATIENCE) is None


def test_missing_data_told_before_does_not_hide_the_breach() -> None:
    """Pending, unreadable for long enough to be told, then over the line: that is news of its own."""
    notice = decide(alert(), {"unknown:2026-03-02T02:00:00+00:00"}, START)
    assert notice is not None
    assert (notice.kind, notice.key) == (Kind.FIRED, "fired")


def test_deciding_twice_is_deciding_once() -> None:
    """What was decided is in what was told, so a restart tells nothing again."""
    start = new_alert(RuleId("r"), "1001", "plans", Severity.WARNING)
    finding = Finding("1001", None, Verdict.BREACH)
    fired = step(start, finding, rule(), START).alert
    notice = decide(fired, set(), START)
    assert notice is not None
    assert decide(fired, {notice.key}, START) is None
    assert decide(acknowledge(fired, WANG, START).alert, {notice.key}, START) is None
    later = [
        alert(raised=2), alert(lapse=1),
        alert(state=State.UNKNOWN, doubt=Doubt.VANISHED, unknown_since=START - timedelta(days=1)),
    ]  # fmt: skip
    for each in later:
        news = decide(each, {notice.key}, START)
        assert news is not None
        assert decide(each, {notice.key, news.key}, START) is None


def test_receivers_are_the_responsible_and_the_cc_each_once() -> None:
    """A person who is both gets one card."""
    of = rule(cc=(("ou_li", "李强"), ("ou_wang", "王芳")))
    assert receivers(alert(owners=(WANG,)), of, (ZHAO,)) == (WANG, LI)


def test_without_an_owner_the_cc_is_told_and_without_a_cc_the_fallback() -> None:
    """An alert never goes to nobody."""
    assert receivers(alert(), rule(cc=(("ou_li", "李强"),)), (ZHAO,)) == (LI,)
    assert receivers(alert(), rule(), (ZHAO,)) == (ZHAO,)
    assert receivers(alert(), rule(), ()) == ()


def test_a_vanished_object_stays_open_for_people() -> None:
    """Unknown with a held breach is open; unknown without one is not."""
    assert alert(State.UNKNOWN, held=State.ACKED, doubt=Doubt.VANISHED).open
    assert not alert(State.UNKNOWN, held=State.OK).open
    assert Person("ou_wang") == WANG
