"""The administrator is told each morning what was, and once of every work that was given up."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bot.care import CHECK, KEEP, TELL, Care, register_taps, register_worker
from bot.care_cards import RETRY, Counts, marker
from bot.inbox import Inbox
from bot.model import Event, Tap
from bot.router import Router
from bot.tables import inbox
from runtime import audit, tables
from runtime.clock import SHANGHAI, SystemClock
from runtime.db import Database, open_mirror
from runtime.engine import Engine
from runtime.errors import PermanentError
from runtime.feishu import Feishu
from runtime.floor import Floor
from runtime.ids import ChatId, EventId, MessageId, OpenId
from runtime.jobrun import JobRun
from runtime.manifest import BaseManifest, Manifest, RetentionManifest
from runtime.parked import list_parked
from runtime.schedule import Scheduler
from runtime.settings import load_settings
from runtime.upkeep import WHOLE, Chore, last
from runtime.work import Work, WorkQueue
from tests.runtime.test_audit import past_the_product
from tests.support.wait import until

pytestmark = [pytest.mark.db, pytest.mark.timeout(120)]
YESTERDAY = (datetime.now(UTC).astimezone(SHANGHAI) - timedelta(days=1)).date()


class House:
    """The worker's side of one installation, on a sandbox."""

    def __init__(self, sandbox: Any, database: Database, folder: Path) -> None:
        self.sandbox, self.db = sandbox, database
        self.admin = next(iter(sandbox.world.people.values()))
        settings = load_settings(
            feishu_app_id="cli_sandbox0000001", feishu_app_secret="sandbox-secret",
            feishu_encrypt_key="sandbox-encrypt-key", feishu_base_url=sandbox.url, database_url=database.url,
            mirror_url=f"sqlite:///{folder / 'mirror.db'}", var_dir=folder, admin_open_id=self.admin.open_id,
        )  # fmt: skip
        clock = SystemClock()
        manifest = Manifest(name="经营助手", base=BaseManifest(name="经营数据"))
        self.floor = Floor(
            settings, manifest, clock, database, open_mirror(settings.mirror_url), WorkQueue(database)
        )
        self.feishu = Feishu(settings, db=database, clock=clock)
        self.engine = Engine(database, instance="care-test", first_wait=0.02)
        self.counts: list[tuple[datetime, datetime]] = []
        self.care = Care(self.floor, self.feishu.im, self.count, gather=timedelta(seconds=1))
        self.scheduler = Scheduler(database, self.floor.queue, clock)
        register_worker(self.engine, self.scheduler, self.care)
        self.engine.register("fail", self.fail)

    def count(self, _conn: Any, since: datetime, until_: datetime) -> Counts:
        """What red lines did, for these tests."""
        self.counts.append((since, until_))
        return Counts(alerts=37, cards=52, tasks=9)

    @staticmethod
    def fail(_run: JobRun, _args: Mapping[str, Any]) -> None:
        """A work that cannot be done."""
        raise PermanentError("店铺平台拒绝了请求。")

    def put(self, *works: Work) -> None:
        """Put works."""
        with self.db.begin() as conn:
            self.floor.queue.put(conn, *works)

    def cards(self) -> list[str]:
        """The cards the administrator has, as text."""
        im = self.sandbox.world.im
        mine = [m for m in im.messages.values() if self.admin.open_id in im.chats[m.chat_id].members]
        return [json.dumps(m.content, ensure_ascii=False, default=str) for m in mine]

    def idle(self) -> None:
        """Wait until nothing waits or runs."""
        until(lambda: self.floor.queue.backlog() == 0, timeout=30, what="all work is done")

    def tap(self, work_id: str, operator: str) -> Any:
        """Somebody taps 再试一次."""
        router = Router()
        register_taps(router, self.floor)
        handler = router.tap_handler(RETRY)
        assert handler is not None
        tap = Tap(
            EventId(f"tap-{operator}"), OpenId(operator), RETRY, {"id": work_id}, {}, None, MessageId("om_1"),
            ChatId("oc_1"), "c-1", self.floor.clock.now(),
        )  # fmt: skip
        with self.db.begin() as conn:
            return handler(conn, tap)


