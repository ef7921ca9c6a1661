"""Tables in the web client: columns, windows of rows, filters, rights, forms and attachments, over HTTP."""

import base64
import json
from typing import Any

import pytest
import requests

from sandbox.bitable_model import Table
from sandbox.kernel import Person
from sandbox.server import SandboxServer

FIELDS: list[dict[str, Any]] = [
    {"field_name": "名称", "type": 1},
    {"field_name": "状态", "type": 3, "property": {"options": [{"name": "进行中"}, {"name": "完成"}]}},
    {"field_name": "数量", "type": 2, "property": {"formatter": "0"}},
    {
        "field_name": "金额",
        "type": 2,
        "ui_type": "Currency",
        "property": {"formatter": "0.00", "currency_code": "CNY"},
    },
    {"field_name": "启用", "type": 7},
    {"field_name": "负责人", "type": 11, "property": {"multiple": True}},
    {"field_name": "链接", "type": 15},
    {"field_name": "附件", "type": 17},
    {"field_name": "小计", "type": 20, "property": {"formula_expression": "[数量]*2", "formatter": "0"}},
]


class Desk:
    """One table and how a person's page asks for it."""

    def __init__(self, sandbox: SandboxServer, count: int = 0) -> None:
        self.sandbox, self.world = sandbox, sandbox.world
        self.people: list[Person] = list(self.world.people.values())
        self.base = self.world.bitable.create_base("经营数据")
        rows = [
            {"名称": f"第 {n} 行", "状态": "完成" if n % 2 else "进行中", "数量": n, "启用": n % 2 == 0}
            for n in range(count)
        ]
        self.table: Table = self.world.bitable.seed_table(self.base.token, "台账", FIELDS, rows, form="登记")
        self.ids = {column.name: column.id for column in self.table.fields.values()}

    def url(self, tail: str = "", who: int = 0) -> str:
        """Address of the table on somebody's page."""
        place = f"{self.people[who].open_id}/tables/{self.base.token}/{self.table.id}"
        return f"{self.sandbox.url}/people/{place}{tail}"

    def schema(self, who: int = 0) -> dict[str, Any]:
        """Columns, forms and rights of somebody."""
        answer: dict[str, Any] = requests.get(self.url(who=who), timeout=5).json()
        return answer

    def rows(self, who: int = 0, **query: Any) -> dict[str, Any]:
        """A window of rows; lists go as JSON."""
        asked = {key: json.dumps(value) if isinstance(value, list) else value for key, value in query.items()}
        answer: dict[str, Any] = requests.get(self.url("/rows", who), params=asked, timeout=5).json()
        return answer

    def names(self, who: int = 0, **query: Any) -> list[str]:
        """The first column of a window."""
        return [row["cells"][self.ids["名称"]] for row in self.rows(who, **query)["rows"]]

    def act(self, verb: str, who: int = 0, **body: Any) -> dict[str, Any]:
        """Do something as a person."""
        place = {"app_token": self.base.token, "table_id": self.table.id, "open_id": self.people[who].open_id}
        answer = requests.post(f"{self.sandbox.url}/_sandbox/act/{verb}", json=place | body, timeout=5)
        told: dict[str, Any] = answer.json()
        return told

    def role(self, who: int, **body: Any) -> None:
        """Advanced permissions on, and one role with one member."""
        keys = {"app_id": "cli_sandbox0000001", "app_secret": "sandbox-secret"}
        root = f"{self.sandbox.url}/open-apis"
        token = requests.post(f"{root}/auth/v3/tenant_access_token/internal", json=keys, timeout=5).json()
        head = {"Authorization": f"Bearer {token['tenant_access_token']}"}
        app = f"{root}/bitable/v1/apps/{self.base.token}"
        assert requests.put(app, json={"is_advanced": True}, headers=head, timeout=5).json()["code"] == 0
        table_role = {"table_id": self.table.id, "table_perm": 2, **body}
        wish = {"role_name": "运营", "table_roles": [table_role]}
        made = requests.post(
            f"{root}/base/v2/apps/{self.base.token}/roles", json=wish, headers=head, timeout=5
        ).json()
        member = {"member_list": [{"type": "open_id", "id": self.people[who].open_id}]}
        url = f"{app}/roles/{made['data']['role']['role_id']}/members/batch_create"
        assert requests.post(url, json=member, headers=head, timeout=5).json()["code"] == 0


