"""How fast our client calls, against the SDK's stock client and a bare pooled session.

``python -m benchmarks.client [--calls 600]``

All three call the same sandbox process with its limits off, one after another in short turns of one run, so
that a noisy machine is noisy for all. Ours does everything it does in production: pacing and lanes in SQLite,
counting, reading the answer; only the permitted rates are raised, because the platform's own would be
measured otherwise. Ratios are the result; absolute figures belong to the machine. Targets on the two
short reads, where the client and not the sandbox takes the time: at least 2.0 times the stock client and
0.8 times the bare session. Beside them a page of 50 rows, and a write to a base in its serial lane.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from runtime.clock import SystemClock
from runtime.db import Database, migrate
from runtime.feishu import Feishu
from runtime.feishu.keys import client_token
from runtime.feishu.limits import Limits
from runtime.ids import AppToken, RecordId, TableId
from runtime.settings import Settings

APP_ID, SECRET = "cli_sandbox0000001", "sandbox-secret"
NAMES = ("ours", "stock", "bare")
TARGETS = {"stock": 2.0, "bare": 0.8}
JUDGED = ("bot info", "read 1 row")
TABLE = "/open-apis/bitable/v1/apps/{app}/tables/{table}"
TURN = 15
"""Calls before the next client has its turn: short, because a noisy machine changes by the second."""
FIELDS = [
    {"field_name": "编号", "type": 1},
    {"field_name": "数量", "type": 2},
    {"field_name": "状态", "type": 3, "property": {"options": [{"name": "完成"}]}},
]

Call = Callable[[], object]


@dataclass(frozen=True)
class Place:
    """Where the calls go."""

    url: str
    app: AppToken
    table: TableId
    row: RecordId


def ours(feishu: Feishu, place: Place) -> dict[str, Call]:
    """Our client."""
    change = [(place.row, {"数量": 7})]
    return {
        "bot info": feishu.auth.bot_info,
        "read 1 row": lambda: feishu.bitable.batch_get(place.app, place.table, [place.row]),
        "search 50 rows": lambda: feishu.bitable.search(place.app, place.table, page_size=50),
        "update 1 row": lambda: feishu.bitable.batch_update(place.app, place.table, change),
    }


def stock(place: Place) -> dict[str, Call]:
    """The SDK's client, called as its documentation shows."""
    import lark_oapi as lark  # noqa: PLC0415 - seconds, and only measured here
    from lark_oapi.api.bitable.v1 import (  # noqa: PLC0415
        AppTableRecord,
        BatchGetAppTableRecordRequest,
        BatchGetAppTableRecordRequestBody,
        BatchUpdateAppTableRecordRequest,
        BatchUpdateAppTableRecordRequestBody,
        SearchAppTableRecordRequest,
        SearchAppTableRecordRequestBody,
    )

    client = lark.Client.builder().app_id(APP_ID).app_secret(SECRET).domain(place.url).build()
    records = client.bitable.v1.app_table_record

    def bot_info() -> Any:
        request = lark.BaseRequest.builder().http_method(lark.HttpMethod.GET).uri("/open-apis/bot/v3/info")
        return client.request(request.token_types({lark.AccessTokenType.TENANT}).build())

    def read() -> Any:
        body = (
            BatchGetAppTableRecordRequestBody.builder()
            .record_ids([place.row])
            .user_id_type("open_id")
            .build()
        )
        request = BatchGetAppTableRecordRequest.builder().app_token(place.app).table_id(place.table)
        return records.batch_get(request.request_body(body).build())

    def search() -> Any:
        request = (
            SearchAppTableRecordRequest.builder().app_token(place.app).table_id(place.table).page_size(50)
        )
        return records.search(request.request_body(SearchAppTableRecordRequestBody.builder().build()).build())

    def update() -> Any:
        row = AppTableRecord.builder().record_id(place.row).fields({"数量": 7}).build()
        body = BatchUpdateAppTableRecordRequestBody.builder().records([row]).build()
        request = BatchUpdateAppTableRecordRequest.builder().app_token(place.app).table_id(place.table)
        return records.batch_update(request.request_body(body).build())

    return {"bot info": bot_info, "read 1 row": read, "search 50 rows": search, "update 1 row": update}


