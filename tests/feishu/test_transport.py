"""What goes over the wire, and what is known when it breaks."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from runtime.feishu.endpoint import Endpoint, Rate
from runtime.feishu.errors import Ambiguous, TooLarge, Unreachable
from runtime.feishu.transport import CONNECT_TRIES, Transport
from tests.feishu.tiny_server import Seen, TinyServer, answer_json, tiny_server

READ = Endpoint("GET", "/open-apis/x/:id", Rate())
ASK = Endpoint("POST", "/open-apis/x/search", Rate())
WRITE = Endpoint("POST", "/open-apis/x", Rate(), writes=True)
CHANGE = Endpoint("PATCH", "/open-apis/x/:id", Rate(), writes=True)


def echo(_request: Seen) -> tuple[int, dict[str, str], bytes]:
    """Always fine."""
    return answer_json({"code": 0})


@pytest.fixture
def server() -> Iterator[TinyServer]:
    """A server that says yes to everything."""
    with tiny_server(echo) as running:
        yield running


def transport(url: str, counted: list[str] | None = None, **options: float) -> Transport:
    """A transport whose waits take no time."""
    names: list[str] = [] if counted is None else counted
    return Transport(url, count=names.append, sleep=lambda _seconds: None, **options)


def test_connections_are_kept(server: TinyServer) -> None:
    """Fifty calls use one connection; the SDK's own transport would open fifty."""
    sender = transport(server.url)
    for _ in range(50):
        sender.send(WRITE, body={"a": 1}, token="t-1")
    assert len({request.port for request in server.seen}) == 1
    sender.close()


def test_none_arrives_as_null(server: TinyServer) -> None:
    """A cell is cleared by null; the SDK's typed models would drop it silently."""
    sender = transport(server.url)
    sender.send(WRITE, body={"fields": {"负责人": None, "数": 1}}, token="t-1")
    assert json.loads(server.seen[0].body) == {"fields": {"负责人": None, "数": 1}}
    assert server.seen[0].headers["Content-Type"] == "application/json; charset=utf-8"
    sender.close()


def test_paths_queries_and_headers(server: TinyServer) -> None:
    """Paths are encoded, None is left out, lists repeat, booleans are in JSON's spelling."""
    sender = transport(server.url)
    query = {"a": None, "b": True, "c": ["x", "y"], "d": "中 文", "e": 5}
    sender.send(READ, paths={"id": "a/b"}, query=query, token="t-1")
    request = server.seen[0]
    assert request.target == "/open-apis/x/a%2Fb?b=true&c=x&c=y&d=%E4%B8%AD+%E6%96%87&e=5"
    assert request.headers["Authorization"] == "Bearer t-1"
    assert request.headers["User-Agent"].startswith("oapi-sdk-python/")
    sender.close()


def test_a_call_without_token_sends_none(server: TinyServer) -> None:
    """Fetching the token carries no Authorization header."""
    sender = transport(server.url)
    sender.send(Endpoint("POST", "/open-apis/t", Rate(), token=False), body={})
    assert "Authorization" not in server.seen[0].headers
    sender.close()


def test_forms_are_multipart_with_a_file_name(server: TinyServer) -> None:
    """Files go as multipart with name and type; without a file name frameworks file them as text."""
    sender = transport(server.url)
    sender.send(WRITE, form={"size": "3", "file": ("图.png", b"\x89PN", "image/png")}, token="t-1")
    request = server.seen[0]
    assert request.headers["Content-Type"].startswith("multipart/form-data; boundary=")
    assert b'name="size"\r\n\r\n3\r\n' in request.body
    assert 'filename="图.png"'.encode() in request.body
    assert b"Content-Type: image/png\r\n\r\n\x89PN\r\n" in request.body
    sender.close()


def test_a_refused_connection_is_tried_again_also_for_a_write() -> None:
    """Nothing was sent, so even a POST may be tried again; then it is Unreachable, not unknown."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    counted: list[str] = []
    sender = transport(url, counted)
    with pytest.raises(Unreachable, match="nothing was sent"):
        sender.send(WRITE, body={}, token="t-1")
    assert counted == ["POST /open-apis/x"] * CONNECT_TRIES
    sender.close()


def test_a_connection_that_works_at_the_second_try() -> None:
    """A blip while connecting passes unnoticed: here the server comes up while the client waits."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with ExitStack() as later:
        started: list[TinyServer] = []

        def come_up(_seconds: float) -> None:
            started.append(later.enter_context(tiny_server(echo, port=port)))

        sender = Transport(f"http://127.0.0.1:{port}", count=lambda _name: None, sleep=come_up)
        assert sender.send(WRITE, body={}, token="t-1").status == 200
        assert len(started[0].seen) == 1
        sender.close()


