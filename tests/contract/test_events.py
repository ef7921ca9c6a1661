"""Events arrive sealed and signed, come again on the platform's schedule, in order only per instance."""

import hashlib
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import lark_oapi as lark
import pytest
import requests
from lark_oapi.api.event.v1 import ListOutboundIpRequest

from tests.contract.kit import fresh_client
from tests.contract.receiver import KEY, Pushed, Receiver
from tests.support.wait import until

TYPE = "im.message.receive_v1"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A listening app."""
    app = Receiver()
    yield app
    app.stop()


@pytest.fixture
def subscribed(sandbox: Any, receiver: Receiver) -> Any:
    """The sandbox, with the receiver saved as request URL through the control plane."""
    answer = requests.post(f"{sandbox.url}/_sandbox/subscription", json={"url": receiver.url}, timeout=5)
    assert answer.status_code == 200, answer.text
    return sandbox


def states(sandbox: Any) -> list[str]:
    """The states of all deliveries, oldest first."""
    return [delivery["state"] for delivery in sandbox.world.events.log()]


def attempts(sandbox: Any, at_least: int) -> Any:
    """Wait until the first delivery was tried that often."""
    return until(
        lambda: len(sandbox.world.events.log()[0]["attempts"]) >= at_least, what=f"{at_least} attempts"
    )


def test_saving_the_url_asks_for_a_sealed_challenge(subscribed: Any, receiver: Receiver) -> None:
    """The console sends one sealed, unsigned url_verification and takes the echoed text."""
    (challenge,) = receiver.challenges
    assert challenge.sealed
    assert challenge.body["token"] == "sandbox-verification-token"
    assert "X-Lark-Signature" not in challenge.headers


@pytest.mark.parametrize("echo", [(200, b'{"challenge":"other"}'), (500, b"{}"), (200, b"ok")])
def test_a_wrong_echo_is_not_saved(sandbox: Any, receiver: Receiver, echo: tuple[int, bytes]) -> None:
    """Without the right challenge back the URL is refused, and events have nowhere to go."""
    receiver.echo = lambda _text: echo
    answer = requests.post(f"{sandbox.url}/_sandbox/subscription", json={"url": receiver.url}, timeout=5)
    assert answer.status_code == 400
    assert "Challenge code 没有返回" in answer.json()["msg"]
    sandbox.world.events.emit(TYPE, {})
    until(lambda: states(sandbox) == ["unsubscribed"])


def test_the_official_dispatcher_accepts_what_is_pushed(subscribed: Any, receiver: Receiver) -> None:
    """Signature, cipher, token and envelope satisfy the SDK; times are text in milliseconds."""
    got: list[Any] = []
    handler = (
        lark.EventDispatcherHandler.builder(KEY, "sandbox-verification-token")
        .register_p2_im_message_receive_v1(got.append)
        .build()
    )
    event_id = subscribed.world.events.emit(TYPE, {"message": {"message_id": "om_1", "content": "你好"}})
    push = until(lambda: receiver.pushed)[0]
    request = lark.RawRequest()
    request.uri, request.body, request.headers = "/webhook/event", push.raw, push.headers
    assert handler.do(request).status_code == 200
    assert got[0].event.message.message_id == "om_1"
    assert got[0].header.event_id == event_id == push.event_id
    assert len(push.body["header"]["create_time"]) == 13
    assert push.body["header"]["app_id"] == "cli_sandbox0000001"


def test_the_signature_covers_the_sealed_bytes(subscribed: Any, receiver: Receiver) -> None:
    """sha256(timestamp + nonce + key + raw body), as the docs say."""
    subscribed.world.events.emit(TYPE, {})
    push = until(lambda: receiver.pushed)[0]
    head = push.headers["X-Lark-Request-Timestamp"] + push.headers["X-Lark-Request-Nonce"] + KEY
    assert push.headers["X-Lark-Signature"] == hashlib.sha256(head.encode() + push.raw).hexdigest()


def test_a_refused_event_comes_again_four_times_at_most(subscribed: Any, receiver: Receiver) -> None:
    """After 15 s, 5 min, 1 h and 6 h on the sandbox clock, always the same event; then never again."""
    receiver.answer = lambda _push: (500, b"{}")
    event_id = subscribed.world.events.emit(TYPE, {})
    for number, wait in enumerate((15, 300, 3600, 21600), 1):
        attempts(subscribed, number)
        subscribed.world.clock.advance(wait - 2)
        assert len(receiver.pushed) == number
        subscribed.world.clock.advance(3)
    attempts(subscribed, 5)
    until(lambda: states(subscribed) == ["failed"])
    subscribed.world.clock.advance(86400)
    assert [push.event_id for push in receiver.pushed] == [event_id] * 5


def test_a_compressed_day_has_its_retries_in_time(subscribed: Any, receiver: Receiver) -> None:
    """The switch ``retry_after`` shortens the waits; as many tries as waits follow the first one."""
    requests.post(f"{subscribed.url}/_sandbox/events", json={"retry_after": [0.01, 0.02]}, timeout=5)
    receiver.answer = lambda _push: (500, b"{}")
    event_id = subscribed.world.events.emit(TYPE, {})
    until(lambda: states(subscribed) == ["failed"])
    assert [push.event_id for push in receiver.pushed] == [event_id] * 3


def test_a_clock_set_back_keeps_no_event_waiting(subscribed: Any, receiver: Receiver) -> None:
    """What was planned while the clock was ahead comes no later than a retry does."""
    requests.post(f"{subscribed.url}/_sandbox/events", json={"retry_after": [0.2]}, timeout=5)
    receiver.answer = lambda _push: (500, b"")
    subscribed.world.clock.advance(7200)
    subscribed.world.events.emit(TYPE, {})
    attempts(subscribed, 1)
    receiver.answer = lambda _push: (200, b"")
    subscribed.world.clock.advance(-7200)
    until(lambda: states(subscribed) == ["delivered"])


def test_shorter_waits_hold_for_what_waits_already(subscribed: Any, receiver: Receiver) -> None:
    """An event that would come again after 15 s does so at once when the switch says so meanwhile."""
    receiver.answer = lambda _push: (500, b"")
    subscribed.world.events.emit(TYPE, {})
    attempts(subscribed, 1)
    receiver.answer = lambda _push: (200, b"")
    requests.post(f"{subscribed.url}/_sandbox/events", json={"retry_after": [0.01]}, timeout=5)
    until(lambda: states(subscribed) == ["delivered"])


def test_only_200_counts(subscribed: Any, receiver: Receiver) -> None:
    """A redirect or a 201 is a failure; the next 200 ends it."""
    receiver.answer = lambda _push: (201, b"")
    subscribed.world.events.emit(TYPE, {})
    attempts(subscribed, 1)
    receiver.answer = lambda _push: (302, b"")
    subscribed.world.clock.advance(16)
    attempts(subscribed, 2)
    receiver.answer = lambda _push: (200, b"")
    subscribed.world.clock.advance(301)
    until(lambda: states(subscribed) == ["delivered"])
    assert [a["status"] for a in subscribed.world.events.log()[0]["attempts"]] == [201, 302, 200]


def test_a_slow_answer_is_a_failure(subscribed: Any, receiver: Receiver) -> None:
    """Three seconds for everything: later the platform has hung up and tries again."""
    release = threading.Event()

    def slowly(_push: Pushed) -> tuple[int, bytes]:
        release.wait(10)
        return 200, b""

    receiver.answer = slowly
    subscribed.world.events.emit(TYPE, {})
    attempts(subscribed, 1)
    release.set()
    first = subscribed.world.events.log()[0]["attempts"][0]
    assert first["status"] is None
    assert 2500 < first["ms"] < 4500
    subscribed.world.clock.advance(16)
    until(lambda: states(subscribed) == ["delivered"])


def test_nothing_is_lost_while_the_receiver_is_down(subscribed: Any, receiver: Receiver) -> None:
    """Events pushed against a closed port arrive once it is open again."""
    receiver.stop()
    sent = [subscribed.world.events.emit(TYPE, {"n": n}) for n in range(20)]
    until(lambda: all(len(d["attempts"]) == 1 for d in subscribed.world.events.log()))
    again = Receiver()
    subscribed.world.events.subscribe(again.url)
    subscribed.world.clock.advance(16)
    until(lambda: len(again.pushed) == 20)
    assert Counter(push.event_id for push in again.pushed) == Counter(sent)
    again.stop()


def test_duplicates_carry_the_same_event_id(subscribed: Any, receiver: Receiver) -> None:
    """With the switch on an event comes twice at once and once more after the success."""
    requests.post(f"{subscribed.url}/_sandbox/events", json={"duplicate": True}, timeout=5)
    event_id = subscribed.world.events.emit(TYPE, {})
    until(lambda: states(subscribed) == ["delivered"] * 3)
    assert [push.event_id for push in receiver.pushed] == [event_id] * 3


def test_disorder_and_loss(subscribed: Any, receiver: Receiver) -> None:
    """Shuffled events all arrive in another order; dropped ones never do."""
    subscribed.world.events.switches.shuffle = True
    sent = [subscribed.world.events.emit(TYPE, {"n": n}) for n in range(30)]
    until(lambda: len(receiver.pushed) == 30)
    got = [push.event_id for push in receiver.pushed]
    assert sorted(got) == sorted(sent)
    assert got != sent
    subscribed.world.events.switches.drop = True
    subscribed.world.events.emit(TYPE, {})
    assert states(subscribed)[-1] == "dropped"


def test_a_lane_waits_for_its_first_event(subscribed: Any, receiver: Receiver) -> None:
    """Events of one approval instance keep their order even when the first is refused; others overtake."""
    receiver.answer = lambda push: (200 if push.body.get("event", {}).get("n") != 1 else 500, b"")
    for n in (1, 2, 3):
        subscribed.world.events.emit("approval_instance", {"n": n}, v1=True, lane="A")
    subscribed.world.events.emit("approval_instance", {"n": 9}, v1=True, lane="B")
    attempts(subscribed, 1)
    until(lambda: states(subscribed) == ["queued", "queued", "queued", "delivered"])
    receiver.answer = lambda _push: (200, b"")
    subscribed.world.clock.advance(16)
    until(lambda: states(subscribed) == ["delivered"] * 4)
    assert [p.body["event"]["n"] for p in receiver.pushed if p.body["event"]["n"] != 9] == [1, 1, 2, 3]


def test_the_old_envelope(subscribed: Any, receiver: Receiver) -> None:
    """v1 has no schema and no header; type, app and tenant stand in the event."""
    event_id = subscribed.world.events.emit("approval_instance", {"status": "PENDING"}, v1=True)
    body = until(lambda: receiver.pushed)[0].body
    assert "schema" not in body
    assert (body["uuid"], body["type"]) == (event_id, "event_callback")
    assert body["event"]["type"] == "approval_instance"
    assert body["event"]["app_id"] == "cli_sandbox0000001"


def test_microseconds_and_first_timestamp(subscribed: Any, receiver: Receiver) -> None:
    """Two habits the docs leave open are switches: 16 digit times, retries with the first timestamp."""
    knobs = {"microseconds": True, "retry_stamp": "first", "clock": "sandbox"}
    requests.post(f"{subscribed.url}/_sandbox/events", json=knobs, timeout=5)
    receiver.answer = lambda _push: (500, b"")
    subscribed.world.events.emit(TYPE, {})
    attempts(subscribed, 1)
    subscribed.world.clock.advance(16)
    attempts(subscribed, 2)
    first, second = receiver.pushed
    assert len(first.body["header"]["create_time"]) == 16
    stamp = "X-Lark-Request-Timestamp"
    assert first.headers[stamp] == second.headers[stamp]


def test_three_hundred_events_arrive_once_each(subscribed: Any, receiver: Receiver) -> None:
    """A burst goes out over several connections at once and nothing is doubled or missing."""
    sent = [subscribed.world.events.emit(TYPE, {"n": n}) for n in range(300)]
    until(lambda: subscribed.world.events.pending() == 0, timeout=20)
    assert Counter(push.event_id for push in receiver.pushed) == Counter(sent)


def test_the_delivery_log_over_http(subscribed: Any, receiver: Receiver) -> None:
    """GET /_sandbox/deliveries shows each event with its attempts, and filters."""
    requests.post(f"{subscribed.url}/_sandbox/emit", json={"type": "a.b_v1", "event": {"x": 1}}, timeout=5)
    subscribed.world.events.emit(TYPE, {})
    until(lambda: subscribed.world.events.pending() == 0)
    answer = requests.get(f"{subscribed.url}/_sandbox/deliveries?type=a.b_v1", timeout=5).json()["data"]
    (row,) = answer["deliveries"]
    assert (row["event"], row["state"], row["attempts"][0]["status"]) == ({"x": 1}, "delivered", 200)


def test_the_typed_sdk_reads_the_addresses_events_come_from(sandbox: Any) -> None:
    """event/v1/outbound_ip answers in the shape of the SDK's model."""
    answer = fresh_client(sandbox).event.v1.outbound_ip.list(ListOutboundIpRequest.builder().build())
    assert answer.success(), answer.msg
    assert answer.data.ip_list == ["127.0.0.1"]
