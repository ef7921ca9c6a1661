"""What the kill and two-server tests share: articles with owners, a day of events, victims, ledgers."""

from __future__ import annotations

import os
import random
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.client import until
from sandbox.office import Office
from tests.scenario.house import RULES, STOCK
from tests.scenario.ledger import Ledger

NEVER = "0 4 1 1 *"
"""A schedule that does not fire while a test runs: the numbers come from people here, not from platforms."""

HEALTHY, LIMIT = 100, 50
SHOPS = 10


@dataclass(slots=True)
class Article:
    """A row of 商品库存, its two responsible persons, and the stock a person entered last."""

    sku: str
    record_id: str
    owners: tuple[str, str]
    qty: int = HEALTHY

    @property
    def broken(self) -> bool:
        """Whether the stock now stands under the red line."""
        return self.qty < LIMIT


class Shelf:
    """Articles that people own, with a rule a shop on them.

    Args:
        office: the company.
        count: how many articles.
    """

    def __init__(self, office: Office, count: int) -> None:
        self.office = office
        self.office.join_roles()
        self.boss = office.person("运营部")["open_id"]
        self._rules()
        self.articles = self._fill(count)

    def _rules(self) -> None:
        common = {"数据表": STOCK, "指标": "库存", "比较": "低于", "阈值": str(LIMIT), "启用": True}
        for shop in range(SHOPS):
            name, scope = f"店{shop} 库存", f"店铺=店{shop}"
            self.office.add(self.boss, RULES, 规则名称=name, 范围=scope, 动作=["知道了"], **common)
        until(self._all_valid, 40, "every rule is called valid in its row")

    def _all_valid(self) -> bool:
        return all(str(row.get("校验结果") or "").startswith("有效") for row in self.office.rows(RULES))

    def _fill(self, count: int) -> list[Article]:
        people = [person["open_id"] for person in self.office.people]
        owners = [(people[n % len(people)], people[(n * 7 + 3) % len(people)]) for n in range(count)]
        owners = [(a, b if a != b else people[(people.index(a) + 1) % len(people)]) for a, b in owners]
        rows = [
            {
                "fields": {
                    "SKU编码": f"SKU-{n:04}", "商品名称": f"商品{n:04}", "店铺": f"店{n % SHOPS}",
                    "库存": HEALTHY, "锁定": 0, "在途": 0, "安全库存": LIMIT,
                    "负责人": [{"id": open_id} for open_id in pair],
                }
            }
            for n, pair in enumerate(owners)
        ]  # fmt: skip
        path = (
            f"bitable/v1/apps/{self.office.app_token}/tables/{self.office.tables[STOCK]}/records/batch_create"
        )
        made = self.office.control.api("POST", path, {"records": rows})["records"]
        return [Article(f"SKU-{n:04}", str(record["record_id"]), owners[n]) for n, record in enumerate(made)]

    def set(self, article: Article, qty: int) -> None:
        """A person enters a stock."""
        self.office.edit(self.boss, STOCK, article.record_id, 库存=qty)
        article.qty = qty


def day(shelf: Shelf, total: int, draw: random.Random) -> list[Callable[[], object]]:
    """A shuffled day of events: each article crosses its red line and changes again; the rest is plain.

    One article in five recovers with its second change, the others only move under the line.
    """
    twice = [number for number in range(len(shelf.articles)) for _ in range(2)]
    slots = twice + [-1] * (total - len(twice))
    draw.shuffle(slots)
    seen: set[int] = set()
    acts: list[Callable[[], object]] = []
    for number, slot in enumerate(slots):
        if slot < 0:
            acts.append(_plain(shelf.office, number))
            continue
        recovers = slot in seen and slot % 5 == 0
        qty = HEALTHY if recovers else (10 if slot in seen else 30) + draw.randrange(10)
        seen.add(slot)
        acts.append(_setting(shelf, shelf.articles[slot], qty))
    return acts


def _setting(shelf: Shelf, article: Article, qty: int) -> Callable[[], object]:
    return lambda: shelf.set(article, qty)