@pytest.fixture
def house(sandbox: Any, database: Database, tmp_path: Path) -> Iterator[House]:
    """A worker that performs."""
    made = House(sandbox, database, tmp_path)
    made.engine.launch()
    yield made
    made.engine.close(drain=5)
    made.feishu.close()
    made.floor.mirror.close()


def morning(number: int = 1) -> Work:
    """The tick of this morning; another process may put it as well."""
    fire = datetime.now(UTC).isoformat()
    return Work(CHECK, f"tick:self_check@{number}", "tick:self_check", {"at": fire})


def happened(house: House, number: int, day: date, **values: Any) -> None:
    """An event of a day."""
    at = datetime(day.year, day.month, day.day, 23, 30, tzinfo=SHANGHAI)
    event = Event(EventId(f"ev{day}-{number}"), "im.message.receive_v1", at, {}, 2)
    with house.db.begin() as conn:
        Inbox(house.db).store(conn, event, at)
        if values:
            conn.execute(inbox.update().where(inbox.c.event_id == event.id).values(handled_at=at, **values))


def test_the_morning_card_says_what_yesterday_was_and_comes_once(house: House) -> None:
    """Events of yesterday in Shanghai only, what failed and waits, and the head of the audit chain."""
    for number in range(3):
        happened(house, number, YESTERDAY)
    happened(house, 9, YESTERDAY - timedelta(days=1))
    happened(house, 5, YESTERDAY, state="failed", error="the handler could not read it")
    with house.db.begin() as conn:
        audit.record(conn, at=house.floor.clock.now(), actor="x", action="a", subject="s", reason="r")
    head = str(audit.verify(house.db).head)
    house.put(morning(1))
    house.idle()
    house.put(morning(2))  # the second of two workers, or a restart
    house.idle()
    (card,) = house.cards()
    assert "昨日：4 个事件，37 条预警，1 个失败" in card
    assert "Yesterday: 4 events, 37 alerts, 1 failed" in card
    assert "1 个任务或事件搁置" in card
    assert marker(YESTERDAY) in card
    assert head in card
    (span,) = set(house.counts)
    assert span == (
        datetime(YESTERDAY.year, YESTERDAY.month, YESTERDAY.day, tzinfo=SHANGHAI),
        datetime(YESTERDAY.year, YESTERDAY.month, YESTERDAY.day, tzinfo=SHANGHAI) + timedelta(days=1),
    )


def test_an_answer_that_was_lost_sends_no_second_card(house: House) -> None:
    """The send is done and its answer dropped; the repeat goes under the same uuid."""
    send = {"method": "POST", "path": "/open-apis/im/v1/messages"}
    house.sandbox.world.control.faults.order({"match": send, "kind": "drop_after"})
    house.put(morning())
    house.idle()
    assert len(house.cards()) == 1
    with house.db.read() as conn:
        rows = conn.execute(sa.select(tables.audit).where(tables.audit.c.action == CHECK)).all()
    assert [row.subject for row in rows] == [f"day:{YESTERDAY}"]


def test_works_given_up_are_told_together_and_each_once(house: House) -> None:
    """Three at once are one card with the sentence and the command; the next one gets a card of its own."""
    house.put(*(Work("fail", f"fail:{n}", f"l:{n}", {}) for n in range(3)))
    until(house.cards, timeout=30, what="the card")
    house.idle()
    first = "".join(house.cards())
    assert all(first.count(f"chorus replay fail:{n}") == 1 for n in range(3))
    assert "店铺平台拒绝了请求" in first
    before = len(house.cards())
    house.put(Work("fail", "fail:9", "l", {}))
    until(lambda: len(house.cards()) > before, timeout=30, what="the next card")
    house.idle()
    everything = "".join(house.cards())
    assert all(everything.count(f"chorus replay fail:{n}") == 1 for n in (0, 1, 2, 9))


