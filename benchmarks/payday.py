"""A pay day of many people through every process: computed, sealed and pushed, with three ``kill -9``.

    python -m benchmarks.payday [--people 500] [--kills]

The sandbox refuses what exceeds the platform's limits; messages are 1,000 a minute for one app, so 10,000
payslips take ten minutes at best. Afterwards the page of a payslip is asked for, with a signed-in session,
beside a bare Flask page under the same server.
"""

from __future__ import annotations

import argparse
import http.client
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import sqlalchemy as sa

from benchmarks.payday_probe import Probe, family, quantiles
from benchmarks.webhook import free_port, serve
from sandbox.client import until
from sandbox.office import Office
from sandbox.payday_crowd import CrowdDay
from sandbox.payday_desk import opens
from sandbox.stage import Stage, answers

PER_MINUTE = 1000
"""Messages an app may send; docs im-v1/message/create, the usual tier."""

MOST, TAP_P99, LOCK = 1.1, 500.0, 200.0
NEVER = "0 4 1 1 *"
CALM = dict.fromkeys(("pull_ads", "pull_stock", "pull_shops", "check_rules", "reconcile"), NEVER)
ROOMY = {"quota": {"monthly_calls": 10_000_000, "warn_at": 0.8}}
VIEWS = 90  # one session is answered 120 times a minute
COMPUTED = "SELECT count(*) FROM pay_people"
SEALED = "SELECT count(*) FROM pay_slips"
SENT = "SELECT count(*) FROM pay_slips WHERE state = 'sent'"


@dataclass
class Measured:
    """A pay day under way and what was measured so far."""

    stage: Stage
    day: CrowdDay
    engine: sa.Engine
    probe: Probe
    server: subprocess.Popen[bytes]
    people: int
    took: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timing(self, what: str) -> Iterator[None]:
        """Measure a part."""
        began = time.monotonic()
        yield
        self.took[what] = time.monotonic() - began
        print(f"{what:<44}{self.took[what]:>9.1f} s", flush=True)

    def count(self, query: str) -> int:
        """The number a query of the product's database gives."""
        with self.engine.connect() as conn:
            return int(conn.execute(sa.text(query)).scalar_one())

    def kill(self, role: str, moment: str, count: int) -> None:
        """When so many people got so far: ``kill -9`` of a role, and wait until the server answers again."""
        slowly(lambda: self.count(moment) >= count, 3600, f"{count} of {moment}")
        victim = self.server.pid
        if role != "all":
            named = {pid: Path(f"/proc/{pid}/comm").read_text().strip() for pid in family(victim)}
            victim = next(pid for pid, name in named.items() if name == f"chorus-{role}")
        os.kill(victim, signal.SIGKILL)
        if role == "all":
            self.server.wait()
            self.server = self.stage.serve()
            self.probe.server = self.server.pid
        until(lambda: answers(self.stage.url + "/readyz"), 120, "the server is back")
        print(f"  kill -9 of {role} at {count} of {self.people}", flush=True)


def slowly(probe: object, timeout: float, what: str) -> None:
    """Wait like `until`, five times a second: the machine is needed elsewhere."""
    deadline = time.monotonic() + timeout
    while not probe():  # type: ignore[operator]
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        time.sleep(0.2)