def _plain(office: Office, number: int) -> Callable[[], object]:
    kind = ("contact.user.updated_v3", "im.chat.updated_v1", "approval_instance")[number % 3]
    body = {"number": number, "object": {"open_id": office.people[number % len(office.people)]["open_id"]}}
    return lambda: office.control.post("emit", type=kind, event=body, v1=kind == "approval_instance")


def tell(line: str) -> None:
    """Say something to who runs the test with ``-s``, and in the report of a failure."""
    sys.stdout.write(f"{line}\n")


# --- processes ---


def family(pid: int) -> dict[int, str]:
    """The processes below one, by id, with the names they go by."""
    found: dict[int, str] = {}
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = [int(each) for each in task.read_text().split()]
        except OSError:
            continue
        for child in children:
            found[child] = _name(child)
            found |= family(child)
    return found


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def victim(supervisor: int, role: str) -> int:
    """The process id of a role: ``worker``, ``web``, ``web-server`` (the process under web) or ``all``."""
    if role == "all":
        return supervisor

    def look() -> int | None:
        people = family(supervisor)
        name = "chorus-web" if role.startswith("web") else f"chorus-{role}"
        head = next((pid for pid, called in people.items() if called == name), None)
        if head is None or role != "web-server":
            return head
        return next(iter(family(head)), None)

    return until(look, 30, f"a process of the role {role}")


def kill(pid: int) -> list[int]:
    """``kill -9`` one process; gives back it and what was below it."""
    below = [pid, *family(pid)]
    os.kill(pid, signal.SIGKILL)
    return below


def gone(pids: list[int]) -> bool:
    """Whether none of the processes runs any more (a zombie does not run)."""
    return not any(_state(pid) not in ("", "Z", "X") for pid in pids)


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


# --- what the other side saw, what the product stores ---


def judged(ledger: Ledger, shelf: Shelf) -> list[str]:
    """Articles whose alert is not what their stock says it must be."""
    states = ledger.states()
    wrong = []
    for article in shelf.articles:
        state = states.get(article.sku, "ok")
        if (state == "firing") != article.broken or (state not in ("firing", "resolved", "ok")):
            wrong.append(f"{article.sku}: stock {article.qty}, alert {state}")
    return wrong


def told_wrongly(ledger: Ledger, shelf: Shelf) -> list[str]:
    """Owners of a crossed red line without a sent notice for it."""
    query = "SELECT a.object_id, n.receiver FROM alert_notices n JOIN alerts a ON a.id = n.alert_id "
    told = {(r["object_id"], r["receiver"]) for r in ledger.rows(query + "WHERE n.state = 'sent'")}
    return [
        f"{article.sku}: {owner} was not told"
        for article in shelf.articles
        for owner in article.owners
        if article.broken and (article.sku, owner) not in told
    ]


def shown_times(ledger: Ledger, office: Office) -> dict[str, int]:
    """Sent notice or summary → how many messages in its receiver's chats bear its code."""
    texts = {who["open_id"]: [card.text for card in office.cards(who["open_id"])] for who in office.people}
    query = "SELECT DISTINCT coalesce(digest_id, id) AS id, receiver FROM alert_notices WHERE state = 'sent'"
    return {
        row["id"]: sum(row["id"][3:11].upper() in text for text in texts[row["receiver"]])
        for row in ledger.rows(query)
    }


def sends(office: Office) -> Counter[str]:
    """How often each uuid of a send was asked for and answered well."""
    calls = office.control.get("requests?path=/im/v1/messages")["requests"]
    return Counter(
        str(call["body"].get("uuid"))
        for call in calls
        if call["method"] == "POST" and call["status"] == 200 and call["response"].get("code") == 0
    )


def undelivered(office: Office) -> Iterator[dict[str, Any]]:
    """Events the sandbox still wants to push."""
    return (each for each in office.control.get("deliveries")["deliveries"] if each["state"] == "queued")


def deliver_all(office: Office) -> bool:
    """Jump to the next retry that is due, if any; True when every event was delivered."""
    waiting = [each["due"] for each in undelivered(office)]
    if not waiting:
        return True
    now = office.control.get("clock")["time"]
    if min(waiting) > now:
        office.control.post("clock", advance=min(waiting) - now + 0.01)
    return False
