"""Opening envelopes: the published vectors, every shape, every refusal."""

import base64
import contextlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.envelope import SIGNING_HEADERS, Keys, Refused, _decrypt, moment, open_envelope, open_trusted
from bot.model import Challenge, Event, Tap
from tests.bot.platform import APP_ID, ENCRYPT_KEY, TOKEN, Sender, signature

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
KEYS = Keys(ENCRYPT_KEY, TOKEN, APP_ID)
CHALLENGE_SEALED = (
    "AAECAwQFBgcICQoLDA0ODxT/dH7HGaZSqzJLo9upOhvowBNFoYsOHrAH"
    "+TLGZ5WbazIYsmhw5PqMsmHEQiUVIXkFRdDoLiJrXYgqZS+DfG8="
)


def opened(envelope: dict[str, Any], **options: Any) -> Challenge | Event | Tap:
    """Send an envelope through encryption and signature and open it."""
    body, headers = Sender(NOW).request(envelope, **options)
    return open_envelope(body, headers, KEYS, NOW)


def refusal(body: bytes, headers: dict[str, str], keys: Keys = KEYS, now: datetime = NOW) -> str:
    """The reason a body is refused with."""
    with pytest.raises(Refused) as caught:
        open_envelope(body, headers, keys, now)
    return caught.value.reason


def test_decrypts_the_published_vector():
    """The documentation's own example decrypts to its plain text."""
    assert _decrypt({"encrypt": "P37w+VZImNgPEO1RBhJ6RtKl7n6zymIbEG1pReEzghk="}, "test key") == b"hello world"


def test_accepts_the_signature_vector():
    """The vector's signature over the vector's encrypted challenge is accepted and the challenge is read."""
    body = b'{"encrypt":"' + CHALLENGE_SEALED.encode() + b'"}'
    sign = "71c57dba53fdc2d31604e43046e93516e5bf2932d64badd089e9d1063dd03e4a"
    headers = dict(zip(SIGNING_HEADERS, ("1700000000", "abc123", sign), strict=True))
    at = datetime.fromtimestamp(1_700_000_000, UTC)
    assert open_envelope(body, headers, Keys("test key", "vtok", APP_ID), at) == Challenge("c-123")


def test_challenge_needs_no_signature_but_the_token():
    """An encrypted url_verification without signing headers is answered; with a wrong token refused."""
    body = json.dumps({"encrypt": CHALLENGE_SEALED}).encode()
    assert open_envelope(body, {}, KEYS, NOW) == Challenge("c-123")
    assert refusal(body, {}, Keys(ENCRYPT_KEY, "another", APP_ID)) == "token"


def test_event_without_signature_is_refused():
    """Only a challenge may come unsigned; an event that decrypts well is still refused."""
    body, headers = Sender(NOW).request(Sender(NOW).event())
    assert refusal(body, {}) == "signature_missing"
    for name in SIGNING_HEADERS:
        assert (
            refusal(body, {key: value for key, value in headers.items() if key != name})
            == "signature_missing"
        )


def test_reads_a_v2_event():
    """A v2 envelope becomes an event with its header's id, type and time in milliseconds."""
    event = opened(Sender(NOW).event("im.chat.updated_v1", {"a": 1}))
    assert isinstance(event, Event)
    assert (event.id, event.type, event.body, event.version) == ("ev-1", "im.chat.updated_v1", {"a": 1}, 2)
    assert event.created_at == NOW
    assert event.dedupe_key == "event:ev-1"


def test_reads_a_v1_event():
    """A v1 envelope becomes an event with the outer uuid, the inner type and seconds with a fraction."""
    event = opened(Sender(NOW).event_v1())
    assert isinstance(event, Event)
    assert (event.id, event.type, event.version) == ("u-1", "p2p_chat_create", 1)
    assert event.created_at == NOW


def test_message_is_deduplicated_by_message_id():
    """A chat message is the same event when its message_id is the same, whatever its event_id."""
    first, second = (opened(Sender(NOW).message("hi", message_id="om_7")) for _ in range(2))
    assert isinstance(first, Event)
    assert isinstance(second, Event)
    assert first.dedupe_key == second.dedupe_key == "message:om_7"


