"""The sandbox's tables at 200,000 rows against the same at 2,000, in the same run.

    python -m benchmarks.large_table [--rows 200000]

A sandbox in a process of its own, without the platform's pace, asked over one kept connection as the product
and the web client ask. What touches a few rows must not feel how long the table is; what has to look at every
row for its first page (a filter, an order) may take as long as a person waits.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from sandbox.client import until
from sandbox.stage import answers, free_port

SMALL = 2_000
BATCH = 1_000
TIMES = 9
GROWTH, PATIENCE_MS = 3.0, 2_000.0
"""Targets: how many times longer a few rows may take in the long table; the longest wait for any answer."""
FIELDS = [
    {"field_name": "商品编码", "type": 1},
    {"field_name": "商品名称", "type": 1},
    {"field_name": "店铺", "type": 3, "property": {"options": [{"name": "一店"}, {"name": "二店"}]}},
    {"field_name": "库存", "type": 2, "property": {"formatter": "0"}},
    {"field_name": "更新时间", "type": 5},
]
Body = dict[str, Any]


class Asked:
    """One table, asked over HTTP.

    Args:
        url: of the sandbox.
        rows: how many it gets.
    """

    def __init__(self, url: str, rows: int) -> None:
        self.rows = rows
        self._http = requests.Session()
        token = self._http.post(
            f"{url}/open-apis/auth/v3/tenant_access_token/internal",
            json={"app_id": "cli_sandbox0000001", "app_secret": "sandbox-secret"},
            timeout=30,
        ).json()["tenant_access_token"]
        self._http.headers["Authorization"] = f"Bearer {token}"
        self._apps = f"{url}/open-apis/bitable/v1/apps"
        app = self.call("POST", self._apps, {"name": "大表"})["app"]["app_token"]
        made = self.call("POST", f"{self._apps}/{app}/tables", {"table": {"name": "商品", "fields": FIELDS}})
        self._records = f"{self._apps}/{app}/tables/{made['table_id']}/records"
        began = time.perf_counter()
        self._ids = [record for batch in self._fill() for record in batch]
        self.per_second = rows / (time.perf_counter() - began)
        self._turn = 0

    def call(self, method: str, address: str, body: Body | None = None, **query: Any) -> Body:
        """The data of an answer; ends the benchmark when it is a refusal."""
        answer = self._http.request(method, address, json=body, params=query, timeout=120).json()
        if answer["code"]:
            sys.exit(f"{method} {address}: {answer}")
        data: Body = answer["data"]
        return data

    def _fill(self) -> Iterator[list[str]]:
        for start in range(0, self.rows, BATCH):
            rows = [
                {
                    "商品编码": f"SKU{n:07d}",
                    "商品名称": f"春季新款连衣裙 {n}",
                    "店铺": ("一店", "二店")[n % 2],
                    "库存": n % 997,
                    "更新时间": 1_772_337_600_000 + n,
                }
                for n in range(start, min(start + BATCH, self.rows))
            ]
            body = {"records": [{"fields": row} for row in rows]}
            made = self.call("POST", f"{self._records}/batch_create", body)["records"]
            yield [record["record_id"] for record in made]

    def _search(self, body: Body, **query: Any) -> Body:
        return self.call("POST", f"{self._records}/search", body, **query)

    def _next(self) -> int:
        """Another row each time, so that no answer is one that was kept."""
        self._turn += 1
        return self._turn * 7919 % self.rows

    # --- what touches a few rows ---

    def get(self) -> None:
        """Read 100 records by their ids."""
        at = self._next() % (self.rows - 100)
        found = self.call("POST", f"{self._records}/batch_get", {"record_ids": self._ids[at : at + 100]})
        assert len(found["records"]) == 100

    def edit(self) -> None:
        """Change one cell of one record."""
        row = {"record_id": self._ids[self._next()], "fields": {"库存": self._turn}}
        self.call("POST", f"{self._records}/batch_update", {"records": [row]})

    def edit_many(self) -> None:
        """Change one cell of 500 records."""
        at = self._next() % (self.rows - 500)
        rows = [{"record_id": one, "fields": {"库存": self._turn}} for one in self._ids[at : at + 500]]
        self.call("POST", f"{self._records}/batch_update", {"records": rows})

    def page(self) -> None:
        """Read the second page of 500 of the whole table."""
        token = self._search({}, page_size=500)["page_token"]
        assert len(self._search({}, page_size=500, page_token=token)["items"]) == 500

    # --- what looks at every row ---

    def find(self) -> None:
        """Find the one record with a text."""
        wanted = f"SKU{self._next():07d}"
        condition = {"field_name": "商品编码", "operator": "is", "value": [wanted]}
        body = {"filter": {"conjunction": "and", "conditions": [condition]}}
        assert self._search(body, page_size=500)["total"] == 1

    def low(self) -> None:
        """The first 100 records with little stock in one shop, least stock first."""
        conditions = [
            {"field_name": "库存", "operator": "isLess", "value": [str(100 + self._next() % 50)]},
            {"field_name": "店铺", "operator": "is", "value": ["一店"]},
        ]
        body = {
            "filter": {"conjunction": "and", "conditions": conditions},
            "sort": [{"field_name": "库存", "desc": False}],
        }
        assert len(self._search(body, page_size=100)["items"]) == 100


FEW: Mapping[str, Callable[[Asked], None]] = {
    "read 100 by id": Asked.get,
    "edit 1": Asked.edit,
    "edit 500": Asked.edit_many,
    "two pages of 500": Asked.page,
}
EVERY: Mapping[str, Callable[[Asked], None]] = {"find 1 by text": Asked.find, "filter and sort": Asked.low}


def main() -> int:
    """Measure and print; 0 when every target is met."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.large_table", description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    rows = parser.parse_args().rows
    with sandbox() as (url, process):
        short, long = Asked(url, SMALL), Asked(url, rows)
        print(
            f"filled {long.rows:,} rows: {long.per_second:,.0f} a second ({SMALL:,}: {short.per_second:,.0f})"
        )
        print(f"\n{'milliseconds, median':24}{SMALL:>10,}{rows:>10,}   ratio")
        met = [compare(name, ask, short, long, growth=GROWTH) for name, ask in FEW.items()]
        met += [compare(name, ask, short, long, growth=None) for name, ask in EVERY.items()]
        print(f"\nthe sandbox holds {resident(process.pid):,.0f} MB")
    print(f"a few rows at most {GROWTH:.0f} x, no answer over {PATIENCE_MS:.0f} ms: {verdict(all(met))}")
    return 0 if all(met) else 1


