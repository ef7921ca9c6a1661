"""What reads things from outside, each with valid inputs to begin from."""

from __future__ import annotations

import asyncio
import io
import json
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from bitable_sync.cells import EMPTY, Person, Unreadable
from bot import card_rules
from bot.envelope import SIGNING_HEADERS, Keys, Refused, open_envelope, open_trusted
from bot.model import Tap
from bot.web import DOOR
from payslip.cards import REASON
from payslip.errors import FormulaError
from payslip.formula import evaluate, explain, parse, to_bitable
from payslip.second import reader
from payslip.second.exact import SecondError
from rules.compiled import Reading, compiled
from rules.model import Rule
from rules.parse import RuleText
from rules.parse import parse as parse_rule
from runtime.db import Database
from runtime.ids import RuleId
from tests.access.world import NOW, PEOPLE, World, open_id, open_world, undone
from tests.bot.platform import APP_ID, ENCRYPT_KEY, TOKEN, Sender, encrypt, signature
from tests.fuzz import mutating
from tests.fuzz.excel import EXCEL
from tests.fuzz.runner import Target
from tests.fuzz.scene import Scene, fill
from tests.payslip.kit import FIELDS, STRUCTURE
from tests.rules.kit import CATALOG

KEYS = Keys(ENCRYPT_KEY, TOKEN, APP_ID)
Request = tuple[bytes, dict[str, str]]


# --- the envelope ---


def seeds(sender: Sender) -> list[dict[str, Any]]:
    """Valid envelopes of every kind."""
    cell = [{"field_id": "fld1", "field_value": '[{"text":"x"}]'}]
    action = {"record_id": "rec1", "action": "record_edited", "before_value": cell, "after_value": cell}
    changed = {"file_type": "bitable", "file_token": "bas1", "table_id": "tbl1", "action_list": [action]}
    return [
        sender.event("drive.file.bitable_record_changed_v1", changed),
        sender.event_v1("approval_instance", instance_code="c", status="APPROVED"),
        sender.message("状态"),
        sender.tap({"a": "alert.ack", "id": "al_1", "v": 1}, form_value={"amount": "5000"}, options=["a"]),
        sender.tap('{"a":"alert.ack","id":"al_1"}', operator="ou_operator"),
        sender.tap({"a": "nobody.does", "id": "al_1"}, operator="ou_operator", option="1h"),
        {"type": "url_verification", "challenge": "c-9", "token": TOKEN},
    ]


def envelope(rng: Random) -> Request:
    """A request of the platform, changed outside or, by somebody who holds the key, inside."""
    given = rng.choice(seeds(Sender(NOW, count=rng.randrange(10**9))))  # else all but the first are repeats
    where = rng.randrange(4)
    if where >= 2:
        given = mutating.tree(rng, given)
    plain = json.dumps(given, ensure_ascii=rng.random() < 0.5).encode("utf-8", "surrogatepass")
    if where == 1:
        plain = mutating.raw(rng, plain)
    body = json.dumps({"encrypt": encrypt(plain, iv=rng.randbytes(16))}).encode()
    stamp = str(int(NOW.timestamp()))
    if where == 0 and rng.random() < 0.5:
        body = mutating.raw(rng, body)
    headers = {"X-Lark-Request-Timestamp": stamp, "X-Lark-Request-Nonce": "abc123"}
    headers["X-Lark-Signature"] = signature(stamp, "abc123", ENCRYPT_KEY, body)
    if where == 0:
        name = rng.choice(list(headers))
        headers[name] = mutating.text(rng, headers[name], ("1", " ", "-"))[:4000]
    return body, headers


def open_one(given: Request) -> str:
    """Whether it is read or refused, and by which name."""
    try:
        return type(open_envelope(*given, KEYS, NOW)).__name__
    except Refused as refused:
        return refused.reason


def webhook(world: World) -> Target:
    """The same requests at both ways through the web process's door, with all behind it: never a 5xx."""
    door = world.app.extensions[DOOR]

    def in_the_loop(body: bytes, headers: Mapping[str, str]) -> str:
        signing = {name: headers.get(name, "") for name in SIGNING_HEADERS}
        status, _headers, answer = asyncio.run(door.answer("POST", "/webhook/event", body, signing))
        json.loads(answer)
        assert str(status)[0] in "24", f"{status} {answer[:80]!r}"
        return str(status)

    def run(given: Request) -> str:
        body, headers = given
        if len(body) % 2:
            return in_the_loop(body, headers)
        environ: dict[str, Any] = {
            "REQUEST_METHOD": "POST", "PATH_INFO": "/webhook/event", "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body), "SERVER_NAME": "x", "SERVER_PORT": "1", "wsgi.url_scheme": "http",
        }  # fmt: skip
        for name, text in headers.items():
            environ[f"HTTP_{name.upper().replace('-', '_')}"] = text
        status: list[str] = []
        answer = b"".join(world.app.wsgi_app(environ, lambda code, _headers: status.append(code)))
        json.loads(answer)
        assert status[0][0] in "24", f"{status[0]} {answer[:80]!r}"
        return status[0]

    return Target("webhook", envelope, run, 20)