def test_reads_a_tap_with_a_form():
    """A tap carries operator, action, form values and microseconds of time."""
    envelope = Sender(NOW).tap(
        {"a": "alert.budget", "id": "x", "v": 3}, name="submit_alert_budget", form_value={"budget": "500"}
    )
    tap = opened(envelope)
    assert isinstance(tap, Tap)
    assert (tap.operator, tap.action, tap.value["v"]) == ("ou_ann", "alert.budget", 3)
    assert (tap.form, tap.component) == ({"budget": "500"}, "submit_alert_budget")
    assert (tap.message_id, tap.chat_id, tap.token, tap.at) == ("om_1", "oc_1", "c-1", NOW)


@pytest.mark.parametrize(
    ("value", "action"),
    [
        ("alert.mute", "alert.mute"),
        ('{"a": "x", "id": 1}', "x"),
        (None, ""),
        ([1], ""),
        ({"k": "v"}, ""),
        ("{", "{"),
    ],
)
def test_tolerates_any_action_value(value: Any, action: str):
    """action.value may be an object, a string, JSON in a string, or missing; none of them is an error."""
    tap = opened(Sender(NOW).tap(value))
    assert isinstance(tap, Tap)
    assert tap.action == action


def test_reads_what_was_chosen_outside_a_form():
    """Selects, checkers and inputs outside a form arrive in their own fields."""
    tap = opened(
        Sender(NOW).tap({"a": "x"}, option="o", options=["p", "q"], checked=True, input_value="typed")
    )
    assert isinstance(tap, Tap)
    assert (tap.option, tap.options, tap.checked, tap.text) == ("o", ("p", "q"), True, "typed")


def test_event_without_id_gets_one_from_its_content():
    """The documented url.preview.get has no event_id; the same content is the same event."""
    envelope = Sender(NOW).event("url.preview.get", {"host": "im_message"})
    del envelope["header"]["event_id"]
    first, second = opened(envelope), opened(envelope)
    assert isinstance(first, Event)
    assert isinstance(second, Event)
    assert first.id == second.id
    assert first.id.startswith("sha256-")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"app_id": "cli_another"}, "app_id"),
        ({"app_id": None}, "app_id"),
        ({"token": "wrong"}, "token"),
        ({"token": None}, "token"),
        ({"event_type": ""}, "shape"),
        ({"event_type": None}, "shape"),
        ({"event_id": "x" * 129}, "shape"),
        ({"event_id": "a\u0000b"}, "shape"),
        ({"create_time": "yesterday"}, "timestamp"),
    ],
)
def test_refuses_a_wrong_header(change: dict[str, Any], reason: str):
    """A header with a foreign app, a wrong token or a missing part is refused with that reason."""
    body, headers = Sender(NOW).request(Sender(NOW).event(**change))
    assert refusal(body, headers) == reason


def test_refuses_a_v1_event_of_another_app():
    """In v1 the app_id stands inside the event and is checked there."""
    envelope = Sender(NOW).event_v1()
    envelope["event"]["app_id"] = "cli_another"
    assert refusal(*Sender(NOW).request(envelope)) == "app_id"


def test_plain_body_is_refused_when_a_key_is_configured():
    """With an encrypt key a plain body is refused even when it is signed with that key."""
    body = json.dumps(Sender(NOW).event()).encode()
    assert refusal(body, {}) == "plain_body"
    stamp = str(int(NOW.timestamp()))
    signed = dict(zip(SIGNING_HEADERS, (stamp, "n", signature(stamp, "n", ENCRYPT_KEY, body)), strict=True))
    assert refusal(body, signed) == "plain_body"


def test_plain_mode_reads_plain_bodies_and_refuses_encrypted_ones():
    """Without an encrypt key (a flag allows it) plain bodies are judged by token, app and create_time."""
    keys = Keys(None, TOKEN, APP_ID)
    plain = Sender(NOW, key=None)
    assert isinstance(open_envelope(plain.request(plain.event())[0], {}, keys, NOW), Event)
    assert isinstance(open_envelope(plain.request(plain.event_v1())[0], {}, keys, NOW), Event)
    assert isinstance(open_envelope(plain.request(plain.tap({"a": "x"}))[0], {}, keys, NOW), Tap)
    challenge = json.dumps({"type": "url_verification", "challenge": "c", "token": TOKEN}).encode()
    assert open_envelope(challenge, {}, keys, NOW) == Challenge("c")
    assert refusal(*Sender(NOW).request(plain.event()), keys) == "encrypted_without_key"
    late = NOW + timedelta(hours=7, minutes=16)
    assert refusal(plain.request(plain.event())[0], {}, keys, late) == "stale"


