"""How fast work is picked up, how much is done, what idling costs.

    python -m benchmarks.engine [--database URL] [--workers 2]

Without an address a SQLite file in a temporary directory is used; several workers want PostgreSQL. Workers
are processes of their own, as in production; times are taken on this machine's clock on both sides.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runtime.db import Database, migrate
from runtime.lanes import POLL_SECONDS
from runtime.log import configure
from runtime.work import Work, WorkQueue

IDLE_SECONDS = 10.0
SINGLE = 40
BURST = 200
PAUSE = 0.15
PICK_UP, IDLE = 0.1, 0.055
"""Targets: the slowest pick-up in seconds, and the share of a core an idle worker takes (about 5 %)."""


def main() -> int:
    """Measure and print one table; 0 when the targets were met."""
    configure("warning", sys.stderr)
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine", description=__doc__)
    parser.add_argument("--database", help="address of an empty database instead of a SQLite file")
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = options.database or f"sqlite:///{folder}/bench.db"
        began = time.monotonic()
        migrate(url)
        rows = [("migrate an empty database", f"{time.monotonic() - began:.2f} s")]
        db = Database(url)
        began = time.monotonic()
        command = [sys.executable, "-m", "benchmarks.engine", "--worker", url, folder]
        names = [f"bench-{number}" for number in range(options.workers)]
        workers = [subprocess.Popen([*command, name]) for name in names]
        try:
            _wait_for(lambda: all(Path(folder, name).exists() for name in names))
            rows.append(("worker process: start to performing", f"{time.monotonic() - began:.2f} s"))
            measured, met = _measure(db, WorkQueue(db), workers[0].pid, Path(folder, "times"))
            rows += measured
        finally:
            for worker in workers:
                worker.kill()
                worker.wait()
            db.close()
    print(f"\nEngine on {db.dialect}, {options.workers} worker(s): poll {POLL_SECONDS} s\n")
    for name, value in rows:
        print(f"| {name:<52} | {value:>16} |")
    print(f"\ntargets: {'met' if met else 'MISSED'}")
    return 0 if met else 1


def _measure(db: Database, queue: WorkQueue, pid: int, times: Path) -> tuple[list[tuple[str, str]], bool]:
    waits = [_pick_up(db, queue, times, f"s{n}", n + 1) for n in range(SINGLE)]
    cpu = _cpu_seconds(pid)
    began = time.monotonic()
    threading.Event().wait(IDLE_SECONDS)
    idle = (_cpu_seconds(pid) - cpu) / (time.monotonic() - began)
    memory = _memory_mb(pid)

    began = time.monotonic()
    with db.begin() as conn:
        queue.put(conn, *[Work("mark", f"b{n}", f"lane-{n}", {"at": 0.0}) for n in range(BURST)])
    put = time.monotonic() - began
    _wait_for(lambda: _count(times) >= SINGLE + BURST)
    took = time.monotonic() - began
    waits.sort()
    rows = [
        ("pick-up of a single work, p50", f"{waits[len(waits) // 2] * 1000:.0f} ms"),
        ("pick-up of a single work, p99 (here the slowest)", f"{waits[-1] * 1000:.0f} ms"),
        (f"idle CPU of the worker over {IDLE_SECONDS:.0f} s", f"{idle * 100:.1f} % of a core"),
        ("memory of the worker (RSS)", f"{memory:.0f} MB"),
        (f"put {BURST} works in one transaction", f"{BURST / put:.0f} works/s"),
        (f"perform {BURST} works with one step, each its own lane", f"{BURST / took:.0f} works/s"),
    ]
    return rows, waits[-1] < PICK_UP and idle < IDLE


def _pick_up(db: Database, queue: WorkQueue, times: Path, name: str, count: int) -> float:
    threading.Event().wait(PAUSE + POLL_SECONDS * (count % 7) / 7)
    with db.begin() as conn:
        queue.put(conn, Work("mark", name, name, {"at": time.time()}))
    _wait_for(lambda: _count(times) >= count)
    return float(times.read_text().split()[count - 1])


def _work(url: str, folder: str, name: str) -> None:
    from runtime.engine import Engine  # noqa: PLC0415 - only the worker pays for it
    from runtime.jobrun import JobRun  # noqa: PLC0415

    configure("warning", sys.stderr)

    times = Path(folder, "times")

    def mark(run: JobRun, args: Mapping[str, Any]) -> None:
        waited = time.time() - args["at"]

        def write() -> None:
            with times.open("a") as file:
                file.write(f"{waited}\n")

        run.step("mark", write)

    engine = Engine(Database(url), instance=name)
    engine.register("mark", mark)
    engine.launch()
    Path(folder, name).touch()
    threading.Event().wait()


def _count(times: Path) -> int:
    return times.read_text().count("\n") if times.exists() else 0


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def _wait_for(probe: Any, timeout: float = 60.0) -> None:
    deadline = time.monotonic() + timeout
    while not probe():
        if time.monotonic() > deadline:
            sys.exit("The worker did not do it in time; look at its output above.")
        threading.Event().wait(0.005)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        _work(*sys.argv[2:5])
    else:
        sys.exit(main())
