"""Hundreds of clients that never finish their request, against the real server process on loopback."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests

from bot.acceptor import BODY_SECONDS
from bot.envelope import MAX_BODY
from bot.serving import HEADER_BYTES, HEADER_SECONDS
from runtime.db import migrate
from tests.bot.platform import APP_ID, ENCRYPT_KEY, TOKEN, Sender
from tests.support.wait import until

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]

ROOT = Path(__file__).parents[2]
SLOW = 300
"""Connections that send a byte of a header now and then."""
PATIENCE = 3.0
"""Seconds the platform waits for the answer to a tap."""


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A web process as `serve` starts it, without a worker."""
    folder = tmp_path_factory.mktemp("web")
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        free = int(taken.getsockname()[1])
    url = f"sqlite:///{folder / 'chorus.db'}"
    migrate(url)
    env = {name: text for name, text in os.environ.items() if not name.startswith(("CHORUS_", "FEISHU_"))} | {
        "FEISHU_APP_ID": APP_ID, "FEISHU_APP_SECRET": "made-up", "FEISHU_ENCRYPT_KEY": ENCRYPT_KEY,
        "FEISHU_VERIFICATION_TOKEN": TOKEN, "CHORUS_PORT": str(free), "CHORUS_VAR_DIR": str(folder),
        "DATABASE_URL": url, "CHORUS_MANIFEST": str(ROOT / "feishu_app.yaml"),
    }  # fmt: skip
    command = [sys.executable, "app.py", "serve", "--role", "web"]
    process = subprocess.Popen(command, cwd=ROOT, env=env, stderr=subprocess.DEVNULL)
    try:
        until(lambda: healthy(free), timeout=60, what="the web process listens")
        yield free
    finally:
        process.terminate()
        process.wait(20)


def healthy(port: int) -> bool:
    """Whether the health page answers within a second."""
    try:
        return requests.get(f"http://127.0.0.1:{port}/healthz", timeout=1).status_code == 200
    except requests.RequestException:
        return False


def tap_seconds(port: int) -> float:
    """How long a signed tap waits for its answer."""
    body, headers = Sender(datetime.now(UTC)).request(
        Sender(datetime.now(UTC), count=time.time_ns()).tap({"a": "nobody"})
    )
    began = time.perf_counter()
    answer = requests.post(f"http://127.0.0.1:{port}/webhook/card", body, headers=headers, timeout=10)
    assert answer.status_code == 200
    return time.perf_counter() - began


def opened(port: int, first: bytes) -> socket.socket:
    """A connection that has sent something and waits."""
    made = socket.create_connection(("127.0.0.1", port), timeout=5)
    made.sendall(first)
    return made


def ended(connection: socket.socket, within: float) -> bool:
    """Whether the server closes the connection in time (it may say 408 or 400 before)."""
    connection.settimeout(within)
    try:
        while connection.recv(4096):
            pass
    except TimeoutError:
        return False
    except OSError:
        return True
    return True


def test_headers_that_never_end_keep_nobody_waiting_and_are_cut_off(port: int) -> None:
    """Three hundred slow clients hold a socket each; health and a tap answer; then they are closed."""
    with ExitStack() as stack:
        slow = [
            stack.enter_context(closing(opened(port, b"POST /webhook/event HTTP/1.1\r\nHost: x\r\nX-A: ")))
            for _ in range(SLOW)
        ]
        for _ in range(3):
            for each in slow:
                each.sendall(b"a")
            assert healthy(port)
            assert tap_seconds(port) < PATIENCE
        assert ended(slow[0], HEADER_SECONDS + 10)
        assert ended(slow[-1], HEADER_SECONDS + 10)
    assert healthy(port)


def test_a_header_without_end_is_refused(port: int) -> None:
    """More than the limit: the connection ends, the process lives."""
    with closing(opened(port, b"GET /healthz HTTP/1.1\r\nHost: x\r\n")) as large:
        try:
            for _ in range(HEADER_BYTES * 8 // 1024):
                large.sendall(b"X-A: " + b"a" * 1000 + b"\r\n")
        except OSError:
            pass
        assert ended(large, 10)
    assert healthy(port)


SILENT = (
    b"POST /webhook/event HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n{",
    b"POST /webhook/event HTTP/1.1\r\nHost: x\r\nContent-Length: 7000000\r\n\r\n{",
    b"POST /pay HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\na=",
    b"POST /webhook/card HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
)
"""Bodies that are announced and not sent: small, large, to a page, without a length."""


def test_bodies_that_never_end_keep_nobody_waiting_and_are_cut_off(port: int) -> None:
    """Three hundred silent senders and no proxy: health and a tap answer; then they are gone."""
    with ExitStack() as stack:
        silent = [stack.enter_context(closing(opened(port, SILENT[n % len(SILENT)]))) for n in range(SLOW)]
        for _ in range(5):
            assert healthy(port)
            assert tap_seconds(port) < PATIENCE
        for each in silent[-len(SILENT) :]:
            assert ended(each, BODY_SECONDS + 10)
    assert healthy(port)


def test_a_body_that_comes_slowly_and_in_time_is_taken(port: int) -> None:
    """A tap whose body arrives in ten pieces is answered like any other."""
    sender = Sender(datetime.now(UTC), count=time.time_ns())
    body, headers = sender.request(sender.tap({"a": "nobody"}))
    names = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"POST /webhook/card HTTP/1.1\r\nHost: x\r\n{names}Content-Length: {len(body)}\r\n\r\n"
    with closing(opened(port, head.encode())) as slow:
        step = -(-len(body) // 10)
        for start in range(0, len(body), step):
            slow.sendall(body[start : start + step])
            assert healthy(port)  # something else in between
        slow.settimeout(10)
        assert slow.recv(4096).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    "head",
    [
        f"Content-Length: {MAX_BODY + 1}\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n" + f"{MAX_BODY + 1:x}\r\n",
    ],
)
def test_a_body_beyond_the_limit_is_refused_before_it_is_kept(port: int, head: str) -> None:
    """Told or not told beforehand: the connection ends, whatever is still being sent."""
    with closing(opened(port, f"POST /webhook/event HTTP/1.1\r\nHost: x\r\n{head}".encode())) as large:
        try:
            for _ in range(MAX_BODY // 65536 + 2):
                large.sendall(b"a" * 65536)
        except OSError:
            pass
        assert ended(large, 10)
    assert healthy(port)


@pytest.mark.parametrize(
    "raw",
    [
        b"\x00" * 2000, b"GET\r\n\r\n", b"POST /webhook/event HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00\x01",
        b"GET http://evil.test/ HTTP/1.1\r\nHost: evil.test\r\n\r\n",
        b"POST /webhook/event HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"POST /webhook/event HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        b"POST /webhook/event HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)  # fmt: skip
def test_no_raw_bytes_end_the_process(port: int, raw: bytes) -> None:
    """What is no request is answered with at most a 4xx, and the next one is served."""
    with closing(opened(port, raw)) as odd:
        odd.shutdown(socket.SHUT_WR)
        odd.settimeout(5)
        answer = b""
        try:
            while piece := odd.recv(4096):
                answer += piece
        except OSError:
            pass
    assert not answer.startswith(b"HTTP/1.1 5"), answer[:80]
    assert healthy(port)
