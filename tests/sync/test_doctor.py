"""Doctor: each finding is a sentence with the next step; nothing it meets makes it fall over."""

from datetime import UTC, datetime, timedelta

import pytest
import responses

from bitable_sync import probe
from bitable_sync.doctor import (
    Check,
    Level,
    check_clock,
    check_plan,
    check_quota,
    check_scopes,
    examine,
    exit_code,
)
from bitable_sync.probe import Ours, Reached
from bitable_sync.reach import CARDS, EVENTS, KEPT, LINE_NAME, check_kept, check_line, check_reached
from bitable_sync.setup_plan import Step
from bot.envelope import Keys, Refused, open_envelope
from bot.model import SELF_CHECK, Challenge, Event
from runtime.manifest import BaseManifest, Manifest
from tests.sync.conftest import Stage

WANTS = Manifest(
    name="t", base=BaseManifest(name="b"), scopes=("bitable:app", "im:message"),
    events=("drive.file.bitable_record_changed_v1",),
)  # fmt: skip
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
GOOD = Reached(200, True, 0.02)


def levels(checks: list[Check]) -> dict[str, Level]:
    """The worst level by name."""
    order = list(Level)
    found: dict[str, Level] = {}
    for check in checks:
        found[check.name] = max(found.get(check.name, Level.OK), check.level, key=order.index)
    return found


@pytest.mark.db
def test_a_good_installation_is_ok(stage: Stage) -> None:
    """After setup credentials, schema, subscription and quota are fine; the exit code is 0."""
    checks = examine(stage.floor, stage.feishu, stage.sync, stage.setup)
    found = levels(checks)
    assert found["凭证"] is found["多维表格"] is found["数据表结构"] is found["调用额度"] is Level.OK
    assert exit_code(checks) == 0, [c for c in checks if c.level is Level.FAIL]


@pytest.mark.db
def test_problems_of_the_base_are_found(stage: Stage) -> None:
    """A deleted column and a lost subscription are failures that name what to do."""
    stage.drop("gmv")
    stage.feishu.drive.unsubscribe(stage.setup.base())
    checks = examine(stage.floor, stage.feishu, stage.sync, stage.setup)
    failed = [check for check in checks if check.level is Level.FAIL]
    assert exit_code(checks) == 1
    assert any("新增列「成交」" in c.sentence and c.next_step == "运行 chorus setup" for c in failed)
    assert any("订阅" in c.sentence for c in failed)
    assert any("缺少列「成交」" in c.sentence for c in failed)


@pytest.mark.db
def test_wrong_secret_is_one_finding(bare: Stage) -> None:
    """With a wrong secret doctor says so once, instead of once per check."""
    bare.fault("*/tenant_access_token/internal", kind="code", code=10014, msg="app secret invalid", times=9)
    checks = examine(bare.floor, bare.feishu, bare.sync, bare.setup)
    assert levels(checks)["凭证"] is Level.FAIL
    assert "权限" not in levels(checks)


def test_missing_scopes_are_named() -> None:
    """A missing permission is named; table events need the user identity as well."""
    checks = check_scopes(WANTS, {"bitable:app": True}, {"im:message": True})
    assert ["im:message" in checks[0].sentence, "用户身份" in checks[1].sentence] == [True, True]
    assert (
        check_scopes(WANTS, {"bitable:app": True, "im:message": True}, {"bitable:app": True})[0].level
        is Level.OK
    )


@pytest.mark.parametrize(
    ("genuine", "forged", "worst"),
    [
        (GOOD, Reached(401, False, 0.02), Level.OK),
        (GOOD, Reached(200, True, 0.02), Level.FAIL),
        (Reached(0, False, 0, "ConnectionError"), Reached(0, False, 0), Level.FAIL),
        (Reached(502, False, 0.1), Reached(502, False, 0.1), Level.FAIL),
        (Reached(200, True, 2.0), Reached(401, False, 0.1), Level.WARN),
    ],
)
def test_reachability(genuine: Reached, forged: Reached, worst: Level) -> None:
    """Genuine requests must be echoed in time and forged ones refused."""
    assert levels(check_reached("/webhook/event", genuine, forged)) == {EVENTS: worst}
    assert levels(check_reached("/webhook/card", genuine, forged)) == {CARDS: worst}


