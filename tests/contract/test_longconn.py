"""The long connection serves the unchanged official client and refuses like the platform."""

import base64
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from lark_oapi.api.event.v1 import GetConnectionRequest
from lark_oapi.ws.pb.pbbp2_pb2 import Frame as OfficialFrame
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from sandbox.frames import CONTROL, DATA, BrokenFrameError, Frame, decode
from sandbox.longconn import NoClientError
from sandbox.server import SandboxServer
from tests.contract.kit import fresh_client
from tests.contract.receiver import Receiver
from tests.support.wait import until

CREDENTIALS = {"AppID": "cli_sandbox0000001", "AppSecret": "sandbox-secret"}
CALM = {"ReconnectNonce": 0, "ReconnectInterval": 1, "PingInterval": 1}


class Official:
    """The official client in its process, and what its handlers said."""

    def __init__(self, url: str) -> None:
        script = Path(__file__).with_name("longconn_client.py")
        self.process = subprocess.Popen(
            [sys.executable, str(script), url], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.said: list[dict[str, Any]] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("{"):
                self.said.append(json.loads(line))

    def stop(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.wait(10)
        self._reader.join(5)
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[SandboxServer, Official]]:
    """A sandbox of this file's own (a reset would cut the line) with the official client connected."""
    server = SandboxServer(port=0)
    server.start()
    server.world.longconn.config.update(CALM)
    client = Official(server.url)
    until(
        lambda: server.world.longconn.online("cli_sandbox0000001"), timeout=60, what="the client to connect"
    )
    yield server, client
    client.stop()
    server.stop()


def tap(value: dict[str, Any], server: SandboxServer) -> dict[str, Any]:
    """The envelope of a card tap."""
    event = {
        "operator": {"open_id": "ou_1"},
        "token": "c-1",
        "action": {"tag": "button", "value": value},
        "context": {"open_message_id": "om_1", "open_chat_id": "oc_1"},
    }
    app = server.world.default_app
    return dict(server.world.events.envelope("card.action.trigger", event, app=app, micro=True))


def ask_endpoint(server: SandboxServer, **changes: str) -> dict[str, Any]:
    """One call for an address."""
    answer = requests.post(f"{server.url}/callback/ws/endpoint", json={**CREDENTIALS, **changes}, timeout=5)
    body: dict[str, Any] = answer.json()
    return body


def join(server: SandboxServer) -> ClientConnection:
    """A bare client of our own."""
    return connect(ask_endpoint(server)["data"]["URL"], proxy=None)


def test_an_event_reaches_the_official_client_and_its_ack_counts(
    served: tuple[SandboxServer, Official],
) -> None:
    """Without a request URL events travel over the long connection; the handler's 200 ends the delivery."""
    server, client = served
    event_id = server.world.events.emit("im.message.receive_v1", {"message": {"content": "你好"}})
    heard = until(lambda: [s for s in client.said if s.get("event_id") == event_id])
    assert heard[0]["text"] == "你好"
    until(
        lambda: (
            next(d for d in server.world.events.log() if d["event_id"] == event_id)["state"] == "delivered"
        )
    )


def test_a_failing_handler_gets_the_event_again(served: tuple[SandboxServer, Official]) -> None:
    """The client answers 500 for an exception, and after 15 s the same event comes once more."""
    server, client = served
    event_id = server.world.events.emit("im.message.receive_v1", {"message": {"content": "fail"}})

    def heard() -> int:
        return sum(s.get("event_id") == event_id for s in client.said)

    def tries() -> list[Any]:
        return next(d["attempts"] for d in server.world.events.log() if d["event_id"] == event_id)

    until(lambda: len(tries()) == 1)
    assert tries()[0]["status"] == 500
    server.world.clock.advance(16)
    until(lambda: heard() == 2 and len(tries()) == 2)


def test_a_tap_is_answered_over_the_line(served: tuple[SandboxServer, Official]) -> None:
    """What the card handler returns comes back to the platform; a raising one is an error to the person."""
    server, client = served
    toast = {"toast": {"type": "success", "content": "收到"}}
    assert server.world.longconn.request(tap({"a": "ok"}, server)) == (200, toast)
    until(lambda: {"kind": "card", "value": {"a": "ok"}} in client.said)
    assert server.world.longconn.request(tap({"fail": 1}, server)) == (500, None)


def test_old_envelopes_travel_too(served: tuple[SandboxServer, Official]) -> None:
    """Approval events in the v1 envelope reach a registered customized handler."""
    server, client = served
    event_id = server.world.events.emit("approval_instance", {"status": "APPROVED"}, v1=True)
    heard = until(lambda: [s for s in client.said if s.get("uuid") == event_id])
    assert heard[0]["event"]["status"] == "APPROVED"


def test_a_large_payload_is_sent_in_pieces_and_put_together(served: tuple[SandboxServer, Official]) -> None:
    """Half a megabyte arrives whole."""
    server, client = served
    event_id = server.world.events.emit("im.message.receive_v1", {"message": {"content": "x" * 600_000}})
    heard = until(lambda: [s for s in client.said if s.get("event_id") == event_id])
    assert heard[0]["length"] == 600_000


def test_the_official_client_comes_back_after_the_line_is_cut(served: tuple[SandboxServer, Official]) -> None:
    """The kill switch cuts without a goodbye; the client reconnects and hears again."""
    server, client = served
    cut = requests.post(f"{server.url}/_sandbox/longconn", json={"kill": True}, timeout=5).json()
    assert cut["data"]["killed"] >= 1
    until(lambda: server.world.longconn.online("cli_sandbox0000001") == 1, timeout=20)
    event_id = server.world.events.emit("im.message.receive_v1", {"message": {"content": "again"}})
    until(lambda: [s for s in client.said if s.get("event_id") == event_id])


def test_pings_are_answered_with_the_configuration(sandbox: SandboxServer) -> None:
    """A ping gets a pong of the same service carrying the intervals."""
    with join(sandbox) as line:
        line.send(Frame(CONTROL, 7, {"type": "ping"}).encode())
        pong = decode(line.recv(timeout=5))
    assert (pong.method, pong.service, pong.headers["type"]) == (CONTROL, 7, "pong")
    assert json.loads(pong.payload)["PingInterval"] == 120


def test_each_message_goes_to_one_client_of_the_cluster(sandbox: SandboxServer) -> None:
    """Two clients share the messages between them; none gets what the other got."""
    heard: dict[int, list[str]] = {0: [], 1: []}
    lines = [join(sandbox), join(sandbox)]

    def serve(number: int) -> None:
        for raw in lines[number]:
            frame = decode(raw)
            heard[number].append(json.loads(frame.payload)["header"]["event_id"])
            reply = json.dumps({"code": 200, "data": base64.b64encode(b"{}").decode()}).encode()
            lines[number].send(Frame(DATA, frame.service, frame.headers, reply).encode())

    threads = [threading.Thread(target=serve, args=(n,), daemon=True) for n in heard]
    for thread in threads:
        thread.start()
    sent = [sandbox.world.events.emit("a.b_v1", {"n": n}) for n in range(40)]
    until(lambda: sandbox.world.events.pending() == 0)
    assert sorted(heard[0] + heard[1]) == sorted(sent)
    assert heard[0]
    assert heard[1]
    for line in lines:
        line.close()
    for thread in threads:
        thread.join(5)


def test_an_unanswered_message_times_out(sandbox: SandboxServer) -> None:
    """Silence is no success: the tap fails in time; with nobody connected there is no answer at all."""
    with pytest.raises(NoClientError):
        sandbox.world.longconn.request(tap({}, sandbox))
    with join(sandbox):
        until(lambda: sandbox.world.longconn.online("cli_sandbox0000001"))
        with pytest.raises(TimeoutError):
            sandbox.world.longconn.request(tap({}, sandbox), timeout=0.2)


def test_the_fifty_first_client_is_refused(sandbox: SandboxServer) -> None:
    """At most 50 connections an app, at the address desk and at the handshake."""
    sandbox.world.longconn.kill()  # the client of a test before this one may still be there
    until(lambda: sandbox.world.longconn.online("cli_sandbox0000001") == 0)
    spare = ask_endpoint(sandbox)["data"]["URL"]
    lines = [join(sandbox) for _ in range(50)]
    until(lambda: sandbox.world.longconn.online("cli_sandbox0000001") == 50)
    assert ask_endpoint(sandbox)["code"] == 1000040350
    with pytest.raises(InvalidStatus) as refused:
        connect(spare, proxy=None)
    assert refused.value.response.headers["Handshake-Autherrcode"] == "1000040350"
    assert refused.value.response.headers["Handshake-Status"] == "514"
    for line in lines:
        line.close()


def test_wrong_credentials_used_tickets_and_a_busy_desk(sandbox: SandboxServer) -> None:
    """514 for a wrong secret, 1000040344 for none, 1 when busy; a ticket works once."""
    assert ask_endpoint(sandbox, AppSecret="wrong")["code"] == 514
    assert ask_endpoint(sandbox, AppSecret="")["code"] == 1000040344
    url = ask_endpoint(sandbox)["data"]["URL"]
    connect(url, proxy=None).close()
    with pytest.raises(InvalidStatus):
        connect(url, proxy=None)
    sandbox.world.longconn.busy = True
    assert ask_endpoint(sandbox)["code"] == 1


def test_the_typed_sdk_counts_the_connections(sandbox: SandboxServer) -> None:
    """event/v1/connection tells how many clients are connected."""
    with join(sandbox):
        until(lambda: sandbox.world.longconn.online("cli_sandbox0000001"))
        answer = fresh_client(sandbox).event.v1.connection.get(GetConnectionRequest.builder().build())
    assert answer.data.online_instance_cnt == 1


def test_a_request_url_wins_over_the_long_connection(sandbox: SandboxServer) -> None:
    """Only one way is active: with a request URL saved, a connected client hears nothing."""
    receiver = Receiver()
    with join(sandbox) as line:
        until(lambda: sandbox.world.longconn.online("cli_sandbox0000001"))
        sandbox.world.events.subscribe(receiver.url)
        sandbox.world.events.emit("a.b_v1", {})
        until(lambda: receiver.pushed)
        with pytest.raises(TimeoutError):
            line.recv(timeout=0.2)
    receiver.stop()


def test_frames_are_the_official_protobuf() -> None:
    """Our hand-written frames and the official generated code read each other's bytes."""
    ours = Frame(DATA, 33554678, {"type": "event", "sum": "1"}, "负载".encode(), seq_id=300, log_id=2**63)
    theirs = OfficialFrame()
    theirs.ParseFromString(ours.encode())
    assert (theirs.SeqID, theirs.LogID, theirs.service, theirs.method) == (300, 2**63, 33554678, DATA)
    assert {h.key: h.value for h in theirs.headers} == ours.headers
    theirs.LogIDNew, theirs.payload_type = "x", "json"
    assert decode(theirs.SerializeToString()) == ours
    with pytest.raises(BrokenFrameError):
        decode(ours.encode()[:-1])
