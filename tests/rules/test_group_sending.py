"""A summary is sent once and stays true: deaths in the middle, recalled cards, ends, quiet hours."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from rules import groups, tables
from rules.group_sending import GroupSending
from rules.groups import Group
from runtime.clock import SystemClock
from runtime.db import Database
from runtime.ids import WorkId
from runtime.jobrun import JobRun, Slots
from tests.rules.kit import texts
from tests.rules.stage import STOCK_ROW, Scene, open_scene

pytestmark = pytest.mark.db


class Summaries:
    """One buyer, ten SKUs, and the jobs run by hand."""

    def __init__(self, scene: Scene) -> None:
        self.scene, self.jobs, self.buyer = scene, GroupSending(scene.worker), scene.people[2]
        scene.pull_now("stock")
        scene.own(self.buyer)
        scene.add("rules", STOCK_ROW)

    def make(self, numbers: range, *, low: bool) -> None:
        """So many SKUs are low, or well again."""
        for number, sku in enumerate(self.scene.sandbox.world.erp.skus.values()):
            if number in numbers:
                sku.qty = 0 if low else sku.least * 5
                self.scene.sandbox.world.erp.touch(sku)
        self.scene.pull_now("stock")

    def group(self) -> Group:
        """The group as it is."""
        with self.scene.floor.db.read() as conn:
            found = groups.load_group(conn, self.scene.stored(tables.alert_groups)[0].id)
        assert found is not None
        return found

    def run(self, job: str, *, resumed: bool = False, group: str = "") -> None:
        """One life of a job."""
        life = JobRun(
            WorkId(f"{job}:test"), record=lambda _name, fn: fn(), slots=Slots(1), clock=SystemClock(),
            resumed=resumed, first_wait=0.05,
        )  # fmt: skip
        {"send": self.jobs.send, "refresh": self.jobs.refresh}[job](
            life, {"digest_id": group or self.group().id}
        )

    def cards(self) -> list[str]:
        """What the buyer's cards say."""
        return [texts(card["content"]) for card in self.scene.cards(self.buyer)]

    def states(self) -> set[str]:
        """What became of the notices."""
        return {notice.state for notice in self.scene.stored(tables.alert_notices)}

    def recall(self) -> None:
        """The buyer's administrator recalls the summary."""
        self.scene.sandbox.world.im.messages[self.group().message_id].deleted = True


@pytest.fixture
def shop(sandbox: Any, database: Database, tmp_path: Path) -> Iterator[Summaries]:
    """Eight SKUs fell at once; nothing is sent yet."""
    scene = open_scene(sandbox, database, tmp_path, launch=False)
    built = Summaries(scene)
    built.make(range(8), low=True)
    yield built
    scene.feishu.close()
    scene.floor.mirror.close()


def test_a_summary_that_was_on_its_way_comes_once(shop: Summaries) -> None:
    """The worker died after the send and before its note: no second card, and what it shows is made new."""
    shop.jobs._send(shop.group())
    shop.run("send", resumed=True)
    assert (len(shop.cards()), shop.group().shown, shop.states()) == (1, "", {"queued"})
    shop.run("refresh")
    assert (len(shop.cards()), shop.states()) == (1, {"sent"})
    shop.run("send")
    assert len(shop.cards()) == 1


def test_what_is_over_before_it_was_told_is_not_told(shop: Summaries) -> None:
    """All well again before the send: nothing comes, and the group takes in nothing more."""
    shop.make(range(8), low=False)
    shop.run("send")
    assert (shop.cards(), shop.states()) == ([], {"skipped"})
    assert shop.group().over_at is not None


def test_a_summary_that_was_out_when_all_ended_says_so(shop: Summaries) -> None:
    """Sent, not noted, and over meanwhile: the one card turns green and the end is told."""
    shop.jobs._send(shop.group())
    shop.make(range(8), low=False)
    shop.run("send", resumed=True)
    shop.run("refresh")
    assert sum("都已结束" in words for words in shop.cards()) == 1
    assert sum("都恢复了" in words for words in shop.cards()) == 1
    assert len(shop.cards()) == 2


