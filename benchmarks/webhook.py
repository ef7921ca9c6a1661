"""How fast the webhook acknowledges, verified and durable, against the SDK's adapter and bare Flask.

``python -m benchmarks.webhook [--requests 4000] [--rounds 3] [--database URL]``

All under granian with 1 worker (ours with our acceptor, the others with 8 blocking threads), the same bodies
over 16 keep-alive connections, taking turns in one run so that a noisy machine is noisy for all. The SDK's
adapter stores nothing. Ratios are the result; absolute figures belong to the machine. Targets: at least 1.0
times the SDK's adapter, at least 0.6 times bare Flask. ``read`` and ``opened`` are ours without its later
parts; the second table says what each part costs.
"""

import argparse
import base64
import hashlib
import json
import os
import re
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import deque
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from benchmarks.webhook_apps import APP_ID, ENCRYPT_KEY, EVENT, TOKEN

NAMES = ("ours", "sdk", "bare", "read", "opened")
OURS = ("ours", "read", "opened")
"""These come with our acceptor, which reads bodies in the server's loop and has threads of its own."""
TARGETS = {"sdk": 1.0, "bare": 0.6}
WARM_UP = 300


@dataclass
class Load:
    """What one turn measured."""

    per_second: float
    latencies: list[float] = field(repr=False)
    failures: int = 0

    def percentile(self, share: float) -> float:
        """Latency in ms below which a share of the answers came."""
        return sorted(self.latencies)[min(int(len(self.latencies) * share), len(self.latencies) - 1)] * 1000


def requests(count: int, port: int, offset: int) -> deque[bytes]:
    """Build signed, encrypted HTTP requests of about 3 KB, each with its own event id."""
    return deque(_request(port, f"bench-{offset}-{n}") for n in range(count))


