"""Cards: what the builder makes passes the check, and the check says every fault with its place."""

import contextlib
import copy
import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot import card_schema
from bot.cards import (
    Card,
    CardInvalid,
    button,
    card,
    check,
    collapsible,
    column,
    columns,
    facts,
    form,
    header,
    hr,
    image,
    line_chart,
    link,
    markdown,
    note,
    number_input,
    person_select,
    select,
    submit,
    text,
    text_input,
)

GOLDEN = Path(__file__).parent / "golden"
LATER = [("1h", text("1 小时", "In an hour")), ("1d", text("明天", "Tomorrow"))]


def alert_card() -> Card:
    """A card with everything the product's alert uses."""
    value = {"id": "al_1", "v": 3}
    budget = form(
        "budget_form",
        number_input("budget", text("新预算（元/天）", "New budget (CNY/day)"), default="800"),
        text_input("why", text("原因", "Reason"), multiline=True, max_length=300),
        columns(column(submit(text("调整预算", "Adjust budget"), "alert.budget", value))),
    )
    return card(
        header(
            text("ROI 跌破红线", "ROI below the line"),
            subtitle=text("旗舰店 · 夏季新品", "Flagship · Summer"),
            severity="critical",
            tags=[text("严重", "Critical"), "P1"],
        ),
        [
            facts([(text("当前", "Now"), "1:2.1"), (text("红线", "Line"), "1:3")]),
            line_chart(
                "ROI", {"ROI": [("9:00", Decimal("3.2")), ("10:00", None), ("11:00", 2.1)]}, line=Decimal(3)
            ),
            columns(
                column(button(text("知道了", "Acknowledge"), "alert.ack", value, kind="primary")),
                column(
                    button(
                        "静音",
                        "alert.mute",
                        value,
                        confirm=(text("静音？", "Mute?"), text("2 小时", "2 hours")),
                    ),
                    weight=None,
                ),
                column(link(text("打开表格", "Open table"), "https://example.feishu.cn/base/x")),
            ),
            select("later", LATER, "alert.snooze", value, placeholder="稍后", initial="1h"),
            person_select(
                "deputy", ["ou_a", "ou_b"], "alert.to", value, placeholder=text("代理人", "Deputy")
            ),
            budget,
            collapsible(
                text("历史", "History"), note(text("09:00 触发", "Fired at 09:00")), markdown("- a\n- b")
            ),
            hr(),
        ],
        summary=text("ROI 跌破红线", "ROI below the line"),
    )


def test_the_alert_card_is_as_it_was():
    """The built card equals the golden file; a wanted change is made there too (delete it to renew it)."""
    golden = GOLDEN / "alert.json"
    built = json.dumps(alert_card().data, ensure_ascii=False, indent=1) + "\n"
    if not golden.exists():
        golden.write_text(built, encoding="utf-8")
    assert json.loads(golden.read_text("utf-8")) == json.loads(built)


def test_every_component_can_be_checked():
    """A card with every tag of version 2.0 passes: the tables of the check know all of them."""
    words = {"tag": "plain_text", "content": "x"}
    option = {"text": words, "value": "1"}
    examples: dict[str, dict[str, Any]] = {
        "img": {"img_key": "img_v2_1", "alt": words},
        "img_combination": {"combination_mode": "double", "img_list": [{"img_key": "a"}, {"img_key": "b"}]},
        "person": {"user_id": "ou_1"},
        "person_list": {"persons": [{"id": "ou_1"}]},
        "chart": {"chart_spec": {"type": "pie"}},
        "table": {"columns": [{"name": "a"}], "rows": [{"a": "x"}]},
        "column_set": {"columns": [{"tag": "column", "elements": []}]},
        "form": {"name": "f", "elements": [submit("x", "go")]},
        "interactive_container": {"elements": []},
        "collapsible_panel": {"elements": []},
        "button": {"text": words},
        "markdown": {"content": "x"},
        "select_static": {"options": [option]},
        "multi_select_static": {"options": [option], "selected_values": ["1"]},
        "overflow": {"options": [option]},
        "select_img": {"options": [{"img_key": "a", "value": "1"}]},
        "picker_time": {"initial_time": "08:30"},
        "picker_datetime": {"initial_datetime": "2026-11-23 08:30"},
        "checker": {"text": words, "checked": True},
    }
    tags = set(card_schema.COMPONENTS) - {"column"}
    check(of(*({"tag": tag, **examples.get(tag, {})} for tag in sorted(tags))))


def of(*elements: dict[str, Any], **root: Any) -> dict[str, Any]:
    """A bare card around elements."""
    return {"schema": "2.0", "body": {"elements": list(elements)}, **root}


def table(*cols: str, rows: Sequence[dict[str, Any]] = (), **more: Any) -> dict[str, Any]:
    """A table whose columns are given as ``name`` or ``name:kind``."""
    named = [dict(zip(("name", "data_type"), col.split(":"), strict=False)) for col in cols]
    return {"tag": "table", "columns": named, "rows": list(rows), **more}


