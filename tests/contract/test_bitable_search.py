"""Searching records: filters, sort, pages, views, and the older list."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from lark_oapi.api.bitable.v1 import (
    Condition,
    FilterInfo,
    SearchAppTableRecordRequest,
    SearchAppTableRecordRequestBody,
    Sort,
)

from sandbox.server import SandboxServer
from tests.contract.bitable_kit import Bench, lost
from tests.contract.kit import fresh_client, people

SHANGHAI = ZoneInfo("Asia/Shanghai")
FIELDS: list[dict[str, Any]] = [
    {"field_name": "名称", "type": 1},
    {"field_name": "数字", "type": 2},
    {"field_name": "状态", "type": 3},
    {"field_name": "标签", "type": 4},
    {"field_name": "勾选", "type": 7},
    {"field_name": "日期", "type": 5},
    {"field_name": "负责人", "type": 11},
    {"field_name": "链接", "type": 15},
    {"field_name": "两倍", "type": 20, "property": {"formula_expression": "[数字]*2"}},
]


def one(name: str, operator: str, *value: str) -> dict[str, Any]:
    """A condition."""
    return {"field_name": name, "operator": operator, "value": list(value)}


def ms(day: int, hour: int = 0) -> int:
    """A time in February 2026 in Shanghai."""
    return int(datetime(2026, 2, day, hour, tzinfo=SHANGHAI).timestamp() * 1000)


@pytest.fixture
def bench(sandbox: SandboxServer) -> Bench:
    """Four records that differ in every field."""
    made = Bench(sandbox, FIELDS)
    first, second = people(sandbox)[:2]
    made.add(
        {"名称": "苹果", "数字": 1, "状态": "甲", "标签": ["红", "绿"], "勾选": True, "日期": ms(3, 10)},
        {
            "名称": "香蕉",
            "数字": 2.5,
            "状态": "乙",
            "标签": ["黄"],
            "日期": ms(4),
            "负责人": [{"id": first.open_id}],
        },
        {
            "名称": "苹果派",
            "数字": 10,
            "标签": ["红"],
            "负责人": [{"id": first.open_id}, {"id": second.open_id}],
        },
        {"名称": "空", "链接": {"text": "官网", "link": "https://x.cn"}},
    )
    return made


@pytest.mark.parametrize(
    ("condition", "names"),
    [
        (one("名称", "is", "苹果"), ["苹果"]),
        (one("名称", "isNot", "苹果"), ["香蕉", "苹果派", "空"]),
        (one("名称", "contains", "苹果"), ["苹果", "苹果派"]),
        (one("名称", "doesNotContain", "苹果"), ["香蕉", "空"]),
        (one("链接", "is", "官网"), ["空"]),
        (one("数字", "is", "2.50"), ["香蕉"]),
        (one("数字", "isGreater", "2"), ["香蕉", "苹果派"]),
        (one("数字", "isLessEqual", "2.5"), ["苹果", "香蕉"]),
        (one("数字", "isEmpty"), ["空"]),
        (one("状态", "is", "甲"), ["苹果"]),
        (one("状态", "isNot", "甲"), ["香蕉", "苹果派", "空"]),
        (one("状态", "contains", "甲", "乙"), ["苹果", "香蕉"]),
        (one("状态", "is", "没有"), []),
        (one("标签", "is", "红"), ["苹果派"]),
        (one("标签", "contains", "红"), ["苹果", "苹果派"]),
        (one("标签", "isNotEmpty"), ["苹果", "香蕉", "苹果派"]),
        (one("勾选", "is", "true"), ["苹果"]),
        (one("勾选", "is", "false"), ["香蕉", "苹果派", "空"]),
        (one("日期", "is", "ExactDate", str(ms(3, 23))), ["苹果"]),
        (one("日期", "isGreater", "ExactDate", str(ms(3))), ["香蕉"]),
        (one("日期", "isLess", "ExactDate", str(ms(4, 12))), ["苹果"]),
    ],
)
def test_operators_by_type(bench: Bench, condition: dict[str, Any], names: list[str]) -> None:
    """Each type knows its operators; dates are compared by day in the base's zone."""
    assert bench.found(condition) == names