def bare(place: Place) -> dict[str, Call]:
    """A pooled session that only sends and parses."""
    session = requests.Session()
    login = {"app_id": APP_ID, "app_secret": SECRET}
    answer = session.post(
        f"{place.url}/open-apis/auth/v3/tenant_access_token/internal", json=login, timeout=8
    )
    session.headers["Authorization"] = f"Bearer {answer.json()['tenant_access_token']}"
    table = place.url + TABLE.format(app=place.app, table=place.table)
    rows = {"records": [{"record_id": place.row, "fields": {"数量": 7}}]}

    def post(path: str, body: Any, **query: Any) -> Any:
        return session.post(table + path, params=query, json=body, timeout=8).json()

    return {
        "bot info": lambda: session.get(f"{place.url}/open-apis/bot/v3/info", timeout=8).json(),
        "read 1 row": lambda: post(
            "/records/batch_get", {"record_ids": [place.row], "user_id_type": "open_id"}
        ),
        "search 50 rows": lambda: post("/records/search", {}, page_size=50),
        "update 1 row": lambda: post("/records/batch_update", rows),
    }


def seconds(call: Call, calls: int) -> float:
    """Time of one turn."""
    start = time.perf_counter()
    for _ in range(calls):
        call()
    return time.perf_counter() - start


def prepare(feishu: Feishu, url: str) -> Place:
    """A base with a table of 50 rows."""
    app = AppToken(feishu.bitable.create_app("基准")["app_token"])
    table = feishu.bitable.create_table(app, "商品", FIELDS, "全部").table_id
    rows = [{"编号": f"A{number}", "数量": number, "状态": "完成"} for number in range(50)]
    return Place(
        url, app, table, feishu.bitable.batch_create(app, table, rows, client_token=client_token("b"))[0]
    )


def measure(feishu: Feishu, url: str, calls: int) -> dict[str, dict[str, float]]:
    """Calls a second by kind of call and client."""
    place = prepare(feishu, url)
    clients = {"ours": ours(feishu, place), "stock": stock(place), "bare": bare(place)}
    found: dict[str, dict[str, float]] = {}
    for kind in clients["ours"]:
        for name in NAMES:
            seconds(clients[name][kind], 2 * TURN)  # connections, tokens, first imports
        spent = dict.fromkeys(NAMES, 0.0)
        for _ in range(calls // TURN):
            for name in NAMES:
                spent[name] += seconds(clients[name][kind], TURN)
        found[kind] = {name: calls // TURN * TURN / spent[name] for name in NAMES}
    return found


def run(calls: int) -> dict[str, dict[str, float]]:
    """Start a sandbox process, measure, stop it."""
    command = [sys.executable, "-m", "sandbox", "--port", "0", "--company", "tiny"]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as sandbox,
    ):
        assert sandbox.stdout is not None
        try:
            url = sandbox.stdout.readline().split()[1]
            requests.post(f"{url}/_sandbox/limits", json={"on": False}, timeout=8).raise_for_status()
            address = f"sqlite:///{Path(folder) / 'chorus.db'}"
            migrate(address)
            db = Database(address)
            settings = Settings(
                feishu_app_id=APP_ID,
                feishu_app_secret=SECRET,
                feishu_encrypt_key="sandbox-encrypt-key",
                feishu_base_url=url,
            )
            clock = SystemClock()
            feishu = Feishu(settings, db=db, clock=clock, limits=Limits(db, clock, speed=1000))
            try:
                return measure(feishu, url, calls)
            finally:
                feishu.close()
                db.close()
        finally:
            sandbox.terminate()


def main() -> int:
    """Print a table and say whether the targets were met."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.client", description=__doc__)
    parser.add_argument("--calls", type=int, default=600, help="calls of each kind and client")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    options = parser.parse_args()
    found = run(options.calls)
    ratios = {kind: {n: v["ours"] / v[n] for n in TARGETS} for kind, v in found.items()}
    met = all(ratios[kind][name] >= target for kind in JUDGED for name, target in TARGETS.items())
    if options.json:
        print(json.dumps({"calls_per_second": found, "ratios": ratios, "targets": TARGETS, "met": met}))
        return 0 if met else 1
    print(f"{'call':<16}{'ours':>8}{'stock':>8}{'bare':>8}   ours/stock  ours/bare   (calls a second)")
    for kind, values in found.items():
        numbers = "".join(f"{values[name]:>8.0f}" for name in NAMES)
        print(f"{kind:<16}{numbers}{ratios[kind]['stock']:>13.2f}{ratios[kind]['bare']:>11.2f}")
    wanted = ", ".join(f"{name} {target}" for name, target in TARGETS.items())
    print(f"targets ({wanted}) on {' and '.join(JUDGED)}: {'met' if met else 'NOT met'}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
