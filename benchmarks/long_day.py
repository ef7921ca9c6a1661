"""A day of many events, played as fast as they are handled: does anything grow, does anything slow down?

    python -m benchmarks.long_day [--events 4800 --days 4] [--events 1000000 --days 1] [--database URL]

A day is 48 half hours. In each its events come at `--rate` a second, what was answered with 503 is sent again
as the platform would, articles cross their red line and recover; when everything is handled the clock of
product and sandbox jumps to the next half hour. Events are kept for two days here, so a database that is
bounded by its retention stops growing with the third night. Processor time an event is what slowing down is
judged by: it depends little on who else uses the machine.
"""

from __future__ import annotations

import argparse
import random
import re
import statistics
import sys
import tempfile
import time
import urllib.request
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.flood import NEVER, Flooded, speak
from benchmarks.latency import CALM, PEOPLE, ROOMY, own, prepare, stored
from benchmarks.long_day_house import VARIABLE, JumpingClock
from benchmarks.open_loop import evenly, fire
from benchmarks.payday import slowly
from benchmarks.processes import cpu, memory, roles
from benchmarks.traffic import Platform
from sandbox.stage import Stage, answers

PARTS = 48
STEP = 86400 / PARTS
KEPT_DAYS = 2
CROSSING = 10
"""Articles that cross their red line in a half hour; those of the half hour before recover."""
GROWTH, SLOWER = 1.2, 1.25
"""What the last tenth may have of memory and of processor time an event, against the first."""
SHOWN = 16


@dataclass(frozen=True, slots=True)
class Part:
    """What one half hour took.

    Attributes:
        at: hours since the beginning.
        events: how many came.
        taken: seconds until the last was acknowledged.
        handled: seconds until the last was handled.
        p99: of the answers, in ms.
        again: requests that were sent again.
        spent: microseconds of processor time an event, by role.
        memory: MB by role.
        files: MB of the database, of its free pages, of its write-ahead log.
        scrape: ms /metrics takes.
    """

    at: float
    events: int
    taken: float
    handled: float
    p99: float
    again: int
    spent: dict[str, float]
    memory: dict[str, float]
    files: tuple[float, float, float]
    scrape: float