# --- taps ---


def card(world: World, scene: Scene) -> Target:
    """Every handler, from whoever, with values no card of ours carries; what it does is undone."""
    actions = world.router.actions

    def make(rng: Random) -> dict[str, Any]:
        action = rng.choice(actions)
        plain = world.tap("hr", action, value=scene.value(rng, action))
        who = scene.person(rng, action) if rng.random() < 0.7 else rng.choice(PEOPLE)
        form = dict(plain.form) | {"amount": rng.choice(("5000", "1500", "2500", "20", "0.5", "1e3"))}
        form |= {f"{REASON}0": "已与本人核对"}
        given = Sender(NOW, app_id=APP_ID).tap(
            dict(plain.value), operator=open_id(who), form_value=form,
            option=rng.choice(("1h", "tomorrow", "绩效评分", "2026-10", "ou_operator", "ou_supervisor")),
        )  # fmt: skip
        part = given["event"]["action"]
        name = rng.choice(("value", "form_value", "option", "options"))
        part[name] = mutating.tree(rng, part.get(name, ["a"]))
        if rng.random() < 0.8 and isinstance(part["value"], dict):
            part["value"]["a"] = plain.action  # another name finds no handler, which is soon seen
        return given

    def run(given: dict[str, Any]) -> str:
        try:
            tap = open_trusted(given, APP_ID)
        except Refused as refused:
            return refused.reason
        assert isinstance(tap, Tap)
        handler = world.router.tap_handler(tap.action)
        if handler is None:
            return "no handler"
        with undone(world.db) as conn:
            answer = handler(conn, tap)
        if answer.card is not None:
            card_rules.check(answer.card)
        return answer.toast.kind if answer.toast else "card"

    return Target("card", make, run, 130)


# --- the two languages people write ---

FORMULAS = [
    *(each.formula for each in STRUCTURE),
    "ROUND([基本工资]/3,2)+SUM(1,[岗位工资],ABS(0-2.5))",
    "IF(AND([缺勤天数]>1,[事假天数]<=3),MIN(4,2,8),0-[基本工资])",
    "IF(OR(NOT([基本工资]<>3),[岗位工资]>=9),1,ROUND(1249,-2))",
    'IF(IF([基本工资]=3,"早","晚")="早",1,2)*100/10/2',
]
FORMULA_WORDS = (
    "IF(", "ROUND(", "MAX(", "MIN(", "SUM(", "ABS(", "AND(", "OR(", "NOT(", ")", "(", ",", "，", "（", "）",
    "[基本工资]",
    "[", "]", "+", "-", "*", "/", "<=", "<>", "=", '"', "0", "2.345", "1e5", "9" * 40, "--", "**", "\n",
    "[不存在]",
)  # fmt: skip
VALUES = {name: Decimal("7.25") for each in FORMULAS for name in parse(each).columns}
VALUES |= {name: Decimal(value) for name, value in FIELDS.items()}


def formula(given: str) -> str:
    """Read, compute, explain, print, and read by the second program, which must agree where both compute."""
    try:
        expression = parse(given)
    except FormulaError:
        return "refused"
    to_bitable(expression, lambda name: f"[{name}]")
    try:
        value = evaluate(expression, VALUES.get)
    except FormulaError:
        return "no value"
    explain(expression, VALUES.get)
    other = reader.evaluate(given, _column)
    assert abs(other - reader.Fraction(value)) <= reader.Fraction(1, 10**12) * max(1, abs(other)), (
        "they disagree"
    )
    return "value"


def _column(name: str) -> reader.Fraction:
    if name not in VALUES:
        raise SecondError(name)
    return reader.Fraction(VALUES[name])


