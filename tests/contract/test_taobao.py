"""TOP answers, signs, paces and refuses like the platform."""

import hashlib
import hmac
import json
from datetime import datetime, timedelta
from typing import Any

import pytest
import requests

from sandbox import taobao
from sandbox.server import SandboxServer
from sandbox.taobao import APP_KEY, APP_SECRET, REFRESH, SESSION, SHANGHAI, Campaign

NOW = datetime.now(SHANGHAI).replace(microsecond=0)
INCREMENT = "taobao.trades.sold.increment.get"


def form(method: str, **change: str) -> dict[str, str]:
    """A form with the sign of the rule: sorted pairs, HMAC-SHA256, upper hex."""
    fields = {
        "method": method, "app_key": APP_KEY, "session": SESSION, "format": "json", "v": "2.0",
        "timestamp": f"{datetime.now(SHANGHAI):%Y-%m-%d %H:%M:%S}", "sign_method": "hmac-sha256",
    } | {key: value for key, value in change.items() if key != "sign"}  # fmt: skip
    text = "".join(key + fields[key] for key in sorted(fields) if fields[key])
    made = hmac.new(APP_SECRET.encode(), text.encode(), hashlib.sha256).hexdigest().upper()
    return fields | {"sign": change.get("sign", made)}


def call(sandbox: SandboxServer, method: str, **change: str) -> dict[str, Any]:
    """One call."""
    answer = requests.post(f"{sandbox.url}/router/rest", data=form(method, **change), timeout=5)
    assert answer.status_code == 200  # failures too
    parsed: dict[str, Any] = answer.json()
    return parsed


def window(minutes: int = 60, **change: str) -> dict[str, str]:
    """The last minutes."""
    start, end = NOW - timedelta(minutes=minutes), NOW
    return {
        "start_modified": f"{start:%F %T}",
        "end_modified": f"{end:%F %T}",
        "fields": "tid,payment",
    } | change


@pytest.mark.parametrize(
    ("kind", "sign"),
    [("md5", "66987CB115214E59E6EC978214934FB8"), ("hmac", "D56D7858309C31B6251083A874D48273")],
)
def test_the_sandbox_signs_like_the_published_vector(kind: str, sign: str) -> None:
    """Article 101617, and its twin with the secret as key."""
    fields = {
        "app_key": "12345678", "method": "taobao.item.seller.get", "session": "test",
        "timestamp": "2016-01-01 12:00:00", "format": "json", "v": "2.0", "sign_method": kind,
        "fields": "num_iid,title,nick,price,num", "num_iid": "11223344", "empty": "",
    }  # fmt: skip
    assert taobao.signature(fields, "helloworld") == sign


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"sign": "0" * 64}, 25),
        ({"session": "other"}, 27),
        ({"session": ""}, 26),
        ({"timestamp": f"{NOW - timedelta(minutes=11):%F %T}"}, 31),
        ({"timestamp": ""}, 40),
        ({"app_key": "1"}, 29),
        ({"method": "taobao.no.such"}, 22),
    ],
)
def test_refusals_are_answered_with_200(sandbox: SandboxServer, change: dict[str, str], code: int) -> None:
    """Each with its number in ``error_response``."""
    answer = call(sandbox, change.pop("method", INCREMENT), **window(), **change)
    assert answer["error_response"]["code"] == code
    assert answer["error_response"]["request_id"]


def test_trades_by_time_of_change(sandbox: SandboxServer) -> None:
    """Newest first, the fields asked for, wrapped once more, the total or whether more follows."""
    for n in range(5):
        sandbox.world.taobao.place(f"T{n}", "1.00", paid=f"{NOW - timedelta(minutes=n):%F %T}")
    first = call(sandbox, INCREMENT, **window(), page_size="2")[f"{INCREMENT[7:].replace('.', '_')}_response"]
    assert first["trades"] == {"trade": [{"tid": f"T{n}", "payment": "1.00"} for n in (0, 1)]}
    assert first["total_results"] == 5
    last = call(sandbox, INCREMENT, **window(), page_size="2", page_no="3", use_has_next="true")
    (body,) = last.values()
    assert (body["has_next"], [t["tid"] for t in body["trades"]["trade"]]) == (False, ["T4"])


def test_a_window_over_a_day_and_a_page_over_a_hundred_are_refused(sandbox: SandboxServer) -> None:
    """isv.* under 15, and 41."""
    answer = call(sandbox, INCREMENT, **window(24 * 60 + 1))["error_response"]
    assert (answer["code"], answer["sub_code"]) == (15, "isv.invalid-parameter")
    assert call(sandbox, INCREMENT, **window(), page_size="101")["error_response"]["code"] == 41


def test_the_limit_names_the_seconds(sandbox: SandboxServer) -> None:
    """As text."""
    sandbox.world.taobao.calls_per_second = 1
    call(sandbox, INCREMENT, **window())
    error = call(sandbox, INCREMENT, **window())["error_response"]
    assert (error["code"], "1 more seconds" in error["sub_msg"]) == (7, True)


def test_a_refresh_kills_what_was_before(sandbox: SandboxServer) -> None:
    """The old session is refused afterwards, the old refresh token too."""
    asked = {
        "grant_type": "refresh_token", "client_id": APP_KEY, "client_secret": APP_SECRET,
        "refresh_token": REFRESH,
    }  # fmt: skip
    pair = requests.post(f"{sandbox.url}/token", data=asked, timeout=5).json()
    assert pair["expires_in"] > 0
    assert call(sandbox, INCREMENT, **window())["error_response"]["code"] == 27
    assert "error_response" not in call(sandbox, INCREMENT, **window(), session=pair["access_token"])
    again = requests.post(f"{sandbox.url}/token", data=asked, timeout=5)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")


def test_oneclick_stops_and_onerecover_starts(sandbox: SandboxServer) -> None:
    """Only the campaigns that are named, all of them or none."""
    campaigns = sandbox.world.taobao.campaigns
    campaigns.update({7: Campaign(7, "计划", "500"), 8: Campaign(8, "计划", "500")})
    for method, ids, ok, status in (
        ("oneclick", [7], True, "pause"),
        ("onerecover", [7], True, "start"),
        ("oneclick", [7, 9], False, "start"),
        ("oneclick", [], False, "start"),
    ):
        wanted = json.dumps({"campaign_id_list": ids})
        answer = call(
            sandbox, f"taobao.universalbp.new.campaign.{method}",
            top_service_context='{"biz_code":"onebpSearch"}', one_click_v_o=wanted,
        )  # fmt: skip
        (body,) = answer.values()
        assert body["top_result"]["info"]["ok"] is ok
        assert (campaigns[7].status, campaigns[8].status) == (status, "start")


def test_an_empty_budget_lifts_the_cap(sandbox: SandboxServer) -> None:
    """The trap a client must know."""
    sandbox.world.taobao.campaigns[7] = Campaign(7, "计划", "500")
    method = "taobao.universalbp.new.campaign.budget.batchupdate"
    for wanted, ok in (("800", True), ("20", False), ("", True)):
        change = {"budget_list": [{"campaign_id": 7, "dmc_type": "normal", "day_budget": wanted}]}
        answer = call(
            sandbox, method, top_service_context='{"biz_code":"onebpSearch"}',
            campaign_budget_list_v_o=json.dumps(change),
        )  # fmt: skip
        (body,) = answer.values()
        assert body["top_result"]["info"]["ok"] is ok
    assert sandbox.world.taobao.campaigns[7].changes == ["800", ""]
