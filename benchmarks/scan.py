"""Twenty rules over a large table, over one record, and the memory of it.

    python -m benchmarks.scan [--rows 100000 1000000]

The peer is what one would write by hand: a compiled lambda a rule over a list of row dicts of floats. It
knows no unknown, so its rows have every cell filled; of ours every hundredth cell is empty or holds words and
must be called unknown. Where we know, both must say the same. Both have their rows ready (dicts, columns).
A process of its own then makes the check that the product makes: it reads a mirror of as many rows, and the
figures of seven former days that some rules compare with, and judges exactly whatever may be over a line. Its
time and memory count. Writing alerts is left out, since nobody has two million of them.
"""

from __future__ import annotations

import argparse
import gc
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from bitable_sync.mirror import ROWS, STATE, Cells, Mirror, Row, dump
from bitable_sync.spec import Specs
from rules import vector
from rules.check import Checker, Policy
from rules.compiled import Program, program
from rules.evaluate import Ground, evaluate_all
from rules.metrics import build_catalog
from rules.model import Rule, Verdict
from rules.parse import RuleText, parse
from rules.scan import PIECE, Needs, given, make_block
from rules.specs import PLANS, PLANS_TABLE, TABLES
from rules.tree import columns
from runtime.clock import SHANGHAI, ManualClock, day_of
from runtime.db import Database, migrate, open_mirror
from runtime.ids import RecordId, RuleId
from runtime.work import WorkQueue

FASTER, SINGLE_US, MEMORY_MB = 15.0, 100.0, 600.0
"""Targets: times the loop, µs for a record, MB for a scan of a million rows."""
AT = datetime(2026, 3, 2, tzinfo=UTC)
HOURS = "chorus.db"
BLIND = 0.05
"""So many rows at most may lack what a comparison needs: a hundredth of the cells is spoiled on purpose."""
Values = Mapping[str, Any]
Test = Callable[[Values], bool]
_SCOPE = "平台=抖音 且 状态=投放中"


def _roi(row: Values) -> float:
    return float(row["gmv"] / row["spend"])


def _in(row: Values) -> bool:
    return bool(row["platform"] == "抖音" and row["status"] == "投放中")


def _cells(metric: str, comparison: str, threshold: str, **more: str) -> dict[str, str]:
    return {"metric": metric, "comparison": comparison, "threshold": threshold, **more}


def _expert(expression: str, **more: str) -> dict[str, str]:
    return {"expression": expression, **more}


PAIRS: Sequence[tuple[dict[str, str], Test]] = (
    (_cells("ROI", "低于", "1:3"), lambda r: _roi(r) < 3),
    (_cells("ROI", "低于", "1:2", scope=_SCOPE), lambda r: _in(r) and _roi(r) < 2),
    (_cells("ROI", "低于", "1:4", scope=_SCOPE, floor="500"),
     lambda r: _in(r) and r["spend"] >= 500 and _roi(r) < 4),
    (_cells("ROI", "高于", "12", sample="5"), lambda r: r["orders"] >= 5 and _roi(r) > 12),
    (_cells("预算消耗率", "高于或等于", "95%"), lambda r: r["spend"] / r["budget"] >= 0.95),
    (_cells("预算消耗率", "低于", "5%", scope="状态=投放中"),
     lambda r: r["status"] == "投放中" and r["spend"] / r["budget"] < 0.05),
    (_cells("日预算", "低于", "300"), lambda r: r["budget"] < 300),
    (_cells("消耗", "高于", "日预算"), lambda r: r["spend"] > r["budget"]),
    (_cells("消耗", "高于或等于", "日预算的 90%", scope=_SCOPE),
     lambda r: _in(r) and r["spend"] >= r["budget"] * 0.9),
    (_cells("成交订单数", "低于或等于", "2", floor="1000"),
     lambda r: r["spend"] >= 1000 and r["orders"] <= 2),
    (_cells("成交金额7日均值比", "低于", "70%"), lambda r: r["gmv"] / r["gmv@mean7"] < 0.7),
    (_cells("成交金额环比", "低于", "-30%"), lambda r: (r["gmv"] - r["gmv@day"]) / r["gmv@day"] < -0.3),
    (_cells("消耗同比上周", "高于", "50%"), lambda r: (r["spend"] - r["spend@week"]) / r["spend@week"] > 0.5),
    (_expert("ROI < 3 and 消耗 > 500"), lambda r: _roi(r) < 3 and r["spend"] > 500),
    (_expert("ROI < 1.5 or 消耗 > 日预算 * 1.1"),
     lambda r: _roi(r) < 1.5 or r["spend"] > r["budget"] * 1.1),
    (_expert("成交金额 < 均值7日(成交金额) * 0.7 and 成交订单数 >= 3"),
     lambda r: r["gmv"] < r["gmv@mean7"] * 0.7 and r["orders"] >= 3),
    (_expert("消耗 / 成交订单数 > 60"), lambda r: r["spend"] / r["orders"] > 60),
    (_expert('平台 = "抖音" and not (ROI >= 2 or 消耗 < 100)'),
     lambda r: r["platform"] == "抖音" and not (_roi(r) >= 2 or r["spend"] < 100)),
    (_expert("100 < 消耗 < 日预算 * 0.2", scope="平台=淘宝"),
     lambda r: r["platform"] == "淘宝" and 100 < r["spend"] < r["budget"] * 0.2),
    (_expert("abs(消耗 - 日预算) < 50 and 成交金额 < 1000"),
     lambda r: abs(r["spend"] - r["budget"]) < 50 and r["gmv"] < 1000),
)  # fmt: skip
PAST_KEYS = ("gmv@day", "gmv@mean7", "spend@week")
FIGURES = ("spend", "gmv", "budget", "orders")


