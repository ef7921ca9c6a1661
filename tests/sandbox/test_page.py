"""The web client: what a person sees and can touch, and that it stays fresh."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox.approval_state import BUDGET_CODE
from sandbox.card_html import Draw
from sandbox.chart_svg import chart
from sandbox.im_state import Blob
from sandbox.markdown_html import markdown
from sandbox.server import SandboxServer

WEB = Path(__file__).parents[2] / "sandbox" / "web"
IMPORT = re.compile(r'from "\./([\w.]+)"')


def plain(text: str) -> dict[str, Any]:
    """A plain text object."""
    return {"tag": "plain_text", "content": text}


CARD = {
    "schema": "2.0",
    "header": {"title": plain("ROI <低>"), "template": "red"},
    "body": {
        "elements": [
            {"tag": "markdown", "content": "**2.1** <font color='red'>low</font>"},
            {
                "tag": "form",
                "name": "f",
                "elements": [
                    {"tag": "input", "name": "amount", "required": True, "default_value": "800"},
                    {"tag": "button", "name": "ok", "text": plain("提交"), "form_action_type": "submit"},
                ],
            },
            {
                "tag": "button",
                "text": plain("知道了"),
                "behaviors": [{"type": "callback", "value": {"a": 1}}],
            },
        ]
    },
}


def nobody(_open_id: str) -> str:
    """Knows no names."""
    return ""


def put(sandbox: SandboxServer, content: dict[str, Any], msg_type: str = "interactive") -> tuple[str, str]:
    """A message of the bot to the first person; open_id and message id."""
    world = sandbox.world
    person = next(iter(world.people.values()))
    with world.lock:
        chat = world.im.p2p(world.default_app, person)
        message = world.im.add(chat, msg_type, json.dumps(content), world.default_app.app_id, "app")
    return person.open_id, message.message_id


def live(sandbox: SandboxServer, open_id: str) -> dict[str, Any]:
    """What the page would show."""
    return requests.get(f"{sandbox.url}/people/{open_id}/live", timeout=5).json()


def test_the_first_page_lists_everybody_with_what_they_have_not_read(sandbox: SandboxServer) -> None:
    """Every name stands there; somebody with an unread message has a badge."""
    put(sandbox, {"text": "hi"}, "text")
    page = requests.get(sandbox.url + "/", timeout=5).text
    assert all(person.name in page for person in sandbox.world.people.values())
    assert page.count('class="badge"') == 1


def test_a_person_who_is_not_here_is_answered_with_a_page(sandbox: SandboxServer) -> None:
    """An old address, after a reset for example, leads back to the people in words."""
    answer = requests.get(f"{sandbox.url}/people/ou_gone", timeout=5)
    assert answer.status_code == 404
    assert "这里没有这个人" in answer.text
    assert 'href="/"' in answer.text


def test_a_card_is_drawn_with_what_can_be_touched(sandbox: SandboxServer) -> None:
    """Head, words and fields are there; data comes escaped; indexes are those of act/tap."""
    open_id, message_id = put(sandbox, CARD)
    html = live(sandbox, open_id)["messages"][0]["html"]
    assert "head-red" in html
    assert "ROI &lt;低&gt;" in html
    assert '<span class="font-red">low</span>' in html
    assert 'value="800"' in html
    url = f"{sandbox.url}/people/{open_id}/messages/{message_id}/buttons"
    buttons = requests.get(url, timeout=5).json()["buttons"]
    assert [(b["index"], b["text"]) for b in buttons] == [(0, ""), (1, "提交"), (2, "知道了")]
    assert html.index('data-index="1"') < html.index("提交") < html.index('data-index="2"')


def test_a_changed_card_has_a_new_stamp_and_others_keep_theirs(sandbox: SandboxServer) -> None:
    """The page redraws only what changed, so a half-filled form stays."""
    open_id, first = put(sandbox, CARD)
    put(sandbox, CARD)
    before = {m["id"]: m["v"] for m in live(sandbox, open_id)["messages"]}
    with sandbox.world.lock:
        sandbox.world.im.replace(sandbox.world.im.messages[first], json.dumps({"schema": "2.0"}))
    after = {m["id"]: m["v"] for m in live(sandbox, open_id)["messages"]}
    assert [key for key in before if before[key] != after[key]] == [first]


def test_the_stream_tells_of_every_change(sandbox: SandboxServer) -> None:
    """A line comes at once, and another when a message arrives."""
    open_id = next(iter(sandbox.world.people))
    with requests.get(f"{sandbox.url}/people/{open_id}/stream", stream=True, timeout=5) as answer:
        lines = answer.iter_lines()
        first = next(lines)
        put(sandbox, {"text": "hi"}, "text")
        later = next(line for line in lines if line.startswith(b"data:"))
        assert first.startswith(b"data:")
        assert first != later


def test_writing_and_reading_reach_the_state(sandbox: SandboxServer) -> None:
    """What a person writes stands in the chat; looking at it marks the bot's messages read."""
    open_id, message_id = put(sandbox, {"text": "hi"}, "text")
    chat = live(sandbox, open_id)["chat"]
    base = f"{sandbox.url}/_sandbox/act"
    requests.post(f"{base}/say", json={"open_id": open_id, "text": "状态", "chat_id": chat}, timeout=5)
    requests.post(f"{base}/read", json={"open_id": open_id, "chat_id": chat}, timeout=5)
    assert "状态" in live(sandbox, open_id)["messages"][-1]["html"]
    assert open_id in sandbox.world.im.messages[message_id].reads
    assert sandbox.world.im.unread(open_id) == 0


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("**a** *b* ~~c~~ `d`", "<p><b>a</b> <i>b</i> <s>c</s> <code>d</code></p>"),
        ("## Head", '<div class="h2">Head</div>'),
        ("a <script>", "<p>a &lt;script&gt;</p>"),
        ("2 &lt; 3 &#42;", "<p>2 &lt; 3 &#42;</p>"),
        ("[x](javascript:alert(1))", None),
        ("<at id=ou_1></at>", '<p><span class="at">@Tom</span></p>'),
    ],
)
def test_markdown_is_drawn_and_never_trusted(source: str, expected: str | None) -> None:
    """Marks become tags; markup in data stays text; only web addresses become links."""
    drawn = markdown(source, lambda _open_id: "Tom")
    assert "href" not in drawn
    if expected is not None:
        assert drawn == expected


