"""First pull of 100,000 rows against the time the platform's own limit allows.

    python -m benchmarks.pull [--rows 100000]

The sandbox runs as a process of its own with its limits on (search: 20 calls a second, 500 rows a page), on
the same machine. 100,000 rows are 200 pages, so the limit allows 10 s; the ratio is measured time over that
time.
"""

import argparse
import socket
import subprocess
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path

import requests

from bitable_sync.context import Sync, build_sync
from bitable_sync.mirror import Row
from bitable_sync.setup import Setup
from bitable_sync.spec import FieldSpec, Kind, Specs, TableSpec
from runtime.clock import SystemClock
from runtime.db import Database, migrate, open_mirror
from runtime.feishu import Feishu
from runtime.floor import Floor
from runtime.ids import AppToken, TableId
from runtime.manifest import BaseManifest, Manifest
from runtime.settings import Settings, load_settings
from runtime.work import WorkQueue

PAGE = 500
SEARCHES_PER_SECOND = 20
STOCK = TableSpec(
    "stock",
    "商品库存",
    (
        FieldSpec("sku_id", "商品编码", Kind.TEXT),
        FieldSpec("name", "商品名称", Kind.TEXT),
        FieldSpec("shop", "店铺", Kind.SELECT, options=("一店", "二店", "三店")),
        FieldSpec("qty", "库存", Kind.NUMBER),
        FieldSpec("safety", "安全库存", Kind.NUMBER),
        FieldSpec("on_the_way", "在途", Kind.NUMBER),
        FieldSpec("cost", "成本", Kind.CURRENCY),
        FieldSpec("updated", "更新时间", Kind.DATETIME),
    ),
    business_key=("sku_id",),
)


def main() -> None:
    """Run the benchmark and print one line per measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as folder:
        port = _free_port()
        url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "sandbox", "--port", str(port), "--company", "empty"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            _await(url)
            _measure(url, Path(folder), rows)
        finally:
            process.terminate()
            process.wait(timeout=10)


def _measure(url: str, folder: Path, rows: int) -> None:
    settings = load_settings(
        feishu_app_id="cli_sandbox0000001",
        feishu_app_secret="sandbox-secret",
        feishu_encrypt_key="sandbox-encrypt-key",
        feishu_base_url=url,
        var_dir=folder,
        database_url=f"sqlite:///{folder / 'chorus.db'}",
    )
    migrate(settings.database_url)
    _limits(url, on=False)
    floor, feishu, sync = _open(settings, rows)
    Setup(feishu, sync, floor.manifest, settings).apply()
    _fill(feishu, sync, rows)
    _limits(url, on=True)

    began, cpu = time.perf_counter(), time.process_time()
    report = sync.puller.pull("stock")
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    assert report.rows == rows, report
    allowed = -(-rows // PAGE) / SEARCHES_PER_SECOND
    print(f"first pull of {rows:,} rows: {took:.2f} s; the platform's limit allows {allowed:.2f} s")
    print(f"ratio {took / allowed:.3f} (target <= 1.1); own CPU {cpu:.2f} s")

    began = time.perf_counter()
    low = sum(_low(row) for row in sync.mirror.rows("stock"))
    print(f"scan of the mirror, two cells a row: {time.perf_counter() - began:.2f} s ({low:,} rows low)")
    feishu.close()
    floor.close()


def _low(row: Row) -> bool:
    """Whether the filled SKU is under its safety stock."""
    qty, safety = row.values["qty"], row.values["safety"]
    return isinstance(qty, Decimal) and isinstance(safety, Decimal) and qty < safety


def _open(settings: Settings, rows: int) -> tuple[Floor, Feishu, Sync]:
    db = Database(settings.database_url)
    manifest = Manifest(name="bench", base=BaseManifest(name="bench"))
    floor = Floor(settings, manifest, SystemClock(), db, open_mirror(settings.mirror_url), WorkQueue(db))
    feishu = Feishu(settings, db=db, clock=floor.clock, monthly_calls=10 * rows)
    return floor, feishu, build_sync(floor, feishu, Specs((STOCK,)))


def _fill(feishu: Feishu, sync: Sync, rows: int) -> None:
    """Put the rows there, past the product's push and pace."""
    bound = sync.bindings.require("stock")
    app, table = AppToken(bound.app_token), TableId(bound.table_id)
    from bitable_sync.diff import token  # noqa: PLC0415 - only to fill

    for start in range(0, rows, 1000):
        batch = [
            {
                "商品编码": f"SKU{n:07d}",
                "商品名称": f"春季新款连衣裙 {n}",
                "店铺": ("一店", "二店", "三店")[n % 3],
                "库存": n % 97,
                "安全库存": 20,
                "在途": n % 5,
                "成本": 10 + n % 90 + 0.5,
                "更新时间": 1772337600000 + n,
            }
            for n in range(start, min(start + 1000, rows))
        ]
        feishu.bitable.batch_create(app, table, batch, client_token=token("fill", start))


def _limits(url: str, *, on: bool) -> None:
    requests.post(f"{url}/_sandbox/limits", json={"on": on}, timeout=10).raise_for_status()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await(url: str) -> None:
    for _ in range(200):
        try:
            requests.get(f"{url}/_sandbox/clock", timeout=1)
        except requests.exceptions.ConnectionError:
            time.sleep(0.05)
        else:
            return
    sys.exit("the sandbox did not start; run `python -m sandbox` to see why")


if __name__ == "__main__":
    main()
