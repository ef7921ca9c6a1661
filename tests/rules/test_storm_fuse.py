"""The storm fuse says so to everybody concerned: in a summary each, and on the cards that were out before."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, cast

import pytest
from sqlalchemy.engine import Connection

from bitable_sync.cells import Person
from bitable_sync.platforms.gateways import Gateways
from rules import tables, told
from rules.deps import Worker
from rules.group_sending import GroupSending
from rules.grouping import Way, way
from rules.sending import FORM_PATIENCE, Sending
from rules.specs import PLANS
from runtime.db import Database
from runtime.work import Work
from tests.rules.desk import Desk, Post, work_off
from tests.rules.kit import ROI_RULE, House, plan, texts

OWNERS = [Person(f"ou_{number}", f"运营{number}") for number in range(8)]
DOUBT = "先核对数据"


class Noted(Desk):
    """Works that were put are remembered."""

    def __init__(self, db: Database) -> None:
        super().__init__(db)
        self.seen: list[Work] = []

    def put(self, conn: Connection, *works: Work) -> None:
        """Take work once."""
        self.seen += works
        super().put(conn, *works)


@dataclass
class Office:
    """A house whose worker and messenger the test moves."""

    house: House
    desk: Noted
    post: Post
    begun: set[str] = field(default_factory=set)

    def fall(self, numbers: range, gmv: int = 2000) -> None:
        """A report comes in: these plans have so much gmv for 1,000 of spend."""
        rows = {f"rec_{n}": plan(f"{n}", gmv=Decimal(gmv), owner=(OWNERS[n % len(OWNERS)],)) for n in numbers}
        self.house.put(PLANS, rows)
        self.house.checker.scan()

    def work(self) -> None:
        """The worker does what waits."""
        house = self.house
        deps = Worker(
            house.db, self.desk, house.clock, cast("Any", None), cast("Any", self.post), Gateways(),
            house.sources, house.policy, house.checker, house.reviewer, cast("Any", None),
        )  # fmt: skip
        alone, together = Sending(deps), GroupSending(deps)
        jobs = {
            "rules.notify": alone.notify, "rules.refresh": alone.refresh,
            "rules.notify_digest": together.send, "rules.refresh_digest": together.refresh,
        }  # fmt: skip
        assert work_off(self.desk, jobs, house.clock, self.begun)

    def cards(self, receiver: str = "") -> list[str]:
        """The texts of the messages as they stand, of one person if given."""
        return [texts(one.card) for one in self.post.messages if receiver in ("", one.receiver)]


@pytest.fixture
def office(house: House) -> Office:
    """A rule on ROI; sixty plans of eight owners, all well."""
    desk = Noted(house.db)
    house.queue = house.checker.queue = house.actions.queue = desk
    house.write_rule(ROI_RULE)
    built = Office(house, desk, Post(house.clock))
    built.fall(range(60), gmv=9000)
    return built


@pytest.mark.parametrize(
    ("new", "window_open", "expected"),
    [(1, False, Way.OPENS_STORM), (9, False, Way.OPENS_STORM), (1, True, Way.JOINS), (0, False, Way.SINGLE)],
)
def test_in_a_storm_one_alert_opens_a_summary(new: int, *, window_open: bool, expected: Way) -> None:
    """A summary that is open takes it in as ever; where there is nothing to tell, nothing begins."""
    assert way(new, 0, late=0, window_open=window_open, storm=True) is expected


@pytest.mark.db
def test_a_bad_report_is_one_card_a_person_that_says_so(office: Office) -> None:
    """Forty plans of eight owners fall at once, five each: eight cards, and each doubts the data."""
    office.fall(range(40))
    office.work()
    assert sorted(one.receiver for one in office.post.messages) == sorted(who.open_id for who in OWNERS)
    for who in OWNERS:
        (said,) = office.cards(who.open_id)
        assert "5 个对象越过红线" in said
        assert "60 个对象里有 40 个越线" in said
        assert DOUBT in said


@pytest.mark.db
def test_cards_that_were_out_before_say_so_too(office: Office) -> None:
    """The fuse trips with the thirtieth: who was told before hears it on the cards, until it ends."""
    office.fall(range(24))
    office.work()
    assert len(office.post.messages) == 24
    assert not any(DOUBT in said for said in office.cards())
    office.fall(range(24, 40))
    office.work()
    single = [said for said in office.cards() if "对象越过红线" not in said]
    assert len(single) == 24
    assert all(DOUBT in said for said in office.cards())
    assert len(office.post.messages) == 24 + len(OWNERS)
    office.fall(range(20), gmv=9000)
    office.work()
    assert office.house.rows(tables.alerts, state="firing")
    assert not any(DOUBT in said for said in office.cards())


@pytest.mark.db
def test_a_card_that_is_on_its_way_says_so_when_it_has_come(office: Office) -> None:
    """Decided before the fuse tripped, begun and killed, sent after: no card stays without the sentence."""
    office.fall(range(16))
    office.fall(range(16, 40))
    office.work()
    assert all(DOUBT in said for said in office.cards())
    assert {notice.state for notice in office.house.notices()} == {"sent"}


@pytest.mark.db
def test_a_form_somebody_types_in_is_drawn_over_later(office: Office) -> None:
    """The sentence comes when the form was left alone for long enough, though the version is the same."""
    office.fall(range(24))
    office.work()
    message = office.post.messages[0]
    copy = office.house.rows(tables.alert_cards, message_id=message.id)[0]
    with office.house.db.begin() as conn:
        told.opened(conn, message.id, "adjust", office.house.clock.now(), turn=copy.shown_turn)
    office.fall(range(24, 40))
    own = [w for w in office.desk.waiting_works if w.args.get("alert_id") == copy.alert_id]
    (storm,) = [w for w in own if w.args.get("anew")]
    office.desk.waiting_works = [storm]
    office.work()
    assert DOUBT not in texts(message.card)
    office.house.advance(FORM_PATIENCE)
    later = next(work for work in office.desk.seen if ":form:" in work.id)
    assert later.delay == FORM_PATIENCE
    office.desk.waiting_works = [later]
    office.work()
    assert DOUBT in texts(message.card)