def test_people_are_found_by_the_id_type_asked_for(bench: Bench) -> None:
    """Values of a people condition are ids of user_id_type."""
    person = people(bench.sandbox)[0]
    body = {"filter": {"conjunction": "and", "conditions": [one("负责人", "contains", person.union_id)]}}
    assert bench.search(body, user_id_type="union_id")["data"]["total"] == 2
    assert bench.search(body)["data"]["total"] == 0
    assert bench.found(one("负责人", "is", person.open_id)) == ["香蕉"]


def test_words_for_days(bench: Bench) -> None:
    """Today, Yesterday and CurrentMonth follow the sandbox clock in the base's zone."""
    now = bench.world.clock.now().astimezone(SHANGHAI)
    bench.add(
        {"名称": "今天", "日期": int(now.timestamp() * 1000)},
        {"名称": "昨天", "日期": int((now - timedelta(days=1)).timestamp() * 1000)},
    )
    assert bench.found(one("日期", "is", "Today")) == ["今天"]
    assert bench.found(one("日期", "is", "Yesterday")) == ["昨天"]
    assert bench.found(one("日期", "is", "TheLastWeek")) == ["今天", "昨天"]
    assert "今天" in bench.found(one("日期", "is", "CurrentMonth"))
    assert bench.found(one("日期", "isLess", "Yesterday")) == ["苹果", "香蕉"]


def test_today_moves_on_while_nothing_is_written(bench: Bench) -> None:
    """The same search asked a day later, with no write in between, finds other records."""
    bench.add({"名称": "今天", "日期": bench.world.clock.ms()})
    assert bench.found(one("日期", "is", "Today")) == ["今天"]
    bench.world.clock.advance(86_400)
    bench.client = fresh_client(bench.sandbox)
    assert bench.found(one("日期", "is", "Today")) == []
    assert bench.found(one("日期", "is", "Yesterday")) == ["今天"]


def test_children_combine_one_level_deep(bench: Bench) -> None:
    """Groups inside a filter work one level deep; a group in a group is refused."""
    child = {"conjunction": "or", "conditions": [one("数字", "is", "1"), one("数字", "is", "10")]}
    assert bench.found(one("名称", "contains", "派"), children=[child]) == ["苹果派"]
    deep = {"conjunction": "and", "conditions": [], "children": [{**child, "children": [child]}]}
    assert bench.search({"filter": deep})["code"] == 1254018


@pytest.mark.parametrize(
    "condition",
    [
        one("两倍", "is", "2"),
        one("数字", "contains", "1"),
        one("日期", "isGreaterEqual", "Today"),
        one("日期", "isGreater", "CurrentWeek"),
        one("勾选", "isNot", "true"),
        one("状态", "is", "甲", "乙"),
        one("数字", "is", "zwei"),
        one("名称", "like", "x"),
        one("数字", "isEmpty", "x"),
        {"field_name": "数字", "operator": "isEmpty"},
    ],
)
def test_filters_that_are_not_valid(bench: Bench, condition: dict[str, Any]) -> None:
    """Formulas, operators a type does not know and wrong values answer 1254018 with HTTP 200."""
    body = {"filter": {"conjunction": "and", "conditions": [condition]}}
    assert bench.code("POST", "records/search", body) == (1254018, 200)


def test_more_than_fifty_conditions(bench: Bench) -> None:
    """Fifty conditions pass, fifty-one do not."""
    many = [one("数字", "isNot", "77")] * 51
    assert len(bench.found(*many[:50])) == 4
    body = {"filter": {"conjunction": "and", "conditions": many}}
    assert bench.search(body)["code"] == 1254018


def test_typed_search_with_sort_and_chosen_fields(bench: Bench) -> None:
    """The SDK's search: sort, field_names and automatic_fields; nothing of the answer is lost but ``id``."""
    condition = Condition.builder().field_name("数字").operator("isGreater").value(["0"]).build()
    body = (
        SearchAppTableRecordRequestBody.builder()
        .filter(FilterInfo.builder().conjunction("and").conditions([condition]).build())
        .sort([Sort.builder().field_name("数字").desc(True).build()])
        .field_names(["名称", "数字"])
        .automatic_fields(True)
        .build()
    )
    request = SearchAppTableRecordRequest.builder().app_token(bench.app).table_id(bench.table)
    got = bench.client.bitable.v1.app_table_record.search(request.request_body(body).build())
    assert got.success(), got.msg
    assert [item.fields["数字"] for item in got.data.items] == [10, 2.5, 1]
    assert all(set(item.fields) == {"名称", "数字"} for item in got.data.items)
    assert got.data.items[0].last_modified_by.id == bench.bot
    assert (got.data.total, got.data.has_more, got.data.page_token) == (3, False, None)
    assert lost(got, allowed=["id"]) == []


