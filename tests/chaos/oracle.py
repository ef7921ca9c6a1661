"""Compares the evening with what must be there. Pure: anything can be fed to it, doctored worlds too."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal

from sandbox.payday_desk import spellings
from tests.chaos.evening import Evening, Message, Row
from tests.chaos.story import LINE, PLANS, STOCK, Expected, title

STEP = 0.1
"""A number that moved by this share of its threshold is worth a fresh card; less is not drawn anew."""

CODE = re.compile(r"编号 ([0-9A-F]{8})")
SECRETS = (
    "sandbox-secret", "sandbox-encrypt-key", "sandbox-verification-token", "sandbox-ads-token",
    "sandbox-shop-secret", "sandbox-shop-token", "sandbox-erp-secret", "sandbox-erp-token",
    "sandbox-image-key",
)  # fmt: skip
BORNE = ("stored", "unknown", "failed", "refused")
"""What a paid call may come to."""


def judge(expected: Expected, evening: Evening) -> list[str]:
    """Everything that is lost, double or wrong, each in a sentence; empty when the day was clean."""
    found: list[str] = []
    for look in LOOKS:
        found += [f"{look.__name__.strip('_')}: {sentence}" for sentence in look(expected, evening)]
    return found


def _events(_expected: Expected, evening: Evening) -> Iterator[str]:
    """What was acknowledged is stored and handled; nothing waits or was given up."""
    states = Counter(each["state"] for each in evening.deliveries)
    for each in evening.deliveries:
        heard = any(attempt["status"] == 200 and not attempt["error"] for attempt in each["attempts"])
        if heard and each["event_id"] not in evening.inbox:
            yield f"event {each['event_id']} ({each['event_type']}) was acknowledged and is lost"
    if states["queued"] or states["failed"]:
        yield f"{states['queued']} events wait and {states['failed']} were given up by the platform"
    for event, state in evening.inbox.items():
        if state not in ("handled", "unhandled"):
            yield f"event {event} is {state}"
    if evening.unfinished:
        yield f"{len(evening.unfinished)} works are not finished, e.g. {evening.unfinished[0]}"
    for sentence in evening.parked:
        yield f"work was given up: {sentence}"


def _alerts(expected: Expected, evening: Evening) -> Iterator[str]:
    """One card a person and cause; each shows the newest state."""
    shown = Counter((m.receiver, code) for m in evening.messages for code in set(CODE.findall(m.text)))
    for (receiver, code), times in shown.items():
        if times > 1:
            yield f"{receiver} has card {code} {times} times"
    for (receiver, about), times in expected.told.items():
        there = len(_about(evening, receiver, about))
        if there != times:
            yield f"{receiver} has {there} cards about {about}, not {times}"
    unsent = evening.notices.get("queued", 0)
    if unsent or evening.behind:
        yield f"{unsent} notices are not sent, {evening.behind} copies show an old state"
    board = Counter((row.get("规则"), row.get("对象")) for row in evening.tables["预警看板"])
    for place, times in board.items():
        if times > 1:
            yield f"预警看板 has {place} {times} times"


def _shelf(expected: Expected, evening: Evening) -> Iterator[str]:
    """Each hand-kept article's alert is as its stock is; its owner was told, at most as often as it fell."""
    rows = {row.get("SKU编码"): row for row in evening.tables[STOCK]}
    states = {row["object_id"]: row["state"] for row in evening.alerts}
    for sku, qty in expected.shelf.items():
        if Decimal(rows[sku].get("库存") or -1) != qty:
            yield f"{sku} has {rows[sku].get('库存')} in the base, typed was {qty}"
        state, low = states.get(sku, "ok"), qty < LINE
        if (state == "firing") != low:
            yield f"{sku} has {qty}, its alert is {state}"
        cards = [m for m in evening.messages if sku in m.text]
        if len(cards) > expected.crossed[sku]:
            yield f"{sku} fell {expected.crossed[sku]} times and has {len(cards)} cards"
        if low and not any(_says(m, qty) for m in cards):
            yield f"{sku} has {qty} and no card says so"


def _says(message: Message, qty: int) -> bool:
    """Whether a card gives the number, or one that is nearer than what is worth drawing it anew."""
    said = re.findall(r"库存 ?(\d+)(?![\d.])", message.text)
    return any(abs(int(number) - qty) < LINE * STEP for number in said)