def grid(*keys: str, mode: str = "bisect") -> dict[str, Any]:
    """Pictures side by side."""
    return {
        "tag": "img_combination",
        "combination_mode": mode,
        "img_list": [{"img_key": key} for key in keys],
    }


def choice(*options: tuple[Any, str], **more: Any) -> dict[str, Any]:
    """A select with these options."""
    return select("s", options, "x", {}, placeholder="?", **more)


def nested(depth: int) -> dict[str, Any]:
    """Column sets inside each other."""
    inner = markdown("x") if depth == 0 else nested(depth - 1)
    return columns(column(inner)) if depth else inner


SUBMIT = submit("好", "go")
FAULTS: list[tuple[str, dict[str, Any], str]] = [
    ("no schema", {"body": {"elements": []}}, "schema"),
    ("version 1", {"schema": "1.0", "elements": []}, "schema"),
    ("unknown root property", of(elements=[]), "'elements'"),
    ("no body", {"schema": "2.0"}, "body: an object"),
    ("unknown config", of(config={"wide": True}), "config"),
    ("not shared", of(config={"update_multi": False}), "config.update_multi"),
    ("unknown tag", of({"tag": "marquee"}), "body.elements[0]: the tag 'marquee'"),
    ("removed tag", of({"tag": "note", "elements": []}), "does not take"),
    ("removed action", of({"tag": "action", "actions": []}), "does not take"),
    (
        "unknown property",
        of({"tag": "hr", "colour": "red"}),
        "(hr): version 2.0 does not know the property 'colour'",
    ),
    ("missing property", of({"tag": "markdown"}), "content is missing"),
    ("header without title", of(header={"template": "red"}), "title is missing"),
    (
        "header colour",
        of(header={"title": {"tag": "plain_text", "content": "x"}, "template": "pink"}),
        "pink",
    ),
    ("four header tags", of(header=header("x", tags=["1", "2", "3", "4"])), "4 tags"),
    ("201 elements", of(*[hr()] * 201), "201 elements"),
    ("31 KB", of(markdown("字" * 10_300)), "bytes"),
    ("nesting", of(nested(6)), "6 deep"),
    ("form inside columns", of(columns(column(form("f", SUBMIT)))), "root"),
    ("table inside columns", of(columns(column(table("a")))), "root"),
    ("form inside a panel", of(collapsible("x", form("f", SUBMIT))), "root"),
    ("form without submit", of(form("f", text_input("a", "A"))), "form_action_type"),
    ("form without name", of({"tag": "form", "name": "", "elements": [SUBMIT]}), "needs a name"),
    ("nameless field in a form", of(form("f", {"tag": "input"}, SUBMIT)), "needs a name"),
    ("nameless button in a form", of(form("f", button("x", "y"), SUBMIT)), "needs a name"),
    (
        "same name twice",
        of(form("f", text_input("a", "A"), text_input("a", "B"), SUBMIT)),
        "'a' is used twice",
    ),
    ("same form twice", of(form("f", SUBMIT), form("f", submit("x", "other"))), "'f' is used twice"),
    ("submit outside a form", of(SUBMIT), "inside a form"),
    ("long button text", of(button("字" * 101, "go")), "101 characters"),
    ("long English button text", of(button(text("好", "x" * 101), "go")), "101 characters"),
    ("button type", of({**button("x", "go"), "type": "loud"}), "loud"),
    (
        "callback value",
        of({**button("x", "go"), "behaviors": [{"type": "callback", "value": "go"}]}),
        "object",
    ),
    ("behaviour type", of({**button("x", "go"), "behaviors": [{"type": "jump"}]}), "jump"),
    ("link without address", of({**button("x", "go"), "behaviors": [{"type": "open_url"}]}), "default_url"),
    (
        "confirm without text",
        of({**button("x", "go"), "confirm": {"title": {"tag": "plain_text", "content": "x"}}}),
        "confirm.text",
    ),
    ("max_length", of(form("f", text_input("a", "A", max_length=1001), SUBMIT)), "1001"),
    (
        "default too long",
        of(form("f", text_input("a", "A", default="abc", max_length=2), SUBMIT)),
        "at most 2",
    ),
    ("options twice", of(choice(("a", "A"), ("a", "B"))), "'a' must be"),
    ("no options", of(choice()), "at least one option"),
    ("option value is a number", of(choice((1, "A"))), "1 must be"),
    ("initial option", of(choice(("a", "A"), initial="b")), "'b' is not among"),
    ("initial date", of({"tag": "date_picker", "name": "d", "initial_date": "30.11.2026"}), "initial_date"),
    ("element_id", of({**hr(), "element_id": "1st"}), "'1st'"),
    ("element_id length", of({**hr(), "element_id": "a" * 21}), "up to 19"),
    ("element_id twice", of({**hr(), "element_id": "a"}, {**hr(), "element_id": "a"}), "used twice"),
    ("six tables", of(*[table("a")] * 6), "more than 5 tables"),
    ("six charts", of(*[line_chart("x", {"a": []})] * 6), "more than 5 charts"),
    ("markdown tables", of(*[markdown("|a|b|\n|--|:-:|\n|1|2|")] * 4), "more than 3 tables"),
    ("page size", of(table("a", page_size=11)), "page_size 11"),
    ("table columns", of(table(*map(str, range(51)))), "51 columns"),
    ("row of another column", of(table("a", rows=[{"b": "x"}])), "no column 'b'"),
    ("number cell", of(table("a:number", rows=[{"a": "1"}])), "rows[0].a"),
    ("column name twice", of(table("a", "a")), "no other column"),
    ("chart without type", of({"tag": "chart", "chart_spec": {}}), "chart_spec"),
    ("chart ratio", of({"tag": "chart", "chart_spec": {"type": "bar"}, "aspect_ratio": "3:1"}), "3:1"),
    ("column weight", of(columns(column(weight=6))), "weight 6"),
    ("column width", of(columns({"tag": "column", "width": "wide"})), "'wide'"),
    ("not a column", of(columns(hr())), '"column"'),
    ("language", of({"tag": "markdown", "content": "x", "i18n_content": {"english": "x"}}), "'english'"),
    ("margin", of({**hr(), "margin": "wide"}), "margin 'wide'"),
    ("picture without key", of(image("", "x")), "img_key must be"),
    ("picture without alt", of({"tag": "img", "img_key": "img_1"}), "alt is missing"),
    ("one picture in a grid", of(grid("a")), "1 pictures; 2 to 6"),
    ("ten pictures", of(grid(*"a" * 10, mode="trisect")), "10 pictures; 2 to 9"),
    ("three in two places", of(grid(*"aaa", mode="double")), "2 to 2"),
    ("grid mode", of(grid(*"aa", mode="wall")), "'wall'"),
    ("grid without a key", of(grid("a", "")), "img_list[1]"),
    ("not JSON", of({**hr(), "margin": Decimal(1)}), "plain JSON"),
    ("not finite", of({"tag": "chart", "chart_spec": {"type": "bar", "x": float("nan")}}), "plain JSON"),
    ("elements are no list", {"schema": "2.0", "body": {"elements": "x"}}, "a list is expected"),
]