def test_unknown_names_are_refused_everywhere(bench: Bench) -> None:
    """A name that is no field answers 1254045 in filter, sort and field_names."""
    filtered = {"filter": {"conjunction": "and", "conditions": [one("没有", "isEmpty")]}}
    for body in (filtered, {"sort": [{"field_name": "没有"}]}, {"field_names": ["没有"]}):
        assert bench.code("POST", "records/search", body) == (1254045, 200)


def test_pages_give_every_record_once(bench: Bench) -> None:
    """page_token comes only with has_more; records deleted and added meanwhile do not disturb the rest."""
    ids = bench.add(*[{"名称": f"n{n}"} for n in range(40)])
    seen: list[str] = []
    token: str | None = ""
    while token is not None:
        page = bench.search(page_size=15, **({"page_token": token} if token else {}))["data"]
        assert ("page_token" in page) == page["has_more"]
        seen += [item["record_id"] for item in page["items"]]
        if len(seen) == 15:
            bench.call("DELETE", f"records/{ids[0]}")
        token = page.get("page_token")
    assert len(seen) == len(set(seen)) == 44
    assert set(ids[1:]) <= set(seen)


def test_page_tokens_that_do_not_work(bench: Bench) -> None:
    """Nonsense and expired tokens are 1254030, a token of another search is 1254002."""
    token = bench.search(page_size=2)["data"]["page_token"]
    assert bench.code("POST", "records/search", {}, page_token="nonsense") == (1254030, 200)
    other = {"sort": [{"field_name": "数字"}]}
    assert bench.code("POST", "records/search", other, page_token=token) == (1254002, 200)
    assert bench.code("POST", "records/search", {}, page_token=token) == (0, 200)
    bench.world.bitable.strict_pages = True
    bench.add({"名称": "neu"})
    assert bench.code("POST", "records/search", {}, page_token=token)[0] == 1254002
    bench.world.clock.advance(3600)
    assert bench.code("POST", "records/search", {}, page_token=token)[0] == 1254030


def test_page_size(bench: Bench) -> None:
    """Twenty by default, 500 at most, else 1254011 with HTTP 400."""
    bench.add(*[{} for _ in range(30)])
    assert len(bench.search()["data"]["items"]) == 20
    assert len(bench.search(page_size=500)["data"]["items"]) == 34
    assert bench.code("POST", "records/search", {}, page_size=501) == (1254011, 400)


def test_a_view_counts_only_without_filter_and_sort(bench: Bench) -> None:
    """The view's own filter applies alone; with a filter or sort the view is silently ignored."""
    view = bench.call("POST", "views", {"view_name": "大", "view_type": "grid"})["data"]["view"]["view_id"]
    condition = {"field_id": bench.field_id("数字"), "operator": "isGreater", "value": '["2"]'}
    info = {"conjunction": "and", "conditions": [condition]}
    assert bench.code("PATCH", f"views/{view}", {"property": {"filter_info": info}}) == (0, 200)
    assert bench.search({"view_id": view})["data"]["total"] == 2
    assert bench.search({"view_id": view, "sort": [{"field_name": "数字"}]})["data"]["total"] == 4
    assert bench.code("POST", "records/search", {"view_id": "vewnothere"}) == (1254042, 200)


def test_the_older_list_has_numbers_as_text(bench: Bench) -> None:
    """GET list and get show text plain and numbers as strings, and filter by a formula."""
    data = bench.call(
        "GET", "records", filter='AND(CurrentValue.[数字]>2,CurrentValue.[名称].contains("香"))'
    )["data"]
    [item] = data["items"]
    assert (item["fields"]["名称"], item["fields"]["数字"], item["fields"]["两倍"]) == ("香蕉", "2.5", "5")
    got = bench.call("GET", f"records/{item['record_id']}", text_field_as_array="true")["data"]["record"]
    assert got["fields"]["名称"] == [{"type": "text", "text": "香蕉"}]
    listed = bench.call("GET", "records", sort='["数字 DESC"]', page_size=1)["data"]
    assert listed["items"][0]["fields"]["数字"] == "10"
    assert bench.code("GET", "records", filter="CurrentValue.[数字") == (1254018, 200)