def test_a_chart_has_its_points_its_gap_and_its_red_line() -> None:
    """Two runs of a line with a gap are two lines; the marked line is named."""
    values = [{"x": str(n), "y": y} for n, y in enumerate([1, 2, None, 3, 4])]
    spec = {
        "type": "line",
        "data": {"values": values},
        "xField": "x",
        "yField": "y",
        "markLine": [{"y": 3, "label": {"text": "红线"}}],
    }
    svg = chart({"chart_spec": spec})
    assert svg.count("<polyline") == 2 * 2  # drawn once for a desktop and once for a phone
    assert "红线 3" in svg
    assert "图表 pie" in chart({"chart_spec": {"type": "pie", "data": {"values": []}}})


def test_every_reader_sees_their_language() -> None:
    """i18n_content is shown in the reader's language, else the plain content."""
    card = {"schema": "2.0", "body": {"elements": [
        {"tag": "markdown", "content": "你好", "i18n_content": {"en_us": "hello"}}]}}  # fmt: skip
    assert "hello" in Draw(nobody, "en_us").card(card)
    assert "你好" in Draw(nobody, "zh_cn").card(card)


def test_pictures_of_a_card_are_drawn_and_fetched_by_their_keys(sandbox: SandboxServer) -> None:
    """One picture with its title and words, three in a row; each key leads to the very bytes."""
    data = b"\x89PNG\r\n\x1a\n" + bytes(16)
    world = sandbox.world
    world.im.blobs["img_v3_a"] = Blob(world.default_app.app_id, data, "image/png", "a.png")
    one = {"tag": "img", "img_key": "img_v3_a", "alt": plain("主图"), "title": plain("天猫 <800>")}
    grid = {
        "tag": "img_combination",
        "combination_mode": "trisect",
        "img_list": [{"img_key": "img_v3_a"}] * 3,
    }
    open_id, _ = put(sandbox, {"schema": "2.0", "body": {"elements": [one, grid]}})
    html = live(sandbox, open_id)["messages"][-1]["html"]
    assert html.count('src="/web/image/img_v3_a"') == 4
    assert 'alt="主图"' in html
    assert "天猫 &lt;800&gt;" in html
    assert 'class="combo combo-3"' in html
    assert requests.get(f"{sandbox.url}/web/image/img_v3_a", timeout=5).content == data


