"""A flood of events through every process: 300 a second for a minute, then several times as many.

    python -m benchmarks.flood [--rate 300 --seconds 60 --times 8 --overload 20] [--database URL]

Requests come at fixed moments (`open_loop`), signed and sealed, of the mix of a day (`traffic.MIX`).
Meanwhile 300 articles are under their red line, so cards are due as well. Everything runs on this machine:
generator, sandbox, web and worker. Counted afterwards: every request that was answered with 200 stands in the
database and was handled; every red line was told once.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from argparse import Namespace
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

from benchmarks.latency import CALM, PEOPLE, ROOMY, own, prepare, stored
from benchmarks.open_loop import FAILED, Result, Shot, evenly, fire, merged
from benchmarks.payday import slowly
from benchmarks.processes import cpu, memory, roles
from benchmarks.traffic import MESSAGE, MIX, Platform
from sandbox.office import Office
from sandbox.stage import Stage

TARGET_P99_MS = 300.0
RED = 300
"""Articles under their red line: five an owner, so each is a card of its own."""
CHUNK = 100
NEVER = "0 4 1 1 *"


@dataclass
class Flooded:
    """A company under water.

    Attributes:
        stage: sandbox and product.
        office: its people.
        platform: makes the requests.
        engine: reads the product's database.
        told: everything that was answered with 200, by id.
        spent: seconds of processor time by role, while requests were sent last.
    """

    stage: Stage
    office: Office
    platform: Platform
    engine: sa.Engine
    told: set[str] = field(default_factory=set)
    spent: Counter[str] = field(default_factory=Counter)

    def play(self, shots: Sequence[Shot]) -> Result:
        """Send requests, and remember what was acknowledged and what processor time it took."""
        pids = {**roles(self.stage.server.pid), self.stage.sandbox.pid: "sandbox", os.getpid(): "generator"}
        before = cpu(pids)
        result = fire("127.0.0.1", self.stage.port, shots)
        self.told |= result.acknowledged()
        self.spent = Counter({role: seconds - before[role] for role, seconds in cpu(pids).items()})
        return result

    def count(self, query: str) -> int:
        """The one number of a query."""
        with self.engine.connect() as conn:
            return int(conn.execute(sa.text(query)).scalar_one())

    def drained(self) -> bool:
        """Whether every event was handled."""
        return self.count("SELECT count(*) FROM inbox WHERE state = 'new'") == 0

    def lost(self) -> set[str]:
        """What was acknowledged and is not in the database, or was given up."""
        with self.engine.connect() as conn:
            kept = set(conn.execute(sa.text("SELECT event_id FROM inbox WHERE state <> 'failed'")).scalars())
            kept |= set(conn.execute(sa.text("SELECT id FROM taps")).scalars())
        return self.told - kept


def main() -> int:
    """Measure, print, and return 0 when nothing was lost and the target is met."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.flood", description=__doc__)
    parser.add_argument("--rate", type=float, default=300.0, help="requests a second")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--times", type=float, default=8.0, help="the overload, in times of the rate")
    parser.add_argument("--overload", type=float, default=20.0, help="seconds of it")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--database", help="address of an empty PostgreSQL database instead of SQLite")
    parser.add_argument("--folder", type=Path, help="where data and logs go; by default they are thrown away")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        env = {"DATABASE_URL": options.database} if options.database else {}
        schedules = dict(CALM) | dict.fromkeys(("pull_ads", "pull_shops"), NEVER)
        place = options.folder or Path(folder) / "stage"
        stage = Stage(place, schedules=schedules, manifest=ROOMY, env=env)
        try:
            flooded = flood_ready(stage, options.seed)
            return report(flooded, options)
        finally:
            stage.stop()


def flood_ready(stage: Stage, seed: int) -> Flooded:
    """Bring the company up with a rule on its articles; the sandbox itself pushes nothing from now on."""
    office = prepare(stage, Namespace(edits=RED, rows=2000, rules=1))
    stage.control.post("events", drop=True)
    engine = stored(stage)
    rows = [str(row["record_id"]) for row in own(office)]
    people = [str(person["open_id"]) for person in office.people][:PEOPLE]
    platform = Platform(
        "127.0.0.1",
        stage.port,
        office.app_token,
        office.tables["商品库存"],
        rows,
        people,
        random.Random(seed),
    )
    return Flooded(stage, office, platform, engine)


def redden(flooded: Flooded) -> list[str]:
    """Put articles under their red line while nobody tells the product; their record ids."""
    office = flooded.office
    table = f"bitable/v1/apps/{office.app_token}/tables/{office.tables['商品库存']}/records"
    ids = [str(row["record_id"]) for row in own(office)[:RED]]
    for start in range(0, len(ids), CHUNK):
        changed = [{"record_id": each, "fields": {"安全库存": 99999}} for each in ids[start : start + CHUNK]]
        office.control.api("POST", f"{table}/batch_update", {"records": changed})
    return ids


