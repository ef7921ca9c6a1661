"""How long ``chorus serve`` takes until the webhook listens, and what its processes weigh."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

from sandbox.client import until
from sandbox.stage import Stage, answers

TARGET_SECONDS = 3.0
TARGET_MB = 250.0
ROUNDS = 3


def main() -> int:
    """Start the server a few times on a database that is up to date, then weigh it."""
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(Path(folder) / "stage", company="tiny", schedules={})
        try:
            stage.open()
            stage.setup()
            listening, ready, weights = [], [], {}
            for _ in range(ROUNDS):
                begun = time.monotonic()
                process = stage.start([*stage.command, "serve"], "serve")
                until(lambda: answers(stage.url + "/healthz"), 60, "listening")
                listening.append(time.monotonic() - begun)
                until(lambda: answers(stage.url + "/readyz"), 60, "ready")
                ready.append(time.monotonic() - begun)
                weights = weigh(process.pid)
                process.terminate()
                process.wait(30)
        finally:
            stage.stop()
    print(
        f"start to listening: median {statistics.median(listening):.2f} s of {ROUNDS}"
        f" (target < {TARGET_SECONDS:.0f} s)"
    )
    print(f"start to ready (worker alive): median {statistics.median(ready):.2f} s")
    for name, megabytes in weights.items():
        print(f"memory of {name}: {megabytes:.0f} MB RSS")
    heaviest = max(weights.values())
    met = statistics.median(listening) < TARGET_SECONDS and heaviest < TARGET_MB
    print(
        f"targets (< {TARGET_SECONDS:.0f} s, each process < {TARGET_MB:.0f} MB): {'met' if met else 'MISSED'}"
    )
    return 0 if met else 1


def weigh(parent: int) -> dict[str, float]:
    """RSS in MB of every descendant of the supervisor, by role and process id."""
    found: dict[str, float] = {f"supervisor {parent}": rss(parent)}
    waiting = [parent]
    while waiting:
        pid = waiting.pop()
        for child in children(pid):
            words = Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
            role = next((w.decode() for w in words if w in {b"web", b"worker"}), "web server's worker")
            found[f"{role} {child}"] = rss(child)
            waiting.append(child)
    return found


def children(pid: int) -> list[int]:
    """Process ids of the direct children."""
    return [
        int(p)
        for task in Path(f"/proc/{pid}/task").iterdir()
        for p in (task / "children").read_text().split()
    ]


def rss(pid: int) -> float:
    """Resident memory in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


if __name__ == "__main__":
    sys.exit(main())
