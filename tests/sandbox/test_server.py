"""The server itself: faults, limits, the clock, the recorder, keep-alive, refusals."""

import http.client
import json
import socket
import threading
import time
from typing import Any

import pytest
import requests

from sandbox.server import SandboxServer
from tests.support.wait import until

INFO = "/open-apis/bot/v3/info"
TOKEN = "/open-apis/auth/v3/tenant_access_token/internal"


def control(sandbox: SandboxServer, method: str, path: str, **body: Any) -> dict[str, Any]:
    """One call of the control plane."""
    return requests.request(method, f"{sandbox.url}/_sandbox/{path}", json=body, timeout=10).json()


def head(sandbox: SandboxServer) -> dict[str, str]:
    """A tenant token as a header."""
    keys = {"app_id": "cli_sandbox0000001", "app_secret": "sandbox-secret"}
    token = requests.post(sandbox.url + TOKEN, json=keys, timeout=5).json()["tenant_access_token"]
    return {"Authorization": f"Bearer {token}"}


def info(sandbox: SandboxServer, headers: dict[str, str]) -> requests.Response:
    """One simple platform call."""
    return requests.get(sandbox.url + INFO, headers=headers, timeout=5)


def test_a_code_fault_strikes_as_often_as_ordered_and_then_no_more(sandbox: SandboxServer) -> None:
    """Skip 1, times 2: the second and third call fail, the others work; the order counts its hits."""
    headers = head(sandbox)
    match = {"method": "GET", "path": "/open-apis/bot/*"}
    control(
        sandbox,
        "POST",
        "faults",
        match=match,
        skip=1,
        times=2,
        kind="code",
        code=1254291,
        msg="Write conflict",
    )
    codes = [info(sandbox, headers).json()["code"] for _ in range(4)]
    assert codes == [0, 1254291, 1254291, 0]
    assert control(sandbox, "GET", "faults")["data"]["faults"][0]["hits"] == 2


def test_an_ordered_rate_limit_says_how_long_to_wait(sandbox: SandboxServer) -> None:
    """99991400 comes as 429 with the reset header; older APIs answer 400."""
    headers = head(sandbox)
    control(sandbox, "POST", "faults", code=99991400, headers={"x-ogw-ratelimit-reset": "7"})
    control(sandbox, "POST", "faults", code=99991400, status=400)
    first, second = info(sandbox, headers), info(sandbox, headers)
    assert (first.status_code, first.json()["code"]) == (429, 99991400)
    assert first.headers["x-ogw-ratelimit-reset"] == "7"
    assert (second.status_code, second.headers["x-ogw-ratelimit-reset"]) == (400, "1")


def test_a_broken_gateway_answers_html(sandbox: SandboxServer) -> None:
    """Kind html gives a 502 page, not JSON."""
    headers = head(sandbox)
    control(sandbox, "POST", "faults", kind="html")
    answer = info(sandbox, headers)
    assert answer.status_code == 502
    assert answer.text.startswith("<html>")


@pytest.mark.parametrize(("kind", "done"), [("drop_after", True), ("drop_before", False)])
def test_a_dropped_answer_leaves_the_work_done_or_not(sandbox: SandboxServer, kind: str, done: bool) -> None:
    """drop_after does the work and cuts the line; drop_before cuts it without doing anything."""
    headers = head(sandbox)
    control(sandbox, "POST", "faults", kind=kind, match={"path": "*/messages"})
    person = next(iter(sandbox.world.people))
    body = {"receive_id": person, "msg_type": "text", "content": '{"text": "x"}'}
    url = sandbox.url + "/open-apis/im/v1/messages?receive_id_type=open_id"
    with pytest.raises(requests.ConnectionError):
        requests.post(url, json=body, headers=headers, timeout=5)
    assert bool(sandbox.world.im.messages) is done
    recorded = control(sandbox, "GET", "requests?path=messages")["data"]["requests"]
    assert [call["status"] for call in recorded] == [0]