def speak(flooded: Flooded, requests: int) -> None:
    """People write as many messages as so many requests will tell of; the sandbox tells nobody."""
    platform, control = flooded.platform, flooded.stage.control
    while len(platform.said) < requests * MIX[MESSAGE] // 100 + 1:
        who = platform.draw.choice(platform.people)
        told = control.post("act/say", open_id=who, text="帮助")
        platform.said.append((who, str(told["chat_id"]), str(told["message_id"])))


def stream(flooded: Flooded, rate: float, seconds: float, red: Sequence[str] = ()) -> list[Shot]:
    """Requests of the usual mix at a rate; hints about red articles lie between them."""
    speak(flooded, int(rate * seconds))
    usual = evenly(rate, flooded.platform.day(int(rate * seconds)))
    if not red:
        return usual
    hints = evenly(len(red) / (seconds * 0.9), (flooded.platform.changed(each) for each in red))
    return merged(usual, hints)


def report(flooded: Flooded, options: argparse.Namespace) -> int:
    """Play both stages and print what came of them."""
    rate, seconds = options.rate, options.seconds
    flooded.play(stream(flooded, rate, 3.0))  # warm: connections, imports, caches
    shots = stream(flooded, rate, seconds, redden(flooded))
    result = flooded.play(shots)
    used = processor(flooded.spent, len(shots))
    drain = wait(flooded)
    told = tell(flooded)
    show(f"{rate:.0f} a second for {seconds:.0f} s", len(shots), result)
    print(used)
    print(f"handled {drain:.1f} s after the last one; {told} of {RED} red lines told, each once")
    steady = result.counts()[200] == len(shots) and result.quantile(0.99) < TARGET_P99_MS
    many = rate * options.times
    shots = stream(flooded, many, options.overload)
    result = flooded.play(shots)
    used = processor(flooded.spent, len(shots))
    drain = wait(flooded)
    show(f"{many:.0f} a second for {options.overload:.0f} s", len(shots), result)
    print(used)
    print(f"handled {drain:.1f} s after the last one")
    lost = flooded.lost()
    print(f"acknowledged {len(flooded.told)}, lost {len(lost)} (target 0)")
    after = flooded.play(stream(flooded, rate, 5.0))
    print(f"afterwards at {rate:.0f} a second: p99 {after.quantile(0.99):.0f} ms")
    for name, megabytes in sorted(memory(roles(flooded.stage.server.pid), peak=True).items()):
        print(f"most memory of {name}: {megabytes:.0f} MB")
    good = steady and not lost and not flooded.lost() and told == RED and result.counts()[FAILED] == 0
    verdict = "met" if good else "MISSED"
    print(
        f"targets (all acknowledged, p99 < {TARGET_P99_MS:.0f} ms, nothing lost, "
        f"no request without answer): {verdict}"
    )
    return 0 if good else 1


def show(what: str, offered: int, result: Result) -> None:
    """Print one stage."""
    counts = result.counts()
    print(
        f"\n{what}: {offered} requests over {result.connections} connections, "
        f"sent at most {result.late * 1000:.0f} ms late"
    )
    for status, count in sorted(counts.items()):
        name = {FAILED: "without answer"}.get(status, str(status))
        figures = ", ".join(
            f"{label} {result.quantile(share, status=status):.0f}" for label, share in QUANTILES
        )
        print(f"  {name:<15}{count:>8}   ms: {figures}")
    if any(kind == "tap" for kind in result.kinds.values()):
        print(f"  taps             p99 {result.quantile(0.99, kind='tap'):.0f} ms")


def processor(spent: Counter[str], requests: int) -> str:
    """Say how much processor time each role took a request."""
    parts = ", ".join(f"{role} {seconds / requests * 1e6:.0f}" for role, seconds in sorted(spent.items()))
    return f"  processor time, microseconds a request: {parts}"


QUANTILES = (("p50", 0.5), ("p99", 0.99), ("most", 1.0))


def wait(flooded: Flooded) -> float:
    """Seconds until every event is handled."""
    began = time.monotonic()
    slowly(flooded.drained, 600, "every event handled")
    return time.monotonic() - began


def tell(flooded: Flooded) -> int:
    """How many red articles have exactly one card with their owner."""
    sent = "SELECT count(*) FROM alert_notices WHERE state = 'sent'"
    slowly(lambda: flooded.count(sent) >= RED, 300, "every red line told")
    return flooded.count(
        "SELECT count(*) FROM (SELECT alert_id FROM alert_notices GROUP BY alert_id, receiver "
        "HAVING count(*) = 1) AS t"
    )


if __name__ == "__main__":
    sys.exit(main())