def _request(port: int, event_id: str) -> bytes:
    now = time.time()
    cells = [
        {"field_id": f"fld{n:07}", "field_value": json.dumps([{"text": f"第 {n} 格的内容"}])}
        for n in range(12)
    ]
    change = {
        "record_id": "recABCDEFGH",
        "action": "record_edited",
        "before_value": cells,
        "after_value": cells,
    }
    event = {"file_type": "bitable", "file_token": "bascnX", "table_id": "tblX", "action_list": [change]}
    header = {"event_id": event_id, "event_type": EVENT, "create_time": str(int(now * 1000)), "token": TOKEN}
    header |= {"app_id": APP_ID, "tenant_key": "t"}
    plain = json.dumps({"schema": "2.0", "header": header, "event": event | {"revision": 1}}).encode()
    iv, pad = os.urandom(16), 16 - len(plain) % 16
    cipher = Cipher(
        algorithms.AES256(hashlib.sha256(ENCRYPT_KEY.encode()).digest()), modes.CBC(iv)
    ).encryptor()
    sealed = base64.b64encode(iv + cipher.update(plain + bytes([pad]) * pad) + cipher.finalize()).decode()
    body = json.dumps({"encrypt": sealed}).encode()
    stamp = str(int(now))
    sign = hashlib.sha256(f"{stamp}nonce{ENCRYPT_KEY}".encode() + body).hexdigest()
    head = (
        f"POST /webhook/event HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        f"X-Lark-Request-Timestamp: {stamp}\r\nX-Lark-Request-Nonce: nonce\r\nX-Lark-Signature: {sign}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def drive(port: int, waiting: deque[bytes], connections: int) -> Load:
    """Send everything over keep-alive connections, each with one request under way."""
    selector = selectors.DefaultSelector()
    latencies: list[float] = []
    failures, open_now = 0, 0
    began = time.perf_counter()
    for _ in range(connections):
        open_now += _next(selector, Connection(port), waiting)
    while open_now:
        for key, _ in selector.select(10):
            connection: Connection = key.data
            status = connection.receive()
            if status is None:
                continue
            latencies.append(time.perf_counter() - connection.started)
            failures += status != 200
            open_now -= not _next(selector, connection, waiting)
    elapsed = time.perf_counter() - began
    selector.close()
    return Load(len(latencies) / elapsed, latencies, failures)


class Connection:
    """One keep-alive connection; an answer may arrive in pieces."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.started = 0.0
        self._got = b""

    def send(self, request: bytes) -> None:
        """Send one request and start its time."""
        self.started = time.perf_counter()
        self.socket.sendall(request)

    def receive(self) -> int | None:
        """Take what has arrived; the status once the answer is complete."""
        piece = self.socket.recv(65536)
        self._got += piece
        head, found, body = self._got.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE) if found else None
        if piece and (length is None or len(body) < int(length.group(1))):
            return None
        self._got = b""
        return int(head.split(b" ", 2)[1]) if piece else 0


def _next(selector: selectors.BaseSelector, connection: Connection, waiting: deque[bytes]) -> bool:
    """Give a connection its next request, or close it when there is none."""
    if connection.started == 0.0:
        selector.register(connection.socket, selectors.EVENT_READ, connection)
    if waiting:
        connection.send(waiting.popleft())
        return True
    selector.unregister(connection.socket)
    connection.socket.close()
    return False


def serve(name: str, port: int, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """Start one of the servers and wait until it takes connections."""
    command = [sys.executable, "-m", "granian", "--factory", "--workers", "1", "--port", str(port)]
    command += (
        ["--interface", "rsgi", "--loop", "uvloop"]
        if name in OURS
        else ["--interface", "wsgi", "--blocking-threads", "8"]
    )
    command += ["--log-level", "error"]
    command += ["--backlog", "256", f"benchmarks.webhook_apps:{name}"]
    process = subprocess.Popen(command, env=os.environ | environment)
    for _ in range(600):
        if process.poll() is not None:
            raise SystemExit(f"the server {name!r} ended at its start; its output is above")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=0.1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return process
    raise SystemExit(f"the server {name!r} took no connection within a minute")


def free_port() -> int:
    """A port nobody listens on."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def measure(count: int, rounds: int, connections: int, database: str | None) -> dict[str, list[Load]]:
    """Let the servers take turns."""
    loads: dict[str, list[Load]] = {name: [] for name in NAMES}
    with tempfile.TemporaryDirectory() as directory:
        url = database or f"sqlite:///{Path(directory) / 'bench.db'}"
        environment = {"BENCH_DIR": directory, "BENCH_DATABASE": url}
        servers: dict[str, tuple[int, subprocess.Popen[bytes]]] = {}
        try:
            for name in NAMES:
                port = free_port()
                servers[name] = (port, serve(name, port, environment))
                drive(port, requests(WARM_UP, port, -1), connections)
            for turn in range(rounds):
                for name in NAMES:
                    port = servers[name][0]
                    loads[name].append(drive(port, requests(count, port, turn), connections))
        finally:
            for _, process in servers.values():
                process.terminate()
            for _, process in servers.values():
                process.wait(10)
        if database is None:
            print(f"stored by ours: {stored(Path(directory) / 'bench.db')} events")
    return loads


def stored(path: Path) -> int:
    """Count what our server made durable."""
    import sqlite3  # noqa: PLC0415

    with closing(sqlite3.connect(path)) as conn:
        return int(conn.execute("SELECT count(*) FROM inbox").fetchone()[0])


def explain(rates: dict[str, float]) -> None:
    """Print where the time of one acknowledgement goes: each server does what the one before does and more.

    The wall time of a request at full load, so what overlaps (a flush to disk) counts only as far as it keeps
    other requests waiting.
    """
    parts = {"read": "receive and answer", "opened": "+ verify, decrypt, parse", "ours": "+ store durably"}
    budget = 1e6 / (TARGETS["bare"] * rates["bare"])
    print(f"\n{'microseconds a request':<26}{'part':>8}{'so far':>8}")
    before = 0.0
    for name, part in parts.items():
        so_far = 1e6 / rates[name]
        print(f"{part:<26}{so_far - before:>8.0f}{so_far:>8.0f}")
        before = so_far
    print(f"bare Flask takes {1e6 / rates['bare']:.0f}; {TARGETS['bare']} of its rate leaves {budget:.0f}")


def main() -> int:
    """Measure, print the table, say whether the targets were met."""
    parser = argparse.ArgumentParser(description="acknowledgements per second of the webhook")
    parser.add_argument("--requests", type=int, default=4000, help="per server and turn")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--database", help="address of an empty database instead of a SQLite file")
    options = parser.parse_args()
    loads = measure(options.requests, options.rounds, options.connections, options.database)
    print(f"\n{'server':<8}{'acks/s':>9}{'p50 ms':>9}{'p99 ms':>9}{'max ms':>9}{'not 200':>9}")
    rates = {}
    for name in NAMES:
        turns = loads[name]
        rates[name] = statistics.median(load.per_second for load in turns)
        p50, p99, most = (
            statistics.median(load.percentile(share) for load in turns) for share in (0.5, 0.99, 1.0)
        )
        failures = sum(load.failures for load in turns)
        print(f"{name:<8}{rates[name]:>9.0f}{p50:>9.1f}{p99:>9.1f}{most:>9.1f}{failures:>9}")
    met = True
    for name, target in TARGETS.items():
        ratio = statistics.median(
            a.per_second / b.per_second for a, b in zip(loads["ours"], loads[name], strict=True)
        )
        met &= ratio >= target
        print(f"ours / {name}: {ratio:.2f} (target {target:.1f}: {'met' if ratio >= target else 'MISSED'})")
    explain(rates)
    return 0 if met and not sum(load.failures for load in loads["ours"]) else 1


if __name__ == "__main__":
    sys.exit(main())