def test_delay_and_revocation(sandbox: SandboxServer) -> None:
    """Delay makes one answer late; revoke_tokens makes the token in hand invalid."""
    headers = head(sandbox)
    control(sandbox, "POST", "faults", kind="delay", seconds=0.3)
    started = time.monotonic()
    assert info(sandbox, headers).json()["code"] == 0
    assert time.monotonic() - started >= 0.3
    control(sandbox, "POST", "faults", kind="revoke_tokens")
    assert info(sandbox, headers).json()["code"] == 99991663
    assert info(sandbox, head(sandbox)).json()["code"] == 0


def test_withdrawn_faults_do_not_strike(sandbox: SandboxServer) -> None:
    """DELETE faults takes all orders back, and a nonsense order is refused in words."""
    headers = head(sandbox)
    control(sandbox, "POST", "faults", code=1)
    control(sandbox, "DELETE", "faults")
    assert info(sandbox, headers).json()["code"] == 0
    assert "drop_after" in control(sandbox, "POST", "faults", kind="explode")["msg"]


def test_the_limit_of_a_route_is_kept_and_can_be_switched_off(sandbox: SandboxServer) -> None:
    """50 a second pass, the next one is refused with the time to wait; off means off."""
    headers = head(sandbox)
    with requests.Session() as session:
        answers = [session.get(sandbox.url + INFO, headers=headers, timeout=5) for _ in range(120)]
        refused = [a for a in answers if a.status_code == 429]
        assert refused
        assert refused[0].json()["code"] == 99991400
        assert refused[0].headers["x-ogw-ratelimit-limit"] == "50"
        assert int(refused[0].headers["x-ogw-ratelimit-reset"]) >= 1
        control(sandbox, "POST", "limits", on=False)
        after = [session.get(sandbox.url + INFO, headers=headers, timeout=5).status_code for _ in range(120)]
        assert set(after) == {200}


def test_the_clock_only_jumps_when_told(sandbox: SandboxServer) -> None:
    """Advance moves the sandbox's time by so many seconds; a reset takes it back."""
    before = control(sandbox, "GET", "clock")["data"]["time"]
    after = control(sandbox, "POST", "clock", advance=3600)["data"]["time"]
    assert 3600 <= after - before < 3660
    control(sandbox, "POST", "reset", company="tiny", seed=1)
    assert control(sandbox, "GET", "clock")["data"]["time"] - before < 60


def test_the_same_seed_founds_the_same_company(sandbox: SandboxServer) -> None:
    """Ids and names repeat with the seed, and differ with another one."""

    def staff(seed: int) -> list[tuple[str, str]]:
        control(sandbox, "POST", "reset", company="tiny", seed=seed)
        found = control(sandbox, "GET", "people")["data"]["people"]
        return [(person["open_id"], person["name"]) for person in found]

    assert staff(5) == staff(5)
    assert staff(5) != staff(6)


def test_the_recorder_keeps_bodies_and_answers_and_leaves_itself_out(sandbox: SandboxServer) -> None:
    """A platform call is recorded with route, query and both bodies; control calls are not."""
    headers = head(sandbox)
    person = next(iter(sandbox.world.people.values()))
    url = f"{sandbox.url}/open-apis/contact/v3/users/{person.open_id}?user_id_type=open_id"
    requests.get(url, headers=headers, timeout=5)
    control(sandbox, "GET", "people")
    recorded = control(sandbox, "GET", "requests")["data"]["requests"]
    assert [call["n"] for call in recorded] == list(range(1, len(recorded) + 1))
    last = recorded[-1]
    assert last["route"] == "/open-apis/contact/v3/users/:user_id"
    assert last["query"] == {"user_id_type": "open_id"}
    assert last["response"]["data"]["user"]["name"] == person.name
    assert not any("_sandbox" in call["path"] for call in recorded)
    assert control(sandbox, "GET", f"requests?since={last['n']}")["data"]["requests"] == []