@pytest.mark.parametrize(
    ("faulty", "said"), [fault[1:] for fault in FAULTS], ids=[fault[0] for fault in FAULTS]
)
def test_every_fault_is_said_with_its_place(faulty: dict[str, Any], said: str):
    """The platform would refuse this card; the sentence names the place and ends like one."""
    with pytest.raises(CardInvalid) as caught:
        check(faulty)
    assert said in str(caught.value)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize(
    "allowed",
    [
        of(*[hr()] * 200),
        of(nested(5)),
        of(button("字" * 100, "go")),
        of(*[table("a")] * 5),
        of(form("f", text_input("a", "A", max_length=1000), SUBMIT)),
        of({**hr(), "element_id": "a" * 20}),
        of(),
    ],
)
def test_the_limits_themselves_are_allowed(allowed: dict[str, Any]):
    """Exactly at a limit is fine."""
    check(allowed)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths of every object in a card that has a tag."""
    found = [path] if isinstance(value, dict) and "tag" in value else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in items:
        if key not in {"rows", "chart_spec"}:
            found += places(part, (*path, key))
    return found


@given(st.data())
def test_an_unknown_property_anywhere_is_found(data: st.DataObject):
    """Wherever a property the platform does not know is put into a good card, the check refuses the card."""
    broken = copy.deepcopy(alert_card().data)
    target: Any = broken
    for key in data.draw(st.sampled_from(places(broken))):
        target = target[key]
    target["surprise"] = 1
    with pytest.raises(CardInvalid, match="surprise"):
        check(broken)


PROPERTIES = sorted(
    {name for names in card_schema.COMPONENTS.values() for name in names} | {"title", "content"}
)
RUBBISH = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(PROPERTIES), inner, max_size=2)
    ),
    max_leaves=6,
)


@settings(max_examples=400)
@given(st.data(), st.sampled_from(sorted(card_schema.COMPONENTS)))
def test_rubbish_is_refused_and_never_crashes_the_check(data: st.DataObject, tag: str):
    """Whatever stands in an element, the answer is a good card or a sentence, never another error."""
    known = sorted(card_schema.COMPONENTS[tag] - {"tag"})
    element = data.draw(st.dictionaries(st.sampled_from(known), RUBBISH, max_size=3))
    required = {name: data.draw(RUBBISH) for name in card_schema.REQUIRED.get(tag, ())}
    with contextlib.suppress(CardInvalid):
        check(of({**required, **element, "tag": tag}))


@given(st.dictionaries(st.sampled_from(sorted(card_schema.ROOT | card_schema.HEADER)), RUBBISH, max_size=3))
def test_a_rubbish_root_is_refused_and_never_crashes(root: dict[str, Any]):
    """The same for the card itself and its head."""
    with contextlib.suppress(CardInvalid):
        check({"schema": "2.0", "body": {"elements": []}, **root})
    with contextlib.suppress(CardInvalid):
        check(of(header={"title": {"tag": "plain_text", "content": "x"}, **root}))
