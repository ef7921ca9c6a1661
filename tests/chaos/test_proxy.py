"""A line does what its mode says, to connections that stand and to new ones."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterator
from typing import ClassVar

import pytest

from tests.chaos.ground import low_ports
from tests.chaos.proxy import Exchange, Line
from tests.support.wait import until


class Echo(socketserver.BaseRequestHandler):
    """Says everything back, and keeps it."""

    heard: ClassVar[list[bytes]] = []

    def handle(self) -> None:
        """Until the other side ends."""
        while data := self.request.recv(1000):
            self.heard.append(data)
            self.request.sendall(data)


class Server(socketserver.ThreadingTCPServer):
    """In threads that do not keep the test waiting."""

    allow_reuse_address = True
    daemon_threads = True


@pytest.fixture
def line() -> Iterator[tuple[Exchange, int]]:
    """An exchange with one line to a server that echoes, second of two upstreams; the first is not there."""
    Echo.heard.clear()
    port, nobody = low_ports(2)
    with Server(("127.0.0.1", 0), Echo) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        exchange = Exchange([Line("it", port, [("127.0.0.1", nobody), server.server_address])])  # type: ignore[list-item]
        exchange.start()
        yield exchange, port
        exchange.stop()
        server.shutdown()


def call(port: int) -> socket.socket:
    line = socket.create_connection(("127.0.0.1", port), timeout=5)
    line.settimeout(5)
    return line


def ask(port: int, word: bytes) -> bytes:
    """Say something on a new connection and hear the answer; empty when it is just closed."""
    with call(port) as caller:
        caller.sendall(word)
        return caller.recv(10)


def test_what_is_said_passes_and_who_refuses_is_passed_over(line: tuple[Exchange, int]) -> None:
    """As behind a load balancer, several times."""
    _, port = line
    for word in (b"a", b"b", b"c"):
        with call(port) as caller:
            caller.sendall(word)
            assert caller.recv(10) == word


def test_a_cut_resets_who_is_there_and_who_comes(line: tuple[Exchange, int]) -> None:
    """And afterwards it is as before."""
    exchange, port = line
    with call(port) as caller:
        caller.sendall(b"a")
        assert caller.recv(10) == b"a"
        exchange.turn("it", "cut")
        with pytest.raises(ConnectionResetError):
            caller.recv(10)
    with pytest.raises(ConnectionError):
        ask(port, b"b")
    exchange.turn("it", "open")
    with call(port) as caller:
        caller.sendall(b"c")
        assert caller.recv(10) == b"c"
    assert b"b" not in Echo.heard


def test_a_hanging_line_holds_everything_and_gives_it_later(line: tuple[Exchange, int]) -> None:
    """Nothing is lost, nothing is closed."""
    exchange, port = line
    with call(port) as caller:
        caller.sendall(b"a")
        assert caller.recv(10) == b"a"
        exchange.turn("it", "hang")
        caller.sendall(b"b")
        until(lambda: exchange.lines["it"].struck, what="the piece arrives")
        assert Echo.heard == [b"a"]
        exchange.turn("it", "open")
        assert caller.recv(10) == b"b"


def test_an_answer_is_lost_when_the_work_is_done(line: tuple[Exchange, int]) -> None:
    """The other side heard it; the caller hears nothing."""
    exchange, port = line
    exchange.turn("it", "lose")
    with call(port) as caller:
        caller.sendall(b"a")
        with pytest.raises(ConnectionResetError):
            caller.recv(10)
    assert Echo.heard == [b"a"]


def test_a_mode_that_is_none_is_refused(line: tuple[Exchange, int]) -> None:
    """Rather than doing nothing."""
    with pytest.raises(ValueError, match="not 'broken'"):
        line[0].turn("it", "broken")