def _money(expected: Expected, evening: Evening) -> Iterator[str]:
    """Each budget was changed as often and to what was tapped; each order exists once."""
    for plan, (budget, times) in expected.budgets.items():
        there = evening.plans[plan]
        if Decimal(str(there["budget"])) != budget:
            yield f"the budget of {plan} is {there['budget']}, not {budget}"
        if there["budget_changes_today"] != times:
            yield f"the budget of {plan} was changed {there['budget_changes_today']} times, not {times}"
    if Counter(evening.orders) != Counter(expected.orders.items()):
        yield f"purchase orders are {evening.orders}, not {tuple(expected.orders.items())}"
    tasks = [(row.get("动作"), row.get("状态")) for row in evening.tables["处理任务"]]
    wanted = [("调整预算", "已完成")] * sum(n for _, n in expected.budgets.values())
    wanted += [("紧急补货", "已完成")] * len(expected.orders)
    if Counter(tasks) != Counter(wanted):
        yield f"处理任务 holds {sorted(map(str, tasks))}"


def _platform_tables(_expected: Expected, evening: Evening) -> Iterator[str]:
    """The base says what the platforms say, each thing once."""
    plans = evening.tables[PLANS]
    if Counter(str(row.get("计划ID")) for row in plans) != Counter(list(evening.plans)):
        yield f"{PLANS} has {len(plans)} rows for {len(evening.plans)} plans"
    for row in plans:
        there = evening.plans.get(str(row.get("计划ID")))
        for column, name in (("日预算", "budget"), ("消耗", "spend"), ("成交金额", "gmv")):
            if there and Decimal(row.get(column) or -1) != Decimal(str(there[name])):
                yield f"{column} of {row['计划ID']} is {row.get(column)}, on the platform {there[name]}"
    counted = Counter(str(row.get("SKU编码")) for row in evening.tables[STOCK])
    for sku, times in counted.items():
        if times > 1:
            yield f"{STOCK} has {sku} {times} times"
    rows = {str(row.get("SKU编码")): row for row in evening.tables[STOCK]}
    for sku, qty in evening.stock.items():
        if sku not in rows or Decimal(rows[sku].get("库存") or -1) != qty:
            yield f"{sku} has {rows.get(sku, {}).get('库存')} in the base, {qty} in the ERP"


def _talk(expected: Expected, evening: Evening) -> Iterator[str]:
    """Every question has one answer."""
    talker, times = next(iter(expected.asked.items()), ("", 0))
    answers = [m for m in evening.messages if m.receiver == talker and "工资条" not in m.title]
    if len(answers) != times:
        yield f"{times} questions were asked, {len(answers)} answers came"


def _pay(expected: Expected, evening: Evening) -> Iterator[str]:
    """One payslip card a person; sealed what its inputs give; paid what was signed."""
    if not expected.paid:
        return
    month = evening.month
    name = f"{month[:4]} 年 {int(month[5:])} 月 工资条"
    cards = Counter(m.receiver for m in evening.messages if m.title == name)
    for who in expected.paid | set(cards):
        if cards[who] != 1:
            yield f"{who} has {cards[who]} payslip cards"
    if [(r["id"], r["state"]) for r in evening.runs] not in (
        [(f"{month}.1", s)] for s in ("pushed", "closed")
    ):
        yield f"the runs are {[dict(r) for r in evening.runs]}"
    results = {row["工号"]: row for row in evening.tables["薪资核算"] if row.get("月份") == month}
    for table in ("薪资核算", "工资条状态", "考勤汇总"):
        rows = Counter(row.get("工号") for row in evening.tables[table] if row.get("月份") == month)
        if set(rows.values()) != {1} or len(rows) != len(expected.paid):
            yield f"{table} has {sum(rows.values())} rows of {len(rows)} people, paid {len(expected.paid)}"
    if len(evening.slips) != len(expected.paid):
        yield f"{len(evening.slips)} payslips are sealed for {len(expected.paid)} people"
    for slip in evening.slips:
        for fault in slip.faults:
            yield f"the payslip of {slip.no}: {fault}"
        if slip.no not in results or Decimal(results[slip.no].get("实发工资") or -1) != slip.net:
            yield f"薪资核算 and the payslip of {slip.no} have different nets"
    yield from _signed(evening, results)
    yield from _confirmed(expected, evening)


