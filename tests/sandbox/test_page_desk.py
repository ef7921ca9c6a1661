"""The back office and the developer's view: what they show, what their knobs do, what leaves no trace."""

import json
from typing import Any

import pytest
import requests

from sandbox.server import SandboxServer

KEYS = {"app_id": "cli_sandbox0000001", "app_secret": "sandbox-secret"}
TOKEN = "/open-apis/auth/v3/tenant_access_token/internal"
INFO = "/open-apis/bot/v3/info"


def control(sandbox: SandboxServer, method: str, path: str, **body: Any) -> dict[str, Any]:
    """One call of the control plane, whole."""
    answer = requests.request(method, f"{sandbox.url}/_sandbox/{path}", json=body or None, timeout=5)
    told: dict[str, Any] = answer.json()
    return told


def view(sandbox: SandboxServer, query: str = "") -> dict[str, Any]:
    """What the back office shows."""
    shown: dict[str, Any] = control(sandbox, "GET", f"view/backoffice{query}")["data"]
    return shown


def traffic(sandbox: SandboxServer, query: str = "") -> list[dict[str, Any]]:
    """The lines a developer sees, newest first."""
    lines: list[dict[str, Any]] = control(sandbox, "GET", f"view/traffic?{query}")["data"]["lines"]
    return lines


def call(sandbox: SandboxServer, path: str = INFO) -> requests.Response:
    """One call of the platform with a fresh token."""
    token = requests.post(sandbox.url + TOKEN, json=KEYS, timeout=5).json()["tenant_access_token"]
    return requests.get(sandbox.url + path, headers={"Authorization": f"Bearer {token}"}, timeout=5)


def test_the_back_office_shows_what_the_company_has(sandbox: SandboxServer) -> None:
    """Shops, plans with money as written, articles with the largest gap first, knobs as they stand."""
    shown = view(sandbox)
    world = sandbox.world
    assert [shop["name"] for shop in shown["shops"]] == list(world.shop.shops.values())
    assert {plan["id"] for plan in shown["plans"]} == {str(i) for i in world.ads.plans}
    plan = world.ads.plans[int(shown["plans"][0]["id"])]
    assert shown["plans"][0]["budget"] == str(plan.budget)
    gaps = [sku["qty"] + sku["coming"] - sku["least"] for sku in shown["skus"]]
    assert gaps == sorted(gaps)
    assert shown["knobs"]["simulator"] is False
    assert shown["bills"] == {"count": 0, "newest": []}


def test_words_narrow_plans_and_articles_and_pages_turn(sandbox: SandboxServer) -> None:
    """A name finds its article; a page past the end is empty and the count stays."""
    first = view(sandbox)["skus"][0]
    found = view(sandbox, f"?words={first['id']}")
    assert [sku["id"] for sku in found["skus"]] == [first["id"]]
    assert found["articles"]["total"] == 1
    later = view(sandbox, "?page=99")
    assert (later["skus"], later["articles"]["total"]) == ([], len(sandbox.world.erp.skus))


def test_a_plan_sinks_and_recovers_by_its_knobs(sandbox: SandboxServer) -> None:
    """Sinking brings ROI under 1:3 and marks the plan; recovering lifts it again."""
    plan_id = view(sandbox)["plans"][0]["id"]

    def plan() -> dict[str, Any]:
        return next(p for p in view(sandbox)["plans"] if p["id"] == plan_id)

    assert control(sandbox, "POST", "simulator/sink", plan_id=plan_id)["code"] == 0
    assert (float(plan()["roi"]) < 3, plan()["sunk"]) == (True, True)
    assert control(sandbox, "POST", "simulator/recover", plan_id=plan_id)["code"] == 0
    assert (float(plan()["roi"]) > 3, plan()["sunk"]) == (True, False)


def test_selling_takes_from_stock_and_makes_an_order(sandbox: SandboxServer) -> None:
    """What is sold is gone and paid for; more than there is sells what there is; nothing left is refused."""
    sku = max(sandbox.world.erp.skus.values(), key=lambda one: one.qty)
    had, orders = sku.qty, len(sandbox.world.shop.orders)
    sold = control(sandbox, "POST", "simulator/sell", sku_id=sku.sku_id, count=3)
    assert sold["data"] == {"sku_id": sku.sku_id, "qty": had - 3}
    assert len(sandbox.world.shop.orders) == orders + 1
    assert control(sandbox, "POST", "simulator/sell", sku_id=sku.sku_id, count=had)["data"]["qty"] == 0
    for wish in (
        {"sku_id": sku.sku_id, "count": 1},
        {"sku_id": "none", "count": 1},
        {"sku_id": sku.sku_id, "count": 0},
    ):
        assert control(sandbox, "POST", "simulator/sell", **wish)["code"] == 400
    assert control(sandbox, "POST", "simulator/sell", sku_id=sku.sku_id, count="many")["code"] == 400