def test_an_approval_waits_on_the_page_of_the_one_who_decides(sandbox: SandboxServer) -> None:
    """The supervisor's tab shows who asks and the named fields; others have nothing there."""
    starter = next(p for p in sandbox.world.people.values() if p.title == "运营")
    keys = {"app_id": "cli_sandbox0000001", "app_secret": "sandbox-secret"}
    url = f"{sandbox.url}/open-apis/auth/v3/tenant_access_token/internal"
    token = requests.post(url, json=keys, timeout=5).json()["tenant_access_token"]
    form = [
        {"id": "widget_plan", "type": "input", "value": "连衣裙"},
        {"id": "widget_before", "type": "number", "value": 12000.0},
        {"id": "widget_after", "type": "number", "value": 13000.5},
    ]
    body = {"approval_code": BUDGET_CODE, "open_id": starter.open_id, "form": json.dumps(form)}
    head = {"Authorization": f"Bearer {token}"}
    url = f"{sandbox.url}/open-apis/approval/v4/instances"
    assert requests.post(url, json=body, headers=head, timeout=5).json()["code"] == 0

    def tab(open_id: str) -> dict[str, Any]:
        return requests.get(f"{sandbox.url}/people/{open_id}/tasks", timeout=5).json()

    shown = tab(starter.leader_open_id)
    assert starter.name in shown["html"]
    assert "连衣裙" in shown["html"]
    assert "widget_plan" not in shown["html"]
    assert "<dd>12,000</dd>" in shown["html"]
    assert "<dd>13,000.50</dd>" in shown["html"]
    assert shown["waiting"] == 1
    assert (tab(starter.open_id)["html"], tab(starter.open_id)["waiting"]) == ("", 0)
    assert 'data-verb="cancel"' in tab(starter.open_id)["done"]
    act = f"{sandbox.url}/_sandbox/act/approve"
    code = shown["html"].split('data-code="')[1].split('"')[0]
    decision = {"open_id": starter.leader_open_id, "instance_code": code, "verb": "approve"}
    assert requests.post(act, json=decision, timeout=5).json()["code"] == 0
    assert "已通过" in tab(starter.leader_open_id)["done"]
    assert 'data-verb="revert"' in tab(starter.open_id)["done"]
    assert "data-verb" not in tab(starter.leader_open_id)["done"]