def _signed(evening: Evening, results: dict[str, Row]) -> Iterator[str]:
    forms = [form for form in evening.approvals if form.get("run") == f"{evening.month}.1"]
    passed = [form for form in forms if form["status"] == "APPROVED"]
    parts = Counter(str(form["part"]).partition("（")[0] for form in passed)
    for part, times in parts.items():
        if times > 1:
            yield f"{part} was signed {times} times"
    if len({str(form["digest"]) for form in passed}) != 1:
        yield "not one digest was signed"
    total = sum((Decimal(row.get("实发工资") or 0) for row in results.values()), Decimal(0))
    whole = [Decimal(str(form["total"])) for form in passed if str(form["part"]).startswith("全公司")]
    if whole != [total]:
        yield "the total that was signed is not the sum of 薪资核算"


def _confirmed(expected: Expected, evening: Evening) -> Iterator[str]:
    shown = {row.get("工号"): row.get("状态") for row in evening.tables["工资条状态"]}
    for no, state in evening.slip_states.items():
        said, wanted = shown.get(no), no in expected.confirmed
        if (state == "confirmed") != wanted or (said == "已确认") != wanted:
            yield f"the payslip of {no} is {state}, HR reads {said}, confirmed is {wanted}"


def _images(expected: Expected, evening: Evening) -> Iterator[str]:
    """Every request is made once, paid once, told once; the chosen one is archived once."""
    billed = Counter(evening.bills)
    for what, times in billed.items():
        if times > 1:
            yield f"picture {what[0][:8]} was billed {times} times"
    calls = Counter(str(call["version_id"]) for call in evening.calls)
    if calls != Counter(f"{record}:1" for record in expected.requests):
        yield f"calls were planned for {dict(calls)}"
    states = Counter(str(call["state"]) for call in evening.calls)
    if (
        set(states) - set(BORNE)
        or not states["stored"] <= len(evening.bills) <= states["stored"] + states["unknown"]
    ):
        yield f"{len(evening.bills)} pictures were billed, calls are {dict(states)}"
    rows = {row["record_id"]: row for row in evening.tables["素材需求"]}
    for number, record in enumerate(expected.requests):
        wanted = "已归档" if number == 0 else "待审"
        if rows[record].get("状态") != wanted:
            yield f"{title(number)} is {rows[record].get('状态')}, not {wanted}"
        tokens = evening.files[record]
        if len(tokens) != len(set(tokens)) or len(tokens) != 3:
            yield f"{title(number)} holds {len(tokens)} files, {len(set(tokens))} of them different"
        told = Counter(m.receiver for m in evening.messages if title(number) in m.text)
        if told != Counter(expected.receivers[record]):
            yield f"cards about {title(number)} were sent to {dict(told)}"
    archived = [title(0)] if expected.requests else []
    for where, names in (
        ("wiki", evening.pages),
        ("素材库", [row.get("名称") for row in evening.tables["素材库"]]),
    ):
        ours = [title(n) for n in range(len(expected.requests)) for name in names if title(n) in str(name)]
        if ours != archived:
            yield f"{where} holds {ours}, not {archived}"
    if evening.unsent_art:
        yield f"{evening.unsent_art} cards about images are not sent"


def _trail(_expected: Expected, evening: Evening) -> Iterator[str]:
    """The audit chain is whole."""
    if evening.chain:
        yield evening.chain


def _log(_expected: Expected, evening: Evening) -> Iterator[str]:
    """No secret and no amount of pay was logged."""
    for secret in SECRETS:
        if secret in evening.log:
            yield f"the log shows {secret[:12]}…"
    amounts = spellings(evening.tables["薪资核算"])
    shown = sum(amount in evening.log for amount in amounts)
    if shown:
        yield f"the log shows {shown} amounts of pay"


def _about(evening: Evening, receiver: str, about: str) -> list[Message]:
    return [m for m in evening.messages if m.receiver == receiver and about in m.text]


LOOKS: tuple[Callable[[Expected, Evening], Iterator[str]], ...] = (
    _events, _alerts, _shelf, _money, _platform_tables, _talk, _pay, _images, _trail, _log,
)  # fmt: skip