@pytest.mark.parametrize("path", ["/open-apis/no/such", "/nothing", "/_sandbox/nothing"])
def test_an_unknown_path_is_refused(sandbox: SandboxServer, path: str) -> None:
    """Nothing answers 200 for a path nobody wrote."""
    answer = requests.get(sandbox.url + path, timeout=5)
    assert answer.status_code == 404
    assert answer.json()["code"] != 0


def test_every_endpoint_carries_a_dated_claim(sandbox: SandboxServer) -> None:
    """Each route says which page its behaviour was taken from, and when that was read."""
    routes = control(sandbox, "GET", "coverage")["data"]["routes"]
    assert len(routes) > 60
    undated = [r["path"] for r in routes if "202" not in r["claim"]]
    assert undated == []


def test_one_line_carries_many_calls_and_chunked_bodies(sandbox: SandboxServer) -> None:
    """Keep-alive works, and so does a body sent in chunks."""
    line = http.client.HTTPConnection("127.0.0.1", int(sandbox.url.rsplit(":", 1)[1]), timeout=5)
    for _ in range(3):
        body = iter([b'{"app_id": "cli_sandbox0000001",', b'"app_secret": "sandbox-secret"}'])
        line.request("POST", TOKEN, body=body, encode_chunked=True, headers={"Transfer-Encoding": "chunked"})
        assert json.loads(line.getresponse().read())["code"] == 0
    line.close()


def test_bytes_that_are_no_request_close_the_line(sandbox: SandboxServer) -> None:
    """Nonsense does not hang or kill the server."""
    with socket.create_connection(("127.0.0.1", int(sandbox.url.rsplit(":", 1)[1])), timeout=5) as line:
        line.sendall(b"what?\r\n\r\n")
        assert line.recv(100) == b""
    assert info(sandbox, head(sandbox)).json()["code"] == 0


def test_a_stopped_server_lets_go_of_its_port_and_threads() -> None:
    """After stop nobody answers and no thread of the server is left."""
    before = set(threading.enumerate())
    server = SandboxServer(company="empty")
    server.start()
    assert requests.get(server.url + "/", timeout=5).status_code == 200
    server.stop()
    with pytest.raises(requests.ConnectionError):
        requests.get(server.url + "/", timeout=5)
    until(lambda: not (set(threading.enumerate()) - before), what="threads of the stopped server to end")


def test_an_answer_word_for_word_with_or_without_the_work(sandbox: SandboxServer) -> None:
    """Kind answer gives body, status and headers as ordered; with `done` the work is done all the same."""
    headers = head(sandbox)
    person = next(iter(sandbox.world.people))
    body = {"receive_id": person, "msg_type": "text", "content": '{"text": "x"}'}
    url = sandbox.url + "/open-apis/im/v1/messages?receive_id_type=open_id"
    match = {"path": "*/messages"}
    wish = {"kind": "answer", "status": 503, "body": {"a": 1}, "headers": {"Retry-After": "9"}}
    control(sandbox, "POST", "faults", match=match, **wish)
    control(sandbox, "POST", "faults", match=match, kind="answer", body="<p>", done=True)
    first, second = (requests.post(url, json=body, headers=headers, timeout=5) for _ in range(2))
    assert (first.status_code, first.json(), first.headers["Retry-After"]) == (503, {"a": 1}, "9")
    assert (second.status_code, second.text) == (200, "<p>")
    assert len(sandbox.world.im.messages) == 1


def test_half_an_answer_and_a_late_one(sandbox: SandboxServer) -> None:
    """drop_mid cuts the line within the body; late does the work at once and answers afterwards."""
    headers = head(sandbox)
    control(sandbox, "POST", "faults", kind="drop_mid", match={"path": "*/bot/*"})
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        info(sandbox, headers)
    control(sandbox, "POST", "faults", kind="late", seconds=0.3, match={"path": "*/bot/*"})
    started = time.monotonic()
    assert info(sandbox, headers).json()["code"] == 0
    assert time.monotonic() - started >= 0.3
