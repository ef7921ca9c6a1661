"""The webhook: verified events are durable before the answer; the rest is refused and leaves nothing."""

import json
import threading
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.envelope import MAX_BODY, SIGNING_HEADERS
from bot.tables import inbox, taps
from bot.web import WRITER
from runtime.clock import ManualClock
from tests.bot.conftest import Web
from tests.bot.platform import Sender, post

pytestmark = pytest.mark.db


def test_a_verified_event_is_durable_before_the_answer(web: Web, sender: Sender):
    """200 means the event stands in the inbox, with its body and both times."""
    sender.ascii = True  # a lone surrogate travels only as an escape
    answer = sender.post(web.app, sender.event("im.chat.updated_v1", {"名": "值\u0000\ud800"}))
    assert answer.status_code == 200
    (row,) = web.rows(inbox)
    assert (row["event_id"], row["type"], row["state"]) == ("ev-1", "im.chat.updated_v1", "new")
    assert json.loads(row["body"]) == {"名": "值\u0000\ud800"}
    assert row["created_at"] == row["received_at"] == sender.now


@pytest.mark.parametrize("path", ["/webhook/event", "/webhook/card"])
def test_both_addresses_take_everything(web: Web, sender: Sender, path: str):
    """Events and callbacks have two addresses in the console; each of ours accepts both, v1 and v2."""
    for envelope in (sender.event(), sender.event_v1(), sender.tap({"a": "nobody"})):
        assert post(web.app, *sender.request(envelope), path=path).status_code == 200
    assert len(web.rows(inbox)) == 2
    assert len(web.rows(taps)) == 1


def test_challenge_is_answered_plainly(web: Web, sender: Sender):
    """The console's check gets its challenge back, encrypted or not as configured, and nothing is stored."""
    challenge = {"type": "url_verification", "challenge": "c-9", "token": sender.token}
    body, _ = sender.request(challenge)
    answer = post(web.app, body, {})
    assert (answer.status_code, answer.json) == (200, {"challenge": "c-9"})
    assert web.rows(inbox) == []


def test_plain_mode_serves_too(plain_web: Web, sender: Sender):
    """An installation that was allowed to go without encryption takes plain envelopes and challenges."""
    plain = Sender(sender.now, key=None)
    challenge = {"type": "url_verification", "challenge": "c-9", "token": sender.token}
    assert plain.post(plain_web.app, challenge).json == {"challenge": "c-9"}
    assert plain.post(plain_web.app, plain.event()).status_code == 200
    assert plain.post(plain_web.app, plain.event(token="wrong")).status_code == 401
    assert len(plain_web.rows(inbox)) == 1


def test_a_type_nobody_handles_is_still_accepted(web: Web, sender: Sender):
    """Unknown types are 200 and stored: the platform must not retry them for seven hours."""
    assert sender.post(web.app, sender.event("a.type.of.tomorrow_v9")).status_code == 200
    assert web.rows(inbox)[0]["type"] == "a.type.of.tomorrow_v9"


def test_a_repeated_event_is_stored_once(web: Web, sender: Sender, clock: ManualClock):
    """The same event again, now or as the platform's last retry, is 200 and changes nothing."""
    envelope = sender.event()
    assert sender.post(web.app, envelope).status_code == 200
    for wait in (15, 300, 3600, 6 * 3600):
        sender.now = clock.advance(wait)
        assert sender.post(web.app, envelope).status_code == 200
    assert len(web.rows(inbox)) == 1


def test_a_repeated_message_is_stored_once_by_message_id(web: Web, sender: Sender):
    """A chat message delivered under two event ids is one message."""
    for _ in range(2):
        assert sender.post(web.app, sender.message("状态", message_id="om_5")).status_code == 200
    assert len(web.rows(inbox)) == 1


def test_stale_and_future_requests_are_refused(web: Web, sender: Sender):
    """Older than the platform's last retry or ahead of our clock is 401 and leaves nothing."""
    assert sender.post(web.app, sender.event(), age=timedelta(hours=7, minutes=16)).status_code == 401
    assert sender.post(web.app, sender.event(), age=timedelta(minutes=-6)).status_code == 401
    assert web.rows(inbox) == []


def test_every_flipped_byte_of_a_body_is_refused(web: Web, sender: Sender):
    """Whichever byte of a signed body is changed: 401, the same short answer, nothing stored."""
    body, headers = sender.request(sender.event())
    for index in range(len(body)):
        changed = body[:index] + bytes([body[index] ^ 1]) + body[index + 1 :]
        answer = post(web.app, changed, headers)
        assert (answer.status_code, answer.json) == (401, {"error": "refused"})
    assert web.rows(inbox) == []


