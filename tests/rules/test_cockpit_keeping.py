"""What the cockpit keeps: days from pulls, departments, the fates of alerts, what was done; its command."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from bitable_sync.cells import Person
from bot.model import ChatMessage
from creative import tables as art
from creative.store import made_by_day
from rules import tables as rt
from rules.cockpit import days, store
from rules.cockpit import tables as t
from rules.cockpit.access import Viewers
from rules.cockpit.board import KEPT
from rules.cockpit.commands import Commands
from rules.cockpit.doctor import examine
from rules.cockpit.figures import fate
from rules.cockpit.jobs import AGAIN, DUE, Keeping
from rules.cockpit.model import Fate, Scope
from rules.effects import SYSTEM
from rules.model import Action, Task, TaskState
from rules.specs import PLANS, SHOPS, STOCK
from rules.store import save_task
from runtime import audit
from runtime.clock import ManualClock, day_of
from runtime.db import Database
from runtime.errors import TransientError
from runtime.ids import AlertId, ChatId, MessageId, OpenId, TaskId
from sandbox.server import SandboxServer
from tests.rules.cockpit_kit import START, TODAY, UNIT, House, plan_row, shop_row
from tests.rules.kit import ROI_RULE, sku
from tests.rules.stage import Scene, open_scene

pytestmark = pytest.mark.db
D = Decimal
LATE = datetime(2026, 11, 28, 15, 59, 58, tzinfo=UTC)  # two seconds before Shanghai's midnight
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def house(database: Database, sandbox: SandboxServer, tmp_path: Path) -> House:
    """A cockpit nobody looks at."""
    return House(database, sandbox, tmp_path, viewers=["ou_me"])


def kept(house: House) -> list[Any]:
    """The kept days."""
    with house.db.read() as conn:
        return list(conn.execute(sa.select(t.days).order_by(t.days.c.day, t.days.c.object_id)))


# --- days ---


def test_the_last_pull_of_a_day_is_the_day(house: House) -> None:
    """A later pull overwrites the day's row; another day's stays; an unchanged one writes nothing."""
    house.pulled(PLANS, plan_row("1", spend=D(10)), at=START - DAY)
    house.pulled(PLANS, plan_row("1", spend=D(20)))
    house.pulled(PLANS, plan_row("1", spend=D("30.005")))
    assert [(row.day, row.spend) for row in kept(house)] == [(TODAY - DAY, D(10)), (TODAY, D("30.00"))]
    with house.db.begin() as conn:
        assert days.keep(conn, PLANS, [plan_row("1", spend=D("30.00"))], TODAY, START + HOUR) == 0


def test_a_plan_that_did_nothing_leaves_no_row(house: House) -> None:
    """Thousands of sleeping plans are not kept; one that falls back to nothing is."""
    house.pulled(PLANS, plan_row("idle", spend=D(0), gmv=D(0)), plan_row("gone", spend=D(5)))
    house.pulled(PLANS, {"plan_id": "gone", "status": "平台已删除"}, plan_row("back", spend=D(0), gmv=D(9)))
    assert {row.object_id: row.spend for row in kept(house)} == {"gone": D(5), "back": D(0)}
    house.pulled(PLANS, plan_row("gone", spend=D(0), gmv=D(0)))
    assert {row.object_id: row.spend for row in kept(house)}["gone"] == D(0)


def test_a_silent_shop_is_kept_with_its_zero(house: House) -> None:
    """A shop that sold yesterday and nothing today is what must be seen."""
    house.pulled(SHOPS, shop_row(gmv=D(0), orders=D(0)))
    assert [(row.kind, row.gmv, row.base) for row in kept(house)] == [("shop", D(0), D(40000))]


@pytest.mark.parametrize(
    ("started", "ended", "day"),
    [
        (LATE, LATE + timedelta(seconds=1), TODAY),
        (LATE, LATE + timedelta(seconds=3), None),
        (LATE + timedelta(seconds=2), LATE + timedelta(seconds=3), TODAY + DAY),
    ],
)  # fmt: skip
def test_a_pull_over_midnight_belongs_to_no_day(started: datetime, ended: datetime, day: date | None) -> None:
    """The new day's zeros must not overwrite the old day's end (Shanghai's midnight)."""
    assert days.one_day(started, ended) == day


def test_days_are_dropped_after_400(house: House) -> None:
    """The 400th day stays, the 401st goes; stock counts likewise."""
    for back in (0, 400, 401):
        house.pulled(SHOPS, shop_row(), day=TODAY - timedelta(days=back))
    with house.db.begin() as conn:
        assert days.forget(conn, START) == 1
    assert [row.day for row in kept(house)] == [TODAY - timedelta(days=400), TODAY]


def test_the_database_adds_amounts_up_exactly(house: House) -> None:
    """A tenth and two tenths are three tenths; plans and shops of one name are one line."""
    rows = [plan_row(str(i), spend=D("0.1") * (i + 1), gmv=D("0.01")) for i in range(9)]
    house.pulled(PLANS, *rows)
    house.pulled(SHOPS, shop_row())
    with house.db.read() as conn:
        (line,) = store.shop_days(conn, Scope(), TODAY, TODAY)
    assert (line.sums.spend, line.sums.ad_gmv, line.sums.gmv) == (D("4.50"), D("0.09"), D(50000))


def test_an_inexact_amount_is_refused(house: House) -> None:
    """No binary fraction gets into the table."""
    with pytest.raises(sa.exc.StatementError, match="finite Decimal"), house.db.begin() as conn:
        conn.execute(t.days.insert().values(kind="shop", day=TODAY, object_id="1", gmv=0.1))


# --- the pulls of the product keep them ---


@pytest.fixture
def scene(sandbox: SandboxServer, database: Database, tmp_path: Path) -> Iterator[Scene]:
    """The worker with its platforms, the engine not running."""
    opened = open_scene(sandbox, database, tmp_path, launch=False)
    yield opened
    opened.feishu.close()
    opened.floor.mirror.close()


def test_pulls_of_all_three_sources_keep_the_day(scene: Scene) -> None:
    """What the ad platform, the shop and the ERP say stands in the day's rows after one pull each."""
    scene.spend(120, 480)
    for table in (PLANS, SHOPS, STOCK):
        scene.pull_now(table)
    today = day_of(scene.floor.clock.now())
    rows = {(row.kind, row.object_id): row for row in scene.stored(t.days)}
    plan = rows["plan", str(scene.plan().plan_id)]
    assert (plan.day, plan.spend, plan.gmv) == (today, D(120), D(480))
    assert any(kind == "shop" for kind, _ in rows)
    counts = scene.stored(t.stock_days)
    assert {row.day for row in counts} == {today}
    assert sum(row.skus for row in counts) == len(scene.rows("stock"))


# --- departments ---


class Book:
    """An address book with a department of two and one below it of one."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.broken = False

    def list_departments(self, parent: str = "0") -> list[dict[str, Any]]:
        """One below the first."""
        self.asked.append(parent)
        if self.broken:
            raise TransientError("飞书暂时没有回答")
        return [{"open_department_id": "od-below"}] if parent == UNIT else []

    def list_department_users(self, department_id: str = "0") -> list[dict[str, Any]]:
        """Two and one."""
        names = {UNIT: ("ou_b", "ou_a"), "od-below": ("ou_c",)}
        return [{"open_id": name} for name in names.get(department_id, ())]


RUN: Any = SimpleNamespace(id="run", attempt=lambda _name, call, **_more: call())


def lists(db: Database) -> dict[str, Any]:
    """The department lists by id."""
    with db.read() as conn:
        return {row.id: row for row in conn.execute(sa.select(t.departments))}


def test_departments_are_read_twice_a_day_with_those_below(database: Database) -> None:
    """One beat asks, the next does not, twelve hours later one does; a dropped department is forgotten."""
    book, clock = Book(), ManualClock(START)
    keeping = Keeping(database, clock, book, Viewers(departments=(UNIT, "od-old")))
    keeping.keep(RUN, {})
    keeping.keep(RUN, {})
    assert book.asked == [UNIT, "od-old"]
    assert lists(database)[UNIT].people == ["ou_a", "ou_b", "ou_c"]
    clock.advance(DUE)
    Keeping(database, clock, book, Viewers(departments=(UNIT,))).keep(RUN, {})
    assert book.asked == [UNIT, "od-old", UNIT]
    assert set(lists(database)) == {UNIT}


def test_a_list_that_cannot_be_read_keeps_its_age(database: Database) -> None:
    """The last good list stays with the time it was read; the error is kept, and it is tried again later."""
    book, clock = Book(), ManualClock(START)
    keeping = Keeping(database, clock, book, Viewers(departments=(UNIT,)))
    keeping.keep(RUN, {})
    book.broken = True
    clock.advance(DUE)
    keeping.keep(RUN, {})
    row = lists(database)[UNIT]
    assert (row.people, row.read_at, row.error) == (["ou_a", "ou_b", "ou_c"], START, "飞书暂时没有回答")
    keeping.keep(RUN, {})
    assert len(book.asked) == 2
    clock.advance(AGAIN)
    keeping.keep(RUN, {})
    assert len(book.asked) == 3


# --- alerts and what was done ---


def episode(house: House, alert: str, number: int = 1, **values: Any) -> None:
    """An episode that fired two hours ago."""
    row = {"alert_id": alert, "episode": number, "fired_at": START - 2 * HOUR, "fired_value": D("2.1")}
    with house.db.begin() as conn:
        conn.execute(rt.alert_episodes.insert().values(**row | values))


def touched(house: House, alert: str, number: int, reason: str, actor: str = "ou_li") -> None:
    """The audit row of a change of an alert."""
    with house.db.begin() as conn:
        audit.record(
            conn, at=START - HOUR, actor=actor, action="alert.change", subject=f"alert:{alert}",
            reason=reason, detail={"episode": number},
        )  # fmt: skip


def task(alert: str, **changes: Any) -> Task:
    """A budget change of an hour ago."""
    values: dict[str, Any] = {
        "id": TaskId("tk_1"), "alert_id": AlertId(alert), "episode": 1, "kind": Action.ADJUST,
        "object_id": "1", "title": "夏季新品1001", "amount": D(1500), "before": D(2000), "after": D(1500),
        "state": TaskState.DONE, "asked_by": Person("ou_li", "李强"), "asked_at": START - HOUR, **changes,
    }  # fmt: skip
    return Task(**values)


def test_fates_are_read_from_tasks_and_the_audit(house: House) -> None:
    """Each episode by itself: what was done about the second says nothing of the first; nor do reminders."""
    episode(house, "a", 1, resolved_at=START, reason="recovered")
    episode(house, "a", 2)
    touched(house, "a", 2, "acknowledged")
    episode(house, "b")
    with house.db.begin() as conn:
        save_task(conn, task("b"))
    episode(house, "c")
    touched(house, "c", 1, "ack_expired", SYSTEM)
    episode(house, "old", fired_at=START - 31 * DAY)
    with house.db.read() as conn:
        found = store.episodes(conn, START - 30 * DAY)
    assert sorted(fate(each) for each in found) == sorted([Fate.SELF, Fate.SEEN, Fate.ACTED, Fate.OPEN])


def test_an_action_shows_budget_and_roi_before_and_after(
    database: Database, sandbox: SandboxServer, tmp_path: Path
) -> None:
    """While the alert is open the number is that of now; once it is over, that of its end."""
    me = str(next(iter(sandbox.world.people)))
    house = House(database, sandbox, tmp_path, viewers=[me])
    with_rule(house)
    house.alert("a", state="acked", value=D("2.4"))
    episode(house, "a")
    with house.db.begin() as conn:
        save_task(conn, task("a"))
    browser = house.signed_in(me)
    shown = words(browser.parts()["deeds"])
    assert "日预算 ¥2,000 → ¥1,500" in shown
    assert "ROI 2.10 → 2.40 现在" in shown
    with house.db.begin() as conn:
        over = {"resolved_at": START, "resolved_value": D("3.6"), "reason": "recovered"}
        conn.execute(rt.alert_episodes.update().values(**over))
    house.clock.advance(KEPT)
    assert "ROI 2.10 → 3.60 恢复时" in words(browser.parts()["deeds"])
    with house.db.begin() as conn:
        conn.execute(rt.alert_tasks.update().values(effect="ROI 2.10 → 3.20（4 小时后）"))
    house.clock.advance(KEPT)
    assert "ROI 2.10 → 3.20（4 小时后）" in words(browser.parts()["deeds"])


def test_a_number_nobody_knows_now_is_no_effect(
    database: Database, sandbox: SandboxServer, tmp_path: Path
) -> None:
    """An alert that became unknown, or fired again since, has no number to show for an earlier action."""
    me = str(next(iter(sandbox.world.people)))
    house = House(database, sandbox, tmp_path, viewers=[me])
    with_rule(house)
    house.alert("a", state="unknown", held="acked", value=D("2.4"))
    house.alert("b", episode=2, value=D("1.1"))
    with house.db.begin() as conn:
        save_task(conn, task("a"))
        save_task(conn, task("b", id=TaskId("tk_2"), kind=Action.RESTOCK, amount=D(300), result="采购单 PO1"))
    shown = words(house.signed_in(me).parts()["deeds"])
    assert shown.count("ROI — → —") == 2
    assert "补货 300 件，采购单 PO1" in shown


def with_rule(house: House) -> None:
    """The rule ROI 低于 1:3 is in force."""
    with house.db.begin() as conn:
        conn.execute(
            rt.rule_rows.insert().values(
                rule_id="rec_roi", seen=ROI_RULE.to_json(), good=ROI_RULE.to_json(), version=1, enabled=True,
                problems=[], verdict="", marks=0,
            )
        )  # fmt: skip


def words(html: str) -> str:
    """The words of a part."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html)).replace(" ，", "，")


# --- images ---


def test_images_and_money_by_day_in_shanghai(database: Database) -> None:
    """A picture made after Shanghai's midnight belongs to the new day; refused calls cost nothing."""
    late = datetime(2026, 11, 27, 16, 5, tzinfo=UTC)
    call = {"version_id": "v", "variant": 1, "orientation": "square", "requester": "ou"}
    with database.begin() as conn:
        for number, at in enumerate((late, START, late - HOUR)):
            conn.execute(
                art.variants.insert().values(
                    id=str(number), version_id="v", variant=1, template="t", faults=[], notes=[], done_at=at
                )
            )
        for number, state in enumerate(("stored", "unknown", "refused")):
            row = {"id": str(number), "state": state, "cost": D("0.25"), "sent_at": late, **call}
            conn.execute(art.calls.insert().values(**row))
    with database.read() as conn:
        found = made_by_day(conn, TODAY - DAY)
    assert found == [(TODAY - DAY, 1, D(0)), (TODAY, 2, D("0.50"))]


# --- chat and doctor ---


def message(sender: str) -> ChatMessage:
    """指挥舱, written to the bot."""
    return ChatMessage(MessageId("om"), ChatId("oc"), OpenId(sender), "指挥舱", group=False, at=START)


def test_the_command_gives_the_link_to_viewers_only(database: Database) -> None:
    """A card with one button and no figure; everybody else reads why not."""
    chat = Commands(Viewers(frozenset({"ou_me"})), ManualClock(START), "https://chorus.example.com/cockpit")
    with database.read() as conn:
        yes, no = chat.cockpit(conn, message("ou_me")), chat.cockpit(conn, message("ou_x"))
        unsure = Commands(Viewers(departments=(UNIT,)), ManualClock(START), "u").cockpit(
            conn, message("ou_x")
        )
    assert "https://chorus.example.com/cockpit" in str(yes.card)
    assert (no.card, unsure.card) == (None, None)
    assert "联系管理员" in no.text
    assert "名单还没有读到" in unsure.text


def test_doctor_names_what_is_missing(database: Database, sandbox: SandboxServer, tmp_path: Path) -> None:
    """Nobody named, a department never read, a list too old: each with the next step."""
    nobody = examine(House(database, sandbox, tmp_path).floor)
    assert "谁也打不开" in nobody[0].sentence
    assert "cockpit.viewers" in nobody[0].next_step
    house = House(database, sandbox, tmp_path, viewers=[UNIT], public_url="https://chorus.example.com")
    assert "还没有读到" in examine(house.floor)[1].sentence
    house.listed("ou_a", at=START - 3 * DAY)
    assert examine(house.floor)[1].level.value == "fail"
    house.listed("ou_a")
    assert [check.level.value for check in examine(house.floor)] == ["ok", "ok"]


def test_doctor_says_how_old_the_numbers_of_each_source_are(house: House) -> None:
    """Only of sources that were ever read: fresh, failing but fresh enough, too old."""
    house.pulled(SHOPS, shop_row())
    house.pulled(PLANS, plan_row("1"), at=START - HOUR)
    house.pulled(STOCK)
    house.failed(STOCK, "聚水潭 199 太频繁")
    found = {
        check.sentence.split("：")[0]: check for check in examine(house.floor) if check.name == "数据新鲜度"
    }
    assert {name: check.level.value for name, check in found.items()} == {
        "广告计划": "fail", "商品库存": "warn", "店铺成交": "ok",
    }  # fmt: skip
    assert "聚水潭 199 太频繁" in found["商品库存"].sentence
    assert "chorus serve" in found["广告计划"].next_step


def test_counts_of_stock_are_kept_for_the_day(house: House) -> None:
    """One row a shop, overwritten by the next pull."""
    house.stock(sku("1", shop="A"), sku("2", shop="A", qty=D(0)))
    house.stock(sku("1", shop="A"), sku("2", shop="A", qty=D(500)))
    with house.db.read() as conn:
        (found,) = store.stock_counts(conn, TODAY)
    assert (found.day, found.shop, found.skus, found.low, found.out) == (TODAY, "A", 2, 1, 0)
