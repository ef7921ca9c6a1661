"""What the Bitable contract tests share: a base made through the SDK, and short ways to call and compare."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import lark_oapi as lark
from lark_oapi.api.bitable.v1 import (
    CreateAppRequest,
    CreateAppTableRequest,
    CreateAppTableRequestBody,
    ReqApp,
)

from sandbox.server import SandboxServer
from tests.contract.kit import fresh_client, parsed, raw_call

Fields = Sequence[Mapping[str, Any]]
EVERY_TYPE: list[dict[str, Any]] = [
    {"field_name": "名称", "type": 1},
    {"field_name": "条码", "type": 1, "ui_type": "Barcode"},
    {"field_name": "邮箱", "type": 1, "ui_type": "Email"},
    {"field_name": "数字", "type": 2, "property": {"formatter": "0.00"}},
    {
        "field_name": "进度",
        "type": 2,
        "ui_type": "Progress",
        "property": {"formatter": "0%", "min": 0, "max": 1},
    },
    {
        "field_name": "金额",
        "type": 2,
        "ui_type": "Currency",
        "property": {"formatter": "0.00", "currency_code": "CNY"},
    },
    {
        "field_name": "评分",
        "type": 2,
        "ui_type": "Rating",
        "property": {"formatter": "0", "min": 1, "max": 5, "rating": {"symbol": "star"}},
    },
    {"field_name": "状态", "type": 3, "property": {"options": [{"name": "进行中"}, {"name": "完成"}]}},
    {"field_name": "标签", "type": 4, "property": {"options": [{"name": "甲"}, {"name": "乙"}]}},
    {"field_name": "日期", "type": 5, "property": {"date_formatter": "yyyy-MM-dd", "auto_fill": False}},
    {"field_name": "勾选", "type": 7},
    {"field_name": "负责人", "type": 11, "property": {"multiple": True}},
    {"field_name": "电话", "type": 13},
    {"field_name": "链接", "type": 15},
    {"field_name": "附件", "type": 17},
    {"field_name": "位置", "type": 22, "property": {"location": {"input_type": "not_limit"}}},
    {"field_name": "群", "type": 23},
    {"field_name": "创建时间", "type": 1001},
    {"field_name": "更新时间", "type": 1002},
    {"field_name": "创建人", "type": 1003},
    {"field_name": "修改人", "type": 1004},
    {"field_name": "编号", "type": 1005},
    {"field_name": "两倍", "type": 20, "property": {"formula_expression": "[数字]*2", "formatter": "0.0"}},
]


class Bench:
    """A client, a base and one table in it."""

    def __init__(self, sandbox: SandboxServer, fields: Fields = EVERY_TYPE) -> None:
        self.sandbox = sandbox
        self.world = sandbox.world
        self.world.bitable.write_seconds = 0.0
        self.world.limits_on = False
        self.client = fresh_client(sandbox)
        made = self.client.bitable.v1.app.create(
            CreateAppRequest.builder().request_body(ReqApp.builder().name("测试库").build()).build()
        )
        assert made.success(), made.msg
        self.app: str = made.data.app.app_token
        answer = self.call("POST", "tables", {"table": {"name": "主表", "fields": list(fields)}})
        assert answer["code"] == 0, answer
        self.table: str = answer["data"]["table_id"]
        self.bot = self.world.default_app.open_id

    def path(self, tail: str) -> str:
        """The path of ``tail`` inside the base; ``records…``, ``fields…``, ``views…`` mean the one table."""
        inside = tail.startswith(("records", "fields", "views", "forms"))
        middle = f"tables/{self.table}/" if inside else ""
        return f"/open-apis/bitable/v1/apps/{self.app}/{middle}{tail}".rstrip("/")

    def send(self, method: str, tail: str, body: Any = None, **query: Any) -> lark.RawResponse:
        """A raw call inside the base."""
        pairs = [(key, str(value)) for key, value in query.items()]
        return raw_call(self.client, method, self.path(tail), body, pairs or None)

    def call(self, method: str, tail: str, body: Any = None, **query: Any) -> dict[str, Any]:
        """The answer of a raw call inside the base."""
        return parsed(self.send(method, tail, body, **query))

    def code(self, method: str, tail: str, body: Any = None, **query: Any) -> tuple[int, int]:
        """Code and HTTP status of a call."""
        raw = self.send(method, tail, body, **query)
        return parsed(raw)["code"], int(raw.status_code)

    def add(self, *rows: Mapping[str, Any]) -> list[str]:
        """Create records; their ids."""
        answer = self.call("POST", "records/batch_create", {"records": [{"fields": row} for row in rows]})
        assert answer["code"] == 0, answer
        return [record["record_id"] for record in answer["data"]["records"]]

    def read(self, record_id: str) -> dict[str, Any]:
        """The fields of a record as batch_get shows them."""
        answer = self.call("POST", "records/batch_get", {"record_ids": [record_id]})
        fields: dict[str, Any] = answer["data"]["records"][0]["fields"]
        return fields

    def search(self, body: Mapping[str, Any] | None = None, **query: Any) -> dict[str, Any]:
        """The answer of a search."""
        return self.call("POST", "records/search", dict(body or {}), **query)

    def found(self, *conditions: Mapping[str, Any], conjunction: str = "and", **more: Any) -> list[str]:
        """Names (first field, text) of the records a filter finds."""
        body = {"filter": {"conjunction": conjunction, "conditions": list(conditions), **more}}
        answer = self.search(body, page_size=500)
        assert answer["code"] == 0, answer
        return [item["fields"]["名称"][0]["text"] for item in answer["data"]["items"]]

    def field_id(self, name: str) -> str:
        """Id of a field of the table."""
        field = self.world.bitable.bases[self.app].tables[self.table].field_named(name)
        assert field is not None
        return str(field.id)

    def events(self, kind: str = "drive.file.bitable_record_changed_v1") -> list[dict[str, Any]]:
        """The bodies of the events of a kind queued so far."""
        log = self.world.events.log()
        return [entry["event"] for entry in log if entry["event_type"] == kind]


def create_table_request(app: str, table: Any) -> CreateAppTableRequest:
    """A typed request to create a table."""
    body = CreateAppTableRequestBody.builder().table(table).build()
    return CreateAppTableRequest.builder().app_token(app).request_body(body).build()


def lost(response: Any, allowed: Sequence[str] = ()) -> list[str]:
    """Members of the raw answer that the SDK's typed model dropped, but for ``allowed`` ones."""
    raw = json.loads(response.raw.content).get("data")
    typed = json.loads(lark.JSON.marshal(getattr(response, "data", None)) or "{}")
    return missing(raw, typed, "data", allowed)


def missing(
    sent: Any, kept: Any, path: str, allowed: Sequence[str] = (), *, nulls: bool = False
) -> list[str]:
    """Where in ``sent`` something stands that ``kept`` has not, or has differently.

    Args:
        sent: JSON as it was on the wire.
        kept: the same after it went through a model.
        path: what to call the top.
        allowed: names that may be dropped.
        nulls: a dropped ``null`` or empty member counts.
    """
    if isinstance(sent, dict) and isinstance(kept, dict):
        looked = {
            key: value
            for key, value in sent.items()
            if key not in allowed and (nulls or value not in (None, {}, []))
        }
        gone = [f"{path}.{key}" for key in looked if key not in kept]
        both = ((value, kept[key], f"{path}.{key}") for key, value in looked.items() if key in kept)
    elif isinstance(sent, list) and isinstance(kept, list) and len(sent) == len(kept):
        gone, both = [], zip(sent, kept, (f"{path}[{at}]" for at in range(len(sent))), strict=True)
    else:
        return [] if sent == kept or sent is None else [path]
    return gone + [name for one in both for name in missing(*one, allowed, nulls=nulls)]
