"""A person taps; the app is asked at once; its answer changes the card."""

import base64
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import lark_oapi as lark
import pytest
import requests
from websockets.sync.client import connect

from sandbox.frames import Frame, decode
from sandbox.server import SandboxServer
from tests.contract.kit import control, fresh_client, parsed, people, raw_call
from tests.contract.test_im import patch, send_card
from tests.support.wait import until

UPDATE = "/open-apis/interactive/v1/card/update"


def card(*elements: Any, text: str = "now") -> dict:
    """A 2.0 card."""
    return {"schema": "2.0", "body": {"elements": [{"tag": "markdown", "content": text}, *elements]}}


def button(text: str = "Go", value: Any = None, **more: Any) -> dict:
    """A button that calls back."""
    behaviors = [{"type": "callback", "value": value or {"a": "go"}}]
    return {"tag": "button", "text": {"tag": "plain_text", "content": text}, "behaviors": behaviors, **more}


class Receiver:
    """An app's callback URL: decrypts with the SDK's own cipher, and answers what the test says."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.raw: list[bytes] = []
        self.status = 200
        self.answer: Callable[[dict[str, Any]], Any] = lambda _event: {}
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                body = json.loads(
                    lark.AESCipher("sandbox-encrypt-key").decrypt_str(json.loads(raw)["encrypt"])
                )
                if body.get("type") == "url_verification":
                    reply: Any = {"challenge": body["challenge"]}
                else:
                    receiver.got.append(body)
                    receiver.raw.append(raw)
                    receiver.headers.append({k.lower(): v for k, v in self.headers.items()})
                    reply = receiver.answer(body)
                data = reply if isinstance(reply, bytes) else json.dumps(reply).encode()
                self.send_response(receiver.status if "challenge" not in body else 200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/card"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self) -> None:
        """Stop."""
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def receiver(sandbox: SandboxServer) -> Iterator[Receiver]:
    """A receiver the default app is subscribed to."""
    made = Receiver()
    sandbox.world.events.subscribe(made.url)
    yield made
    made.close()


@pytest.fixture
def client(sandbox: SandboxServer) -> lark.Client:
    """The SDK's client."""
    return fresh_client(sandbox)


def sent(sandbox: SandboxServer, client: lark.Client, content: dict) -> str:
    """A card to the first person; its message id."""
    response = send_card(client, people(sandbox)[0].open_id, content)
    assert response.success(), response.msg
    return response.data.message_id


def tap(sandbox: SandboxServer, message_id: str, **wish: Any) -> dict[str, Any]:
    """The first person taps."""
    body = {"open_id": people(sandbox)[0].open_id, "message_id": message_id, **wish}
    answer = control(sandbox, "POST", "act/tap", **body)
    return answer.get("data", answer)


def shown(sandbox: SandboxServer, message_id: str) -> dict[str, Any]:
    """The card as it is now."""
    return json.loads(sandbox.world.im.messages[message_id].content)


def test_a_tap_reaches_the_app_signed_and_its_answer_changes_the_card(
    sandbox: SandboxServer, client: lark.Client, receiver: Receiver
) -> None:
    """Operator, value and message come signed; toast and card of the answer are what the person sees."""
    receiver.answer = lambda _event: {
        "toast": {"type": "success", "content": "done"},
        "card": {"type": "raw", "data": card(text="after")},
    }
    message = sent(sandbox, client, card(button(value={"a": "go", "id": "7"})))
    outcome = tap(sandbox, message, text="Go")
    assert (outcome["client_code"], outcome["http_status"]) == (0, 200)
    assert outcome["toast"] == {"type": "success", "content": "done"}
    assert outcome["card_updated"] is True
    assert shown(sandbox, message) == card(text="after")
    header, event = receiver.got[0]["header"], receiver.got[0]["event"]
    assert header["event_type"] == "card.action.trigger"
    assert len(header["create_time"]) == 16
    assert header["token"] == "sandbox-verification-token"
    assert event["operator"]["open_id"] == people(sandbox)[0].open_id
    assert event["action"]["value"] == {"a": "go", "id": "7"}
    assert event["context"]["open_message_id"] == message
    told = receiver.headers[0]
    base = told["x-lark-request-timestamp"] + told["x-lark-request-nonce"] + "sandbox-encrypt-key"
    assert told["x-lark-signature"] == hashlib.sha256(base.encode() + receiver.raw[0]).hexdigest()


