"""Formula fields: what expressions give, how they show, and what they survive."""

from typing import Any

import pytest

from sandbox.server import SandboxServer
from tests.contract.bitable_kit import Bench

FIELDS: list[dict[str, Any]] = [
    {"field_name": "名称", "type": 1},
    {"field_name": "消耗", "type": 2},
    {"field_name": "成交", "type": 2},
    {"field_name": "空格", "type": 2},
    {"field_name": "状态", "type": 3},
    {"field_name": "勾选", "type": 7},
    {"field_name": "日期", "type": 5},
]
ROW: dict[str, Any] = {
    "名称": "计划一", "消耗": 300, "成交": 1000, "状态": "在投", "勾选": True, "日期": 1770048000000,
}  # fmt: skip


def value_of(bench: Bench, expression: str) -> Any:
    """What a formula field with this expression reads as on the row above."""
    body = {"field_name": "式", "type": 20, "property": {"formula_expression": expression}}
    made = bench.call("POST", "fields", body)
    assert made["code"] == 0, made
    [item] = bench.search()["data"]["items"]
    bench.call("DELETE", f"fields/{made['data']['field']['field_id']}")
    shown = item["fields"].get("式")
    if shown is None:
        return None
    assert set(shown) == {"type", "ui_type", "value"}
    [first] = shown["value"]
    return first["text"] if shown["type"] == 1 else first


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("1+2*3", 7),
        ("(1+2)*3-4/2", 7),
        ("2^3%5", 3),
        ("[成交]/[消耗]", 1000 / 300),
        ("ROUND([成交]/[消耗],2)", 3.33),
        ("ROUND(-2.5)", -3),
        ("0.1+0.2", 0.1 + 0.2),
        ("[成交]/[空格]", "#DIV/0!"),
        ("IFERROR([成交]/[空格],0)", 0),
        ("IF([成交]/[消耗]<3,\"低\",'高')", "高"),
        ("IF(ISBLANK([空格]),-1,[空格])", -1),
        ("IF([空格]>0,1)", None),
        ("AND([消耗]>=300,NOT([成交]<1000))", True),
        ("OR([消耗]>300,[成交]=1000)", True),
        ("[消耗]>0&&!([成交]!=1000)||FALSE", True),
        ("MIN([消耗],[成交],50)+MAX(1,2)+SUM([消耗],[空格],1)", 353),
        ("ABS(0-[消耗])+INT(2.9)", 302),
        ("CONCATENATE([名称],\"·\",[状态])", "计划一·在投"),
        ("[名称]&\" ROI \"&TEXT([成交]/[消耗],\"0.0\")", "计划一 ROI 3.3"),
        ("TEXT(0.256,\"0.0%\")", "25.6%"),
        ("IF([状态]=\"在投\",1,0)", 1),
        ("[勾选]", True),
        ("IFS([消耗]>1000,\"大\",[消耗]>100,\"中\")", "中"),
        ("[名称]+1", "#VALUE!"),
        ("DAYS([日期]+2,[日期])", 2),
        ("[日期]+1", 1770048000000 + 86_400_000),
        ("CONTAINTEXT([名称],\"计划\")", True),
    ],
)  # fmt: skip
def test_expressions(sandbox: SandboxServer, expression: str, expected: Any) -> None:
    """Arithmetic with doubles, conditions, text and dates; a fault shows as its text, blank is left out."""
    bench = Bench(sandbox, FIELDS)
    bench.add(ROW)
    assert value_of(bench, expression) == expected


def test_references_by_id_survive_a_rename(sandbox: SandboxServer) -> None:
    """Both forms of reference are kept by id: renaming a column changes nothing, deleting it is #REF!."""
    bench = Bench(sandbox, FIELDS)
    by_id = f"bitable::$table[{bench.table}].$field[{bench.field_id('消耗')}]*10"
    for name, expression in (("按编号", by_id), ("按名称", "[消耗]*10")):
        body = {"field_name": name, "type": 20, "property": {"formula_expression": expression}}
        assert bench.code("POST", "fields", body)[0] == 0
    [record] = bench.add(ROW)
    spent = bench.field_id("消耗")
    bench.call("PUT", f"fields/{spent}", {"field_name": "花费", "type": 2})
    read = bench.read(record)
    assert read["按编号"]["value"] == read["按名称"]["value"] == [3000]
    bench.call("DELETE", f"fields/{spent}")
    assert bench.read(record)["按名称"]["value"] == [{"type": "text", "text": "#REF!"}]


def test_formulas_follow_inputs_at_once_and_each_other(sandbox: SandboxServer) -> None:
    """A formula may use a formula; an edit of the input shows on the next read; circles do not hang."""
    bench = Bench(sandbox, FIELDS)
    for name, expression in (("回报", "[成交]/[消耗]"), ("差", "[回报]<3")):
        body = {"field_name": name, "type": 20, "property": {"formula_expression": expression}}
        assert bench.code("POST", "fields", body)[0] == 0
    [record] = bench.add(ROW)
    assert bench.read(record)["差"]["value"] == [False]
    bench.call("PUT", f"records/{record}", {"fields": {"消耗": 500}})
    assert bench.read(record)["差"] == {"type": 7, "ui_type": "Checkbox", "value": [True]}
    circle = {"field_name": "回报", "type": 20, "property": {"formula_expression": "[差]+1"}}
    assert bench.code("PUT", f"fields/{bench.field_id('回报')}", circle)[0] == 0
    assert bench.read(record)["差"]["type"] == 1


def test_a_column_of_another_table(sandbox: SandboxServer) -> None:
    """A reference to another table is its whole column."""
    bench = Bench(sandbox, FIELDS)
    bench.add(ROW, {"消耗": 200})
    source, spent = bench.table, bench.field_id("消耗")
    total = f"SUM(bitable::$table[{source}].$field[{spent}])"
    fields = [FIELDS[0], {"field_name": "合计", "type": 20, "property": {"formula_expression": total}}]
    bench.table = bench.call("POST", "tables", {"table": {"name": "汇总", "fields": fields}})["data"][
        "table_id"
    ]
    [record] = bench.add({"名称": "总"})
    assert bench.read(record)["合计"]["value"] == [500]