def test_columns_come_with_what_an_editor_needs(sandbox: SandboxServer) -> None:
    """Types, options with ids, formats; a formula is computed and its expression is nobody's business."""
    desk = Desk(sandbox)
    schema = desk.schema()
    by_name = {column["name"]: column for column in schema["columns"]}
    assert [o["name"] for o in by_name["状态"]["property"]["options"]] == ["进行中", "完成"]
    assert by_name["金额"]["property"]["currency_code"] == "CNY"
    assert by_name["小计"]["computed"] is True
    assert "formula_expression" not in by_name["小计"]["property"]
    assert schema["rights"]["full"] is True
    assert {p["id"] for p in schema["people"]} == {p.open_id for p in desk.people}


def test_a_window_of_ten_thousand_rows_is_one_page(sandbox: SandboxServer) -> None:
    """Any window by its place, with the total; at most 500 rows; past the end is empty."""
    desk = Desk(sandbox, 10_000)
    window = desk.rows(**{"from": "9990", "count": "100"})
    assert (window["total"], len(window["rows"])) == (10_000, 10)
    assert window["rows"][0]["cells"][desk.ids["名称"]] == "第 9990 行"
    assert window["rows"][0]["cells"][desk.ids["小计"]] == {"is": "number", "value": 19_980}
    assert len(desk.rows(count="99999")["rows"]) == 500
    assert desk.rows(**{"from": "20000"})["rows"] == []


def test_a_page_that_is_up_to_date_is_told_only_that(sandbox: SandboxServer) -> None:
    """``known`` saves the rows until something changes; then they come with the change."""
    desk = Desk(sandbox, 3)
    first = desk.rows()
    assert desk.rows(known=first["revision"]) == {"same": True, "revision": first["revision"]}
    done = desk.act("edit", record_id=first["rows"][0]["id"], fields={"名称": "改了"})
    assert done["code"] == 0
    assert desk.names(known=first["revision"]) == ["改了", "第 1 行", "第 2 行"]


@pytest.mark.parametrize(
    ("column", "operator", "value", "expected"),
    [
        ("数量", "isGreater", ["7"], ["第 8 行", "第 9 行"]),
        ("名称", "contains", ["第 3"], ["第 3 行"]),
        ("启用", "is", ["true"], ["第 0 行", "第 2 行", "第 4 行", "第 6 行", "第 8 行"]),
        ("小计", "isLessEqual", ["2"], ["第 0 行", "第 1 行"]),
        ("小计", "is", ["6"], ["第 3 行"]),
        ("负责人", "isNotEmpty", [], []),
    ],
)
def test_filters_narrow_by_the_type_of_the_column(
    sandbox: SandboxServer, column: str, operator: str, value: list[str], expected: list[str]
) -> None:
    """Numbers, words, ticks, people and what a formula shows."""
    desk = Desk(sandbox, 10)
    condition = {"field_id": desk.ids[column], "operator": operator, "value": value}
    assert desk.names(filter=[condition]) == expected


def test_conditions_add_up_and_sorting_and_words_follow(sandbox: SandboxServer) -> None:
    """Two conditions both hold; sorting turns the rest around; words look into every readable column."""
    desk = Desk(sandbox, 10)
    option = desk.table.fields[desk.ids["状态"]].option_named("完成")
    assert option is not None
    both = [
        {"field_id": desk.ids["状态"], "operator": "contains", "value": [option.id]},
        {"field_id": desk.ids["数量"], "operator": "isGreater", "value": ["4"]},
    ]
    order = [{"field_id": desk.ids["数量"], "desc": True}]
    assert desk.names(filter=both, sort=order) == ["第 9 行", "第 7 行", "第 5 行"]
    assert desk.names(words="完成", count="2") == ["第 1 行", "第 3 行"]
    assert desk.names(words="没有这样的") == []