def main() -> int:
    """Measure and print; 0 when the targets are met."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.payday", description=__doc__)
    parser.add_argument("--people", type=int, default=500)
    parser.add_argument("--kills", action="store_true", help="kill -9 while computing, sealing and pushing")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--folder", type=Path, help="where data and logs go; by default they are thrown away")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(
            options.folder or Path(folder) / "stage", company=f"crowd:{options.people}", schedules=dict(CALM),
            manifest=ROOMY,
        )  # fmt: skip
        try:
            run = prepare(stage, options.people)
            run.probe.start(run.server.pid)
            try:
                play(run, random.Random(options.seed) if options.kills else None, options.seed)
            finally:
                run.probe.stop()
            good = report(run)
            return 0 if view(run) and good else 1
        finally:
            stage.stop()


def prepare(stage: Stage, people: int) -> Measured:
    """Found the company, install the product, fill the tables."""
    stage.open()
    stage.setup()
    server = stage.serve()
    stage.subscribe()
    office = Office(stage.control)
    office.join_roles()
    day = CrowdDay(office, command=stage.run, patience=7200)
    day.defaults()
    day.tables()
    path = stage.folder / "var" / "chorus.db"
    return Measured(stage, day, sa.create_engine(f"sqlite:///{path}"), Probe(day, path), server, people)


def play(run: Measured, draw: random.Random | None, seed: int) -> None:
    """From HR's tap to the last card."""
    print(f"{run.people} people, {f'three kills, seed {seed}' if draw else 'no kills'}", flush=True)
    day, people = run.day, run.people
    with run.timing("collected and computed twice, first time"):
        day.ask()
        if draw:
            run.kill("worker", COMPUTED, draw.randrange(1, people - 100))
        day.computed()
    with run.timing("missing attendance pasted, collected again"):
        day.complete()
    with run.timing("anomalies settled one by one"):
        settled = day.settle_all()
    with run.timing("signed"):
        parts = day.submit()
    with run.timing("looked at once more, recomputed, sealed"):
        if draw:
            run.kill("web", SEALED, draw.randrange(1, people - 100))
        slowly(lambda: run.count(SEALED) == people and run.count(SENT) > 0, 7200, "sealed")
    with run.timing("pushed"):
        if draw:
            run.kill("all", SENT, draw.randrange(people // 10, people * 9 // 10))
        slowly(lambda: run.count(SENT) == people, 7200, "pushed")
    print(f"{settled} anomalies, {parts} approvals", flush=True)


def report(run: Measured) -> bool:
    """Print what was measured; True when every target is met."""
    with run.engine.connect() as conn:
        first, last = conn.execute(sa.text("SELECT min(sent_at), max(sent_at) FROM pay_slips")).one()
    push = (datetime.fromisoformat(last) - datetime.fromisoformat(first)).total_seconds()
    limit = run.people / PER_MINUTE * 60
    counts = run.day.slip_counts()
    twice = sum(count - 1 for count in counts.values())
    print(f"first card to last: {push:.1f} s; the platform's limit allows {limit:.1f} s")
    print(f"ratio {push / limit:.3f} (target <= {MOST})")
    print(f"people with a card: {len(counts)} of {run.people}, duplicates {twice} (target 0)")
    print(
        f"a tap meanwhile ({len(run.probe.taps)}): {quantiles(run.probe.taps)} (target p99 < {TAP_P99:.0f})"
    )
    print(f"waiting for the write lock: {quantiles(run.probe.waits)} (target most < {LOCK:.0f})")
    for name, peak in sorted(run.probe.peaks.items()):
        print(f"most memory of {name}: {peak:.0f} MB")
    once = len(counts) == run.people and not twice
    return once and push <= MOST * limit


def view(run: Measured) -> bool:
    """Ask for a payslip again and again, and for a bare page."""
    reader = run.day.reader
    link = opens(run.day.office.card_about(reader["open_id"], f"{run.day.words} 工资条", 60))
    page = run.day.enter(reader, link)
    if page.status != 200:
        print(f"the payslip was answered with {page.status}")
        return False
    jar = run.day.browser(reader).cookies
    cookie = "; ".join(f"{each.name}={each.value}" for each in jar)
    agent = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Feishu Sandbox"
    port = free_port()
    bare = serve("page", port, {"BENCH_PAGE_BYTES": str(len(page.raw))})
    try:
        plain = ask(f"http://127.0.0.1:{port}/", {})
    finally:
        bare.terminate()
        bare.wait(10)
    ours = ask(link, {"Cookie": cookie, "User-Agent": agent})
    print(f"payslip page of {len(page.raw)} bytes, {VIEWS} times: {quantiles(ours)}")
    print(f"bare Flask page of the same length: {quantiles(plain)}")
    print(f"p99 against bare: {ninety_nine(ours) / ninety_nine(plain):.1f} x")
    return True


def ask(url: str, headers: dict[str, str]) -> list[float]:
    """Milliseconds of each of `VIEWS` requests over one connection."""
    parts = urlsplit(url)
    line = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    took: list[float] = []
    for _ in range(VIEWS + 10):
        began = time.perf_counter()
        line.request("GET", parts.path, headers=headers)
        answer = line.getresponse()
        answer.read()
        if answer.status != 200:
            raise SystemExit(f"{parts.path} was answered with {answer.status}")
        took.append((time.perf_counter() - began) * 1000)
    line.close()
    return took[10:]


def ninety_nine(values: list[float]) -> float:
    """The 99th percentile."""
    return sorted(values)[int(len(values) * 0.99)]


if __name__ == "__main__":
    sys.exit(main())