def main() -> int:
    """Measure and print; 0 when every target is met."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scan", description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--mirror", type=Path, help="only scan this mirror and print its figures")
    options = parser.parse_args()
    if options.mirror:
        return scan_mirror(options.mirror)
    rules, met = make_rules(), True
    for rows in options.rows:
        met &= tables(rows, rules)
    met &= single(rules)
    met &= memory(max(options.rows))
    return 0 if met else 1


def make_rules() -> list[Rule]:
    """The rules, as somebody would write them."""
    catalog, made = build_catalog(TABLES), list[Rule]()
    for number, (cells, _) in enumerate(PAIRS):
        text = RuleText(name=f"规则{number}", table="计划日报", enabled=True, **cells)  # type: ignore[arg-type]
        found = parse(RuleId(f"r{number}"), text, catalog)
        assert isinstance(found, Rule), (cells, found)
        made.append(found)
    return made


def make_rows(count: int) -> Iterator[tuple[dict[str, Any], dict[str, float]]]:
    """Rows with every cell filled, and each plan's figures of former days."""
    chance = random.Random(7)
    for number in range(count):
        spend = round(chance.uniform(1, 3000), 2)
        gmv = round(spend * chance.uniform(0.2, 14), 2)
        yield {
            "plan_id": f"{17_000_000_000 + number}", "name": f"夏季新品 {number}", "shop": "旗舰店",
            "platform": ("抖音", "淘宝", "京东")[number % 3], "status": ("投放中", "已暂停")[number % 5 == 0],
            "budget": chance.randrange(200, 4000, 50), "spend": spend, "gmv": gmv,
            "orders": chance.randrange(1, 60),
        }, {key: round(gmv * chance.uniform(0.6, 1.8), 2) for key in PAST_KEYS}  # fmt: skip