@pytest.mark.parametrize(
    "query",
    [
        {"filter": "not json"},
        {"filter": '{"a": 1}'},
        {"filter": '[{"field_id": "fldNone", "operator": "is", "value": ["1"]}]'},
        {"sort": '[{"field_id": "fldNone"}]'},
    ],
)
def test_nonsense_is_refused_in_the_platforms_words(sandbox: SandboxServer, query: dict[str, str]) -> None:
    """A broken condition is a refusal with a code, never a failure of the sandbox."""
    answer = requests.get(Desk(sandbox, 1).url("/rows"), params=query, timeout=5).json()
    assert answer["code"] in (1254018, 1254045)


def test_roles_hide_columns_and_rows_and_lock_cells(sandbox: SandboxServer) -> None:
    """A hidden column is nowhere, not even by filtering or sorting; what may only be read is locked."""
    desk = Desk(sandbox, 4)
    rule = {"conjunction": "and", "conditions": [{"field_name": "启用", "operator": "is", "value": ["true"]}]}
    perm = {"名称": 3, "启用": 1, "状态": 1, "小计": 1, "数量": 0}
    desk.role(1, rec_rule={**rule, "other_perm": 0}, field_perm=perm, allow_delete_record=False)
    schema = desk.schema(1)
    assert "数量" not in [column["name"] for column in schema["columns"]]
    assert schema["hidden"] >= 1
    assert schema["rights"] == {"open": True, "add": True, "delete": False, "full": False, "roles": ["运营"]}
    window = desk.rows(1)
    assert window["total"] == 2
    assert desk.ids["数量"] not in window["rows"][0]["cells"]
    assert desk.ids["状态"] in window["rows"][0]["locked"]
    assert desk.ids["名称"] not in window["rows"][0]["locked"]
    peek = [{"field_id": desk.ids["数量"], "operator": "isGreater", "value": ["0"]}]
    assert desk.rows(1, filter=peek)["code"] == 1254045
    assert desk.rows(1, sort=[{"field_id": desk.ids["数量"]}])["code"] == 1254045
    hidden = next(r.id for r in desk.table.live() if r.cells[desk.ids["数量"]] == 1)
    assert requests.get(desk.url(f"/rows/{hidden}", 1), timeout=5).json()["code"] == 1254043
    assert desk.act("edit", 1, record_id=window["rows"][0]["id"], fields={"状态": "完成"})["code"] == 1254302
    assert desk.act("delete", 1, record_id=window["rows"][0]["id"])["code"] == 1254302


def test_who_has_no_role_sees_that_there_is_a_table_and_nothing_of_it(sandbox: SandboxServer) -> None:
    """No rows, no columns, no adding; the list says so."""
    desk = Desk(sandbox, 4)
    desk.role(1, field_perm={})
    form = next(view.form for view in desk.table.views.values() if view.form)
    schema = desk.schema(2)
    assert (schema["rights"]["open"], schema["rights"]["add"], schema["columns"]) == (False, False, [])
    assert desk.rows(2)["total"] == 0
    bases = requests.get(f"{sandbox.url}/people/{desk.people[2].open_id}/bases", timeout=5).json()["bases"]
    line = next(t for t in bases[0]["tables"] if t["name"] == "台账")
    assert (line["open"], line["rows"], len(line["forms"])) == (False, 0, 1)  # the form is shared
    form.shared = False
    bases = requests.get(f"{sandbox.url}/people/{desk.people[2].open_id}/bases", timeout=5).json()["bases"]
    assert bases[0]["tables"][0]["forms"] == []