def test_a_form_sends_what_was_filled_in(
    sandbox: SandboxServer, client: lark.Client, receiver: Receiver
) -> None:
    """Inputs come as strings, dates with offset, defaults where untouched, empty ones not at all."""
    options = [{"text": {"tag": "plain_text", "content": "A"}, "value": "a"}]
    form = {
        "tag": "form",
        "name": "f",
        "elements": [
            {"tag": "input", "name": "budget", "required": True},
            {"tag": "input", "name": "note"},
            {"tag": "select_static", "name": "kind", "options": options, "initial_option": "a"},
            {"tag": "date_picker", "name": "day"},
            button("Send", name="send", form_action_type="submit"),
        ],
    }
    message = sent(sandbox, client, card(form))
    assert "required" in tap(sandbox, message, text="Send")["msg"]
    assert "no field" in tap(sandbox, message, text="Send", form={"budget": "1", "other": "x"})["msg"]
    assert tap(sandbox, message, text="Send", form={"budget": 800, "day": "2026-11-23"})["client_code"] == 0
    action = receiver.got[0]["event"]["action"]
    assert action["form_value"] == {"budget": "800", "kind": "a", "day": "2026-11-23 +0800"}
    assert action["name"] == "send"
    assert len(receiver.got) == 1


@pytest.mark.parametrize(
    ("status", "answer", "code"),
    [
        (500, {}, 200671),
        (200, b"<html>", 200672),
        (200, {"elements": []}, 200672),
        (200, {"toast": {"type": "loud", "content": "x"}}, 200672),
        (200, {"card": card()}, 200673),
        (200, {"card": {"type": "raw", "data": "a string"}}, 200673),
        (200, {"card": {"type": "raw", "data": {"schema": "2.0", "elements": []}}}, 200673),
        (200, {"card": {"type": "raw", "data": {"elements": []}}}, 200830),
    ],
)
def test_bad_answers_show_their_client_code(
    sandbox: SandboxServer, client: lark.Client, receiver: Receiver, status: int, answer: Any, code: int
) -> None:
    """Each kind of wrong answer has its number, and the card stays as it was."""
    receiver.status, receiver.answer = status, lambda _event: answer
    message = sent(sandbox, client, card(button()))
    assert tap(sandbox, message, text="Go")["client_code"] == code
    assert shown(sandbox, message) == card(button())


def test_nobody_answering_shows_where_it_failed(sandbox: SandboxServer, client: lark.Client) -> None:
    """No callback URL is 200340, a closed port 200342."""
    message = sent(sandbox, client, card(button()))
    assert tap(sandbox, message, text="Go")["client_code"] == 200340
    sandbox.world.default_app.callback_url = "http://127.0.0.1:9/card"
    assert tap(sandbox, message, text="Go")["client_code"] == 200342


def test_an_answer_after_three_seconds_is_too_late(
    sandbox: SandboxServer, client: lark.Client, receiver: Receiver
) -> None:
    """The person sees 200341 after 3 s; the late answer changes nothing."""
    release = threading.Event()
    receiver.answer = lambda _event: release.wait(20) and {"card": {"type": "raw", "data": card(text="late")}}
    message = sent(sandbox, client, card(button()))
    outcome = tap(sandbox, message, text="Go")
    release.set()
    assert outcome["client_code"] == 200341
    assert 2900 < outcome["ms"] < 4500
    assert shown(sandbox, message) == card(button())