def test_feishu_tasks_stand_under_the_approvals(sandbox: SandboxServer) -> None:
    """Who has it and who follows see it, open and completed, as text; nobody else does."""
    mine, other, stranger = list(sandbox.world.people.values())[:3]
    members = [(mine, "assignee"), (other, "follower")]
    body = {
        "summary": "调整预算：<b>连衣裙</b>",
        "description": "原因：ROI\n进展：正在执行",
        "members": [{"id": who.open_id, "role": role} for who, role in members],
    }
    token = sandbox.world.auth.tenant_token(sandbox.world.default_app).value
    head, url = {"Authorization": f"Bearer {token}"}, f"{sandbox.url}/open-apis/task/v2/tasks"
    guid = requests.post(url, json=body, headers=head, timeout=5).json()["data"]["task"]["guid"]

    def tab(open_id: str) -> str:
        return str(requests.get(f"{sandbox.url}/people/{open_id}/tasks", timeout=5).json()["done"])

    for word in ("&lt;b&gt;连衣裙", "我负责的", "未完成", "原因：ROI<br>进展：正在执行"):
        assert word in tab(mine.open_id)
    assert f"我关注的 · 负责人 {mine.name}" in tab(other.open_id)
    assert tab(stranger.open_id) == ""
    act = {"open_id": mine.open_id, "guid": guid, "verb": "complete"}
    assert requests.post(f"{sandbox.url}/_sandbox/act/task", json=act, timeout=5).json()["code"] == 0
    assert "已完成" in tab(mine.open_id)


def test_the_messenger_shows_a_window_of_a_long_chat(sandbox: SandboxServer) -> None:
    """The newest messages by default, any window on demand, never more than 200 at once."""
    open_id, last = "", ""
    for number in range(260):
        open_id, last = put(sandbox, {"text": f"no {number}"}, "text")
    url = f"{sandbox.url}/people/{open_id}/live"
    newest = requests.get(url, timeout=5).json()
    assert newest["messages"][-1]["id"] == last
    assert (newest["total"], newest["from"], newest["unread"]) == (260, 220, 260)
    older = requests.get(url, params={"from": "10", "count": "5"}, timeout=5).json()
    assert ["no 1" in m["html"] for m in older["messages"]] == [True] * 5
    assert [m["new"] for m in older["messages"]] == [True] * 5
    most = requests.get(url, params={"from": "0", "count": "9999"}, timeout=5).json()
    assert len(most["messages"]) == 200


def test_every_page_is_locked_down(sandbox: SandboxServer) -> None:
    """Scripts and styles only from here, no frame around it, and names of people come escaped."""
    person = next(iter(sandbox.world.people.values()))
    person.name = "<img src=x onerror=alert(1)>"
    for path in ("/", f"/people/{person.open_id}", "/backoffice", "/developer"):
        answer = requests.get(sandbox.url + path, timeout=5)
        policy = answer.headers["Content-Security-Policy"]
        assert "script-src 'self';" in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "<img" not in answer.text
        assert "<script>" not in answer.text


def test_scripts_and_styles_are_served_and_nothing_else(sandbox: SandboxServer) -> None:
    """Every file a page names is there with its type; what is beside the folder is not."""
    page = requests.get(f"{sandbox.url}/backoffice", timeout=5).text
    named = re.findall(r'(?:src|href)="(/web/[^"]+)"', page)
    assert len(named) >= 3
    modules = {
        "/web/" + name for path in WEB.glob("*.js") for name in IMPORT.findall(path.read_text("utf-8"))
    }
    for path in {*named, *modules}:
        answer = requests.get(sandbox.url + path, timeout=5)
        kind = "text/javascript" if path.endswith(".js") else "text/css"
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, f"{kind}; charset=utf-8")
    for path in ("/web/%2e%2e%2fpage.py", "/web/page.py", "/web/nothing.js"):
        assert requests.get(sandbox.url + path, timeout=5).status_code == 404


def test_a_page_of_another_site_cannot_act_here(sandbox: SandboxServer) -> None:
    """The browser names where a request comes from; only our own pages and scripts without Origin may act."""
    url = f"{sandbox.url}/_sandbox/clock"
    foreign = {"Origin": "https://evil.example"}
    assert requests.post(url, json={"advance": 60}, headers=foreign, timeout=5).status_code == 403
    assert sandbox.world.clock.offset < 1
    assert (
        requests.post(url, json={"advance": 0}, headers={"Origin": sandbox.url}, timeout=5).status_code == 200
    )
