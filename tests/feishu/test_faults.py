"""Everything that goes wrong on the platform's side, and what our caller learns."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa

from runtime.clock import ManualClock, SystemClock
from runtime.db import Database
from runtime.feishu import Feishu
from runtime.feishu.errors import (
    Ambiguous,
    Busy,
    FeishuError,
    NotPermitted,
    QuotaExhausted,
    RateLimited,
    Rejected,
    Unreachable,
)
from runtime.feishu.limits import open_pacing
from runtime.feishu.tables import gates
from sandbox.server import SandboxServer
from tests.feishu.conftest import Order, settings_for
from tests.support.wait import until

pytestmark = pytest.mark.db

SEND = "/open-apis/im/v1/messages"
TOKEN = "/open-apis/auth/v3/tenant_access_token/internal"
Calls = Callable[[str], list[dict[str, Any]]]


def gate_keys(database: Database) -> list[str]:
    """Which keys are gated."""
    pacing = open_pacing(database)
    with pacing.read() as conn:
        found = list(conn.execute(sa.select(gates.c.key)).scalars())
    if pacing is not database:
        pacing.close()
    return found


@pytest.mark.parametrize("status", [429, 400])
def test_the_platforms_pause_is_obeyed_by_every_process(
    feishu: Feishu,
    sandbox: SandboxServer,
    database: Database,
    fault: Order,
    calls: Calls,
    person: str,
    status: int,
) -> None:
    """After 429 or 400 with 99991400 nobody calls that API before the reset, and other APIs go on."""
    other = Feishu(settings_for(sandbox.url), db=database, clock=SystemClock())
    headers = {"x-ogw-ratelimit-reset": "30"}
    fault("code", path=SEND, code=99991400, status=status, headers=headers)
    with pytest.raises(RateLimited) as refused:
        feishu.im.send_text(person, "一", uuid="u1")
    assert refused.value.wait == 30.0
    sent = len(calls(SEND))
    with pytest.raises(RateLimited) as waiting:
        feishu.im.send_text(person, "一", uuid="u1")
    assert 25 < (waiting.value.wait or 0) <= 30
    with pytest.raises(RateLimited):
        other.im.send_text(person, "二", uuid="u2")
    assert len(calls(SEND)) == sent
    other.auth.bot_info()
    other.close()


def test_a_receivers_pause_is_the_receivers_only(
    feishu: Feishu, sandbox: SandboxServer, database: Database, fault: Order, person: str
) -> None:
    """230020 slows one person's messages down, not everybody's."""
    fault("code", path=SEND, code=230020, status=400, msg="rate limit")
    with pytest.raises(RateLimited):
        feishu.im.send_text(person, "一", uuid="u1")
    assert gate_keys(database) == [f"receiver:{person}"]
    somebody_else = list(sandbox.world.people)[1]
    feishu.im.send_text(somebody_else, "二", uuid="u2")


@pytest.mark.parametrize("code", [1254291, 1254607, 1254290])
def test_refusals_that_pass_are_transient(feishu: Feishu, fault: Order, code: int) -> None:
    """A write conflict or a base still computing: nothing happened, with a wait to keep."""
    fault("code", path="*/contact/*", code=code)
    with pytest.raises((Busy, RateLimited)) as refused:
        feishu.contact.list_departments()
    assert refused.value.code == code
    assert (refused.value.wait or 0) > 0
    assert refused.value.log_id


@pytest.mark.parametrize(
    ("kind", "wish"),
    [
        ("status", {"status": 500, "code": 2}),
        ("html", {"status": 502}),
        ("drop_before", {}),
        ("drop_after", {}),
        ("delay", {"seconds": 0.9}),
        ("code", {"code": 1255040, "status": 504}),
    ],
)
def test_a_write_without_usable_answer_is_unknown(
    feishu: Feishu, fault: Order, calls: Calls, person: str, kind: str, wish: dict[str, Any]
) -> None:
    """5xx, HTML, a cut line, no answer in time: it may have happened, so it is sent once only."""
    fault(kind, path=SEND, **wish)
    with pytest.raises(Ambiguous):
        feishu.im.send_text(person, "你好", uuid="u1")
    until(lambda: calls(SEND), what="the call in the recorder, which the slow answer delays")
    assert len(calls(SEND)) == 1


@pytest.mark.parametrize(
    ("kind", "wish", "expected"),
    [
        ("status", {"status": 500, "code": 2}, Busy),
        ("html", {"status": 502}, Unreachable),
        ("drop_before", {}, Unreachable),
        ("drop_after", {}, Unreachable),
        ("delay", {"seconds": 0.9}, Unreachable),
    ],
)
def test_a_read_without_usable_answer_may_be_asked_again(
    feishu: Feishu, fault: Order, calls: Calls, kind: str, wish: dict[str, Any], expected: type[FeishuError]
) -> None:
    """Nothing can have changed."""
    fault(kind, path="*/bot/v3/info", **wish)
    with pytest.raises(expected):
        feishu.auth.bot_info()
    assert feishu.auth.bot_info().enabled
    until(lambda: len(calls("/bot/v3/info")) == 2, what="the slow call in the recorder")


def test_a_dropped_answer_is_settled_by_the_same_uuid(
    feishu: Feishu, sandbox: SandboxServer, fault: Order, person: str
) -> None:
    """The work was done, the answer lost: repeating with the uuid finds the one message that was sent."""
    fault("drop_after", path=SEND)
    with pytest.raises(Ambiguous):
        feishu.im.send_text(person, "只此一条", uuid="once")
    sent = feishu.im.send_text(person, "只此一条", uuid="once")
    messages = feishu.im.list_messages(sent.chat_id, since=sandbox.world.clock.now().replace(year=2020))
    assert [message["message_id"] for message in messages] == [sent.message_id]


def test_a_revoked_token_is_renewed_once(feishu: Feishu, fault: Order, calls: Calls) -> None:
    """A token taken away in mid-flight costs one fetch and one repeat; the caller notices nothing."""
    feishu.auth.bot_info()
    fault("revoke_tokens")
    assert feishu.auth.bot_info().enabled
    assert len(calls(TOKEN)) == 2
    assert len(calls("/bot/v3/info")) == 3


@pytest.mark.parametrize("code", [99991663, 99991671, 99991664, 99991661])
def test_a_token_refused_twice_is_for_later(feishu: Feishu, fault: Order, calls: Calls, code: int) -> None:
    """After one renewal there is no loop: whoever asked waits, and the next try brings a token of its own."""
    fault("code", path="*/bot/v3/info", code=code, status=400, times=2)
    with pytest.raises(Busy, match="just issued") as refused:
        feishu.auth.bot_info()
    assert refused.value.wait
    assert len(calls("/bot/v3/info")) == 2
    assert feishu.auth.bot_info().enabled
    assert len(calls("/bot/v3/info")) == len(calls(TOKEN)) == 3


def test_ten_threads_share_the_renewal(
    feishu: Feishu, sandbox: SandboxServer, fault: Order, calls: Calls
) -> None:
    """Everybody meets the revoked token; together they fetch few new ones and all succeed."""
    feishu.auth.bot_info()
    fault("revoke_tokens")
    with ThreadPoolExecutor(10) as pool:
        found = list(pool.map(lambda _: feishu.auth.bot_info().enabled, range(10)))
    assert found == [True] * 10
    assert len(calls(TOKEN)) == 2


def test_a_wrong_secret_is_said_in_words(sandbox: SandboxServer, database: Database) -> None:
    """The operator is told which variable to correct, without the secret in the text."""
    settings = settings_for(sandbox.url, feishu_app_secret="not-the-secret")
    client = Feishu(settings, db=database, clock=SystemClock())
    with pytest.raises(NotPermitted, match="FEISHU_APP_SECRET") as refused:
        client.auth.bot_info()
    assert "not-the-secret" not in str(refused.value)
    client.close()


def test_a_missing_scope_is_named(feishu: Feishu, sandbox: SandboxServer) -> None:
    """99991672 names what the administrator must grant."""
    sandbox.world.default_app.revoked_scopes |= {"im:message", "im:message:send_as_bot", "im:message:send"}
    with pytest.raises(NotPermitted) as refused:
        feishu.im.send_text("ou_x", "你好", uuid="u")
    assert "im:message:send_as_bot" in refused.value.scopes
    assert feishu.auth.scopes()["im:message"] is False


def test_an_exhausted_quota_stops_all_calls_until_next_month(
    sandbox: SandboxServer, database: Database, calls: Calls
) -> None:
    """99991403 in one process: no process calls any more before the month turns in Shanghai."""
    clock = ManualClock(sandbox.world.clock.now())
    client, other = (Feishu(settings_for(sandbox.url), db=database, clock=clock) for _ in range(2))
    client.auth.bot_info()
    sandbox.world.control.quota_left = 0
    with pytest.raises(QuotaExhausted):
        client.auth.bot_info()
    sandbox.world.control.quota_left = None
    clock.advance(1)
    before = len(calls(""))
    for blocked in (client, other):
        with pytest.raises(QuotaExhausted):
            blocked.auth.scopes()
    assert len(calls("")) == before
    clock.advance(32 * 86_400)
    assert other.auth.bot_info().enabled
    client.close()
    other.close()


def test_every_attempt_is_counted(feishu: Feishu, fault: Order) -> None:
    """Token calls, the refused call and its repeat all count against the month."""
    feishu.auth.bot_info()
    fault("revoke_tokens")
    feishu.auth.bot_info()
    fault("code", path="*/bot/v3/info", code=2200)
    with pytest.raises(Busy):
        feishu.auth.bot_info()
    assert feishu.quota.usage() == {f"POST {TOKEN}": 2, "GET /open-apis/bot/v3/info": 4}


def test_a_card_the_platform_refuses_says_where(feishu: Feishu, person: str) -> None:
    """The place in the card comes back with the refusal."""
    card = {"schema": "2.0", "body": {"elements": [{"tag": "note"}]}}
    with pytest.raises(Rejected) as refused:
        feishu.im.send_card(person, card, uuid="u1")
    assert refused.value.code == 230099
    assert refused.value.sub_code


def test_no_secret_in_any_error(feishu: Feishu, fault: Order, person: str) -> None:
    """Errors are shown and logged: neither token nor secret stands in them."""
    texts, token = [], feishu._door._tokens.get()
    for kind in ("html", "drop_after", "status"):
        fault(kind, path=SEND)
        with pytest.raises(FeishuError) as caught:
            feishu.im.send_text(person, "x", uuid=kind)
        texts.append(str(caught.value))
    assert not any(token in text or "sandbox-secret" in text for text in texts)