def test_a_purchase_order_appears_with_the_names_of_its_goods(sandbox: SandboxServer) -> None:
    """What the product bought stands there, the newest first."""
    sku = next(iter(sandbox.world.erp.skus.values()))
    body = {
        "external_id": "po-1",
        "supplier_id": 1,
        "is_confirm": True,
        "items": [{"sku_id": sku.sku_id, "qty": 5}],
    }
    sandbox.world.erp.buy(body)
    (purchase,) = view(sandbox)["purchases"]
    assert (purchase["external"], purchase["status"]) == ("po-1", "Confirmed")
    assert purchase["items"] == [{"sku": sku.sku_id, "name": sku.name, "qty": 5, "price": None}]


def test_every_call_is_a_line_with_its_area_and_outcome(sandbox: SandboxServer) -> None:
    """Good and bad calls are told apart by status and by code; a filter keeps what it names."""
    call(sandbox)
    control(sandbox, "POST", "faults", kind="code", code=1254291, msg="Write conflict", match={"path": INFO})
    call(sandbox)
    control(sandbox, "POST", "faults", kind="drop_before", match={"path": INFO})
    with pytest.raises(requests.ConnectionError):
        call(sandbox)
    lines = traffic(sandbox, "kind=request&words=bot/v3")
    assert [line["result"] for line in lines] == ["断开", "200 · 1254291", "200"]
    assert [line["good"] for line in lines] == [False, False, True]
    assert len(traffic(sandbox, "status=bad")) == 2
    area = lines[0]["area"] or lines[2]["area"]
    assert {line["area"] for line in traffic(sandbox, f"area={area}")} == {area}


def test_the_client_itself_leaves_no_lines(sandbox: SandboxServer) -> None:
    """Pages, their data and the control plane are not traffic between product and platform."""
    person = next(iter(sandbox.world.people))
    for path in (
        "/",
        "/backoffice",
        "/developer",
        f"/people/{person}/live",
        "/_sandbox/clock",
        "/web/app.js",
    ):
        assert requests.get(sandbox.url + path, timeout=5).status_code == 200
    assert traffic(sandbox) == []


def test_a_line_opens_with_its_bodies_cut_to_size(sandbox: SandboxServer) -> None:
    """Request and answer as JSON; a long text is cut and says how long it was; an unknown line is refused."""
    long = {**KEYS, "padding": "字" * 9_000}
    requests.post(sandbox.url + TOKEN, json=long, timeout=5)
    (line,) = traffic(sandbox)
    detail = control(sandbox, "GET", f"view/traffic/request/{line['n']}")["data"]["detail"]
    assert detail["body"]["app_id"] == KEYS["app_id"]
    assert detail["response"]["code"] == 0
    assert detail["body"]["padding"].endswith("…（共 9000 字）")
    assert len(detail["body"]["padding"]) < 5_000
    for wrong in ("request/99", "event/1", "tap/1", "nothing/1", "request/x"):
        assert requests.get(f"{sandbox.url}/_sandbox/view/traffic/{wrong}", timeout=5).status_code == 404


def test_events_and_taps_are_lines_too(sandbox: SandboxServer) -> None:
    """An event nobody subscribed to says so; a tap without a callback address says what the person saw."""
    person = next(iter(sandbox.world.people.values()))
    control(sandbox, "POST", "emit", type="some.event_v1", event={"a": 1})
    button = {
        "tag": "button",
        "text": {"tag": "plain_text", "content": "好"},
        "behaviors": [{"type": "callback", "value": {"a": 1}}],
    }
    card = json.dumps({"schema": "2.0", "body": {"elements": [button]}})
    with sandbox.world.lock:
        chat = sandbox.world.im.p2p(sandbox.world.default_app, person)
        message = sandbox.world.im.add(chat, "interactive", card, sandbox.world.default_app.app_id, "app")
    control(sandbox, "POST", "act/tap", open_id=person.open_id, message_id=message.message_id, index=0)
    (event,) = traffic(sandbox, "kind=event")
    assert event["what"] == "some.event_v1"
    (tap,) = traffic(sandbox, "kind=tap")
    assert (tap["who"], tap["good"], tap["result"]) == (person.name, False, "客户端 200340")
    detail = control(sandbox, "GET", f"view/traffic/tap/{tap['n']}")["data"]["detail"]
    assert detail["action"]["value"] == {"a": 1}
    assert control(sandbox, "GET", f"view/traffic/event/{event['n']}")["data"]["detail"]["event"] == {"a": 1}


def test_one_fault_of_several_is_withdrawn(sandbox: SandboxServer) -> None:
    """The others still strike; an unknown number is refused in words."""
    first = control(sandbox, "POST", "faults", code=1)["data"]["id"]
    second = control(sandbox, "POST", "faults", code=2)["data"]["id"]
    assert control(sandbox, "DELETE", f"faults/{first}")["code"] == 0
    assert [f["id"] for f in control(sandbox, "GET", "faults")["data"]["faults"]] == [second]
    assert "no fault" in control(sandbox, "DELETE", f"faults/{first}")["msg"]