EXPRESSIONS = (
    "ROI < 3 and 消耗 > 500", "not (1 < 消耗 < 3) 或 平台 = “抖音”", "成交金额 < 均值7日(成交金额) * 0.7",
    "消耗 ≥ 日预算 × 30%",
    "min(消耗, 日预算) / max(1, 消耗) > 0.5", "abs(消耗 - 日预算) > [日预算] * 20%",
)  # fmt: skip
EXPRESSION_WORDS = (
    "ROI", "消耗", "日预算", "平台", "[消耗]", "均值7日(", "min(", "max(", "abs(", "and", "or", "not ",
    "且", "或", "<", ">=", "=",
    "≠", "%", "(", ")", "“抖音”", "0", "1e9", "**", "//", "lambda:", "__import__", "x for x in", "{", ":=",
    "0x1F", "1j", ".",
)  # fmt: skip
CELLS: dict[str, Any] = {
    "plan_id": "1", "platform": "抖音", "status": "投放中", "budget": Decimal(2000), "spend": Decimal(1000),
    "gmv": Decimal(2500), "orders": Decimal(20),
}  # fmt: skip
ODD_ROW: dict[str, Any] = {
    "platform": Unreadable("读不出来"), "status": EMPTY, "budget": Decimal(0),
    "spend": Unreadable("读不出来"), "gmv": Decimal(-1), "orders": Decimal("1e12"),
    "owner": (Person("ou_1", "王芳"),), "name": "夏季新品",
    "qty": Decimal(40), "safety": Decimal(100),
}  # fmt: skip
PLANS = CATALOG.by_key("plans")
NAMES = {field.key: name for name, field in PLANS.fields.items()}


PARTS = {
    "table": ("计划日报", "计划日报", "商品库存", "店铺日报"),
    "metric": ("ROI", "消耗", "可用库存", "环比(消耗)", "可售天数", "点击率"),
    "comparison": ("低于", "小于", "高于", "≥", "不高于", "等于"),
    "threshold": ("1:3", "3", "15%", "安全库存", "安全库存的 80%", "1,000", "日预算*0.8", "日预算的30%"),
    "scope": (
        "", "平台=抖音", "平台=抖音 且 状态=投放中", "平台≠抖音，快手", "消耗>=500", "计划名称包含夏季、秋季",
        "负责人=王芳",
    ),
    "hold_for": ("", "10分钟", "2小时", "1天", "30"),
    "recover": ("", "", "3.5", "1:2", "20%"),
    "floor": ("", "", "500", "消耗≥500"),
    "severity": ("警告", "严重", "提醒", ""),
    "owner_field": ("", "", "负责人", "主管"),
    "keep_for": ("", "", "15分钟", "1小时"),
    "sample": ("", "", "10"),
}  # fmt: skip
"""What stands in the columns of a rule."""


class Cells(dict[str, Any]):
    """A row in which what was not typed is missing."""

    def __missing__(self, key: str) -> Any:
        return EMPTY


def rule_text(rng: Random) -> RuleText:
    """A rule row, by experts or by thresholds."""
    text = mutating.text(rng, rng.choice(EXPRESSIONS), EXPRESSION_WORDS)
    if rng.random() < 0.7:
        return RuleText(name="x", table="计划日报", expression=text, enabled=True)
    parts: dict[str, Any] = {key: rng.choice(choices) for key, choices in PARTS.items()}
    for key in rng.sample(list(PARTS), rng.choice((0, 1, 1, 2, 3))):  # more would all end at the first fault
        parts[key] = mutating.text(rng, parts[key], EXPRESSION_WORDS)
    return RuleText(
        name="x", enabled=True, actions=rng.choice(((), ("调整预算", "知道了"), ("紧急补货",), ("跳舞",))),
        cc=rng.choice(((), (("ou_1", "王芳"),))), covers=rng.random() < 0.1, **parts,
    )  # fmt: skip


def expression(given: RuleText) -> str:
    """Read a row; what can be read also judges a row of data."""
    kept = json.dumps(given.to_json())  # as text: two halves of a pair come back as one sign
    assert json.dumps(RuleText.from_json(json.loads(kept)).to_json()) == kept, "stored otherwise"
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        rule = parse_rule(RuleId("rec"), given, CATALOG)
    assert not heard, f"warns on the screen: {heard[0].message}"
    if not isinstance(rule, Rule):
        assert rule, "refused without a sentence"
        return "refused"
    judge = compiled(rule)
    for cells in (CELLS, ODD_ROW, {}):
        judge(Reading(Cells(cells), {}), NAMES)
    return "rule"


def formula_text(rng: Random) -> str:
    """A formula of the pay structure, changed."""
    return mutating.text(rng, rng.choice(FORMULAS), FORMULA_WORDS)


@contextmanager
def open_targets(folder: Path, database: Database) -> Iterator[list[Target]]:
    """All targets over one company.

    Args:
        folder: for the mirror.
        database: migrated.
    """
    world = open_world(database, folder)
    yield [
        Target("envelope", envelope, open_one, 430),
        card(world, fill(world)),
        webhook(world),  # after the cards, whose turns its taps move on
        Target("formula", formula_text, formula, 200),
        Target("expression", rule_text, expression, 190),
        EXCEL,
    ]
    world.close()
