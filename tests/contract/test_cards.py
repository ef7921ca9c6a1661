"""The sandbox refuses cards as the platform does: 230099 with ErrCode and ErrPath."""

import json
import re
from typing import Any

import pytest
from lark_oapi.api.im.v1 import CreateMessageRequest, CreateMessageRequestBody

from sandbox.server import SandboxServer
from tests.contract.kit import fresh_client, people


def plain(text: str) -> dict:
    """A plain text object."""
    return {"tag": "plain_text", "content": text}


MARKDOWN = {"tag": "markdown", "content": "x"}
SUBMIT = {
    "tag": "button",
    "name": "ok",
    "text": plain("OK"),
    "form_action_type": "submit",
}
INPUT = {"tag": "input", "name": "amount"}
TABLE = {
    "tag": "table",
    "columns": [
        {"name": "sku", "display_name": "SKU", "data_type": "text"},
        {"name": "n", "data_type": "number"},
    ],
    "rows": [{"sku": "A", "n": 1}],
}
CHART = {"tag": "chart", "chart_spec": {"type": "line", "data": {"values": [{"x": 1, "y": 2}]}}}


def send(sandbox: SandboxServer, card: Any) -> tuple[int, str]:
    """Send a card through the SDK; code and message of the answer."""
    sandbox.world.limits_on = False
    body = CreateMessageRequestBody.builder().receive_id(people(sandbox)[0].open_id).msg_type("interactive")
    request = CreateMessageRequest.builder().receive_id_type("open_id")
    request = request.request_body(body.content(json.dumps(card)).build()).build()
    response = fresh_client(sandbox).im.v1.message.create(request)
    return response.code, response.msg


def v2(*elements: Any, **more: Any) -> dict:
    """A 2.0 card with these elements."""
    return {"schema": "2.0", "body": {"elements": list(elements)}, **more}


def form(*elements: Any) -> dict:
    """A form."""
    return {"tag": "form", "name": "f", "elements": list(elements)}


COLUMN = {"tag": "column", "width": "weighted", "weight": 1, "elements": [MARKDOWN, {"tag": "hr"}]}
GOOD = {
    "blank": {"schema": "2.0"},
    "everything": v2(
        {"tag": "div", "text": {"tag": "lark_md", "content": "**a**"}},
        {
            "tag": "column_set",
            "flex_mode": "bisect",
            "columns": [COLUMN],
        },
        form(INPUT, {"tag": "select_static", "name": "s", "options": [
            {"text": plain("A"), "value": "a"}]}, SUBMIT),
        TABLE,
        CHART,
        {
            "tag": "collapsible_panel",
            "expanded": False,
            "header": {"title": plain("more")},
            "elements": [MARKDOWN],
        },
        {
            "tag": "button",
            "text": plain("go"),
            "type": "primary",
            "behaviors": [{"type": "callback", "value": {"a": "x"}}],
            "confirm": {"title": plain("?"), "text": plain("!")},
        },
        header={"title": plain("t"), "template": "red"},
        config={"update_multi": True, "summary": {"content": "s"}},
    ),
    "old": {"config": {"wide_screen_mode": True}, "elements": [{"tag": "anything goes"}]},
}  # fmt: skip

BAD = {
    "unknown tag": (v2({"tag": "note", "elements": []}), 200861),
    "unknown property": (v2({**MARKDOWN, "href": {}}), 200621),
    "unknown root property": (v2(MARKDOWN, elements=[]), 200621),
    "no content": (v2({"tag": "markdown"}), 200621),
    "form without submit": (v2(form(INPUT)), 300123),
    "form field without name": (v2(form({"tag": "input"}, SUBMIT)), 200530),
    "form field twice": (v2(form(INPUT, INPUT, SUBMIT)), 200530),
    "form in a column": (
        v2({"tag": "column_set", "columns": [{"tag": "column", "elements": [form(INPUT, SUBMIT)]}]}),
        200621,
    ),
    "too many elements": (v2(*[MARKDOWN] * 201), 11310),
    "too many tables": (v2(*[TABLE] * 6), 11310),
    "row key": (v2({**TABLE, "rows": [{"price": 1}]}), 200915),
    "row value": (v2({**TABLE, "rows": [{"n": "many"}]}), 200914),
    "chart": (v2({"tag": "chart", "chart_spec": {"data": []}}), 200550),
    "image": (v2({"tag": "img", "img_key": "img_v3_x", "alt": plain("")}), 200570),
    "person": (v2({"tag": "markdown", "content": "<at id=ou_nobody></at>"}), 100290),
    "same element id": (v2({**MARKDOWN, "element_id": "a"}, {**MARKDOWN, "element_id": "a"}), 300301),
    "colour": (
        v2(MARKDOWN, header={"title": plain("t"), "template": "pink"}),
        200621,
    ),
    "template": ({"type": "template", "data": {"template_id": "AAq1"}}, 200380),
}


@pytest.mark.parametrize("name", GOOD)
def test_good_cards_are_accepted(sandbox: SandboxServer, name: str) -> None:
    """What the docs allow is sent."""
    assert send(sandbox, GOOD[name]) == (0, "success")


@pytest.mark.parametrize("name", BAD)
def test_bad_cards_are_refused_with_their_sub_code(sandbox: SandboxServer, name: str) -> None:
    """Each mistake gives 230099 with its own ErrCode, and nothing is sent."""
    card, code = BAD[name]
    got, msg = send(sandbox, card)
    assert got == 230099
    found = re.search(r"ErrCode:\s*(\d+)", msg)
    assert found is not None
    assert int(found[1]) == code
    assert not sandbox.world.im.messages


def test_the_path_leads_to_the_mistake(sandbox: SandboxServer) -> None:
    """ErrPath names index and tag of the wrong element."""
    _, msg = send(sandbox, v2(MARKDOWN, MARKDOWN, {"tag": "chart", "chart_spec": {}}))
    assert "ErrPath: ROOT -> body -> elements -> [2](tag: chart)" in msg


def test_a_card_that_is_no_json_is_a_bad_parameter(sandbox: SandboxServer) -> None:
    """A card must be a JSON object."""
    assert send(sandbox, ["list"])[0] == 230001