def compare(
    name: str, ask: Callable[[Asked], None], short: Asked, long: Asked, *, growth: float | None
) -> bool:
    """Ask both tables in turn, print a line, and say whether the targets are met."""
    took: dict[Asked, list[float]] = {short: [], long: []}
    for _ in range(TIMES):
        for table, times in took.items():
            began = time.perf_counter()
            ask(table)
            times.append((time.perf_counter() - began) * 1000)
    before, after = statistics.median(took[short]), statistics.median(took[long])
    print(f"{name:24}{before:10.1f}{after:10.1f}{after / before:8.1f}")
    return max(took[long]) <= PATIENCE_MS and (growth is None or after <= growth * before)


@contextmanager
def sandbox() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A sandbox without the platform's limits: its address and process."""
    port = free_port()
    command = [sys.executable, "-m", "sandbox", "--port", str(port), "--company", "empty"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        until(lambda: answers(f"{url}/_sandbox/clock"), 30, "the sandbox answers")
        requests.post(f"{url}/_sandbox/limits", json={"on": False}, timeout=10).raise_for_status()
        requests.post(f"{url}/_sandbox/bitable", json={"write_seconds": 0.0}, timeout=10).raise_for_status()
        yield url, process
    finally:
        process.terminate()
        process.wait(timeout=10)


def resident(pid: int) -> float:
    """MB a process holds."""
    status = Path(f"/proc/{pid}/status").read_text("utf-8")
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS"))


def verdict(met: bool) -> str:
    """As the other benchmarks say it."""
    return "met" if met else "MISSED"


if __name__ == "__main__":
    sys.exit(main())