@pytest.mark.parametrize(
    ("status", "state", "level", "word"),
    [
        (200, "handled", Level.OK, "入库并处理"),
        (200, "unhandled", Level.OK, "入库并处理"),
        (200, None, Level.FAIL, "DATABASE_URL"),
        (503, None, Level.FAIL, "503"),
    ],
)
def test_an_event_of_ours_is_looked_for(status: int, state: str | None, level: Level, word: str) -> None:
    """Acknowledged is not enough: the event must be in this database, and handled."""
    check = check_kept(Reached(status, True, 0.01), lambda: state)
    assert (check.level, check.name) == (level, KEPT)
    assert word in check.sentence + check.next_step


def test_an_event_nobody_handles_is_told_after_some_patience() -> None:
    """A worker may need a moment; one that does nothing is named."""
    states = iter(["new", "new", "handled"])
    assert check_kept(GOOD, lambda: next(states)).level is Level.OK
    check = check_kept(GOOD, lambda: "new", patience=timedelta(seconds=0.2))
    assert (check.level, "工作进程" in check.next_step) == (Level.FAIL, True)


@pytest.mark.parametrize(
    ("ago", "level"), [(None, Level.FAIL), (5, Level.OK), (329, Level.OK), (331, Level.FAIL)]
)
def test_a_silent_long_connection_is_a_failure(ago: int | None, level: Level) -> None:
    """It lives by its last frame; one that never was is told as well."""
    heard = None if ago is None else NOW - timedelta(seconds=ago)
    check = check_line(heard, NOW)
    assert (check.level, check.name) == (level, LINE_NAME)


@pytest.mark.parametrize(("used", "level"), [(10, Level.OK), (80, Level.WARN), (100, Level.FAIL)])
def test_quota(used: int, level: Level) -> None:
    """The month's calls against the allowance."""
    assert check_quota(used, 100, 0.8).level is level


@pytest.mark.parametrize(("skew", "level"), [(None, Level.WARN), (-3.0, Level.OK), (120.0, Level.FAIL)])
def test_clock(skew: float | None, level: Level) -> None:
    """A clock a minute off is a failure."""
    assert check_clock(skew).level is level


def test_blocked_step_is_for_a_person() -> None:
    """What setup cannot settle does not advise to run setup."""
    (check,) = check_plan([Step("blocked", "需要人来处理：…")])
    assert (check.level, check.next_step) == (Level.FAIL, "")


@responses.activate
def test_the_probe_speaks_as_the_platform_does() -> None:
    """What the probe sends opens under the webhook's own verification, and the forged one is refused."""
    responses.post("https://bot.example.com/webhook/event", json={})
    ours = Ours("https://bot.example.com/", "cli_x", "k1", "v1")
    probe.ask(ours, "/webhook/event", NOW)
    probe.ask(ours, "/webhook/event", NOW, forged=True)
    told = probe.tell(ours, NOW)
    keys = Keys("k1", "v1", "cli_x")
    genuine, forged, event = (call.request for call in responses.calls)
    assert isinstance(open_envelope(genuine.body, genuine.headers, keys, NOW), Challenge)
    with pytest.raises(Refused):
        open_envelope(forged.body, forged.headers, keys, NOW)
    opened = open_envelope(event.body, event.headers, keys, NOW)
    assert isinstance(opened, Event)
    assert (opened.id, opened.type) == (told.event_id, SELF_CHECK)


@responses.activate
def test_clock_skew_reads_the_date_header() -> None:
    """The skew is our time minus the server's; no header means unknown."""
    responses.head("https://open.example.com", headers={"Date": "Mon, 23 Nov 2026 08:59:30 GMT"})
    assert probe.clock_skew("https://open.example.com", NOW) == 30
    assert probe.clock_skew("https://other.example.com", NOW) is None