@pytest.mark.parametrize("minutes", [0, 0.25, 5, 60, 7 * 60 + 5.25, 7 * 60 + 14])
def test_accepts_the_platforms_own_retries(minutes: float):
    """A retry is accepted up to 7 h 15 min whether it is signed anew or with the first delivery's time."""
    envelope = Sender(NOW - timedelta(minutes=minutes)).event()
    assert isinstance(opened(envelope), Event)
    assert isinstance(opened(envelope, age=timedelta(minutes=minutes)), Event)


def test_refuses_what_is_too_old_or_from_the_future():
    """Events older than 7 h 15 min or more than 5 min ahead are refused; taps already after 5 min."""
    event = Sender(NOW).event()
    assert refusal(*Sender(NOW).request(event, age=timedelta(hours=7, minutes=16))) == "stale"
    assert refusal(*Sender(NOW).request(event, age=timedelta(minutes=-6))) == "from_the_future"
    assert isinstance(opened(event, age=timedelta(minutes=-4)), Event)
    assert isinstance(opened(Sender(NOW).tap({"a": "x"}), age=timedelta(minutes=4)), Tap)
    assert refusal(*Sender(NOW).request(Sender(NOW).tap({"a": "x"}), age=timedelta(minutes=6))) == "stale"
    old = Sender(NOW - timedelta(minutes=6)).tap({"a": "x"})
    assert refusal(*Sender(NOW).request(old)) == "stale"


@pytest.mark.parametrize(
    "value", ["1603977298", 1603977298, "1603977298000", "1603977298000000", "1603977298.25"]
)
def test_reads_times_by_their_length(value: Any):
    """Seconds, milliseconds and microseconds are told apart by their digits."""
    assert moment(value) == datetime(2020, 10, 29, 13, 14, 58, tzinfo=UTC)


@pytest.mark.parametrize(
    "value", ["", "12", "abc", None, True, "-1603977298", "１６０３９７７２９８", {}, "9" * 30]
)
def test_refuses_what_is_no_time(value: Any):
    """Anything else is refused, not guessed."""
    with pytest.raises(Refused):
        moment(value)


@pytest.mark.parametrize("name", SIGNING_HEADERS)
def test_a_header_that_is_no_text_is_refused(name: str):
    """Half of a surrogate pair: a wrong signature and no fault of ours (found by fuzzing)."""
    body, headers = Sender(NOW).request(Sender(NOW).event())
    assert refusal(body, headers | {name: headers[name] + "\ud800"}) == "signature"


@given(st.binary(max_size=300))
def test_never_raises_anything_but_refused(raw: bytes):
    """No bytes whatsoever make the opener fail in another way, signed or not."""
    stamp = str(int(NOW.timestamp()))
    signed = dict(zip(SIGNING_HEADERS, (stamp, "n", signature(stamp, "n", ENCRYPT_KEY, raw)), strict=True))
    for headers in ({}, signed):
        for keys in (KEYS, Keys(None, TOKEN, APP_ID)):
            with pytest.raises(Refused):
                open_envelope(raw, headers, keys, NOW)


@given(st.binary(max_size=200))
def test_sealed_rubbish_is_refused(data: bytes):
    """A signed body whose encrypted part is rubbish is refused."""
    body = json.dumps({"encrypt": base64.b64encode(data).decode()}).encode()
    stamp = str(int(NOW.timestamp()))
    headers = dict(zip(SIGNING_HEADERS, (stamp, "n", signature(stamp, "n", ENCRYPT_KEY, body)), strict=True))
    assert refusal(body, headers) in {"decrypt", "json"}


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["schema", "header", "event", "type", "token", "app_id", "uuid"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_any_json_is_read_or_refused(envelope: Any):
    """Signed JSON of any shape is either read or refused."""
    with contextlib.suppress(Refused):
        opened(envelope)


def test_trusted_envelopes_still_belong_to_our_app():
    """Over the long connection nothing is signed, but an envelope for another app is refused."""
    assert isinstance(open_trusted(Sender(NOW).event(), APP_ID), Event)
    with pytest.raises(Refused, match="app_id"):
        open_trusted(Sender(NOW).event(), "cli_another")