def test_tables_one_may_open_stand_before_those_one_may_not(sandbox: SandboxServer) -> None:
    """Each keeps its place among its like; the form stands with its table."""
    desk = Desk(sandbox, 4)
    desk.role(1)
    hidden = sandbox.world.bitable.seed_table(desk.base.token, "内部", FIELDS[:1], [])
    desk.base.tables = {hidden.id: hidden, desk.table.id: desk.table}
    bases = requests.get(f"{sandbox.url}/people/{desk.people[1].open_id}/bases", timeout=5).json()["bases"]
    assert [(t["name"], t["open"], len(t["forms"])) for t in bases[0]["tables"]] == [
        ("台账", True, 1), ("内部", False, 0),
    ]  # fmt: skip


def test_a_form_takes_answers_and_files_and_insists_on_what_is_required(sandbox: SandboxServer) -> None:
    """Questions come with their columns; a missing answer is refused; the row holds what was sent."""
    desk = Desk(sandbox)
    view = next(v for v in desk.table.views.values() if v.form)
    assert view.form is not None
    view.form.questions[desk.ids["名称"]] = {"required": True}
    view.form.questions[desk.ids["数量"]] = {"visible": False}
    (form,) = desk.schema(1)["forms"]
    asked = {question["title"]: question for question in form["questions"]}
    assert "数量" not in asked
    assert asked["名称"]["required"] is True
    assert asked["状态"]["column"]["property"]["options"][0]["name"] == "进行中"
    name, data = "图 <b>.png", b"\x89PNG\r\n\x1a\n" + bytes(8)
    upload = desk.act("attach", name=name, data=base64.b64encode(data).decode())
    token = upload["data"]["file_token"]
    fields = {"附件": [{"file_token": token}]}
    assert desk.act("submit_form", 1, form_id=form["id"], fields=fields)["code"] == 1254007
    answer = desk.act("submit_form", 1, form_id=form["id"], fields=fields | {"名称": "新品"})
    assert answer["code"] == 0
    (row,) = desk.rows()["rows"]
    assert row["cells"][desk.ids["附件"]] == [
        {"token": token, "name": name, "mime": "image/png", "size": len(data)}
    ]
    got = requests.get(f"{sandbox.url}/web/media/{token}", timeout=5)
    assert (got.content, got.headers["Content-Type"]) == (data, "image/png")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"name": "", "data": "AAAA"}, 1061008),
        ({"name": "a.png", "data": "not base64!"}, 1061002),
        ({"name": "a.png", "data": ""}, 1061002),
    ],
)
def test_a_file_that_is_none_is_refused(sandbox: SandboxServer, body: dict[str, str], code: int) -> None:
    """No name, no base64, no bytes: a refusal with a code."""
    assert Desk(sandbox).act("attach", **body)["code"] == code


def test_a_file_that_could_be_a_page_is_only_ever_saved(sandbox: SandboxServer) -> None:
    """HTML and SVG come as attachments, so that nothing uploaded runs here."""
    desk = Desk(sandbox)
    for name in ("a.html", "a.svg"):
        data = base64.b64encode(b"<svg onload=alert(1)>").decode()
        token = desk.act("attach", name=name, data=data)["data"]["file_token"]
        headers = requests.get(f"{sandbox.url}/web/media/{token}", timeout=5).headers
        assert (headers["Content-Disposition"], headers["X-Content-Type-Options"]) == (
            "attachment",
            "nosniff",
        )


def test_the_stream_tells_which_kind_of_thing_changed(sandbox: SandboxServer) -> None:
    """A page that watches tables hears of an edited cell, and not of a message."""
    desk = Desk(sandbox, 1)
    who = desk.people[0].open_id
    url = f"{sandbox.url}/people/{who}/stream?topics=bitable"
    with requests.get(url, stream=True, timeout=5) as answer:
        lines = (line for line in answer.iter_lines() if line.startswith(b"data:"))
        first = json.loads(next(lines)[5:])
        requests.post(f"{sandbox.url}/_sandbox/act/say", json={"open_id": who, "text": "hi"}, timeout=5)
        desk.act("edit", record_id=next(iter(desk.table.records)), fields={"名称": "改了"})
        later = json.loads(next(lines)[5:])
    assert list(first) == ["bitable"]
    assert later["bitable"] > first["bitable"]