def test_every_flipped_character_of_a_signing_header_is_refused(web: Web, sender: Sender):
    """Whichever character of timestamp, nonce or signature is changed: 401 and nothing stored."""
    body, headers = sender.request(sender.event())
    for name in SIGNING_HEADERS:
        for index, character in enumerate(headers[name]):
            changed = headers[name][:index] + chr(ord(character) ^ 1) + headers[name][index + 1 :]
            assert post(web.app, body, headers | {name: changed}).status_code == 401
    assert web.rows(inbox) == []


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_flipped_bits_are_refused(web: Web, sender: Sender, data: st.DataObject):
    """Any bit of a request with any content, flipped, is refused; the untouched request is accepted."""
    payload = data.draw(st.dictionaries(st.text(max_size=5), st.text(max_size=40), max_size=3))
    body, headers = sender.request(sender.event("x.y_v1", payload))
    index = data.draw(st.integers(0, len(body) - 1))
    bit = data.draw(st.integers(0, 7))
    changed = body[:index] + bytes([body[index] ^ (1 << bit)]) + body[index + 1 :]
    before = len(web.rows(inbox))
    assert post(web.app, changed, headers).status_code == 401
    assert len(web.rows(inbox)) == before
    assert post(web.app, body, headers).status_code == 200


def test_a_moved_boundary_between_timestamp_and_nonce_gains_nothing(web: Web, sender: Sender):
    """Digits moved between timestamp and nonce keep the signature; the time they then say is refused."""
    body, headers = sender.request(sender.event())
    stamp, nonce, _ = SIGNING_HEADERS
    joined = headers[stamp] + headers[nonce]
    for cut in range(1, 10):
        moved = headers | {stamp: joined[:cut], nonce: joined[cut:]}
        assert post(web.app, body, moved).status_code == 401
    assert web.rows(inbox) == []


def test_a_body_over_the_limit_is_refused_unread(web: Web):
    """More than 8 MB is answered 413 without looking into it."""
    assert post(web.app, b"x" * (MAX_BODY + 1), {}).status_code == 413
    assert web.rows(inbox) == []


def test_a_refusal_says_nothing_about_the_request(
    web: Web, sender: Sender, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
):
    """Neither the answer nor the log of a refusal contains the body; the log names the reason."""
    body, headers = sender.request(sender.event("x.y_v1", {"secret": "tuna-sandwich"}))
    answer = post(web.app, body + b" ", headers)
    printed = capsys.readouterr()
    written = printed.out + printed.err + caplog.text  # wherever an earlier test sent the log
    assert answer.status_code == 401
    assert len(answer.data) < 40
    assert "signature" in written
    assert body.decode() not in written
    assert "tuna" not in written + answer.text


def test_sixteen_senders_at_once_lose_nothing(web: Web, sender: Sender):
    """Events posted by 16 threads at the same time, each delivered twice, are all there once."""
    requests = [sender.request(sender.event()) for _ in range(160)]
    codes: list[int] = []

    def send(part: list[Any]) -> None:
        codes.extend(post(web.app, *request).status_code for request in part)

    threads = [threading.Thread(target=send, args=(requests[n % 16 :: 16],)) for n in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == [200] * 320
    assert {row["event_id"] for row in web.rows(inbox)} == {f"ev-{n}" for n in range(1, 161)}


def test_an_event_that_cannot_be_stored_is_not_acknowledged(web: Web, sender: Sender):
    """When writing is impossible the answer is 503, so that the platform sends the event again."""
    web.app.extensions[WRITER].close()
    assert sender.post(web.app, sender.event()).status_code == 503


def test_an_event_the_database_refuses_is_not_acknowledged(web: Web, sender: Sender):
    """A full disk or a broken table is no reason to lose it: 503, and stored when it comes again."""
    event = sender.event()
    with web.db.begin() as conn:
        conn.execute(sa.text("ALTER TABLE inbox RENAME TO inbox_away"))
    assert sender.post(web.app, event).status_code == 503
    with web.db.begin() as conn:
        conn.execute(sa.text("ALTER TABLE inbox_away RENAME TO inbox"))
    assert sender.post(web.app, event).status_code == 200
    assert len(web.rows(inbox)) == 1