def test_news_grows_the_card_and_sends_no_other(shop: Summaries) -> None:
    """Two more within the window: the same message, ten objects; drawn again only when something changed."""
    shop.run("send")
    shop.make(range(8, 10), low=True)
    shop.run("refresh")
    assert ["10 个对象越过红线" in words for words in shop.cards()] == [True]
    assert shop.states() == {"sent"}
    patched = len([call for call in shop.scene.calls("/im/v1/messages/") if call["method"] == "PATCH"])
    shop.run("refresh")
    again = len([call for call in shop.scene.calls("/im/v1/messages/") if call["method"] == "PATCH"])
    assert (patched, again) == (1, 1)


def test_a_recalled_summary_is_sent_anew_if_it_holds_news(shop: Summaries) -> None:
    """Something joined that no message shows: a new message, everything in it."""
    shop.run("send")
    shop.recall()
    shop.make(range(8, 10), low=True)
    shop.run("refresh")
    assert (shop.group().message_id, shop.group().sends, "queued" in shop.states()) == (None, 1, True)
    shop.run("send")
    assert "10 个对象越过红线" in shop.cards()[-1]
    assert shop.states() == {"sent"}


def test_a_recalled_summary_without_news_is_let_go(shop: Summaries) -> None:
    """Somebody did not want it any more: it is not sent again."""
    shop.run("send")
    before = len(shop.cards())
    shop.recall()
    shop.make(range(3), low=False)
    shop.run("refresh")
    assert shop.group().over_at is not None
    assert len(shop.cards()) <= before


def test_the_end_is_told_once_however_often_the_worker_dies(shop: Summaries) -> None:
    """The end was said, the note was lost: the next life says nothing more."""
    shop.run("send")
    shop.make(range(8), low=False)
    shop.jobs._say_over(shop.group(), 8)
    shop.run("refresh", resumed=True)
    shop.run("refresh")
    assert len(shop.cards()) == 2
    assert shop.group().over_at is not None


def test_what_was_silenced_before_its_summary_went_out_is_told_when_that_ends(shop: Summaries) -> None:
    """Three of eight are silenced between decision and send: the summary holds five, the others wait."""
    calm = [alert.object_id for alert in shop.scene.stored(tables.alerts)[:3]]
    until = datetime.now(UTC) + timedelta(hours=1)
    (record,) = shop.scene.add(
        "silences", {"原因": "盘点", "对象": "、".join(calm), "结束": int(until.timestamp()) * 1000}
    )
    shop.run("send")
    assert ["5 个对象越过红线" in words for words in shop.cards()] == [True]
    assert shop.states() == {"sent", "held"}
    shop.scene.edit("silences", record, 结束=int(datetime.now(UTC).timestamp() - 60) * 1000)
    shop.scene.worker.checker.scan("stock")
    shop.run("refresh")
    assert ["8 个对象越过红线" in words for words in shop.cards()] == [True]
    assert shop.states() == {"sent"}


def test_a_summary_whose_all_was_silenced_is_not_sent_and_comes_back(shop: Summaries) -> None:
    """Nothing is left of it: no card; when the silence ends the same news is told in a new summary."""
    until = datetime.now(UTC) + timedelta(hours=1)
    (record,) = shop.scene.add("silences", {"原因": "盘点", "结束": int(until.timestamp()) * 1000})
    shop.run("send")
    assert (shop.cards(), shop.states()) == ([], {"held"})
    assert shop.group().over_at is not None
    shop.scene.edit("silences", record, 结束=int(datetime.now(UTC).timestamp() - 60) * 1000)
    shop.scene.worker.checker.scan("stock")
    assert shop.states() == {"queued"}
    [old, new] = sorted(shop.scene.stored(tables.alert_groups), key=lambda each: each.opened_at)
    shop.run("send", group=new.id)
    assert (old.message_id, ["8 个对象越过红线" in words for words in shop.cards()]) == (None, [True])


def test_at_night_the_green_card_is_enough(shop: Summaries) -> None:
    """No message wakes somebody for good news."""
    shop.scene.add("duty", {"说明": "安静", "用途": "免打扰", "从几点": 0, "到几点": 24})
    shop.run("send")
    shop.make(range(8), low=False)
    shop.run("refresh")
    assert ["都已结束" in words for words in shop.cards()] == [True]
    assert shop.group().over_at is not None