def main() -> int:
    """Play the days, print what they took; 0 when nothing was lost, grew or slowed down."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.long_day", description=__doc__)
    parser.add_argument("--events", type=int, default=4_800, help="a day")
    parser.add_argument("--days", type=int, default=4)
    parser.add_argument("--rate", type=float, default=1000.0, help="events a second, while they come")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--database", help="address of an empty PostgreSQL database instead of SQLite")
    parser.add_argument("--folder", type=Path, help="where data and logs go; by default they are thrown away")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = options.folder or Path(folder) / "stage"
        stage = LongStage(place, options.database)
        try:
            flooded = ready(stage, options)
            return play(flooded, stage.clock, options)
        finally:
            stage.stop()


class LongStage(Stage):
    """A stage whose product has a clock that jumps."""

    def __init__(self, folder: Path, database: str | None) -> None:
        env = {"DATABASE_URL": database} if database else {}
        schedules = dict(CALM) | dict.fromkeys(("pull_ads", "pull_shops", "reconcile"), NEVER)
        manifest = ROOMY | {"retention": {"event_days": KEPT_DAYS}}
        super().__init__(
            folder, schedules={**schedules, "retention": "every 10s"}, manifest=manifest, env=env
        )

    @property
    def clock(self) -> JumpingClock:
        """The clock of the product."""
        return JumpingClock(self.folder / "clock")

    def serve(self, *_args: str, name: str = "serve") -> object:  # type: ignore[override]
        """Start the product with this clock and wait until it is ready."""
        self.env[VARIABLE] = str(self.folder / "clock")
        self.clock.jump(0.0)
        self.server = self.start([sys.executable, "-m", "benchmarks.long_day_house"], name)
        slowly(lambda: answers(self.url + "/readyz"), 90, "the product is ready")
        return self.server


def ready(stage: LongStage, options: argparse.Namespace) -> Flooded:
    """Bring the company up; the sandbox itself pushes nothing from now on."""
    office = prepare(stage, Namespace(edits=CROSSING * 2, rows=2000, rules=1))
    stage.control.post("events", drop=True)
    engine = stored(stage)
    rows = [str(row["record_id"]) for row in own(office)]
    people = [str(person["open_id"]) for person in office.people][:PEOPLE]
    draw = random.Random(options.seed)
    platform = Platform(
        "127.0.0.1", stage.port, office.app_token, office.tables["商品库存"], rows, people, draw, name="day"
    )
    return Flooded(stage, office, platform, engine)


def play(flooded: Flooded, clock: JumpingClock, options: argparse.Namespace) -> int:
    """All days, part by part."""
    parts: list[Part] = []
    each, lost = options.events // PARTS, 0
    print(f"{options.days} days of {each * PARTS:,} events, kept for {KEPT_DAYS} days", flush=True)
    for number in range(options.days * PARTS):
        parts.append(half_hour(flooded, number, each, options.rate))
        clock.jump(STEP)
        flooded.stage.control.post("clock", advance=STEP)
        flooded.platform.offset = clock.offset
        if number % max(1, options.days * PARTS // SHOWN) == 0:
            print(line(parts[-1]), flush=True)
        if (number + 1) % PARTS == 0:
            lost += len(flooded.lost())
            flooded.told.clear()  # of this day everything was looked at; older ones are deleted tonight
            slowly(lambda: too_old(flooded, clock) == 0, 900, "what is too old is deleted")
    print(line(parts[-1]))
    return report(parts, lost, options)


def half_hour(flooded: Flooded, number: int, events: int, rate: float) -> Part:
    """One part of a day."""
    pids = roles(flooded.stage.server.pid)
    hints = cross(flooded, number)
    speak(flooded, events)
    made = [*flooded.platform.day(events - len(hints)), *(flooded.platform.changed(each) for each in hints)]
    before, began, again, waits = cpu(pids), time.monotonic(), 0, []
    waiting = {key: (key, kind, raw) for key, kind, raw in made}
    while waiting:
        result = fire("127.0.0.1", flooded.stage.port, evenly(rate, waiting.values()))
        waits.append(result.quantile(0.99))
        flooded.told |= result.acknowledged()
        waiting = {key: each for key, each in waiting.items() if result.status[key] != 200}
        again += len(waiting)
    taken = time.monotonic() - began
    slowly(flooded.drained, 900, "every event handled")
    handled = time.monotonic() - began
    spent = {role: (all_of - before[role]) / events * 1e6 for role, all_of in cpu(pids).items()}
    return Part(
        number * STEP / 3600, events, taken, handled, max(waits), again, spent, memory(pids),
        files(flooded), scrape(flooded.stage),
    )  # fmt: skip


def cross(flooded: Flooded, number: int) -> list[str]:
    """Put some articles under their red line and let those of the half hour before recover; their ids."""
    office = flooded.office
    ids = flooded.platform.records[: CROSSING * 2]
    down = ids[:CROSSING] if number % 2 == 0 else ids[CROSSING:]
    up = ids[CROSSING:] if number % 2 == 0 else ids[:CROSSING]
    rows = [{"record_id": each, "fields": {"安全库存": 99999}} for each in down]
    rows += [{"record_id": each, "fields": {"安全库存": 0}} for each in up]
    table = f"bitable/v1/apps/{office.app_token}/tables/{office.tables['商品库存']}/records"
    flooded.stage.control.api(
        "POST", f"{table}/batch_update", {"records": rows}
    )  # a fresh token: clocks jump
    return [*down, *up]


def too_old(flooded: Flooded, clock: JumpingClock) -> int:
    """How many events are kept longer than they should be, an hour allowed."""
    limit = clock.now().timestamp() - KEPT_DAYS * 86400 - 3600
    text = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(limit))
    return flooded.count(f"SELECT count(*) FROM inbox WHERE received_at < '{text}'")  # noqa: S608 - our text


def files(flooded: Flooded) -> tuple[float, float, float]:
    """MB of the database, of what is free in it, and of its write-ahead log."""
    if flooded.engine.dialect.name != "sqlite":
        return flooded.count("SELECT pg_database_size(current_database())") / 1e6, 0.0, 0.0
    path = Path(str(flooded.engine.url.database))
    free = flooded.count("SELECT freelist_count * page_size FROM pragma_freelist_count, pragma_page_size")
    log = Path(f"{path}-wal")
    return path.stat().st_size / 1e6, free / 1e6, (log.stat().st_size if log.exists() else 0) / 1e6


def scrape(stage: Stage) -> float:
    """Milliseconds until /metrics has answered."""
    began = time.perf_counter()
    with urllib.request.urlopen(f"{stage.url}/metrics", timeout=60) as answer:  # noqa: S310 - loopback
        found = re.search(rb"^chorus_inbox_waiting", answer.read(), re.MULTILINE)
    assert found
    return (time.perf_counter() - began) * 1000


def line(part: Part) -> str:
    """One line of the table."""
    spent = " ".join(f"{role} {part.spent.get(role, 0):4.0f}" for role in ("web", "worker"))
    held = " ".join(f"{role} {part.memory.get(role, 0):4.0f}" for role in ("web", "worker"))
    size, free, log = part.files
    return (
        f"{part.at:6.1f} h  {part.events / part.handled:6.0f} events/s  p99 {part.p99:6.0f} ms  "
        f"again {part.again:5}  "
        f"us/event {spent}  MB {held}  database {size:7.1f} free {free:6.1f} log {log:5.1f}  "
        f"/metrics {part.scrape:4.0f} ms"
    )


def report(parts: Sequence[Part], lost: int, options: argparse.Namespace) -> int:
    """Compare the first tenth (after the start) with the last."""
    tenth = max(1, len(parts) // 10)
    first, last = parts[1 : tenth + 1], parts[-tenth:]
    good = lost == 0
    print(f"lost {lost} of {sum(part.events for part in parts):,} (target 0)")
    for role in ("web", "worker"):
        cost = [sum(part.spent[role] for part in some) / len(some) for some in (first, last)]
        held = [statistics.median(part.memory[role] for part in some) for some in (first, last)]
        good &= cost[1] <= SLOWER * cost[0] and held[1] <= GROWTH * held[0]
        print(
            f"{role}: first tenth {cost[0]:.0f} us/event, {held[0]:.0f} MB; "
            f"last tenth {cost[1]:.0f}, {held[1]:.0f}; "
            f"{cost[1] / cost[0]:.2f} x and {held[1] / held[0]:.2f} x (targets <= {SLOWER}, {GROWTH})"
        )
    speed = [statistics.median(part.events / part.handled for part in some) for some in (first, last)]
    print(f"handled: first tenth {speed[0]:.0f} a second, last tenth {speed[1]:.0f}")
    if options.days > KEPT_DAYS + 1:
        third, final = (parts[day * PARTS - 1].files[0] for day in (KEPT_DAYS + 1, options.days))
        good &= final <= 1.1 * third
        print(
            f"database at the end of day {KEPT_DAYS + 1}: {third:.1f} MB, "
            f"at the end {final:.1f} (target <= 1.1 x)"
        )
    print(f"targets: {'met' if good else 'MISSED'}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