def test_a_card_can_be_changed_later_twice_and_not_before_the_answer(
    sandbox: SandboxServer, client: lark.Client, receiver: Receiver
) -> None:
    """The token of a tap works after the answer, two times, for 30 minutes."""
    during: list[int] = []

    def answer(event: dict[str, Any]) -> dict:
        body = {"token": event["event"]["token"], "card": card(text="early")}
        during.append(parsed(raw_call(client, "POST", UPDATE, body))["code"])
        during.append(patch(client, event["event"]["context"]["open_message_id"], card(text="early")).code)
        return {}

    receiver.answer = answer
    message = sent(sandbox, client, card(button()))
    token = tap(sandbox, message, text="Go")["token"]
    assert during == [230099, 230099]

    def change(text: str) -> int:
        body = {"token": token, "card": card(text=text)}
        return parsed(raw_call(fresh_client(sandbox), "POST", UPDATE, body))["code"]

    assert [change("1"), change("2"), change("3")] == [0, 0, 300040]
    assert shown(sandbox, message) == card(text="2")
    receiver.answer = lambda _event: {}
    sandbox.world.im.replace(sandbox.world.im.messages[message], json.dumps(card(button())))
    token = tap(sandbox, message, text="Go")["token"]
    sandbox.world.clock.advance(1801)
    assert change("late") == 300030


def test_links_and_disabled_buttons_call_nobody(
    sandbox: SandboxServer, client: lark.Client, receiver: Receiver
) -> None:
    """A link opens, a disabled button cannot be tapped; the app hears of neither."""
    link = {
        "tag": "button",
        "text": {"tag": "plain_text", "content": "Open"},
        "behaviors": [{"type": "open_url", "default_url": "https://a.example/x"}],
    }
    message = sent(sandbox, client, card(link, button("Off", disabled=True)))
    assert tap(sandbox, message, text="Open")["opened"] == "https://a.example/x"
    assert "disabled" in tap(sandbox, message, text="Off")["msg"]
    assert "components fit" in tap(sandbox, message, text="Nowhere")["msg"]
    assert receiver.got == []


def test_only_people_of_the_chat_can_tap(
    sandbox: SandboxServer, client: lark.Client, receiver: Receiver
) -> None:
    """Somebody else does not see the card."""
    message = sent(sandbox, client, card(button()))
    other = people(sandbox)[1].open_id
    answer = control(sandbox, "POST", "act/tap", open_id=other, message_id=message, text="Go")
    assert answer["code"] == 10003
    assert receiver.got == []


def test_an_exclusive_old_card_changes_for_the_one_who_tapped(
    sandbox: SandboxServer, client: lark.Client, receiver: Receiver
) -> None:
    """A 1.0 card without update_multi changes only for the person who tapped."""
    old = {"elements": [{"tag": "action", "actions": [
        {"tag": "button", "text": {"tag": "plain_text", "content": "Go"}, "value": {"a": 1}}]}]}  # fmt: skip
    new = {"elements": [{"tag": "markdown", "content": "mine"}]}
    receiver.answer = lambda _event: {"card": {"type": "raw", "data": new}}
    message = sent(sandbox, client, old)
    assert tap(sandbox, message, text="Go")["card_updated"] is True
    assert shown(sandbox, message) == old
    seen = control(sandbox, "GET", f"messages?open_id={people(sandbox)[0].open_id}")["data"]["messages"]
    assert seen[0]["content"] == new


def test_without_a_url_the_tap_goes_over_the_long_connection(
    sandbox: SandboxServer, client: lark.Client
) -> None:
    """A connected client answers the tap; its toast is what the person sees."""
    keys = {"AppID": "cli_sandbox0000001", "AppSecret": "sandbox-secret"}
    endpoint = requests.post(f"{sandbox.url}/callback/ws/endpoint", json=keys, timeout=5).json()
    toast = {"type": "info", "content": "over the line"}
    message = sent(sandbox, client, card(button()))
    with connect(endpoint["data"]["URL"], proxy=None) as line:
        until(lambda: sandbox.world.longconn.online("cli_sandbox0000001"))

        def answer() -> None:
            frame = decode(line.recv(timeout=10))
            data = base64.b64encode(json.dumps({"toast": toast}).encode()).decode()
            reply = json.dumps({"code": 200, "data": data}).encode()
            line.send(Frame(frame.method, frame.service, frame.headers, reply).encode())

        thread = threading.Thread(target=answer)
        thread.start()
        outcome = tap(sandbox, message, text="Go")
        thread.join()
    assert (outcome["client_code"], outcome["toast"]) == (0, toast)