def test_the_administrator_tries_again_from_the_card(house: House) -> None:
    """The work is put anew and the card shows it; who is not the administrator changes nothing."""
    house.put(Work("fail", "fail:1", "l", {}))
    until(house.cards, timeout=30, what="the card")
    house.idle()
    house.engine.close(drain=5)
    refused = house.tap("fail:1", "ou_somebody")
    assert "只有管理员" in refused.toast.zh
    assert [row.id for row in list_parked(house.db)] == ["fail:1"]
    done = house.tap("fail:1", house.admin.open_id)
    assert done.toast.zh == "已重新排队"
    assert "Queued again" in json.dumps(done.card)
    assert list_parked(house.db) == []
    assert house.floor.queue.backlog() == 1
    again = house.tap("fail:1", house.admin.open_id)
    assert "不在等待" in again.toast.zh
    assert house.floor.queue.backlog() == 1


def test_what_is_past_its_keeping_time_goes_and_the_rest_stays(house: House) -> None:
    """Handled events of a month ago, audit rows of four years ago; the trail stays whole."""
    old = YESTERDAY - timedelta(days=30)
    happened(house, 1, old, state="handled")
    happened(house, 2, old, state="failed", error="x")
    happened(house, 3, YESTERDAY, state="handled")
    for at in (house.floor.clock.now() - timedelta(days=4 * 365), house.floor.clock.now()):
        with house.db.begin() as conn:
            audit.record(conn, at=at, actor="x", action="a", subject=f"{at:%Y}", reason="r")
    house.put(Work(KEEP, "tick:retention@1", "tick:retention", {}))
    house.idle()
    with house.db.read() as conn:
        left = set(conn.execute(sa.select(inbox.c.event_id)).scalars())
        subjects = list(conn.execute(sa.select(tables.audit.c.subject).order_by(tables.audit.c.id)).scalars())
    assert left == {f"ev{old}-2", f"ev{YESTERDAY}-3"}
    year = f"{house.floor.clock.now():%Y}"
    assert subjects == [year, "audit:1", Chore.KEEPING, Chore.CHAIN]
    assert audit.verify(house.db).fault is None
    with house.db.read() as conn:
        kept, chain = last(conn, Chore.KEEPING), last(conn, Chore.CHAIN)
    assert kept is not None
    assert chain is not None
    assert kept.detail == {"audit": 1, "inbox": 1}
    assert (chain.reason, chain.detail["entries"]) == (WHOLE, 2)


def test_a_trail_somebody_wrote_in_is_told_the_next_morning(house: House) -> None:
    """The night's look finds it; the card says what to run, and that there was no backup either."""
    with house.db.begin() as conn:
        audit.record(conn, at=house.floor.clock.now(), actor="x", action="a", subject="s", reason="r")
    past_the_product(house.db, "DELETE FROM audit_chain")
    house.put(Work(KEEP, "tick:retention@1", "tick:retention", {}))
    house.idle()
    house.put(morning())
    house.idle()
    (card,) = house.cards()
    assert "审计链核对不通过，运行 chorus audit verify" in card
    assert "很久没有备份，运行 chorus backup" in card


def test_a_card_that_cannot_be_sent_tells_of_nothing_else(house: House) -> None:
    """The telling itself may be parked; it must not call for another telling."""
    send = {"method": "POST", "path": "/open-apis/im/v1/messages"}
    house.sandbox.world.control.faults.order({"match": send, "code": 230002, "times": 50})
    house.put(Work("fail", "fail:1", "l", {}))
    until(lambda: len(list_parked(house.db)) == 2, timeout=30, what="the telling is parked as well")
    house.idle()
    assert sorted(row.job for row in list_parked(house.db)) == [TELL, "fail"]


def test_less_than_the_law_asks_for_is_refused() -> None:
    """Payslips for two years at least, the trail as long as they."""
    with pytest.raises(ValueError, match="greater than or equal to 24"):
        RetentionManifest(payslip_months=23)
    with pytest.raises(ValueError, match="audit_months must not be less"):
        RetentionManifest(payslip_months=48, audit_months=36)
