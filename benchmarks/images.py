"""Requests for images through every process: one large request, many small ones, memory, time a size.

    python -m benchmarks.images [--requests 20] [--part one|many|sizes]

Models cost no time here: the sandbox paints each size once and gives it again with another comment. Times of
a request run from the submitted form to 待审 in the row. The machine may be busy with something else, so CPU
seconds of each process stand beside the wall's.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.images_sizes import sizes
from benchmarks.payday import slowly
from benchmarks.payday_probe import family
from sandbox.office import Office
from sandbox.stage import Stage
from sandbox.studio_crowd import StudioCrowd

ONE, MEMORY = 20.0, 250.0
NEVER = "0 4 1 1 *"
CALM = dict.fromkeys(("pull_ads", "pull_stock", "pull_shops", "check_rules", "reconcile"), NEVER)
ROOMY = {"quota": {"monthly_calls": 10_000_000, "warn_at": 0.8}}
SIX = (
    "竖版海报 1080×1920", "京东场景图 800×800", "横幅 1920×600", "千川横图 1280×720", "小红书封面 1080×1440",
    "天猫白底图 800×800",
)  # fmt: skip
SMALL = ("京东场景图 800×800", "抖音推荐素材 600×800")
ROLES = {"chorus-web": "web", "chorus-worker": "worker", "python": "supervisor"}
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Weights:
    """Peak memory and CPU seconds of the product's processes, by role, looked at five times a second."""

    server: int
    peaks: dict[str, float] = field(default_factory=dict)
    cpu: dict[int, tuple[str, float]] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Look while something goes on."""
        thread = threading.Thread(target=self._run)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()

    def spent(self) -> Counter[str]:
        """CPU seconds so far, by role."""
        self._look()
        total: Counter[str] = Counter()
        for role, seconds in self.cpu.values():
            total[role] += seconds  # type: ignore[assignment]
        return total

    def _run(self) -> None:
        while not self._stop.wait(0.2):
            self._look()

    def _look(self) -> None:
        try:
            found = family(self.server)
        except OSError:
            return  # a thread has just ended; the next look sees it
        for pid in found:
            try:
                role, peak, seconds = _of(pid)
            except (OSError, IndexError, KeyError, ValueError):
                continue  # it has just ended, or is a helper of a library
            self.peaks[role] = max(peak, self.peaks.get(role, 0.0))
            self.cpu[pid] = (role, seconds)


def _of(pid: int) -> tuple[str, float, float]:
    """Role, peak of resident memory in MB and CPU seconds of a process."""
    folder = Path(f"/proc/{pid}")
    name = (folder / "comm").read_text().strip()
    words = (folder / "cmdline").read_bytes()
    role = ROLES[name] if b"spawn_main" not in words else "painter"
    peak = int((folder / "status").read_text().split("VmHWM:")[1].split()[0]) / 1024
    fields = (folder / "stat").read_text().rpartition(")")[2].split()
    return role, peak, (int(fields[11]) + int(fields[12])) / TICKS


@dataclass
class Running:
    """The company with the product beside it."""

    stage: Stage
    crowd: StudioCrowd
    weights: Weights

    def timed(self, what: str, count: int) -> float:
        """Wait until so many rows wait for a decision; print and give the seconds since now."""
        began, before = time.monotonic(), self.weights.spent()
        slowly(lambda: self._ready(count), 1800, f"{count} requests wait for a decision")
        took = time.monotonic() - began
        used = self.weights.spent() - before
        busy = ", ".join(f"{role} {used[role]:.1f}" for role in sorted(used))
        print(f"{what}: {took:.1f} s (CPU s: {busy})", flush=True)
        return took

    def _ready(self, count: int) -> bool:
        with sqlite3.connect(f"file:{self.stage.folder}/var/chorus.db?mode=ro", uri=True) as conn:
            done = conn.execute("SELECT count(*) FROM art_requests WHERE state = '待审'").fetchone()[0]
        return int(done) >= count and self.crowd.states()["待审"] >= count

    def phases(self) -> str:
        """Where the time of the newest request went, in seconds since it was asked for."""
        with sqlite3.connect(f"file:{self.stage.folder}/var/chorus.db?mode=ro", uri=True) as conn:
            row = conn.execute(
                "SELECT v.id, julianday(v.asked_at), julianday(v.done_at) FROM art_versions v "
                "ORDER BY v.asked_at DESC LIMIT 1"
            ).fetchone()
            calls = conn.execute(
                "SELECT min(julianday(sent_at)), max(julianday(done_at)) FROM art_calls WHERE version_id = ?",
                (row[0],),
            ).fetchone()
            variants = conn.execute(
                "SELECT julianday(done_at) FROM art_variants WHERE version_id = ? ORDER BY done_at", (row[0],)
            ).fetchall()
        marks = {"first call": calls[0], "last picture": calls[1]}
        marks |= {f"variant {n}": each[0] for n, each in enumerate(variants, 1)}
        marks["delivered"] = row[2]
        return ", ".join(f"{name} {(at - row[1]) * 86400:.1f}" for name, at in marks.items())


@contextmanager
def running(folder: Path) -> Iterator[Running]:
    """Found the company, install the product, let a brand be written, warm everything with one request."""
    stage = Stage(folder, company="demo", schedules=dict(CALM), manifest=ROOMY)
    try:
        stage.open()
        stage.setup()
        server = stage.serve()
        stage.subscribe()
        office = Office(stage.control)
        office.join_roles()
        stage.control.post("world/images", sketches=True)
        weights = Weights(server.pid)
        with weights.watching():
            crowd = StudioCrowd(office)
            crowd.brand()
            yield Running(stage, crowd, weights)
    finally:
        stage.stop()


def one(run: Running) -> bool:
    """(a) One request, 4 variants in 6 sizes: the first after the start, and one more."""
    times = []
    for place in ("first after the start", "once more"):
        run.crowd.paste(1, SIX, variants=4)
        times.append(run.timed(f"4 variants x 6 sizes, {place}", len(run.crowd.records)))
        print(f"  seconds after the row was read: {run.phases()}")
    met = times[-1] <= ONE
    print(f"target < {ONE:.0f} s: {'met' if met else 'MISSED'}")
    return met


def many(run: Running, count: int) -> bool:
    """(b) Many small requests at once."""
    run.crowd.paste(count, SMALL)
    took = run.timed(f"{count} requests of {len(SMALL)} sizes at once", len(run.crowd.records))
    print(f"{count * len(SMALL) / took * 60:.0f} images a minute, each with its layers, its sign read back")
    return True


def main() -> int:
    """Measure and print; 0 when the targets are met."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.images", description=__doc__)
    parser.add_argument("--requests", type=int, default=20)
    parser.add_argument("--part", choices=("one", "many", "sizes"))
    parser.add_argument("--folder", type=Path, help="where data and logs go; by default they are thrown away")
    options = parser.parse_args()
    good = True
    if options.part != "sizes":
        with tempfile.TemporaryDirectory() as folder, running(options.folder or Path(folder) / "s") as run:
            idle = dict(run.weights.peaks)
            if options.part != "many":
                good &= one(run)
            if options.part != "one":
                good &= many(run, options.requests)
            good &= weigh(run, idle)
    if options.part in (None, "sizes"):
        good &= sizes()
    return 0 if good else 1


def weigh(run: Running, idle: dict[str, float]) -> bool:
    """(c) Memory before the first request, and the most of each role."""
    for role, peak in sorted(run.weights.peaks.items()):
        before = f", {idle[role]:.0f} MB before the first request" if role in idle else ""
        print(f"most memory of {role}: {peak:.0f} MB{before}")
    met = max(idle.values()) < MEMORY
    print(f"target, idle < {MEMORY:.0f} MB each: {'met' if met else 'MISSED'}")
    return met


if __name__ == "__main__":
    sys.exit(main())