def spoil(row: dict[str, Any], number: int) -> dict[str, Any]:
    """The row as people leave it: of a hundred cells one is empty or holds words."""
    key = FIGURES[number // 25 % 4]
    return row if number % 25 else {**row, key: ("还没有", None)[number // 50 % 2]}


def tables(count: int, rules: Sequence[Rule]) -> bool:
    """Measure a table of so many rows."""
    programs = [program(rule) for rule in rules]
    filled, blocks = [], list[vector.Block]()
    piece, past = list[dict[str, Any]](), dict[str, dict[str, Any]]()
    needs = Needs.of(programs)
    for number, (row, former) in enumerate(make_rows(count)):
        filled.append({**row, **former})
        piece.append(spoil(row, number))
        past[row["plan_id"]] = former
        if len(piece) == PIECE or number == count - 1:
            blocks.append(_columns(piece, needs, past))
            piece, past = [], {}
    gc.collect()
    gc.freeze()
    compared = [test for _, test in PAIRS]
    ours, hits = best(lambda: by_columns(programs, blocks), 5)
    loop, plain = best(lambda: by_loop(compared, filled), 3)
    gc.unfreeze()
    _agree(hits, plain)
    times = loop / ours
    print(f"{count:>9,} rows x {len(rules)} rules: loop {loop:6.2f} s, ours {ours:6.3f} s")
    speed = count * len(rules) / ours
    print(f"{speed:>19.1e} rows x rules/s, {times:.1f} x the loop (target {FASTER:.0f})")
    return times >= FASTER


def _columns(piece: Sequence[Values], needs: Needs, past: Mapping[str, Any]) -> vector.Block:
    figures = {key: {span: _money(value) for span, value in each.items()} for key, each in past.items()}
    return make_block(piece, PLANS_TABLE, needs, given(figures))[1]


def _money(value: float) -> Any:
    from decimal import Decimal  # noqa: PLC0415 - only to fill

    return Decimal(str(value))


def best(work: Callable[[], Any], rounds: int) -> tuple[float, Any]:
    """The shortest of several rounds in seconds of this thread, and what the last one gave."""
    spent = []
    for _ in range(rounds):
        began = time.thread_time()
        result = work()
        spent.append(time.thread_time() - began)
    return min(spent), result


def by_columns(
    programs: Sequence[Program], blocks: Sequence[vector.Block]
) -> list[tuple[list[Any], list[Any]]]:
    """For each rule the places of the hits, and those that are unknown or to be judged exactly."""
    found: list[tuple[list[Any], list[Any]]] = [([], []) for _ in programs]
    for number, kept in enumerate(blocks):
        block = replace(kept, _masks={}, _made={})  # nothing is left from the round before
        for made, (hits, others) in zip(programs, found, strict=True):
            codes = vector.judge(made, block).codes
            hits.append(np.flatnonzero(codes == vector.BREACH) + number * PIECE)
            apart = (codes == vector.UNKNOWN) | (codes == vector.CLOSE)
            others.append(np.flatnonzero(apart) + number * PIECE)
    return found


def by_loop(compared: Sequence[Test], rows: Sequence[Values]) -> list[list[int]]:
    """For each rule the places of the hits."""
    return [[place for place, row in enumerate(rows) if test(row)] for test in compared]


def _agree(ours: Sequence[tuple[list[Any], list[Any]]], plain: Sequence[list[int]]) -> None:
    """Where we know, we say what the loop says; what we do not know is a small part."""
    for (hits, others), expected in zip(ours, plain, strict=True):
        apart = set(np.concatenate(others).tolist())
        known = set(np.concatenate(hits).tolist())
        assert set(expected) - apart == known


def single(rules: Sequence[Rule]) -> bool:
    """One record against all rules: the event path."""
    (raw, former), *_ = make_rows(1)
    words = build_catalog(TABLES).by_key(PLANS)
    ground = Ground(words, past={raw["plan_id"]: {key: _money(value) for key, value in former.items()}})
    stored, rounds = dump(raw), 2000
    rows = [Row(PLANS, RecordId("r"), Cells(stored, PLANS_TABLE), AT) for _ in range(rounds)]
    for row in rows[:100]:
        evaluate_all(rules, [row], ground)
    began = time.thread_time()
    for row in rows:
        evaluate_all(rules, [row], ground)
    spent = (time.thread_time() - began) / rounds * 1e6
    print(
        f"one record x {len(rules)} rules, stored text to findings: {spent:.1f} us (target {SINGLE_US:.0f})"
    )
    return spent < SINGLE_US


def memory(count: int) -> bool:
    """A mirror of so many rows with a week of history, looked through by a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "mirror.db")
        fill(path, count)
        fill_hours(path)
        command = [sys.executable, "-m", "benchmarks.scan", "--mirror", str(path)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    print(done.stdout.strip())
    if done.returncode:
        return False
    used = float(done.stdout.rsplit("memory", 1)[1].split()[0])
    return used < MEMORY_MB


def fill(path: Path, count: int) -> None:
    """Put the rows there, past the product's pull."""
    db, seen = open_mirror(f"sqlite:///{path}"), 1_700_000_000_000_000
    with db.begin() as conn:
        conn.execute(
            STATE.insert(), [{"table_key": PLANS, "pulled_at": seen, "generation": 1, "revision": 1}]
        )
        batch = list[dict[str, Any]]()
        for number, (row, _) in enumerate(make_rows(count)):
            batch.append({
                "table_key": PLANS, "record_id": f"rec{number:08d}", "key": row["plan_id"], "generation": 1,
                "data": dump(spoil(row, number)), "seen_at": seen,
            })  # fmt: skip
            if len(batch) == 10_000 or number == count - 1:
                conn.execute(ROWS.insert(), batch)
                batch = []
    db.close()


def fill_hours(path: Path) -> None:
    """What each plan's figures were on seven former days, before this time of day and partly after it."""
    migrate(f"sqlite:///{path.with_name(HOURS)}")
    with closing(sqlite3.connect(path.with_name(HOURS))) as conn:
        conn.execute("ATTACH ? AS mirror", (str(path),))
        for back in range(1, 8):
            moment = AT - timedelta(days=back)
            for minutes in (-30, 40) if back in {1, 7} else (-30,):
                at = moment + timedelta(minutes=minutes)
                conn.execute(
                    "INSERT INTO cockpit_hours (kind, day, hour, object_id, gmv, spend, orders, seen_at) "
                    "SELECT 'plan', ?, ?, key, "
                    "  100 + (CAST(key AS INTEGER) * 7919 + ?) % 2100000, "
                    "  100 + (CAST(key AS INTEGER) * 104729 + ?) % 300000, 7, ? "
                    "FROM mirror.mirror_rows ORDER BY key",
                    (
                        day_of(at).isoformat(), at.astimezone(SHANGHAI).hour, back * 31337, back * 271,
                        at.replace(tzinfo=None).isoformat(" ", "microseconds"),
                    ),
                )  # fmt: skip
        conn.commit()


def scan_mirror(path: Path) -> int:
    """Check a mirror as the product does, up to what would be written; print time and memory."""
    mirror_db, db = open_mirror(f"sqlite:///{path}"), Database(f"sqlite:///{path.with_name(HOURS)}")
    clock, catalog = ManualClock(AT), build_catalog(TABLES)
    mirror = Mirror(mirror_db, Specs(TABLES), clock=clock)
    check = Checker(db, WorkQueue(db), clock, mirror, catalog, Policy())
    rules = [replace(rule, enabled=False) for rule in make_rules()]
    idle = _peak()
    began, worked = time.perf_counter(), time.process_time()
    found = check.look(rules)
    spent, worked = time.perf_counter() - began, time.process_time() - worked
    count = mirror.count(PLANS)
    compared = [rule for rule in rules if any("@" in key for key in columns(program(rule).breach))]
    said = [found[rule.id].counts for rule in rules]
    over, unknown = (sum(each[verdict] for each in said) for verdict in (Verdict.BREACH, Verdict.UNKNOWN))
    blind = max(found[rule.id].counts[Verdict.UNKNOWN] / count for rule in compared)
    print(f"check of a mirror of {count:,} rows and a week before: {spent:.1f} s, {worked:.1f} of processor")
    print(f"          {over:,} over a line, each judged exactly; {unknown:,} unknown")
    print(f"          comparisons with former days that are unknown: {blind:.1%} at most (limit {BLIND:.0%})")
    print(f"          peak memory {_peak():.0f} MB, {idle:.0f} before (target {MEMORY_MB:.0f})")
    db.close()
    mirror_db.close()
    return 0 if blind <= BLIND else 1


def _peak() -> float:
    """The most memory this process ever held, in MB (the one of `getrusage` counts its parent's, too)."""
    status = Path("/proc/self/status").read_text("utf-8")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


if __name__ == "__main__":
    sys.exit(main())