@pytest.mark.parametrize("endpoint", [WRITE, CHANGE])
def test_a_dropped_answer_of_a_write_is_unknown_and_never_repeated(endpoint: Endpoint) -> None:
    """The other side got it; sending it again could do it twice."""
    with tiny_server(lambda _request: None) as server:
        sender = transport(server.url)
        with pytest.raises(Ambiguous):
            sender.send(endpoint, paths={"id": "1"}, body={}, token="t-1")
        assert len(server.seen) == 1
        sender.close()


@pytest.mark.parametrize("endpoint", [READ, ASK])
def test_a_dropped_answer_of_a_read_may_be_asked_again(endpoint: Endpoint) -> None:
    """Nothing can have changed; a POST that only searches is a read too."""
    with tiny_server(lambda _request: None) as server:
        sender = transport(server.url)
        with pytest.raises(Unreachable):
            sender.send(endpoint, paths={"id": "1"}, token="t-1")
        assert len(server.seen) == 1
        sender.close()


def test_a_slow_answer_is_given_up() -> None:
    """After the read time a write is unknown and a read unreachable."""
    finish = threading.Event()

    def slow(_request: Seen) -> tuple[int, dict[str, str], bytes]:
        finish.wait(10)
        return answer_json({"code": 0})

    with tiny_server(slow) as server:
        sender = transport(server.url, read_seconds=0.1)
        with pytest.raises(Ambiguous, match="in time"):
            sender.send(WRITE, body={}, token="t-1")
        with pytest.raises(Unreachable, match="in time"):
            sender.send(READ, paths={"id": "1"}, token="t-1")
        finish.set()
        sender.close()


def test_no_more_is_read_than_wanted() -> None:
    """A length that is too large is not read at all; a longer answer without a length is cut off."""
    listener = socket.create_server(("127.0.0.1", 0))
    sent: list[int] = []

    def serve() -> None:
        for length in (b"Content-Length: 999999999\r\n", b"Connection: close\r\n"):
            line, _ = listener.accept()
            line.recv(65536)
            line.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\n" + length + b"\r\n")
            try:
                sent.append(0)
                while sent[-1] < 2**28:  # a quarter of a gigabyte, if anybody reads it
                    sent[-1] += line.send(bytes(65536))
            except OSError:
                line.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    way = transport(f"http://127.0.0.1:{listener.getsockname()[1]}")
    for _ in range(2):
        with pytest.raises(TooLarge, match="larger than 1,000,000 bytes"):
            way.send(READ, paths={"id": "1"}, most=1_000_000)
    thread.join(10)
    listener.close()
    assert not thread.is_alive()
    assert max(sent) < 2**25  # what lies in the buffers of the system


def test_an_answer_that_fits_keeps_its_connection(server: TinyServer) -> None:
    """Reading up to a limit gives the connection back as reading all does."""
    way = transport(server.url)
    bodies = [way.send(READ, paths={"id": "1"}, most=limit).body for limit in (11, 100)]
    assert bodies == [b'{"code": 0}', b'{"code": 0}']
    assert len({request.port for request in server.seen}) == 1


def test_redirects_are_not_followed() -> None:
    """A portal's redirect must not receive our token."""
    with tiny_server(lambda _r: (302, {"Location": "http://127.0.0.1:9/"}, b"")) as server:
        sender = transport(server.url)
        assert sender.send(READ, paths={"id": "1"}, token="t-1").status == 302
        sender.close()


def test_a_connection_closed_while_idle_is_replaced() -> None:
    """A server that closes after each answer does not make the next write unknown."""
    with tiny_server(lambda _r: answer_json({"code": 0}, Connection="close")) as server:
        sender = transport(server.url)
        for _ in range(5):
            assert sender.send(WRITE, body={}, token="t-1").status == 200
        assert len(server.seen) == 5
        sender.close()
